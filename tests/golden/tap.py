"""What the golden tests share: run Assay, print TAP, make fixtures."""
import atexit, json, os, shutil, subprocess, sys, tempfile, traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
ASSAY = os.environ.get("ASSAY", os.path.join(BUILD, "bin", "assay"))
# A build with sanitizers cannot be confined; tests/run says so.
SCAN_FLAGS = os.environ.get("ASSAY_SCAN_FLAGS", "").split()

_cases = []


def case(function):
    """Each function marked so is one test; it fails by raising."""
    _cases.append(function)
    return function


class Skip(Exception):
    pass


def main():
    failed = 0
    for number, function in enumerate(_cases, 1):
        title = function.__name__.replace("_", " ")
        try:
            function()
            print("ok %d - %s" % (number, title))
        except Skip as reason:
            print("ok %d - %s # SKIP %s" % (number, title, reason))
        except (Exception, SystemExit):  # a test that ends the script is no passed one
            failed += 1
            print("not ok %d - %s" % (number, title))
            print("# " + traceback.format_exc().replace("\n", "\n# "))
        sys.stdout.flush()
    print("1..%d" % len(_cases))
    sys.exit(1 if failed else 0)


def run(*arguments, **options):
    """The finished process; stdout and stderr as bytes."""
    environment = dict(os.environ, **options.pop("env", {}))
    return subprocess.run([ASSAY, *map(os.fspath, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=environment, timeout=300, **options)


def scan(*arguments, **options):
    return run("scan", *SCAN_FLAGS, *arguments, **options)


def report(*arguments, expect=None, **options):
    """Scan with -o json; the parsed report, after checking the exit code."""
    p = scan("-o", "json", *arguments, **options)
    if expect is not None:
        assert p.returncode == expect, "exit %d, not %d\n%s\n%s" % (
            p.returncode, expect, p.stdout.decode(errors="replace")[:4000], p.stderr.decode())
    return json.loads(p.stdout)


def files(r):
    """path -> file object, over all models of a report."""
    return {f["path"]: f for m in r["models"] for f in m["files"]}


def findings(r):
    return [f for m in r["models"] for f in m["findings"]]


def rules(r):
    return {f["rule"] for f in findings(r)}


def scratch():
    """An empty directory, removed at the end."""
    d = tempfile.mkdtemp(prefix="assay-test-")
    os.chmod(d, 0o755)
    atexit.register(shutil.rmtree, d, True)
    return d


def write(path, data=b""):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    return path


def fixtures(format_name):
    """The directory that fixtures/NAME/make.py fills, made once a build."""
    out = os.path.join(BUILD, "fixtures", format_name)
    script = os.path.join(TOP, "fixtures", format_name, "make.py")
    stamp = os.path.join(out, ".made")
    if not os.path.exists(stamp) or os.path.getmtime(stamp) < os.path.getmtime(script):
        os.makedirs(out, exist_ok=True)
        subprocess.run(["/usr/bin/python3", script, out], check=True)
        write(stamp)
    return out
