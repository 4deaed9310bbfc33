#!/usr/bin/python3
"""Every rule is triggered by the fixture that fixtures/rules.tsv names, and not by the other.

Each fixture is scanned by itself, in a folder of its own.  A row is: rule, the fixture that
triggers it, one that does not, and further options of `assay scan`, separated by tabs.  What
no file at rest can trigger is shown by a test: the row names that instead of a fixture.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD", ROOT / "build"))
ASSAY = os.environ.get("ASSAY", str(BUILD / "bin/assay"))
SCAN = [ASSAY, "scan", "-o", "json", *os.environ.get("ASSAY_SCAN_FLAGS", "").split()]


def rule_ids():
    text = (ROOT / "scanner/core/rules.def").read_text()
    return re.findall(r'^RULE\(\w+,\s*"([^"]+)"', text, re.M)


def rows():
    for line in (ROOT / "fixtures/rules.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            rule, trigger, quiet, *options = line.split("\t")
            yield rule, trigger, quiet, options


def find(name):
    """A fixture is generated (build/fixtures/NAME) or committed (fixtures/NAME)."""
    for path in (BUILD / "fixtures" / name, ROOT / "fixtures" / name, ROOT / name):
        if path.exists():
            return path
    return None


def collect(node, found):
    """Rule ids anywhere in the report of one model or file."""
    if isinstance(node, dict):
        if isinstance(node.get("rule"), str):
            found.add(node["rule"])
        for value in node.values():
            collect(value, found)
    elif isinstance(node, list):
        for value in node:
            collect(value, found)
    return found


def scan(path, options, scratch):
    """The ids that scanning one fixture reports, or None with the reason."""
    # a copy, so that neighbours and the tree around it play no part
    target = Path(scratch) / "target"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    if path.is_dir():
        shutil.copytree(path, target / path.name, symlinks=True)
    else:
        shutil.copyfile(path, target / path.name)
    run = subprocess.run(
        [*SCAN, *options, path.name], cwd=target, capture_output=True, timeout=120
    )
    try:
        return collect(json.loads(run.stdout), set()), None
    except ValueError:
        return None, f"exit {run.returncode}, no JSON: {run.stderr.decode(errors='replace')[-300:]}"


def can_scan(scratch):
    probe = Path(scratch) / "probe"
    probe.write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    try:
        run = subprocess.run([*SCAN, str(probe)], capture_output=True, timeout=60)
        return "findings" in run.stdout.decode() and bool(json.loads(run.stdout))
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def check(self, ok, name, why=""):
        self.count += 1
        self.failed += not ok
        print(("ok" if ok else "not ok"), self.count, "-", name)
        if not ok and why:
            print("#", why.replace("\n", "\n# "))


def main():
    tap = Tap()
    known = rule_ids()
    listed = list(rows())
    tap.check(all(row[0] in known for row in listed), "fixtures/rules.tsv names only rules that exist",
              ", ".join(sorted({row[0] for row in listed} - set(known))))
    with tempfile.TemporaryDirectory() as scratch:
        if not can_scan(scratch):
            print(f"ok {tap.count + 1} - rules fire # SKIP {ASSAY} cannot scan: {len(listed)} rows not tried")
            return tap.failed
        made = subprocess.run([str(ROOT / "fixtures/make-all")], env={**os.environ, "BUILD": str(BUILD)},
                              capture_output=True, text=True)
        tap.check(made.returncode == 0, "fixtures are made", made.stderr[-500:])
        reports = {}
        for rule, trigger, quiet, options in listed:
            for name, expected in ((trigger, True), (quiet, False)):
                path = find(name)
                if path and expected and name.startswith("tests/"):
                    tap.check(rule in path.read_text(), f"{rule} is shown by {name}")
                    continue
                if path is None:
                    tap.check(False, f"{rule}: {name}", "no such fixture")
                    continue
                key = (name, *options)
                if key not in reports:
                    reports[key] = scan(path, options, scratch)
                found, why = reports[key]
                ok = found is not None and (rule in found) == expected
                tap.check(ok, f"{rule} {'fires' if expected else 'is silent'} on {name}",
                          why or f"reported: {', '.join(sorted(found)) or 'nothing'}")
    return tap.failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
