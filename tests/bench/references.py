#!/usr/bin/python3
"""References against curl, on this machine, over a local nginx without TLS:

    2000 small files   assay fetch     and  curl --parallel of the same list
    one file of 1 GB   assay scan      and  curl -o

Prints seconds, the best of three each, and their ratio (curl / assay; more is better)."""
import hashlib, json, os, shutil, socket, struct, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from tap import ASSAY

COMMIT, SMALL, LARGE = "1" * 40, 2000, 1 << 30
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


def best(command, clean, env=None):
    took = []
    for _ in range(3):
        for d in clean:
            shutil.rmtree(d, True)
        start = time.monotonic()
        p = subprocess.run(command, env=env, capture_output=True)
        took.append(time.monotonic() - start)
        assert p.returncode == 0, (p.returncode, p.stderr[-500:], p.stdout[-500:])
    return min(took)


def main():
    env = dict(os.environ, HF_ENDPOINT=BASE, HOME=top, XDG_CACHE_HOME=top + "/cache")
    hub("small", [("d%d/f%04d.txt" % (i % 40, i), b"%06d" % i * 300) for i in range(SMALL)])
    header = json.dumps({"w": {"dtype": "U8", "shape": [LARGE], "data_offsets": [0, LARGE]}}).encode()
    hub("large", [("model.safetensors", struct.pack("<Q", len(header)) + header + bytes(LARGE))])
    server = serve()
    try:
        out, urls = top + "/out", top + "/urls"
        with open(urls, "w") as f:
            for i in range(SMALL):
                path = "d%d/f%04d.txt" % (i % 40, i)
                f.write('url = "%s/acme/small/resolve/%s/%s"\noutput = "%s/%s"\n' % (BASE, COMMIT, path, out, path))
        curl = best(["curl", "-s", "--parallel", "--parallel-max", "8", "--create-dirs", "-K", urls], [out])
        ours = best([ASSAY, "fetch", "hf:acme/small", "--to", out], [out, top + "/cache/assay"], env)
        print("%d files   curl --parallel %.2f s   assay fetch %.2f s   ratio %.2f" % (SMALL, curl, ours, curl / ours))
        os.makedirs(out, exist_ok=True)
        curl = best(["curl", "-s", "-o", top + "/large", BASE + "/acme/large/resolve/%s/model.safetensors" % COMMIT], [])
        ours = best([ASSAY, "scan", "hf:acme/large"], [top + "/cache/assay"], env)
        print("1 GiB        curl -o %.2f s           assay scan %.2f s    ratio %.2f" % (curl, ours, curl / ours))
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(top, True)


main()
