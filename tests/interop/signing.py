#!/usr/bin/python3
"""Signatures that the real tools make and check, against assay sign and verify; both ways.

model_signing in every release that PyPI has and that runs, each in a virtual environment of
its own under build/; cosign, built from the Go proxy when there is a Go; minisign, gpg and
sha256sum of the system.  What cannot be had is skipped and says so.  Ends with a table.
"""
import hashlib, json, os, shutil, subprocess, sys, time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from tap import *
import cosign as peer
from cosign import SIGN, VERSION as COSIGN

RELEASES = ["1.1.1", "1.1.0", "1.0.1", "1.0.0", "0.3.1", "0.3.0"]
LEGACY_RELEASES = ["0.2.0", "0.1.1", "0.1.0"]  # libraries without a command, and with a format of their own
TABLE = []  # tool, version, case, they sign and we verify, we sign and they verify
# Releases before 1.1 fetch the roots of Sigstore even to sign with a key; nothing else is changed.
OFFLINE = """
import sys
from model_signing import signing
signing.Config.use_sigstore_signer = lambda self, **ignored: self
from model_signing import _cli
sys.argv[0] = "model_signing"
_cli.main()
"""


def row(tool, version, what, theirs, ours):
    TABLE.append((tool, version, what, theirs, ours))


def model_signing_python(version):
    """The interpreter that has that release."""
    venv = os.path.join(BUILD, "interop-model-signing-" + version)
    python = os.path.join(venv, "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        pip = [python, "-m", "pip", "install", "-q", "model-signing==" + version, "pyOpenSSL"]
        if version < "1.1":
            pip += ["sigstore<4", "cryptography<45"]  # the last that have what these import
        if subprocess.run(pip, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            shutil.rmtree(venv, True)
            row("model_signing", version, "-", "cannot be installed here", "")
            raise Skip("cannot install model_signing " + version)
    return python


def model_signing(version):
    """The command of that release, as a list."""
    python = model_signing_python(version)
    command = [python, "-c", OFFLINE] if version < "1.1" else [os.path.join(os.path.dirname(python), "model_signing")]
    p = subprocess.run(command + ["sign", "key", "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if p.returncode:
        row("model_signing", version, "-", "has no command that runs here", "")
        raise Skip("model_signing %s does not run here: %s" % (version, p.stdout.decode().strip().splitlines()[-1:]))
    return command


def make_model(version="9"):
    """Releases before 1.1 sign .git as well, so it is not in the models for those."""
    d = os.path.join(scratch(), "model")
    for name, data in {"a.bin": b"a" * 3000, "sub/b.txt": b"b", "sub-c": b"c", "sub.d": b"d", "empty": b"",
                       "\u00fcn\u00ef/\u6a21\u578b.txt": b"unicode", ".git/config": b"no"}.items():
        if version >= "1.1" or not name.startswith(".git"):
            write(os.path.join(d, name), data)
    return d


def keys(curve="prime256v1"):
    d = scratch()
    subprocess.run(["openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", d + "/k"], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "ec", "-in", d + "/k", "-pubout", "-out", d + "/p"], check=True, stderr=subprocess.DEVNULL)
    return d + "/k", d + "/p"


def theirs(command, *arguments, **options):
    return subprocess.run([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, **options)


def ok(p):
    assert p.returncode == 0, (p.args, p.stdout.decode()[-800:], p.stderr.decode()[-800:])


def accepted(p):
    """Some releases exit 0 whatever they say."""
    return p.returncode == 0 and b"erification succeeded" in p.stdout + p.stderr


def refused(p, state="invalid"):
    r = json.loads(p.stdout)
    assert p.returncode == 1 and r["state"] == state and r["check"], (p.args, p.stdout)


def verify(d, signature, *who):
    return run("verify", "-o", "json", *SCAN_FLAGS, d, "--signature", signature, *who)


def both_ways(version, what, command, d, private, public, *more):
    s = scratch()
    ok(theirs(command, "sign", "key", d, "--private_key", private, "--signature", s + "/theirs", *more))
    ok(verify(d, s + "/theirs", "--public_key", public, *more))
    ok(run("sign", "key", d, "--private_key", private, "--signature", s + "/ours", *more))
    p = theirs(command, "verify", "key", d, "--signature", s + "/ours", "--public_key", public, *more)
    assert accepted(p), (p.stdout.decode()[-800:], p.stderr.decode()[-800:])
    row("model_signing", version, what, "verified", "verified")


def release(version):
    def keys_round_trip():
        command = model_signing(version)
        for curve, name in (("prime256v1", "P-256"), ("secp384r1", "P-384"), ("secp521r1", "P-521")):
            both_ways(version, name + ": directories, empty files, Unicode names", command, make_model(version), *keys(curve))
        d, (private, public) = make_model(version), keys()
        file = write(os.path.join(scratch(), "w.bin"), b"weights")
        both_ways(version, "a model that is one file", command, file, private, public)
        both_ways(version, "--ignore-paths", command, d, private, public, "--ignore-paths", d + "/a.bin")
        os.symlink("a.bin", os.path.join(d, "link"))
        if version >= "1.1":
            both_ways(version, "--allow-symlinks", command, d, private, public, "--allow_symlinks")
    keys_round_trip.__name__ = "model_signing_%s_keys_both_ways" % version

    def tampering():
        command = model_signing(version)
        d, s, (private, public) = make_model(version), scratch(), keys()
        ok(theirs(command, "sign", "key", d, "--private_key", private, "--signature", s + "/m.sig"))
        ok(run("sign", "key", d, "--private_key", private, "--signature", s + "/ours"))
        write(os.path.join(d, "a.bin"), b"other")
        refused(verify(d, s + "/m.sig", "--public_key", public))
        assert not accepted(theirs(command, "verify", "key", d, "--signature", s + "/ours", "--public_key", public))
        row("model_signing", version, "a changed file", "refused", "refused")
    tampering.__name__ = "model_signing_%s_tampering_is_seen" % version
    case(keys_round_trip)
    case(tampering)


for _version in RELEASES:
    release(_version)


LEGACY = """
import pathlib, sys
from model_signing import model
from model_signing.hashing import file, memory
from model_signing.serialization import serialize_by_file
from model_signing.signature import key
from model_signing.signing import in_toto, in_toto_signature as signature
what, d, sig, pem = sys.argv[1:]
serializer = serialize_by_file.ManifestSerializer(file_hasher_factory=lambda path: file.SimpleFileHasher(path, memory.SHA256()))
if what == "sign":
    signer = signature.IntotoSigner(key.ECKeySigner.from_path(pem))
    model.sign(pathlib.Path(d), signer, in_toto.DigestsIntotoPayload.from_manifest, serializer).write(pathlib.Path(sig))
else:
    verifier = signature.IntotoVerifier(key.ECKeyVerifier.from_path(pem))
    model.verify(signature.IntotoSignature.read(pathlib.Path(sig)), verifier, pathlib.Path(d), serializer)
"""


def legacy_release(version):
    def is_verified():
        library = [model_signing_python(version), "-c", LEGACY]
        d, s, (private, public) = make_model(version), scratch(), keys()
        ok(theirs(library, "sign", d, s + "/theirs", private))
        ok(theirs(library, "verify", d, s + "/theirs", public))
        ok(verify(d, s + "/theirs", "--public-key", public))
        ok(run("sign", "key", d, "--private-key", private, "--signature", s + "/ours"))
        assert theirs(library, "verify", d, s + "/ours", public).returncode, "it reads the format of today"
        row("model_signing", version, "P-256, the format before 1.0", "verified", "it does not know the format")
        write(os.path.join(d, "a.bin"), b"other")
        refused(verify(d, s + "/theirs", "--public-key", public))
        refused(verify(d, s + "/theirs", "--public-key", keys()[1]))
        row("model_signing", version, "a changed file, another key", "refused", "")
    is_verified.__name__ = "model_signing_%s_is_verified" % version
    case(is_verified)


for _version in LEGACY_RELEASES:
    legacy_release(_version)


LIBRARY = """
import sys, pathlib, model_signing as m
what, d, key, out, kind = sys.argv[1:]
c = m.hashing.Config()
if kind == "shards": c.use_shard_serialization(shard_size=1000)
elif kind == "blake3": c.use_file_serialization(hashing_algorithm="blake3")
else: c.use_file_serialization(hashing_algorithm="blake2")
if what == "sign": m.signing.Config().use_elliptic_key_signer(private_key=key).set_hashing_config(c).sign(pathlib.Path(d), pathlib.Path(out))
else: m.verifying.Config().use_elliptic_key_verifier(public_key=key).set_hashing_config(c).verify(pathlib.Path(d), pathlib.Path(out))
"""


@case
def model_signing_library_shards_and_other_digests():
    version = RELEASES[0]
    model_signing(version)
    python = [os.path.join(BUILD, "interop-model-signing-" + version, "bin", "python"), "-c", LIBRARY]
    d, s, (private, public) = make_model(), scratch(), keys()
    for kind, ours in (("shards", ["--shard-size", "1000"]), ("blake2", ["--hash", "blake2b"]), ("blake3", ["--hash", "blake3"])):
        ok(theirs(python, "sign", d, private, s + "/" + kind, kind))
        ok(verify(d, s + "/" + kind, "--public-key", public))
        ok(run("sign", "key", d, "--private-key", private, "--signature", s + "/ours", *ours))
        p = theirs(python, "verify", d, public, s + "/ours", kind)
        if p.returncode == 0:
            row("model_signing", version, kind + " (library)", "verified", "verified")
        else:  # then theirs must not verify its own either
            own = theirs(python, "verify", d, public, s + "/" + kind, kind)
            assert own.returncode, (kind, p.stderr.decode()[-800:])
            row("model_signing", version, kind + " (library)", "verified", "it verifies not even its own")


def certify(s, lk):
    """s/leaf is the certificate of the key, under s/middle, under s/root."""
    openssl = lambda *a: subprocess.run(["openssl", *a], check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    write(s + "/ext", b"keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n")
    write(s + "/ca", b"basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n")
    (rk, _), (ik, _) = keys(), keys()
    openssl("req", "-x509", "-new", "-key", rk, "-subj", "/CN=root", "-days", "30", "-out", s + "/root",
            "-addext", "keyUsage=critical,keyCertSign")
    for key, name, issuer, issuer_key, ext in ((ik, "middle", "root", rk, "ca"), (lk, "leaf", "middle", ik, "ext")):
        openssl("req", "-new", "-key", key, "-subj", "/CN=" + name, "-out", s + "/csr")
        openssl("x509", "-req", "-in", s + "/csr", "-CA", s + "/" + issuer, "-CAkey", issuer_key, "-CAcreateserial", "-days", "9",
                "-extfile", s + "/" + ext, "-out", s + "/" + name)


@case
def model_signing_certificates_both_ways():
    for version in RELEASES[:4]:
        command = model_signing(version)
        d, s, lk = make_model(version), scratch(), keys()[0]
        certify(s, lk)
        signer = ["--private_key", lk, "--signing_certificate", s + "/leaf", "--certificate_chain", s + "/middle"]
        ok(theirs(command, "sign", "certificate", d, *signer, "--signature", s + "/theirs"))
        ok(verify(d, s + "/theirs", "--certificate_chain", s + "/root"))
        ok(run("sign", "certificate", d, *signer, "--signature", s + "/ours"))
        p = theirs(command, "verify", "certificate", d, "--signature", s + "/ours", "--certificate_chain", s + "/root")
        assert accepted(p), (version, p.stdout.decode()[-800:], p.stderr.decode()[-800:])
        row("model_signing", version, "certificate, chain of three", "verified", "verified")


def token(s, private):
    """SoftHSM with the key as `k`, 01; the URI of it and the environment that sees it."""
    module = "/usr/lib/softhsm/libsofthsm2.so"
    if not shutil.which("softhsm2-util") or not os.path.exists(module):
        row("model_signing", RELEASES[0], "PKCS #11", "no SoftHSM", "no SoftHSM")
        raise Skip("no SoftHSM")
    os.mkdir(s + "/tokens")
    conf = write(s + "/softhsm", ("directories.tokendir = %s/tokens\nlog.level = ERROR\n" % s).encode())
    env = dict(os.environ, SOFTHSM2_CONF=conf)
    subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", private, "-out", s + "/k8"], check=True)
    for arguments in (["--init-token", "--free", "--label", "t", "--so-pin", "5678"],
                      ["--import", s + "/k8", "--token", "t", "--label", "k", "--id", "01"]):
        subprocess.run(["softhsm2-util", *arguments, "--pin", "1234"], check=True, stdout=subprocess.DEVNULL, env=env)
    return "pkcs11:token=t;%s?module-path=" + module + "&%s", env


@case
def model_signing_tokens_both_ways():
    version = RELEASES[0]
    command, python = model_signing(version), model_signing_python(version)
    if subprocess.run([python, "-c", "import PyKCS11"], stderr=subprocess.DEVNULL).returncode and subprocess.run(
            [python, "-m", "pip", "install", "-q", "model-signing[pkcs11]==" + version], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL).returncode:
        row("model_signing", version, "PKCS #11", "PyKCS11 cannot be installed", "")
        raise Skip("cannot install PyKCS11")
    for curve, name in (("prime256v1", "P-256"), ("secp384r1", "P-384"), ("secp521r1", "P-521")):
        d, s, (private, public) = make_model(), scratch(), keys(curve)
        form, env = token(s, private)
        certify(s, private)
        pin = "pin-source=" + write(s + "/pin", b"1234")
        certificate = ["--signing_certificate", s + "/leaf", "--certificate_chain", s + "/middle"]
        for title, method, more, who in (("key", "pkcs11-key", [], ["key", "--public_key", public]),
                                         ("certificate", "pkcs11-certificate", certificate, ["certificate", "--certificate_chain", s + "/root"])):
            for uri in (form % ("object=k", "pin-value=1234"), form % ("id=%01", pin), form % ("object=k;id=%01", pin)):
                p = theirs(command, "sign", method, d, "--pkcs11_uri", uri, *more, "--signature", s + "/theirs", env=env)
                broken = b"1 validation error for" in p.stderr  # of its own bundle: certificates not in base64, no tlogEntries
                if not broken:
                    ok(p)
                    ok(verify(d, s + "/theirs", *who[1:]))
                ok(run("sign", method, d, "--pkcs11_uri", uri, *more, "--signature", s + "/ours", env=env))
                p = theirs(command, "verify", who[0], d, "--signature", s + "/ours", *who[1:])
                assert accepted(p), (p.stdout.decode()[-800:], p.stderr.decode()[-800:])
            assert not broken or title == "certificate"
            original = open(d + "/a.bin", "rb").read()
            write(d + "/a.bin", b"other")
            if not broken:
                refused(verify(d, s + "/theirs", *who[1:]))
            assert not accepted(theirs(command, "verify", who[0], d, "--signature", s + "/ours", *who[1:]))
            write(d + "/a.bin", original)
            row("model_signing", version, "PKCS #11 %s on SoftHSM, %s" % (title, name),
                "it cannot sign: its own bundle is not valid to it" if broken else "verified; changed: refused", "verified; changed: refused")
    wrong = form % ("object=k", "pin-value=4321")
    assert theirs(command, "sign", "pkcs11-key", d, "--pkcs11_uri", wrong, "--signature", s + "/w", env=env).returncode
    p = run("sign", "pkcs11-key", d, "--pkcs11_uri", wrong, "--signature", s + "/w", env=env)
    assert p.returncode == 4 and b"PIN is wrong" in p.stderr and not os.path.exists(s + "/w")
    row("model_signing", version, "PKCS #11, a wrong PIN", "signs nothing", "signs nothing")


@case
def model_signing_keyless_both_ways():
    """Against one Sigstore of our own, on loopback; the peer's own requests are answered too."""
    sys.path.insert(0, os.path.join(TOP, "tests", "pki"))
    import mock, services
    version = RELEASES[0]
    command = model_signing(version)
    with services.Services(at=int(time.time())) as s:
        for title, logs in (("log version 1", (1,)), ("log version 2, time-stamp", (2,))):
            d, out = make_model(), scratch()
            trust = write(out + "/trust.json", s.trust_config(s.signing_config(logs)))
            who = ["--identity", mock.MAIL, "--identity_provider", mock.ISSUER, "--trust_config", trust]
            signer = ["--trust_config", trust, "--identity_token", services.token()]
            ok(run("sign", "sigstore", d, *signer, "--signature", out + "/ours"))
            p = theirs(command, "verify", "sigstore", d, "--signature", out + "/ours", *who)
            assert accepted(p), (p.stdout.decode()[-800:], p.stderr.decode()[-800:])
            others = [mock.MAIL[1:] if w == mock.MAIL else w for w in who]
            assert not accepted(theirs(command, "verify", "sigstore", d, "--signature", out + "/ours", *others))
            ok(theirs(command, "sign", "sigstore", d, *signer, "--signature", out + "/theirs"))
            ok(run("verify", "sigstore", *SCAN_FLAGS, d, "--signature", out + "/theirs", *who))
            write(d + "/a.bin", b"other")
            refused(verify(d, out + "/theirs", *who))
            row("model_signing", version, "keyless, " + title, "verified; changed: refused", "verified; other identity: refused")


# ---- cosign ----------------------------------------------------------------------------


def cosign():
    try:
        return peer.cosign()
    except Skip as reason:
        row("cosign", COSIGN, "-", str(reason), "")
        raise


@case
def cosign_blobs_both_ways():
    call, home = cosign()
    path, public = write(home + "/w.bin", b"weights"), home + "/cosign.pub"
    for title, new in (("bundle of Sigstore", "true"), ("bundle of its own", "false")):
        ok(call("sign-blob", *SIGN, "--new-bundle-format=" + new, "--bundle", home + "/b", "--output-signature", home + "/s", path))
        for signature in ("/b", "/s"):
            ok(verify(path, home + signature, "--key", public))
            write(path, b"other")
            refused(verify(path, home + signature, "--key", public))
            write(path, b"weights")
        row("cosign", COSIGN, "sign-blob, " + title, "verified; changed: refused", "assay signs models only")
    write(home + "/predicate", b'{"buildDefinition":{"buildType":"x"},"runDetails":{"builder":{"id":"https://b.example/1"}}}')
    ok(call("attest-blob", *SIGN, "--predicate", home + "/predicate", "--type", "slsaprovenance1", "--new-bundle-format=true",
            "--bundle", home + "/a", path))
    ok(verify(path, home + "/a", "--key", public, "--builder-id", "https://b.example/1"))
    refused(verify(path, home + "/a", "--key", public, "--builder-id", "https://b.example/2"), "untrusted")
    row("cosign", COSIGN, "attest-blob, SLSA provenance", "verified; other builder: untrusted", "assay signs models only")


@case
def cosign_verifies_models_that_assay_signed():
    call, home = cosign()
    d, (private, public) = make_model(), keys()
    sys.path.insert(0, os.path.join(TOP, "tests", "pki"))
    import make
    root = write(home + "/root.json", json.dumps(make.I.trusted_root()).encode())  # it asks for one, also by a key
    ok(run("sign", "key", d, "--private-key", private, "--signature", home + "/ours"))
    arguments = ["verify-blob-attestation", "--insecure-ignore-tlog=true", "--trusted-root", root, "--new-bundle-format",
                 "--check-claims=false", "--type", "https://model_signing/signature/v1.0", "--bundle", home + "/ours"]
    ok(call(*arguments, "--key", public, d + "/a.bin"))
    assert call(*arguments, "--key", keys()[1], d + "/a.bin").returncode
    row("cosign", COSIGN, "a model's signature by a key", "-", "verified; other key: refused")


@case
def cosign_verifies_verdicts_that_assay_signed():
    call, home = cosign()
    d, (private, public) = scratch(), keys()
    model = os.path.join(d, "linear.safetensors")
    shutil.copy(os.path.join(TOP, "fixtures", "real", "linear.safetensors"), model)
    ok(run("scan", "-o", "vsa=" + home + "/summary", "--sign-key", private, model))
    arguments = ["verify-blob-attestation", "--insecure-ignore-tlog=true", "--signature", home + "/summary",
                 "--type", "https://slsa.dev/verification_summary/v1"]
    ok(call(*arguments, "--key", public, model))
    assert call(*arguments, "--key", keys()[1], model).returncode
    write(model, b"other")
    assert call(*arguments, "--key", public, model).returncode
    row("cosign", COSIGN, "a verification summary by a key", "-", "verified; other key, other bytes: refused")


# ---- Debian's tools --------------------------------------------------------------------


@case
def gpg_signs_and_assay_verifies():
    if not shutil.which("gpg") or not shutil.which("gpgv"):
        row("gpg", "-", "-", "not installed", "")
        raise Skip("no gpg")
    home, path = scratch(), write(os.path.join(scratch(), "w.bin"), b"weights")
    os.chmod(home, 0o700)
    version = subprocess.run(["gpg", "--version"], capture_output=True, text=True).stdout.split()[2]
    gpg = lambda *a: ok(theirs(["gpg", "--homedir", home, "--batch", "-q", "--passphrase", "", "--pinentry-mode", "loopback"], *a))
    for kind in ("rsa2048", "ed25519", "nistp256"):
        name = kind + "@example.com"
        gpg("--quick-generate-key", name, kind, "sign", "never")
        gpg("--yes", "--output", home + "/ring", "--export", name)
        gpg("--yes", "-u", name, "--armor", "--output", path + ".asc", "--detach-sign", path)
        ok(verify(path, path + ".asc", "--keyring", home + "/ring"))
        write(path, b"other")
        refused(verify(path, path + ".asc", "--keyring", home + "/ring"))
        write(path, b"weights")
        row("gpg", version, "detached, " + kind, "verified; changed: refused", "-")
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], stderr=subprocess.DEVNULL)


@case
def sha256sum_writes_lists_that_scans_read():
    version = subprocess.run(["sha256sum", "--version"], capture_output=True, text=True).stdout.split()[3]
    for title, options in (("text", []), ("binary", ["-b"]), ("BSD", ["--tag"])):
        d = os.path.join(scratch(), "m")
        write(d + "/w.bin", b"weights")
        write(d + "/sub/\u6a21 x.bin", b"more")
        for n, (data, expected) in enumerate(((b"weights", "consistent"), (b"other", "inconsistent"))):
            if n == 0:
                p = subprocess.run(["sha256sum", *options, "w.bin", "sub/\u6a21 x.bin"], cwd=d, stdout=subprocess.PIPE, check=True)
                write(d + "/SHA256SUMS", p.stdout)
            write(d + "/w.bin", data)
            f = files(report(d))
            assert [e["state"] for e in f["w.bin"]["expected"]] == [expected], f["w.bin"]
        assert subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=d, capture_output=True).returncode == 1
        row("sha256sum", version, "a list, " + title, "consistent; changed: inconsistent", "-")


@case
def minisign_signs_and_assay_verifies():
    if not shutil.which("minisign"):
        row("minisign", "-", "-", "not installed", "")
        raise Skip("no minisign")
    version = subprocess.run(["minisign", "-v"], capture_output=True, text=True).stdout.split()[-1]
    s = scratch()
    path = write(s + "/w.bin", b"weights")
    subprocess.run(["minisign", "-GW", "-p", s + "/p", "-s", s + "/k"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["minisign", "-Sm", path, "-s", s + "/k"], check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    ok(run("verify", *SCAN_FLAGS, path, "--signature", path + ".minisig", "--key", s + "/p"))
    write(path, b"other")
    assert run("verify", *SCAN_FLAGS, path, "--signature", path + ".minisig", "--key", s + "/p").returncode == 1
    write(path, b"weights")
    subprocess.run(["minisign", "-Slm", path, "-s", s + "/k"], check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    assert run("verify", *SCAN_FLAGS, path, "--signature", path + ".minisig", "--key", s + "/p").returncode == 2
    row("minisign", version, "prehashed", "verified; changed: refused", "-")
    row("minisign", version, "legacy (-l)", "unsupported", "-")


def print_table():
    print("\n# | tool | version | case | they sign, Assay verifies | Assay signs, they verify |\n# |---|---|---|---|---|")
    for r in dict.fromkeys(TABLE):
        print("# | " + " | ".join(r) + " |")


try:
    main()
finally:
    print_table()
