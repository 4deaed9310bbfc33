#!/usr/bin/python3
"""assay diff: what changed between two stored reports."""
import json, os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import TOP, Skip, case, fixtures, main, run, scan, scratch, write


def pickled(argument):
    return b"cposix\nsystem\n(S'%s'\ntR." % argument


def two_scans(change, *options):
    """Reports of a directory before and after change(directory)."""
    d = scratch()
    write(d + "/m/a.pkl", pickled(b"one"))
    write(d + "/m/b.pkl", pickled(b"two"))
    scan("m", "-o", "json=before.json", cwd=d)
    change(d + "/m")
    scan("m", "-o", "jsonl=after.jsonl", *options, cwd=d)
    return d + "/before.json", d + "/after.jsonl"


def diff(before, after, expect):
    p = run("diff", before, after, "-o", "json")
    assert p.returncode == expect, (p.returncode, p.stderr)
    report = json.loads(p.stdout)
    try:
        import jsonschema
    except ImportError:
        raise Skip("python3-jsonschema is not installed")
    with open(os.path.join(TOP, "docs/diff.schema.json")) as f:
        jsonschema.Draft202012Validator(json.load(f)).validate(report)
    assert report["differs"] == (expect == 1)
    return report


@case
def nothing_changed():
    r = diff(*two_scans(lambda d: None), expect=0)
    assert r["models"] == [] and r["summary"]["findings"] == {"new": 0, "fixed": 0, "same": 2}


@case
def an_offset_that_moved_is_no_new_finding():
    # the same call behind other harmless opcodes: other bytes, another offset
    r = diff(*two_scans(lambda d: write(d + "/a.pkl", b"I1\n0" + pickled(b"one"))), expect=1)
    (m,) = r["models"]
    assert m["change"] == "changed" and not m["findings"] and m["findings_unchanged"] == 1
    assert [f["change"] for f in m["files"]] == ["changed"]


@case
def findings_come_and_go():
    r = diff(*two_scans(lambda d: write(d + "/a.pkl", pickled(b"three"))), expect=1)
    (m,) = r["models"]
    assert [(f["change"], f["evidence"]) for f in m["findings"]] == [
        ("new", "posix.system('three')"), ("fixed", "posix.system('one')")]
    assert r["summary"]["models"] == {"added": 0, "gone": 0, "changed": 1, "same": 1}


@case
def models_come_and_go():
    r = diff(*two_scans(lambda d: os.rename(d + "/a.pkl", d + "/c.pkl")), expect=1)
    assert [(m["change"], m["identity"]) for m in r["models"]] == [("gone", "m/a.pkl"), ("added", "m/c.pkl")]


@case
def trust_and_verdict_change():
    before, after = two_scans(lambda d: write(d + "/b.pkl", b"N."), "--origin", "hf:acme/x")
    r = diff(before, after, expect=1)
    b = {m["identity"]: m for m in r["models"]}["m/b.pkl"]
    assert b["verdict"] == {"before": "fail", "after": "pass"} and b["trust"] == {"before": "unknown", "after": "medium"}
    text = run("diff", before, after).stdout.decode()
    assert text.startswith("CHANGED") and "pass, was fail" in text and "medium, was unknown" in text
    assert all(len(line) <= 80 for line in text.splitlines())


@case
def a_signature_that_is_lost_or_made_by_another_is_a_change():
    with open(os.path.join(fixtures("report"), "good-rich.json"), encoding="utf-8") as f:
        was = json.load(f)
    d = scratch()
    before = write(d + "/before.json", json.dumps(was).encode())
    (m,) = [m for m in was["models"] if any(s["state"] == "verified" for s in m["signatures"])]
    (good,) = [s for s in m["signatures"] if s["state"] == "verified"]
    name = m["identity"]
    for change in ({"identity": "https://github.com/evil/x"}, {"state": "invalid"}):
        old = dict(good)
        good.update(change)
        r = diff(before, write(d + "/after.json", json.dumps(was).encode()), expect=1)
        good.clear()
        good.update(old)
        (c,) = r["models"]
        assert c["identity"] == name and not c["findings"] and not c["files"], c
        assert c["signature"]["before"]["state"] == "verified" and c["signature"]["before"] != c["signature"]["after"]
        text = run("diff", before, d + "/after.json").stdout.decode()
        assert "\nSignature   " in text and "was verified" in " ".join(text.split()), text


@case
def hostile_names_act_nowhere():
    good = os.path.join(fixtures("report"), "good-rich.json")
    empty = scratch() + "/empty.json"
    write(scratch() + "/x.txt", b"hello")
    scan("-o", "json=" + empty, os.path.dirname(empty))
    for arguments in ((good, empty), (empty, good)):
        for kind in ("text", "json"):
            p = run("diff", *arguments, "-o", kind)
            assert p.returncode == 1
            assert not [c for c in p.stdout.decode() if c < " " and c != "\n" or "\x7f" <= c < "\xa0" or c == "\u202e"]


@case
def bad_use():
    good = os.path.join(fixtures("report"), "good-rich.json")
    bad = os.path.join(fixtures("report"), "bad-torn-line.jsonl")
    for arguments in ([], [good], [good, good, good], [good, bad], [bad, good], [good, "/nonexistent"],
                      [good, good, "-o", "sarif"], [good, good, "-o", "json", "-o", "text"]):
        p = run("diff", *arguments)
        assert p.returncode == 4 and not p.stdout and p.stderr, (arguments, p)
    assert run("diff", good, good, "-o", "json=/dev/full").returncode == 2
    assert run("diff", "--help").returncode == 0


main()
