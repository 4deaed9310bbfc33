#!/usr/bin/python3
"""assay convert: what it takes, what it refuses, and how it says so."""
import json, os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import case, fixtures, main, run, scratch, write

REPORTS = fixtures("report")


def stored(name):
    return os.path.join(REPORTS, name)


def whole():
    with open(stored("good-rich.json"), encoding="utf-8") as f:
        return json.load(f)


def refused(data, *words):
    d = scratch()
    path = write(d + "/r.json", data if isinstance(data, bytes) else json.dumps(data).encode())
    p = run("convert", path, "-o", "json=" + d + "/out")
    assert p.returncode == 4 and not p.stdout and not os.path.exists(d + "/out"), p
    for word in words:
        assert word in p.stderr.decode(), (word, p.stderr)


@case
def good_reports_are_taken_whatever_their_layout():
    expected = run("convert", stored("good-rich.json"), "-o", "json", env={"SOURCE_DATE_EPOCH": "1"})
    assert expected.returncode == 1
    for name in sorted(os.listdir(REPORTS)):
        if name.startswith("good-"):
            p = run("convert", stored(name), "-o", "json", env={"SOURCE_DATE_EPOCH": "1"})
            same = name == "good-sorted.json" or p.stdout == expected.stdout  # facts keep their order
            assert p.returncode == 1 and same, (name, p.stderr)


@case
def bad_and_evil_reports_are_refused_with_a_reason():
    for name in sorted(os.listdir(REPORTS)):
        if name.startswith(("bad-", "evil-")):
            p = run("convert", stored(name), "-o", "text")
            assert p.returncode == 4 and not p.stdout and p.stderr.startswith(b"assay: "), (name, p)
            assert p.stderr.count(b"\n") == 1 and b"\x1b" not in p.stderr, (name, p.stderr)


@case
def reports_that_are_not_whole_say_so():
    for name, words in (("bad-truncated.json", b"cut off"), ("bad-torn-line.jsonl", b"the last line is cut off"),
                        ("bad-no-end.jsonl", b"the end is missing"), ("bad-summary.json", b"summary")):
        p = run("convert", stored(name))
        assert words in p.stderr, (name, p.stderr)
    text = open(stored("good-rich.jsonl"), "rb").read()
    for cut in range(1, len(text), 997):
        p = run("convert", "-", input=text[:cut])
        assert p.returncode == 4 and not p.stdout, (cut, p)


@case
def each_missing_field_is_named():
    for path in (["tool"], ["policy", "clauses"], ["verdict"], ["summary", "files"], ["models", 0, "identity"],
                 ["models", 0, "files", 0, "size"], ["models", 0, "findings", 0, "rule"], ["errors", 0, "message"]):
        r = whole()
        at = r
        for step in path[:-1]:
            at = at[step]
        del at[path[-1]]
        refused(r, '"%s" is missing' % path[-1])


@case
def wrong_values_are_refused():
    for path, value in ((["exit_code"], 4), (["exit_code"], "1"), (["verdict"], "maybe"), (["confined"], 1),
                        (["models"], {}), (["models", 0, "trust"], "total"), (["models", 0, "files", 0, "size"], -1),
                        (["models", 0, "files", 0, "size"], 1.5), (["models", 0, "files", 0, "formats"], ["zip2"]),
                        (["models", 0, "files", 0, "digests", "sha256"], "xyz"), (["models", 0, "findings", 0, "cwe"], 0),
                        (["models", 0, "findings", 0, "offset"], None), (["models", 0, "findings", 0, "path"], "else"),
                        (["models", 0, "findings", 0, "suppressed"], True), (["models", 0, "files", 0, "findings"], 9),
                        (["models", 0, "files", 0, "signature"], 7), (["summary", "bytes"], 1),
                        (["models", 0, "findings_dropped"], 2**64 - 1), (["models", 0, "files", 0, "status"], "failed"),
                        (["gate"], "\x1b[2J"), (["tool", "version"], "\u202e"), (["errors", 0, "code"], "none")):
        r = whole()
        at = r
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
        if path[-1] == "signature":
            at["signed"] = True
        try:
            refused(r)
        except AssertionError:
            raise AssertionError("taken: %r in %r" % (value, path))


@case
def json_that_others_would_take_is_refused():
    text = open(stored("good-rich.json"), "rb").read()
    refused(text.replace(b'"gate"', b'"gate": "x", "gate"', 1), "twice")
    refused(text + b"{}")
    refused(text.replace(b'"exit_code": 1', b'"exit_code": 01'))
    refused(text.replace(b'"exit_code": 1', b'"exit_code": 1e0'))
    refused(text.replace(b'"exit_code": 1', b'"exit_code": NaN'))
    refused(text.replace(b"acme", b"ac\xffme", 1))
    refused(text.replace(b"acme", b"ac\nme", 1))
    refused(text.replace(b"acme", b"\\ud800", 1))
    refused(b"")
    refused(b"null")
    refused(b"\xff\xfe" + text.decode().encode("utf-16-le")[:1000])


@case
def rules_that_no_table_knows_survive():
    r = json.loads(run("convert", stored("good-rich.json"), "-o", "json").stdout)
    (rule,) = {(f["rule"], f["severity"], f["cwe"], f["title"]) for m in r["models"] for f in m["findings"]
               if f["rule"].startswith("yara/")}
    assert rule == ("yara/reverse-shell", "high", 506, "Bytes of a reverse shell")


@case
def usage():
    good = stored("good-rich.json")
    assert run("convert", "--help").returncode == 0
    for arguments in ([], [good, good], [good, "--nonsense"], [good, "-o", "nonsense"], [good, "-o", "json", "-o", "text"],
                      [good, "--min-severity", "x"], ["/nonexistent"], ["/"]):
        p = run("convert", *arguments)
        assert p.returncode == 4 and not p.stdout and p.stderr, (arguments, p)
    p = run("convert", good, "-o", "json=/dev/full")
    assert p.returncode == 1 and b"No space left" in p.stderr
    p = run("convert", "-", input=open(good, "rb").read())
    assert p.returncode == 1 and p.stdout.startswith(b"FAIL")


main()
