#!/usr/bin/python3
"""Large and odd results: what consumers have no room for is left out at the end, and said."""
import csv, gzip, io, json, os, random, re, sys, xml.etree.ElementTree as xml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stored
from tap import case, main, run, scratch


def reports(*formats, **how):
    path = scratch() + "/r.json"
    stored.result(path, **how)
    out = []
    for name in formats:
        p = run("convert", path, "-o", name)
        assert p.returncode in (0, 1, 2) and not p.stderr, p.stderr
        out.append(p.stdout)
    return out


def worst_first(severities):
    order = {"critical": 0, "high": 1, "medium": 2, "low": 3, "info": 4}
    ranks = [order[s] for s in severities]
    return ranks == sorted(ranks)


@case
def sarif_holds_25000_results_the_worst_and_says_how_many_are_missing():
    (data,) = reports("sarif", count=26000, models=20)
    (r,) = json.loads(data)["runs"]
    assert len(r["results"]) == 25000 and worst_first(x["properties"]["severity"] for x in r["results"])
    notes = [n["message"]["text"] for n in r["invocations"][0]["toolExecutionNotifications"]]
    assert any(n.startswith("1000 results are left out") for n in notes), notes
    assert len({x["partialFingerprints"]["primaryLocationLineHash"] for x in r["results"]}) == 25000


@case
def sarif_holds_what_github_takes_in_and_says_what_is_missing():
    d = scratch()
    stored.result(d + "/r.json", count=20000, models=20)
    r = json.load(open(d + "/r.json"))
    noise = random.Random(1)
    for m in r["models"]:
        for f in m["findings"]:  # text that gzip cannot make small
            f["message"] = noise.randbytes(450).hex()
    with open(d + "/r.json", "w") as f:
        f.write(json.dumps(r).replace('"seconds": 1.0', '"seconds": 1.000'))
    data = run("convert", d + "/r.json", "-o", "sarif").stdout
    (r,) = json.loads(data)["runs"]
    notes = [n["message"]["text"] for n in r["invocations"][0]["toolExecutionNotifications"]]
    assert 6_500_000 < len(gzip.compress(data, 6)) < 10_000_000
    assert "%d results are left out: a run holds 25000 and 10 MB, the worst are here" % (20000 - len(r["results"])) in notes, notes
    assert worst_first(x["properties"]["severity"] for x in r["results"])
    assert len(r["artifacts"]) == 200 or any("files are left out of the artifacts" in n for n in notes)


@case
def notifications_are_bounded_and_counted():
    sarif, gitlab = (json.loads(x) for x in reports("sarif", "gitlab-sast", count=1, errors=1234))
    notes = sarif["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert len(notes) == 1001 and notes[-1]["message"]["text"] == "234 more targets were not scanned"
    messages = gitlab["scan"]["messages"]
    assert len(messages) == 1001 and messages[-1] == {"level": "fatal", "value": "234 more targets were not scanned"}
    assert gitlab["scan"]["status"] == "failure" and not sarif["runs"][0]["invocations"][0]["executionSuccessful"]


@case
def what_was_not_scanned_cannot_crowd_out_what_was_found():
    (data,) = reports("github", count=60, errors=40)
    lines = data.decode().splitlines()
    levels = [re.match("::([a-z]+) ", line)[1] for line in lines]
    assert all(levels.count(x) <= 10 for x in set(levels)), lines
    assert sum("title=Not scanned" in line for line in lines) == 3
    found = [line for line in lines if "pickle/dangerous-call" in line]
    assert len(found) == 6 and re.fullmatch(r"::notice title=Assay::\d+ more are not shown here", lines[-1])
    assert int(re.search(r"(\d+) more", lines[-1])[1]) == 60 + 40 + 1 - (len(lines) - 1)


@case
def one_model_in_two_targets_has_two_names():
    (data,) = reports("junit", count=40, models=2, identity="acme/bert@4f1c")
    cases = [(c.get("classname"), c.get("name")) for c in xml.fromstring(data).iter("testcase")]
    assert len(cases) == len(set(cases)) and len(xml.fromstring(data)) == 2


@case
def fingerprints_do_not_depend_on_offsets():
    d = scratch()
    stored.result(d + "/a.json", count=50)
    moved = json.load(open(d + "/a.json"))
    for m in moved["models"]:
        for f in m["findings"]:
            f["offset"] += 4096
    with open(d + "/b.json", "w") as f:
        f.write(json.dumps(moved).replace('"seconds": 1.0', '"seconds": 1.000'))
    for name in ("sarif", "gitlab-sast", "cyclonedx"):
        one, other = (json.loads(run("convert", d + x, "-o", name).stdout) for x in ("/a.json", "/b.json"))
        key = {"sarif": lambda r: [x["partialFingerprints"] for x in r["runs"][0]["results"]],
               "gitlab-sast": lambda r: [(v["id"], v["tracking"]) for v in r["vulnerabilities"]],
               "cyclonedx": lambda r: [v["bom-ref"] for v in r["vulnerabilities"]]}[name]
        assert one != other and key(one) == key(other), name


@case
def every_table_and_suite_says_what_was_only_counted():
    d = scratch()
    stored.result(d + "/a.json", count=20, models=1)
    r = json.load(open(d + "/a.json"))
    m = r["models"][0]
    m["findings_dropped"] = m["files"][3]["members"][0]["findings_dropped"] = 7
    with open(d + "/a.json", "w") as f:
        f.write(json.dumps(r).replace('"seconds": 1.0', '"seconds": 1.000'))
    for name in ("sarif", "gitlab-sast", "junit", "csv", "cyclonedx", "spdx", "github"):
        text = run("convert", d + "/a.json", "-o", name).stdout.decode()
        assert re.search(r'7 findings were counted|"assay:findings:dropped",\s*"value": "7"|[0-9]+ more are not shown', text), name
    rows = [x for x in csv.DictReader(io.StringIO(run("convert", d + "/a.json", "-o", "csv").stdout.decode())) if x["row"] == "dropped"]
    assert len(rows) == 1 and rows[0]["file"].endswith("part-03.pt")


main()
