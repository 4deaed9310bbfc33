#!/usr/bin/python3
"""SARIF before the validator of its authors, with the rules by which GitHub takes a file in
(npm: @microsoft/sarif-multitool).  Its exit code is always 0: what it found is in its own report."""
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "golden"))
from tap import BUILD, fixtures, run, scan, scratch, write  # noqa: E402

HOME = pathlib.Path(BUILD) / "interop" / "sarif"
PACKAGE = "@microsoft/sarif-multitool-linux@5.7.0"
ACCEPTED = {"SARIF2005": "the tool has no address to give, and the stored report no version"}
TOOL = HOME / "node_modules" / "@microsoft" / "sarif-multitool-linux" / "Sarif.Multitool"


def skip(why):
    print("ok 1 - SARIF by sarif-multitool # SKIP " + why)
    sys.exit(0)


def install():
    if not shutil.which("npm"):
        skip("no npm")
    if not TOOL.exists():
        HOME.mkdir(parents=True, exist_ok=True)
        write(HOME / "package.json", b'{"private": true}')
        done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", HOME, PACKAGE],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)
        if done.returncode or not TOOL.exists():
            skip("npm cannot install " + PACKAGE)
    TOOL.chmod(0o755)


def problems(report):
    """Errors and warnings, each once, with how often it was met."""
    out = HOME / "validated.sarif"
    out.unlink(missing_ok=True)
    subprocess.run([TOOL, "validate", report, "--rule-kind", "Sarif;Ghas", "--output", out, "--log", "ForceOverwrite;Inline",
                    "--level", "Error;Warning"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300,
                   env=dict(os.environ, DOTNET_SYSTEM_GLOBALIZATION_INVARIANT="1"))
    with open(out, encoding="utf-8-sig") as f:
        runs = json.load(f)["runs"]
    assert runs, "it did not run"
    found = collections.Counter()
    for r in (x for run_ in runs for x in run_.get("results", ())):
        if r["ruleId"] not in ACCEPTED:
            found[(r["ruleId"], r.get("level", "warning"), json.dumps(r["message"])[:300])] += 1
    return ["%s (%s) %d times: %s" % (rule, level, n, text) for (rule, level, text), n in found.items()]


def hostile():
    d = scratch()
    for name in (b"a b%20c#d?e.pkl", b"\xff\n::error::.pkl", "txt.\u202elkp".encode() + b".pkl", b"<\\script>.pkl"):
        write(os.path.join(os.fsencode(d), b"m", name), b"cposix\nsystem\n(S'true'\ntR.")
    scan("-o", "sarif=r.sarif", "m", cwd=d)
    return d + "/r.sarif"


def stored():
    path = os.path.join(scratch(), "r.sarif")
    run("convert", os.path.join(fixtures("report"), "good-rich.json"), "-o", "sarif=" + path)
    return path


def bad():
    """Is the validator awake?  A location without a file, which GitHub refuses."""
    with open(stored(), encoding="utf-8") as f:
        r = json.load(f)
    del r["runs"][0]["results"][0]["locations"]
    return write(os.path.join(scratch(), "bad.sarif"), json.dumps(r).encode())


install()
failed = 0
for number, (name, path, good) in enumerate((("a rich report", stored(), True), ("hostile names", hostile(), True),
                                             ("a broken report is told", bad(), False)), 1):
    found = problems(path)
    ok = not found if good else bool(found)
    failed += not ok
    print("%s %d - %s" % ("ok" if ok else "not ok", number, name))
    for line in found if good else ():
        print("# " + line)
sys.exit(1 if failed else 0)
