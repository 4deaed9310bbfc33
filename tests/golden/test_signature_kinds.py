#!/usr/bin/python3
"""Each kind of signature, detected by content inside a scan and, where there is one file, in assay verify."""
import base64, hashlib, json, os, re, subprocess, sys, threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "pki")]
from tap import *
import make, mock
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

WEIGHTS = open(os.path.join(TOP, "fixtures", "real", "linear.safetensors"), "rb").read()
make.ARTIFACT = WEIGHTS
ROOT = write(os.path.join(scratch(), "root.json"), json.dumps(make.I.trusted_root()).encode())
WHO = ["--trusted-root", ROOT, "--identity", mock.MAIL, "--identity-provider", mock.ISSUER]
KEY = mock.new_key()
PUBLIC = write(os.path.join(scratch(), "key.pub"), mock.pem(KEY))
NAME = "model.safetensors"
b64, sha256 = mock.b64, mock.sha256


def model(**more):
    """A directory with the weights and whatever else: name -> bytes."""
    d = os.path.join(scratch(), "m")
    write(os.path.join(d, NAME), WEIGHTS)
    for name, data in more.items():
        write(os.path.join(d, name), data if isinstance(data, bytes) else json.dumps(data).encode())
    return d


def signatures(r):
    return [s for m in r["models"] for s in m["signatures"]]


def state(d, *who, expect=None):
    """(kind, state, check) of the only signature, and the report."""
    r = report(*who, d, expect=expect)
    s, *more = signatures(r)  # shown with each model that it is in or of
    assert all(x["path"] == s["path"] for x in more)
    assert bool(s["reason"]) == (s["state"] != "verified"), s
    return (s["kind"], s["state"], s["check"]), r


def verify(d, name, *who, target=None):
    """The exit code and the state of assay verify over one file."""
    p = run("verify", "-o", "json", *SCAN_FLAGS, target or os.path.join(d, NAME), "--signature", os.path.join(d, name), *who)
    r = json.loads(p.stdout)
    return p.returncode, r["state"], r["check"]


def both(name, content, who, kind):
    """Accepted: verified and the file signed.  Nobody accepted: untrusted.  Other bytes: never verified."""
    d = model(**{name: content})
    found, r = state(d, *who, expect=0)
    assert found == (kind, "verified", ""), found
    assert files(r)[NAME]["signed"], files(r)[NAME]
    assert verify(d, name, *who) == (0, "verified", "")
    (_, untrusted, _), r = state(d, expect=0)
    assert untrusted == "untrusted" and not files(r)[NAME]["signed"]
    code, untrusted, _ = verify(d, name)
    assert (code, untrusted) == (1, "untrusted"), untrusted
    write(os.path.join(d, NAME), WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1]))
    r = report(*who, d)
    assert not [s for s in signatures(r) if s["state"] == "verified"], signatures(r)
    assert not files(r)[NAME]["signed"]
    code, broken, check = verify(d, name, *who)
    assert code == 1 and broken == "invalid", (code, broken, check)
    return r


# ---- Sigstore bundles ----------------------------------------------------------------------


@case
def sigstore_bundles_by_key():
    r = both(NAME + ".sigstore.json", make.by_key(make.Signed(KEY, envelope=False)), ["--public-key", PUBLIC], "sigstore")
    assert "integrity/signature-invalid" in rules(r)


@case
def messages_by_every_kind_of_key():
    for kind, options in (("p384", {}), ("p521", {}), ("ed25519", {}), ("rsa2048", {}), ("rsa3072", {"pss": True}),
                          ("p384", {"algorithm": hashes.SHA256()})):
        key = mock.new_key(kind)
        public = write(os.path.join(scratch(), "key.pub"), mock.pem(key))
        s = make.Signed(key, envelope=False, **options)
        both(NAME + ".sigstore.json", make.by_key(s), ["--public-key", public], "sigstore")
        both(NAME + ".sig", base64.b64encode(s.signature) + b"\n", ["--public-key", public], "cosign")
        if kind != "ed25519":  # by its digest; Ed25519 needs to know the file
            d = model(attestation=make.by_key(s))
            assert state(d, "--public-key", public, expect=0)[0] == ("sigstore", "verified", "")
    keyless = make.keyless(log=make.I.log2, key="ed25519", signed={"envelope": False})
    both(NAME + ".sigstore.json", keyless, WHO, "sigstore")


@case
def an_ed25519_key_among_others_and_a_digest_alone():
    key = mock.new_key("ed25519")
    public = write(os.path.join(scratch(), "ed.pub"), mock.pem(key))
    bundle = make.by_key(make.Signed(key, envelope=False))
    both(NAME + ".sigstore.json", dict(bundle, verificationMaterial={"publicKey": {"hint": ""}}),
         ["--public-key", PUBLIC, "--public-key", public], "sigstore")
    d = model(**{"x.sigstore.json": bundle})
    found = verify(d, "x.sigstore.json", "--public-key", public, target="sha256:" + sha256(WEIGHTS).hex())
    assert found == (2, "unsupported", "digest-known"), found


@case
def sigstore_bundles_of_every_version_keyless():
    message = {"envelope": False}
    for options in (dict(), dict(log=make.I.log2), dict(version="0.1", entry=lambda e: e.pop("inclusionProof")), dict(version="0.2")):
        both(NAME + ".sigstore", make.keyless(signed=message, **options), WHO, "sigstore")


@case
def a_bundle_with_any_name_is_of_the_file_with_its_digest():
    message = make.by_key(make.Signed(KEY, envelope=False))
    for content, kind in ((message, "sigstore"), (make.by_key(make.Signed(KEY)), "in-toto")):
        for name in ("attestation", "sub/x.json", "release.sigstore.json"):
            found, r = state(model(**{name: content}), "--public-key", PUBLIC, expect=0)
            assert found == (kind, "verified", ""), (name, found)
            assert files(r)[NAME]["signed"]
    s = make.Signed(KEY, payload=mock.compact(mock.statement(b"other")))
    found, r = state(model(attestation=make.by_key(s)), "--public-key", PUBLIC, expect=0)
    assert found == ("sigstore", "unsupported", "subject-present"), found


@case
def a_root_that_is_too_old_is_no_fault_of_the_signature():
    root = make.I.trusted_root()
    root["tlogs"].pop(0)
    old = write(os.path.join(scratch(), "old.json"), json.dumps(root).encode())
    d = model(**{NAME + ".sigstore.json": make.keyless(signed={"envelope": False})})
    who = ["--trusted-root", old, *WHO[2:]]
    found, r = state(d, *who, expect=0)
    assert found[1:] == ("untrusted", "log-known") and "too old" in signatures(r)[0]["reason"], found
    assert verify(d, NAME + ".sigstore.json", *who) == (1, "untrusted", "log-known")
    for other in ([], ["--use-staging"]):  # the installed roots do not know the mock's logs
        assert verify(d, NAME + ".sigstore.json", *other, *WHO[2:])[1:] == ("untrusted", "log-known")


@case
def a_client_trust_configuration_is_read_as_well():
    config = {"mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
              "trustedRoot": make.I.trusted_root(), "signingConfig": {}}
    path = write(os.path.join(scratch(), "trust.json"), json.dumps(config).encode())
    d = model(**{NAME + ".sigstore.json": make.keyless(signed={"envelope": False})})
    assert verify(d, NAME + ".sigstore.json", "--trust-config", path, *WHO[2:]) == (0, "verified", "")
    broken = write(os.path.join(scratch(), "trust.json"), b'{"trustedRoot":')
    p = run("verify", *SCAN_FLAGS, d + "/" + NAME, "--trust-config", broken, *WHO[2:])
    assert p.returncode == 4 and p.stderr, p


@case
def patterns_of_identities_are_an_explicit_choice():
    d = model(**{NAME + ".sigstore.json": make.keyless(signed={"envelope": False})})
    attempt = lambda *who: verify(d, NAME + ".sigstore.json", "--trusted-root", ROOT, *who)[:2]
    regexp = lambda i, o: ("--certificate-identity-regexp", i, "--certificate-oidc-issuer-regexp", o)
    assert attempt(*regexp(r"[a-z]+@example\.com", "https://issuer.*")) == (0, "verified")
    assert attempt(*regexp("example", "https://issuer.*")) == (1, "untrusted")
    assert attempt(*regexp(r".*", "issuer")) == (1, "untrusted")
    assert attempt("--identity", r"[a-z]+@example\.com", "--identity-provider", mock.ISSUER) == (1, "untrusted")
    assert attempt("--certificate-identity-regexp", ".*", "--certificate-oidc-issuer", mock.ISSUER) == (0, "verified")
    p = run("verify", *SCAN_FLAGS, d, *regexp("(", ".*"))
    assert p.returncode == 4 and b"regular expression" in p.stderr, p


@case
def a_policy_lists_identities_that_are_then_accepted():
    d = model(**{NAME + ".sigstore.json": make.keyless(signed={"envelope": False})})
    policy = lambda who: write(os.path.join(scratch(), "p.json"), json.dumps({
        "schema": "assay-policy/1", "name": "signed", "signature": {"required": True, "coverage": "models", "identities": [
            {"subject": who, "issuer": mock.ISSUER}]}}).encode())
    for who, code, expected in ((mock.MAIL, 0, "verified"), ("*@example.com", 0, "verified"), ("other@example.com", 1, "untrusted")):
        r = report("--trusted-root", ROOT, "--policy", policy(who), d, expect=code)
        assert signatures(r)[0]["state"] == expected, signatures(r)
    assert len(signatures(report("--trusted-root", ROOT, *WHO[2:], d))[0]["root"]) == 64


# ---- cosign --------------------------------------------------------------------------------


def old_bundle(bundle, key=None):
    """What `cosign sign-blob --bundle` wrote before Sigstore bundles."""
    entry = bundle["verificationMaterial"]["tlogEntries"][0]
    chain = bundle["verificationMaterial"].get("x509CertificateChain", {"certificates": []})["certificates"]
    der = base64.b64decode(chain[0]["rawBytes"])
    pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"
    return {"base64Signature": bundle["messageSignature"]["signature"], "cert": b64(pem), "rekorBundle": log_entry(entry)}


def log_entry(entry):
    return {"SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
            "Payload": {"body": entry["canonicalizedBody"], "integratedTime": int(entry["integratedTime"]),
                        "logIndex": int(entry["logIndex"]), "logID": base64.b64decode(entry["logId"]["keyId"]).hex()}}


def keyless_message():
    return make.keyless("0.1", signed={"envelope": False}, entry=lambda e: e.pop("inclusionProof"))


@case
def cosign_bundles_from_before_sigstore_bundles():
    old = old_bundle(keyless_message())
    both(NAME + ".bundle", old, WHO, "cosign")
    by_key = {"base64Signature": b64(mock.sign(KEY, WEIGHTS))}
    both(NAME + ".bundle", by_key, ["--key", PUBLIC], "cosign")
    for path, value in ((["rekorBundle", "Payload", "logIndex"], 7), (["rekorBundle", "Payload", "integratedTime"], mock.T0 + 1),
                        (["rekorBundle", "Payload", "body"], b64(b"{}")), (["cert"], b64(b"junk")), (["base64Signature"], "AA=A"),
                        (["rekorBundle", "SignedEntryTimestamp"], b64(b"x" * 70)), (["rekorBundle"], 7)):
        d = model(**{NAME + ".bundle": make.changed(old, make.put(value, *path))})
        code, found, check = verify(d, NAME + ".bundle", *WHO)
        assert (code, found) == (1, "invalid") and check, (path, found, check)
        assert state(d, *WHO)[0][1] == "invalid", path


@case
def cosign_signatures_and_certificates_apart():
    d = model(**{NAME + ".sig": b64(mock.sign(KEY, WEIGHTS)).encode() + b"\n"})
    assert state(d, "--key", PUBLIC, expect=0)[0] == ("cosign", "verified", "")
    assert verify(d, NAME + ".sig", "--key", PUBLIC) == (0, "verified", "")
    assert state(d, expect=0)[0] == ("cosign", "untrusted", "key-given")
    ca, key = mock.Authority("root", start=mock.T0, end=mock.T0 + 9999 * mock.DAY), mock.new_key()
    leaf = mock.make_leaf(ca, key, promises=None, start=mock.T0, end=mock.T0 + 9999 * mock.DAY)
    anchor, pem = (write(os.path.join(scratch(), n), mock.cert_pem(c)) for n, c in (("ca", ca.cert), ("leaf", leaf)))
    wrapped = write(os.path.join(scratch(), "leaf.b64"), b64(mock.cert_pem(leaf)).encode())
    write(os.path.join(d, NAME + ".sig"), b64(mock.sign(key, WEIGHTS)).encode())
    for certificate in (pem, wrapped):
        assert verify(d, NAME + ".sig", "--certificate", certificate, "--certificate-chain", anchor) == (0, "verified", "")
        assert verify(d, NAME + ".sig", "--certificate", certificate)[:2] == (2, "unsupported")
    assert verify(d, NAME + ".sig", "--certificate", pem, "--certificate-chain", pem)[1] in ("verified", "untrusted")
    write(os.path.join(d, NAME + ".sig"), b64(mock.sign(KEY, WEIGHTS)).encode())
    assert verify(d, NAME + ".sig", "--certificate", pem, "--certificate-chain", anchor) == (1, "invalid", "signature")
    p = run("verify", *SCAN_FLAGS, d + "/" + NAME, "--signature", d + "/" + NAME + ".sig", "--certificate", PRIVATE)
    assert p.returncode == 4, p


def parts(bundle):
    """A keyless signature of cosign's in three files."""
    old = old_bundle(bundle)
    return {NAME + ".sig": old["base64Signature"].encode(), NAME + ".pem": base64.b64decode(old["cert"]),
            "entry.json": json.dumps(old["rekorBundle"]).encode()}


@case
def cosign_keyless_signatures_in_parts():
    good = parts(keyless_message())
    d = model(**good)
    entry = ["--rekor-response", d + "/entry.json"]
    assert verify(d, NAME + ".sig", *entry, *WHO) == (0, "verified", "")
    assert verify(d, NAME + ".sig", "--certificate", d + "/" + NAME + ".pem", *entry, *WHO) == (0, "verified", "")
    found, r = state(d, *WHO, expect=0)
    assert found == ("cosign", "verified", "") and files(r)[NAME]["signed"], found
    other = ["--trusted-root", ROOT, "--identity", "eve@example.com", "--identity-provider", mock.ISSUER]
    assert verify(d, NAME + ".sig", *entry, *other) == (1, "untrusted", "identity")
    assert state(d, "--trusted-root", ROOT, expect=0)[0] == ("cosign", "untrusted", "identity-given")
    bundle = write(os.path.join(scratch(), "old.json"), json.dumps(old_bundle(keyless_message())).encode())
    assert verify(d, NAME + ".sig", "--rekor-response", bundle, *WHO)[:2] == (1, "invalid")
    broken = json.loads(good["entry.json"])
    broken["Payload"]["integratedTime"] += 1
    write(d + "/entry.json", json.dumps(broken).encode())
    assert verify(d, NAME + ".sig", *entry, *WHO) == (1, "invalid", "set")
    assert state(d, *WHO)[0] == ("cosign", "invalid", "set")
    write(d + "/entry.json", good["entry.json"])
    write(os.path.join(d, NAME), WEIGHTS + b"x")
    assert verify(d, NAME + ".sig", *entry, *WHO)[:2] == (1, "invalid")


@case
def a_keyless_signature_without_its_log_entry_is_not_verified_and_no_fault():
    good = parts(keyless_message())
    del good["entry.json"]
    for ending in (".pem", ".crt", ".cert"):
        d = model(**{NAME + ".sig": good[NAME + ".sig"], NAME + ending: good[NAME + ".pem"]})
        assert verify(d, NAME + ".sig", *WHO) == (2, "unsupported", "entry-present")
        found, r = state(d, *WHO, expect=0)
        assert found == ("cosign", "unsupported", "entry-present") and not files(r)[NAME]["signed"], found
        reason = signatures(r)[0]["reason"]
        assert mock.MAIL in reason and "--rekor-response" in reason, reason
    d = model(**{NAME + ".sig": good[NAME + ".sig"], NAME + ".pem": good[NAME + ".pem"] + mock.cert_pem(make.I.ca.cert)})
    assert verify(d, NAME + ".sig", *WHO) == (2, "unsupported", "entry-present")  # the first certificate counts
    write(os.path.join(d, NAME), WEIGHTS + b"x")
    assert verify(d, NAME + ".sig", *WHO) == (1, "invalid", "signature")
    assert state(d, *WHO)[0] == ("cosign", "invalid", "signature")
    stranger = parts(keyless_message())
    d = model(**{**good, NAME + ".pem": stranger[NAME + ".pem"]})
    assert verify(d, NAME + ".sig", *WHO) == (1, "invalid", "signature")
    d = model(**{**parts(keyless_message()), "entry.json": stranger["entry.json"]})
    assert verify(d, NAME + ".sig", "--rekor-response", d + "/entry.json", *WHO) == (1, "invalid", "entry-signature")
    assert state(d, *WHO)[0] == ("cosign", "unsupported", "entry-present")
    d = model(**{**good, NAME + ".pem": b"no certificate"})
    assert verify(d, NAME + ".sig", *WHO) == (1, "untrusted", "key-given")
    for option in ("--certificate", "--rekor-response"):
        p = run("verify", *SCAN_FLAGS, d + "/" + NAME, "--signature", d + "/" + NAME + ".sig", option, d + "/" + NAME + ".pem", *WHO)
        assert p.returncode == 4, p


def blob(d, data):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    digest = sha256(data).hex()
    write(os.path.join(d, "blobs", "sha256", digest), data)
    return {"digest": "sha256:" + digest, "size": len(data)}


def layout(signer=None):
    """An OCI layout of one image; signer(d, descriptor) returns descriptors of signatures."""
    d = os.path.join(scratch(), "image")
    manifest = "application/vnd.oci.image.manifest.v1+json"
    config = dict(blob(d, {"architecture": "any"}), mediaType="application/vnd.oci.image.config.v1+json")
    layer = dict(blob(d, WEIGHTS), mediaType="application/octet-stream")
    image = dict(blob(d, {"schemaVersion": 2, "mediaType": manifest, "config": config, "layers": [layer]}), mediaType=manifest,
                 annotations={"org.opencontainers.image.ref.name": "example.com/acme/linear:1"})
    more = [dict(x, mediaType=manifest) for x in (signer(d, image) if signer else [])]
    write(os.path.join(d, "oci-layout"), b'{"imageLayoutVersion": "1.0.0"}')
    write(os.path.join(d, "index.json"), json.dumps({"schemaVersion": 2, "manifests": [image, *more]}).encode())
    return d, "blobs/sha256/" + image["digest"][7:], "blobs/sha256/" + layer["digest"][7:]


def legacy(annotate, digest=None):
    """Annotated layers over a payload that names the manifest: tag sha256-….sig."""
    def signer(d, image):
        payload = json.dumps({"critical": {"identity": {"docker-reference": "example.com/acme/linear"},
                                           "image": {"docker-manifest-digest": digest or image["digest"]},
                                           "type": "cosign container image signature"}, "optional": None}).encode()
        layer = dict(blob(d, payload), mediaType="application/vnd.dev.cosign.simplesigning.v1+json",
                     annotations=annotate(payload))
        config = dict(blob(d, {"rootfs": {}}), mediaType="application/vnd.oci.image.config.v1+json")
        return [blob(d, {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                         "config": config, "layers": [layer]})]
    return signer


def by_key(payload):
    return {"dev.cosignproject.cosign/signature": b64(mock.sign(KEY, payload))}


def by_identity(payload):
    make.ARTIFACT = payload
    old = old_bundle(keyless_message())
    make.ARTIFACT = WEIGHTS
    return {"dev.cosignproject.cosign/signature": old["base64Signature"],
            "dev.sigstore.cosign/certificate": base64.b64decode(old["cert"]).decode(),
            "dev.sigstore.cosign/bundle": json.dumps(old["rekorBundle"])}


@case
def cosign_signatures_of_images_in_a_layout():
    for annotate, who in ((by_key, ["--key", PUBLIC]), (by_identity, WHO)):
        d, image, layer = layout(legacy(annotate))
        found, r = state(d, *who)
        assert found == ("cosign", "verified", ""), (found, signatures(r))
        assert files(r)[image]["signed"] and files(r)[layer]["signed"]
        by_manifest = [(e["by"], e["state"]) for e in files(r)[layer]["expected"] if e["source"] == image]
        assert by_manifest == [("signature", "verified")], files(r)[layer]["expected"]
        found, r = state(d)
        assert found[1] == "untrusted" and not files(r)[layer]["signed"], found
        assert {e["state"] for e in files(r)[layer]["expected"]} == {"consistent"}
    d, image, layer = layout(legacy(lambda payload: by_key(b"other")))
    found, r = state(d, "--key", PUBLIC, expect=1)
    assert found == ("cosign", "invalid", "signature") and not files(r)[layer]["signed"]
    d, image, layer = layout(legacy(by_key, "sha256:" + "0" * 64))
    assert state(d, "--key", PUBLIC)[0][1] == "unsupported"


@case
def bundles_that_refer_to_images_in_a_layout():
    for by, who in (("identity", WHO), ("key", ["--key", PUBLIC])):
        d, image, layer = layout(lambda d, i: referring(d, i, by))
        found, r = state(d, *who)
        assert found == ("in-toto", "verified", ""), signatures(r)
        assert files(r)[image]["signed"] and files(r)[layer]["signed"]
        assert verify_layout(d, *who)[:2] == (0, "verified")
    bundle = next(s["path"] for s in signatures(r))
    assert verify(d, bundle, "--key", PUBLIC, target=os.path.join(d, image)) == (0, "verified", "")
    assert verify(d, bundle, "--key", PUBLIC, target=os.path.join(d, layer)) == (1, "invalid", "subject")
    write(os.path.join(d, layer), WEIGHTS + b"x")
    assert not files(report("--key", PUBLIC, d))[layer]["signed"]


@case
def attestations_of_images_in_a_layout():
    for key_first in (True, False):
        for by, who in (("key", ["--key", PUBLIC]), ("identity", WHO)):
            d, image, layer = layout(lambda d, i: attested(d, i, by, reverse=key_first))
            found, r = state(d, *who)
            assert found == ("in-toto", "verified", "") and len({s["path"] for s in signatures(r)}) == 1, signatures(r)
            assert files(r)[image]["signed"] and files(r)[layer]["signed"]
            assert verify_layout(d, *who)[:2] == (0, "verified")
            found, r = state(d)
            assert found[1] == "untrusted" and not files(r)[layer]["signed"], found
            write(os.path.join(d, layer), WEIGHTS + b"x")
            assert not files(report(*who, d))[layer]["signed"]
    for by, who in (("key", WHO), ("identity", ["--key", PUBLIC])):  # one of the other kind is no alarm
        found, r = state(layout(lambda d, i: attested(d, i, by))[0], *who)
        assert found[1] == "untrusted", found
    d, image, layer = layout(lambda d, i: attested(d, i, "key", key=mock.new_key()))
    assert state(d, "--key", PUBLIC, expect=1)[0] == ("in-toto", "invalid", "signature")
    d, image, layer = layout(lambda d, i: attested(d, dict(i, digest="sha256:" + "0" * 64), "identity"))
    assert state(d, *WHO)[0][1] == "unsupported"  # of an image that is not here
    entry = "dev.sigstore.cosign/bundle"
    d, image, layer = layout(lambda d, i: attested(d, i, "identity", change=lambda marks: marks.pop(entry)))
    assert state(d, *WHO)[0] == ("in-toto", "untrusted", "anchor-given")  # nobody says when it was signed
    later = lambda marks: marks.update({entry: re.sub(r'("integratedTime": [0-9]+)', r"\g<1>1", marks[entry])})
    d, image, layer = layout(lambda d, i: attested(d, i, "identity", change=later))
    assert state(d, *WHO, expect=1)[0] == ("in-toto", "invalid", "set")
    assert verify_layout(d, *WHO)[:3] == (1, "invalid", "set")


def verify_layout(d, *who):
    p = run("verify", "-o", "json", *SCAN_FLAGS, d, *who)
    r = json.loads(p.stdout)
    return p.returncode, r["state"], r["check"], r


def index(d, change):
    """index.json of a layout, changed."""
    value = json.load(open(d + "/index.json"))
    change(value)
    write(d + "/index.json", json.dumps(value).encode())


def referring(d, image, by="key"):
    payload = mock.compact(mock.statement(b"", subject=[{"name": "x", "digest": {"sha256": image["digest"][7:]}}]))
    bundle = make.by_key(make.Signed(KEY, payload=payload)) if by == "key" else make.keyless(signed={"payload": payload})
    layer = dict(blob(d, bundle), mediaType="application/vnd.dev.sigstore.bundle.v0.3+json")
    config = dict(blob(d, {}), mediaType="application/vnd.oci.empty.v1+json")
    return [blob(d, {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                     "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json", "config": config,
                     "layers": [layer], "subject": {k: image[k] for k in ("mediaType", "digest", "size")}})]


def attested(d, image, by="key", reverse=False, key=KEY, change=lambda marks: None):
    """cosign's older attestation: an envelope as a layer, and annotations."""
    payload = mock.compact(mock.statement(b"", subject=[{"name": "x", "digest": {"sha256": image["digest"][7:]}}]))
    marks = {"dev.cosignproject.cosign/signature": ""}
    if by == "key":
        bundle = make.by_key(make.Signed(key, payload=payload))
    else:
        bundle = make.keyless("0.1", signed={"payload": payload}, entry=lambda e: e.pop("inclusionProof"))
        der = make.material(bundle)["x509CertificateChain"]["certificates"][0]["rawBytes"]
        marks["dev.sigstore.cosign/certificate"] = "-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n" % der
        marks["dev.sigstore.cosign/bundle"] = json.dumps(log_entry(make.material(bundle)["tlogEntries"][0]))
        change(marks)
    envelope = bundle["dsseEnvelope"]
    names = sorted(envelope, reverse=reverse)  # the payload may come before its type, or behind
    layer = dict(blob(d, {k: envelope[k] for k in names}), mediaType="application/vnd.dsse.envelope.v1+json", annotations=marks)
    config = dict(blob(d, {"rootfs": {}}), mediaType="application/vnd.oci.image.config.v1+json")
    return [blob(d, {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": [layer]})]


@case
def verify_takes_a_layout_with_its_signatures():
    for signer, who, kind in ((legacy(by_key), ["--key", PUBLIC], "cosign"), (legacy(by_identity), WHO, "cosign"),
                              (referring, ["--key", PUBLIC], "in-toto"), (attested, ["--key", PUBLIC], "in-toto"),
                              (lambda d, i: legacy(by_key)(d, i) + attested(d, i), ["--key", PUBLIC], ("cosign", "in-toto"))):
        d, image, layer = layout(signer)
        code, state_, check, r = verify_layout(d, *who)
        assert (code, state_, check) == (0, "verified", "") and r["kind"] in kind, r
        assert r["covers"] == "1 image, 2 blobs below", r
        assert verify_layout(d)[:2] == (1, "untrusted")
        data = open(os.path.join(d, layer), "rb").read()
        write(os.path.join(d, layer), data + b"x")
        assert verify_layout(d, *who)[:3] == (1, "invalid", "file-digest")
        os.remove(os.path.join(d, layer))
        assert verify_layout(d, *who)[:3] == (1, "invalid", "file-missing")
        write(os.path.join(d, layer), data)
        write(os.path.join(d, image), open(os.path.join(d, image), "rb").read() + b" ")
        assert verify_layout(d, *who)[:3] == (1, "invalid", "file-digest")
    d, image, layer = layout(legacy(lambda payload: by_key(b"other")))
    assert verify_layout(d, "--key", PUBLIC)[:3] == (1, "invalid", "signature")
    d, image, layer = layout(legacy(by_key, "sha256:" + "0" * 64))
    assert verify_layout(d, "--key", PUBLIC)[:3] == (1, "unsigned", "signature-present")
    assert verify_layout(layout()[0], "--key", PUBLIC)[:3] == (1, "unsigned", "signature-present")


@case
def what_reads_only_files_says_that_it_fetches_none():
    for reference in ("s3://bucket/model", "hf:org/model"):
        for words in (["verify", reference, "--key", PUBLIC], ["digest", reference], ["inspect", reference],
                      ["sign", "key", reference, "--private-key", PUBLIC]):
            p = run(*words)
            assert p.returncode == 4 and b"fetch it first" in p.stderr, p


@case
def every_image_of_a_layout_must_be_signed():
    manifest = "application/vnd.oci.image.manifest.v1+json"
    config = lambda d: dict(blob(d, {"x": 1}), mediaType="application/vnd.oci.image.config.v1+json")
    for extra in ({}, {"subject": True}, {"signature": True}, {"attested": True}):
        d, image, layer = layout(legacy(by_key))
        weights = dict(blob(d, b"evil weights"), mediaType="application/octet-stream")
        other = {"schemaVersion": 2, "mediaType": manifest, "config": config(d), "layers": [weights]}
        if extra.get("subject"):  # an image that says it holds a bundle
            other.update(artifactType="application/vnd.dev.sigstore.bundle.v0.3+json",
                         subject={"mediaType": manifest, "digest": "sha256:" + image[-64:], "size": 1})
        if extra.get("signature"):  # … or a signature besides
            payload = dict(blob(d, b"{}"), mediaType="application/vnd.dev.cosign.simplesigning.v1+json", annotations=by_key(b"{}"))
            other["layers"].append(payload)
        if extra.get("attested"):  # weights called an envelope
            weights.update(mediaType="application/vnd.dsse.envelope.v1+json", annotations={"dev.cosignproject.cosign/signature": ""})
        entry = dict(blob(d, other), mediaType=manifest)
        index(d, lambda i: i["manifests"].append(entry))
        code, state_, check, r = verify_layout(d, "--key", PUBLIC)
        assert (code, state_, check) == (1, "unsigned", "signature-present") and entry["digest"][7:] in r["reason"], (extra, r)


@case
def an_index_that_is_signed_covers_its_images():
    kind, inner = "application/vnd.oci.image.index.v1+json", []

    def signer(d, image):
        whole = dict(blob(d, {"schemaVersion": 2, "mediaType": kind, "manifests": [image]}), mediaType=kind)
        inner.append(whole)
        return legacy(by_key)(d, whole)
    d, image, layer = layout(signer)
    index(d, lambda i: i["manifests"].__setitem__(0, inner[0]))
    code, state_, check, r = verify_layout(d, "--key", PUBLIC)
    assert (code, state_, r["covers"]) == (0, "verified", "1 image, 3 blobs below"), r
    write(os.path.join(d, image), b'{"schemaVersion": 2, "layers": []}')
    assert verify_layout(d, "--key", PUBLIC)[:3] == (1, "invalid", "file-digest")
    for junk in (b"{}", b"[]", b'{"schemaVersion": 2, "manifests": [{"digest": "md5:0"}]}', b'{"schemaVersion": 2, "manifests": []}'):
        write(os.path.join(d, "index.json"), junk)
        assert verify_layout(d, "--key", PUBLIC)[:2] == (2, "unsupported"), junk


@case
def every_command_knows_whom_to_accept_by_the_same_names():
    d, image, layer = layout(legacy(by_identity))
    mail, issuer = mock.MAIL, mock.ISSUER
    for who in (["--identity", mail, "--identity-provider", issuer], ["--certificate-identity", mail, "--certificate-oidc-issuer", issuer],
                ["--certificate-identity-regexp", ".*@" + mail.split("@")[1], "--certificate-oidc-issuer-regexp", "https://.*"],
                ["--certificate-identity-regexp", mail, "--identity-provider", issuer]):
        for root in ("--trusted-root", "--trust-config"):
            assert state(d, *who, root, ROOT)[0][1] == "verified", who
            assert verify_layout(d, *who, root, ROOT)[:2] == (0, "verified"), who
            p = run("lock", *SCAN_FLAGS, d, *who, root, ROOT)
            assert p.returncode == 0 and json.loads(p.stdout)["targets"][0]["signers"], p.stderr
    part = ["--certificate-identity-regexp", mail[:-1], "--certificate-oidc-issuer", issuer, "--trusted-root", ROOT]
    assert state(d, *part)[0][1] == "untrusted"  # a pattern matches the whole
    alone = run("scan", d, "--certificate-identity", mail)
    assert alone.returncode == 4 and b"provider" in alone.stderr


# ---- statements ----------------------------------------------------------------------------


def provenance(builder="https://builder.example/1", kind="v1"):
    predicate = {"runDetails": {"builder": {"id": builder}}} if kind == "v1" else {"builder": {"id": builder}}
    return make.by_key(make.Signed(KEY, payload=mock.compact(
        mock.statement(WEIGHTS, "https://slsa.dev/provenance/" + kind, predicate=predicate))))


@case
def provenance_names_its_builder():
    for kind in ("v1", "v0.2"):
        both("provenance.json", provenance(kind=kind), ["--key", PUBLIC], "slsa")
        d = model(**{NAME + ".sigstore.json": provenance(kind=kind)})
        r = report("--key", PUBLIC, "--builder-id", "https://builder.example/1", d, expect=0)
        assert signatures(r)[0]["state"] == "verified" and signatures(r)[0]["builder"] == "https://builder.example/1"
        found, r = state(d, "--key", PUBLIC, "--builder-id", "https://builder.example/2")
        assert found == ("slsa", "untrusted", "builder") and not files(r)[NAME]["signed"], found
    lines = b"\n".join(json.dumps(x).encode() for x in (provenance(), make.by_key(make.Signed(KEY)))) + b"\n"
    both(NAME + ".intoto.jsonl", lines, ["--key", PUBLIC], "slsa")
    d = model(**{NAME + ".dsse": make.Signed(KEY).content()["dsseEnvelope"]})
    assert state(d, "--key", PUBLIC, expect=0)[0] == ("in-toto", "verified", "")


@case
def a_statement_about_nothing_here_hides_no_bad_signature_before_it():
    bad = make.by_key(make.Signed(KEY, envelope=False, over=b"other bytes"))
    elsewhere = make.by_key(make.Signed(KEY, payload=mock.compact(mock.statement(b"other bytes"))))
    lines = b"\n".join(json.dumps(x).encode() for x in (bad, elsewhere)) + b"\n"
    found, r = state(model(**{"all.intoto.jsonl": lines}), "--key", PUBLIC)
    assert found[:2] == ("sigstore", "invalid") and "integrity/signature-invalid" in rules(r), found


# ---- other signatures ----------------------------------------------------------------------


class Minisign:
    def __init__(self):
        self.key = ed25519.Ed25519PrivateKey.generate()
        raw = self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.public = write(os.path.join(scratch(), "minisign.pub"), ("untrusted comment: k\n%s\n" % b64(b"Ed" + b"12345678" + raw)).encode())

    def sign(self, data):
        sig = self.key.sign(hashlib.blake2b(data).digest())
        text = "untrusted comment: x\n%s\ntrusted comment: t\n%s\n" % (b64(b"ED" + b"12345678" + sig), b64(self.key.sign(sig + b"t")))
        return text.encode()


@case
def minisign_signatures():
    m = Minisign()
    both(NAME + ".minisig", m.sign(WEIGHTS), ["--public-key", m.public], "minisign")


@case
def a_bad_minisign_signature_is_a_finding_whatever_other_keys_were_given():
    m, other = Minisign(), Minisign()
    text = open(other.public).read().split("\n")
    raw = base64.b64decode(text[1])
    write(other.public, b"untrusted comment: k\n" + b64(b"Ed" + b"another1" + raw[10:]).encode() + b"\n")
    d = model(**{NAME + ".minisig": m.sign(b"other bytes")})
    for keys in ((m, other), (other, m)):
        r = report("--public-key", keys[0].public, "--public-key", keys[1].public, d, expect=1)
        assert "integrity/signature-invalid" in rules(r), r["models"][0]["signatures"]


@case
def openpgp_signatures_through_gpgv():
    if not os.path.exists("/usr/bin/gpg") or not os.path.exists("/usr/bin/gpgv"):
        raise Skip("no gpg")
    home, d = scratch(), model()
    os.chmod(home, 0o700)
    gpg = lambda *a: subprocess.run(["gpg", "--homedir", home, "--batch", "-q", "--passphrase", "", "--pinentry-mode", "loopback", *a],
                                    check=True, stderr=subprocess.DEVNULL)
    gpg("--quick-generate-key", "signer@example.com", "rsa2048", "sign", "never")
    gpg("--output", home + "/ring.gpg", "--export", "signer@example.com")
    gpg("--armor", "--output", home + "/sig", "--detach-sign", os.path.join(d, NAME))
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], stderr=subprocess.DEVNULL)
    both(NAME + ".asc", open(home + "/sig", "rb").read(), ["--keyring", home + "/ring.gpg"], "gpg")


@case
def signed_lists_of_digests_speak_for_their_signer():
    m = Minisign()
    for line in ("%s  " + NAME + "\n", "SHA256 (" + NAME + ") = %s\n"):
        sums = (line % hashlib.sha256(WEIGHTS).hexdigest()).encode()
        d = model(SHA256SUMS=sums, **{"SHA256SUMS.minisig": m.sign(sums)})
        r = report("--public-key", m.public, d, expect=0)
        (e,) = files(r)[NAME]["expected"]
        assert (e["by"], e["state"], files(r)[NAME]["signed"]) == ("signature", "verified", True), e
        (e,) = files(report(d, expect=0))[NAME]["expected"]
        assert (e["by"], e["state"]) == ("target", "consistent")
        write(os.path.join(d, NAME), WEIGHTS + b"x")
        r = report("--public-key", m.public, d, expect=1)
        (e,) = files(r)[NAME]["expected"]
        assert e["state"] == "mismatch" and not files(r)[NAME]["signed"]
    sums = (hashlib.md5(WEIGHTS).hexdigest() + "  " + NAME + "\n").encode()
    d = model(MD5SUMS=sums, **{"MD5SUMS.minisig": m.sign(sums)})
    r = report("--public-key", m.public, d, expect=0)
    (e,) = files(r)[NAME]["expected"]
    assert e["state"] == "consistent" and e["weak"] and not files(r)[NAME]["signed"], "nobody can sign with md5"


# ---- models --------------------------------------------------------------------------------


PRIVATE = write(os.path.join(scratch(), "key.pem"), KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def sign(d, *arguments, signature="model.sig"):
    p = run("sign", "key", d, "--private-key", PRIVATE, "--signature", os.path.join(d, signature), *arguments)
    assert p.returncode == 0, p.stderr


@case
def model_signatures_in_files_and_in_shards():
    for arguments in ([], ["--hash", "blake2b"], ["--hash", "blake3"], ["--shard-size", "100"], ["--shard-size", "64", "--hash", "blake2b"],
                      ["--shard-size", "1000000"], ["--shard-size", str(len(WEIGHTS))]):
        d = model(**{"config.json": b"{}", "empty": b""})
        sign(d, *arguments)
        found, r = state(d, "--public-key", PUBLIC, expect=0)
        assert found == ("oms", "verified", ""), (arguments, found, signatures(r))
        assert files(r)[NAME]["signed"] and {e["state"] for e in files(r)[NAME]["expected"]} == {"verified"}
        code = scan("--gate", "strict", "--origin", "hf:a/b@" + "0" * 40, "--public-key", PUBLIC, d).returncode
        assert code == 0 or ("--shard-size" in arguments), arguments
        for changed in (WEIGHTS + b"x", WEIGHTS[:-1], WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1]), b"x" + WEIGHTS[1:], b""):
            write(os.path.join(d, NAME), changed)
            found, r = state(d, "--public-key", PUBLIC, expect=1)
            assert found == ("oms", "invalid", "file-digest"), (arguments, found)
            assert "integrity/digest-mismatch" in rules(r) and not files(r)[NAME]["signed"]


@case
def kaggle_keeps_the_signature_one_directory_down():
    d = model(**{"config.json": b"{}"})
    os.mkdir(os.path.join(d, ".kaggle"))
    sign(d, "--ignore-paths", os.path.join(d, ".kaggle"), signature=".kaggle/signing.json")
    found, r = state(d, "--public-key", PUBLIC, expect=0)
    assert found == ("oms", "verified", "") and files(r)[NAME]["signed"]
    p = run("verify", *SCAN_FLAGS, d, "--public-key", PUBLIC)
    assert p.returncode == 0, p.stdout
    write(os.path.join(d, "config.json"), b"[]")
    assert state(d, "--public-key", PUBLIC, expect=1)[0][1] == "invalid"


@case
def hostile_signature_files_are_a_workers_and_never_stop_a_scan():
    deep = b'{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","x":' + b"[" * 100000
    wide = b'{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","x":[' + b"1," * 200000 + b"1]}"
    for content in (deep, wide, b'{"base64Signature":' + b'"' + b"A" * 5000000 + b'"}', b"untrusted comment: \n\n\n\n",
                    b"{" + b" " * 2000000, b'{"critical":{"image":{"docker-manifest-digest":7}}}'):
        d = model(**{"x.sig": content})
        r = report("--public-key", PUBLIC, *WHO, d, expect=None)
        assert not [s for s in signatures(r) if s["state"] == "verified"]
        assert files(r)[NAME]["status"] == "complete" and not files(r)[NAME]["signed"]


@case
def a_file_that_changes_while_it_is_hashed_is_not_the_signed_one():
    d, stop = model(**{"config.json": b"{}"}), []
    path = os.path.join(d, "bulk.bin")
    with open(path, "wb") as f:
        f.truncate(64 << 20)
    sign(d)

    def touch():
        while not stop:
            os.utime(path)
    toucher = threading.Thread(target=touch)
    toucher.start()
    seen = set()  # what was not touched meanwhile is as signed; tried until it was
    try:
        for _ in range(20):
            seen.add(verify(d, "model.sig", "--public-key", PUBLIC, target=d))
            r = report("--public-key", PUBLIC, d)
            if len(seen - {(0, "verified", "")}) and "integrity/changed-during-scan" in rules(r):
                break
    finally:
        stop.append(True)
        toucher.join()
    assert seen - {(0, "verified", "")} == {(1, "invalid", "file-changed")}, seen
    assert files(r)["bulk.bin"]["status"] == "incomplete" and not files(r)["bulk.bin"]["signed"]
    assert signatures(r)[0]["check"] == "file-changed", signatures(r)
    assert verify(d, "model.sig", "--public-key", PUBLIC, target=d)[0] == 0


@case
def special_files_and_swaps_are_never_verified_and_never_block():
    d = model(**{NAME + ".sigstore.json": make.by_key(make.Signed(KEY, envelope=False))})
    os.mkfifo(os.path.join(d, "pipe"))
    attempt = lambda target, signature: run("verify", *SCAN_FLAGS, target, "--signature", signature, "--key", PUBLIC).returncode
    bundle = os.path.join(d, NAME + ".sigstore.json")
    for target, signature in ((d + "/pipe", bundle), ("/dev/zero", bundle), (d + "/" + NAME, d + "/pipe"), (d + "/" + NAME, "/dev/zero"),
                              (d + "/" + NAME, d)):
        assert attempt(target, signature) == 2, (target, signature)
    # an Ed25519 key signs bytes: they are the ones that were hashed
    key = mock.new_key("ed25519")
    public = write(os.path.join(scratch(), "p"), mock.pem(key))
    b = write(os.path.join(scratch(), "b"), json.dumps(make.by_key(make.Signed(key, envelope=False))).encode())
    assert run("verify", *SCAN_FLAGS, d + "/" + NAME, "--signature", b, "--key", public).returncode == 0
    huge = os.path.join(d, "huge.sig")
    with open(huge, "wb") as f:
        f.write(b'{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"')
        f.truncate((64 << 20) + 1)
    assert attempt(d + "/" + NAME, huge) == 2
    shown = [s for s in signatures(report("--key", PUBLIC, d)) if s["path"] == "huge.sig"]
    assert shown[0]["state"] == "unsupported" and "too large" in shown[0]["reason"], shown
    os.unlink(huge)
    # a link that turns from signed bytes to others and back
    other = write(os.path.join(scratch(), "other"), b"other")
    signed = write(os.path.join(scratch(), "signed"), WEIGHTS)
    link, stop = os.path.join(d, "link"), []

    def swap():
        while not stop:
            for to in (signed, other):
                os.symlink(to, link + ".new")
                os.rename(link + ".new", link)
    os.symlink(other, link)
    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        codes = {attempt(link, bundle) for _ in range(10)}
    finally:
        stop.append(True)
        swapper.join()
    assert codes <= {0, 1, 2}, codes
    os.unlink(link)
    os.symlink(other, link)
    assert attempt(link, bundle) == 1


main()
