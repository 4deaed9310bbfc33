"""The write half of the Hugging Face Hub's API, over git repositories: what a client of the
Hub sends (repositories, uploads, commits, branches, tags, new names) becomes commits, with LFS
pointers for what .gitattributes says, laid out as Olah serves them: ORG/NAME/.git below a
directory.  The clients and git are real; this is ours.

    writer = HubWriter("/models", "http://127.0.0.1:8080")
    writer.answers(ask)      # an Ask of tests/net/lab.py; False: not for the write half

Whoever calls has looked at the token, except of PUT /upload/…: that address is a secret itself,
as those of the Hub's store are."""
import base64, hashlib, json, os, re, secrets, subprocess, threading
from urllib.parse import unquote

from git_lab import git

ATTRIBUTES = "".join("*%s filter=lfs diff=lfs merge=lfs -text\n" % end
                     for end in (".safetensors", ".bin", ".pt", ".pkl", ".onnx", ".gguf", ".h5"))
ID = r"([\w.-]+/[\w.-]+)"
MODEL = "/api/models/" + ID
ROUTES = []


class Refused(Exception):
    def __init__(self, status, message, code=""):
        self.status, self.message, self.code = status, message, code


def route(method, pattern):
    def keep(function):
        ROUTES.append((method, re.compile(pattern), function))
        return function
    return keep


class HubWriter:
    def __init__(self, directory, url):
        self.directory, self.url = directory, url
        self.lock = threading.Lock()  # a repository has one index
        self.moved = {}               # former name → name
        self.tickets = {}             # of PUT /upload/…: name of the repository, sha256, size
        self.asked = set()            # the names of functions that answered

    def answers(self, a):
        path = a.path.partition("?")[0]
        for old, new in self.moved.items():
            if re.match(r"(/api/models)?/%s(/|\.git/|$)" % re.escape(old), path):
                a.redirect(a.path.replace(old, new, 1), 307)
                return True
        for method, pattern, function in ROUTES:
            found = pattern.fullmatch(path)
            if method == a.method and found:
                self.answer(a, function, map(unquote, found.groups()))
                return True
        return False

    def answer(self, a, function, groups):
        self.asked.add(function.__name__)
        try:
            with self.lock:
                answer = function(self, a, *groups)
            a.reply(200, json.dumps(answer).encode(), Content_Type="application/json")
        except Refused as r:
            a.reply(r.status, json.dumps({"error": r.message}).encode(), Content_Type="application/json", X_Error_Code=r.code)

    # ---- repositories ----

    def home(self, name):
        home = os.path.join(self.directory, name)
        if not os.path.isdir(home):
            raise Refused(404, "Repository not found", "RepoNotFound")
        return home

    def object(self, name, sha256):
        return os.path.join(self.home(name), ".git", "lfs", "objects", sha256[:2], sha256[2:4], sha256)

    def commit_of(self, name, revision):
        try:
            return git(self.home(name), "rev-parse", "--verify", "-q", "--end-of-options", revision + "^{commit}")
        except subprocess.CalledProcessError:
            raise Refused(404, "Invalid rev id: " + revision, "RevisionNotFound")

    def has_ref(self, name, ref):
        return ref in git(self.home(name), "for-each-ref", "--format=%(refname)").split()

    def stage(self, name, path, data):
        blob = git(self.home(name), "hash-object", "-w", "--stdin", input=data)
        git(self.home(name), "update-index", "--add", "--cacheinfo", "100644,%s,%s" % (blob, path))

    def unstage(self, name, path):
        try:
            git(self.home(name), "rm", "-q", "-r", "--cached", "--", ":(literal)" + path)
        except subprocess.CalledProcessError:
            raise Refused(404, "A file with this name doesn't exist: " + path, "EntryNotFound")

    def commit(self, name, branch, message, *parents):
        """The index, as the next commit of a branch."""
        words = [w for p in parents for w in ("-p", p)]
        made = git(self.home(name), "commit-tree", git(self.home(name), "write-tree"), *words, "-m", message)
        git(self.home(name), "update-ref", "refs/heads/" + branch, made, *parents)
        return made

    # ---- the API ----

    @route("GET", "/api/whoami-v2")
    def whoami(self, a):
        return {"type": "user", "id": "1", "name": "acme", "fullname": "Acme", "orgs": [],
                "auth": {"type": "access_token", "accessToken": {"displayName": "interop", "role": "write"}}}

    @route("POST", "/api/validate-yaml")
    def validate_card(self, a):
        return {"errors": [], "warnings": []}

    @route("POST", "/api/repos/create")
    def create_repository(self, a):
        asked = json.loads(a.body)
        name = "%s/%s" % (asked.get("organization") or "acme", asked["name"])
        home = os.path.join(self.directory, name)
        if os.path.exists(home):
            raise Refused(409, "You already created this model repo")
        os.makedirs(home)
        git(home, "init", "-q", "-b", "main")
        self.stage(name, ".gitattributes", ATTRIBUTES.encode())
        self.commit(name, "main", "initial commit")
        return {"name": name, "id": name, "url": "%s/%s" % (self.url, name)}

    @route("POST", "/api/repos/move")
    def move_repository(self, a):
        asked = json.loads(a.body)
        old, new = asked["fromRepo"], asked["toRepo"]
        os.makedirs(os.path.dirname(os.path.join(self.directory, new)), exist_ok=True)
        os.rename(self.home(old), os.path.join(self.directory, new))
        self.moved[old] = new
        return {}

    @route("POST", MODEL + "/preupload/([^/]+)")
    def choose_upload_modes(self, a, name, revision):
        git(self.home(name), "read-tree", self.commit_of(name, revision))
        files = []
        for f in json.loads(a.body)["files"]:
            says = git(self.home(name), "check-attr", "--cached", "filter", "--", f["path"])
            files.append({"path": f["path"], "uploadMode": "lfs" if says.endswith(": lfs") else "regular", "shouldIgnore": False})
        return {"files": files}

    @route("POST", "/" + ID + r"\.git/info/lfs/objects/batch")
    def list_uploads(self, a, name):
        asked, rows = json.loads(a.body), []
        if asked["operation"] != "upload" or "basic" not in asked.get("transfers", ["basic"]):
            raise Refused(422, "only basic uploads")
        for o in asked["objects"]:
            row = {"oid": o["oid"], "size": o["size"]}
            if not os.path.exists(self.object(name, o["oid"])):
                ticket = secrets.token_hex(16)
                self.tickets[ticket] = name, o["oid"], o["size"]
                row["actions"] = {"upload": {"href": "%s/upload/%s" % (self.url, ticket)},
                                  "verify": {"href": "%s/%s.git/info/lfs/verify" % (self.url, name)}}
            rows.append(row)
        return {"transfer": "basic", "objects": rows}

    @route("PUT", "/upload/([0-9a-f]+)")
    def upload(self, a, ticket):
        name, sha256, size = self.tickets.pop(ticket, (None, None, None))
        if not name or hashlib.sha256(a.body).hexdigest() != sha256 or len(a.body) != size:
            raise Refused(400, "not the object that was announced")
        os.makedirs(os.path.dirname(self.object(name, sha256)), exist_ok=True)
        with open(self.object(name, sha256), "wb") as f:
            f.write(a.body)
        return {}

    @route("POST", "/" + ID + r"\.git/info/lfs/verify")
    def verify_upload(self, a, name):
        self.pointer(name, json.loads(a.body))
        return {}

    def pointer(self, name, o):
        path = self.object(name, o["oid"])
        if not os.path.exists(path) or o.get("size", os.path.getsize(path)) != os.path.getsize(path):
            raise Refused(404, "no such object: " + o["oid"])
        return b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (o["oid"].encode(), os.path.getsize(path))

    @route("POST", MODEL + "/commit/([^/]+)")
    def commit_operations(self, a, name, branch):
        lines = [json.loads(line) for line in a.body.splitlines() if line]
        head = lines[0]["value"]
        if lines[0]["key"] != "header" or "create_pr=1" in a.path or not self.has_ref(name, "refs/heads/" + branch):
            raise Refused(400, "not a commit of a branch")
        parent = self.commit_of(name, branch)
        if head.get("parentCommit", parent) != parent:
            raise Refused(412, "A commit has happened since. Please refresh and try again.")
        git(self.home(name), "read-tree", parent)
        for line in lines[1:]:
            self.apply(name, line["key"], line["value"])
        made = self.commit(name, branch, head["summary"], parent)
        return {"success": True, "commitOid": made, "commitUrl": "%s/%s/commit/%s" % (self.url, name, made), "hookOutput": ""}

    def apply(self, name, kind, value):
        if kind == "file":
            data = value["content"].encode() if value.get("encoding") == "utf-8" else base64.b64decode(value["content"])
            self.stage(name, value["path"], data)
        elif kind == "lfsFile":
            self.stage(name, value["path"], self.pointer(name, value))
        elif kind in ("deletedFile", "deletedFolder", "deletedEntry"):
            self.unstage(name, value["path"].rstrip("/"))
        else:
            raise Refused(400, "no such operation: " + kind)

    @route("POST", MODEL + "/(branch|tag)/([^/]+)")
    def create_ref(self, a, name, kind, what):
        """Of a branch, the address has its name; of a tag, where it is to be."""
        asked = json.loads(a.body or b"{}")
        branch = "refs/heads/" + what, asked.get("startingPoint", "main")
        ref, target = branch if kind == "branch" else ("refs/tags/" + asked["tag"], what)
        if self.has_ref(name, ref):
            raise Refused(409, "Reference already exists")
        git(self.home(name), "update-ref", ref, self.commit_of(name, target))
        return {}

    @route("DELETE", MODEL + "/(branch|tag)/([^/]+)")
    def delete_ref(self, a, name, kind, what):
        ref = ("refs/heads/" if kind == "branch" else "refs/tags/") + what
        if not self.has_ref(name, ref) or ref == "refs/heads/main":
            raise Refused(404, "Reference not found", "RevisionNotFound")
        git(self.home(name), "update-ref", "-d", ref)
        return {}
