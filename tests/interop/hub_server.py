#!/usr/bin/python3
"""Olah of PyPI, a server that speaks the Hugging Face Hub's API over git repositories with
LFS, and the Hub's own clients, `huggingface_hub` of PyPI and `@huggingface/hub` of npm: what
they write and what they read must be what Assay reads.  Some repositories are written by git
and git-lfs instead.  Skipped when Olah cannot be installed.

Olah only reads; the Go server that clients can write to (hfd) is not to be had from the module
proxy.  So a proxy of ours stands before Olah: it takes writes (lib/hub_writer.py), wants a
token, and alters files on demand.  Clients write by LFS: HF_HUB_DISABLE_XET, for no server that
can be had speaks Xet's protocol of content-defined chunks."""
import hashlib, json, os, sys, textwrap, urllib.error

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from peers import *
from git_lab import pointer
from hub_writer import HubWriter

CARD = b"---\nlicense: mit\nbase_model: acme/base\n---\n# Tiny\n"
HONEST = {"README.md": CARD, "config.json": b'{"model_type": "linear"}\n', "sub dir/model.safetensors": TENSORS}
EVIL = dict(HONEST, **{"pytorch_model.bin": PICKLE})
TOKEN = "hf_interop"
ZEROS = b'{"zeros":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (6 << 20, 6 << 20)
LARGE = len(ZEROS).to_bytes(8, "little") + ZEROS + bytes(6 << 20)


class Hub:
    """Started once, by the first test that asks for it."""
    url, fault = None, None

    @classmethod
    def start(cls):
        if cls.url:
            return cls
        tool("git-lfs")
        cls.python = python_with("olah", "huggingface_hub", venv="hub")
        cls.commits = {name: cls.repository(name, files) for name, files in (("tiny", HONEST), ("evil", EVIL))}
        port = free_port()
        write(lab.path("olah.toml"), ('[basic]\nhost = "127.0.0.1"\nport = %d\nrepos-path = "%s"\nhf-scheme = "http"\n'
                                      'hf-netloc = "127.0.0.1:9"\nhf-lfs-netloc = "127.0.0.1:9"\nmirror-scheme = "http"\n'
                                      'mirror-netloc = "127.0.0.1:%d"\nmirror-lfs-netloc = "127.0.0.1:%d"\nmirrors-path = ["%s"]\n'
                                      '[accessibility]\noffline = true\n'
                                      % (port, lab.path("olah-cache"), port, port, lab.path("hub"))).encode())
        cls.process = serve([os.path.join(os.path.dirname(cls.python), "olah-cli"), "--config", lab.path("olah.toml"),
                             "--log-path", lab.path("olah-logs")], port, HOME=lab.directory)
        cls.url = "http://127.0.0.1:%d" % port
        cls.front = "http://127.0.0.1:%d" % lab.plain_port
        cls.writer = HubWriter(lab.path("hub/models"), cls.front)
        lab.hook = cls.forward
        return cls

    @classmethod
    def client(cls, code, token=TOKEN):
        """What the Python client says; `api` is its HfApi."""
        says = "import json\nfrom huggingface_hub import HfApi, snapshot_download\napi = HfApi()\n" + textwrap.dedent(code)
        return ran(cls.python, "-c", says, cwd=lab.directory, HOME=lab.directory, HF_ENDPOINT=cls.front, HF_TOKEN=token,
                   HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1").strip()

    @staticmethod
    def repository(name, files):
        work = lab.path("hub/models/acme/" + name)
        os.makedirs(work)
        git(work, "init", "-q", "-b", "main")
        git(work, "lfs", "install", "--local")
        git(work, "lfs", "track", "*.safetensors", "*.bin")
        for path, data in files.items():
            write(os.path.join(work, path), data)
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", "first")
        git(work, "tag", "v1")
        return git(work, "rev-parse", "HEAD")

    @classmethod
    def forward(cls, a):
        """The proxy, at https://hub.test and at `front`: only for those with the token, and not always honest."""
        if a.path.startswith("/git/"):
            return False
        if a.headers.get("authorization") != "Bearer " + TOKEN and not a.path.startswith("/upload/"):
            a.reply(401, b'{"error":"Repository not found"}', X_Error_Code="RepoNotFound")
            return True
        if cls.writer.answers(a):
            return True
        try:
            answer = request(a.method, cls.url + a.path, a.body, Content_Type=a.headers.get("content-type", "text/plain"))
            status, body, fields = 200, answer.text, answer.headers
        except urllib.error.HTTPError as e:
            status, body, fields = e.code, e.read(), e.headers
        if cls.fault:
            status, body = cls.fault(a.path, status, body)
        keep = {k: v for k, v in fields.items() if k.lower() in ("etag", "x-repo-commit", "x-linked-etag", "x-error-code", "content-type")}
        if a.method == "HEAD":
            keep["Content_Length"] = fields.get("content-length", "0")
        a.reply(status, body, **keep)
        return True


def rules_of(report):
    return {f["rule"] for m in report["models"] for f in m["findings"]}


@case
def a_model_of_the_hub_is_resolved_loaded_and_judged():
    h = Hub.start()
    env = {"HF_ENDPOINT": h.url}
    for reference in ("hf:acme/evil", "hf:acme/evil@v1", "hf:acme/evil@" + h.commits["evil"], "hf://acme/evil@main"):
        model = check("huggingface", reference, EVIL, algorithm=None, absent="hf:acme/none", **env)
        assert model["origin"]["revision"] == h.commits["evil"] and model["trust"] == "medium", model["origin"]
        found = rows(model["metadata"])
        wanted = {"id": "acme/evil", "author": "acme", "revision": h.commits["evil"], "license": "mit", "base_models": "acme/base",
                  "card": "true", "private": "false"}
        held("huggingface", "metadata", wanted.items() <= found.items(), found)
        states = {f["path"]: {(e["algorithm"], e["by"], e["state"]) for e in f["expected"]} for f in model["files"]}
        kinds = {p: "sha256" if p.endswith((".bin", ".safetensors")) else "git-sha1" for p in EVIL}
        held("huggingface", "hashes", all((kinds[p], "registry", "verified") in states[p] for p in EVIL), states)
        results = {c["check"]: c["result"] for c in model["provenance"]}
        wanted = {"author-verified": "unknown", "downloads": "fail", "model-card": "pass", "license": "pass", "not-disabled": "pass",
                  "file-hash": "fail", "pinned": "pass" if h.commits["evil"] in reference else "fail"}
        held("huggingface", "checks", wanted.items() <= results.items(), results)
    code, report, _ = scan_reference("hf:acme/tiny", **env)
    assert code == 0 and not rules_of(report), (code, rules_of(report))
    code, report, _ = scan_reference("hf:acme/tiny@main/sub%20dir/model.safetensors", **env)
    assert code == 0 and [f["path"] for f in report["models"][0]["files"]] == ["sub dir/model.safetensors"]


@case
def fetch_writes_what_the_client_downloads_and_its_cache_is_read():
    h = Hub.start()
    env = {"HF_ENDPOINT": h.url}
    p = assay("fetch", "hf:acme/tiny", "--to", lab.path("ours"), **env)
    assert p.returncode == 0, p.stderr
    theirs = ran(h.python, "-c", "import huggingface_hub as h; print(h.snapshot_download('acme/tiny', cache_dir=%r))" % lab.path("cache"),
                 HOME=lab.directory, HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1", **env).strip().split("\n")[-1]
    assert os.path.basename(theirs) == h.commits["tiny"], theirs
    for name, data in HONEST.items():
        for folder in (lab.path("ours"), theirs):
            with open(os.path.join(folder, name), "rb") as f:
                assert f.read() == data, (folder, name)
    code, r, stderr = scan_reference(theirs)
    assert code == 0, (code, stderr)
    origin = next(m["origin"] for m in r["models"] if m["origin"]["basis"] != "none")
    assert origin["name"] == "acme/tiny" and origin["revision"] == h.commits["tiny"] and origin["basis"] == "declared", origin


@case
def a_token_is_wanted_sent_and_never_told():
    h = Hub.start()
    env = {"HF_ENDPOINT": "https://hub.test"}
    assert scan_reference("hf:acme/tiny", **env)[0] in (2, 4)
    code, report, stderr = scan_reference("hf:acme/tiny", HF_TOKEN=TOKEN, **env)
    held("huggingface", "resolve", code == 0 and report["models"][0]["origin"]["revision"] == h.commits["tiny"], (code, stderr))
    assert TOKEN not in json.dumps(report)
    code, _, stderr = scan_reference("hf:acme/tiny", HF_TOKEN="hf_wrong", **env)
    held("huggingface", "faults", code in (2, 4) and "hf_wrong" not in stderr, code)


@case
def bytes_that_are_altered_on_the_way_are_noticed():
    h = Hub.start()
    env = {"HF_ENDPOINT": "https://hub.test", "HF_TOKEN": TOKEN}
    for path in HONEST:
        name = path.replace(" ", "%20")
        h.fault = staticmethod(lambda at, status, body: (status, body[:-1] + bytes([body[-1] ^ 1]) if at.endswith("/" + name) else body))
        code, report, _ = scan_reference("hf:acme/tiny", **env)
        held("huggingface", "faults", code == 1 and rules_of(report) == {"integrity/digest-mismatch"}, (path, code, rules_of(report)))
    h.fault = staticmethod(lambda at, status, body: (503, b"") if "/tree/" in at else (status, body))
    code, report, _ = scan_reference("hf:acme/tiny", "--tries", "1", **env)
    held("huggingface", "faults", code == 2 and report["errors"], code)
    h.fault = None
    assert scan_reference("hf:acme/tiny", **env)[0] == 0


@case
def objects_that_are_altered_in_the_store_are_noticed():
    h = Hub.start()
    sha256 = hashlib.sha256(TENSORS).hexdigest()
    path = lab.path("hub/models/acme/tiny/.git/lfs/objects/%s/%s/%s" % (sha256[:2], sha256[2:4], sha256))
    os.chmod(path, 0o644)
    write(path, TENSORS[:-1] + b"!")
    code, report, _ = scan_reference("hf:acme/tiny", HF_ENDPOINT=h.url)
    write(path, TENSORS)
    held("huggingface", "faults", code == 1 and rules_of(report) == {"integrity/digest-mismatch"}, (code, rules_of(report)))


# ---- written by the clients -------------------------------------------------------------------

def folder(name, files):
    for path, data in files.items():
        write(lab.path(name + "/" + path), data)
    return lab.path(name)


def files_below(directory):
    found = {}
    for at, folders, names in os.walk(directory):
        folders[:] = [f for f in folders if f != ".cache"]
        for name in names:
            with open(os.path.join(at, name), "rb") as f:
                found[os.path.relpath(os.path.join(at, name), directory)] = f.read()
    return found


def read_alike(name, revision, wanted):
    """The client, Assay's fetch and Assay's scan, by the proxy: these bytes, each by its digest; the scan's model."""
    h = Hub.start()
    env = {"HF_ENDPOINT": h.front, "HF_TOKEN": TOKEN}
    to = lab.path("read-" + hashlib.sha256((name + revision).encode()).hexdigest())
    h.client("snapshot_download(%r, revision=%r, local_dir=%r)" % (name, revision, to + "-theirs"))
    p = assay("fetch", "hf:%s@%s" % (name, revision), "--to", to, **env)
    assert p.returncode == 0, p.stderr
    for directory in (to, to + "-theirs"):
        there = files_below(directory)
        there.pop(".gitattributes")
        assert there == wanted, (directory, list(there))
    code, report, stderr = scan_reference("hf:%s@%s" % (name, revision), **env)
    assert code in (0, 1) and len(report["models"]) == 1, (code, stderr)
    model = report["models"][0]
    for f in model["files"]:
        kind = "sha256" if f["path"].endswith((".safetensors", ".bin")) else "git-sha1"
        assert (kind, "registry", "verified") in {(e["algorithm"], e["by"], e["state"]) for e in f["expected"]}, f
    assert model["origin"]["revision"] == git(lab.path("hub/models/" + name), "rev-parse", revision + "^{commit}")
    return code, model


FIRST = {"README.md": CARD, "config.json": HONEST["config.json"], "sub dir/model.safetensors": TENSORS, "large.safetensors": LARGE}


@case
def what_the_client_writes_is_read_alike():
    h = Hub.start()
    source = folder("first", {p: d for p, d in FIRST.items() if p != "README.md"})
    said = h.client("""
        assert api.whoami()["name"] == "acme"
        print(api.create_repo("acme/written"))
        api.upload_file(path_or_fileobj=%r, path_in_repo="README.md", repo_id="acme/written")
        print(api.upload_folder(folder_path=%r, repo_id="acme/written").oid)
        api.create_tag("acme/written", tag="v1")
        print([t.name for t in api.list_repo_refs("acme/written").tags])
        """ % (CARD, source)).split("\n")
    assert said[0] == h.front + "/acme/written" and said[2] == "['v1']", said
    took = {"whoami", "create_repository", "validate_card", "choose_upload_modes", "list_uploads", "upload", "verify_upload",
            "commit_operations", "create_ref"}
    assert took <= h.writer.asked, h.writer.asked
    work = lab.path("hub/models/acme/written")
    git(work, "fsck", "--strict")
    assert "Git LFS fsck OK" in git(work, "lfs", "fsck", "v1")
    assert git(work, "cat-file", "-p", "v1:large.safetensors").encode() + b"\n" == pointer(LARGE)
    code, model = read_alike("acme/written", "v1", FIRST)
    assert code == 0 and model["origin"]["revision"] == said[1] and not model["findings"], (code, model["findings"])


@case
def a_tag_that_the_client_moves_is_noticed_by_a_lockfile():
    h = Hub.start()
    env = {"HF_ENDPOINT": h.front, "HF_TOKEN": TOKEN}
    lock = lab.path("written.lock")
    p = assay("lock", "hf:acme/written@v1", "-o", lock, **env)
    assert p.returncode == 0 and TOKEN not in open(lock).read(), p.stderr
    assert scan_reference("hf:acme/written@v1", "--lockfile", lock, **env)[0] == 0
    h.client("""
        api.upload_file(path_or_fileobj=b'{"model_type": "other"}', path_in_repo="config.json", repo_id="acme/written")
        api.create_branch("acme/written", branch="dev", revision="v1")
        api.delete_file("large.safetensors", "acme/written", revision="dev")
        """)
    code, report, _ = scan_reference("hf:acme/written@v1", "--lockfile", lock, **env)
    held("huggingface", "checks", code == 0 and not rules_of(report), rules_of(report))
    h.client("""
        api.delete_tag("acme/written", tag="v1")
        api.create_tag("acme/written", tag="v1", revision="main")
        """)
    code, report, _ = scan_reference("hf:acme/written@v1", "--lockfile", lock, **env)
    held("huggingface", "faults", code == 1 and rules_of(report) == {"trust/moved-revision", "integrity/digest-mismatch"}, rules_of(report))
    read_alike("acme/written", "v1", dict(FIRST, **{"config.json": b'{"model_type": "other"}'}))
    read_alike("acme/written", "dev", {p: d for p, d in FIRST.items() if p != "large.safetensors"})
    h.client("api.delete_branch('acme/written', branch='dev')")
    assert scan_reference("hf:acme/written@dev", **env)[0] in (2, 4)


@case
def a_payload_that_the_client_uploads_is_found():
    h = Hub.start()
    payload = {"README.md": CARD, "pytorch_model.bin": PICKLE, "extra.pickle": PICKLE, "config.json": HONEST["config.json"]}
    h.client("""
        api.create_repo("acme/payload")
        api.upload_folder(folder_path=%r, repo_id="acme/payload")
        """ % folder("payload", payload))
    check("huggingface", "hf:acme/payload", payload, algorithm=None, absent="hf:acme/none", HF_ENDPOINT=h.front, HF_TOKEN=TOKEN)
    code, model = read_alike("acme/payload", "main", payload)
    found = {(f["rule"], f["path"]) for f in model["findings"]}
    assert code == 1 and {("pickle/dangerous-call", p) for p in ("pytorch_model.bin", "extra.pickle")} <= found, found


@case
def a_repository_that_the_client_renames_is_told():
    h = Hub.start()
    h.client("""
        api.create_repo("acme/old-name")
        api.upload_folder(folder_path=%r, repo_id="acme/old-name")
        api.move_repo(from_id="acme/old-name", to_id="umbrella/new-name")
        assert api.model_info("acme/old-name", revision="main").id == "umbrella/new-name"
        """ % folder("renamed", HONEST))
    code, report, stderr = scan_reference("hf:acme/old-name", HF_ENDPOINT=h.front, HF_TOKEN=TOKEN)
    assert code == 0 and rules_of(report) == {"trust/renamed"}, (code, rules_of(report), stderr)
    read_alike("umbrella/new-name", "main", HONEST)


@case
def nothing_is_written_without_the_token_or_on_a_branch_that_went_on():
    h = Hub.start()
    before = git(lab.path("hub/models/acme/written"), "rev-parse", "main")
    for token, parent in (("hf_wrong", before), (TOKEN, git(lab.path("hub/models/acme/written"), "rev-parse", "main~1"))):
        h.client("""
            from huggingface_hub.errors import HfHubHTTPError
            try:
                api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id="acme/written", parent_commit=%r)
            except HfHubHTTPError:
                pass
            else:
                raise SystemExit("it was taken")
            """ % parent, token)
    assert git(lab.path("hub/models/acme/written"), "rev-parse", "main") == before


@case
def what_the_client_of_javascript_writes_is_read_alike():
    h = Hub.start()
    tool("npm")
    home = os.path.join(VENV, "hub-npm")
    if not os.path.exists(home + "/node_modules/@huggingface/hub"):
        if subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", home, "@huggingface/hub@2"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            raise Skip("npm cannot install @huggingface/hub")
    wanted = dict(EVIL, **{"large.safetensors": LARGE})
    code = """
        import { createRepo, uploadFiles, deleteFile, createBranch } from "@huggingface/hub"
        import { openAsBlob } from "node:fs"
        const to = { repo: "acme/from-js", accessToken: process.env.HF_TOKEN, hubUrl: process.env.HF_ENDPOINT, useXet: false }
        const [folder, names] = process.argv.slice(1)
        const files = []
        for (const path of JSON.parse(names))
            files.push({ path, content: await openAsBlob(`${folder}/${path}`) })
        await createRepo(to)
        await uploadFiles({ ...to, files: [...files, { path: "passing.txt", content: new Blob(["x"]) }], commitTitle: "all" })
        await deleteFile({ ...to, path: "passing.txt" })
        await createBranch({ ...to, branch: "stable" })"""
    ran("node", "--input-type=module", "-e", code, folder("javascript", wanted), json.dumps(list(wanted)), cwd=home,
        HF_TOKEN=TOKEN, HF_ENDPOINT=h.front)
    work = lab.path("hub/models/acme/from-js")
    assert "Git LFS fsck OK" in git(work, "lfs", "fsck", "stable")
    code, model = read_alike("acme/from-js", "stable", wanted)
    assert code == 1 and "pickle/dangerous-call" in {f["rule"] for f in model["findings"]}


@case
def a_server_that_is_gone_is_never_a_pass():
    h = Hub.start()
    stop(h.process)
    code, report, _ = scan_reference("hf:acme/tiny", "--tries", "1", HF_ENDPOINT=h.url)
    held("huggingface", "faults", code == 2 and report["errors"][0]["retryable"], code)


main()
