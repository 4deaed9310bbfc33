#!/usr/bin/python3
"""Signatures that a registry keeps beside an image, in scans and by assay verify: cosign's tags, bundles among the
referrers, and what a hostile or broken registry can do."""
import atexit, base64, hashlib, json, os, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "pki"), os.path.join(HERE, "..", "golden")]
from lab import Lab
from tap import *
import make, mock

lab = Lab().__enter__()
atexit.register(lambda: lab.__exit__())
WEIGHTS = open(os.path.join(TOP, "fixtures", "real", "linear.safetensors"), "rb").read()
ROOT = write(os.path.join(scratch(), "root.json"), json.dumps(make.I.trusted_root()).encode())
WHO = ["--trusted-root", ROOT, "--identity", mock.MAIL, "--identity-provider", mock.ISSUER]
KEY, OTHER = mock.new_key(), mock.new_key()
PUBLIC = write(os.path.join(scratch(), "key.pub"), mock.pem(KEY))
BY_KEY, STRANGER = ["--key", PUBLIC], ["--key", write(os.path.join(scratch(), "other.pub"), mock.pem(OTHER))]

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"
ENVELOPE = "application/vnd.dsse.envelope.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
TARGET = "oci://hub.test/team/model:v1"


def digest(data):
    return "sha256:" + mock.sha256(data).hex()


class Registry:
    """The repository team/model of hub.test; a value is bytes, or answers the Ask."""

    def __init__(self, referrers_api=False):
        self.at, self.types, self.listed, self.api = {}, {}, {}, referrers_api
        lab.routes["*"] = self.answer

    def answer(self, ask):
        place = ask.path.removeprefix("/v2/team/model/")
        if place.startswith("referrers/") and self.api:
            return ask.reply(200, self.index_of(place.removeprefix("referrers/")), Content_Type=INDEX)
        found = self.at.get(place)
        if found is None:
            return ask.reply(404, b'{"errors": [{"code": "NAME_UNKNOWN"}]}')
        if callable(found):
            return found(ask)
        ask.reply(200, found, Content_Type=self.types.get(place, "application/octet-stream"))

    def index_of(self, subject):
        return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": self.listed.get(subject, [])}).encode()

    def blob(self, data, media):
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.at["blobs/" + digest(data)] = data
        return {"mediaType": media, "digest": digest(data), "size": len(data)}

    def manifest(self, value, *tags):
        data = json.dumps(dict({"schemaVersion": 2, "mediaType": MANIFEST}, **value)).encode()
        for reference in (digest(data), *tags):
            self.at["manifests/" + reference], self.types["manifests/" + reference] = data, value.get("mediaType", MANIFEST)
        return {"mediaType": value.get("mediaType", MANIFEST), "digest": digest(data), "size": len(data)}

    def image(self, *tags, data=WEIGHTS, name="model.safetensors"):
        layer = dict(self.blob(data, "application/vnd.acme.weights"), annotations={"org.opencontainers.image.title": name})
        return self.manifest({"config": self.blob({"architecture": "any"}, CONFIG), "layers": [layer]}, *tags)

    def index(self, images, *tags):
        return self.manifest({"mediaType": INDEX, "manifests": images}, *tags)

    def refer(self, image, kind, layer):
        """A manifest that refers to the image, found by the referrers API or the tag that stands in for it."""
        found = self.manifest({"artifactType": kind, "config": self.blob({}, EMPTY), "layers": [layer],
                               "subject": {k: image[k] for k in ("mediaType", "digest", "size")}})
        # lists that clients keep in a tag may have the config's type
        self.listed.setdefault(image["digest"], []).append(dict(found, artifactType=kind if self.api else EMPTY))
        if not self.api:
            tag = "manifests/" + image["digest"].replace(":", "-")
            self.at[tag], self.types[tag] = self.index_of(image["digest"]), INDEX
        return found

    # --- signers: each puts a signature of `image` where cosign would ---

    def sign(self, image, annotate, of=None, more=()):
        layers = []
        for mark in (annotate, *more):
            payload = json.dumps({"critical": {"identity": {"docker-reference": "hub.test/team/model"},
                                               "image": {"docker-manifest-digest": of or image["digest"]},
                                               "type": "cosign container image signature"}, "optional": None}).encode()
            layers.append(dict(self.blob(payload, PAYLOAD), annotations=mark(payload)))
        return self.manifest({"config": self.blob({"rootfs": {}}, CONFIG), "layers": layers}, tag_of(image))

    def attest(self, image, bundle):
        """cosign's older attestation: an envelope, and what goes with it as annotations."""
        material = make.material(bundle)
        marks = {"dev.cosignproject.cosign/signature": ""}
        if "x509CertificateChain" in material:
            marks.update(annotations_of(material))
        layer = dict(self.blob(bundle["dsseEnvelope"], ENVELOPE), annotations=marks)
        return self.manifest({"config": self.blob({"rootfs": {}}, CONFIG), "layers": [layer]}, tag_of(image, ".att"))

    def attach(self, image, bundle):
        return self.refer(image, BUNDLE, self.blob(bundle(statement_of(image)), BUNDLE))


def tag_of(image, end=".sig"):
    return image["digest"].replace(":", "-") + end


def statement_of(image, **more):
    return mock.compact(mock.statement(b"", subject=[{"name": "x", "digest": {"sha256": image["digest"][7:]}}], **more))


def by_key(payload):
    return {"dev.cosignproject.cosign/signature": mock.b64(mock.sign(KEY, payload))}


def by_stranger(payload):
    return {"dev.cosignproject.cosign/signature": mock.b64(mock.sign(OTHER, payload))}


def annotations_of(material):
    """A certificate, and the log's promise."""
    entry = material["tlogEntries"][0]
    log = {"SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
           "Payload": {"body": entry["canonicalizedBody"], "integratedTime": int(entry["integratedTime"]),
                       "logIndex": int(entry["logIndex"]), "logID": base64.b64decode(entry["logId"]["keyId"]).hex()}}
    der = material["x509CertificateChain"]["certificates"][0]["rawBytes"]
    return {"dev.sigstore.cosign/certificate": "-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n" % der,
            "dev.sigstore.cosign/bundle": json.dumps(log)}


def by_identity(payload):
    saved, make.ARTIFACT = make.ARTIFACT, payload
    bundle = make.keyless(version="0.1", signed={"envelope": False}, entry=lambda e: e.pop("inclusionProof"))
    make.ARTIFACT = saved
    return {"dev.cosignproject.cosign/signature": bundle["messageSignature"]["signature"],
            **annotations_of(make.material(bundle))}


def key_bundle(payload):
    return make.by_key(make.Signed(KEY, payload=payload))


def keyless_bundle(payload):
    return make.keyless(signed={"payload": payload})


# --- asking ---


def assay(command, *words):
    home = os.path.join(lab.directory, "home")
    lab.asked.clear()
    flags = [] if command == "fetch" else SCAN_FLAGS  # which has no sandbox
    return subprocess.run([ASSAY, command, *flags, "--tries", "1", "--ca-file", lab.path("ca.pem"), *lab.mapped("hub.test"),
                           *words], capture_output=True, timeout=120, env={"PATH": os.environ["PATH"], "HOME": home})


def verify(*who, target=TARGET):
    """(exit code, state, check) and the report of assay verify."""
    p = assay("verify", "-o", "json", *who, target)
    assert p.stdout, p.stderr
    r = json.loads(p.stdout)
    assert r["exit_code"] == p.returncode and bool(r["reason"]) == (r["state"] != "verified"), r
    return (p.returncode, r["state"], r["check"]), r


def scanned(*who, target=TARGET, expect=0):
    p = assay("scan", "-o", "json", *who, target)
    assert p.returncode == expect, (p.returncode, p.stdout.decode()[:3000], p.stderr)
    model, = json.loads(p.stdout)["models"]
    model["by_path"] = {f["path"]: f for f in model["files"]}
    model["found"] = [(s["kind"], s["state"], s["check"]) for s in model["signatures"]]
    model["rules"] = {f["rule"] for f in model["findings"]}
    return model


def policy(**more):
    """One that wants a signature and nothing else."""
    return write(os.path.join(scratch(), "policy.json"), json.dumps(
        {"schema": "assay-policy/1", "name": "signed", "signature": dict(required=True, **more)}).encode())


def is_signed(model, path="model.safetensors"):
    f = model["by_path"][path]
    assert f["signed"] == any(e["by"] == "signature" and e["state"] == "verified" for e in f["expected"]), f
    return f["signed"]


# --- what is good ---


@case
def a_signature_under_cosign_s_tag_covers_the_image():
    for annotate, who in ((by_key, BY_KEY), (by_identity, WHO)):
        r = Registry()
        image = r.image("v1")
        r.sign(image, annotate)
        found, v = verify(*who)
        assert found == (0, "verified", "") and v["kind"] == "cosign" and image["digest"] in v["covers"], v
        assert v["signature"] == "oci://hub.test/team/model:" + tag_of(image), v
        assert not [a for a in lab.asked if "blobs/" in a.path and digest(WEIGHTS) in a.path]  # no layer is loaded
        assert verify(*who, target="oci://hub.test/team/model@" + image["digest"])[0] == found
        m = scanned(*who)
        assert m["found"] == [("cosign", "verified", "")] and is_signed(m), m["signatures"]
        assert len(m["files"]) == 2 and all(f["signed"] for f in m["files"]), m["by_path"].keys()
        assert verify()[0][:2] == (1, "untrusted") and scanned()["found"][0][1] == "untrusted"
        assert not is_signed(scanned())


@case
def a_bundle_that_refers_to_the_image_covers_it():
    for api in (True, False):
        for bundle, who in ((key_bundle, BY_KEY), (keyless_bundle, WHO)):
            r = Registry(api)
            image = r.image("v1")
            r.attach(image, bundle)
            found, v = verify(*who)
            assert found == (0, "verified", "") and v["kind"] == "in-toto", v
            m = scanned(*who)
            assert m["found"] == [("in-toto", "verified", "")] and is_signed(m), m["signatures"]
            assert [x["value"].split()[0] for x in m["metadata"] if x["key"] == "referrer"] == [BUNDLE if api else EMPTY]
            assert verify()[0][:2] == (1, "untrusted") and verify(*STRANGER)[0][0] == 1


@case
def an_attestation_under_cosign_s_tag_covers_the_image():
    old = lambda payload: make.keyless(version="0.1", signed={"payload": payload}, entry=lambda e: e.pop("inclusionProof"))
    for bundle, who in ((key_bundle, BY_KEY), (old, WHO)):
        r = Registry()
        image = r.image("v1")
        r.attest(image, bundle(statement_of(image)))
        found, v = verify(*who)
        assert found == (0, "verified", "") and v["kind"] == "in-toto", v
        assert v["signature"] == "oci://hub.test/team/model:" + tag_of(image, ".att"), v
        m = scanned(*who)
        assert m["found"] == [("in-toto", "verified", "")] and is_signed(m), m["signatures"]
        assert verify()[0][:2] == (1, "untrusted")
        r.attest(image, bundle(statement_of(dict(image, digest="sha256:" + "0" * 64))))
        assert verify(*who)[0] == (1, "invalid", "subject")
        two = r.blob(json.dumps(bundle(statement_of(image))["dsseEnvelope"]).encode() * 2, ENVELOPE)
        r.manifest({"layers": [dict(two, annotations={"dev.cosignproject.cosign/signature": ""})]}, tag_of(image, ".att"))
        assert verify(*who)[0][0] in (1, 2)


@case
def one_good_signature_among_others_is_enough():
    r = Registry(True)
    image = r.image("v1")
    r.sign(image, by_stranger, more=(by_key,))
    assert verify(*BY_KEY)[0] == (0, "verified", "")
    r.attach(image, keyless_bundle)
    assert verify(*BY_KEY)[0] == verify(*WHO)[0] == (0, "verified", "")
    m = scanned(*BY_KEY)
    assert [s[1] for s in m["found"]] == ["untrusted", "verified"] and is_signed(m), m["found"]


@case
def an_image_may_be_signed_again_and_again():
    r = Registry()
    r.sign(r.image("v1"), by_stranger, more=[by_stranger] * 250 + [by_key])
    assert verify(*BY_KEY)[0] == (0, "verified", "")
    assert len([a for a in lab.asked if "/blobs/" in a.path]) == 1  # all are over the same payload
    r.sign(r.image("v1"), by_key, more=[by_key] * 300)
    assert verify(*BY_KEY)[0][0] in (1, 2) and verify(*BY_KEY)[1]["state"] != "unsigned"


@case
def every_kind_of_key_may_sign():
    for kind in ("p384", "ed25519", "rsa2048"):
        key = mock.new_key(kind)
        public = write(os.path.join(scratch(), "k.pub"), mock.pem(key))
        r = Registry()
        r.sign(r.image("v1"), lambda payload: {"dev.cosignproject.cosign/signature": mock.b64(
            mock.sign(key, payload, mock.hashes.SHA256() if kind == "p384" else None))})
        assert verify("--key", public)[0] == (0, "verified", ""), kind
        assert is_signed(scanned("--key", public))


# --- what is not ---


@case
def a_wrong_key_an_altered_signature_and_another_image_s_do_not_count():
    def altered(payload):
        signature = bytearray(mock.sign(KEY, payload))
        signature[-1] ^= 1
        return {"dev.cosignproject.cosign/signature": mock.b64(bytes(signature))}
    other = "sha256:" + "0" * 64
    for annotate, of, who, state, check in ((by_key, None, STRANGER, "invalid", "signature"), (altered, None, BY_KEY, "invalid", "signature"),
                                            (by_key, other, BY_KEY, "invalid", "subject"), (by_stranger, other, BY_KEY, "invalid", "subject")):
        r = Registry()
        r.sign(r.image("v1"), annotate, of)
        found, v = verify(*who)
        assert found == (1, state, check), v
        m = scanned(*who, expect=1)
        assert m["found"] == [("cosign", state, check)] and not is_signed(m)
        assert "integrity/signature-invalid" in m["rules"], m["rules"]
    r = Registry(True)
    image = r.image("v1")
    r.refer(image, BUNDLE, r.blob(key_bundle(statement_of(dict(image, digest=other))), BUNDLE))
    assert verify(*BY_KEY)[0] == (1, "invalid", "subject")
    assert "integrity/signature-invalid" in scanned(*BY_KEY, expect=1)["rules"]


@case
def an_image_without_a_signature_is_unsigned():
    for api in (True, False):
        r = Registry(api)
        image = r.image("v1")
        found, v = verify(*BY_KEY)
        assert found == (1, "unsigned", "signature-present") and image["digest"] in v["reason"], v
        m = scanned(*BY_KEY)
        assert m["found"] == [] and not is_signed(m)
        strict = scanned(*BY_KEY, "--policy", policy(), expect=1)
        assert "signature is unsigned" in json.dumps(strict["reasons"]), strict["reasons"]


@case
def what_cannot_be_had_is_not_called_unsigned():
    def sig(r, answer):
        r.at["manifests/" + tag_of(r.image("v1"))] = answer
    def refused(r, image):
        r.at["referrers/" + image["digest"]] = lambda a: a.reply(403, b"{}")
    breaks = {
        "500": lambda r, i: sig(r, lambda a: a.reply(500, b"oops")),
        "403": lambda r, i: sig(r, lambda a: a.reply(403, b"{}")),
        "cut": lambda r, i: sig(r, lambda a: (a.head(200, Content_Length=5000, Content_Type=MANIFEST), a.send(b"{"), a.cut())),
        "oversized": lambda r, i: sig(r, lambda a: a.reply(200, b'{"x": "' + b"y" * (5 << 20) + b'"}', Content_Type=MANIFEST)),
        "no JSON": lambda r, i: sig(r, b"<html>"),
        "the digest of another": lambda r, i: sig(r, lambda a: a.reply(200, b'{"schemaVersion": 2}', Docker_Content_Digest="sha256:" + "0" * 64)),
        "referrers refused": refused,
    }
    for name, spoil in breaks.items():
        r = Registry()
        spoil(r, r.image("v1"))
        found, v = verify(*BY_KEY)
        assert found == (2, "unsupported", "readable"), (name, v)
        m = scanned(*BY_KEY)
        assert m["found"] == [("cosign", "unsupported", "readable")] and not is_signed(m), (name, m["found"])
        scanned(*BY_KEY, "--policy", policy(), expect=1)


@case
def a_good_signature_counts_whatever_else_fails():
    r = Registry(True)
    image = r.image("v1")
    r.attach(image, key_bundle)
    r.at["manifests/" + tag_of(image)] = lambda a: a.reply(500, b"")
    assert verify(*BY_KEY)[0] == (0, "verified", "")
    m = scanned(*BY_KEY)
    assert [s[1] for s in m["found"]] == ["verified", "unsupported"] and is_signed(m), m["found"]


@case
def one_thing_that_is_too_large_does_not_hide_the_rest():
    r = Registry(True)
    image = r.image("v1")
    r.refer(image, BUNDLE, r.blob(b"x" * (9 << 20), BUNDLE))
    r.sign(image, by_key)
    assert verify(*BY_KEY)[0] == (0, "verified", "")
    m = scanned(*BY_KEY)
    assert [s[1] for s in m["found"]] == ["verified", "unsupported"] and is_signed(m), m["found"]


@case
def a_payload_or_a_bundle_that_is_missing_or_has_another_digest_is_unsupported():
    for answer in (None, b"other bytes", lambda a: a.reply(500, b"")):
        for api in (True, False):
            r = Registry(api)
            image = r.image("v1")
            made = r.attach(image, key_bundle) if api else r.sign(image, by_key)
            layer = json.loads(r.at["manifests/" + made["digest"]])["layers"][0]["digest"]
            r.at["blobs/" + layer] = answer
            found, v = verify(*BY_KEY)
            assert found == (2, "unsupported", "readable"), (answer, api, v)
            assert not is_signed(scanned(*BY_KEY))


@case
def junk_in_the_place_of_a_signature_is_harmless():
    for junk in (b"", b"{", b"{}" * 100000, b'{"mediaType": "' + BUNDLE.encode() + b'"}', os.urandom(5000), b"[" * 50000):
        r = Registry(True)
        image = r.image("v1")
        r.refer(image, BUNDLE, r.blob(junk, BUNDLE))
        (code, state, _), v = verify(*BY_KEY)
        assert code in (1, 2) and state in ("invalid", "unsupported", "unsigned"), (junk[:20], v)
        m = assay("scan", "-o", "json", *BY_KEY, TARGET)
        assert m.returncode in (0, 1) and b'"signed":true' not in m.stdout.replace(b" ", b""), m
    for layers in ("x", {}, [7], [{"mediaType": PAYLOAD}], [{"mediaType": PAYLOAD, "digest": "md5:0"}], [{"digest": 7}]):
        r = Registry()
        image = r.image("v1")
        r.manifest({"layers": layers}, tag_of(image))
        assert verify(*BY_KEY)[0][0] in (1, 2)


@case
def referrers_without_end_are_bounded():
    r = Registry(True)
    image = r.image("v1")
    for i in range(70):
        r.refer(image, BUNDLE, r.blob(b"junk %d" % i, BUNDLE))
    found, v = verify(*BY_KEY)
    assert found[0] in (1, 2) and found[1] != "unsigned", v
    assert len(lab.asked) < 2 * 64 + 8, len(lab.asked)
    m = scanned(*BY_KEY)
    assert "first 64" in m["signatures"][-1]["reason"] and len(m["signatures"]) == 65, len(m["signatures"])


def paged(r, image, size, link=lambda at: '<?n=2&last=%d>; rel="next"' % at):
    """The list of referrers in pages of `size`, as the distribution specification has them."""
    listed, r.api = r.listed[image["digest"]], False

    def answer(ask, at=0):
        part = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed[at:at + size]}).encode()
        fields = {"Link": link(at + size)} if at + size < len(listed) or link(0) == link(1) else {}
        ask.reply(200, part, Content_Type=INDEX, **fields)
    place = "referrers/" + image["digest"]
    r.at[place] = answer
    for at in range(size, len(listed) + size, size):
        r.at["%s?n=2&last=%d" % (place, at)] = lambda ask, at=at: answer(ask, at)
    return place


def signed_last(junk):
    r = Registry(True)
    image = r.image("v1")
    for i in range(junk):
        r.refer(image, "application/vnd.acme.sbom", r.blob(b"sbom %d" % i, "text/plain"))
    r.attach(image, key_bundle)
    return r, image


@case
def a_list_of_referrers_is_read_page_by_page():
    for link in (lambda at: '<?n=2&last=%d>; rel="next"' % at,
                 lambda at: '</v2/team/model/referrers/%s?n=2&last=%d>; rel=next' % (image["digest"], at),
                 lambda at: '<https://hub.test/x>; rel="first", <https://hub.test/v2/team/model/referrers/%s?n=2&last=%d>; rel="next"'
                            % (image["digest"], at)):
        r, image = signed_last(5)
        paged(r, image, 2, link)
        assert verify(*BY_KEY)[0] == (0, "verified", "")
        assert len([a for a in lab.asked if "/referrers/" in a.path]) == 3
        m = scanned(*BY_KEY)
        assert m["found"] == [("in-toto", "verified", "")] and is_signed(m), m["signatures"]
        assert len([x for x in m["metadata"] if x["key"] == "referrer"]) == 6, m["metadata"]


@case
def a_list_of_referrers_that_does_not_end_well_is_not_believed_to_be_whole():
    def said(r):
        found, v = verify(*BY_KEY)
        assert found == (2, "unsupported", "readable") and len(lab.asked) < 90, (v, len(lab.asked))
        return v["reason"]
    r, image = signed_last(1)
    paged(r, image, 1, lambda at: "<https://evil.test/v2/team/model/next>; rel=next")
    assert "elsewhere" in said(r) and not [a for a in lab.asked if a.host == "evil.test"]
    r, image = signed_last(1)
    paged(r, image, 1, lambda at: "<http://hub.test/v2/team/model/next>; rel=next")
    assert "elsewhere" in said(r)
    r, image = signed_last(1)
    paged(r, image, 1, lambda at: "<https://hub.test:x/>; rel=next")
    assert "elsewhere" in said(r)
    for again in "?n=2&last=1", "":  # the same page again, or the first
        r, image = signed_last(1)
        r.listed[image["digest"]].pop()
        place = paged(r, image, 1, lambda at: "</v2/team/model/%s%s>; rel=next" % (place, again))
        assert "circle" in said(r), again
    r, image = signed_last(40)
    paged(r, image, 2)
    assert "first 32" in said(r) and len([a for a in lab.asked if "/referrers/" in a.path]) == 16
    r, image = signed_last(70)
    paged(r, image, 30)
    assert "first 64" in said(r)
    for answer, word in ((lambda a: a.reply(404), "404"), (lambda a: a.reply(500), "500"), (lambda a: a.reply(200, b"{"), "JSON"),
                         (lambda a: a.reply(200, b'{"schemaVersion": 2}', Content_Type="text/html"), "no list")):
        r, image = signed_last(2)
        r.at[paged(r, image, 2) + "?n=2&last=2"] = answer
        assert word in said(r), word


@case
def an_image_named_by_sha512_is_checked_by_that_and_its_signatures_are_those_of_its_sha256():
    for signed in (True, False):
        r = Registry()
        data = WEIGHTS
        layer = {"mediaType": "application/vnd.acme.weights", "digest": "sha512:" + hashlib.sha512(data).hexdigest(), "size": len(data),
                 "annotations": {"org.opencontainers.image.title": "model.safetensors"}}
        r.at["blobs/" + layer["digest"]] = data
        image = r.image("v1") if signed else r.manifest({"config": r.blob({}, CONFIG), "layers": [layer]}, "v1")
        body = r.at["manifests/v1"]
        name = "sha512:" + hashlib.sha512(body).hexdigest()
        r.at["manifests/" + name] = body
        target = "oci://hub.test/team/model@" + name
        if signed:
            r.sign(image, by_key)
            assert verify(*BY_KEY, target=target)[0] == (0, "verified", "")
            assert is_signed(scanned(*BY_KEY, target=target))
        else:
            found, v = verify(*BY_KEY, target=target)
            assert found == (2, "unsupported", "readable") and "sha256" in v["reason"], v
            m = scanned(target=target)
            assert m["by_path"]["model.safetensors"]["expected"][0]["algorithm"] == "sha512", m["by_path"]
            assert m["by_path"]["model.safetensors"]["expected"][0]["state"] == "verified", m["by_path"]
        r.at["manifests/" + name] = body + b" "
        p = assay("verify", *BY_KEY, target)
        assert p.returncode == 2 and b"another digest" in p.stderr, p


# --- an index ---


def two(r):
    return r.image(), r.image(data=WEIGHTS[:-1] + b"!", name="other.safetensors")


@case
def a_signature_of_an_index_covers_its_images():
    for signer in ("sign", "attach"):
        r = Registry()
        index = r.index(two(r), "v1")
        r.sign(index, by_key) if signer == "sign" else r.attach(index, key_bundle)
        found, v = verify(*BY_KEY)
        assert found == (0, "verified", "") and index["digest"] in v["covers"], v
        m = scanned(*BY_KEY)
        assert is_signed(m) and is_signed(m, "other.safetensors"), m["signatures"]
        assert verify(*STRANGER)[0][0] == 1


@case
def an_index_is_also_signed_when_each_of_its_images_is():
    r = Registry()
    first, second = two(r)
    index = r.index([first, second], "v1")
    r.sign(first, by_key)
    found, v = verify(*BY_KEY)
    assert found == (1, "unsigned", "signature-present") and second["digest"] in v["reason"], v
    m = scanned(*BY_KEY)
    assert is_signed(m) and not is_signed(m, "other.safetensors")
    r.sign(second, by_key)
    found, v = verify(*BY_KEY)
    assert found == (0, "verified", "") and "each of the 2 images of " + index["digest"] == v["covers"], v
    m = scanned(*BY_KEY)
    assert is_signed(m) and is_signed(m, "other.safetensors")
    r.sign(second, by_stranger)
    assert verify(*BY_KEY)[0] == (1, "invalid", "signature")


# --- what it does to other commands ---


@case
def signatures_are_no_files_of_the_model():
    r = Registry()
    image = r.image("v1")
    r.sign(image, by_key)
    plain = scanned()
    assert set(plain["by_path"]) == {"model.safetensors", digest(b'{"architecture": "any"}')[7:]}, plain["by_path"].keys()
    to = os.path.join(scratch(), "to")
    p = assay("fetch", TARGET, "--to", to)
    assert p.returncode == 0 and sorted(os.listdir(to)) == sorted(plain["by_path"]), (p, os.listdir(to))
    lock = os.path.join(scratch(), "assay.lock")
    p = assay("lock", TARGET, *BY_KEY, "-o", lock)
    assert p.returncode == 0, p
    locked = json.load(open(lock))
    assert len(locked["targets"][0]["files"]) == 2 and len(locked["targets"][0]["signers"]) == 1, locked
    assert is_signed(scanned("--lockfile", lock))
    r.at.pop("manifests/" + tag_of(image))
    assert scanned("--lockfile", lock, expect=1)["rules"], "a signer that is locked has gone"


@case
def a_policy_says_who_signs():
    r = Registry(True)
    r.attach(r.image("v1"), keyless_bundle)
    scanned("--trusted-root", ROOT, "--policy", policy(identities=[{"subject": mock.MAIL, "issuer": mock.ISSUER}]))
    scanned("--trusted-root", ROOT, "--policy", policy(identities=[{"subject": "somebody@example.com", "issuer": mock.ISSUER}]), expect=1)


@case
def a_registry_s_entry_says_whether_to_look():
    entry = open(os.path.join(TOP, "registries.d", "ollama.json"), encoding="utf-8").read()
    for old, new in (('"id": "ollama"', '"id": "acme"'), ("https://registry.ollama.ai", "https://hub.test"), ('"scheme": "ollama"', '"scheme": "acme"'),
                     ("ollama:llama", "acme:llama"), ("ollama://library", "acme://library"), ('"ollama.com", "www.ollama.com", "registry.ollama.ai"', '"hub.test"'),
                     ("https://ollama.com/", "https://hub.test/")):
        assert old in entry, old
        entry = entry.replace(old, new)
    r = Registry(True)
    image = r.image("v1")
    r.attach(image, key_bundle)
    for referrers in ("false", "true"):
        directory = scratch() + "/registries-" + referrers
        write(directory + "/acme.json", entry.replace('"referrers": false', '"referrers": ' + referrers).encode())
        m = scanned("--registries", directory, *BY_KEY, target="acme:team/model:v1")
        assert m["found"] == ([("in-toto", "verified", "")] if referrers == "true" else []), m["found"]
        assert is_signed(m, digest(WEIGHTS)[7:]) == (referrers == "true")


@case
def provenance_must_name_the_builder():
    r = Registry(True)
    image = r.image("v1")
    slsa = {"predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {"buildDefinition": {}, "runDetails": {"builder": {"id": "https://build.example.com/1"}}}}
    r.refer(image, BUNDLE, r.blob(key_bundle(statement_of(image, **slsa)), BUNDLE))
    assert verify(*BY_KEY, "--builder-id", "https://build.example.com/1")[0] == (0, "verified", "")
    assert verify(*BY_KEY, "--builder-id", "https://build.example.com/2")[0] == (1, "untrusted", "builder")
    r = Registry(True)
    r.sign(r.image("v1"), by_key)
    assert verify(*BY_KEY, "--builder-id", "https://build.example.com/1")[0] == (1, "untrusted", "builder")


@case
def verify_asks_only_registries_of_images():
    Registry()
    for target, word in (("hf:org/model", b"fetch it first"), ("s3://bucket/x", b"fetch it first"), ("oci://hub.test/NO", b"expected"),
                         ("oci://hub.test/team/none:v1", b"404"), ("oci://hub.test/team/model", b"404")):
        p = assay("verify", *BY_KEY, target)
        assert p.returncode == 4 and word in p.stderr and not p.stdout, p
    r = Registry()
    r.image("v1")
    p = assay("verify", *BY_KEY, TARGET, "--signature", PUBLIC)
    assert p.returncode == 4 and b"come from its registry" in p.stderr, p
    r.at["manifests/v1"] = lambda a: a.reply(500, b"")
    p = assay("verify", *BY_KEY, TARGET)
    assert p.returncode == 2 and not p.stdout, p


main()
