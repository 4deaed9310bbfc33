#!/usr/bin/python3
"""References against curl, on this machine, over a local nginx without TLS:

    2000 small files   assay fetch     and  curl --parallel of the same list
    one file of 1 GB   assay scan, assay lock  and  curl -o

The two take turns.  Prints a Markdown table: seconds, the best of five each, those of processors in parentheses, and
the ratio (curl / assay; more is better)."""
import hashlib, json, os, resource, shutil, socket, struct, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from tap import ASSAY

COMMIT, SMALL, LARGE, RUNS = "1" * 40, 2000, 1 << 30, 5
top = tempfile.mkdtemp(prefix="assay-bench-")
www = os.path.join(top, "www")


def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


PORT = port()
BASE = "http://127.0.0.1:%d" % PORT


def write(path, data):
    path = os.path.join(www, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def hub(name, files):
    """A static Hub: (path, bytes or a file to link) for each file."""
    tree = []
    for path, data in files:
        write("acme/%s/resolve/%s/%s" % (name, COMMIT, path), data)
        tree.append({"type": "file", "path": path, "size": len(data), "oid": "0" * 40,
                     "lfs": {"oid": hashlib.sha256(data).hexdigest(), "size": len(data)}})
    info = {"id": "acme/" + name, "author": "acme", "sha": COMMIT}
    write("api/models/acme/%s/revision/main" % name, json.dumps(info).encode())
    write("api/models/acme/%s/tree/%s" % (name, COMMIT), json.dumps(tree).encode())


def serve():
    conf = os.path.join(top, "nginx.conf")
    with open(conf, "w") as f:
        f.write("daemon off; %spid %s/pid; error_log stderr crit; worker_processes 1; events {}\n"
                "http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000; default_type application/octet-stream;\n"
                "  server { listen 127.0.0.1:%d; root %s; } }\n" % ("user root; " if os.getuid() == 0 else "", top, PORT, www))
    server = subprocess.Popen(["nginx", "-e", "stderr", "-c", conf, "-p", top])
    for _ in range(100):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", PORT)) == 0:
                return server
        time.sleep(0.05)
    raise SystemExit("nginx did not start")


def timed(command, env=None):
    """Seconds: on the wall, and of processors (its own, not the server's)."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    p = subprocess.run(command, env=env, capture_output=True)
    took, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert p.returncode == 0, (p.returncode, p.stderr[-500:], p.stdout[-500:])
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(what, curl, assay):
    """Both in turn; the best of each by the wall."""
    runs = [(curl(i), assay(i)) for i in range(RUNS)]
    theirs, ours = min(r[0] for r in runs), min(r[1] for r in runs)
    print("| %s | %.2f s (%.2f) | %.2f s (%.2f) | %.2f |" % (what, *theirs, *ours, theirs[0] / ours[0]), flush=True)


def main():
    env = dict(os.environ, HF_ENDPOINT=BASE, HOME=top, XDG_CACHE_HOME=top + "/cache")
    paths = ["d%d/f%04d.txt" % (i % 40, i) for i in range(SMALL)]
    hub("small", [(p, b"%06d" % i * 300) for i, p in enumerate(paths)])
    header = json.dumps({"w": {"dtype": "U8", "shape": [LARGE], "data_offsets": [0, LARGE]}}).encode()
    hub("large", [("model.safetensors", struct.pack("<Q", len(header)) + header + bytes(LARGE))])
    server = serve()

    # each into a directory of its own: where thousands of files were just deleted, ext4 searches long for a free inode
    def small_curl(i):
        with open(top + "/urls", "w") as f:
            for p in paths:
                f.write('url = "%s/acme/small/resolve/%s/%s"\noutput = "%s/curl%d/%s"\n' % (BASE, COMMIT, p, top, i, p))
        return timed(["curl", "-s", "--parallel", "--parallel-max", "8", "--create-dirs", "-K", top + "/urls"])

    def small_assay(i):
        return timed([ASSAY, "fetch", "hf:acme/small", "--to", "%s/assay%d" % (top, i)], env)

    def large_curl(i):
        return timed(["curl", "-s", "-o", top + "/large", BASE + "/acme/large/resolve/%s/model.safetensors" % COMMIT])

    def large_assay(i):
        return timed([ASSAY, "scan", "hf:acme/large"], env)

    def large_lock(i):
        return timed([ASSAY, "lock", "hf:acme/large", "-o", top + "/lock.json"], env)

    try:
        print("| what | curl | assay | ratio |\n|---|---|---|---|")
        compare("%d files of 2 KiB, `curl --parallel` and `assay fetch`" % SMALL, small_curl, small_assay)
        compare("1 GiB, `curl -o` and `assay scan`", large_curl, large_assay)
        compare("1 GiB, `curl -o` and `assay lock`", large_curl, large_lock)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(top, True)


main()
