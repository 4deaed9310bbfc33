#!/usr/bin/python3
"""assay scan with drivers that are not json-rest: Ollama, and storage without a registry."""
import atexit, hashlib, json, os, struct, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab
from tap import ASSAY, SCAN_FLAGS, case, main

OLLAMA = "registry.ollama.ai"
BUCKET = "models.s3.us-east-1.amazonaws.com"
lab = Lab(OLLAMA, "ollama.com", BUCKET).__enter__()
atexit.register(lambda: lab.__exit__())
GGUF = b"GGUF" + struct.pack("<IQQ", 3, 0, 0)
PICKLE = b"cos\nsystem\n(S'true'\ntR."
CONFIG = {"model_format": "gguf", "model_family": "llama", "model_type": "3.2B", "file_type": "Q4_K_M"}
TYPE = "application/vnd.ollama.image."


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def scan(reference, *options, code=None, env=None):
    home = lab.path("home")
    os.makedirs(home, exist_ok=True)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "OLLAMA"))}
    command = [ASSAY, "scan", *SCAN_FLAGS, "-o", "json", "--ca-file", lab.path("ca.pem"), *lab.mapped(), *options, reference]
    lab.asked.clear()
    p = subprocess.run(command, capture_output=True, timeout=120, env=dict(clean, HOME=home, **env or {}))
    assert code is None or p.returncode == code, (p.returncode, p.stdout.decode()[:3000], p.stderr.decode())
    return json.loads(p.stdout) if p.stdout else None


class Ollama:
    """One model of the library, as a server that keeps blobs by their digests has it."""

    def __init__(self, name="library/tiny", tag="latest", config=CONFIG, layers=((GGUF, "model"), (b"MIT License\nx", "license"))):
        self.blobs, rows = {}, []
        for data, kind in layers:
            self.blobs[sha256(data)] = data
            rows.append({"mediaType": TYPE + kind, "digest": "sha256:" + sha256(data), "size": len(data)})
        body = json.dumps(config).encode()
        self.blobs[sha256(body)] = body
        self.manifest = json.dumps({"schemaVersion": 2, "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json", "digest": "sha256:" + sha256(body), "size": len(body)},
            "layers": rows}).encode()
        self.name, self.tag, self.hook = name, tag, None
        lab.routes["*"] = self.answer

    def answer(self, a):
        path = a.path.split("/")
        if self.hook and self.hook(a):
            return
        if a.path in ("/v2/%s/manifests/%s" % (self.name, r) for r in (self.tag, "sha256:" + sha256(self.manifest))):
            a.reply(200, self.manifest)
        elif a.path.startswith("/v2/%s/blobs/sha256:" % self.name) and path[-1][7:] in self.blobs:
            a.redirect("https://cdn.test/" + path[-1][7:], 307) if a.host != "cdn.test" else a.serve(self.blobs[path[-1][7:]])
        elif a.host == "cdn.test" and a.path[1:] in self.blobs:
            a.serve(self.blobs[a.path[1:]])
        else:
            a.reply(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')


def rules(report):
    return {f["rule"] for m in report["models"] for f in m["findings"]}


@case
def a_model_of_ollama_is_asked_loaded_and_scanned():
    o = Ollama()
    for reference in ("ollama:tiny", "ollama:tiny@sha256:" + sha256(o.manifest), "https://ollama.com/library/tiny:latest"):
        report = scan(reference)
        model, = report["models"]
        assert model["origin"]["registry"] == "ollama" and model["origin"]["basis"] == "fetched" and model["trust"] == "medium"
        assert model["origin"]["revision"] == sha256(o.manifest), model["origin"]
        found = {m["key"]: m["value"] for m in model["metadata"]}
        assert found["license"] == "MIT License" and found["format"] == "gguf" and found["quantization"] == "Q4_K_M"
        checks = {c["check"]: c["result"] for c in model["provenance"]}
        assert checks["file-hash"] == checks["official-namespace"] == checks["license"] == checks["not-remote"] == "pass"
        assert len(model["files"]) == 3
        for f in model["files"]:
            assert f["path"] == f["digests"]["sha256"] and [e["state"] for e in f["expected"] if e["algorithm"] == "sha256"] == ["verified"]
        assert "trust/foreign-host" in rules(report)  # cdn.test is none of Ollama's


@case
def a_pickle_in_a_layer_is_found():
    Ollama(layers=((PICKLE, "model"),))
    assert "pickle/dangerous-call" in rules(scan("ollama:tiny", code=1))


@case
def a_model_that_runs_elsewhere_is_told():
    Ollama(config=dict(CONFIG, remote_host="https://ollama.com:443", remote_model="big"))
    model, = scan("ollama:tiny")["models"]
    assert {c["check"]: c["result"] for c in model["provenance"]}["not-remote"] == "fail"
    assert model["trust"] == "low"


@case
def what_a_user_pushed_is_not_the_library():
    Ollama(name="mallory/tiny")
    assert scan("ollama:mallory/tiny")["models"][0]["trust"] == "low"


@case
def a_layer_with_other_bytes_is_a_mismatch():
    o = Ollama()
    o.blobs[sha256(GGUF)] = GGUF + b"x"
    assert "integrity/digest-mismatch" in rules(scan("ollama:tiny", code=1))


@case
def answers_that_are_none_are_never_a_pass():
    o = Ollama()
    scan("ollama:none", code=4)
    for status, code in ((401, 2), (403, 2), (404, 4)):
        o.hook = lambda a, s=status: a.reply(s, b"{}") or True
        scan("ollama:tiny", code=code)
    o.hook = lambda a: a.path.endswith("latest") and (a.reply(200, b"{}") or True)
    scan("ollama:tiny", code=2)
    o.hook = lambda a: sha256(json.dumps(CONFIG).encode()) in a.path and a.host == "cdn.test" and (a.reply(200, b"{}") or True)
    scan("ollama:tiny", code=2)
    o.hook = lambda a: sha256(GGUF) in a.path and a.host == "cdn.test" and (a.reply(404, b"") or True)
    scan("ollama:tiny", code=2)
    o.hook = lambda a: a.redirect("http://cdn.test/x") or True
    scan("ollama:tiny", code=2)


@case
def an_address_without_a_registry_is_scanned_and_unknown():
    listing = ("<ListBucketResult><Contents><Key>m/a.gguf</Key><Size>%d</Size></Contents><Contents><Key>m/b.pkl</Key><Size>%d</Size>"
               "</Contents><IsTruncated>false</IsTruncated></ListBucketResult>" % (len(GGUF), len(PICKLE))).encode()
    data = {"/m/a.gguf": GGUF, "/m/b.pkl": PICKLE}

    @lab.route("*")
    def _(a):
        path = a.path.split("?")[0]
        if path == "/":
            return a.reply(200, listing)
        a.serve(data[path], etag='"%s"' % hashlib.md5(data[path]).hexdigest())
    report = scan("s3://models/m", code=1)
    model, = report["models"]
    assert model["trust"] == "unknown" and {f["path"] for f in model["files"]} == {"a.gguf", "b.pkl"}
    states = {(e["algorithm"], e["state"]) for f in model["files"] for e in f["expected"]}
    assert ("md5", "verified") in states, states
    data["/m/b.pkl"] = PICKLE[:-1] + b"0."
    assert "pickle/dangerous-call" in rules(scan("https://hub.test/m/b.pkl", code=1))
    scan("s3://models/m", "--offline", code=2)
    scan("s3://UPPER/m", code=4)


def other(command, reference, *options, code=0):
    words = [ASSAY, command, "--ca-file", lab.path("ca.pem"), *lab.mapped(), *options, reference]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    p = subprocess.run(words, capture_output=True, timeout=120, env=dict(clean, HOME=lab.path("home")))
    assert p.returncode == code, (p.returncode, p.stdout.decode()[-1500:], p.stderr.decode())
    return p.stdout.decode()


@case
def metadata_and_fetch_take_the_same_references():
    Ollama()
    text = other("metadata", "ollama:tiny")
    assert "MIT License" in text and "Q4_K_M" in text, text
    there = lab.path("fetched")
    other("fetch", "ollama:tiny", "--to", there)
    with open(os.path.join(there, sha256(GGUF)), "rb") as f:
        assert f.read() == GGUF
    with open(os.path.join(there, sha256(b"MIT License\nx")), "rb") as f:
        assert f.read() == b"MIT License\nx"
    lab.routes["*"] = lambda a: a.serve(GGUF)
    other("fetch", "https://hub.test/m/a.gguf", "--to", there)
    with open(os.path.join(there, "a.gguf"), "rb") as f:
        assert f.read() == GGUF


main()
