#!/usr/bin/python3
"""-o vsa: verification summaries, what they may say, and their signatures, by us and by another reader."""
import base64, hashlib, json, os, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

FLAGS = SCAN_FLAGS
EVIL = b"cposix\nsystem\n(S'true'\ntR."
PICKLE = b"\x80\x02}."
CLEAN = bytes([2, 0, 0, 0, 0, 0, 0, 0]) + b"{}"
TYPE = "application/vnd.in-toto+json"
EPOCH = {"SOURCE_DATE_EPOCH": "1767225600"}


def target(**files):
    d = scratch()
    for name, data in files.items():
        write(os.path.join(d, name.replace("__", "/").replace("_", ".")), data)
    return d


def key_files(key=None, passphrase=None):
    key = key or ec.generate_private_key(ec.SECP256R1())
    d = scratch()
    how = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    private = write(os.path.join(d, "key.pem"), key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))
    public = write(os.path.join(d, "key.pub"), key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    return key.public_key(), private, public


KEY, PRIVATE, PUBLIC = key_files()


def statements(data):
    """Of the lines, signed or not."""
    out = []
    for line in data.decode().splitlines():
        one = json.loads(line)
        out.append(json.loads(base64.b64decode(one["payload"], validate=True)) if "payload" in one else one)
    return out


def summary(d, *arguments, expect=0, **options):
    p = scan("-o", "vsa", *arguments, cwd=d, **options)
    assert p.returncode == expect and not p.stderr, p
    return statements(p.stdout)


def result(s):
    check(s)
    return s["predicate"]["verificationResult"], s["predicate"]["verifiedLevels"]


def check(s):
    """The fields that in-toto and SLSA require, and their forms."""
    assert s["_type"] == "https://in-toto.io/Statement/v1" and s["subject"]
    assert s["predicateType"] == "https://slsa.dev/verification_summary/v1"
    for subject in s["subject"]:
        assert subject["name"] and len(bytes.fromhex(subject["digest"]["sha256"])) == 32
    p = s["predicate"]
    assert p["verifier"]["id"].startswith("urn:") and p["verifier"]["version"]["assay"]
    assert len(p["timeVerified"]) == 20 and p["timeVerified"].endswith("Z") and ":" in p["resourceUri"]
    assert p["policy"]["uri"].startswith("urn:assay:") and p["verificationResult"] in ("PASSED", "FAILED")
    assert p["verifiedLevels"] and not any(x.startswith("SLSA_") for x in p["verifiedLevels"])
    assert (p["verifiedLevels"] == ["FAILED"]) == (p["verificationResult"] == "FAILED")


# ---- what is said ------------------------------------------------------------------------


@case
def a_model_that_holds_to_the_policy_is_passed():
    (s,) = summary(target(m_safetensors=CLEAN), "m.safetensors")
    assert result(s) == ("PASSED", ["ASSAY_POLICY_PASSED", "ASSAY_NO_FINDINGS", "ASSAY_NO_CODE_EXECUTION"])
    assert s["predicate"]["resourceUri"] == "file:m.safetensors" and "not signed" in s["predicate"]["assay_note"]
    (s,) = summary(target(m_pkl=PICKLE), "m.pkl")
    assert "ASSAY_NO_CODE_EXECUTION" not in result(s)[1]


def policy_file(**keys):
    text = json.dumps({"schema": "assay-policy/1", "name": "my gate", **keys}).encode()
    return write(scratch() + "/policy.json", text), text


@case
def what_failed_or_was_not_read_to_its_end_is_never_passed():
    cut = b"PK\x03\x04" + bytes(60)
    for files, name, expect, more in (
            ({"m_pkl": EVIL}, "m.pkl", 1, ()), ({"m_pkl": EVIL}, "m.pkl", 0, ("--gate", "audit")),
            ({"m_pkl": EVIL}, "m.pkl", 0, ("--exit-zero",)), ({"m_pt": cut}, "m.pt", 2, ()),
            ({"m_pt": cut}, "m.pt", 0, ("--gate", "audit")), ({"m_safetensors": CLEAN}, "m.safetensors", 1, ("--gate", "ci"))):
        (s,) = summary(target(**files), *more, name, expect=expect)
        assert result(s) == ("FAILED", ["FAILED"]), (files, more)


@case
def incomplete_files_fail_even_where_the_policy_accepts_them():
    policy, _ = policy_file(on_incomplete="accept")
    d = target(m__m_pt=b"PK\x03\x04" + bytes(60), m__a_safetensors=CLEAN, m__config_json=b"{}")
    (s,) = summary(d, "--policy", policy, "-o", "json=" + d + "/r.json", "m")
    (model,) = json.load(open(d + "/r.json"))["models"]
    assert model["verdict"] == "pass" and result(s) == ("FAILED", ["FAILED"])


@case
def findings_that_the_policy_lets_pass_are_not_called_none():
    policy, _ = policy_file(fail_on="never")
    (s,) = summary(target(m_pkl=EVIL), "--policy", policy, "m.pkl")
    assert result(s) == ("PASSED", ["ASSAY_POLICY_PASSED"])
    assert "findings do not count" in s["predicate"]["policy"]["annotations"]["clauses"]


@case
def each_model_has_its_own_line():
    d = target(a__m_safetensors=CLEAN, b__m_pkl=EVIL, c__m_safetensors=CLEAN)
    lines = summary(d, "a", "b", "c", expect=1)
    assert [result(s)[0] for s in lines] == ["PASSED", "FAILED", "PASSED"]
    assert summary(target(x_txt=b"text"), "x.txt", expect=3)[0]["predicate"]["verificationResult"] == "FAILED"


@case
def the_policy_is_named_with_its_digest_and_its_clauses():
    d = target(m_safetensors=CLEAN)
    policy, text = policy_file()
    (s,) = summary(d, "--policy", policy, "m.safetensors")
    assert s["predicate"]["policy"]["digest"] == {"sha256": hashlib.sha256(text).hexdigest()}
    assert " " not in s["predicate"]["policy"]["uri"]
    (s,) = summary(d, "m.safetensors", "--fail-on", "critical")
    assert "no finding of severity critical" in s["predicate"]["policy"]["annotations"]["clauses"]


@case
def a_stated_origin_is_the_resource_and_a_declared_one_is_not():
    d = target(m_safetensors=CLEAN)
    (s,) = summary(d, "m.safetensors", "--origin", "hf:acme/bert")
    assert s["predicate"]["resourceUri"] == "pkg:huggingface/acme/bert"
    assert "ASSAY_TRUST_MEDIUM" in result(s)[1]


@case
def a_model_of_many_files_has_more_statements_and_each_file_is_a_subject():
    d = scratch()
    for i in range(1500):
        write("%s/m/part-%04d.safetensors" % (d, i), CLEAN)
    write(d + "/m/config.json", b"{}")
    lines = summary(d, "m")
    assert [len(s["subject"]) for s in lines] == [1024, 477]
    names = {x["name"] for s in lines for x in s["subject"]}
    assert len(names) == 1501 and len({json.dumps(s["predicate"], sort_keys=True) for s in lines}) == 1


# ---- signatures ----------------------------------------------------------------------------


def signed(d, *arguments, key=PRIVATE, expect=0, **options):
    p = scan("-o", "vsa", "--sign-key", key, *arguments, cwd=d, **options)
    assert p.returncode == expect and not p.stderr, p
    return write(scratch() + "/summary.intoto.jsonl", p.stdout)


def verify(path, bundle, key=PUBLIC, expect=0, check=None):
    p = run("verify", "-o", "json", *FLAGS, "--bundle", bundle, "--key", key, path)
    assert p.returncode == expect, p
    r = json.loads(p.stdout)
    assert r["check"] == (check or ""), r
    return r


def pae(payload):
    return b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE.encode(), len(payload), payload)


def peer_verifies(key, envelope):
    """By another implementation: cryptography, over the encoding that the DSSE protocol gives."""
    assert envelope["payloadType"] == TYPE
    (signature,) = envelope["signatures"]
    data, sig = pae(base64.b64decode(envelope["payload"])), base64.b64decode(signature["sig"])
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(sig, data, ec.ECDSA({256: hashes.SHA256, 384: hashes.SHA384, 521: hashes.SHA512}[key.curve.key_size]()))
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(sig, data, padding.PKCS1v15(), hashes.SHA256())
    else:
        key.verify(sig, data)


@case
def every_kind_of_key_signs_and_verifies():
    d = target(m_safetensors=CLEAN)
    keys = [ec.generate_private_key(c()) for c in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)]
    keys += [ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)]
    for one in keys:
        public, private, public_file = key_files(one)
        bundle = signed(d, "m.safetensors", key=private)
        (envelope,) = map(json.loads, open(bundle))
        peer_verifies(public, envelope)
        assert verify(d + "/m.safetensors", bundle, key=public_file)["kind"] == "vsa"
        (s,) = statements(open(bundle, "rb").read())
        assert "assay_note" not in s["predicate"]


@case
def a_signed_failure_does_not_verify():
    d = target(m_pkl=EVIL)
    bundle = signed(d, "m.pkl", expect=1)
    peer_verifies(KEY, json.loads(open(bundle).readline()))  # the signature is good
    verify(d + "/m.pkl", bundle, expect=1, check="verification-result")


@case
def changes_and_strangers_do_not_verify():
    d = target(m_safetensors=CLEAN, other_safetensors=CLEAN + b" ", e_pkl=EVIL)
    bundle = signed(d, "m.safetensors")
    verify(d + "/e.pkl", bundle, expect=1, check="subject")
    verify(d + "/m.safetensors", bundle, key=key_files()[2], expect=1, check="signature")
    envelope = json.loads(open(bundle).read())
    failed = signed(d, "e.pkl", expect=1)
    text = base64.b64decode(json.loads(open(failed).read())["payload"])
    forged = {**envelope, "payload": base64.b64encode(text.replace(b"FAILED", b"PASSED")).decode()}
    verify(d + "/e.pkl", write(scratch() + "/x.json", json.dumps(forged).encode()), expect=1, check="signature")
    bare = write(scratch() + "/y.json", scan("-o", "vsa", "m.safetensors", cwd=d).stdout)
    p = run("verify", *FLAGS, "--bundle", bare, "--key", PUBLIC, d + "/m.safetensors")
    assert p.returncode == 2 and b"unsupported" in p.stdout, p


@case
def each_file_of_many_models_is_found_in_its_line():
    d = target(a__m_safetensors=CLEAN, b__m_pkl=EVIL, c__n_pkl=PICKLE)
    bundle = signed(d, "a", "b", "c", expect=1)
    assert len(open(bundle).readlines()) == 3
    verify(d + "/a/m.safetensors", bundle)
    verify(d + "/c/n.pkl", bundle)
    p = run("verify", *FLAGS, "--bundle", bundle, "--key", PUBLIC, d + "/b/m.pkl")
    assert p.returncode == 1, p


@case
def an_encrypted_key_takes_its_passphrase_from_the_environment():
    public, private, public_file = key_files(passphrase=b"correct horse")
    d = target(m_safetensors=CLEAN)
    bundle = signed(d, "m.safetensors", key=private, env={"ASSAY_KEY_PASSWORD": "correct horse"})
    verify(d + "/m.safetensors", bundle, key=public_file)
    for env in ({"ASSAY_KEY_PASSWORD": "wrong"}, {}):
        p = scan("-o", "vsa", "--sign-key", private, "m.safetensors", cwd=d, env=env, stdin=subprocess.DEVNULL)
        assert p.returncode == 4 and not p.stdout and p.stderr, p


@case
def convert_signs_a_stored_result():
    d = target(m_safetensors=CLEAN)
    scan("-o", "json=" + d + "/r.json", "m.safetensors", cwd=d)
    p = run("convert", d + "/r.json", "-o", "vsa", "--sign-key", PRIVATE)
    assert p.returncode == 0, p
    verify(d + "/m.safetensors", write(scratch() + "/b.jsonl", p.stdout))
    stated = run("convert", d + "/r.json", "-o", "vsa").stdout
    assert [dict(s["predicate"], assay_note=None) for s in statements(stated)] == [
        dict(s["predicate"], assay_note=None) for s in statements(p.stdout)]


@case
def usage():
    d = target(m_safetensors=CLEAN)
    junk = write(scratch() + "/k.pem", b"no key")
    for arguments in (("--sign-key", PRIVATE), ("--sign-key", PRIVATE, "-o", "json"), ("-o", "vsa", "--sign-key", "/nonexistent"),
                      ("-o", "vsa", "--sign-key", junk), ("-o", "vsa", "--sign-key", PUBLIC),
                      ("-o", "vsa", "--sign-key", PRIVATE, "--sign-key", PRIVATE)):
        p = scan(*arguments, "m.safetensors", cwd=d)
        assert p.returncode == 4 and not p.stdout and p.stderr.startswith(b"assay: "), (arguments, p)


main()
