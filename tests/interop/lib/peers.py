"""Real servers for the tests: tools from the system, from PyPI, npm and the Go proxy, each
installed once under build/, started on loopback by the test that needs it and ended with it.
What cannot be had is a Skip.

    port = free_port()
    serve([program, "--port", str(port)], port)
    model = check("mlflow", "models:/fraud/1", {"model.pkl": bytes}, absent="models:/none/1")
"""
import atexit, hashlib, json, os, shutil, signal, socket, subprocess, sys, time, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "golden"), os.path.join(HERE, "..", "..", "net")]
from tap import *
from git_lab import GitLab, git

OLLAMA = "registry.ollama.ai"
VENV = os.path.join(BUILD, "interop")
TENSORS = open(os.path.join(TOP, "fixtures", "real", "linear.safetensors"), "rb").read()
PICKLE = b"cos\nsystem\n(S'true'\ntR."
COLUMNS = ("resolve", "metadata", "files", "hashes", "download", "checks", "faults")
lab = GitLab(OLLAMA, "registry.test").__enter__()
atexit.register(lambda: lab.__exit__())
earned = set()


# ---- tools ----------------------------------------------------------------------------------

def tool(name):
    if not shutil.which(name):
        raise Skip("no " + name)
    return name


def python_with(*packages, venv=None):
    """An interpreter with these packages: of the shared virtual environment, or of one of its own."""
    home = os.path.join(VENV, venv) if venv else VENV
    python = os.path.join(home, "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
    # `pip show` of several is content with one of them
    there = [subprocess.run([python, "-m", "pip", "show", "-q", p.split("[")[0].split("==")[0]], stderr=subprocess.DEVNULL).returncode == 0
             for p in packages]
    if not all(there) and subprocess.run([python, "-m", "pip", "install", "-q", *packages],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        raise Skip("cannot install " + ", ".join(packages))
    return python


def ran(*command, timeout=300, cwd=None, user=None, **env):
    p = subprocess.run(command, capture_output=True, timeout=timeout, cwd=cwd, user=user, env=dict(os.environ, **env))
    assert p.returncode == 0, (command, p.stderr.decode()[-1500:])
    return p.stdout.decode()


# ---- servers --------------------------------------------------------------------------------

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def stop(process):
    """A server and what it started, all of one process group."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def until(ready, seconds=90):
    for _ in range(seconds * 10):
        try:
            if ready():
                return True
        except OSError:
            pass
        time.sleep(0.1)
    return False


def serve(command, port, user=None, directory=None, **env):
    """A server of its own process group, ended with us; returns when it listens."""
    log = open(os.path.join(lab.directory, "server-%d.log" % port), "wb")
    process = subprocess.Popen(["prlimit", "--data=%d" % (2 << 30), *command], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                               start_new_session=True, user=user, cwd=directory or lab.directory, env=dict(os.environ, **env))
    atexit.register(stop, process)
    if until(lambda: process.poll() is not None or listens(port)) and process.poll() is None:
        return process
    raise Skip("%s does not start: %s" % (command[0], open(log.name, errors="replace").read()[-300:].replace("\n", " ")))


def request(method, url, body=b"", **headers):
    import ssl
    q = urllib.request.Request(url, data=body if method != "GET" else None, method=method,
                               headers={k.replace("_", "-"): v for k, v in headers.items()})
    context = ssl.create_default_context(cafile=lab.path("ca.pem")) if url.startswith("https") else None
    with urllib.request.urlopen(q, context=context) as answer:
        answer.text = answer.read()
        return answer


# ---- what Assay makes of them ----------------------------------------------------------------

def clean_environment(env):
    ours = ("AWS_", "AZURE_", "STORAGE_", "HF_", "MLFLOW_", "MODEL_REGISTRY", "DATABRICKS")
    home = lab.path("home")
    os.makedirs(home, exist_ok=True)
    return dict({k: v for k, v in os.environ.items() if not k.startswith(ours)}, HOME=home, **env)


def assay(command, *words, **env):
    """The finished process; the hosts of the lab are led to it."""
    flags = SCAN_FLAGS if command == "scan" else []
    return subprocess.run([ASSAY, command, *flags, "--ca-file", lab.path("ca.pem"), *lab.mapped("hub.test", "cdn.test"), *words],
                          capture_output=True, timeout=300, cwd=lab.directory, env=clean_environment(env))


def scan_reference(reference, *options, **env):
    p = assay("scan", "-o", "json", *options, reference, **env)
    return p.returncode, json.loads(p.stdout) if p.stdout else None, p.stderr.decode()


def rows(items):
    return {m["key"]: m["value"] for m in items}


def held(row, column, fine=True, detail=None):
    """Asserts; then the cell of the table is earned, and told to tests/interop/table."""
    assert column in COLUMNS and fine, (row, column, detail)
    if (row, column) not in earned:
        earned.add((row, column))
        print("# cell %s %s real" % (row, column))


def check(row, reference, wanted, *options, algorithm="sha256", absent, **env):
    """Files by name → bytes; a pickle among them is found, its digest of that kind verified."""
    code, report, stderr = scan_reference(reference, *options, **env)
    assert report, (code, stderr)
    model = (report["models"] or [None])[0]
    found = {f["path"]: f for m in report["models"] for f in m["files"]}
    held(row, "resolve", model is not None, report["errors"])
    held(row, "files", set(wanted) <= set(found) and not report["errors"], (list(found), report["errors"]))
    sums = {p: hashlib.sha256(d).hexdigest() for p, d in wanted.items()}
    held(row, "download", all(found[p]["digests"]["sha256"] == s for p, s in sums.items()))
    states = {p: {(e["algorithm"], e["state"]) for e in found[p]["expected"]} for p in wanted}
    if algorithm:
        held(row, "hashes", all((algorithm, "verified") in s for s in states.values()), states)
    found = {f["rule"] for m in report["models"] for f in m["findings"]}
    asked = model["provenance"] if model["origin"]["registry"] else [{"evidence": "no registry, so none is asked for"}]
    held(row, "checks", code == 1 and "pickle/dangerous-call" in found and asked and all(c["evidence"] for c in asked), (code, asked))
    bad, _, _ = scan_reference(absent, *options, **env)
    held(row, "faults", bad in (2, 4), bad)
    return model
