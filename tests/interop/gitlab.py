#!/usr/bin/python3
"""gitlab-sast before GitLab's own schema: the file that the report itself names, or the copy
that GITLAB_SAST_SCHEMA names, where GitLab cannot be reached."""
import json, os, sys, urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import stored
from tap import Skip, case, fixtures, main, run, scan, scratch, write

SCHEMA_MAX = 1 << 20
_schema = []


def converted(path):
    p = run("convert", path, "-o", "gitlab-sast")
    assert p.returncode in (0, 1, 2) and not p.stderr, p.stderr
    return json.loads(p.stdout)


def rich():
    return converted(os.path.join(fixtures("report"), "good-rich.json"))


def schema(address):
    """Fetched once; the same version as the report says of itself."""
    if not _schema:
        copy = os.environ.get("GITLAB_SAST_SCHEMA")
        try:
            with open(copy, "rb") if copy else urllib.request.urlopen(address, timeout=20) as f:
                _schema.append(json.loads(f.read(SCHEMA_MAX)))
        except OSError as e:
            raise Skip("no schema: %s; GITLAB_SAST_SCHEMA=FILE names a copy" % e)
    return _schema[0]


def problems(report):
    try:
        import jsonschema
    except ImportError:
        raise Skip("python3-jsonschema is not installed")
    s = schema(report["schema"])
    assert s["self"]["version"] == report["version"], s["self"]
    return ["%s: %s" % ("/".join(map(str, e.absolute_path)), e.message[:200]) for e in jsonschema.Draft7Validator(s).iter_errors(report)]


@case
def a_rich_report_is_valid():
    assert rich()["vulnerabilities"] and problems(rich()) == []


@case
def hostile_names_are_valid():
    d = scratch()
    for name in (b"\xff\n::error::.pkl", b"<\\script>.pkl", b"x" * 250 + b".pkl", "txt.\u202elkp".encode() + b".pkl"):
        write(os.path.join(os.fsencode(d), b"m", name), b"cposix\nsystem\n(S'" + b"\\x01`](<" * 30000 + b"'\ntR.")
    r = json.loads(scan("-o", "gitlab-sast", "m", cwd=d).stdout)
    assert len(r["vulnerabilities"]) >= 4 and problems(r) == []


@case
def long_texts_are_valid():
    d = scratch()
    stored.result(d + "/r.json", count=3, models=1)
    with open(d + "/r.json") as f:
        r = json.load(f)
    for finding in r["models"][0]["findings"]:
        finding["message"] = finding["evidence"] = "\\\x01`<" * 100000
    with open(d + "/r.json", "w") as f:
        f.write(json.dumps(r).replace('"seconds": 1.0', '"seconds": 1.000'))
    assert problems(converted(d + "/r.json")) == []


@case
def errors_and_an_empty_result_are_valid():
    d = scratch()
    stored.result(d + "/e.json", count=0, models=1, errors=1200)
    assert problems(converted(d + "/e.json")) == []


@case
def a_broken_report_is_told():
    r = rich()
    del r["vulnerabilities"][0]["location"]
    r["scan"]["end_time"] += "Z"
    assert len(problems(r)) == 2


main()
