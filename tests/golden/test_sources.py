#!/usr/bin/python3
"""Targets: what is walked, what is refused, in which order, with which exit code."""
import hashlib, json, os, pickle, shutil, socket, subprocess, sys, threading, zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *

GOOD = pickle.dumps({"a": 1})
EVIL = b"cos\nsystem\n(S'true'\ntR."


@case
def a_missing_target_is_exit_4_and_scans_nothing():
    d = scratch()
    write(d + "/good.pkl", GOOD)
    p = scan(d, d + "/nowhere")
    assert p.returncode == 4 and p.stdout == b"" and b"no such file" in p.stderr, p


@case
def a_bare_org_and_name_is_an_error_with_a_hint():
    p = scan("google/bert", cwd=scratch())
    assert p.returncode == 4 and b"hf:google/bert" in p.stderr, p.stderr


@case
def a_reference_wins_over_a_file_of_that_name():
    d = scratch()
    os.makedirs(d + "/hf:google")
    write(d + "/hf:google/bert", GOOD)
    p = scan("--offline", "hf:google/bert", cwd=d, env={"HOME": d})
    assert p.returncode == 2 and b"--offline" in p.stdout, p
    assert scan("./hf:google/bert", cwd=d).returncode == 0


@case
def a_reference_that_is_none_is_a_usage_error():
    for text in ("hf:", "hf:../../etc", "hf:a/..%2f..", "https://huggingface.co@evil.example/a/b"):
        p = scan(text, env={"HOME": scratch()})
        assert p.returncode == 4 and p.stdout == b"", (text, p)


@case
def no_target_is_a_usage_error():
    p = scan()
    assert p.returncode == 4 and b"nothing to scan" in p.stderr


@case
def an_empty_directory_is_exit_3():
    assert scan(scratch()).returncode == 3


@case
def only_prose_is_exit_3_and_every_file_is_counted():
    d = scratch()
    write(d + "/README.md", b"# A model\n\nSome words.\n")
    write(d + "/logo.png", b"\x89PNG\r\n\x1a\n" + bytes(100))
    r = report(d, expect=3)
    assert r["summary"]["files"]["skipped"] == 2 and r["verdict"] == "empty"


@case
def an_empty_file_is_skipped_not_clean():
    d = scratch()
    write(d + "/empty.txt")
    r = report(d, expect=3)
    assert files(r)["empty.txt"]["status"] == "skipped"


@case
def an_empty_model_file_is_incomplete():
    d = scratch()
    write(d + "/model.safetensors")
    r = report(d, expect=2)
    assert files(r)["model.safetensors"]["status"] == "incomplete"


@case
def fifos_sockets_and_devices_are_refused_loudly():
    d = scratch()
    os.mkfifo(d + "/pipe.pkl")
    s = socket.socket(socket.AF_UNIX)
    s.bind(d + "/socket.pkl")
    write(d + "/good.pkl", GOOD)
    r = report(d, expect=2)
    s.close()
    assert files(r)["pipe.pkl"]["status"] == "failed"
    assert files(r)["socket.pkl"]["status"] == "failed"
    assert files(r)["good.pkl"]["status"] == "complete"
    p = scan("/dev/null")
    assert p.returncode == 2, p


@case
def links_may_stay_inside_and_never_leave():
    outside, d = scratch(), scratch()
    write(outside + "/secret.pkl", EVIL)
    write(d + "/real/model.pkl", GOOD)
    os.symlink("real/model.pkl", d + "/inside.pkl")
    os.symlink(outside + "/secret.pkl", d + "/absolute.pkl")
    os.symlink("../" + os.path.basename(outside) + "/secret.pkl", d + "/dotdot.pkl")
    os.symlink("nothing", d + "/dangling.pkl")
    os.symlink("self.pkl", d + "/self.pkl")
    os.symlink("..", d + "/real/up")
    r = report(d, expect=2)
    status = {path: f["status"] for path, f in files(r).items()}
    assert status == {"real/model.pkl": "complete", "inside.pkl": "complete",
                      "absolute.pkl": "failed", "dotdot.pkl": "failed",
                      "dangling.pkl": "failed", "self.pkl": "failed"}, status
    assert not rules(r) & {"pickle/dangerous-call"}


@case
def a_directory_loop_ends():
    d = scratch()
    write(d + "/a/b/model.pkl", GOOD)
    os.symlink("../..", d + "/a/b/loop")
    r = report(d, expect=0)
    assert list(files(r)) == ["a/b/model.pkl"]


def installed(prefix):
    """A copy that any user may run: the build may lie where others cannot go."""
    os.chmod(prefix, 0o755)
    os.makedirs(prefix + "/bin")
    os.makedirs(prefix + "/libexec")
    shutil.copy(ASSAY, prefix + "/bin/assay")
    shutil.copy(os.path.join(BUILD, "bin/assay-worker"), prefix + "/libexec/assay-worker")
    for data in ("registries.d", "rules/pickle"):
        shutil.copytree(os.path.join(TOP, data), prefix + "/share/assay/" + data)
    shutil.copy(os.path.join(BUILD, "share/rules/assay.yarc"), prefix + "/share/assay/rules/assay.yarc")
    return prefix + "/bin/assay"


@case
def an_unreadable_file_is_failed_and_nothing_else_is_lost():
    if os.geteuid() != 0:
        nobody = {}
    else:
        nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    d = scratch()
    write(d + "/secret.pkl", GOOD)
    write(d + "/evil.pkl", EVIL)
    write(d + "/closed/model.pkl", GOOD)
    os.chmod(d + "/secret.pkl", 0)
    os.chmod(d + "/closed", 0)
    program = installed(scratch())
    p = subprocess.run([program, "scan", "-o", "json", *SCAN_FLAGS, d], capture_output=True,
                       env={"HOME": d}, cwd="/", **nobody)
    assert p.returncode == 1, p
    r = json.loads(p.stdout)
    os.chmod(d + "/closed", 0o755)
    assert files(r)["secret.pkl"]["status"] == "failed"
    assert files(r)["closed/"]["status"] == "failed"
    assert "pickle/dangerous-call" in rules(r)


@case
def hostile_names_are_scanned_and_shown_escaped():
    d = scratch()
    names = [b"esc\x1b[31m.pkl", b"new\nline.pkl", b"bad\xff\xfeutf8.pkl", b"rtl\xe2\x80\xae.pkl",
             b"::error::x.pkl", b"quote\"'.pkl", b"back\\slash.pkl"]
    for n in names:
        with open(os.fsencode(d) + b"/" + n, "wb") as f:
            f.write(EVIL)
    r = report(d, expect=1)
    assert len(files(r)) == len(names)
    p = scan(d, env={"CLICOLOR_FORCE": "0"})
    assert p.returncode == 1
    for bad in (b"\x1b", b"\xff", b"\xe2\x80\xae", b"new\nline"):
        assert bad not in p.stdout, bad


@case
def the_order_is_bytewise_whatever_j_is():
    d = scratch()
    for i in range(60):
        write("%s/%d/m%d.pkl" % (d, i % 7, i), EVIL if i % 5 == 0 else GOOD)
    one, many = (scan("-o", "json", "-j", j, d, env={"SOURCE_DATE_EPOCH": "0"}) for j in "18")
    assert one.returncode == many.returncode == 1
    assert one.stdout == many.stdout
    paths = [m["identity"] for m in __import__("json").loads(one.stdout)["models"]]
    assert paths == sorted(paths)


@case
def several_targets_and_files_from():
    a, b = scratch(), scratch()
    write(a + "/one.pkl", GOOD)
    write(b + "/two.pkl", GOOD)
    listing = write(scratch() + "/list", ("%s\n\n%s/two.pkl\n" % (a, b)).encode())
    r = report("--files-from", listing, expect=0)
    assert set(files(r)) == {"one.pkl", "two.pkl"}
    r = report(a, b, expect=0)
    assert r["summary"]["models"] == 2
    p = scan("--files-from", "-", input=(a + "\n").encode())
    assert p.returncode == 0, p
    p = scan("--files-from", listing + ".none")
    assert p.returncode == 4


@case
def exclude_takes_names_and_paths_out():
    d = scratch()
    write(d + "/keep.pkl", GOOD)
    write(d + "/old/evil.pkl", EVIL)
    write(d + "/evil.tmp", EVIL)
    assert scan(d).returncode == 1
    r = report("--exclude", "old", "--exclude", "*.tmp", d, expect=0)
    assert list(files(r)) == ["keep.pkl"]
    r = report("--exclude", "old/*.pkl", "--exclude", "*.tmp", d, expect=0)
    assert list(files(r)) == ["keep.pkl"]


@case
def a_marker_makes_one_model_of_a_directory():
    d = scratch()
    write(d + "/bert/config.json", b"{}")
    write(d + "/bert/weights/model.pkl", GOOD)
    write(d + "/other.pkl", GOOD)
    write(d + "/README.md", b"prose\n")
    r = report(d, expect=0)
    units = {m["identity"]: sorted(f["path"] for f in m["files"]) for m in r["models"]}
    assert units[d + "/bert"] == ["bert/config.json", "bert/weights/model.pkl"], units
    assert len(units) == 2, units
    r = report("--one-model", d, expect=0)
    assert [m["identity"] for m in r["models"]] == [d]


@case
def the_history_of_a_clone_is_no_model_of_its_own():
    d = scratch()
    write(d + "/model.pkl", GOOD)
    write(d + "/.git/objects/54/1d", zlib.compress(b"blob 4\0text"))
    write(d + "/.git/objects/b2/98", zlib.compress(b"tree 0\0"))
    assert [(m["identity"], len(m["files"])) for m in report(d, expect=0)["models"]] == [(d + "/model.pkl", 3)]


@case
def every_byte_of_a_large_file_is_hashed():
    d = scratch()
    data = hashlib.shake_128(b"bytes").digest(7 << 20)
    header = b'{"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (len(data), len(data))
    header += b" " * (-len(header) % 8)
    blob = len(header).to_bytes(8, "little") + header + data
    write(d + "/model.safetensors", blob)
    r = report(d, expect=0)
    assert files(r)["model.safetensors"]["digests"]["sha256"] == hashlib.sha256(blob).hexdigest()


@case
def a_five_gigabyte_sparse_file_is_bounded():
    d = scratch()
    with open(d + "/big.pkl", "wb") as f:
        f.truncate(5 << 30)
    r = report(d, expect=2)
    f = files(r)["big.pkl"]
    assert f["status"] == "incomplete" and f["size"] == 5 << 30 and len(f["digests"]["sha256"]) == 64


@case
def a_file_that_changes_while_it_is_scanned_is_reported():
    d = scratch()
    path = os.path.join(d, "model.bin")
    with open(path, "wb") as f:  # long enough to be touched many times before it is read
        f.truncate(64 << 20)
    stop = threading.Event()

    def touch():
        tick = 0
        while not stop.is_set():
            tick += 1
            os.utime(path, ns=(tick, tick))

    writer = threading.Thread(target=touch)
    writer.start()
    try:
        r = report(d)
    finally:
        stop.set()
        writer.join()
    assert r["exit_code"] == 1 and "integrity/changed-during-scan" in rules(r), r
    assert files(r)["model.bin"]["status"] == "incomplete"
    assert "integrity/changed-during-scan" not in rules(report(d))


main()
