#!/usr/bin/python3
"""JSON reports against docs/report.schema.json, and against what docs/reports.md promises."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    print("ok 1 - JSON Schema # SKIP python3-jsonschema is not installed")
    sys.exit(0)

BUILD = pathlib.Path(os.environ.get("BUILD", "build"))
ASSAY = BUILD / "bin/assay"
SCHEMA = json.loads(pathlib.Path("docs/report.schema.json").read_text())
count = failed = 0


def check(name, problem):
    """Print a TAP line; `problem` is empty when all is well."""
    global count, failed
    count += 1
    failed += bool(problem)
    print(f"{'not ok' if problem else 'ok'} {count} - {name}")
    for line in str(problem).splitlines() if problem else []:
        print(f"# {line}")


def no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError(f"duplicate key in {keys}")
    return dict(pairs)


def problems(raw):
    """Why these bytes are no valid report."""
    try:
        report = json.loads(raw.decode("utf-8"), object_pairs_hook=no_duplicates)
    except ValueError as e:
        return f"not JSON: {e}"
    validator = jsonschema.Draft202012Validator(SCHEMA)
    found = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in validator.iter_errors(report)]
    if any(0xD800 <= ord(c) <= 0xDFFF for c in json.dumps(report, ensure_ascii=False)):
        found.append("a lone surrogate")
    if any(c < 0x20 and c != 0x0A or c == 0x7F for c in raw):
        found.append("a raw control character")
    statuses = {s: sum(f["status"] == s and not f["shared"] for m in report["models"] for f in m["files"])
                for s in report["summary"]["files"]}
    if statuses != report["summary"]["files"]:
        found.append(f"files by status: {statuses}, summary says {report['summary']['files']}")
    return "\n".join(found)


def unescape(text):
    """The bytes behind a path (docs/reports.md, "Escaping")."""
    import re
    out = bytearray()
    at = 0
    for m in re.finditer(r"(\\+)x([0-9A-Fa-f]{2})", text):
        out += text[at:m.start()].encode()
        slashes = len(m[1])
        out += b"\\" * (slashes // 2)
        out += bytes([int(m[2], 16)]) if slashes % 2 else b"x" + m[2].encode()
        at = m.end()
    return bytes(out + text[at:].encode())


try:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    check("the schema is a JSON Schema 2020-12", "")
except jsonschema.SchemaError as e:
    check("the schema is a JSON Schema 2020-12", e)

with tempfile.TemporaryDirectory() as tmp:
    subprocess.run([BUILD / "unit/test_report", "--write", tmp], check=True)
    samples = sorted(pathlib.Path(tmp).glob("*.json"))
    check("there are samples", "" if len(samples) == 9 else f"{len(samples)} samples")
    for sample in samples:
        check(f"{sample.name} is valid", problems(sample.read_bytes()))

    rich = json.loads((pathlib.Path(tmp) / "rich-ci.json").read_text())
    hostile = (b"\x1b[2J\x1b]0;owned\a\xff\xfe::error::\n\0PASS \xe2\x80\xaetp.ledom\xc2\x9b1m \\x41 =cmd()")
    paths = [unescape(f["path"]) for m in rich["models"] for f in m["files"]]
    check("a hostile path comes back byte for byte", "" if hostile in paths else paths)

    broken = json.loads((pathlib.Path(tmp) / "rich-ci.json").read_text())
    broken["models"][0]["surprise"] = 1
    check("the schema refuses an unknown field", "" if problems(json.dumps(broken).encode()) else "accepted")
    broken = json.loads((pathlib.Path(tmp) / "rich-ci.json").read_text())
    broken["models"][0]["files"][0]["members"][0]["surprise"] = 1
    check("and one deep inside", "" if problems(json.dumps(broken).encode()) else "accepted")

    # the program itself, on a directory with a pickle that runs code and a cut-off archive
    usage = subprocess.run([ASSAY, "scan"], capture_output=True) if ASSAY.exists() else None
    if usage is None or usage.returncode != 4:
        print(f"ok {count + 1} - assay scan -o json is valid # SKIP build/bin/assay cannot scan yet")
        count += 1
    else:
        target = pathlib.Path(tmp) / "target"
        target.mkdir()
        (target / "evil.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
        (target / "cut.zip").write_bytes(b"PK\x03\x04" + bytes(20))
        (target / "note.txt").write_text("hello")
        run = subprocess.run([ASSAY, "scan", *os.environ.get("ASSAY_SCAN_FLAGS", "").split(), "-o", "json", target], capture_output=True)
        check("assay scan -o json is valid", problems(run.stdout) or
              ("" if json.loads(run.stdout)["exit_code"] == run.returncode else "exit code differs"))

print(f"1..{count}")
sys.exit(1 if failed else 0)
