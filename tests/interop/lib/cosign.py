"""cosign, built once from the Go proxy into build/; where there is no Go, a Skip."""
import os, shutil, subprocess
from tap import BUILD, Skip, scratch

VERSION = "v2.6.1"
# By a key, and without any service.
SIGN = ["--key", "cosign.key", "--tlog-upload=false", "--use-signing-config=false", "--yes"]


def program():
    go = shutil.which("go") or "/usr/local/go/bin/go"
    path = os.path.join(BUILD, "interop-go")
    built = os.path.join(path, "bin", "cosign")
    if not os.path.exists(built):
        if not os.path.exists(go):
            raise Skip("no Go, so no cosign")
        environment = dict(os.environ, GOPATH=path, GOCACHE=os.path.join(BUILD, "interop-go-cache"), GOFLAGS="-modcacherw")
        p = subprocess.run([go, "install", "github.com/sigstore/cosign/v2/cmd/cosign@" + VERSION], env=environment,
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=1800)
        if p.returncode:
            raise Skip("cosign cannot be built: " + p.stderr.decode()[-200:].replace("\n", " "))
    return built


def cosign():
    """A function that runs it, and the directory that it runs in, with cosign.key and cosign.pub."""
    built, home = program(), scratch()
    environment = dict(os.environ, COSIGN_PASSWORD="", HOME=home)
    call = lambda *a: subprocess.run([built, *a], cwd=home, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    p = call("generate-key-pair")
    assert p.returncode == 0, p.stderr
    return call, home
