#!/usr/bin/python3
"""-o FORMAT[=FILE]: many reports from one pass, whole or not at all, and the exit code."""
import os, re, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import ASSAY, SCAN_FLAGS, case, main, run, scan, scratch, write

EVIL = b"cposix\nsystem\n(S'true'\ntR."
CLEAN = bytes([2, 0, 0, 0, 0, 0, 0, 0]) + b"{}"


def target(data=EVIL):
    d = scratch()
    return write(d + "/model.pkl" if data == EVIL else d + "/model.safetensors", data)


def names(d):
    return sorted(os.listdir(d))


@case
def one_pass_many_reports():
    d, t = scratch(), target()
    p = scan("-o", "json=" + d + "/a.json", "-o", "text=" + d + "/a.txt", "-o", "text", t)
    assert p.returncode == 1, p
    assert p.stdout == open(d + "/a.txt", "rb").read()
    assert names(d) == ["a.json", "a.txt"]


@case
def two_reports_to_one_place_are_refused_however_it_is_spelled():
    d, t = scratch(), target()
    os.symlink("real", d + "/link")
    write(d + "/real", b"old")
    os.symlink(".", d + "/here")
    pairs = [("text", "json"), ("text=-", "json"), ("text", "json=/dev/stdout"), ("text=r", "json=r"),
             ("text=r", "json=./r"), ("text=r", "json=%s/r" % d), ("text=r", "json=here/r"), ("text=link", "json=real")]
    for one, other in pairs:
        p = scan("-o", one, "-o", other, t, cwd=d)
        assert p.returncode == 4 and b"two reports to one place" in p.stderr and not p.stdout, (one, other, p)
    assert names(d) == ["here", "link", "real"] and open(d + "/real").read() == "old"
    assert scan("-o", "text=/dev/null", "-o", "json=/dev/null", t).returncode == 1


@case
def formats_are_told_and_guessed():
    for text, hint in (("jsom", b"did you mean json?"), ("zzzzzzzz", b"text, json"), ("json=", b"names no file"),
                       ("", b"no format"), ("=x", b"no format")):
        p = scan("-o", text, target())
        assert p.returncode == 4 and hint in p.stderr, (text, p)


@case
def what_cannot_be_written_is_said_and_is_no_pass():
    d = scratch()
    for place, why in ((d + "/missing/r", b"No such file"), (d, b"Is a directory"), ("/dev/full", b"No space left"),
                       ("/proc/version", b"")):
        p = scan("-o", "json=" + place, target(CLEAN))
        assert p.returncode == 2 and why in p.stderr and b"assay: " in p.stderr, p
        assert scan("-o", "json=" + place, target()).returncode == 1  # a violation counts more
    assert names(d) == []


def formats():
    """What -o knows, as its error names them."""
    return re.search(rb"zzzzzzzz \((.*)\)", scan("-o", "zzzzzzzz", target()).stderr)[1].decode().split(", ")


@case
def no_format_passes_when_its_report_is_lost():
    d, t = scratch(), target(CLEAN)
    known = formats()
    assert {"text", "json", "html", "markdown"} <= set(known), known
    for name in known:
        if name == "vsa":
            continue  # is signed, or refused: tests of its own
        p = scan("-o", name + "=/dev/full", t)
        assert p.returncode == 2 and b"No space left" in p.stderr, (name, p)
        old = write("%s/%s" % (d, name), b"old")
        p = subprocess.run(["/bin/sh", "-c", 'ulimit -f 0; exec "$@"', "sh", ASSAY, "scan", *SCAN_FLAGS, "-o",
                            "%s=%s" % (name, old), t], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert p.returncode == 2 and b"File too large" in p.stderr, (name, p)
        assert open(old, "rb").read() == b"old" and names(d) == [name], name
        os.unlink(old)
        reading, writing = os.pipe()
        os.close(reading)
        p = subprocess.run([ASSAY, "scan", *SCAN_FLAGS, "-o", name, t], stdout=writing, stderr=subprocess.PIPE)
        os.close(writing)
        assert p.returncode == 2 and b"Broken pipe" in p.stderr, (name, p)


@case
def the_other_reports_are_still_written():
    d = scratch()
    p = scan("-o", "json=/dev/full", "-o", "text=" + d + "/r.txt", target(CLEAN))
    assert p.returncode == 2 and names(d) == ["r.txt"]


@case
def a_full_disk_on_standard_output():
    with open("/dev/full", "wb") as full:
        p = subprocess.run([ASSAY, "scan", *SCAN_FLAGS, target(CLEAN)], stdout=full, stderr=subprocess.PIPE)
    assert p.returncode == 2 and b"No space left" in p.stderr, p


@case
def a_closed_pipe_is_no_pass_and_no_signal():
    reading, writing = os.pipe()
    os.close(reading)
    p = subprocess.run([ASSAY, "scan", *SCAN_FLAGS, "-o", "json", target(CLEAN)], stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert p.returncode == 2 and b"Broken pipe" in p.stderr, p


@case
def an_old_report_stays_until_the_new_one_is_whole():
    d = scratch()
    old = write(d + "/r.json", b"old")
    p = subprocess.run(["/bin/sh", "-c", 'ulimit -f 1; exec "$@"', "sh", ASSAY, "scan", *SCAN_FLAGS, "-o",
                        "json=" + old, *[target() for _ in range(4)]], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.returncode == 1 and b"File too large" in p.stderr, p
    assert open(old, "rb").read() == b"old" and names(d) == ["r.json"]


@case
def a_bad_source_date_epoch_is_a_usage_error():
    for value in ("x", "-1", "1x", "99999999999999999999"):
        p = scan(target(), env={"SOURCE_DATE_EPOCH": value})
        assert p.returncode == 4 and b"SOURCE_DATE_EPOCH" in p.stderr, p
    assert scan(target(), env={"SOURCE_DATE_EPOCH": "0"}).returncode == 1


main()
