"""Git repositories behind the lab: made by git, served by git http-backend; Git LFS and DVC
remotes as tables of bytes."""
import hashlib, json, os, subprocess

from lab import Lab

AUTHOR = {"GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@lab.test", "GIT_COMMITTER_NAME": "Ann",
          "GIT_COMMITTER_EMAIL": "ann@lab.test", "GIT_AUTHOR_DATE": "1700000000 +0100", "GIT_COMMITTER_DATE": "1700000000 +0100",
          "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
BACKEND = os.path.join(subprocess.run(["git", "--exec-path"], capture_output=True).stdout.decode().strip(), "git-http-backend")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def md5(data):
    return hashlib.md5(data).hexdigest()


def git(directory, *words, **more):
    env = dict(os.environ, HOME=directory, **AUTHOR)
    return subprocess.run(["git", "-c", "init.defaultBranch=main", *words], cwd=directory, env=env, check=True,
                          capture_output=True, **more).stdout.decode().strip()


def pointer(data):
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (sha256(data).encode(), len(data))


class Repositories:
    """Bare repositories below a directory, made by git and served by git http-backend."""

    def __init__(self, directory):
        self.top, self.root = directory, os.path.join(directory, "repositories")
        os.makedirs(self.root)

    def work(self, name):
        return os.path.join(self.top, "work-" + name.replace("/", "-"))

    def repository(self, name, files, links=(), message="a commit"):
        """A bare repository with one commit (more: call again); its commit."""
        work, bare = self.work(name), os.path.join(self.root, name)
        if not os.path.exists(work):
            os.makedirs(work)
            git(work, "init", "-q", "--bare", bare)
            git(work, "clone", "-q", bare, ".")
            git(bare, "config", "uploadpack.allowFilter", "true")
        for path, data in files.items():
            os.makedirs(os.path.dirname(os.path.join(work, path)) or ".", exist_ok=True)
            with open(os.path.join(work, path), "wb") as f:
                f.write(data)
        for path, target in links:
            os.symlink(target, os.path.join(work, path))
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", message)
        git(work, "push", "-q", "origin", "HEAD:main")
        return git(work, "rev-parse", "HEAD")

    def tag(self, name, tag, annotated=False):
        work = self.work(name)
        git(work, "tag", *(["-a", "-m", "x"] if annotated else []), tag)
        git(work, "push", "-q", "origin", tag)

    def backend(self, a, path, query):
        env = {"GIT_PROJECT_ROOT": self.root, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query,
               "REQUEST_METHOD": a.method, "CONTENT_TYPE": a.headers.get("content-type", ""),
               "GIT_PROTOCOL": a.headers.get("git-protocol", ""), "CONTENT_LENGTH": str(len(a.body)),
               "PATH": os.environ["PATH"], "HOME": self.root}
        out = subprocess.run([BACKEND], input=a.body, capture_output=True, env=env).stdout
        head, _, body = out.partition(b"\r\n\r\n")
        status = 200
        for line in head.decode("latin-1").split("\r\n"):
            if line.lower().startswith("status:"):
                status = int(line.split()[1])
        a.reply(status, body)


class GitLab(Lab):
    """https://hub.test/git/NAME: repositories below `root`; /remote/…: `remote`; LFS objects: `lfs`."""

    def __init__(self, *hosts):
        super().__init__(*hosts)
        self.git = Repositories(self.directory)
        self.root, self.repository, self.tag = self.git.root, self.git.repository, self.git.tag
        self.remote, self.lfs, self.hook = {}, {}, None
        self.routes["*"] = self.play

    def keep(self, data, prefix="/remote/files/md5/", end=""):
        """An object of a DVC remote; its MD5."""
        name = md5(data)
        self.remote["%s%s/%s%s" % (prefix, name[:2], name[2:], end)] = data
        return name

    # --- answering ---

    def play(self, a):
        path, _, query = a.path.partition("?")
        if self.hook and self.hook(a):
            return
        if path in self.remote:
            return a.serve(self.remote[path])
        if path.endswith("/info/lfs/objects/batch"):
            return self.batch(a)
        if path.startswith("/lfs/") and path[5:] in self.lfs:
            return a.serve(self.lfs[path[5:]])
        if path.startswith("/git/"):
            return self.git.backend(a, path[4:], query)
        a.reply(404, b"no such thing")

    def batch(self, a):
        wanted = json.loads(a.body)["objects"]
        rows = [{"oid": o["oid"], "size": o["size"], "actions": {"download": {
            "href": "https://cdn.test/lfs/" + o["oid"], "header": {"Authorization": "Bearer lfs", "Cookie": "x"}}}}
            if o["oid"] in self.lfs else {"oid": o["oid"], "error": {"code": 404, "message": "none"}} for o in wanted]
        a.reply(200, json.dumps({"transfer": "basic", "objects": rows}).encode())
