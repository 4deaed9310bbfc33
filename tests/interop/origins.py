#!/usr/bin/python3
"""Stores that the real tools write, whole and tampered with, as Assay reads them.

Tools come from a virtual environment under build/ (PyPI) and from the system (git, git-lfs,
cp); what cannot be had is skipped and says so.  No network beyond loopback: a small server
stands in for the Hugging Face Hub.
"""
import hashlib, http.server, json, os, shutil, subprocess, sys, threading, urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from tap import *

VENV = os.path.join(BUILD, "interop")
WEIGHTS = open(os.path.join(TOP, "fixtures", "real", "linear.safetensors"), "rb").read()
CONFIG = b'{"model_type": "linear"}\n'
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def python_with(*packages):
    """The interpreter of the virtual environment, with these packages in it."""
    python = os.path.join(VENV, "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    modules = [p.split("==")[0].replace("-", "_") for p in packages]
    wanted = [p for p in packages
              if subprocess.run([python, "-m", "pip", "show", "-q", p.split("==")[0]],
                                stderr=subprocess.DEVNULL).returncode]
    if wanted and subprocess.run([python, "-m", "pip", "install", "-q", *wanted],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        raise Skip("cannot install " + ", ".join(modules))
    return python


def tool(name):
    if not shutil.which(name):
        raise Skip("no " + name)
    return name


def python(interpreter, code, **environment):
    p = subprocess.run([interpreter, "-c", code], env=dict(os.environ, **environment),
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
    assert p.returncode == 0, p.stderr.decode()[-2000:]
    return p.stdout


def states(r, suffix):
    found = [f for p, f in files(r).items() if p.endswith(suffix)]
    assert found, (suffix, list(files(r)))
    return {(e["algorithm"], e["state"]) for f in found for e in f["expected"]}


def flip(path):
    path = os.path.realpath(path)
    os.chmod(path, 0o644)
    data = bytearray(open(path, "rb").read())
    data[-1] ^= 1
    write(path, bytes(data))


def first_origin(r):
    return next(m["origin"] for m in r["models"] if m["origin"]["basis"] != "none")


# ---- Hugging Face ---------------------------------------------------------------------------

class Hub(http.server.BaseHTTPRequestHandler):
    """What a download asks for: revision info, the list of files, the files."""
    content = {"model.safetensors": WEIGHTS, "config.json": CONFIG}

    def log_message(self, *ignored):
        pass

    def answer(self, body, headers=(), kind="application/json"):
        self.send_response(200)
        for name, value in (("Content-Length", len(body)), ("Content-Type", kind), *headers):
            self.send_header(name, str(value))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self):
        path = urllib.parse.urlparse(self.path).path
        name = path.rsplit("/", 1)[-1]
        if path.startswith("/api/models/acme/linear/tree/"):
            self.answer(json.dumps([{"type": "file", "path": n, "size": len(d), "oid": "0" * 40}
                                    for n, d in self.content.items()]).encode())
        elif path.startswith("/api/models/acme/linear"):
            self.answer(json.dumps({"id": "acme/linear", "modelId": "acme/linear", "sha": COMMIT,
                                    "siblings": [{"rfilename": n} for n in self.content],
                                    "private": False, "downloads": 0, "tags": []}).encode())
        elif "/resolve/" in path and name in self.content:
            data = self.content[name]
            lfs = name.endswith(".safetensors")
            tag = hashlib.sha256(data).hexdigest() if lfs else \
                hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            headers = [("X-Repo-Commit", COMMIT), ("ETag", '"%s"' % tag), ("Accept-Ranges", "bytes")]
            if lfs:
                headers += [("X-Linked-ETag", '"%s"' % tag), ("X-Linked-Size", len(data))]
            self.answer(data, headers, "application/octet-stream")
        else:
            self.send_error(404)

    do_HEAD = do_GET


class HubServer:
    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return "http://127.0.0.1:%d" % self.server.server_address[1]

    def __exit__(self, *ignored):
        self.server.shutdown()
        self.server.server_close()


DOWNLOAD = """
from huggingface_hub import hf_hub_download
for name in ("model.safetensors", "config.json"):
    hf_hub_download("acme/linear", name, %s)
"""


def download(arguments):
    interpreter = python_with("huggingface_hub")
    with HubServer() as endpoint:
        python(interpreter, DOWNLOAD % arguments, HF_ENDPOINT=endpoint, HF_HOME=scratch(),
               HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1", NO_PROXY="*", no_proxy="*")


@case
def huggingface_hub_writes_a_cache():
    d = scratch()
    download("cache_dir=%r" % d)
    r = report("--gate", "audit", d, expect=0)
    o = first_origin(r)
    assert (o["registry"], o["name"], o["revision"]) == ("huggingface", "acme/linear", COMMIT), o
    assert states(r, "model.safetensors") == {("sha256", "consistent")}
    assert states(r, "config.json") == {("git-sha1", "consistent")}
    flip(os.path.join(d, "models--acme--linear", "snapshots", COMMIT, "model.safetensors"))
    assert states(report(d, expect=1), "model.safetensors") == {("sha256", "inconsistent")}


@case
def huggingface_hub_writes_a_local_directory():
    d = scratch()
    download("local_dir=%r" % d)
    r = report("--gate", "audit", d, expect=0)
    o = first_origin(r)
    assert (o["registry"], o["revision"]) == ("huggingface", COMMIT), o
    assert states(r, "model.safetensors") == {("sha256", "consistent")}
    assert states(r, "config.json") == {("git-sha1", "consistent")}
    flip(d + "/model.safetensors")
    assert states(report(d, expect=1), "model.safetensors") == {("sha256", "inconsistent")}


# ---- git ---------------------------------------------------------------------------------------

def git(directory, *arguments):
    environment = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "HOME": scratch(),
                   "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "a",
                   "GIT_COMMITTER_EMAIL": "a@example.org", "PATH": os.environ["PATH"]}
    p = subprocess.run([tool("git"), "-C", directory, *arguments], env=environment,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.returncode == 0, p.stderr.decode()
    return p.stdout.decode().strip()


def repository():
    d = scratch()
    git(d, "init", "-q", "-b", "main")
    write(d + "/model.safetensors", WEIGHTS)
    write(d + "/config.json", CONFIG)
    return d


@case
def git_clones_packs_and_detaches():
    up = repository()
    git(up, "add", ".")
    git(up, "commit", "-qm", "one")
    d = os.path.join(scratch(), "clone")
    git(up, "clone", "-q", up, d)
    commit = git(d, "rev-parse", "HEAD")
    for step in ((), ("pack-refs", "--all"), ("checkout", "-q", "--detach")):
        if step:
            git(d, *step)
        o = first_origin(report("--gate", "audit", d, expect=0))
        assert o["name"] == up and o["registry"] is None, o
    git(d, "remote", "set-url", "origin", "git@hf.co:acme/linear.git")
    o = first_origin(report("--gate", "audit", d, expect=0))
    assert (o["registry"], o["name"], o["revision"]) == ("huggingface", "acme/linear", commit), o


@case
def git_lfs_keeps_objects_and_pointers():
    tool("git-lfs")
    d = repository()
    git(d, "lfs", "install", "--local")
    git(d, "lfs", "track", "*.safetensors")
    git(d, "add", ".")
    git(d, "commit", "-qm", "one")
    oid = hashlib.sha256(WEIGHTS).hexdigest()
    assert states(report("--gate", "audit", d, expect=0), oid) == {("sha256", "consistent")}
    bare = os.path.join(scratch(), "pointers")
    git(d, "-c", "filter.lfs.smudge=", "-c", "filter.lfs.required=false", "clone", "-q", d, bare)
    assert files(report("--gate", "audit", bare))["model.safetensors"]["status"] == "incomplete"
    flip(os.path.join(d, ".git/lfs/objects", oid[:2], oid[2:4], oid))
    assert states(report(d, expect=1), oid) == {("sha256", "inconsistent")}


# ---- MLflow ------------------------------------------------------------------------------------

MLFLOW = """
import mlflow, os, sys
from mlflow.models import Model
store = %r
mlflow.set_tracking_uri("file://" + store)
mlflow.set_registry_uri("file://" + store)
with mlflow.start_run() as run:
    path = os.path.join(store, "..", "work")
    os.makedirs(path)
    open(path + "/model.safetensors", "wb").write(open(%r, "rb").read())
    Model(artifact_path="model", run_id=run.info.run_id, flavors={"python_function": {"loader_module": "x"}}).save(path + "/MLmodel")
    mlflow.log_artifacts(path, "model")
client = mlflow.MlflowClient()
client.create_registered_model("fraud detector")
client.create_model_version("fraud detector", run.info.artifact_uri + "/model", run.info.run_id)
print(run.info.run_id)
"""


@case
def mlflow_logs_and_registers_a_model():
    interpreter = python_with("mlflow-skinny")
    d = os.path.realpath(scratch())
    out = python(interpreter, MLFLOW % (d + "/mlruns", os.path.join(TOP, "fixtures/real/linear.safetensors")),
                 MLFLOW_ALLOW_FILE_STORE="true", GIT_PYTHON_REFRESH="quiet")
    shutil.rmtree(d + "/work")
    run_id = out.decode().split()[-1]
    r = report("--gate", "audit", d, expect=0)
    (m,) = [m for m in r["models"] if m["origin"]["basis"] != "none"]
    names = {(m["origin"]["name"], m["origin"]["revision"])} | {(o["name"], o["revision"]) for o in m["other_origins"]}
    assert ("runs/%s/model" % run_id, "") in names and ("fraud detector", "1") in names, names
    assert not rules(r), rules(r)


# ---- DVC ---------------------------------------------------------------------------------------

@case
def dvc_tracks_a_file_and_a_directory():
    dvc = os.path.join(os.path.dirname(python_with("dvc")), "dvc")
    d = repository()
    run_dvc = lambda *a: subprocess.run([dvc, *a], cwd=d, check=True, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env=dict(os.environ, DVC_NO_ANALYTICS="1"))
    run_dvc("init", "-q", "--no-scm")
    write(d + "/data/a.safetensors", WEIGHTS)
    write(d + "/data/deep/b.txt", b"b\r\n")
    run_dvc("add", "-q", "model.safetensors", "data")
    r = report("--gate", "audit", d, expect=0)
    assert states(r, "/a.safetensors") == {("md5", "consistent")}
    assert states(r, "deep/b.txt") == {("md5", "consistent")}
    assert not rules(r), rules(r)
    flip(d + "/data/a.safetensors")
    assert ("md5", "inconsistent") in states(report(d, expect=1), "data/a.safetensors")
    # without the cache a directory has one digest
    shutil.rmtree(d + "/.dvc/cache")
    assert states(report(d, expect=1), "data/a.safetensors") == {("md5-dir", "inconsistent")}
    flip(d + "/data/a.safetensors")
    os.rename(d + "/data/deep/b.txt", d + "/data/deep/Gr\u00f6\u00dfe \U0001f642.txt")
    run_dvc("add", "-q", "data")
    shutil.rmtree(d + "/.dvc/cache")
    r = report("--gate", "audit", d, expect=0)
    assert states(r, "a.safetensors") == {("md5-dir", "consistent")} and not rules(r), rules(r)


# ---- extended attributes -------------------------------------------------------------------------

@case
def cp_keeps_the_attribute_that_a_downloader_set():
    d = scratch()
    write(d + "/a.safetensors", WEIGHTS)
    try:
        os.setxattr(d + "/a.safetensors", "user.xdg.origin.url", b"https://huggingface.co/acme/linear")
        subprocess.run(["cp", "--preserve=xattr", d + "/a.safetensors", d + "/b.safetensors"], check=True)
    except (OSError, subprocess.CalledProcessError) as e:
        raise Skip("no extended attributes here: %s" % e)
    r = report("--gate", "audit", d + "/b.safetensors", expect=0)
    assert r["models"][0]["origin"]["name"] == "acme/linear"


main()
