#!/usr/bin/python3
"""Olah of PyPI, a server that speaks the Hugging Face Hub's API over git repositories with
LFS, and the real `huggingface_hub` client: what both read must be the same.  A proxy of ours
before it wants a token and alters files on demand.  Skipped when Olah cannot be installed.

Olah cannot be written to by the client; the Go server that can (hfd) is not to be had from
the module proxy, so git and git-lfs write the repositories."""
import hashlib, json, os, sys, urllib.error

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from peers import *

CARD = b"---\nlicense: mit\nbase_model: acme/base\n---\n# Tiny\n"
HONEST = {"README.md": CARD, "config.json": b'{"model_type": "linear"}\n', "sub dir/model.safetensors": TENSORS}
EVIL = dict(HONEST, **{"pytorch_model.bin": PICKLE})


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
        lab.hook = cls.forward
        return cls

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
        """The proxy, at https://hub.test: only for those with the token, and not always honest."""
        if a.path.startswith("/git/"):
            return False
        if a.headers.get("authorization") != "Bearer hf_interop":
            a.reply(401, b'{"error":"Repository not found"}', X_Error_Code="RepoNotFound")
            return True
        try:
            answer = request(a.method, cls.url + a.path)
            status, body, fields = 200, answer.text, answer.headers
        except urllib.error.HTTPError as e:
            status, body, fields = e.code, e.read(), e.headers
        if cls.fault:
            status, body = cls.fault(a.path, status, body)
        keep = {k: v for k, v in fields.items() if k.lower() in ("etag", "x-repo-commit", "x-linked-etag", "x-error-code", "content-type")}
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
    code, report, stderr = scan_reference("hf:acme/tiny", HF_TOKEN="hf_interop", **env)
    held("huggingface", "resolve", code == 0 and report["models"][0]["origin"]["revision"] == h.commits["tiny"], (code, stderr))
    assert "hf_interop" not in json.dumps(report)
    code, _, stderr = scan_reference("hf:acme/tiny", HF_TOKEN="hf_wrong", **env)
    held("huggingface", "faults", code in (2, 4) and "hf_wrong" not in stderr, code)


@case
def bytes_that_are_altered_on_the_way_are_noticed():
    h = Hub.start()
    env = {"HF_ENDPOINT": "https://hub.test", "HF_TOKEN": "hf_interop"}
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


@case
def a_server_that_is_gone_is_never_a_pass():
    h = Hub.start()
    stop(h.process)
    code, report, _ = scan_reference("hf:acme/tiny", "--tries", "1", HF_ENDPOINT=h.url)
    held("huggingface", "faults", code == 2 and report["errors"][0]["retryable"], code)


main()
