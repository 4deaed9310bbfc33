#!/usr/bin/python3
"""assay sign, verify and digest: round trips, and one case for each thing that must not verify."""
import base64, datetime, hashlib, json, os, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FLAGS = SCAN_FLAGS  # a build with sanitizers cannot be confined
OMS = "https://model_signing/signature/v1.0"
SHA = {"secp256r1": hashes.SHA256, "secp384r1": hashes.SHA384, "secp521r1": hashes.SHA512}


def b64(data):
    return base64.b64encode(data).decode()


def key_files(key=None, curve=ec.SECP256R1, passphrase=None):
    key = key or ec.generate_private_key(curve())
    d = scratch()
    how = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    private = write(os.path.join(d, "key.pem"), key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))
    public = write(os.path.join(d, "key.pub"), key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    return key, private, public


KEY, PRIVATE, PUBLIC = key_files()


def model(**more):
    d = os.path.join(scratch(), "model")
    for name, data in {"a.bin": b"a" * 3000, "sub/b.txt": b"b", "sub-c": b"c", "empty": b"",
                       "\u00fcn\u00ef/\u6a21\u578b.txt": b"unicode", "sub/.gitignore": b"signed", ".git/config": b"not"}.items():
        write(os.path.join(d, name), data)
    return d


def sign(d, *arguments, key=PRIVATE, expect=0, **options):
    bundle = os.path.join(scratch(), "model.sig")
    p = run("sign", "key", d, "--private-key", key, "--signature", bundle, *arguments, **options)
    assert p.returncode == expect, (p.returncode, p.stderr)
    return bundle


def verify(target, bundle, *arguments, key=PUBLIC, expect=0, state=None, check=None, method=()):
    who = ["--public-key", key] if key else []
    p = run("verify", "-o", "json", *FLAGS, *method, target, "--signature", bundle, *who, *arguments)
    assert p.returncode == expect, (p.returncode, p.stdout.decode(), p.stderr.decode())
    if not p.stdout:
        assert expect in (2, 4) and state is None, p.stderr
        return None
    r = json.loads(p.stdout)
    assert r["exit_code"] == expect
    if state:
        assert (r["state"], r["check"]) == (state, check), (r["state"], r["check"], r["reason"])
    assert r["state"] != "verified" or expect == 0
    return r


# ---- our own maker of bundles, to change one thing at a time -------------------------------


def digests(d, files=None):
    out = []
    for root, directories, names in os.walk(d):
        directories[:] = [n for n in directories if n != ".git"]
        for n in names:
            path = os.path.relpath(os.path.join(root, n), d)
            if not os.path.islink(os.path.join(root, n)):
                out.append((path, hashlib.sha256(open(os.path.join(root, n), "rb").read()).hexdigest()))
    return sorted(out)


def root_of(rows):
    return hashlib.sha256(b"".join(bytes.fromhex(h) for _, h in rows)).hexdigest()


def statement(rows, **change):
    try:
        root = root_of(rows)
    except ValueError:
        root = "0" * 64
    s = {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "m", "digest": {"sha256": root}}],
         "predicateType": OMS,
         "predicate": {"resources": [{"name": n, "algorithm": "sha256", "digest": h} for n, h in rows],
                       "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False,
                                         "ignore_paths": [".git", "no/such/path", "../out"]}}}
    s.update(change)
    return s


def envelope(payload, key=KEY, kind="application/vnd.in-toto+json", digest=hashes.SHA256):
    pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    return {"payload": b64(payload), "payloadType": kind,
            "signatures": [{"sig": b64(key.sign(pae, ec.ECDSA(digest()))), "keyid": ""}]}


def bundle_of(payload, material=None, **options):
    if not isinstance(payload, bytes):
        payload = json.dumps(payload).encode()
    return {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": dict(material or {"publicKey": {"hint": ""}}, tlogEntries=[]),
            "dsseEnvelope": envelope(payload, **options)}


def saved(bundle):
    text = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
    return write(os.path.join(scratch(), "made.sig"), text)


def refused(d, payload, check, state="invalid", expect=1, **options):
    verify(d, saved(bundle_of(payload, **options)), expect=expect, state=state, check=check)


# ---- what must work ------------------------------------------------------------------------


@case
def what_is_signed_verifies_with_every_curve():
    for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1):
        _, private, public = key_files(curve=curve)
        d = model()
        r = verify(d, sign(d, key=private), key=public, method=["key"])
        assert (r["kind"], r["method"], r["state"]) == ("oms", "key", "verified")
        assert {f["status"] for f in r["files"]} == {"signed", "ignored"}
        signed = {f["path"] for f in r["files"] if f["status"] == "signed"}
        assert "sub/.gitignore" in signed and "empty" in signed and ".git/config" not in signed


@case
def digests_of_every_kind_and_shards():
    d = model()
    for arguments in (["--hash", "blake2b"], ["--hash", "blake3"], ["--shard-size", "1000"],
                      ["--shard-size", "3000", "--hash", "blake2b"], ["--shard-size", "999999"]):
        b = sign(d, *arguments)
        verify(d, b)
        original = open(os.path.join(d, "a.bin"), "rb").read()
        for changed in (original + b"x", original[:-1], b"b" + original[1:], original[:2999] + b"b"):
            write(os.path.join(d, "a.bin"), changed)
            verify(d, b, expect=1, state="invalid", check="file-digest")
        write(os.path.join(d, "a.bin"), original)
        verify(d, b)


@case
def the_signature_may_lie_in_the_model_and_is_then_found():
    d = model()
    p = run("sign", "key", d, "--private-key", PRIVATE, "--signature", os.path.join(d, "model.sig"))
    assert p.returncode == 0, p.stderr
    p = run("verify", *FLAGS, d, "--public-key", PUBLIC)
    assert p.returncode == 0 and b"Verification succeeded" in p.stdout, p.stdout
    p = run("verify", *FLAGS, model(), "--public-key", PUBLIC)
    assert p.returncode == 1 and p.stdout.startswith(b"unsigned"), p.stdout


@case
def a_single_file_is_a_model():
    path = write(os.path.join(scratch(), "w.bin"), b"weights")
    b = sign(path)
    verify(path, b)
    other = statement([("w.bin", hashlib.sha256(b"weights").hexdigest())])
    verify(path, saved(bundle_of(other)))
    write(path, b"other")
    verify(path, b, expect=1, state="invalid", check="file-digest")


@case
def options_may_be_spelt_as_model_signing_spells_them():
    d = model()
    b = os.path.join(scratch(), "m.sig")
    assert run("sign", "key", d, "--private_key", PRIVATE, "--signature=" + b, "--ignore_paths", d + "/a.bin").returncode == 0
    p = run("verify", *FLAGS, "key", d, "--signature", b, "--public_key=" + PUBLIC, "--no-ignore_unsigned_files")
    assert p.returncode == 0, p.stdout
    assert run("verify", *FLAGS, "key", d, "--signature", b).returncode == 4
    assert run("verify", *FLAGS, "certificate", d, "--signature", b).returncode == 4
    assert run("verify", *FLAGS, "sigstore", d, "--signature", b).returncode == 4
    assert run("verify", *FLAGS, d, "--signature", b, "--identity", "x@y").returncode == 4
    assert run("verify").returncode == 4 and run("sign").returncode == 4 and run("digest").returncode == 4
    assert run("sign", "sigstore", d, "--signature", b).returncode == 4
    for level in (["--log-level", "debug"], ["--log_level=INFO"]):
        assert run(*level, "digest", d).stdout == run("digest", d).stdout
        assert run(*level, "verify", *FLAGS, "key", d, "--signature", b, "--public_key", PUBLIC).returncode == 0
    for level in (["--log-level", "loud"], ["--log-level="], ["--log-level"], ["--log-level", "info"]):
        assert run(*level, *(["digest", d] if len(level) > 1 and "info" not in level else [])).returncode == 4, level


@case
def success_and_failure_are_told_in_the_words_of_model_signing():
    d = model()
    b = sign(d)
    p = run("verify", *FLAGS, "key", d, "--signature", b, "--public-key", PUBLIC)
    assert p.returncode == 0 and p.stdout.startswith(b"Verification succeeded") and not p.stderr, (p.stdout, p.stderr)
    write(os.path.join(d, "a.bin"), b"other")
    p = run("verify", *FLAGS, "key", d, "--signature", b, "--public-key", PUBLIC)
    assert p.returncode == 1 and b"succeeded" not in p.stdout + p.stderr
    assert p.stderr.startswith(b"Verification failed with error: a.bin") and p.stdout.startswith(b"invalid"), (p.stdout, p.stderr)
    p = run("verify", *FLAGS, "-o", "json", "key", d, "--signature", b, "--public-key", PUBLIC)
    assert p.returncode == 1 and not p.stderr, p.stderr


@case
def an_encrypted_key_needs_its_passphrase():
    _, private, public = key_files(passphrase=b"open sesame")
    d = model()
    secret = write(os.path.join(scratch(), "secret"), b"open sesame\n")
    verify(d, sign(d, "--password", "open sesame", key=private), key=public)
    verify(d, sign(d, "--password-file", secret, key=private), key=public)
    verify(d, sign(d, key=private, env={"ASSAY_KEY_PASSWORD": "open sesame"}), key=public)
    sign(d, "--password", "wrong", key=private, expect=4)
    sign(d, key=private, expect=4, stdin=subprocess.DEVNULL)


@case
def the_digest_is_that_of_the_signed_statement():
    d = model()
    bundle = json.load(open(sign(d)))
    signed = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    assert run("digest", d).stdout.decode().strip() == "sha256:" + signed["subject"][0]["digest"]["sha256"]
    names = [r["name"] for r in signed["predicate"]["resources"]]
    assert names == sorted(names, key=lambda n: n.split("/"))


@case
def a_directory_of_golden_value():
    d = os.path.join(scratch(), "m")
    write(os.path.join(d, "signme-1"), b"signme-1\n")
    write(os.path.join(d, "signme-2"), b"signme-2\n")
    want = hashlib.sha256(b"".join(hashlib.sha256(b"signme-%d\n" % i).digest() for i in (1, 2))).hexdigest()
    assert run("digest", d).stdout.decode() == "sha256:" + want + "\n"


@case
def python_writes_the_same_statement_and_it_verifies():
    d = model()
    verify(d, saved(bundle_of(statement(digests(d)))))
    extra = statement(digests(d), later_field={"x": 1})
    extra["predicate"]["resources"][0]["annotations"] = {"any": "thing"}
    verify(d, saved(bundle_of(extra)))


# ---- what must not -------------------------------------------------------------------------


@case
def every_change_of_a_file_is_named():
    def change(d):
        write(os.path.join(d, "a.bin"), b"z" * 3000)

    def remove(d):
        os.unlink(os.path.join(d, "empty"))

    def add(d):
        write(os.path.join(d, "modeling_x.py"), b"import os")

    def link(d):
        os.unlink(os.path.join(d, "sub-c"))
        os.symlink("a.bin", os.path.join(d, "sub-c"))

    def directory(d):
        os.unlink(os.path.join(d, "sub-c"))
        os.mkdir(os.path.join(d, "sub-c"))

    def directory_link(d):
        os.symlink("sub", os.path.join(d, "other"))

    def case_twin(d):
        write(os.path.join(d, "A.bin"), b"a" * 3000)

    def normalised(d):
        os.rename(os.path.join(d, "\u00fcn\u00ef"), os.path.join(d, "u\u0308n\u00ef"))

    for how, check, path in ((change, "file-digest", "a.bin"), (remove, "file-missing", "empty"),
                             (add, "file-unsigned", "modeling_x.py"), (link, "file-link", "sub-c"),
                             (directory, "file-missing", "sub-c"), (directory_link, "file-link", "other"),
                             (case_twin, "file-unsigned", "A.bin"), (normalised, "file-missing", "\u00fcn\u00ef/\u6a21\u578b.txt")):
        d = model()
        b = sign(d)
        how(d)
        r = verify(d, b, expect=1, state="invalid", check=check)
        assert path in r["reason"], (path, r["reason"])
    d = model()
    b = sign(d)
    os.unlink(os.path.join(d, "sub-c"))
    os.mkfifo(os.path.join(d, "sub-c"))
    verify(d, b, expect=2, state="unsupported", check="file-readable")


@case
def unsigned_files_may_be_ignored_and_signed_ones_may_not():
    d = model()
    b = sign(d)
    write(os.path.join(d, "new.txt"), b"new")
    verify(d, b, expect=1, state="invalid", check="file-unsigned")
    r = verify(d, b, "--ignore-unsigned-files")
    assert {f["path"]: f["status"] for f in r["files"]}["new.txt"] == "unsigned"
    verify(d, b, "--ignore-paths", os.path.join(d, "new.txt"))
    write(os.path.join(d, "a.bin"), b"changed")
    verify(d, b, "--ignore-unsigned-files", expect=1, state="invalid", check="file-digest")
    verify(d, b, "--ignore-unsigned-files", "--ignore-paths", os.path.join(d, "a.bin"), expect=1, state="invalid",
           check="file-digest")
    write(os.path.join(d, ".git", "hook"), b"x")
    write(os.path.join(d, "a.bin"), b"a" * 3000)
    verify(d, b, "--ignore-unsigned-files", "--no-ignore-git-paths")


@case
def links_are_followed_only_when_they_are_allowed():
    d = model()
    os.symlink("a.bin", os.path.join(d, "link"))
    sign(d, expect=2)
    b = sign(d, "--allow-symlinks")
    verify(d, b)
    os.symlink("/etc/hostname", os.path.join(d, "outside"))
    sign(d, "--allow-symlinks", expect=2)
    r = verify(d, b, expect=2, state="unsupported", check="file-readable")
    assert "outside" in r["reason"]


@case
def nobody_is_trusted_but_whom_the_operator_names():
    d = model()
    b = sign(d)
    _, _, other = key_files()
    verify(d, b, key=None, expect=1, state="untrusted", check="key-given")
    p = run("verify", "-o", "json", *FLAGS, d, "--signature", b, "--public-key", other)
    r = json.loads(p.stdout)
    assert p.returncode == 1 and r["state"] in ("untrusted", "invalid"), r
    write(os.path.join(d, "key.pub"), open(PUBLIC, "rb").read())
    verify(d, sign(d), key=None, expect=1, state="untrusted", check="key-given")


@case
def names_that_are_not_canonical_are_refused():
    d = model()
    good = digests(d)
    for name in ("../x", "/x", "a//b", "a/./b", "x/", "a\\b", "a\x01b", "", ".", "..", "a/../b", "\x7f"):
        refused(d, statement(good + [(name, "0" * 64)]), "resource-name")
    refused(d, statement(good + [good[0]]), "duplicate-name")


@case
def statements_that_say_something_else_are_refused():
    d = model()
    rows = digests(d)
    good = statement(rows)

    def altered(change):
        s = json.loads(json.dumps(good))
        change(s)
        return s
    serialization = lambda **k: altered(lambda s: s["predicate"]["serialization"].update(k))
    first = lambda **k: altered(lambda s: s["predicate"]["resources"][0].update(k))
    refused(d, statement(rows, _type="https://in-toto.io/Statement/v0.1"), "statement-type")
    refused(d, altered(lambda s: s["subject"].append(s["subject"][0])), "subject")
    refused(d, altered(lambda s: s["subject"][0]["digest"].update(sha256="0" * 64)), "root-digest")
    refused(d, altered(lambda s: s["predicate"].update(resources=[])), "empty-model")
    refused(d, altered(lambda s: s["predicate"].pop("serialization")), "serialization")
    refused(d, serialization(method="items"), "serialization-method")
    refused(d, serialization(hash_type="md5"), "hash-type", state="unsupported", expect=2)
    refused(d, serialization(shard_size=5), "shard-size")
    refused(d, serialization(allow_symlinks="no"), "statement-shape")
    refused(d, first(algorithm="blake2b"), "resource-algorithm")
    for digest in ("0" * 63, "0" * 62, "A" * 64, "g" * 64, ""):
        refused(d, first(digest=digest), "resource-digest")


@case
def shards_must_cover_a_file_once():
    d = os.path.join(scratch(), "m")
    data = bytes(range(250))
    write(os.path.join(d, "f"), data)

    def shards(ranges, size=100, **change):
        rows = [("f:%d:%d" % r, hashlib.sha256(data[r[0]:r[1]]).hexdigest()) for r in ranges]
        s = statement(rows)
        s["predicate"]["serialization"].update(method="shards", shard_size=size, **change)
        return s
    whole = [(0, 100), (100, 200), (200, 250)]
    verify(d, saved(bundle_of(shards(whole))))
    verify(d, saved(bundle_of(shards(whole, size=100.0))))
    verify(d, saved(bundle_of(shards(whole[::-1]))))
    refused(d, shards([(0, 100), (200, 250)]), "shard-gap")
    refused(d, shards([(100, 200), (200, 250)]), "shard-gap")
    refused(d, shards([(0, 100), (0, 100)]), "duplicate-name")
    refused(d, shards([(0, 100), (50, 150)]), "shard-range")
    refused(d, shards([(0, 150)]), "shard-range")
    refused(d, shards([(0, 0)]), "shard-range")
    refused(d, shards([(0, 100), (100, 200)]), "file-digest")
    refused(d, shards(whole[:2] + [(200, 240)]), "file-digest")
    refused(d, shards(whole + [(300, 400)]), "shard-gap")
    refused(d, shards(whole[:2] + [(200, 300)]), "file-digest")
    for size in (0, 0.5, -1, 1e30, "100", None, True):
        s = shards(whole, size=size)
        p = run("verify", *FLAGS, "-o", "json", d, "--signature", saved(bundle_of(s)), "--public-key", PUBLIC)
        assert p.returncode == 1 and json.loads(p.stdout)["state"] == "invalid", (size, p.stdout)
    s = shards(whole)
    del s["predicate"]["serialization"]["shard_size"]
    refused(d, s, "shard-size")
    refused(d, statement([("f", hashlib.sha256(data).hexdigest())],
                         predicate={"resources": [{"name": "f", "algorithm": "sha256",
                                                   "digest": hashlib.sha256(data).hexdigest()}],
                                    "serialization": {"method": "shards", "hash_type": "sha256",
                                                      "allow_symlinks": False, "shard_size": 100}}), "shard-name")


@case
def json_with_two_meanings_is_refused():
    d = model()
    text = json.dumps(statement(digests(d)))
    twice = text.replace('"resources": [', '"resources": [], "resources": [', 1)
    refused(d, twice.encode(), "json")
    refused(d, b"\xef\xbb\xbf" + text.encode(), "json")
    refused(d, text.encode() + b"{}", "json")
    refused(d, text.encode("utf-16"), "json")
    refused(d, text.replace('"m"', '"\\ud800"').encode(), "json")
    refused(d, text[:-1].encode(), "json")
    refused(d, b"[" * 3000, "statement-shape")
    refused(d, b"null", "statement-shape")
    refused(d, b"", "json")
    bundle = json.dumps(bundle_of(statement(digests(d))))
    for bad in (bundle.replace('"payload"', '"payload": "e30=", "payload"', 1), bundle + "x", "\ufeff" + bundle,
                bundle[:-5], bundle.replace('"publicKey"', '"certificate": {"rawBytes": "AAAA"}, "publicKey"', 1)):
        r = run("verify", *FLAGS, "-o", "json", d, "--signature", saved(bad.encode()), "--public-key", PUBLIC)
        assert r.returncode in (1, 2) and json.loads(r.stdout)["state"] in ("invalid", "unsupported"), (bad[:80], r)


@case
def signatures_that_are_not_the_keys_are_refused():
    d = model()
    payload = json.dumps(statement(digests(d))).encode()
    good = bundle_of(payload)
    swapped = json.loads(json.dumps(good))
    swapped["dsseEnvelope"]["payload"] = b64(payload + b" ")
    verify(d, saved(swapped), expect=1, state="invalid", check="signature")
    other = json.loads(json.dumps(good))
    other["dsseEnvelope"]["payloadType"] = "text/plain"
    p = run("verify", *FLAGS, d, "--signature", saved(other), "--public-key", PUBLIC)
    assert p.returncode in (1, 2), p.stdout
    verify(d, saved(bundle_of(payload, digest=hashes.SHA384)), expect=1, state="invalid", check="signature")
    two = json.loads(json.dumps(good))
    two["dsseEnvelope"]["signatures"] *= 2
    p = run("verify", *FLAGS, d, "--signature", saved(two), "--public-key", PUBLIC)
    assert p.returncode == 1, p.stdout
    wrong = bundle_of(payload, material={"publicKey": {"hint": "0" * 64}})
    verify(d, saved(wrong), expect=1, state="untrusted", check="key-hint")
    verify(d, saved(bundle_of(payload, kind="application/json")), expect=1, state="invalid", check="payload-type")


@case
def what_cannot_be_read_is_exit_2_and_what_is_not_there_too():
    d = model()
    assert run("verify", *FLAGS, d, "--signature", d + "/nothing", "--public-key", PUBLIC).returncode == 2
    assert run("verify", *FLAGS, d, "--signature", d, "--public-key", PUBLIC).returncode == 2
    assert run("verify", *FLAGS, d + "/gone", "--signature", sign(d), "--public-key", PUBLIC).returncode == 4
    assert run("verify", *FLAGS, d, "--signature", sign(d), "--public-key", d + "/a.bin").returncode == 4
    for junk in (b"", b"{}", b"\0" * 100, b"hello", b"-----BEGIN PGP SIGNATURE-----\n", os.urandom(1000)):
        p = run("verify", *FLAGS, "-o", "json", d, "--signature", saved(junk), "--public-key", PUBLIC)
        assert p.returncode in (1, 2) and json.loads(p.stdout)["state"] != "verified", (junk[:20], p)
    empty = os.path.join(scratch(), "empty")
    os.mkdir(empty)
    sign(empty, expect=2)


# ---- certificates --------------------------------------------------------------------------


def certificate(name, issuer=None, issuer_key=None, key=None, ca=False, eku=ExtendedKeyUsageOID.CODE_SIGNING,
                days=(-1, 10), path=None):
    key = key or ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.utcnow()
    title = lambda n: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n)])
    b = (x509.CertificateBuilder().subject_name(title(name)).issuer_name(title(issuer or name))
         .public_key(key.public_key()).serial_number(x509.random_serial_number())
         .not_valid_before(now + datetime.timedelta(days=days[0])).not_valid_after(now + datetime.timedelta(days=days[1]))
         .add_extension(x509.BasicConstraints(ca, path), True)
         .add_extension(x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), True))
    if eku and not ca:
        b = b.add_extension(x509.ExtendedKeyUsage([eku]), False)
    return key, b.sign(issuer_key or key, hashes.SHA256())


def pem(path, *certificates):
    return write(path, b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates))


@case
def certificates_sign_and_verify_up_to_the_anchor_that_was_given():
    root_key, root = certificate("root", ca=True)
    int_key, inter = certificate("inter", "root", root_key, ca=True, path=0)
    leaf_key, leaf = certificate("leaf", "inter", int_key)
    s, d = scratch(), model()
    private = key_files(leaf_key)[1]
    b = os.path.join(s, "m.sig")
    p = run("sign", "certificate", d, "--private_key", private, "--signing_certificate", pem(s + "/leaf", leaf),
            "--certificate_chain", pem(s + "/inter", inter), "--signature", b)
    assert p.returncode == 0, p.stderr
    anchors = ["--certificate-chain", pem(s + "/root", root)]
    r = verify(d, b, *anchors, key=None, method=["certificate"])
    assert r["method"] == "certificate" and "leaf" in r["identity"], r
    verify(d, b, "--certificate-chain", s + "/inter", key=None)
    _, other = certificate("root", ca=True)
    r = verify(d, b, "--certificate-chain", pem(s + "/other", other), key=None, expect=1)
    assert r["state"] in ("untrusted", "invalid"), r
    verify(d, b, key=None, expect=1, state="untrusted", check="anchor-given")
    verify(d, b, method=["key"], expect=1, state="invalid", check="method")
    p = run("sign", "certificate", d, "--private_key", PRIVATE, "--signing_certificate", s + "/leaf", "--signature", b)
    assert p.returncode == 4, p.stderr


@case
def certificates_that_may_not_sign_are_refused():
    root_key, root = certificate("root", ca=True)
    anchor = pem(os.path.join(scratch(), "root"), root)
    d = model()
    payload = json.dumps(statement(digests(d))).encode()
    der = lambda c: {"rawBytes": b64(c.public_bytes(serialization.Encoding.DER))}

    def attempt(leaf_key, *chain):
        made = bundle_of(payload, {"x509CertificateChain": {"certificates": [der(c) for c in chain]}}, key=leaf_key)
        p = run("verify", *FLAGS, "-o", "json", d, "--signature", saved(made), "--certificate-chain", anchor)
        return p.returncode, json.loads(p.stdout)["state"]
    good_key, good = certificate("leaf", "root", root_key)
    assert attempt(good_key, good) == (0, "verified")
    for change in (dict(eku=None), dict(eku=ExtendedKeyUsageOID.SERVER_AUTH), dict(days=(-9, -1)), dict(days=(1, 9))):
        k, leaf = certificate("leaf", "root", root_key, **change)
        assert attempt(k, leaf) == (1, "invalid"), change
    no_ca_key, no_ca = certificate("inter", "root", root_key)
    k, leaf = certificate("leaf", "inter", no_ca_key)
    code, state = attempt(k, leaf, no_ca)
    assert code == 1 and state in ("invalid", "untrusted")


@case
def what_nobody_could_verify_is_not_signed():
    root_key, root = certificate("root", ca=True)
    _, other = certificate("root", ca=True)
    d, out = model(), os.path.join(scratch(), "m.sig")
    for change, issuer, why in ((dict(days=(-9, -1)), root, b"expired"), (dict(days=(1, 9)), root, b"not yet valid"),
                                ({}, other, b"signature failure"), (dict(days=(-9, -1)), None, b"expired")):
        k, leaf = certificate("leaf", "root", root_key, **change)
        s = scratch()
        chain = ["--certificate-chain", pem(s + "/root", issuer)] if issuer else []
        p = run("sign", "certificate", d, "--private-key", key_files(k)[1], "--signing-certificate", pem(s + "/leaf", leaf), *chain,
                "--signature", out)
        assert p.returncode == 4 and why in p.stderr and not os.path.exists(out), (change, p)


# ---- single files --------------------------------------------------------------------------


@case
def a_bundle_over_one_file_is_verified_by_bytes_or_digest():
    path = write(os.path.join(scratch(), "w.bin"), b"weights")
    digest = hashlib.sha256(b"weights").digest()
    made = {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": ""}},
            "messageSignature": {"messageDigest": {"algorithm": "SHA2_256", "digest": b64(digest)},
                                 "signature": b64(KEY.sign(b"weights", ec.ECDSA(hashes.SHA256())))}}
    b = saved(made)
    ok = lambda *a: run("verify", *FLAGS, "--bundle", b, "--key", PUBLIC, *a).returncode
    assert ok(path) == 0 and ok("sha256:" + digest.hex()) == 0
    assert ok("sha256:" + "0" * 64) == 1 and ok("sha256:xyz") == 4
    write(path, b"other")
    assert ok(path) == 1
    bare = saved(b64(KEY.sign(b"other", ec.ECDSA(hashes.SHA256()))).encode() + b"\n")
    assert run("verify", *FLAGS, "--signature", bare, "--key", PUBLIC, path).returncode == 0
    write(path, b"third")
    assert run("verify", *FLAGS, "--signature", bare, "--key", PUBLIC, path).returncode == 1


@case
def provenance_names_its_builder():
    path = write(os.path.join(scratch(), "w.bin"), b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()

    def provenance(kind="v1", sha=digest, builder="https://builder.example/1"):
        predicate = {"runDetails": {"builder": {"id": builder}}} if kind == "v1" else {"builder": {"id": builder}}
        return bundle_of({"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "w", "digest": {"sha256": sha}}],
                          "predicateType": "https://slsa.dev/provenance/" + kind, "predicate": predicate})

    def code(made, *arguments):
        return run("verify", *FLAGS, "--bundle", saved(made), "--key", PUBLIC, path, *arguments).returncode
    for kind in ("v1", "v0.2"):
        assert code(provenance(kind)) == 0
        assert code(provenance(kind), "--builder-id", "https://builder.example/1") == 0
        assert code(provenance(kind), "--builder-id", "https://builder.example/2") == 1
        assert code(provenance(kind, sha="0" * 64)) == 1
    assert code(provenance("v1", builder="")) == 1
    lines = b"\n".join(json.dumps(p).encode() for p in (provenance(sha="0" * 64), provenance())) + b"\n"
    assert code(lines) == 0


def minisign_files(data, key=None, algorithm=b"ED", comment="timestamp:1", signed_comment=None, ident=b"\x01\x02\x03\x04\x05\x06\x07\x08"):
    key = key or ed25519.Ed25519PrivateKey.generate()
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    message = hashlib.blake2b(data).digest() if algorithm == b"ED" else data
    sig = key.sign(message)
    both = key.sign(sig + (signed_comment or comment).encode())
    text = "untrusted comment: x\n%s\ntrusted comment: %s\n%s\n" % (b64(algorithm + ident + sig), comment, b64(both))
    public = write(os.path.join(scratch(), "minisign.pub"), ("untrusted comment: key\n%s\n" % b64(b"Ed" + ident + raw)).encode())
    return saved(text.encode()), public, key


@case
def minisign_signatures_verify_and_their_comments_count():
    path = write(os.path.join(scratch(), "w.bin"), b"weights")
    check = lambda sig, public, target=path: run("verify", *FLAGS, "--signature", sig, "--key", public, target).returncode
    sig, public, key = minisign_files(b"weights")
    assert check(sig, public) == 0
    assert check(sig, minisign_files(b"")[1]) == 1
    assert check(minisign_files(b"other", key)[0], public) == 1
    # what is wrong with the key's signature is said, whatever other keys were given
    bad, other = minisign_files(b"other", key)[0], minisign_files(b"", ident=b"another1")[1]
    for keys in ((public, other), (other, public)):
        p = run("verify", *FLAGS, "-o", "json", "--signature", bad, "--key", keys[0], "--key", keys[1], path)
        assert (p.returncode, json.loads(p.stdout)["state"]) == (1, "invalid"), p.stdout
    assert check(minisign_files(b"weights", key, signed_comment="another")[0], public) == 1
    assert check(minisign_files(b"weights", key, algorithm=b"Ed")[0], public) == 2
    assert run("verify", *FLAGS, "--signature", sig, path).returncode == 1
    text = open(sig, "rb").read()
    for cut in range(0, len(text) - 1, 7):
        assert check(saved(text[:cut]), public) in (1, 2), cut


@case
def pgp_signatures_are_for_gpgv_and_a_keyring_of_the_operators():
    home, path = scratch(), write(os.path.join(scratch(), "w.bin"), b"weights")
    os.chmod(home, 0o700)
    if not os.path.exists("/usr/bin/gpg") or not os.path.exists("/usr/bin/gpgv"):
        raise Skip("no gpg")
    gpg = lambda *a: subprocess.run(["gpg", "--homedir", home, "--batch", "-q", "--passphrase", "", "--pinentry-mode", "loopback", *a],
                                    check=True, stderr=subprocess.DEVNULL)
    gpg("--quick-generate-key", "signer@example.com", "rsa2048", "sign", "never")
    ring = os.path.join(home, "ring.gpg")
    gpg("--output", ring, "--export", "signer@example.com")
    gpg("--armor", "--output", path + ".asc", "--detach-sign", path)
    gpg("--output", path + ".gpg", "--detach-sign", path)
    ok = lambda sig, *a: run("verify", *FLAGS, "-o", "json", "--signature", sig, path, *a)
    for sig in (path + ".asc", path + ".gpg"):
        r = json.loads(ok(sig, "--keyring", ring).stdout)
        assert r["state"] == "verified" and len(r["identity"]) == 40, r
        assert ok(sig).returncode == 1
    gpg("--armor", "--output", home + "/ring.asc", "--export", "signer@example.com")
    for bad in (write(os.path.join(scratch(), "empty.gpg"), b""), path, home, home + "/none", home + "/ring.asc"):
        p = ok(path + ".asc", "--keyring", bad)
        assert p.returncode == 4 and bad.encode() in p.stderr and not p.stdout, (bad, p)
        assert scan("--keyring", bad, path).returncode == 4  # also where there is no signature
    assert b"--dearmor" in p.stderr
    found = json.loads(run("verify", *FLAGS, "-o", "json", path, "--keyring", ring).stdout)
    assert found["state"] == "verified"
    os.remove(path + ".asc")
    found = json.loads(run("verify", *FLAGS, "-o", "json", path, "--keyring", ring).stdout)
    assert (found["state"], found["signature"]) == ("verified", path + ".gpg"), found
    gpg("--armor", "--output", path + ".asc", "--detach-sign", path)
    # as a text, "\n" and "\r\n" would have the same signature
    write(path, b"weights\n")
    gpg("--yes", "--textmode", "--output", path + ".asc", "--detach-sign", path)
    for data in (b"weights\n", b"weights\r\n"):
        write(path, data)
        p = ok(path + ".asc", "--keyring", ring)
        assert (p.returncode, json.loads(p.stdout)["check"]) == (2, "gpg-class"), p.stdout
    write(path, b"weights")
    gpg("--yes", "--armor", "--output", path + ".asc", "--detach-sign", path)
    for form in ("--clearsign", "--sign"):
        gpg("--yes", "--armor", "--output", path + ".text", form, path)
        r = json.loads(ok(path + ".text", "--keyring", ring).stdout)
        assert (r["state"], r["check"]) == ("unsupported", "gpg-form"), r
    write(path, b"other")
    r = json.loads(ok(path + ".asc", "--keyring", ring).stdout)
    assert (r["state"], r["check"]) == ("invalid", "signature"), r
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], stderr=subprocess.DEVNULL)


main()
