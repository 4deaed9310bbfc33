#!/usr/bin/python3
"""assay scan dvc:… and git+https://…: repositories that git itself serves."""
import atexit, json, os, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from git_lab import GitLab, git, md5, pointer, sha256
from tap import ASSAY, SCAN_FLAGS, TOP, case, main

BUCKET = "models.s3.us-east-1.amazonaws.com"
lab = GitLab(BUCKET).__enter__()
atexit.register(lambda: lab.__exit__())
with open(os.path.join(TOP, "fixtures", "real", "linear.safetensors"), "rb") as f:
    TENSORS = f.read()
PICKLE = b"cos\nsystem\n(S'true'\ntR."
BIG = PICKLE + bytes(3 << 20)
CONFIG = b"[core]\n    remote = store\n['remote \"store\"']\n    url = https://hub.test/remote\n"


def scan(reference, *options, code=None, env=None):
    home = lab.path("home")
    os.makedirs(home, exist_ok=True)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    command = [ASSAY, "scan", *SCAN_FLAGS, "-o", "json", "--ca-file", lab.path("ca.pem"), *lab.mapped(), *options, reference]
    lab.asked.clear()
    p = subprocess.run(command, capture_output=True, timeout=300, env=dict(clean, HOME=home, **env or {}))
    assert code is None or p.returncode == code, (p.returncode, p.stdout.decode()[-1500:], p.stderr.decode())
    return json.loads(p.stdout) if p.stdout else None


def paths(report):
    return {f["path"]: f for m in report["models"] for f in m["files"]}


def rules(report):
    return {f["rule"] for m in report["models"] for f in m["findings"]}


def states(f):
    return {(e["algorithm"], e["state"]) for e in f["expected"]}


def out(data, path, **more):
    rows = dict({"md5": md5(data), "size": len(data), "hash": "md5", "path": path}, **more)
    return ("outs:\n- " + "\n  ".join("%s: %s" % r for r in rows.items()) + "\n").encode()


# --- any repository ---

@case
def a_repository_is_listed_and_every_file_is_its_own():
    lab.lfs[sha256(PICKLE)] = PICKLE
    first = lab.repository("plain", {"README.md": b"# x\n", "m/a.safetensors": TENSORS, "m/big.pkl": BIG, "m/lfs.pkl": pointer(PICKLE)})
    lab.tag("plain", "v1", annotated=True)
    second = lab.repository("plain", {"README.md": b"# y\n"})
    for revision, commit in (("", second), ("@main", second), ("@v1", first), ("@refs/tags/v1", first), ("@" + first, first)):
        report = scan("git+https://hub.test/git/plain" + revision, code=1)
        model, found = report["models"][0], paths(report)
        assert model["origin"]["revision"] == commit and model["trust"] == "unknown", model["origin"]
        assert set(found) == {"README.md", "m/a.safetensors", "m/big.pkl", "m/lfs.pkl"}, list(found)
        assert ("git-sha1", "verified") in states(found["m/a.safetensors"]) and ("git-sha1", "verified") in states(found["m/big.pkl"])
        assert ("sha256", "verified") in states(found["m/lfs.pkl"]), found["m/lfs.pkl"]
        assert found["m/big.pkl"]["size"] == len(BIG) and "pickle/dangerous-call" in rules(report)
    lfs = [a for a in lab.asked if a.path.startswith("/lfs/")]
    assert lfs[0].host == "cdn.test" and lfs[0].headers["authorization"] == "Bearer lfs" and "cookie" not in lfs[0].headers
    assert set(paths(scan("git+https://hub.test/git/plain#m/a.safetensors", code=0))) == {"m/a.safetensors"}
    assert set(paths(scan("git+https://hub.test/git/plain@v1#m"))) == {"m/a.safetensors", "m/big.pkl", "m/lfs.pkl"}


@case
def what_is_not_there_is_not_found():
    lab.repository("none", {"a": b"x"})
    for reference in ("git+https://hub.test/git/absent", "git+https://hub.test/git/none@v9", "git+https://hub.test/git/none#b",
                      "dvc:https://hub.test/git/absent//a", "dvc:https://hub.test/git/none//b", "git+https://hub.test/git/none@-x",
                      "git+https://hub.test/git/none@a..b", "git+https://hub.test/git/none#../a"):
        scan(reference, code=4)
    scan("git+https://hub.test/git/none@" + "0" * 40)  # the server says what it does not have


@case
def links_are_told_and_not_followed():
    lab.repository("links", {"a.safetensors": TENSORS}, links=(("passwd", "/etc/passwd"), ("up", "../../x")))
    report = scan("git+https://hub.test/git/links", code=2)
    assert set(paths(report)) == {"a.safetensors"} and "link" in report["errors"][0]["message"], report["errors"]


@case
def deltas_are_applied():
    import random
    base = random.Random(1).randbytes(200000)
    files = {"f%d.bin" % i: base[:i * 1000] + b"change %d" % i + base[i * 1000:] for i in range(40)}
    lab.repository("deltas", files)
    git(os.path.join(lab.root, "deltas"), "repack", "-adfq", "--depth=50", "--window=50")
    found = paths(scan("git+https://hub.test/git/deltas"))
    assert {p: f["digests"]["sha256"] for p, f in found.items()} == {p: sha256(d) for p, d in files.items()}


@case
def an_lfs_object_that_is_missing_or_wrong_is_told():
    lab.repository("lfs", {"a.pkl": pointer(b"never uploaded"), "b.safetensors": TENSORS})
    assert "LFS" in scan("git+https://hub.test/git/lfs", code=2)["errors"][0]["message"]
    lab.lfs[sha256(b"never uploaded")] = b"something else"
    assert "integrity/digest-mismatch" in rules(scan("git+https://hub.test/git/lfs", code=1))


@case
def other_ways_to_a_repository_are_refused_and_told():
    for target in ("ssh://git@hub.test/x", "git+ssh://git@hub.test/x", "git@hub.test:x/y", "git+file:///etc", "dvc:ssh://git@hub.test/x//m"):
        p = subprocess.run([ASSAY, "scan", target], capture_output=True, env=dict(os.environ, HOME=lab.path("home")))
        assert p.returncode == 4 and b"https" in p.stderr and not p.stdout, (target, p.stderr)


# --- DVC ---

@case
def an_output_of_dvc_is_found_and_verified():
    lab.keep(PICKLE)
    commit = lab.repository("dvc", {
        ".dvc/config": CONFIG, "models/fraud.pkl.dvc": out(PICKLE, "fraud.pkl"),
        "dvc.yaml": b"artifacts:\n  fraud:\n    path: models/fraud.pkl\n    type: model\n    desc: finds fraud\n    labels: [a, b]\n"})
    report = scan("dvc:https://hub.test/git/dvc//models/fraud.pkl", code=1)
    model, f = report["models"][0], paths(report)["models/fraud.pkl"]
    assert model["origin"]["registry"] == "dvc" and model["trust"] == "unknown" and model["origin"]["revision"] == commit
    assert ("md5", "verified") in states(f) and "pickle/dangerous-call" in rules(report)
    found = {m["key"]: m["value"] for m in model["metadata"]}
    assert found["type"] == "model" and found["card"] == "finds fraud" and found["author"] == "Ann" and found["md5"] == md5(PICKLE), found
    assert found["created"] == "2023-11-14T22:13:20Z", found
    checks = {c["check"]: c["result"] for c in model["provenance"]}
    assert checks["tracked"] == checks["declared-model"] == "pass" and checks["commit-signed"] == "fail", checks
    assert checks["pinned"] == "fail"
    model = scan("dvc:https://hub.test/git/dvc//models/fraud.pkl@" + commit)["models"][0]
    assert {c["check"]: c["result"] for c in model["provenance"]}["pinned"] == "pass"


@case
def directories_stages_and_old_layouts():
    rows = [{"md5": lab.keep(TENSORS), "relpath": "a.safetensors"}, {"md5": lab.keep(PICKLE), "relpath": "sub/b.pkl"}]
    listing = json.dumps(rows).encode()
    lab.keep(listing, end=".dir")
    text = b"line one\r\nline two\r\n"
    old = md5(text.replace(b"\r\n", b"\n"))
    lab.remote["/remote/%s/%s" % (old[:2], old[2:])] = text
    lab.repository("more", {
        ".dvc/config": CONFIG, "data.dvc": out(listing, "data", md5=md5(listing) + ".dir", nfiles=2),
        "old/notes.txt.dvc": ("outs:\n- md5: %s\n  path: notes.txt\n" % old).encode(),
        "work/x.dvc": b"wdir: ../made\n" + out(TENSORS, "x.safetensors"),
        "dvc.lock": b"schema: '2.0'\nstages:\n  train:\n    cmd: x\n    outs:\n    - path: made/m.safetensors\n      hash: md5\n      md5: %s\n      size: %d\n"
        % (md5(TENSORS).encode(), len(TENSORS))})
    assert set(paths(scan("dvc:https://hub.test/git/more//data", code=1))) == {"data/a.safetensors", "data/sub/b.pkl"}
    assert set(paths(scan("dvc:https://hub.test/git/more//data/a.safetensors", code=0))) == {"data/a.safetensors"}
    found = paths(scan("dvc:https://hub.test/git/more//made", code=0))
    assert set(found) == {"made/m.safetensors", "made/x.safetensors"} and all(("md5", "verified") in states(f) for f in found.values())
    found = paths(scan("dvc:https://hub.test/git/more//old/notes.txt"))
    assert ("md5-dos2unix", "verified") in states(found["old/notes.txt"]), found


@case
def a_remote_may_be_all_of_a_host():
    lab.keep(TENSORS, prefix="/files/md5/")
    for name, url in (("bare", b"https://cdn.test"), ("slash", b"https://cdn.test/")):
        lab.repository(name, {".dvc/config": CONFIG.replace(b"https://hub.test/remote", url), "m.safetensors.dvc": out(TENSORS, "m.safetensors")})
        file, = paths(scan("dvc:https://hub.test/git/%s//m.safetensors" % name, code=0)).values()
        assert ("md5", "verified") in states(file), file


@case
def a_remote_in_a_bucket_is_read_with_the_operator_s_key_only():
    seen = []

    def bucket(a):
        if a.host != BUCKET:
            return False
        seen.append(a)
        name = "/dvc/files/md5/%s/%s" % (md5(TENSORS)[:2], md5(TENSORS)[2:])
        if a.method == "HEAD" or a.path != name:
            a.reply(200 if a.method == "HEAD" else 404)
        else:
            a.serve(TENSORS)
        return True
    lab.hook = bucket
    config = CONFIG.replace(b"https://hub.test/remote", b"s3://models/dvc")
    lab.repository("s3", {".dvc/config": config, "m.safetensors.dvc": out(TENSORS, "m.safetensors")})
    env = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s3cret"}
    assert ("md5", "verified") in states(paths(scan("dvc:https://hub.test/git/s3//m.safetensors", code=0, env=env))["m.safetensors"])
    assert all("authorization" in a.headers for a in seen)
    assert not rules(scan("dvc:https://hub.test/git/s3//m.safetensors", env=env))
    lab.hook = None
    lab.repository("s3", {".dvc/config": config + b"    endpointurl = https://evil.test\n    access_key_id = x\n"})
    report = scan("dvc:https://hub.test/git/s3//m.safetensors", code=2, env=env)
    assert "endpoint" in report["errors"][0]["message"] and not [a for a in lab.asked if a.host == "evil.test"]


@case
def a_repository_is_hostile():
    for name, files, wanted in (
            ("h1", {"m.dvc": out(TENSORS, "../../etc/m")}, "outside"),
            ("h2", {"m.dvc": b"outs: [*a]\n"}, ""),
            ("h3", {"m.dvc": b"outs:\n- md5: ../../../etc/passwd\n  path: m\n"}, "MD5"),
            ("h4", {"m.dvc": out(TENSORS, "m"), ".dvc/config": CONFIG.replace(b"https://hub.test/remote", b"/etc")}, "is a directory (/etc) of the machine"),
            ("h4b", {"m.dvc": out(TENSORS, "m"), ".dvc/config": CONFIG.replace(b"https://hub.test/remote", b"../store")}, "is a directory (../store)"),
            ("h5", {"m.dvc": out(TENSORS, "m"), ".dvc/config": CONFIG.replace(b"https://hub.test", b"https://127.0.0.1:%d" % lab.port)}, ""),
            ("h6", {"m.dvc": out(TENSORS, "m"), ".dvc/config": CONFIG.replace(b"https://hub.test", b"ssh://hub.test")}, "is kept in ssh:, which is not read"),
            ("h7", {"m.dvc": out(TENSORS, "m")}, "remote"),
            ("h8", {"m.dvc": b"outs:\n- path: m\n  path: n\n"}, "")):
        lab.repository(name, files)
        report = scan("dvc:https://hub.test/git/%s//m" % name)
        assert report is None or report["verdict"] != "pass", (name, report["verdict"])
        if report and wanted:
            assert wanted in json.dumps(report["errors"]), (name, report["errors"])
        assert not [a for a in lab.asked if a.path.startswith("/remote")], lab.paths()
    rows = json.dumps([{"md5": md5(TENSORS), "relpath": "../../x"}, {"md5": lab.keep(TENSORS), "relpath": "ok.safetensors"}]).encode()
    lab.keep(rows, end=".dir")
    lab.repository("h9", {".dvc/config": CONFIG, "d.dvc": out(rows, "d", md5=md5(rows) + ".dir")})
    report = scan("dvc:https://hub.test/git/h9//d", code=1)
    assert set(paths(report)) == {"d/ok.safetensors"} and "trust/unsafe-listing" in rules(report)


@case
def what_a_remote_changed_is_found():
    other = TENSORS + b"x"
    lab.repository("changed", {".dvc/config": CONFIG, "m.safetensors.dvc": out(other, "m.safetensors"),
                               "d.dvc": out(b"[]", "d", md5=md5(b"[1]") + ".dir")})
    lab.remote["/remote/files/md5/%s/%s" % (md5(other)[:2], md5(other)[2:])] = other[:-1] + b"y"
    assert "integrity/digest-mismatch" in rules(scan("dvc:https://hub.test/git/changed//m.safetensors", code=1))
    lab.remote["/remote/files/md5/%s/%s.dir" % (md5(b"[1]")[:2], md5(b"[1]")[2:])] = b"[2]"
    assert "another MD5" in json.dumps(scan("dvc:https://hub.test/git/changed//d", code=2)["errors"])


@case
def a_git_server_that_is_none_is_never_a_pass():
    lab.repository("faults", {"a.safetensors": TENSORS})
    pkt = lambda *lines: b"".join(b"%04x%s" % (len(x) + 4, x) for x in lines) + b"0000"
    hello = pkt(b"version 2\n", b"ls-refs\n", b"fetch=shallow\n")
    commit = "1" * 40

    def answers(refs, pack):
        def hook(a):
            if a.path.endswith("git-upload-pack") and a.method == "GET":
                a.reply(200, hello)
            elif b"ls-refs" in a.body:
                a.reply(200, refs)
            else:
                a.reply(200, pack)
            return True
        return hook
    refs = pkt(b"%s refs/heads/main\n" % commit.encode(), b"%s HEAD\n" % commit.encode())
    packs = (b"", b"0000", b"zzzz", pkt(b"packfile\n"), pkt(b"packfile\n", b"\x03no"), pkt(b"packfile\n", b"\x01PACK"),
             pkt(b"packfile\n", b"\x01PACK" + bytes(28)), pkt(b"packfile\n")[:-2])
    for pack in packs:
        lab.hook = answers(refs, pack)
        scan("git+https://hub.test/git/faults", code=2)
    lab.hook = answers(refs, pkt(b"ERR not our ref\n"))
    scan("git+https://hub.test/git/faults", code=4)
    for greeting in (b"", b"<html>", pkt(b"version 1\n"), pkt(b"version 2\n"), pkt(b"version 2\n", b"fetch\n", b"object-format=sha256\n")):
        lab.hook = lambda a, g=greeting: a.reply(200, g) or True
        scan("git+https://hub.test/git/faults", code=2)
    for status, code in ((401, 2), (403, 2), (404, 4)):
        lab.hook = lambda a, s=status: a.reply(s, b"") or True
        scan("git+https://hub.test/git/faults", code=code)
    lab.hook = lambda a: a.redirect("https://evil.test/x/info/refs?service=git-upload-pack") or True
    scan("git+https://hub.test/git/faults", code=2)
    lab.hook = None
    scan("git+https://hub.test/git/faults", "--offline", code=2)


@case
def a_repository_can_be_fetched_and_not_scanned():
    lab.lfs[sha256(PICKLE)] = PICKLE
    lab.keep(TENSORS)
    lab.repository("fetch", {"a/b.txt": b"text\n", "c.pkl": pointer(PICKLE), "big.pkl": BIG, ".dvc/config": CONFIG,
                             "m.safetensors.dvc": out(TENSORS, "m.safetensors")})
    there = lab.path("fetched")
    for reference in ("git+https://hub.test/git/fetch", "dvc:https://hub.test/git/fetch//m.safetensors"):
        p = subprocess.run([ASSAY, "fetch", "--ca-file", lab.path("ca.pem"), *lab.mapped(), "--to", there, reference],
                           capture_output=True, timeout=120, env=dict(os.environ, HOME=lab.path("home")))
        assert p.returncode == 0, p.stderr.decode()
    for path, data in (("a/b.txt", b"text\n"), ("c.pkl", PICKLE), ("big.pkl", BIG), ("m.safetensors", TENSORS)):
        with open(os.path.join(there, path), "rb") as f:
            assert f.read() == data, path


main()
