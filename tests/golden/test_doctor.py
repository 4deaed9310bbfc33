#!/usr/bin/python3
"""assay doctor: every check, in both states that it can be brought into here."""
import os, shutil, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *

# A build with sanitizers cannot be confined, and says so.
CONFINED = not SCAN_FLAGS
NAMES = ["worker", *(["sandbox", "byte rules"] if CONFINED else []), "pickle rules", "registries", "trusted root", "cache",
         "spool", "network", "gpgv", "namespaces"]


def doctor(*arguments, expect=0 if CONFINED else 2, **env):
    p = run("doctor", "--json", *arguments, env=env)
    assert p.returncode == expect, p
    r = json.loads(p.stdout)
    assert r["schema"] == "assay-doctor/1" and r["ok"] == (expect == 0)
    assert [c["name"] for c in r["checks"]] == NAMES, r
    assert all(c["state"] in ("ok", "warning", "failed") and c["detail"] for c in r["checks"])
    assert r["ok"] == all(c["state"] != "failed" for c in r["checks"])
    return {c["name"]: c for c in r["checks"]}


@case
def what_it_says_is_so():
    checks = doctor()
    rules = json.loads(run("rules", "--json").stdout)
    assert checks["pickle rules"]["count"] == rules["pickle_globals"]
    assert checks["registries"]["count"] == len(json.loads(run("registries", "--json").stdout)["registries"]) >= 23
    assert checks["trusted root"]["age_days"] > 0
    if CONFINED:
        assert checks["byte rules"]["count"] == sum(r["id"].startswith("yara/") for r in rules["rules"])
        sandbox = report(os.path.join(TOP, "fixtures/real/linear.safetensors"))["run"]["sandbox"]
        assert checks["sandbox"]["detail"] == sandbox
        assert sandbox.endswith("landlock%d" % checks["sandbox"]["landlock_abi"]) or checks["sandbox"]["landlock_abi"] == 0


@case
def text_says_the_same():
    p = run("doctor")
    text = p.stdout.decode()
    for name in NAMES:
        assert any(line[9:].startswith(name) for line in text.splitlines()), (name, text)
    assert text.endswith("Scans work on this machine.\n" if CONFINED else "Something that a scan needs does not work.\n")


@case
def a_broken_registry_is_a_failure_with_its_place():
    d = scratch()
    write(os.path.join(d, "x.json"), b'{ "schema": 1,\n "bad" }')
    c = doctor("--registries", d, expect=2)["registries"]
    assert c["state"] == "failed" and "x.json:2" in c["detail"] and "registries check" in c["advice"]
    assert doctor("--registries", d + "/none", expect=2)["registries"]["state"] == "failed"


@case
def registries_count_the_endpoints_of_the_operator():
    before, after = doctor()["registries"], doctor(MLFLOW_TRACKING_URI="https://mlflow.acme.example")["registries"]
    assert before["detail"] != after["detail"] and "1 with an endpoint" in after["detail"]


@case
def the_cache_is_measured_and_never_made():
    d = scratch()
    c = doctor(XDG_CACHE_HOME=d + "/cache")["cache"]
    assert c["state"] == "ok" and c["bytes"] == 0 and "not there yet" in c["detail"] and not os.path.exists(d + "/cache")
    write(d + "/cache/assay/objects/ab/c", b"x" * 1000)
    os.symlink("/", d + "/cache/assay/everything")
    c = doctor(XDG_CACHE_HOME=d + "/cache")["cache"]
    assert c["bytes"] == 1000 and "can be written" in c["detail"]
    write(d + "/file/x")
    assert doctor(XDG_CACHE_HOME=d + "/file/x")["cache"]["state"] == "warning"
    c = doctor(XDG_CACHE_HOME="relative", HOME="")["cache"]
    assert c["state"] == "warning" and "XDG_CACHE_HOME" in c["detail"]


@case
def an_incomplete_installation_fails():
    d = scratch()
    for part in ("bin", "libexec"):
        os.makedirs(os.path.join(d, part))
    shutil.copy(ASSAY, os.path.join(d, "bin"))
    p = subprocess.run([os.path.join(d, "bin/assay"), "doctor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode == 0:
        raise Skip("Assay is installed at the compiled prefix, and its data is used")
    assert p.returncode == 2 and b"make install" in p.stderr, p
    for part in ("registries.d", "rules"):
        shutil.copytree(os.path.join(TOP, part), os.path.join(d, "share/assay", part))
    p = subprocess.run([os.path.join(d, "bin/assay"), "doctor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.returncode == 2 and b"failed   worker" in p.stdout and b"cannot start the worker" in p.stdout, p


@case
def usage():
    for words in (["x"], ["--jsno"], ["--registries"]):
        p = run("doctor", *words)
        assert p.returncode == 4 and not p.stdout and p.stderr, p
    p = run("doctor", "--json", stdin=subprocess.DEVNULL)
    full = subprocess.run("%s doctor > /dev/full" % ASSAY, shell=True, stderr=subprocess.PIPE)
    assert full.returncode == 2


main()
