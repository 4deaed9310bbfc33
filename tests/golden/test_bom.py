#!/usr/bin/python3
"""CycloneDX and SPDX: valid by their schemas, and what those do not ask for: references that
lead somewhere, nothing left out, the AI profile's cardinalities, the same bytes every time.

    GOLDEN_UPDATE=1 tests/golden/test_bom.py     accept the bytes of today
"""
import difflib, json, os, re, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import BUILD, TOP, Skip, case, main, run, scan, scratch, write

SCHEMAS = os.path.join(TOP, "tests/schemas")
GOLDEN = os.path.join(TOP, "tests/golden/bom")
VERSION = open(os.path.join(TOP, "VERSION")).read().strip()
EVIL = b"cposix\nsystem\n(S'true'\ntR."
EPOCH = {"SOURCE_DATE_EPOCH": "1767225600"}


def load(name):
    with open(os.path.join(SCHEMAS, name), encoding="utf-8") as f:
        return json.load(f)


def samples():
    d = scratch()
    subprocess.run([os.path.join(BUILD, "unit/test_report"), "--write", d], check=True, cwd=TOP)
    return {name: open(os.path.join(d, name), "rb").read() for name in sorted(os.listdir(d))}


SAMPLES = samples()


def of(kind):
    """The documents of one format, each with the JSON report of the same result."""
    return {n: (json.loads(data), json.loads(SAMPLES[n.partition(".")[0] + ".json"]))
            for n, data in SAMPLES.items() if n.partition(".")[2] == kind}


def errors_of(validator, document):
    return ["%s: %s" % ("/".join(map(str, e.absolute_path)), e.message[:200]) for e in validator.iter_errors(document)]


def jsonschema():
    try:
        import jsonschema
    except ImportError:
        raise Skip("python3-jsonschema is not installed")
    return jsonschema


def walk(value):
    """Every object of a document."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(inner)


@case
def a_published_model_gives_the_golden_bytes():
    wrong = []
    for kind in ("cyclonedx", "spdx", "vsa"):
        path = os.path.join(GOLDEN, "published." + kind)
        now = SAMPLES["published-ci." + kind].decode().replace('"%s"' % VERSION, '"VERSION"').replace("assay " + VERSION, "assay VERSION")
        if os.environ.get("GOLDEN_UPDATE"):
            write(path, now.encode())
        golden = open(path, newline="").read() if os.path.exists(path) else ""
        wrong += difflib.unified_diff(golden.splitlines(), now.splitlines(), path, "now", lineterm="", n=1)
    assert not wrong, "\n".join(wrong[:60])


# ---- CycloneDX ---------------------------------------------------------------------------


@case
def cyclonedx_is_valid():
    js = jsonschema()
    bom = load("bom-1.6.schema.json")
    home = "http://cyclonedx.org/schema/"
    store = {home + name: load(name) for name in ("spdx.schema.json", "jsf-0.82.schema.json")}
    validator = js.Draft7Validator(bom, resolver=js.RefResolver(bom["$id"], bom, store=store))
    for name, (bom, _) in of("cyclonedx").items():
        assert not errors_of(validator, bom), (name, errors_of(validator, bom)[:5])


@case
def references_of_cyclonedx_lead_to_one_thing_each():
    for name, (bom, _) in of("cyclonedx").items():
        refs = [x["bom-ref"] for x in walk(bom) if "bom-ref" in x]
        assert len(refs) == len(set(refs)), name
        used = [a["ref"] for v in bom["vulnerabilities"] for a in v["affects"]]
        used += [r for c in bom["compositions"] for r in c["assemblies"]]
        d = bom["declarations"]
        used += [x for c in d["claims"] for x in (c["target"], *c.get("evidence", []))]
        used += [x for a in d["attestations"] for m in a["map"] for x in (m["requirement"], *m["claims"], *m["counterClaims"])]
        used += [a["assessor"] for a in d["attestations"]]
        assert set(used) <= set(refs), (name, set(used) - set(refs))


@case
def cyclonedx_leaves_nothing_out():
    for name, (bom, whole) in of("cyclonedx").items():
        assert len(bom["components"]) == len(whole["models"])
        for component, model in zip(bom["components"], whole["models"]):
            files = component["components"]
            assert component["type"] == "machine-learning-model"
            assert [f.get("hashes", [{}])[0].get("content") for f in files] == [
                f["digests"].get("sha256") for f in model["files"]], name
        found = [f for m in whole["models"] for f in m["findings"]]
        assert [(v["id"], v["ratings"][0]["severity"], v.get("cwes", [None])[0]) for v in bom["vulnerabilities"]] == [
            (f["rule"], f["severity"], f["cwe"]) for f in found], name
        for v, f in zip(bom["vulnerabilities"], found):
            assert v["bom-ref"].split(":")[1] == f["fingerprint"]
            assert (v["analysis"]["state"] == "not_affected") == f["suppressed"]
            assert v["affects"][0]["ref"].count("/") == (f["path"] is not None)
        said = {p["name"]: p["value"] for p in bom["metadata"]["properties"]}
        assert said["assay:verdict"] == whole["verdict"] and said["assay:exit-code"] == str(whole["exit_code"])
        errors = [p for p in bom["metadata"]["properties"] if p["name"] == "assay:error"]
        assert len(errors) == len(whole["errors"])


@case
def cyclonedx_never_attests_more_than_was_found():
    for name, (bom, whole) in of("cyclonedx").items():
        (attestation,) = bom["declarations"]["attestations"]
        (part,) = attestation["map"]
        assert part["conformance"]["score"] == (whole["verdict"] == "pass"), name
        passing = {"claim:policy:%d" % i for i, m in enumerate(whole["models"], 1) if m["verdict"] == "pass"}
        assert set(part["claims"]) == passing and len(part["counterClaims"]) == len(whole["models"]) - len(passing)
        signed = [c for c in bom["declarations"]["claims"] if c["bom-ref"].startswith("claim:signature")]
        assert len(signed) == sum(s["state"] == "verified" for m in whole["models"] for s in m["signatures"])
        for component, model in zip(bom["components"], whole["models"]):
            sure = model["origin"]["basis"] in ("stated", "signed", "fetched")
            assert "purl" not in component or sure, name
            for e in component.get("evidence", {}).get("identity", []):
                assert e["confidence"] == sure
            for part, f in zip(component["components"], model["files"]):
                strong = any(x["state"] == "verified" and not x["weak"] for x in f["expected"]) or (
                    f["signed"] and model["signatures"][f["signature"]]["state"] == "verified" if f["signature"] is not None else False)
                for e in part.get("evidence", {}).get("identity", []):
                    assert e["confidence"] == strong, (name, f["path"])


@case
def cyclonedx_tells_where_a_published_model_comes_from():
    (model,) = of("cyclonedx")["published-ci.cyclonedx"][0]["components"]
    assert model["purl"] == "pkg:huggingface/acme/Gpt-small@4f1c0d2e8a90b7c6d5e4f3a2b1c0d9e8f7a6b5c4"
    assert model["supplier"]["name"] == model["group"] == "acme" and model["name"] == "Gpt-small"
    assert [x["license"].get("id", x["license"].get("name")) for x in model["licenses"]] == ["Apache-2.0", "acme-research-1"]
    assert model["pedigree"]["ancestors"][0]["purl"] == "pkg:huggingface/acme/gpt" and "not verified" in model["pedigree"]["notes"]
    assert [d["name"] for d in model["modelCard"]["modelParameters"]["datasets"]] == ["acme/corpus"]


# ---- SPDX -----------------------------------------------------------------------------------

SCHEMA = load("spdx-3.0.1.schema.json")
INDIVIDUALS = {"expandedlicensing_NoAssertionLicense"}


def each_is_valid(js, validators, document):
    """Each element by the schema of its type.  (The whole document asks Debian's jsonschema to try
    every type for every element, which takes minutes; the small ones are tried so too.)"""
    for element in document["@graph"]:
        kind = element["type"]
        if kind not in validators:
            assert kind in SCHEMA["$defs"], kind
            validators[kind] = js.Draft202012Validator(
                {"$ref": "#/$defs/" + kind, "unevaluatedProperties": False, "$defs": SCHEMA["$defs"]})
        assert not errors_of(validators[kind], element), (element, errors_of(validators[kind], element)[:5])


@case
def spdx_is_valid():
    js = jsonschema()
    validators = {}
    for name, (document, _) in of("spdx").items():
        assert document["@context"] == SCHEMA["properties"]["@context"]["const"]
        each_is_valid(js, validators, document)
    whole = js.Draft202012Validator(SCHEMA)
    document = of("spdx")["empty-ci.spdx"][0]
    assert not errors_of(whole, document), errors_of(whole, document)


@case
def references_of_spdx_lead_to_one_thing_each():
    for name, (document, _) in of("spdx").items():
        graph = document["@graph"]
        ids = [e.get("spdxId", e.get("@id")) for e in graph]
        assert len(ids) == len(set(ids)) and all(re.fullmatch(r"_:creation|urn:uuid:[0-9a-f-]{36}#\S+", i) for i in ids), name
        used = set()
        for e in graph:
            for key in ("creationInfo", "from", "subject", "suppliedBy"):
                used |= {e[key]} if key in e else set()
            for key in ("to", "rootElement", "createdBy", "createdUsing"):
                used |= set(e.get(key, []))
            used |= {d["value"] for d in e.get("simplelicensing_customIdToUri", [])}
        assert used <= set(ids) | INDIVIDUALS, (name, used - set(ids))


@case
def spdx_claims_the_ai_profile_only_when_it_holds_to_it():
    claimed = 0
    for name, (document, whole) in of("spdx").items():
        graph = document["@graph"]
        packages = [e for e in graph if e["type"] == "ai_AIPackage"]
        wanted = ("releaseTime", "suppliedBy", "software_downloadLocation", "software_packageVersion",
                  "software_primaryPurpose")
        conforms = bool(packages) and all(all(k in p for k in wanted) for p in packages)
        for e in graph:
            if "profileConformance" in e:
                assert ("ai" in e["profileConformance"]) == conforms, name
                claimed += conforms
        assert len(packages) == len(whole["models"])
        for p in packages:
            for kind in ("hasDeclaredLicense", "hasConcludedLicense"):
                assert sum(e.get("from") == p["spdxId"] and e.get("relationshipType") == kind for e in graph) == 1
    assert claimed


@case
def spdx_leaves_nothing_out():
    for name, (document, whole) in of("spdx").items():
        graph = document["@graph"]
        hashes = [e.get("verifiedUsing", [{}])[0].get("hashValue") for e in graph if e["type"] == "software_File"]
        assert hashes == [f["digests"].get("sha256") for m in whole["models"] for f in m["files"]], name
        found = [f for m in whole["models"] for f in m["findings"]]
        told = [e for e in graph if e["type"].startswith("security_Vex")]
        assert [e["spdxId"].partition("#finding/")[2].partition(":")[0] for e in told] == [f["fingerprint"] for f in found]
        for e, f in zip(told, found):
            assert e["from"].endswith("#rule/" + f["rule"])
            assert (e["relationshipType"] == "doesNotAffect") == f["suppressed"] == ("security_impactStatement" in e)
        rules = {e["name"]: e for e in graph if e["type"] == "security_Vulnerability"}
        assert set(rules) == {f["rule"] for f in found}
        for f in found:
            known = rules[f["rule"]].get("externalIdentifier", [{}])[0].get("identifier")
            assert known == (f["cwe"] and "CWE-%d" % f["cwe"])
        notes = [e["statement"] for e in graph if e["type"] == "Annotation"]
        assert any(n.startswith("gate %s: %s " % (whole["gate"], whole["verdict"])) for n in notes)
        assert sum(n.startswith("verdict: ") for n in notes) == len(whole["models"])
        assert sum(n.startswith("not scanned: ") for n in notes) == len(whole["errors"])


@case
def spdx_tells_where_a_published_model_comes_from():
    graph = of("spdx")["published-ci.spdx"][0]["@graph"]
    (model,) = [e for e in graph if e["type"] == "ai_AIPackage"]
    named = {e["spdxId"]: e for e in graph if "spdxId" in e}
    to = {e["relationshipType"]: [named.get(t, t) for t in e["to"]] for e in graph if e["type"] == "Relationship"}
    assert model["releaseTime"] == "2025-06-01T12:00:00Z" and named[model["suppliedBy"]]["name"] == "acme"
    assert model["software_packageUrl"].startswith("pkg:huggingface/acme/Gpt-small@4f1c")
    assert [x["simplelicensing_licenseExpression"] for x in to["hasDeclaredLicense"]] == ["Apache-2.0", "LicenseRef-declared-2"]
    assert [x["name"] for x in to["trainedOn"]] == ["acme/corpus"] and to["descendantOf"][0]["name"] == "acme/gpt"
    assert to["hasConcludedLicense"] == ["expandedlicensing_NoAssertionLicense"]


# ---- the same every time ---------------------------------------------------------------------


def target():
    d = scratch()
    for i in range(8):
        write("%s/m/part-%d.pkl" % (d, i), EVIL + bytes(i))
    write(d + "/m/config.json", b"{}")
    return d


@case
def a_set_date_gives_the_same_bytes_for_any_number_of_jobs():
    d = target()
    for kind in ("cyclonedx", "spdx", "vsa"):
        first, again = (scan("-j", j, "-o", kind, "m", cwd=d, env=EPOCH).stdout for j in ("1", "4"))
        other = scan("-o", kind, "m", cwd=d, env={"SOURCE_DATE_EPOCH": "1"}).stdout
        assert first == again and len(first) > 1000 and b"2026-01-01T00:00:00Z" in first, kind
        assert other != first and b"1970-01-01T00:00:01Z" in other


@case
def documents_of_other_results_have_other_names():
    d = target()
    numbers = set()
    for extra in ((), ("--origin", "hf:acme/x"), ("--gate", "ci"), ("--gate", "ci")):
        numbers.add(json.loads(scan("-o", "cyclonedx", *extra, "m", cwd=d, env=EPOCH).stdout)["serialNumber"])
    write(d + "/m/more.pkl", EVIL)
    numbers.add(json.loads(scan("-o", "cyclonedx", "m", cwd=d, env=EPOCH).stdout)["serialNumber"])
    assert len(numbers) == 4 and all(re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", n) for n in numbers)


main()
