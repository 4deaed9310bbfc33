#!/usr/bin/python3
"""Signatures that the real tools make and check, against assay sign and verify; both ways.

model_signing in every release that PyPI has and that runs, each in a virtual environment of
its own under build/; minisign, gpg and sha256sum of the system.  What cannot be had is
skipped and says so.
"""
import hashlib, json, os, shutil, subprocess, sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from tap import *

RELEASES = ["1.1.1", "1.1.0", "1.0.1", "1.0.0", "0.3.1"]  # 0.2 has no command


def model_signing(version):
    venv = os.path.join(BUILD, "interop-model-signing-" + version)
    program = os.path.join(venv, "bin", "model_signing")
    if not os.path.exists(program):
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        pip = [os.path.join(venv, "bin", "pip"), "install", "-q", "model-signing==" + version, "pyOpenSSL"]
        if version < "1.1":
            pip += ["sigstore<4", "cryptography<45"]  # the last that have what these import
        if subprocess.run(pip, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            shutil.rmtree(venv, True)
            raise Skip("cannot install model_signing " + version)
    if not os.path.exists(program) or subprocess.run([program, "--help"], stdout=subprocess.DEVNULL,
                                                     stderr=subprocess.DEVNULL).returncode:
        raise Skip("model_signing %s does not run here" % version)
    return program


def offline(program):
    """Older releases ask the network for Sigstore's roots even to sign with a key."""
    d, (private, _) = make_model(), keys()
    theirs(program, "sign", "key", d, "--private_key", private, "--signature", d + "/s")
    if not os.path.exists(d + "/s"):
        raise Skip("it signs only with a network, also by a key")
    return program


def make_model():
    d = os.path.join(scratch(), "model")
    for name, data in {"a.bin": b"a" * 3000, "sub/b.txt": b"b", "sub-c": b"c", "sub.d": b"d", "empty": b"",
                       "\u00fcn\u00ef/\u6a21\u578b.txt": b"unicode", ".git/config": b"no"}.items():
        write(os.path.join(d, name), data)
    return d


def keys(curve="prime256v1"):
    d = scratch()
    subprocess.run(["openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", d + "/k"], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "ec", "-in", d + "/k", "-pubout", "-out", d + "/p"], check=True, stderr=subprocess.DEVNULL)
    return d + "/k", d + "/p"


def theirs(program, *arguments):
    return subprocess.run([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)


def ok(p):
    assert p.returncode == 0, (p.args, p.stdout.decode()[-800:], p.stderr.decode()[-800:])


def both_ways(program, d, private, public, *more):
    s = scratch()
    ok(theirs(program, "sign", "key", d, "--private_key", private, "--signature", s + "/theirs", *more))
    ok(run("verify", *SCAN_FLAGS, "key", d, "--signature", s + "/theirs", "--public_key", public, *more))
    ok(run("sign", "key", d, "--private_key", private, "--signature", s + "/ours", *more))
    ok(theirs(program, "verify", "key", d, "--signature", s + "/ours", "--public_key", public, *more))


def release(version):
    def keys_round_trip():
        program = offline(model_signing(version))
        for curve in ("prime256v1", "secp384r1", "secp521r1"):
            both_ways(program, make_model(), *keys(curve))
        d, (private, public) = make_model(), keys()
        file = write(os.path.join(scratch(), "w.bin"), b"weights")
        both_ways(program, file, private, public)
        both_ways(program, d, private, public, "--ignore-paths", d + "/a.bin")
        os.symlink("a.bin", os.path.join(d, "link"))
        if version >= "1.1":
            both_ways(program, d, private, public, "--allow_symlinks")
    keys_round_trip.__name__ = "model_signing_%s_keys_both_ways" % version

    def tampering():
        program = offline(model_signing(version))
        d, s, (private, public) = make_model(), scratch(), keys()
        ok(theirs(program, "sign", "key", d, "--private_key", private, "--signature", s + "/m.sig"))
        write(os.path.join(d, "a.bin"), b"other")
        p = run("verify", *SCAN_FLAGS, "-o", "json", "key", d, "--signature", s + "/m.sig", "--public_key", public)
        assert p.returncode == 1 and json.loads(p.stdout)["check"] == "file-digest", p.stdout
    tampering.__name__ = "model_signing_%s_tampering_is_seen" % version
    case(keys_round_trip)
    case(tampering)


for _version in RELEASES:
    release(_version)


@case
def model_signing_library_shards_and_other_digests():
    program = model_signing(RELEASES[0])
    d, s, (private, public) = make_model(), scratch(), keys()
    code = """
import sys, pathlib, model_signing as m
d, private, out, kind = sys.argv[1:]
c = m.hashing.Config()
if kind == "shards": c.use_shard_serialization(shard_size=1000)
elif kind == "blake3": c.use_file_serialization(hashing_algorithm="blake3")
else: c.use_file_serialization(hashing_algorithm="blake2")
m.signing.Config().use_elliptic_key_signer(private_key=private).set_hashing_config(c).sign(pathlib.Path(d), pathlib.Path(out))
"""
    python = os.path.join(os.path.dirname(program), "python")
    for kind in ("shards", "blake2", "blake3"):
        p = subprocess.run([python, "-c", code, d, private, s + "/" + kind, kind], stderr=subprocess.PIPE)
        assert p.returncode == 0, p.stderr.decode()[-800:]
        ok(run("verify", *SCAN_FLAGS, d, "--signature", s + "/" + kind, "--public-key", public))


@case
def model_signing_certificates_both_ways():
    program = model_signing(RELEASES[0])
    d, s = make_model(), scratch()
    openssl = lambda *a: subprocess.run(["openssl", *a], check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    write(s + "/ext", b"keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n")
    (rk, _), (lk, _) = keys(), keys()
    openssl("req", "-x509", "-new", "-key", rk, "-subj", "/CN=root", "-days", "30", "-out", s + "/root",
            "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-new", "-key", lk, "-subj", "/CN=leaf", "-out", s + "/csr")
    openssl("x509", "-req", "-in", s + "/csr", "-CA", s + "/root", "-CAkey", rk, "-CAcreateserial", "-days", "9",
            "-extfile", s + "/ext", "-out", s + "/leaf")
    signer = ["--private_key", lk, "--signing_certificate", s + "/leaf", "--certificate_chain", s + "/root"]
    ok(theirs(program, "sign", "certificate", d, *signer, "--signature", s + "/theirs"))
    ok(run("verify", *SCAN_FLAGS, "certificate", d, "--signature", s + "/theirs", "--certificate_chain", s + "/root"))
    ok(run("sign", "certificate", d, *signer, "--signature", s + "/ours"))
    ok(theirs(program, "verify", "certificate", d, "--signature", s + "/ours", "--certificate_chain", s + "/root"))


@case
def minisign_signs_and_assay_verifies():
    if not shutil.which("minisign"):
        raise Skip("no minisign")
    s = scratch()
    path = write(s + "/w.bin", b"weights")
    subprocess.run(["minisign", "-GW", "-p", s + "/p", "-s", s + "/k"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["minisign", "-Sm", path, "-s", s + "/k"], check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    ok(run("verify", *SCAN_FLAGS, path, "--signature", path + ".minisig", "--key", s + "/p"))
    write(path, b"other")
    assert run("verify", *SCAN_FLAGS, path, "--signature", path + ".minisig", "--key", s + "/p").returncode == 1


main()
