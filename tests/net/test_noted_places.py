#!/usr/bin/python3
"""assay scan of an artifact of W&B's whose manifest refers to other places: S3, a web server;
what was noted of those files holds, and nothing leads where it must not."""
import atexit, base64, hashlib, json, os, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab
from stage import MODEL
from tap import ASSAY, SCAN_FLAGS, case, main

API, STORE, BUCKET = "api.wandb.ai", "storage.googleapis.com", "models.s3.us-east-1.amazonaws.com"
lab = Lab(API, STORE, BUCKET).__enter__()
atexit.register(lambda: lab.__exit__())
PICKLE = b"cos\nsystem\n(S'true'\ntR."
MANIFEST = "https://%s/wandb-artifacts-prod/manifest?sig=1" % STORE
KEYS = {"WANDB_API_KEY": "w4ndb", "AWS_ACCESS_KEY_ID": "AKIALAB", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_REGION": "us-east-1"}


def md5(data):
    return hashlib.md5(data).hexdigest()


def b64(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def noted(ref, data, etag=None, **extra):
    return {"ref": ref, "digest": etag or md5(data), "size": len(data), "extra": extra}


class Artifact:
    """One file that W&B keeps, and what the manifest refers to."""

    def __init__(self, refs, manifest=MANIFEST, count=None):
        self.refs, self.hook = refs, None
        self.contents = {"kept.safetensors": {"digest": b64(MODEL), "size": len(MODEL)}, **refs}
        lines = "".join("%s:%s\n" % (n, e["digest"]) for n, e in sorted(self.contents.items()))
        node = {"name": "kept.safetensors", "sizeBytes": len(MODEL), "md5": b64(MODEL), "directUrl": "https://%s/kept" % STORE}
        self.graphql = {"data": {"project": {"artifactCollectionMembership": {"versionIndex": 3, "aliases": [], "artifact": {
            "artifactSequence": {"name": "model", "project": {"name": "vision", "entity": {"name": "acme"}}}, "state": "COMMITTED",
            "digest": md5(b"wandb-artifact-manifest-v1\n" + lines.encode()), "fileCount": len(self.contents) if count is None else count,
            "currentManifest": {"file": {"directUrl": manifest}}, "artifactType": {"name": "model"},
            "files": {"pageInfo": {"endCursor": None, "hasNextPage": False}, "edges": [{"node": node}]}}}}}}
        self.objects = {"/dir/a.pkl": PICKLE, "/b.safetensors": MODEL}
        lab.routes["*"] = self.answer

    def answer(self, a):
        path, _, query = a.path.partition("?")
        if self.hook and self.hook(a):
            return
        if a.host == API:
            return a.reply(200, json.dumps(self.graphql).encode())
        if a.host == STORE and path == "/kept":
            return a.serve(MODEL)
        if a.host == STORE and path.endswith("/manifest"):
            return a.reply(200, json.dumps({"version": 1, "contents": self.contents}).encode())
        if a.host == BUCKET and path == "/" and "list-type=2" in query:
            rows = "".join("<Contents><Key>%s</Key><Size>%d</Size></Contents>" % (k[1:], len(v)) for k, v in self.objects.items())
            return a.reply(200, ("<ListBucketResult>%s<IsTruncated>false</IsTruncated></ListBucketResult>" % rows).encode())
        data = self.objects.get(path) if a.host == BUCKET else MODEL if a.host == "hub.test" and path == "/c.safetensors" else None
        if data is None:
            return a.reply(404, b"<Error><Code>NoSuchKey</Code></Error>")
        a.serve(data, etag='"%s"' % md5(data))

    def scan(self, code, reference="wandb:acme/vision/model:v3"):
        home = lab.path("home")
        os.makedirs(home, exist_ok=True)
        command = [ASSAY, "scan", *SCAN_FLAGS, "-o", "json", "--tries", "1", "--ca-file", lab.path("ca.pem"), *lab.mapped(), reference]
        lab.asked.clear()
        p = subprocess.run(command, capture_output=True, timeout=120, env={"PATH": os.environ["PATH"], "HOME": home, **KEYS})
        assert p.returncode == code, (p.returncode, p.stdout.decode()[-3000:], p.stderr.decode())
        for a in lab.asked:  # each secret goes to its own host only
            given = a.headers.get("authorization", "")
            assert given.startswith("Basic ") == (a.host == API) and given.startswith("AWS4") == (a.host == BUCKET), (a.host, given)
        report = json.loads(p.stdout)
        self.told = " ".join(e["message"] for e in report["errors"])
        return report["models"][0]


@case
def what_a_manifest_refers_to_is_loaded_under_its_names():
    model = Artifact({"x/a.pkl": noted("s3://models/dir/a.pkl", PICKLE, etag=md5(PICKLE)),
                      "b.safetensors": noted("s3://models/b.safetensors", MODEL, versionID="v.1_x-2"),
                      "c.safetensors": noted("https://hub.test/c.safetensors", MODEL)}).scan(1)
    assert {f["path"] for f in model["files"]} == {"kept.safetensors", "x/a.pkl", "b.safetensors", "c.safetensors"}, model["files"]
    assert {f["rule"] for f in model["findings"]} >= {"pickle/dangerous-call"}
    assert {c["check"]: c["result"] for c in model["provenance"]}["artifact-digest"] == "pass"
    assert any(a.path == "/b.safetensors?versionId=v.1_x-2" for a in lab.asked if a.host == BUCKET), lab.paths()
    states = [(e["algorithm"], e["state"]) for f in model["files"] if f["path"] == "x/a.pkl" for e in f["expected"]]
    assert ("md5", "verified") in states, states


@case
def one_file_of_many_is_loaded_alone():
    a = Artifact({"x/a.pkl": noted("s3://models/dir/a.pkl", PICKLE), "b.safetensors": noted("s3://models/b.safetensors", MODEL)})
    model = a.scan(0, "https://wandb.ai/acme/vision/artifacts/model/model/v3/files/b.safetensors")
    assert [f["path"] for f in model["files"]] == ["b.safetensors"] and "a.pkl" not in "".join(lab.paths())


@case
def what_is_not_as_it_was_noted_is_incomplete():
    for entry, told in ((noted("s3://models/dir/a.pkl", PICKLE, etag="0" * 32), "is another file there"),
                        (noted("s3://models/dir/a.pkl", PICKLE + b"x", etag=md5(PICKLE)), "has another size there"),
                        (noted("s3://models/dir/none", PICKLE), "a.pkl, which is kept in s3://models/dir/none"),
                        (noted("s3://models/dir", PICKLE), "a.pkl, which is kept in s3://models/dir, "),
                        (noted("https://hub.test/none", PICKLE), "a.pkl, which is kept in https://hub.test/none"),
                        (noted("https://hub.test/c.safetensors", MODEL, etag="other"), "is another file there")):
        artifact = Artifact({"a.pkl": entry})
        model = artifact.scan(2)
        assert told in artifact.told, (told, artifact.told)
        assert [f["path"] for f in model["files"]] == ["kept.safetensors"]
    model = Artifact({"a.pkl": dict(noted("s3://models/dir/a.pkl", PICKLE), digest="s3://models/dir/a.pkl")}).scan(1)
    assert {c["check"]: c["result"] for c in model["provenance"]}["artifact-digest"] == "unknown"  # only the place was noted


@case
def a_digest_that_the_manifest_tags_with_another_algorithm_is_not_compared():
    def kept(artifact, code=0):
        model = artifact.scan(code)
        (f,) = [f for f in model["files"] if f["path"] == "kept.safetensors"] or [None]
        return f and [(e["algorithm"], e["state"]) for e in f["expected"] if e["algorithm"] != "size"], model
    plain = Artifact({})
    assert kept(plain)[0] == [("md5", "verified")]
    plain.graphql["data"]["project"]["artifactCollectionMembership"]["artifact"]["files"]["edges"][0]["node"]["md5"] = b64(b"xxh128")
    assert "integrity/digest-mismatch" in {f["rule"] for f in kept(plain, 1)[1]["findings"]}
    plain.contents["kept.safetensors"].update(digest=b64(b"xxh128"), extra={"alg": "XXH128"})
    expected, model = kept(plain)
    assert expected == [] and {c["check"]: c["result"] for c in model["provenance"]}["artifact-digest"] == "unknown", model
    plain.hook = lambda a: a.path.split("?")[0].endswith("/manifest") and (a.reply(503), True)[1]
    assert kept(plain)[0] == []  # nobody knows


@case
def a_thousand_places_are_enough():
    artifact = Artifact({"%04d.safetensors" % n: noted("https://hub.test/none", MODEL) for n in range(1003)})
    artifact.scan(2)
    assert sum(a.host == "hub.test" and a.path == "/none" for a in lab.asked) == 1000, len(lab.asked)


@case
def nothing_leads_where_it_must_not():
    local = "127.0.0.1:%d" % lab.port
    for ref in ("file:///etc/passwd", "http://hub.test/c.safetensors", "https://%s/c.safetensors" % local, "https://169.254.169.254/latest",
                "https://user@hub.test/c.safetensors", "https://[::1]/x", "wandb-artifact://51b3/x", "s3://UPPER/x", "s3://models", "s3:models/x",
                "gs://b\\x", "https://hub.test/a b", "https://hub.test/a\\nb", "S3://models/dir/a.pkl", "git+https://hub.test/x", "", None, 7):
        model = Artifact({"a.pkl": {"ref": ref, "digest": "x", "size": 1}}).scan(2)
        assert [f["path"] for f in model["files"]] == ["kept.safetensors"], ref
        assert {a.host for a in lab.asked} <= {API, STORE, BUCKET}, (ref, lab.paths())
    for version in ("../x", "a&b", "a b", "a\\nb", "%00"):
        Artifact({"a.pkl": noted("s3://models/dir/a.pkl", PICKLE, versionID=version)}).scan(2)
        assert BUCKET not in {a.host for a in lab.asked}
    for path in ("../a.pkl", "/a.pkl", "a\\b", "a//b", "", "C:x"):
        model = Artifact({path: noted("s3://models/b.safetensors", MODEL)}).scan(1)
        assert [f["path"] for f in model["files"]] == ["kept.safetensors"] and BUCKET not in {a.host for a in lab.asked}
        assert "trust/unsafe-listing" in {f["rule"] for f in model["findings"]}, path
    model = Artifact({"kept.safetensors": noted("s3://models/b.safetensors", MODEL)}, count=2).scan(1)
    assert "trust/unsafe-listing" in {f["rule"] for f in model["findings"]} and not model["files"]


@case
def a_manifest_that_is_not_there_is_missed_only_where_it_is_needed():
    refs = {"a.pkl": noted("s3://models/dir/a.pkl", PICKLE)}
    for place in ("https://evil.test/m", "http://%s/manifest" % STORE, "https://%s.evil.test/m" % STORE, "https://169.254.169.254/m",
                  "https://127.0.0.1:%d/manifest" % lab.port, "file:///etc/passwd", "https://%s/a b" % STORE, "", None, 7):
        artifact = Artifact(refs, manifest=place)
        artifact.scan(2)
        assert "which its manifest would name" in artifact.told and {a.host for a in lab.asked} == {API, STORE}, (place, lab.paths())
        assert "/kept" in "".join(lab.paths()) and "manifest" not in "".join(lab.paths()), (place, lab.paths())
        Artifact({}, manifest=place).scan(0)
    for fault in (lambda a: a.reply(500), lambda a: a.reply(200, b"<html>"), lambda a: a.reply(200, b"{}"), lambda a: a.reply(200, b'{"contents":[]}'),
                  lambda a: a.redirect("https://evil.test/manifest"), lambda a: a.cut()):
        for refers, code in ((refs, 2), ({}, 0)):
            artifact = Artifact(refers)
            artifact.hook = lambda a: a.path.endswith("manifest?sig=1") and (fault(a) or True)
            artifact.scan(code)
            assert "evil.test" not in {a.host for a in lab.asked}


main()
