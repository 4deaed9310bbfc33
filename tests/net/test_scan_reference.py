#!/usr/bin/python3
"""assay scan REF, for every registry that the json-rest driver asks: each case of
fixtures/registries/ is played under its real URLs, and scanned end to end."""
import atexit, collections, hashlib, os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from replay import WEIGHTS, Replay, cases, driver, fit
import tap

lab = Replay().__enter__()
atexit.register(lambda: lab.__exit__())

SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
COLUMNS = ("resolve", "metadata", "files", "hashes", "download", "checks")
table = collections.defaultdict(dict)


def rows(items):
    found = {}
    for row in items:
        found.setdefault(row["key"], row["value"])
    return found


def check_metadata(registry, model, wanted):
    found = rows(model["metadata"])
    for key, value in wanted.items():
        assert found.get(key) == value, (key, found.get(key), value)
        if value is not None:
            table[registry]["metadata"] = "ok"


def check_files(registry, model, wanted):
    stored = [f for f in wanted if not f.get("storage")]
    by_path = {f["path"]: f for f in model["files"]}
    assert [f["path"] for f in stored] == [p for p in sorted(by_path) if p], list(by_path)
    for f in stored:
        got = by_path[f["path"]]
        table[registry]["files"] = "ok"
        if f.get("hash", "").startswith("sha256-prefix:") and not SHA256.startswith(f["hash"][14:]):
            assert got["status"] == "failed" and got["findings"], got
            continue
        assert got["digests"].get("sha256") == SHA256, got
        table[registry]["download"] = "ok"
        states = {(e["algorithm"], e["state"]) for e in got["expected"]}
        assert not any(state == "mismatch" for _, state in states), states
        if f.get("hash"):
            algorithm, value = f["hash"].split(":")
            algorithm = algorithm.replace("sha256-prefix", "sha256")
            assert (algorithm, "verified") in states, (f, states)
            table[registry]["hashes"] = "ok"
        else:
            assert not any(state == "verified" and algorithm != "size" for algorithm, state in states), states
        if f.get("scan"):
            assert rows(got["metadata"])["scan.status"] == f["scan"], got
    for f in wanted:
        if f.get("storage"):
            table[registry].setdefault("files", "storage")


def check_model(registry, report, wanted):
    model, = report["models"]
    assert model["origin"]["registry"] == registry and model["origin"]["basis"] == "fetched"
    assert model["origin"]["trust"] == wanted["trust"], model["origin"]
    levels = ("unknown", "low", "medium", "high", "internal")
    assert levels.index(model["trust"]) <= levels.index(wanted["trust"]), model["trust"]
    table[registry]["resolve"] = "ok"
    check_metadata(registry, model, wanted["metadata"])
    found = {c["check"]: c["result"] for c in model["provenance"]}
    assert found == wanted["checks"], (found, wanted["checks"])
    assert all(c["evidence"] for c in model["provenance"])
    table[registry]["checks"] = "ok"
    check_files(registry, model, wanted["files"])
    for rule in wanted.get("findings", []):
        assert rule in {f["rule"] for f in model["findings"]}, (rule, model["findings"])


def check_case(registry, c):
    c = lab.case = fit(c)
    p, report = lab.scan(c["reference"])
    if "refused" in c:
        missing = c["refused"] in ("not_found", "revision_not_found")
        assert p.returncode == (4 if missing else 2), (p.returncode, p.stderr)
        text = p.stderr.decode() if missing else report["errors"][0]["message"]
        assert text.strip(), "no reason is told"
        return
    wanted = c["expect"]
    assert report, p.stderr.decode()
    if "rematch" in wanted:
        return
    check_model(registry, report, wanted)
    if not wanted["listed"]:
        assert p.returncode == (1 if "trust/unsafe-listing" in wanted.get("findings", []) else 2), p.returncode
        assert report["errors"][0]["code"] == "network", report["errors"]
    if lab.credentials():
        assert "environment" in c, lab.credentials()


def add(registry, c):
    def test():
        check_case(registry, c)
    test.__name__ = "%s: %s" % (registry, c["about"])
    tap.case(test)


for registry, c in cases():
    if driver(registry) == "json-rest":
        add(registry, c)


@tap.case
def what_was_proved_of_each_registry():
    """For tests/interop/table; files in storage are not played here."""
    for registry, cells in sorted(table.items()):
        for column in COLUMNS:
            if cells.get(column) == "ok":
                print("# cell %s %s replay" % (registry, column))
        if cells.get("files") == "ok" and "hashes" not in cells:
            print("# none %s hashes: it publishes none" % registry)
        for column in ("files", "hashes", "download") if "files" not in cells else ():
            print("# none %s %s: it hands out no files" % (registry, column))


tap.main()
