#!/usr/bin/python3
"""assay policy, assay baseline and the options of assay scan that change a gate."""
import json, os, pickle, re, shutil, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *

REAL = os.path.join(TOP, "fixtures", "real")
SAFE = os.path.join(REAL, "linear.safetensors")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
BAD = b"cposix\nsystem\n(S'true'\ntR."
CUT = b"PK\x03\x04" + b"\0" * 40


def tree(**files):
    d = os.path.join(scratch(), "models")
    os.mkdir(d)
    for name, data in files.items():
        write(os.path.join(d, name.replace("__", ".")), data)
    return d


def safe_tree(**files):
    d = tree(**files)
    shutil.copy(SAFE, d)
    return d


def policy(text="", **keys):
    value = {"schema": "assay-policy/1", "name": "team", **keys}
    return write(os.path.join(scratch(), "policy.json"), (text or json.dumps(value)).encode())


def code(*arguments):
    return scan("-o", "json", *arguments).returncode


@case
def a_policy_judges_and_its_digest_is_in_the_report():
    import hashlib
    p = policy(extends="ci", trust={"allow": ["unknown"]})
    r = report("--policy", p, safe_tree(), expect=0)
    assert r["gate"] == r["policy"]["name"] == "team"
    assert r["policy"]["digest"] == hashlib.sha256(open(p, "rb").read()).hexdigest()
    assert report(safe_tree(), expect=0)["policy"]["digest"] is None
    reasons = report("--policy", policy(extends="ci"), safe_tree(), expect=1)["models"][0]["reasons"]
    assert any("the policy allows high, medium or internal" in s for s in reasons)


@case
def precedence_of_exit_codes():
    bad, cut = tree(a__pkl=BAD), tree(a__zip=CUT)
    both = tree(a__pkl=BAD, b__zip=CUT)
    assert (code(bad), code(cut), code(both)) == (1, 2, 1)
    assert (code("--exit-zero", bad), code("--exit-zero", cut), code("--exit-zero", both)) == (0, 0, 0)
    assert report("--exit-zero", both, expect=0)["verdict"] == "fail"
    assert code("--fail-incomplete", cut) == 1
    empty = tree(a__png=b"\x89PNG\r\n\x1a\n")
    assert (code(empty), code("--allow-empty", empty), code("--exit-zero", empty)) == (3, 0, 3)
    assert code("--exit-zero", empty + "/none") == 4 and code("--exit-zero", "--policy", "/none", bad) == 4
    assert code("--allow-empty", cut) == 2
    full = scan("--exit-zero", "-o", "json=/dev/full", bad)
    assert full.returncode == 2, full


@case
def options_outrank_a_policy():
    bad = tree(a__pkl=BAD)
    p = policy(fail_on="never", overrides=[{"match": {"path": ["**"]}, "demand": {"fail_on": "never"}, "reason": "x"}])
    assert code("--policy", p, bad) == 0 and code("--policy", p, "--fail-on", "high", bad) == 1
    assert code("--policy", p, "--deny-format", "pickle", bad) == 1
    assert code("--policy", p, "--allow-trust", "high", bad) == 1
    assert code("--policy", p, "--gate", "ci", bad) == 4 and code("--policy", p, "--policy", p, bad) == 4


@case
def what_lies_in_the_target_or_the_working_directory_is_ignored_or_refused():
    lenient = json.dumps({"schema": "assay-policy/1", "name": "x", "fail_on": "never"}).encode()
    d = tree(a__pkl=BAD, **{"policy__json": lenient, "assay__json": lenient, "__assay__json": lenient})
    assert code(d) == 1
    p = scan("-o", "json", d, cwd=d)
    assert p.returncode == 1
    for name in ("policy.json", "assay.json"):
        p = scan("--policy", os.path.join(d, name), d)
        assert p.returncode == 4 and b"must not judge it" in p.stderr and p.stdout == b""
    link = os.path.join(scratch(), "p.json")
    os.symlink(os.path.join(d, "policy.json"), link)
    assert scan("--policy", link, d).returncode == 4
    shutil.copy(os.path.join(d, "policy.json"), d + "-policy.json")
    assert scan("--policy", d + "-policy.json", d).returncode == 0


@case
def a_policy_extends_a_file_beside_it():
    d = scratch()
    write(d + "/base.json", b'{"schema":"assay-policy/1","name":"base","extends":"ci","trust":{"allow":["unknown"]}}')
    write(d + "/team.json", b'{"schema":"assay-policy/1","name":"team","extends":"base.json",\n"formats":{"deny":[]}}')
    assert code("--policy", d + "/team.json", safe_tree()) == 0
    assert code("--policy", d + "/base.json", tree(a__pkl=pickle.dumps(1))) == 1
    assert code("--policy", d + "/team.json", tree(a__pkl=pickle.dumps(1))) == 0
    write(d + "/loop.json", b'{"schema":"assay-policy/1","name":"loop","extends":"loop.json"}')
    p = scan("--policy", d + "/loop.json", SAFE)
    assert p.returncode == 4 and b"a circle?" in p.stderr
    write(d + "/broken.json", b'{"schema":"assay-policy/1","name":"b","fail_on":"hihg"}')
    write(d + "/over.json", b'{"schema":"assay-policy/1","name":"o","extends":"broken.json"}')
    p = scan("--policy", d + "/over.json", SAFE)
    assert p.returncode == 4 and (d + "/broken.json:1:").encode() in p.stderr


@case
def a_suppression_is_for_the_bytes_that_were_reviewed():
    import hashlib
    d = tree(a__pkl=BAD)
    s = {"rule": "pickle/dangerous-call", "path": "*.pkl", "reason": "reviewed", "expires": "2199-01-01",
         "sha256": hashlib.sha256(BAD).hexdigest()}
    p = policy(suppressions=[s])
    r = report("--policy", p, d, expect=0)
    (f,) = [f for f in findings(r) if f["rule"] == "pickle/dangerous-call"]
    assert f["suppressed"] and "reviewed" in f["suppression"] and r["policy"]["warnings"] == []
    write(d + "/a.pkl", BAD.replace(b"true", b"evil"))
    r = report("--policy", p, d, expect=1)
    assert not any(f["suppressed"] for f in findings(r))
    assert any("for other bytes" in s for m in r["models"] for s in m["reasons"])
    assert any("for other bytes" in w for w in r["policy"]["warnings"])
    s["expires"] = "2020-01-01"
    write(d + "/a.pkl", BAD)
    done = scan("--policy", policy(suppressions=[s]), d)
    assert done.returncode == 1 and b"expired on 2020-01-01" in done.stderr and b"expired" in done.stdout


@case
def bad_input_is_exit_4_and_bounded():
    huge = os.path.join(scratch(), "huge.json")
    with open(huge, "wb") as f:
        f.truncate(100 << 20)
    bomb = "*a" * 120 + "[" * 4
    many = {"schema": "assay-policy/1", "name": "x", "authors": {"deny": ["*" * 300]}}
    head = b'{"schema":"assay-policy/1","name":"t",'
    for text in (b"[" * 100000, b'{"a":' * 5000, head + b'"name":"t"}', head + b'"summary":"\xff\xfe"}',
                 head + b'"authors":{"allow":["' + bomb.encode() + b'"]}}', json.dumps(many).encode(), b"\0", b"",
                 head + b'"overrides":[' + b"{}," * 300 + b"{}]}"):
        p = scan("--policy", write(os.path.join(scratch(), "p.json"), text), SAFE)
        assert p.returncode == 4 and p.stdout == b"" and len(p.stderr) < 4096, (text[:80], p)
        assert re.search(rb"p\.json:\d+:\d+: ", p.stderr), p.stderr
    for path in (huge, "/dev/zero", scratch(), "/none", "/dev/null"):
        p = scan("--policy", path, SAFE)
        assert p.returncode == 4 and p.stdout == b"", (path, p)


@case
def gates_print_as_policies_that_judge_alike():
    d = tree(a__pkl=BAD, b__zip=CUT)
    shutil.copy(SAFE, d)
    for gate in ("default", "ci", "strict", "audit"):
        text = run("policy", "show", gate).stdout
        p = write(os.path.join(scratch(), "gate.json"), text)
        assert run("policy", "check", p).returncode == 0
        for target in (d, SAFE, os.path.join(d, "b.zip")):
            a, b = report("--gate", gate, target), report("--policy", p, target)
            assert (a["verdict"], a["exit_code"]) == (b["verdict"], b["exit_code"])
            assert [len(m["reasons"]) for m in a["models"]] == [len(m["reasons"]) for m in b["models"]]
    listed = run("policy", "show").stdout.decode()
    assert [line.split()[0] for line in listed.splitlines()] == ["default", "ci", "strict", "audit"]
    p = run("policy", "show", "strct")
    assert p.returncode == 4 and b"did you mean strict?" in p.stderr


@case
def policies_fit_the_schema():
    try:
        import jsonschema
    except ImportError:
        raise Skip("no jsonschema")
    schema = json.load(open(os.path.join(TOP, "docs", "policy.schema.json")))
    check = jsonschema.Draft202012Validator(schema)
    for gate in ("default", "ci", "strict", "audit"):
        text = run("policy", "show", gate).stdout.decode()
        check.validate(json.loads(re.sub(r"(?m)^\s*//.*$|  // .*$", "", text)))
    ratchet = json.loads(run("policy", "init", *SCAN_FLAGS, "--from", tree(a__pkl=BAD, b__zip=CUT)).stdout)
    check.validate(ratchet)
    for wrong in ({"trsut": {}}, {"fail_on": "hihg"}, {"overrides": [{}]}, {"suppressions": [{"rule": "x"}]}):
        assert not check.is_valid({"schema": "assay-policy/1", "name": "x", **wrong})
    # and it knows every key that the parser knows, no other
    keys = re.findall(r'^KEY\(\w+, "(\w*)", "(\w+)"', open(os.path.join(TOP, "scanner/policy/keys.def")).read(), re.M)
    known = set()
    for name, value in schema["properties"].items():
        value = schema["$defs"][value["$ref"].split("/")[-1]] if "$ref" in value else value
        known |= {(name, k) for k in value["properties"]} if value.get("type") == "object" else {("", name)}
    others = {"$schema", "schema", "name", "summary", "extends", "overrides", "suppressions"}
    assert known - {("", o) for o in others} == set(keys), known ^ set(keys)


@case
def check_tells_every_problem_with_line_and_column():
    p = policy('{\n "schema": "assay-policy/1", "name": "t",\n "fail_on": "x",\n  "trsut": {}\n}')
    done = run("policy", "check", p, policy())
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 4
    assert lines[0].startswith(p + ":3:2: fail_on: ") and lines[1].startswith(p + ":4:3: trsut: unknown key; did you")
    assert lines[2].endswith(": valid")
    assert run("policy", "check").returncode == 4 and run("policy").returncode == 4
    assert b"did you mean `assay policy check`?" in run("policy", "chekc", p).stderr
    assert run("policy", "--help").returncode == 0


@case
def explain_says_where_each_value_comes_from():
    p = policy('{"schema":"assay-policy/1","name":"t","extends":"ci",\n"trust":{"allow":["unknown"]},\n"overrides":[\n'
               '{"match":{"path":["*.pkl"]},"reason":"old","demand":{"formats":{\n"deny":[]}}}]}')
    out = run("policy", "explain", *SCAN_FLAGS, "--policy", p, "--fail-on", "low", safe_tree(a__pkl=BAD)).stdout.decode()
    assert "override at %s:4 (old)" % p in out, out
    assert re.search(r"fail_on +low +\(--fail-on\)", out) or re.search(r'fail_on +"low" +\(--fail-on\)', out), out
    assert re.search(r"trust\.allow +unknown +\(%s:2\)" % re.escape(p), out)
    assert re.search(r"formats\.deny +none +\(%s:5\)" % re.escape(p), out)
    assert re.search(r"formats\.deny +pickle +\(gate ci\)", out)


@case
def the_ratchet_lets_through_what_is_there_and_nothing_else():
    d = safe_tree(a__pkl=BAD, b__zip=CUT, c__gguf=b"GGUF\3\0\0\0" + b"\0" * 40)
    write(os.fsencode(d) + b"/odd\xff[*].pkl", BAD)
    out = run("policy", "init", *SCAN_FLAGS, "--from", d)
    assert out.returncode == 0, out
    p = write(os.path.join(scratch(), "ratchet.json"), out.stdout)
    assert run("policy", "check", p).returncode == 0
    assert code("--policy", p, d) == 0
    write(d + "/a.pkl", BAD.replace(b"true", b"more"))
    assert code("--policy", p, d) == 1
    write(d + "/a.pkl", BAD)
    assert code("--policy", p, d) == 0
    write(d + "/new.pkl", pickle.dumps(1))
    assert code("--policy", p, d) == 1
    assert run("policy", "init", d).returncode == 4
    assert run("policy", "init", "--policy", p, "--from", d).returncode == 4


@case
def a_baseline_gates_new_findings_and_reports_all():
    d = tree(a__pkl=BAD)
    b = os.path.join(scratch(), "baseline.json")
    assert run("baseline", "create", *SCAN_FLAGS, "-o", b, d).returncode == 0
    assert json.load(open(b))["schema"] == "assay-baseline/1"
    r = report("--baseline", b, d, expect=0)
    assert findings(r) and all(f["suppressed"] and "in the baseline" in f["suppression"] for f in findings(r))
    assert r["summary"]["findings"]["critical"] == 1
    write(d + "/b.pkl", BAD)
    r = report("--baseline", b, d, expect=1)
    assert sorted(f["suppressed"] for f in findings(r) if f["severity"] == "critical") == [False, True]
    os.remove(d + "/b.pkl")
    write(d + "/a.pkl", BAD + b"N.")  # same evidence, other bytes: critical, so it counts
    assert code("--baseline", b, d) == 1
    inside = shutil.copy(b, d)
    assert scan("--baseline", inside, d).returncode == 4
    for text in (b"", b"{}", b'{"schema":"assay-baseline/1"}', b'{"schema":"assay-baseline/1","findings":[{}]}',
                 b'{"schema":"assay-baseline/1","findings":[],"x":1}'):
        assert scan("--baseline", write(os.path.join(scratch(), "b"), text), d).returncode == 4, text
    assert run("baseline").returncode == 4 and run("baseline", "create").returncode == 4
    assert run("baseline", "--help").returncode == 0


@case
def a_target_that_could_not_be_scanned_is_told_by_all_that_scan():
    model = safe_tree()
    for words in (["baseline", "create", *SCAN_FLAGS], ["policy", "init", *SCAN_FLAGS, "--from"],
                  ["policy", "explain", *SCAN_FLAGS]):
        p = run(*words, "hf:acme/m@" + COMMIT, "--offline", env={"HOME": scratch()})
        assert p.returncode == 2 and b"hf:acme/m" in p.stderr, (words, p)
        p = run(*words, model)
        assert p.returncode == 0 and not p.stderr, (words, p)


@case
def reasons_name_the_clause_and_who_wrote_it():
    d = tree(a__pkl=BAD)
    p = policy('{"schema":"assay-policy/1","name":"t","extends":"ci",\n"trust":{"allow":["high"]}}')
    said = " ".join(report("--policy", p, "--fail-on", "low", d, expect=1)["models"][0]["reasons"])
    for clause in ("(formats.deny, gate ci)", "(trust.allow, %s:2)" % p, "(fail_on, --fail-on)"):
        assert clause in said, (clause, said)
    said = " ".join(report("--gate", "ci", d, expect=1)["models"][0]["reasons"])
    assert "denies pickle" in said and "gate ci" not in said, said  # a gate has no lines


@case
def a_file_of_cases_tests_a_policy():
    d = scratch()
    write(d + "/models/bad.pkl", BAD)
    shutil.copy(SAFE, d + "/models/good.safetensors")
    write(d + "/policy.json", b'{"schema":"assay-policy/1","name":"t","extends":"ci","trust":{"allow":["medium"]}}')
    cases = [{"name": "good", "target": "models/good.safetensors", "policy": "policy.json", "verdict": "pass",
              "options": ["--origin", "hf:acme/m@" + COMMIT], "exit_code": 0},
             {"name": "bad", "target": "models/bad.pkl", "policy": "policy.json", "verdict": "fail",
              "reasons": ["denies pickle", "dangerous-call"]},
             {"name": "audit", "target": "models/bad.pkl", "gate": "audit", "verdict": "fail", "exit_code": 0},
             {"name": "none", "target": "models/none", "exit_code": 4}]
    os.mkdir(d + "/review")
    assert run("lock", "-o", d + "/review/lock.json", d + "/models/good.safetensors").returncode == 0
    write(d + "/locked.json", b'{"schema":"assay-policy/1","name":"l","hash":{"match":["lockfile"]}}')
    cases += [{"name": "locked", "target": "models/good.safetensors", "policy": "locked.json", "lockfile": "review/lock.json", "verdict": "pass"},
              {"name": "not locked", "target": "models/good.safetensors", "policy": "locked.json", "verdict": "fail"}]
    for c in cases:
        c["options"] = c.get("options", []) + SCAN_FLAGS
    p = write(d + "/cases.json", json.dumps({"schema": "assay-policy-test/1", "cases": cases}).encode())
    done = run("policy", "test", p)
    assert done.returncode == 0 and b"6 passed, 0 failed" in done.stdout, done
    cases[0]["verdict"] = "fail"
    cases[1]["reasons"].append("no such words")
    write(p, json.dumps({"schema": "assay-policy-test/1", "cases": cases}).encode())
    done = run("policy", "test", p)
    assert done.returncode == 1 and b"4 passed, 2 failed" in done.stdout
    assert b"\n        verdict pass, not fail\n" in done.stdout and b"no reason says" in done.stdout and b"\\x20" not in done.stdout
    for text in (b"", b"{}", b'{"schema":"assay-policy-test/1","cases":[{}]}',
                 b'{"schema":"assay-policy-test/1","cases":[{"name":"x","target":"y","verdit":"pass"}]}'):
        assert run("policy", "test", write(d + "/c.json", text)).returncode == 4, text
    assert run("policy", "test").returncode == 4


@case
def strict_wants_a_pinned_revision_and_a_digest():
    d = safe_tree()
    lock = os.path.join(scratch(), "lock.json")
    assert run("lock", "--origin", "hf:acme/m@" + COMMIT, "-o", lock, d).returncode == 0
    assert code("--gate", "strict", "--origin", "hf:acme/m@" + COMMIT, d) == 1
    assert code("--gate", "strict", "--origin", "hf:acme/m", d) == 1
    assert code("--gate", "strict", "--lockfile", lock, d) == 0


main()
