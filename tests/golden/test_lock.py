#!/usr/bin/python3
"""assay lock and --lockfile: what is recorded, and that a scan is held to it."""
import hashlib, json, os, shutil, signal, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *

REAL = os.path.join(TOP, "fixtures", "real")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ORIGIN = "hf:example/linear@" + COMMIT


def model(files=(("config.json", b"{}"),)):
    d = os.path.join(scratch(), "m")
    os.mkdir(d)
    shutil.copy(os.path.join(REAL, "linear.safetensors"), d)
    for name, data in files:
        write(os.path.join(d, name), data)
    return d


def lock(*arguments, expect=0, **options):
    p = run("lock", *arguments, **options)
    assert p.returncode == expect, (p.returncode, p.stderr)
    return p


def locked(d, *arguments):
    path = os.path.join(scratch(), "models.lock.json")
    lock(d, "-o", path, *arguments)
    return path


@case
def it_records_paths_sizes_and_digests_and_fits_its_schema():
    d = model()
    text = lock(d, "--origin", ORIGIN).stdout
    value = json.loads(text)
    (target,) = value["targets"]
    assert target["target"] == d and [f["path"] for f in target["files"]] == ["config.json", "linear.safetensors"]
    for f in target["files"]:
        data = open(os.path.join(d, f["path"]), "rb").read()
        assert (f["size"], f["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert target["origin"] == {"reference": ORIGIN, "registry": "huggingface", "name": "example/linear",
                                "revision": COMMIT}
    try:
        import jsonschema
    except ImportError:
        raise Skip("no jsonschema")
    jsonschema.validate(value, json.load(open(os.path.join(TOP, "docs", "lockfile.schema.json"))))


@case
def it_is_the_same_whatever_order_and_time():
    a, b = model(), model()
    one, two = lock(a, b).stdout, lock(b + "/", a).stdout
    os.utime(os.path.join(a, "config.json"), (0, 0))
    assert one == two == lock(b, a).stdout


@case
def what_is_unchanged_is_verified_and_has_the_recorded_origin():
    d = model()
    r = report("--gate", "ci", "--lockfile", locked(d, "--origin", ORIGIN), d, expect=0)
    (m,) = r["models"]
    assert (m["origin"]["basis"], m["origin"]["name"], m["origin"]["revision"]) == ("stated", "example/linear", COMMIT)
    assert m["trust"] == "medium"
    for f in m["files"]:
        (e,) = f["expected"]
        assert e["state"] == "verified" and e["source"].startswith("the lockfile ") and not e["weak"]


@case
def every_change_is_a_finding_under_every_gate():
    def swap(d):
        path = os.path.join(d, "linear.safetensors")
        data = bytearray(open(path, "rb").read())
        data[-1] ^= 1
        write(path, bytes(data))
    changes = [
        (swap, "integrity/digest-mismatch"),
        (lambda d: write(d + "/config.json", b"{ }"), "integrity/digest-mismatch"),
        (lambda d: os.remove(d + "/config.json"), "integrity/locked-file-missing"),
        (lambda d: write(d + "/extra.txt", b"x"), "integrity/file-not-locked"),
        (lambda d: os.rename(d + "/config.json", d + "/Config.json"), "integrity/file-not-locked"),
    ]
    for change, rule in changes:
        d = model()
        path = locked(d)
        change(d)
        for gate in ("default", "ci"):
            r = report("--gate", gate, "--lockfile", path, d, expect=1)
            assert rule in rules(r), (rule, rules(r))
            assert {f["severity"] for f in findings(r) if f["rule"] == rule} == {"high"}


@case
def a_mismatch_names_both_values():
    d = model()
    path = locked(d)
    write(d + "/config.json", b"[]!")
    r = report("--lockfile", path, d, expect=1)
    (f,) = [f for f in findings(r) if f["rule"] == "integrity/digest-mismatch"]
    for value in (hashlib.sha256(b"{}").hexdigest(), hashlib.sha256(b"[]!").hexdigest(), "2 bytes", "3 bytes"):
        assert value in f["message"], f
    assert files(r)["config.json"]["expected"][0]["state"] == "mismatch"


@case
def a_target_that_is_gone_or_unknown_does_not_pass():
    d, other = model(), model()
    path = locked(d)
    shutil.rmtree(d)
    os.mkdir(d)
    r = report("--lockfile", path, d, expect=1)
    assert "integrity/locked-file-missing" in rules(r)
    two = os.path.join(scratch(), "two.json")
    lock(other, model(), "-o", two)
    r = report("--lockfile", two, model(), expect=1)
    assert rules(r) == {"integrity/file-not-locked"}


@case
def one_entry_and_one_target_belong_together():
    d = model()
    path = locked(d)
    moved = os.path.join(scratch(), "elsewhere")
    shutil.move(d, moved)
    assert scan("--lockfile", path, moved).returncode == 0


@case
def it_may_lie_in_the_target_but_is_never_looked_for():
    d = model()
    path = os.path.join(d, "models.lock.json")
    lock(d, "-o", path)
    lock(d, "-o", path)  # again: it does not record itself
    assert [f["path"] for f in json.load(open(path))["targets"][0]["files"]] == ["config.json", "linear.safetensors"]
    assert scan("--lockfile", path, d).returncode == 0
    write(d + "/config.json", b"[]")
    assert scan("--lockfile", path, d).returncode == 1
    assert scan(d).returncode == 0


@case
def names_of_any_bytes_come_back():
    names = [b"a\xffb", b"back\\slash", b"tab\there", b"a\\xffb", b"\\\\x41", "ü\u202e".encode(), b" edge "]
    d = model()
    for name in names:
        with open(os.path.join(os.fsencode(d), name), "wb") as f:
            f.write(name)
    path = locked(d)
    r = report("--lockfile", path, d, expect=0)
    assert {e["state"] for f in files(r).values() for e in f["expected"]} == {"verified"}
    assert all(f["expected"] for f in files(r).values())


@case
def a_store_is_locked_under_the_names_of_its_links():
    d = scratch()
    repo = os.path.join(d, "models--example--linear")
    data = open(os.path.join(REAL, "linear.safetensors"), "rb").read()
    blob = hashlib.sha256(data).hexdigest()
    write(os.path.join(repo, "blobs", blob), data)
    os.makedirs(os.path.join(repo, "snapshots", COMMIT))
    os.symlink("../../blobs/" + blob, os.path.join(repo, "snapshots", COMMIT, "model.safetensors"))
    path = locked(d)
    (f,) = json.load(open(path))["targets"][0]["files"]
    assert f["path"].endswith("snapshots/%s/model.safetensors" % COMMIT)
    assert scan("--lockfile", path, d).returncode == 0


@case
def another_origin_is_a_conflict():
    d = model()
    path = locked(d, "--origin", ORIGIN)
    r = report("--gate", "ci", "--origin", "hf:other/model", "--lockfile", path, d, expect=1)
    assert "trust/origin-conflict" in rules(r) and r["models"][0]["trust"] == "unknown"
    r = report("--gate", "ci", "--origin", ORIGIN, "--lockfile", path, d, expect=0)
    assert "trust/origin-conflict" not in rules(r)


BROKEN = [
    (b"", 1), (b"{}", 1), (b'{"schema":"assay-lockfile/2","targets":[]}', 1),
    (b'{"schema":"assay-lockfile/1",\n"targets":{}}', 2),
    (b'{"schema":"assay-lockfile/1",\n"targets":[],"more":1}', 2),
    (b'{"schema":"assay-lockfile/1","schema":"assay-lockfile/1","targets":[]}', 1),
    (b'{"schema":"assay-lockfile/1","targets":[\n{"target":"m"}]}', 2),
    (b'{"schema":"assay-lockfile/1","targets":[\n{"target":"m","files":[\n{"path":"a","size":1}]}]}', 3),
    (b'{"schema":"assay-lockfile/1","targets":[\n{"target":"m","files":[\n{"path":"a","size":"1","sha256":"%s"}]}]}'
     % (b"0" * 64), 3),
    (b'{"schema":"assay-lockfile/1","targets":[\n{"target":"m","files":[\n{"path":"a","size":1,\n"sha256":"00"}]}]}', 4),
    (b'{"schema":"assay-lockfile/1","targets":[{"target":"m",\n"origin":{"reference":"nope:x"},"files":[]}]}', 2),
    (b'{"schema":"assay-lockfile/1","targets":[{"target":"m",\n"files":[%s,%s]}]}'
     % ((b'{"path":"a","size":1,"sha256":"%s"}' % (b"0" * 64),) * 2), 2),
]


@case
def a_broken_lockfile_is_exit_4_with_file_and_line():
    d = model()
    for text, line in BROKEN:
        path = write(os.path.join(scratch(), "l.json"), text)
        p = scan("--lockfile", path, d)
        assert p.returncode == 4 and p.stdout == b"", (text, p)
        assert ("%s:%d:" % (path, line)).encode() in p.stderr, (text, p.stderr)
    for path in (d + "/none.json", d, "/dev/null"):
        p = scan("--lockfile", path, d)
        assert p.returncode == 4 and p.stdout == b"", (path, p)


@case
def locking_half_is_locking_nothing():
    d = model()
    out = os.path.join(scratch(), "l.json")
    os.symlink("nowhere", d + "/broken")
    p = lock(d, "-o", out, expect=2)
    assert b"broken" in p.stderr and not os.path.exists(out)
    os.remove(d + "/broken")
    os.mkdir(d + "/empty")
    p = lock(d + "/empty", "-o", out, expect=2)  # holding nothing to nothing is no lock
    assert b"no file" in p.stderr and not os.path.exists(out)
    lock(d + "/none", "-o", out, expect=4)
    lock(d, "--origin", "nope:x", "-o", out, expect=4)
    lock(d, "./" + os.path.relpath(d), d + "/", "-o", out, expect=4)
    lock(expect=4)
    assert not os.path.exists(out)
    assert b"Usage" in lock("--help").stdout


@case
def a_file_that_changes_meanwhile_is_not_recorded():
    """It is stopped when it has begun with the large file, which then is another one."""
    d = model()
    with open(os.path.join(d, "big.bin"), "wb") as f:
        f.truncate(1 << 30)
    out = os.path.join(scratch(), "l.json")
    p = subprocess.Popen([ASSAY, "lock", d, "-o", out], stderr=subprocess.PIPE)
    path = "/proc/%d/io" % p.pid
    read = lambda: int(open(path).read().split()[1])
    while p.poll() is None and read() < 64 << 20:  # it has begun with the large file
        pass
    os.kill(p.pid, signal.SIGSTOP)
    with open(os.path.join(d, "big.bin"), "r+b") as f:
        f.write(b"x")
    os.kill(p.pid, signal.SIGCONT)
    error = p.communicate()[1]
    assert p.returncode == 2 and b"big.bin: it changed while it was hashed" in error and not os.path.exists(out), error


main()
