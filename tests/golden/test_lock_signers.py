#!/usr/bin/python3
"""assay lock records who signed, and --lockfile holds the target to it."""
import base64, json, os, shutil, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "pki")]
from tap import *
import make, mock
from cryptography.hazmat.primitives import serialization

WEIGHTS = open(os.path.join(TOP, "fixtures", "real", "linear.safetensors"), "rb").read()
make.ARTIFACT = WEIGHTS
ROOT = write(os.path.join(scratch(), "root.json"), json.dumps(make.I.trusted_root()).encode())
RULE = "integrity/signer-changed"


class Key:
    def __init__(self):
        key, d = mock.new_key(), scratch()
        self.private = write(d + "/k", key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        self.public = write(d + "/p", mock.pem(key))

    def sign(self, d, name="model.sig"):
        p = run("sign", "key", d, "--private-key", self.private, "--signature", os.path.join(d, name))
        assert p.returncode == 0, p.stderr


def model():
    d = os.path.join(scratch(), "m")
    write(d + "/model.safetensors", WEIGHTS)
    write(d + "/config.json", b"{}")
    return d


def lock(d, *who, expect=0):
    path = os.path.join(scratch(), "lock.json")
    p = run("lock", *SCAN_FLAGS, d, "-o", path, *who)
    assert p.returncode == expect, (p.returncode, p.stderr)
    assert os.path.exists(path) == (expect == 0)
    return path


def relocked(path, d):
    """The same signers, and the files that are there now."""
    new = json.load(open(lock(d)))
    new["targets"][0]["signers"] = json.load(open(path))["targets"][0]["signers"]
    return write(os.path.join(scratch(), "lock.json"), json.dumps(new).encode())


def keyless(**options):
    return json.dumps(make.keyless(signed={"envelope": False}, **options)).encode()


@case
def a_key_is_recorded_and_then_accepted():
    d, key = model(), Key()
    key.sign(d)
    path = lock(d, "--public-key", key.public)
    (signer,) = json.load(open(path))["targets"][0]["signers"]
    assert signer["identity"].startswith("sha256:") and "issuer" not in signer
    assert base64.b64decode(signer["key"]) == serialization.load_pem_public_key(
        open(key.public, "rb").read()).public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    r = report("--lockfile", path, d, expect=0)
    (s,) = r["models"][0]["signatures"]
    assert s["state"] == "verified" and RULE not in rules(r), s
    assert report(d, expect=0)["models"][0]["signatures"][0]["state"] == "untrusted"
    try:
        import jsonschema
    except ImportError:
        raise Skip("no jsonschema")
    jsonschema.validate(json.load(open(path)), json.load(open(os.path.join(TOP, "docs", "lockfile.schema.json"))))


@case
def another_key_no_signature_and_a_bad_one_are_a_changed_signer():
    d, key, other = model(), Key(), Key()
    key.sign(d)
    path = lock(d, "--public-key", key.public)
    other.sign(d)
    for options in ([], ["--public-key", other.public]):  # also when the operator accepts the other one
        r = report("--lockfile", relocked(path, d), *options, d, expect=1)
        assert RULE in rules(r), rules(r)
        (f,) = [f for f in findings(r) if f["rule"] == RULE]
        assert f["severity"] == "high" and "sha256:" in f["message"], f
    os.unlink(d + "/model.sig")
    r = report("--lockfile", relocked(path, d), d, expect=1)
    assert rules(r) == {RULE} and "no signature" in findings(r)[0]["message"]
    write(d + "/model.sig", b"{}")
    assert RULE in rules(report("--lockfile", relocked(path, d), d, expect=1))
    key.sign(d)
    assert RULE not in rules(report("--lockfile", relocked(path, d), d, expect=0))


@case
def a_signature_is_told_by_its_content_and_not_by_its_name():
    d, key, other = model(), Key(), Key()
    name = d + "/seal.json"
    key.sign(d, name)
    path = lock(d, "--public-key", key.public)
    (s,) = report("--lockfile", path, d, expect=0)["models"][0]["signatures"]
    assert (s["path"], s["state"]) == ("seal.json", "verified"), s
    os.unlink(name)
    r = report("--lockfile", relocked(path, d), d, expect=1)
    assert rules(r) == {RULE} and "no signature" in findings(r)[0]["message"]
    other.sign(d, name)
    for options in ([], ["--public-key", other.public]):
        assert RULE in rules(report("--lockfile", relocked(path, d), *options, d, expect=1))
    os.unlink(name)
    key.sign(d, name)
    write(d + "/config.json", b"[]")  # signed by the right key, and not what is there
    r = report("--lockfile", relocked(path, d), d, expect=1)
    assert {RULE, "integrity/signature-invalid"} <= rules(r), rules(r)


@case
def a_keyless_identity_is_recorded_with_its_provider():
    d = model()
    write(d + "/model.safetensors.sigstore.json", keyless())
    who = ["--trusted-root", ROOT, "--identity", mock.MAIL, "--identity-provider", mock.ISSUER]
    path = lock(d, *who)
    assert json.load(open(path))["targets"][0]["signers"] == [{"identity": mock.MAIL, "issuer": mock.ISSUER}]
    r = report("--lockfile", path, "--trusted-root", ROOT, d, expect=0)
    assert r["models"][0]["signatures"][0]["state"] == "verified"
    for options in (dict(leaf={"names": mock.san(("email", b"other@example.com"))}),
                    dict(leaf={"issuers": {"8": make.der.utf8("https://evil.example.com")}})):
        write(d + "/model.safetensors.sigstore.json", keyless(**options))
        assert RULE in rules(report("--lockfile", relocked(path, d), "--trusted-root", ROOT, d, expect=1))


@case
def one_targets_signer_is_not_accepted_for_another():
    one, two, key, other = model(), model(), Key(), Key()
    key.sign(one)
    other.sign(two)
    first, second = (json.load(open(lock(d, "--public-key", k.public)))["targets"][0] for d, k in ((one, key), (two, other)))
    both = lambda: write(os.path.join(scratch(), "both.json"), json.dumps(
        {"schema": "assay-lockfile/1", "targets": [first, second]}).encode())
    states = lambda r: {m["target"]: m["signatures"][0]["state"] for m in r["models"]}
    assert states(report("--lockfile", both(), one, two, expect=0)) == {one: "verified", two: "verified"}
    first["signers"], second["signers"] = second["signers"], first["signers"]
    r = report("--lockfile", both(), one, two, expect=1)
    assert "verified" not in states(r).values() and RULE in rules(r)


@case
def a_target_that_nobody_named_has_signed_is_not_recorded():
    d, key, other = model(), Key(), Key()
    lock(d, "--public-key", key.public, expect=1)
    other.sign(d)
    lock(d, "--public-key", key.public, expect=1)
    lock(d, "--identity", "a@b", expect=4)
    lock(d, "--trusted-root", ROOT, expect=4)
    lock(d, "--public-key", d + "/config.json", expect=4)
    assert "signers" not in json.load(open(lock(d)))["targets"][0]


@case
def signers_that_are_none_are_exit_4():
    d, key = model(), Key()
    key.sign(d)
    good = json.load(open(lock(d, "--public-key", key.public)))
    (signer,) = good["targets"][0]["signers"]
    for bad in ({}, [7], [{}], [{"identity": ""}], [{"identity": 7}], [dict(signer, more=1)], [dict(signer, key=7)],
                [dict(signer, key="")], [dict(signer, key="AAAA")], [dict(signer, identity="sha256:" + "0" * 64)], [signer] * 17):
        good["targets"][0]["signers"] = bad
        p = scan("--lockfile", write(os.path.join(scratch(), "l.json"), json.dumps(good).encode()), d)
        assert p.returncode == 4 and p.stdout == b"" and b"json" in p.stderr, (bad, p)


main()
