#!/usr/bin/python3
"""Bundles of every kind that are good, and for every check one that violates it alone.

    tests/pki/make.py OUTDIR

Writes a directory for each case (bundle.json, root.json, case.json …) and cases.tsv: name,
expected state, expected check; and in answers/ what services answer, for the fuzzers.  All keys are new in each run.
"""
import copy
import hashlib
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import der
import mock
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID as EKU
from mock import DAY, ISSUER, MAIL, T0, b64, sha256

ARTIFACT = b"the weights of a model\n"
MEDIA = {
    "0.1": "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "0.2": "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "0.3": "application/vnd.dev.sigstore.bundle.v0.3+json",
}
IN_TOTO = "application/vnd.in-toto+json"
I = mock.Instance()
CASES = []


def identity(subject=MAIL, issuer=ISSUER, **more):
    return dict({"subject": subject, "issuer": issuer}, **more)


def case(name, bundle, state="verified", check="", text=None, root=None, files=None, **more):
    """more: fields of case.json that tests/pki/verify_case.c reads."""
    CASES.append((name, state, check))
    path = os.path.join(OUT, name)
    os.makedirs(path, exist_ok=True)
    settings = {"digest": True, "identities": [identity()], "now": T0 + 60}
    settings.update(more)
    if root is not False:
        settings["root"] = "root.json"
        with open(os.path.join(path, "root.json"), "w") as f:
            json.dump(root or I.trusted_root(), f)
    if text is None:
        text = json.dumps(bundle).encode()
    for file, data in dict(files or {}, **{"bundle.json": text, "artifact": ARTIFACT}).items():
        with open(os.path.join(path, file), "wb") as f:
            f.write(data)
    with open(os.path.join(path, "case.json"), "w") as f:
        json.dump(settings, f)


# ---- what a signature is over ----


class Signed:
    """A payload or an artifact, signed with a key; every part can be another one."""

    def __init__(self, key, envelope=True, payload=None, kind=IN_TOTO, algorithm=None, over=None, pss=False):
        self.key, self.envelope, self.kind, self.pss = key, envelope, kind, pss
        self.payload = mock.compact(mock.statement(ARTIFACT)) if payload is None else payload
        self.pae = mock.pae(self.payload, kind)
        self.algorithm = algorithm or mock.default_hash(key)
        self.message = over or (self.pae if envelope else ARTIFACT)
        self.signature = mock.sign(key, self.message, algorithm, pss)

    def digest(self, data):
        algorithm = self.algorithm or hashes.SHA256()
        return hashlib.new(algorithm.name, data).digest(), algorithm.name

    def content(self):
        if self.envelope:
            return {
                "dsseEnvelope": {
                    "payload": b64(self.payload),
                    "payloadType": self.kind,
                    "signatures": [{"sig": b64(self.signature), "keyid": ""}],
                }
            }
        value, name = self.digest(ARTIFACT)
        return {
            "messageSignature": {
                "messageDigest": {"algorithm": "SHA2_" + name[3:], "digest": b64(value)},
                "signature": b64(self.signature),
            }
        }


def body_of(signed, kind, version, pem, der_bytes, is_key=False):
    if version == "0.0.2" and kind != "intoto":
        verifier = {"publicKey" if is_key else "x509Certificate": {"rawBytes": b64(der_bytes)}}
        verifier["keyDetails"] = mock.key_details(signed.key, signed.pss)
        signature = {"content": b64(signed.signature), "verifier": verifier}
    if (kind, version) == ("hashedrekord", "0.0.2"):
        value, name = signed.digest(signed.pae if signed.envelope else ARTIFACT)
        spec = {"hashedRekordV002": {"data": {"algorithm": "SHA2_" + name[3:], "digest": b64(value)}, "signature": signature}}
    elif (kind, version) == ("dsse", "0.0.2"):
        payload = {"algorithm": "SHA2_256", "digest": b64(sha256(signed.payload))}
        spec = {"dsseV002": {"payloadHash": payload, "signatures": [signature]}}
    elif kind == "hashedrekord":
        value, name = signed.digest(ARTIFACT)
        spec = {
            "data": {"hash": {"algorithm": name, "value": value.hex()}},
            "signature": {"content": b64(signed.signature), "publicKey": {"content": b64(pem)}},
        }
    elif kind == "dsse":
        spec = {
            "envelopeHash": {"algorithm": "sha256", "value": "00" * 32},
            "payloadHash": {"algorithm": "sha256", "value": sha256(signed.payload).hex()},
            "signatures": [{"signature": b64(signed.signature), "verifier": b64(pem)}],
        }
    else:
        one = {"publicKey": b64(pem), "sig": b64(b64(signed.signature).encode())}
        spec = {
            "content": {
                "envelope": {"payloadType": signed.kind, "signatures": [one]},
                "hash": {"algorithm": "sha256", "value": "00" * 32},
                "payloadHash": {"algorithm": "sha256", "value": sha256(signed.payload).hex()},
            }
        }
    return {"apiVersion": version, "kind": kind, "spec": spec}


def promises(log=None, at=T0, issuer=None, **more):
    return lambda tbs: [(log or I.ct).promise(tbs, mock.spki((issuer or I.ca).key), at, **more)]


def keyless(version="0.3", log=None, kind=None, tsa=None, key="p256", leaf=None, ca=None, body=None, entry=None, drop_set=False,
            signed=None, stamps=None, at=T0, body_kind=None, **options):
    """A keyless bundle; each argument replaces one part, and what depends on it is signed
    again.  signed: options of Signed; body, entry: functions that change them."""
    log, ca = log or I.log1, ca or I.ca
    key = mock.new_key(key) if isinstance(key, str) else key
    cert = mock.make_leaf(ca, key, **dict({"promises": promises(issuer=ca)}, **(leaf or {})))
    s = Signed(key, **(signed or {}))
    if log.version == 2:
        kind, kind_version = kind or "hashedrekord", "0.0.2"
    else:
        kind = kind or ("dsse" if s.envelope else "hashedrekord")
        kind_version = "0.0.2" if kind == "intoto" else "0.0.1"
    content = body_of(s, kind, kind_version, mock.cert_pem(cert), mock.cert_der(cert))
    if body:
        body(content)
    e = log.entry(content, *(body_kind or (kind, kind_version)), at=at, **options)
    if drop_set or version == "no-set":
        del e["inclusionPromise"]
    if entry:
        entry(e)
    raw = {"rawBytes": b64(mock.cert_der(cert))}
    if version == "0.3":
        material = {"certificate": raw}
    else:
        material = {"x509CertificateChain": {"certificates": [raw, {"rawBytes": b64(mock.cert_der(ca.cert))}]}}
    material["tlogEntries"] = [e]
    if stamps is None and (tsa if tsa is not None else log.version == 2):
        stamps = [mock.timestamp(I.tsa, s.signature)]
    elif callable(stamps):
        stamps = stamps(s)
    if stamps:
        material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": b64(t)} for t in stamps]}
    return dict({"mediaType": MEDIA[version], "verificationMaterial": material}, **s.content())


def by_key(signed, hint=None, version="0.3"):
    if hint is None:
        hint = sha256(mock.pem(signed.key)).hex()
    material = {"publicKey": {"hint": hint}, "tlogEntries": []}
    return dict({"mediaType": MEDIA[version], "verificationMaterial": material}, **signed.content())


def by_chain(signed, certs, stamps=()):
    chain = [{"rawBytes": b64(mock.cert_der(c))} for c in certs]
    material = {"x509CertificateChain": {"certificates": chain}, "tlogEntries": []}
    if stamps:
        material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": b64(t)} for t in stamps]}
    return dict({"mediaType": MEDIA["0.3"], "verificationMaterial": material}, **signed.content())


def key_case(name, signed, state="verified", check="", hint=None, give=None, bundle=None, **more):
    key = mock.pem(give or signed.key)
    case(name, bundle or by_key(signed, hint), state, check, files={"key.pem": key}, keys=["key.pem"],
         root=False, identities=[], **more)


def material(b):
    return b["verificationMaterial"]


def tlog(b):
    return material(b)["tlogEntries"][0]


def changed(value, change):
    value = copy.deepcopy(value)
    change(value)
    return value


def put(value, *path):
    """A function that sets object[path[0]][path[1]]… to value."""

    def change(obj):
        for step in path[:-1]:
            obj = obj[step]
        obj[path[-1]] = value

    return change


def root_with(change):
    return changed(I.trusted_root(), change)


INVALID, UNTRUSTED, UNSUPPORTED = "invalid", "untrusted", "unsupported"


def good_ones():
    case("good-v03-dsse", keyless())
    case("good-v02-intoto", keyless("0.2", kind="intoto"))
    case("good-v01-message-set-only", keyless("0.1", signed={"envelope": False}, entry=lambda e: e.pop("inclusionProof")))
    case("good-v03-message", keyless(signed={"envelope": False}))
    case("good-v03-time-stamp-instead-of-set", keyless(drop_set=True, tsa=True))
    case("good-v03-set-and-time-stamp", keyless(tsa=True))
    case("good-rekor2-dsse", keyless(log=I.log2))
    case("good-rekor2-dsse-entry", keyless(log=I.log2, kind="dsse"))
    case("good-rekor2-message", keyless(log=I.log2, signed={"envelope": False}))
    case("good-rekor2-token-without-certificate",
         keyless(log=I.log2, stamps=lambda s: [mock.timestamp(I.tsa, s.signature, embed=False)]))
    for kind in ("p384", "p521", "rsa2048", "ed25519"):
        case(f"good-leaf-{kind}", keyless(log=I.log2, key=kind))
    case("good-leaf-p384-message", keyless(key="p384", log=I.log2, signed={"envelope": False}))
    case("good-leaf-p521-sha256",
         keyless(key="p521", signed={"envelope": False, "algorithm": hashes.SHA256()}))
    uri = "https://github.com/example/model/.github/workflows/sign.yml@refs/heads/main"
    case("good-uri-name", keyless(leaf={"names": mock.san(("uri", uri.encode()))}), identities=[identity(uri)])
    case("good-other-name", keyless(leaf={"names": mock.san(("other", b"robot"))}), identities=[identity("robot")])
    case("good-pattern", keyless(), identities=[identity(r"[a-z]+@example\.com", subject_is_pattern=True)])
    case("good-second-identity", keyless(), identities=[identity("other@example.com"), identity()])
    case("good-old-issuer-only", keyless(leaf={"issuers": {"1": ISSUER.encode()}}))
    case("good-new-issuer-only", keyless(leaf={"issuers": {"8": der.utf8(ISSUER)}}))
    case("good-sct-extensions", keyless(leaf={"promises": promises(extensions=b"\0\0\5\0\0\0\0\7")}))
    case("good-second-sct", keyless(leaf={"promises": lambda tbs: [mock.CtLog().promise(tbs, mock.spki(I.ca.key)),
                                                                   I.ct.promise(tbs, mock.spki(I.ca.key))]}))
    case("good-witnessed", keyless(lines=lambda text: mock.Log(2, "witness").line(text) + I.log1.line(text)))
    case("good-client-trust-config", keyless(), root={
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": I.trusted_root(), "signingConfig": {}})
    case("good-intermediate-anchor", keyless(),
         root=root_with(lambda r: r["certificateAuthorities"][0]["certChain"]["certificates"].pop()))
    case("good-window-ends-with-the-entry", keyless(),
         root=root_with(put(mock.window(end=T0), "tlogs", 0, "publicKey", "validFor")))
    for kind in ("p256", "p384", "p521", "rsa3072", "ed25519"):
        key_case(f"good-key-{kind}", Signed(mock.new_key(kind)))
    s = Signed(mock.new_key(), envelope=False)
    key_case("good-key-message-cosign-hint", s, hint=b64(sha256(mock.spki(s.key))))
    key_case("good-key-ed25519-message", Signed(mock.new_key("ed25519"), envelope=False), bytes=True)
    key_case("good-key-without-hint", s, hint="")
    for kind in ("p384", "p521", "rsa2048"):
        key_case(f"good-key-{kind}-message", Signed(mock.new_key(kind), envelope=False))
    unstated = lambda s: changed(by_key(s), lambda b: b["messageSignature"].pop("messageDigest"))
    for kind in ("p384", "p521"):  # what cosign did with every key
        s = Signed(mock.new_key(kind), envelope=False, algorithm=hashes.SHA256())
        key_case(f"good-key-{kind}-message-sha256", s)
        key_case(f"good-key-{kind}-message-sha256-unstated", s, bundle=unstated(s))
        s = Signed(mock.new_key(kind), envelope=False)
        key_case(f"good-key-{kind}-message-unstated", s, bundle=unstated(s))
    for envelope, name in ((True, "envelope"), (False, "message")):
        s = Signed(mock.new_key("rsa3072"), envelope=envelope, pss=True)
        key_case(f"good-key-rsa-pss-{name}", s)
        case(f"good-key-pss-only-{name}", by_key(s, ""), files={"key.pem": mock.pss_pem(s.key)}, keys=["key.pem"],
             root=False, identities=[])
        case(f"good-leaf-rsa-pss-{name}",
             keyless(log=I.log2, key=s.key, signed={"envelope": envelope, "pss": True}))
    key_case("good-key-any-subject", Signed(mock.new_key(), payload=b"{}"), any_subject=True)
    payload = mock.compact(dict(mock.statement(ARTIFACT, "https://model_signing/Digests/v0.1"), note="it's \"so\"\n"))
    legacy = b"DSSEV1 28 " + IN_TOTO.encode() + b" %d " % len(payload) + repr(payload).encode()
    key_case("good-key-legacy", Signed(mock.new_key("p384"), payload=payload, over=legacy, algorithm=hashes.SHA256()))
    s = Signed(mock.new_key())
    case("good-bare-envelope", s.content()["dsseEnvelope"], files={"key.pem": mock.pem(s.key)}, keys=["key.pem"],
         root=False, identities=[], envelope=True)


def structure():
    b, text = keyless(), json.dumps(keyless()).encode()
    case("json-duplicate-key", None, INVALID, "bundle-json",
         text=text.replace(b'"dsseEnvelope": {', b'"dsseEnvelope": {"payloadType": "x", '))
    case("json-trailing", None, INVALID, "bundle-json", text=text + b"{}")
    case("json-byte-order-mark", None, INVALID, "bundle-json", text=b"\xef\xbb\xbf" + text)
    case("json-truncated", None, INVALID, "bundle-json", text=text[:-1])
    case("json-comment", None, INVALID, "bundle-json", text=text + b"// so")
    case("json-nul", None, INVALID, "bundle-json", text=text + b"\0")
    case("json-deep", None, INVALID, "bundle-json", text=text[:-1] + b', "x": ' + b"[" * 64 + b"]" * 64 + b"}")
    for field in ("mediaType",):
        case("media-type-unknown", changed(b, put("application/vnd.dev.sigstore.bundle.v0.9+json", field)),
             UNSUPPORTED, "bundle-media-type")
        case("media-type-missing", changed(b, lambda x: x.pop(field)), UNSUPPORTED, "bundle-media-type")
    case("material-key-and-certificate", changed(b, put({"hint": ""}, "verificationMaterial", "publicKey")),
         INVALID, "bundle-material")
    case("material-none", changed(b, lambda x: material(x).pop("certificate")), INVALID, "bundle-material")
    case("content-both", changed(b, put({"signature": "AAAA"}, "messageSignature")), INVALID, "bundle-content")
    case("content-none", changed(b, lambda x: x.pop("dsseEnvelope")), INVALID, "bundle-content")
    for name, bad in (("space", "AA AA"), ("trailing-bits", "AB=="), ("padding", "AAA==="), ("number", 7)):
        case(f"field-base64-{name}", changed(b, put(bad, "dsseEnvelope", "signatures", 0, "sig")), INVALID, "bundle-field")
    case("field-negative-index", changed(b, lambda x: tlog(x).update(logIndex="-1")), INVALID, "bundle-field")
    case("field-fractional-index", changed(b, lambda x: tlog(x).update(logIndex=1.5)), INVALID, "bundle-field")
    case("limits-33-time-stamps",
         keyless(stamps=lambda s: [mock.timestamp(I.tsa, s.signature, T0 + i) for i in range(33)]), INVALID, "bundle-limits")
    case("limits-33-entries", changed(b, lambda x: material(x).update(
        tlogEntries=[dict(tlog(x), logIndex=i) for i in range(33)])), INVALID, "bundle-limits")
    case("json-list", None, INVALID, "bundle-json", text=b"[]")
    case("limits-certificates", changed(b, lambda x: material(x).update(
        certificate=None, x509CertificateChain={"certificates": [material(b)["certificate"]] * 33})), INVALID, "bundle-limits")
    case("limits-signatures", changed(b, lambda x: x["dsseEnvelope"].update(
        signatures=x["dsseEnvelope"]["signatures"] * 33)), INVALID, "bundle-limits")
    bare = lambda change=lambda e: None: changed(b["dsseEnvelope"], change)
    case("envelope-truncated", None, INVALID, "bundle-json", text=json.dumps(bare()).encode()[:-1], envelope=True)
    case("envelope-without-type", bare(lambda e: e.pop("payloadType")), INVALID, "bundle-field", envelope=True)
    case("envelope-without-signatures", bare(put([], "signatures")), INVALID, "envelope-signatures", envelope=True)
    case("duplicate-entry", changed(b, lambda x: material(x)["tlogEntries"].append(tlog(x))), INVALID, "bundle-duplicates")
    case("duplicate-time-stamp", keyless(stamps=lambda s: [mock.timestamp(I.tsa, s.signature)] * 2), INVALID, "bundle-duplicates")
    s = Signed(mock.new_key())
    two = lambda first: (lambda x: x["dsseEnvelope"]["signatures"].insert(
        first, {"sig": b64(mock.sign(mock.new_key(), s.pae))}))
    key_case("two-signatures-first-good", s, INVALID, "envelope-signatures", bundle=changed(by_key(s), two(1)))
    key_case("two-signatures-second-good", s, INVALID, "envelope-signatures", bundle=changed(by_key(s), two(0)))
    key_case("no-signature", s, INVALID, "envelope-signatures", bundle=changed(by_key(s), put([], "dsseEnvelope", "signatures")))


def keys():
    s, other = Signed(mock.new_key()), mock.new_key()
    key_case("key-bundle-as-certificate", s, INVALID, "method", method="certificate")
    case("certificate-bundle-as-key", keyless(), INVALID, "method", method="key")
    case("key-not-given", by_key(s), UNTRUSTED, "key-given", root=False, identities=[])
    key_case("key-hint-of-another", s, UNTRUSTED, "key-hint", hint=sha256(mock.pem(other)).hex())
    key_case("key-curve-not-allowed", Signed(mock.new_key("k256"), algorithm=hashes.SHA256()), UNSUPPORTED, "key-algorithm")
    key_case("key-rsa-1024", Signed(mock.new_key("rsa1024")), UNSUPPORTED, "key-algorithm")
    explicit = explicit_parameters(s.key)
    case("key-explicit-parameters", by_key(s, hint=""), UNSUPPORTED, "key-algorithm", files={"key.pem": explicit},
         keys=["key.pem"], root=False, identities=[])
    key_case("signature-of-another-key", s, INVALID, "signature", give=other, hint="")
    key_case("signature-p256-with-sha384", Signed(s.key, algorithm=hashes.SHA384()), INVALID, "signature")
    key_case("signature-p384-with-sha256", Signed(mock.new_key("p384"), algorithm=hashes.SHA256()), INVALID, "signature")
    s384 = Signed(mock.new_key("p384"), envelope=False, algorithm=hashes.SHA512())
    key_case("message-p384-with-sha512", s384, INVALID, "signature")
    pss = mock.new_key("rsa2048")
    key_case("signature-rsa-pss-with-sha512", Signed(pss, pss=True, algorithm=hashes.SHA512()), INVALID, "signature")
    key_case("message-rsa-pss-of-another-key", Signed(pss, envelope=False, pss=True), INVALID, "signature",
             give=mock.new_key("rsa2048"), hint="")
    case("key-pss-only-with-pkcs1", by_key(Signed(pss), ""), INVALID, "signature", files={"key.pem": mock.pss_pem(pss)},
         keys=["key.pem"], root=False, identities=[])
    key_case("message-ed25519-of-another-file", Signed(mock.new_key("ed25519"), envelope=False, over=b"other"), INVALID,
             "signature", bytes=True)
    key_case("signature-over-payload-not-encoding", Signed(s.key, over=s.payload), INVALID, "signature")
    legacy = b"DSSEV1 28 " + IN_TOTO.encode() + b" %d " % len(s.payload) + repr(s.payload).encode()
    key_case("signature-legacy-encoding-of-a-modern-statement", Signed(s.key, over=legacy), INVALID, "signature")
    other_pred = mock.compact(dict(mock.statement(ARTIFACT), note="https://model_signing/Digests/v0.1"))
    legacy = b"DSSEV1 28 " + IN_TOTO.encode() + b" %d " % len(other_pred) + repr(other_pred).encode()
    key_case("signature-legacy-predicate-only-mentioned", Signed(s.key, payload=other_pred, over=legacy), INVALID, "signature")
    key_case("payload-type-other", Signed(s.key, kind="application/json"), INVALID, "payload-type")
    key_case("digest-not-known", Signed(mock.new_key("ed25519"), envelope=False), UNSUPPORTED, "digest-known", bytes=False)
    m = Signed(s.key, envelope=False)
    key_case("message-digest-of-another", m, INVALID, "message-digest",
             bundle=changed(by_key(m), put(b64(sha256(b"x")), "messageSignature", "messageDigest", "digest")))
    for name, change in (("type", {"_type": "https://example.com/Statement"}), ("no-subject", {"subject": []}),
                         ("subject-without-digest", {"subject": [{"name": "x"}]})):
        key_case(f"statement-{name}", Signed(s.key, payload=mock.compact(mock.statement(ARTIFACT, **change))), INVALID, "statement")
    twice = mock.compact(mock.statement(ARTIFACT)).replace(b'{"_type"', b'{"predicateType":"y","_type"')
    key_case("statement-duplicate-key", Signed(s.key, payload=twice), INVALID, "statement")
    key_case("subject-of-another-artifact", Signed(s.key, payload=mock.compact(mock.statement(b"other"))), INVALID, "subject")


def explicit_parameters(key):
    """The P-256 key with its curve written out instead of named."""
    p = 2**256 - 2**224 + 2**192 + 2**96 - 1
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    g = bytes.fromhex("046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
                      "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5")
    n = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    curve = der.seq(
        der.integer(1), der.seq(der.oid("1.2.840.10045.1.1"), der.integer(p)),
        der.seq(der.octets((p - 3).to_bytes(32, "big")), der.octets(b.to_bytes(32, "big"))),
        der.octets(g), der.integer(n), der.integer(1))
    point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    raw = der.seq(der.seq(der.oid("1.2.840.10045.2.1"), curve), der.tlv(0x03, b"\0" + point))
    import base64
    return b"-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(raw) + b"-----END PUBLIC KEY-----\n"


def certificates():
    root = mock.Authority("own root")
    middle = mock.Authority("own intermediate", root, path=0)
    key = mock.new_key()
    s = Signed(key)
    plain = lambda ca=middle, **o: mock.make_leaf(ca, key, **dict(
        {"names": None, "issuers": {}, "start": T0 - DAY, "end": T0 + 365 * DAY, "common": "signer"}, **o))

    def chain_case(name, state="verified", check="", leaf=None, certs=None, anchors=(root,), bundle=None, **more):
        b = bundle or by_chain(s, certs or [leaf or plain(), middle.cert])
        data = b"".join(mock.cert_pem(a.cert) for a in anchors)
        case(name, b, state, check, files={"anchors.pem": data}, anchors="anchors.pem" if anchors else None,
             **dict({"root": False, "identities": [], "method": "certificate"}, **more))

    chain_case("good-chain")
    chain_case("good-chain-intermediate-anchor", anchors=(middle,))
    chain_case("good-chain-with-root", certs=[plain(), middle.cert, root.cert])
    chain_case("good-chain-any-purpose", leaf=plain(eku=(EKU.ANY_EXTENDED_KEY_USAGE,)))
    chain_case("good-chain-without-key-usage", leaf=plain(usage=None))
    self_signed = mock.Authority("self", ca=False, key=key, eku=EKU.CODE_SIGNING)
    chain_case("good-chain-self-signed-anchor", certs=[self_signed.cert], anchors=(self_signed,))
    old = plain(end=T0 + DAY)
    chain_case("good-chain-time-stamped", bundle=by_chain(s, [old, middle.cert], [mock.timestamp(I.tsa, s.signature)]),
               root=None, now=T0 + 30 * DAY)
    chain_case("chain-anchor-not-given", UNTRUSTED, "anchor-given", anchors=())
    chain_case("chain-anchor-of-another", UNTRUSTED, "certificate-anchor", anchors=(mock.Authority("stranger"),))
    chain_case("chain-leaf-expired", INVALID, "certificate-chain", leaf=plain(end=T0 - 60))
    chain_case("chain-leaf-in-future", INVALID, "certificate-chain", leaf=plain(start=T0 + DAY))
    late = mock.Authority("own intermediate", root, path=0, end=T0 - 1, key=middle.key)
    chain_case("chain-intermediate-expired", INVALID, "certificate-chain", certs=[plain(late), late.cert])
    old_root = mock.Authority("own root", end=T0 - 1, key=root.key)
    chain_case("chain-root-expired", INVALID, "certificate-chain", anchors=(old_root,))
    no_ca = mock.Authority("own intermediate", root, ca=False, key=middle.key)
    chain_case("chain-intermediate-no-authority", INVALID, "certificate-chain", certs=[plain(no_ca), no_ca.cert])
    deep = mock.Authority("own deeper", middle)
    chain_case("chain-path-length", INVALID, "certificate-chain", certs=[plain(deep), deep.cert, middle.cert])
    forged = mock.Authority("own intermediate", mock.Authority("own root", key=mock.new_key()), path=0, key=middle.key)
    chain_case("chain-intermediate-forged", UNTRUSTED, "certificate-anchor", certs=[plain(forged), forged.cert])
    chain_case("chain-usage", INVALID, "certificate-usage", leaf=plain(usage="other"))
    chain_case("chain-no-purpose", INVALID, "certificate-purpose", leaf=plain(eku=()))
    chain_case("chain-purpose-server", INVALID, "certificate-purpose", leaf=plain(eku=(EKU.SERVER_AUTH,)))
    leaf = mock.cert_der(plain())
    chain_case("chain-certificate-with-tail", INVALID, "certificate-form", bundle=changed(
        by_chain(s, [plain(), middle.cert]),
        put(b64(leaf + b"\0"), "verificationMaterial", "x509CertificateChain", "certificates", 0, "rawBytes")))
    chain_case("chain-time-stamp-bad", INVALID, "timestamp-signature", root=None,
               bundle=by_chain(s, [plain(), middle.cert], [mock.timestamp(I.tsa, b"other")]))


def entries():
    b = keyless()
    case("v03-with-chain", changed(b, lambda x: material(x).update(
        {"x509CertificateChain": {"certificates": [material(x).pop("certificate")]}})), INVALID, "bundle-chain")
    case("v01-with-single-certificate", dict(keyless(), mediaType=MEDIA["0.1"]), INVALID, "bundle-chain")
    case("v02-brings-root", changed(keyless("0.2"), lambda x: material(x)["x509CertificateChain"]["certificates"].append(
        {"rawBytes": b64(mock.cert_der(I.root.cert))})), INVALID, "bundle-root")
    case("leaf-with-tail", changed(b, lambda x: material(x)["certificate"].update(
        rawBytes=b64(__import__("base64").b64decode(material(x)["certificate"]["rawBytes"]) + b"\0"))), INVALID, "certificate-form")
    case("entry-none", changed(b, lambda x: material(x).update(tlogEntries=[])), INVALID, "entry-present", method="keyless")
    case("entry-body-not-json", keyless(body_bytes=b"{"), INVALID, "entry-body")
    case("entry-body-duplicate-key", keyless(body_bytes=b'{"kind":"dsse","kind":"dsse","apiVersion":"0.0.1","spec":{}}'),
         INVALID, "entry-body")
    case("entry-body-two-signatures", keyless(body=lambda c: c["spec"]["signatures"].append(c["spec"]["signatures"][0])),
         INVALID, "entry-body")
    case("entry-kind-differs", keyless(body_kind=("intoto", "0.0.2")), INVALID, "entry-kind")
    case("entry-version-differs", keyless(body_kind=("dsse", "0.0.3")), INVALID, "entry-kind")
    case("entry-kind-unknown", keyless(body=lambda c: c.update(kind="rpm"), body_kind=("rpm", "0.0.1")), UNSUPPORTED, "entry-supported")
    message = {"envelope": False}
    case("entry-message-with-dsse", keyless(kind="dsse", signed=message, body=put(
        sha256(ARTIFACT).hex(), "spec", "payloadHash", "value")), INVALID, "entry-content")
    s_digest = lambda c: c["spec"]["data"]["hash"].update(
        value=sha256(mock.compact(mock.statement(ARTIFACT))).hex())
    case("entry-envelope-with-hashedrekord", keyless(kind="hashedrekord", body=s_digest), INVALID, "entry-content")
    other = sha256(b"other")
    case("entry-digest-dsse", keyless(body=put(other.hex(), "spec", "payloadHash", "value")), INVALID, "entry-digest")
    case("entry-digest-intoto", keyless(kind="intoto", body=put(other.hex(), "spec", "content", "payloadHash", "value")),
         INVALID, "entry-digest")
    case("entry-digest-hashedrekord", keyless(signed=message, body=put(other.hex(), "spec", "data", "hash", "value")),
         INVALID, "entry-digest")
    v2 = ("spec", "hashedRekordV002")
    case("entry-digest-rekor2", keyless(log=I.log2, body=put(b64(other), *v2, "data", "digest")), INVALID, "entry-digest")
    sig = b64(mock.sign(mock.new_key(), b"x"))
    case("entry-signature-dsse", keyless(body=put(sig, "spec", "signatures", 0, "signature")), INVALID, "entry-signature")
    case("entry-signature-hashedrekord", keyless(signed=message, body=put(sig, "spec", "signature", "content")),
         INVALID, "entry-signature")
    case("entry-signature-rekor2", keyless(log=I.log2, body=put(sig, *v2, "signature", "content")), INVALID, "entry-signature")
    stranger = mock.make_leaf(I.ca, mock.new_key())
    pem = b64(mock.cert_pem(stranger))
    case("entry-certificate-dsse", keyless(body=put(pem, "spec", "signatures", 0, "verifier")), INVALID, "entry-verifier")
    case("entry-certificate-hashedrekord", keyless(signed=message, body=put(pem, "spec", "signature", "publicKey", "content")),
         INVALID, "entry-verifier")
    case("entry-certificate-rekor2", keyless(log=I.log2, body=put(
        b64(mock.cert_der(stranger)), *v2, "signature", "verifier", "x509Certificate", "rawBytes")), INVALID, "entry-verifier")
    case("entry-key-details", keyless(log=I.log2, body=put(
        "PKIX_ECDSA_P384_SHA_384", *v2, "signature", "verifier", "keyDetails")), INVALID, "entry-key-details")
    case("entry-key-details-of-the-other-padding", keyless(
        log=I.log2, key="rsa2048", signed={"pss": True},
        body=put("PKIX_RSA_PKCS1V15_2048_SHA256", *v2, "signature", "verifier", "keyDetails")), INVALID, "entry-key-details")

    entry2 = lambda *change, **more: keyless(log=I.log2, kind="dsse", body=put(*change) if change else None, **more)
    first = ("spec", "dsseV002", "signatures", 0)
    digest2 = ("spec", "dsseV002", "payloadHash", "digest")
    case("entry-message-with-dsse-rekor2", entry2(b64(sha256(ARTIFACT)), *digest2, signed=message), INVALID, "entry-content")
    case("entry-digest-dsse-rekor2", entry2(b64(other), *digest2), INVALID, "entry-digest")
    case("entry-signature-dsse-rekor2", entry2(sig, *first, "content"), INVALID, "entry-signature")
    case("entry-certificate-dsse-rekor2", entry2(b64(mock.cert_der(stranger)), *first, "verifier", "x509Certificate", "rawBytes"),
         INVALID, "entry-verifier")
    case("entry-key-details-dsse-rekor2", entry2("PKIX_ECDSA_P384_SHA_384", *first, "verifier", "keyDetails"), INVALID, "entry-key-details")
    case("entry-two-signatures-dsse-rekor2", keyless(log=I.log2, kind="dsse", body=lambda c: c["spec"]["dsseV002"]["signatures"].append(
        c["spec"]["dsseV002"]["signatures"][0])), INVALID, "entry-body")


def logs():
    case("root-not-given", keyless(), UNTRUSTED, "root-given", root=False)
    case("log-not-in-root", keyless(), UNTRUSTED, "log-known", root=root_with(lambda r: r["tlogs"].pop(0)))
    future = b64(b"\x30\x0b\x30\x09\x06\x07" + bytes(7))
    case("log-key-of-unknown-kind", keyless(), UNSUPPORTED, "log-key",
         root=root_with(put(future, "tlogs", 0, "publicKey", "rawBytes")))
    case("set-absent-in-v01", keyless("0.1", drop_set=True, tsa=True), INVALID, "set-present")
    case("set-over-another-time", keyless(promise_over={"integratedTime": T0 + 1}), INVALID, "set")
    case("set-over-another-index", keyless(promise_over={"logIndex": I.log1.BEFORE}), INVALID, "set")
    case("set-over-another-body", keyless(promise_over={"body": "AAAA"}), INVALID, "set")
    case("proof-absent", keyless(entry=lambda e: e.pop("inclusionProof")), INVALID, "inclusion-present")
    case("checkpoint-absent", keyless(entry=lambda e: e["inclusionProof"].pop("checkpoint")), INVALID, "checkpoint-present")
    proof = lambda **c: lambda e: e["inclusionProof"].update(c)
    case("proof-index-outside", keyless(entry=proof(logIndex="9")), INVALID, "inclusion-index")
    case("proof-surplus-hash", keyless(entry=lambda e: e["inclusionProof"]["hashes"].append(b64(bytes(32)))), INVALID, "inclusion-path")
    case("proof-missing-hash", keyless(entry=lambda e: e["inclusionProof"]["hashes"].pop()), INVALID, "inclusion-path")
    case("proof-31-byte-hash", keyless(entry=lambda e: e["inclusionProof"]["hashes"].__setitem__(0, b64(bytes(31)))),
         INVALID, "inclusion-path")
    case("proof-of-another-leaf", keyless(entry=proof(logIndex="4")), INVALID, "inclusion-root")
    case("proof-root-stated-wrong", keyless(entry=proof(rootHash=b64(bytes(32)))), INVALID, "inclusion-root")
    log = I.log1
    case("checkpoint-no-note", keyless(lines=lambda text: b"\n"), INVALID, "checkpoint-form")
    case("checkpoint-without-origin", keyless(note=lambda size, root: log.note(size, root).replace(log.origin.encode(), b"", 1)),
         INVALID, "checkpoint-form")
    case("checkpoint-size-with-zero", keyless(note=lambda size, root: log.note(size, root).replace(b"\n9\n", b"\n09\n")),
         INVALID, "checkpoint-form")
    case("checkpoint-of-another-size", keyless(size_delta=1), INVALID, "checkpoint-size")
    case("checkpoint-of-another-root", keyless(note=lambda size, root: log.note(size, bytes(32))), INVALID, "checkpoint-root")
    case("checkpoint-spoiled", keyless(lines=lambda text: log.line(text, spoil=True)), INVALID, "checkpoint-signature")
    case("checkpoint-good-and-spoiled", keyless(lines=lambda text: log.line(text) + log.line(text, spoil=True)),
         INVALID, "checkpoint-signature")
    by_ct = mock.Log(1, key=I.ct.key)
    case("checkpoint-by-ct-key", keyless(lines=by_ct.line), INVALID, "checkpoint-signer")
    case("checkpoint-by-strangers", keyless(lines=mock.Log(2, "witness").line), INVALID, "checkpoint-signer")
    case("checkpoint-by-the-other-log", keyless(lines=I.log2.line), INVALID, "checkpoint-signer")
    named = mock.Log(2, "elsewhere.example.com", I.log2.key)
    named.id = I.log2.id
    case("checkpoint-rekor2-of-another-name", keyless(log=I.log2, lines=named.line), INVALID, "checkpoint-signer")
    case("log-window-ended", keyless(), INVALID, "log-window",
         root=root_with(put(mock.window(end=T0 - 1), "tlogs", 0, "publicKey", "validFor")))
    case("log-window-ended-rekor2", keyless(log=I.log2), INVALID, "log-window",
         root=root_with(put(mock.window(end=T0 - 1), "tlogs", 1, "publicKey", "validFor")))
    case("log-window-without-start", keyless(), INVALID, "log-window",
         root=root_with(put(mock.window(None), "tlogs", 0, "publicKey", "validFor")))


def times():
    stamp = lambda **o: keyless(log=I.log2, stamps=lambda s: [mock.timestamp(o.get("by", I.tsa), o.get("over", s.signature),
                                **{k: v for k, v in o.items() if k not in ("by", "over")})])
    case("time-stamp-with-tail", keyless(log=I.log2, stamps=lambda s: [mock.timestamp(I.tsa, s.signature) + b"\0"]),
         INVALID, "timestamp-form")
    case("time-stamp-garbage", keyless(log=I.log2, stamps=[b"no"]), INVALID, "timestamp-form")
    case("time-stamp-refused", keyless(log=I.log2, stamps=[mock.refusal()]), INVALID, "timestamp-status")
    case("time-stamp-sha1", stamp(algorithm="sha1"), INVALID, "timestamp-hash")
    stranger = mock.Authority("mock tsa", mock.Authority("stranger"), ca=False, eku=EKU.TIME_STAMPING)
    case("time-stamp-of-a-stranger", stamp(by=stranger), UNTRUSTED, "timestamp-authority")
    case("time-stamp-outside-window", stamp(), INVALID, "timestamp-window",
         root=root_with(put(mock.window(end=T0), "timestampAuthorities", 0, "validFor")))
    case("time-stamp-over-another", stamp(over=b"payload"), INVALID, "timestamp-signature")
    case("time-stamp-bad-beside-set", keyless(stamps=lambda s: [mock.timestamp(I.tsa, b"x")]), INVALID, "timestamp-signature")

    def with_tsa(tsa):
        return root_with(put([{"rawBytes": b64(mock.cert_der(c))} for c in tsa.chain()],
                             "timestampAuthorities", 0, "certChain", "certificates"))

    wrong = mock.Authority("mock tsa", I.tsa_root, ca=False, eku=EKU.CODE_SIGNING)
    case("time-stamp-wrong-purpose", stamp(by=wrong), INVALID, "timestamp-signature", root=with_tsa(wrong))
    expired = mock.Authority("mock tsa", I.tsa_root, ca=False, eku=EKU.TIME_STAMPING, end=T0 - 1)
    case("time-stamp-chain-expired", stamp(by=expired), INVALID, "timestamp-signature", root=with_tsa(expired))
    case("time-none-rekor2", keyless(log=I.log2, tsa=False), INVALID, "time-present")
    case("time-only-unsigned", keyless(drop_set=True), INVALID, "time-present")
    case("time-outside-certificate", keyless(at=T0 + 3600), INVALID, "certificate-time")
    case("time-before-certificate", keyless(at=T0 - 3600), INVALID, "certificate-time")
    case("time-stamp-outside-certificate", stamp(at=T0 + 3600), INVALID, "certificate-time")


def authorities():
    stranger = mock.Authority("stranger", mock.Authority("stranger root"), path=0, eku=EKU.CODE_SIGNING)
    case("authority-unknown", keyless(ca=stranger), UNTRUSTED, "authority-known")
    case("authority-outside-window", keyless(), INVALID, "authority-window",
         root=root_with(put(mock.window(end=T0 - 1), "certificateAuthorities", 0, "validFor")))

    def with_ca(ca):
        return root_with(put([{"rawBytes": b64(mock.cert_der(c))} for c in ca.chain()],
                             "certificateAuthorities", 0, "certChain", "certificates"))

    young = mock.Authority("mock intermediate", I.root, path=0, start=T0 + 60, eku=EKU.CODE_SIGNING)
    case("authority-before-intermediate", keyless(ca=young), INVALID, "authority-chain", root=with_ca(young))
    middle = mock.Authority("mock middle", I.root, path=0)
    deep = mock.Authority("mock deep", middle)
    case("authority-path-length", keyless(ca=deep), INVALID, "authority-chain", root=with_ca(deep))
    impostor = mock.Authority("mock intermediate", I.root, path=0, eku=EKU.CODE_SIGNING)
    impostor.cert = I.ca.cert  # its name and key id, another key
    case("authority-leaf-forged", keyless(leaf={"promises": promises()}, ca=impostor), UNTRUSTED, "authority-known")
    bc = {"basic": (True, None), "usage": "signature"}
    case("leaf-is-authority", keyless(leaf=bc), INVALID, "leaf-no-authority")
    case("leaf-usage-other", keyless(leaf={"usage": "other"}), INVALID, "leaf-usage")
    case("leaf-usage-none", keyless(leaf={"usage": None}), INVALID, "leaf-usage")
    case("leaf-purpose-server", keyless(leaf={"eku": (EKU.SERVER_AUTH,)}), INVALID, "leaf-purpose")
    case("leaf-purpose-two", keyless(leaf={"eku": (EKU.CODE_SIGNING, EKU.SERVER_AUTH)}), INVALID, "leaf-purpose")
    case("leaf-purpose-none", keyless(leaf={"eku": ()}), INVALID, "leaf-purpose")
    case("sct-none", keyless(leaf={"promises": None}), INVALID, "sct-present")
    case("sct-of-a-stranger", keyless(leaf={"promises": promises(mock.CtLog())}), UNTRUSTED, "sct-log")
    case("sct-outside-window", keyless(), INVALID, "sct-window",
         root=root_with(put(mock.window(end=T0 - 1), "ctlogs", 0, "publicKey", "validFor")))
    case("sct-for-another-issuer", keyless(leaf={"promises": promises(issuer=I.root)}), INVALID, "sct-signature")
    case("sct-for-another-certificate", keyless(leaf={"promises": lambda tbs: promises()(tbs + b"\0")}), INVALID, "sct-signature")


def names():
    mail = MAIL.encode()
    case("name-two", keyless(leaf={"names": mock.san(("email", mail), ("email", b"x@example.com"))}), INVALID, "leaf-name")
    case("name-with-nul", keyless(leaf={"names": mock.san(("email", mail + b"\0.evil.com"))}), INVALID, "leaf-name")
    case("name-not-critical", keyless(leaf={"names": mock.san(("email", mail), critical=False)}), INVALID, "leaf-name")
    case("name-dns", keyless(leaf={"names": mock.san(("dns", b"example.com"))}), INVALID, "leaf-name", identities=[identity("example.com")])
    case("name-none", keyless(leaf={"names": (der.seq(), True)}), INVALID, "leaf-name")
    case("issuer-disagrees", keyless(leaf={"issuers": {"1": b"https://evil.example.com", "8": der.utf8(ISSUER)}}), INVALID, "leaf-issuer")
    case("issuer-none", keyless(leaf={"issuers": {}}), INVALID, "leaf-issuer")
    case("issuer-with-tail", keyless(leaf={"issuers": {"8": der.utf8(ISSUER) + b"\0"}}), INVALID, "leaf-issuer")
    case("issuer-with-nul", keyless(leaf={"issuers": {"8": der.utf8(ISSUER + "\0x")}}), INVALID, "leaf-issuer")
    case("identity-not-given", keyless(), UNTRUSTED, "identity-given", identities=[])
    case("identity-of-another", keyless(), UNTRUSTED, "identity", identities=[identity("other@example.com")])
    case("identity-in-other-case", keyless(), UNTRUSTED, "identity", identities=[identity("Signer@Example.com")])
    case("identity-prefix", keyless(), UNTRUSTED, "identity", identities=[identity("signer@example.co")])
    case("identity-pattern-not-whole", keyless(), UNTRUSTED, "identity", identities=[identity("example", subject_is_pattern=True)])
    case("identity-pattern-alternation", keyless(), UNTRUSTED, "identity", identities=[identity("signer|com", subject_is_pattern=True)])
    case("provider-of-another", keyless(), UNTRUSTED, "identity-provider", identities=[identity(issuer="https://evil.example.com")])
    case("provider-of-another-identity", keyless(), UNTRUSTED, "identity-provider",
         identities=[identity(issuer="https://evil.example.com"), identity("other@example.com")])
    case("provider-not-given", keyless(), UNTRUSTED, "identity-provider", identities=[{"subject": MAIL}])


def answers():
    """What the services of a keyless signature say, as tests/fuzz/fuzz_sigstore_answers.c takes
    it: the first byte is the service."""
    import services

    known, key = services.Services(I), mock.new_key()
    known.url = "https://sigstore.example.com"
    issued = known.certificate(key.public_key(), {"email": MAIL, "iss": ISSUER})
    pem = json.loads(issued)["signedCertificateEmbeddedSct"]["chain"]["certificates"][0].encode()
    s = Signed(key)
    content = {"envelope": json.dumps(s.content()["dsseEnvelope"]), "verifiers": [b64(pem)]}
    signature = {"content": b64(s.signature), "verifier": {
        "x509Certificate": {"rawBytes": b64(mock.cert_der(mock.x509.load_pem_x509_certificate(pem)))},
        "keyDetails": "PKIX_ECDSA_P256_SHA_256"}}
    texts = [issued, known.rekor1({}, json.dumps({"spec": {"proposedContent": content}}))[1],
             known.rekor2({}, json.dumps({"hashedRekordRequestV002": {"digest": b64(sha256(s.pae)), "signature": signature}}))[1],
             known.trust_config(known.signing_config((1, 2))), services.token().encode()]
    os.makedirs(os.path.join(OUT, "answers"), exist_ok=True)
    for i, text in enumerate(texts):
        with open(os.path.join(OUT, "answers", str(i)), "wb") as f:
            f.write(bytes([i]) + text)


def main(out):
    global OUT
    OUT = out
    for family in (good_ones, structure, keys, certificates, entries, logs, times, authorities, names):
        family()
    answers()
    with open(os.path.join(OUT, "token.der"), "wb") as token:  # for the fuzzers
        token.write(mock.timestamp(I.tsa, b"x"))
    with open(os.path.join(OUT, "cases.tsv"), "w") as table:
        for row in CASES:
            table.write("\t".join(row) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
