#!/usr/bin/python3
"""Every check of a model's statement, of lists of digests and of minisign is pinned: each negative violates one
check, and with that check left out something else must come out.  What the statement says against the files:
tests/golden/test_signing.py."""
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

TOP = Path(__file__).resolve().parents[2]
DRIVER = Path(os.environ.get("BUILD", TOP / "build")) / "pki/manifest_case"
# They need a machine without memory, or an input of 64 MiB.
# "shard-overlap": aligned ranges cannot overlap; it is for what a worker that was taken over may send.
ELSEWHERE = {"memory", "limit", "shard-overlap"}
HEX = {name: hashlib.sha256(name.encode()).hexdigest() for name in "abc"}
CASES = []  # kind, name, expected, {ending: bytes}


def oms(name, expected, change=None, rows=None, text=None):
    rows = [(n, HEX[n]) for n in "abc"] if rows is None else rows
    try:
        root = hashlib.sha256(b"".join(bytes.fromhex(h) for _, h in rows)).hexdigest()
    except ValueError:
        root = "0" * 64
    s = {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "m", "digest": {"sha256": root}}],
         "predicateType": "https://model_signing/signature/v1.0",
         "predicate": {"resources": [{"name": n, "algorithm": "sha256", "digest": h} for n, h in rows],
                       "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False}}}
    if change:
        change(s)
    data = json.dumps(s).encode()
    CASES.append(("oms", name, expected, {"": text(data) if text else data}))


def serialization_of(**more):
    return lambda s: s["predicate"]["serialization"].update(more)


def shards(name, expected, ranges, size=100, **more):
    def change(s):
        s["predicate"]["serialization"].update(method="shards", shard_size=size, **more)
    oms(name, expected, change, [("f:%s:%s" % r, hashlib.sha256(repr(r).encode()).hexdigest()) for r in ranges])


def resources(s):
    return s["predicate"]["resources"]


def statements():
    good = [(n, HEX[n]) for n in "abc"]
    oms("good", "ok")
    oms("good-unknown-fields", "ok", lambda s: (s.update(x=1), resources(s)[0].update(y={"z": []})))
    oms("good-single-dot", "ok", rows=[(".", HEX["a"])])
    shards("good-shards", "ok", [(0, 100), (100, 150)])
    shards("good-shards-float", "ok", [(0, 100), (100, 150)], size=100.0)
    shards("good-shards-in-other-order", "ok", [(100, 150), (0, 100)])
    for title, text in (("duplicate-key", lambda d: d.replace(b'"resources": [', b'"resources": [], "resources": [', 1)),
                        ("trailing", lambda d: d + b"{}"), ("byte-order-mark", lambda d: b"\xef\xbb\xbf" + d),
                        ("comment", lambda d: b"//\n" + d)):
        oms("json-" + title, "invalid json", text=text)
    oms("shape-null", "invalid statement-shape", text=lambda d: b"null")
    oms("shape-links", "invalid statement-shape", serialization_of(allow_symlinks="no"))
    oms("type-v01", "invalid statement-type", lambda s: s.update(_type="https://in-toto.io/Statement/v0.1"))
    oms("predicate-type", "unsupported predicate-type", lambda s: s.update(predicateType="https://model_signing/signature/v2.0"))
    oms("predicate-missing", "invalid predicate", lambda s: s.pop("predicate"))
    oms("two-subjects", "invalid subject", lambda s: s["subject"].append(s["subject"][0]))
    oms("no-subject", "invalid subject", lambda s: s.update(subject=[]))
    oms("root", "invalid root-digest", lambda s: s["subject"][0]["digest"].update(sha256="0" * 64))
    oms("no-resources", "invalid empty-model", lambda s: s["predicate"].update(resources=[]))
    oms("serialization-missing", "invalid serialization", lambda s: s["predicate"].pop("serialization"))
    oms("links-not-said", "invalid serialization", lambda s: s["predicate"]["serialization"].pop("allow_symlinks"))
    oms("method", "invalid serialization-method", serialization_of(method="items"))
    oms("hash-type", "unsupported hash-type", serialization_of(hash_type="md5"))
    oms("algorithm", "invalid resource-algorithm", lambda s: resources(s)[0].update(algorithm="blake2b"))
    for title, digest in (("odd", "0" * 63), ("short", "0" * 62), ("long", "0" * 66), ("upper-case", "A" * 64), ("not-hex", "g" * 64), ("empty", "")):
        oms("digest-" + title, "invalid resource-digest", lambda s: resources(s)[0].update(digest=digest))
    for n, bad in enumerate(("../x", "/x", "a//b", "a/./b", "x/", "a\\b", "a\x01b", "", ".", "..", "a/../b", "\x7f", "x" * 5000)):
        oms("name-%d" % n, "invalid resource-name", rows=good + [(bad, "0" * 64)])
    oms("name-nul", "invalid resource-name", text=lambda d: d.replace(b'"name": "a"', b'"name": "a\\u0000b"', 1))
    oms("named-twice", "invalid duplicate-name", rows=good + [good[0]])
    oms("shard-size-without-shards", "invalid shard-size", serialization_of(shard_size=5))
    for n, size in enumerate((0, 0.5, -1, 1e30)):
        shards("shard-size-%d" % n, "invalid shard-size", [(0, 100)], size=size)
    shards("shard-gap", "invalid shard-gap", [(0, 100), (200, 250)])
    shards("shard-first-missing", "invalid shard-gap", [(100, 200)])
    shards("shard-extra-tail", "invalid shard-gap", [(0, 100), (100, 150), (200, 250)])
    shards("shard-unaligned", "invalid shard-range", [(0, 100), (50, 150)])
    shards("shard-too-long", "invalid shard-range", [(0, 150)])
    shards("shard-empty", "invalid shard-range", [(0, 0)])
    shards("shard-twice", "invalid duplicate-name", [(0, 100), (0, 100)])
    oms("shard-without-range", "invalid shard-name", serialization_of(method="shards", shard_size=100))
    legacy = lambda kind: lambda s: (s.update(predicateType="https://model_signing/Digests/v0.1", subject=[
        {"name": n, "digest": {"sha256": HEX[n]}, "annotations": {"actual_hash_algorithm": kind}} for n in "ab"]), s.pop("predicate"))
    oms("good-legacy", "ok", legacy("file-sha256"))
    oms("legacy-algorithm", "unsupported hash-type", legacy("file-md5"))
    oms("legacy-empty", "invalid empty-model", lambda s: s.update(predicateType="https://model_signing/Digests/v0.1", subject=[]))


def lists():
    def sums(name, expected, text):
        CASES.append(("sums", name, expected, {"": text.encode()}))
    h = HEX["a"]
    sums("good", "ok", "%s  a\n%s *b\n# x\n\n%s  ./c\r\n" % (h, h, h))
    sums("good-bsd", "ok", "SHA256 (c) = %s\nMD5 (c) = %s\n" % (h, "0" * 32))
    sums("nothing", "invalid sums-form", "# nothing\n")
    sums("prose", "invalid sums-form", "%s  a\nhello\n" % h)
    sums("escape", "invalid sums-form", "\\%s  a\\qb\n" % h)
    sums("good-openssl", "ok", "SHA2-256(c)= %s\nSHA1(c)= %s\nBLAKE2b512(c)= %s\n" % (h, h[:40], h + h))
    sums("good-liberal", "ok", "\ufeff  %s\ta\n%s b\n\\%s  a\\nb\\\\\n" % (h, h, h))
    sums("good-lone", "ok", "%s \n\n" % h)
    sums("good-stdin", "ok", "%s  -\n" % h)
    sums("two-lone", "invalid sums-form", "%s\n%s\n" % (h, h))
    for n, bad in enumerate(("../a", "/a", "a/../b", "x//y", "a\0b")):
        sums("name-%d" % n, "invalid resource-name", "%s  %s\n" % (h, bad))
    sums("twice", "invalid duplicate-name", "%s  a\n%s  a\n" % (h, HEX["b"]))


def minisigns():
    key, data = ed25519.Ed25519PrivateKey.generate(), b"weights"
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    b64 = lambda x: base64.b64encode(x).decode()

    def one(name, expected, algorithm=b"ED", ident=b"12345678", signed=data, comment="t", signed_comment="t", cut=None, extra=""):
        sig = key.sign(hashlib.blake2b(signed).digest())
        both = key.sign(sig + signed_comment.encode())
        text = "untrusted comment: x\n%s\ntrusted comment: %s\n%s\n" % (b64(algorithm + ident + sig), comment, b64(both) + extra)
        CASES.append(("minisign", name, expected, {
            "": text.encode()[:cut], ".key": b64(b"Ed" + b"12345678" + raw).encode(), ".digest": hashlib.blake2b(data).digest()}))
    one("good", "ok")
    one("form-cut", "invalid minisign-form", cut=60)
    one("form-length", "invalid minisign-form", extra="AAAA")
    one("algorithm", "unsupported minisign-algorithm", algorithm=b"XX")
    one("legacy", "unsupported minisign-algorithm", algorithm=b"Ed")
    one("other-key", "untrusted minisign-key", ident=b"87654321")
    one("other-bytes", "invalid signature", signed=b"other")
    one("other-comment", "invalid minisign-comment", signed_comment="u")


def run(kind, path, *left_out):
    p = subprocess.run([DRIVER, kind, path, *left_out], capture_output=True, text=True, timeout=60)
    return p.stdout.strip() if p.returncode == 0 else "exit %d" % p.returncode


def main():
    number = failures = 0
    for family in (statements, lists, minisigns):
        family()
    with tempfile.TemporaryDirectory() as d:
        for kind, name, expected, texts in CASES:
            path = os.path.join(d, "%s-%s" % (kind, name))
            for ending, data in texts.items():
                Path(path + ending).write_bytes(data)
            actual = run(kind, path)
            without = run(kind, path, expected.split(" ")[1]) if expected != "ok" else ""
            good = actual == expected and without != expected
            number, failures = number + 1, failures + (not good)
            print("%s %d - %s %s: %s, without the check: %s" % ("ok" if good else "not ok", number, kind, name, actual, without or "-"))
    source = "".join((TOP / "scanner/integrity" / f).read_text() for f in ("statement/oms.c", "manifest.c", "sums.c", "minisign.c"))
    checks = set(re.findall(r'(?:fail\(p, |refuse\([^"]*?SIGNATURE_\w+,\s*)"([a-z-]+)"', source))
    covered = {expected.split(" ")[1] for _, _, expected, _ in CASES if expected != "ok"}
    left = checks - covered - ELSEWHERE
    number, failures = number + 1, failures + bool(left)
    print("%s %d - each of %d checks has a case %s" % ("not ok" if left else "ok", number, len(checks), left or ""))
    print("1..%d" % number)
    return 1 if failures else 0


sys.exit(main())
