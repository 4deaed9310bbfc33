#!/usr/bin/python3
"""Every check of scanner/integrity/checks.def is pinned: bundles of a mock Sigstore, each
negative violating one check, must come out with the state, the check and the exit status
that belong to it; and with that check left out, something else must come out."""
import os
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD", TOP / "build"))
CASES, DRIVER = BUILD / "pki/cases", BUILD / "pki/verify_case"
EXIT = {"verified": 0, "invalid": 1, "untrusted": 1, "unsupported": 2}
# "resources" needs a machine without memory: tests/unit/test_verify.c runs out of arenas.
ELSEWHERE = {"resources"}
number = failures = 0


def tap(ok, name, detail=""):
    global number, failures
    number += 1
    failures += not ok
    print(f"{'ok' if ok else 'not ok'} {number} - {name}" + (f"\n# {detail}" if detail and not ok else ""))


def rows(*args):
    run = subprocess.run([DRIVER, *args, CASES], capture_output=True, text=True, errors="replace")
    if run.returncode:
        tap(False, " ".join(args), f"exit {run.returncode} {run.stderr}")
    return {f[0]: f[1:] for f in (line.split("\t") for line in run.stdout.splitlines())}


def main():
    CASES.mkdir(parents=True, exist_ok=True)
    subprocess.run(["/usr/bin/python3", TOP / "tests/pki/make.py", CASES], check=True)
    expected = [line.split("\t") for line in (CASES / "cases.tsv").read_text().splitlines()]
    actual, without = rows("all"), rows("mutate")
    tap(len({name for name, _, _ in expected}) == len(expected), "every case has its own name")
    for name, state, check in expected:
        got = actual.get(name, ["nothing", "", ""])
        code = subprocess.run([DRIVER, CASES / name], stdout=subprocess.DEVNULL).returncode
        reason = bool(got[2].strip()) == (state != "verified")
        tap(got[:2] == [state, check] and reason and code == EXIT[state], f"{name}: {state} {check}".rstrip(),
            f"{got}, exit {code}")
    table = re.findall(r'^CHECK\(\w+, "([a-z0-9-]+)", (\w+)', (TOP / "scanner/integrity/checks.def").read_text(), re.M)
    page = (TOP / "docs/signatures.md").read_text()
    for check, state in table:
        if check in ELSEWHERE:
            continue
        cases = [name for name, _, c in expected if c == check]
        same = [name for name in cases if without.get(name, [None, None])[:2] == [state.lower(), check]]
        verified = [name for name in cases if without.get(name, [""])[0] == "verified"]
        tap(bool(cases) and not same, f"without {check}: {len(verified)} of {len(cases)} would be verified",
            f"unnoticed: {same or 'no case violates it'}")
        tap(f"`{check}`" in page, f"docs/signatures.md explains {check}")
    print(f"1..{number}")
    return 1 if failures else 0


sys.exit(main())
