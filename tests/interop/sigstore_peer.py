#!/usr/bin/python3
"""The bundles of the mock Sigstore (tests/pki), as the Python package `sigstore` sees them.

What Assay verifies the peer must verify, and what Assay refuses the peer must refuse; the
two tables below are all the exceptions, with the reason.  Skipped when the peer cannot be
installed.
"""
import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD", TOP / "build"))
CASES, DRIVER, VENV = BUILD / "pki/cases", BUILD / "pki/verify_case", BUILD / "interop-sigstore"

ONLY_ASSAY = {
    "good-v02-intoto": "the peer no longer reads entries of kind intoto",
    "good-v01-message-set-only": "the peer needs a proof of inclusion in every version",
    "good-leaf-p384": "the peer verifies P-256 only",
    "good-leaf-p521": "the peer verifies P-256 only",
    "good-leaf-rsa2048": "the peer verifies P-256 only",
    "good-leaf-ed25519": "the peer verifies P-256 only",
    "good-leaf-p384-message": "the peer verifies P-256 only",
    "good-leaf-rsa-pss-envelope": "the peer verifies P-256 only",
    "good-leaf-rsa-pss-message": "the peer verifies P-256 only",
    "good-rekor2-dsse-entry": "the peer reads entries of digests only in version 2",
    "good-other-name": "the peer compares the DER of other names",
    "good-pattern": "the peer was not told that it is a pattern",
    "good-new-issuer-only": "the peer reads version 1 of the issuer only",
    "good-second-sct": "the peer wants exactly one promise of a certificate log",
    "good-client-trust-config": "the peer was told to read a trusted root",
}
ONLY_PEER = {
    "json-duplicate-key": "the peer takes the last of two equal keys",
    "certificate-bundle-as-key": "the peer was not told the method",
    "v02-brings-root": "the peer passes over further certificates",
    "checkpoint-size-with-zero": "the peer reads numbers more freely",
    "checkpoint-of-another-size": "the peer compares the root only",
    "checkpoint-good-and-spoiled": "the peer is content with one good line",
    "checkpoint-rekor2-of-another-name": "the peer knows logs by key id alone",
    "log-window-ended": "the peer does not compare entries with the log's window",
    "log-window-ended-rekor2": "the peer does not compare entries with the log's window",
    "time-stamp-bad-beside-set": "the peer passes over time-stamps it does not need",
    "authority-outside-window": "the peer does not compare times with the authority's window",
    "authority-path-length": "the peer takes every certificate of the authority for an anchor",
    "leaf-purpose-two": "the peer allows further purposes",
    "sct-outside-window": "the peer does not compare promises with the log's window",
    "name-two": "the peer is content when one of two names fits",
    "provider-not-given": "the peer accepts any provider when none is named",
}
PEER = r"""
import json, sys
from pathlib import Path
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy
top = Path(sys.argv[1])
for line in (top / "cases.tsv").read_text().splitlines():
    name = line.split("\t")[0]
    case = json.loads((top / name / "case.json").read_text())
    if not case.get("root") or case.get("anchors") or case.get("keys") or not case["identities"]:
        continue
    try:
        raw = (top / name / "bundle.json").read_bytes()
        who = case["identities"][-1]
        verifier = Verifier(trusted_root=TrustedRoot.from_file(str(top / name / "root.json")))
        accepted = policy.Identity(identity=who["subject"], issuer=who.get("issuer"))
        if b'"dsseEnvelope"' in raw:
            payload = json.loads(verifier.verify_dsse(Bundle.from_json(raw), accepted)[1])
            import hashlib
            digest = hashlib.sha256((top / name / "artifact").read_bytes()).hexdigest()
            assert digest in [s["digest"]["sha256"] for s in payload["subject"]], "no subject"
        else:
            verifier.verify_artifact((top / name / "artifact").read_bytes(), Bundle.from_json(raw), accepted)
        print(name, "verified", "", sep="\t")
    except Exception as e:
        print(name, "refused", f"{type(e).__name__}: {e}".replace("\n", " ")[:200], sep="\t")
"""


def peer():
    python = VENV / "bin/python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", VENV], check=True, capture_output=True)
        if subprocess.run([python, "-c", "import sigstore"], capture_output=True).returncode:
            subprocess.run([python, "-m", "pip", "install", "-q", "sigstore"], check=True, capture_output=True, timeout=300)
    except (subprocess.SubprocessError, OSError):
        return None
    return python


def main():
    python = peer()
    if not python:
        print("ok 1 - sigstore # SKIP cannot install the Python package sigstore")
        return 0
    subprocess.run(["make", "-s", DRIVER], cwd=TOP, check=True, stdout=sys.stderr)
    CASES.mkdir(parents=True, exist_ok=True)
    subprocess.run(["/usr/bin/python3", TOP / "tests/pki/make.py", CASES], check=True)
    ours = subprocess.run([DRIVER, "all", CASES], capture_output=True, text=True, errors="replace", check=True).stdout
    mine = {f[0]: f[1] == "verified" for f in (line.split("\t") for line in ours.splitlines())}
    theirs = subprocess.run([python, "-c", PEER, CASES], capture_output=True, text=True, check=True).stdout
    failed = 0
    for number, line in enumerate(theirs.splitlines(), 1):
        name, verdict, why = line.split("\t")
        table = ONLY_ASSAY if mine[name] else ONLY_PEER
        same = mine[name] == (verdict == "verified")
        good = same or name in table
        failed += not good
        note = "" if same else f" ({table.get(name, 'unexpected: ' + why)})"
        print(f"{'ok' if good else 'not ok'} {number} - {name}: Assay {'verifies' if mine[name] else 'refuses'}, peer: {verdict}{note}")
    return 1 if failed else 0


sys.exit(main())
