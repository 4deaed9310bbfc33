#!/usr/bin/python3
"""assay sign pkcs11-key and pkcs11-certificate: with SoftHSM, and with tokens that are wrong."""
import datetime, os, pty, re, shutil, subprocess, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from tap import *

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PIN = "73164"  # in no output
MOCK = os.path.join(BUILD, "token", "module.so")


def softhsm():
    for d in ("/usr/lib/softhsm", "/usr/lib/x86_64-linux-gnu/softhsm", "/usr/lib/aarch64-linux-gnu/softhsm", "/usr/lib64/softhsm"):
        if os.path.exists(d + "/libsofthsm2.so"):
            return d + "/libsofthsm2.so"
    raise Skip("no SoftHSM here")


def pem(path, key):
    return write(path, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                         serialization.NoEncryption()))


def public_pem(path, key):
    return write(path, key.public_key().public_bytes(serialization.Encoding.PEM,
                                                     serialization.PublicFormat.SubjectPublicKeyInfo))


def model():
    d = os.path.join(scratch(), "model")
    write(d + "/a.bin", b"a" * 3000)
    write(d + "/sub/b.txt", b"b")
    return d


def certify(d, key, name="leaf"):
    """The certificate of the key, and of the root above it; PEM files."""
    def make(subject, public, issuer, signer, ca):
        n = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
        now = datetime.datetime.utcnow()
        b = (x509.CertificateBuilder().subject_name(n(subject)).issuer_name(n(issuer)).public_key(public)
             .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(1))
             .not_valid_after(now + datetime.timedelta(9))
             .add_extension(x509.BasicConstraints(ca, None), True)
             .add_extension(x509.KeyUsage(not ca, False, False, False, False, ca, False, False, False), True))
        if not ca:
            b = b.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False)
        return b.sign(signer, hashes.SHA256())
    root_key = ec.generate_private_key(ec.SECP256R1())
    root = make("root", root_key.public_key(), "root", root_key, True)
    leaf = make(name, key.public_key(), "root", root_key, False)
    encoded = lambda c: c.public_bytes(serialization.Encoding.PEM)
    return write(d + "/%s.crt" % name, encoded(leaf)), write(d + "/%s.root" % name, encoded(root)), leaf


class Tokens:
    """SoftHSM with tokens of its own, which only the environment `env` sees."""

    def __init__(self, *labels):
        self.module, self.dir = softhsm(), scratch()
        os.mkdir(self.dir + "/tokens")
        self.env = {"SOFTHSM2_CONF": write(self.dir + "/conf", (
            "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n" % self.dir).encode())}
        for label in labels or ["assay"]:
            self.call("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "987654")

    def call(self, *arguments):
        p = subprocess.run(arguments, env=dict(os.environ, **self.env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert p.returncode == 0, (arguments, p.stdout)

    def add(self, key, label="k", id="01", token="assay"):
        """A key that is known; its public half in a PEM file."""
        self.call("softhsm2-util", "--import", pem(self.dir + "/key", key), "--token", token, "--label", label,
                  "--id", id, "--pin", PIN, *(["--force"] if os.path.exists(self.dir + "/used-" + id) else []))
        write(self.dir + "/used-" + id)
        return public_pem(self.dir + "/%s-%s.pub" % (label, id), key)

    def tool(self, *arguments):
        self.call("pkcs11-tool", "--module", self.module, "--token-label", "assay", "--login", "--pin", PIN, *arguments)

    def uri(self, path="token=assay;object=k", pin=PIN, module=True):
        query = (["module-path=" + self.module] if module else []) + (["pin-value=" + pin] if pin else [])
        return "pkcs11:" + path + ("?" + "&".join(query) if query else "")


def sign(uri, *arguments, method="pkcs11-key", target=None, expect=0, says=None, env={}, **options):
    """Sign; what a refusal says, and that there is then no signature and never a PIN."""
    out = os.path.join(scratch(), "model.sig")
    p = run("sign", method, target or model(), "--pkcs11-uri", uri, "--signature", out, *arguments, env=env, **options)
    assert p.returncode == expect, (p.returncode, p.stdout, p.stderr)
    assert PIN.encode() not in p.stdout + p.stderr, p.stderr
    assert os.path.exists(out) == (expect == 0)
    if says:
        assert re.search(says, p.stderr.decode()), p.stderr
        assert p.stderr.count(b"\n") == 1, p.stderr
    return out


def verify(target, signature, *who, expect=0):
    p = run("verify", *SCAN_FLAGS, *who[:1], target, "--signature", signature, *who[1:])
    assert p.returncode == expect, (p.returncode, p.stdout, p.stderr)


# ---- what must work --------------------------------------------------------------------------


@case
def keys_of_every_curve_sign_and_what_changed_is_refused():
    t = Tokens()
    for number, curve in enumerate((ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)):
        name = "key %d" % number
        public = t.add(ec.generate_private_key(curve()), name, "0%d" % number)
        other = public_pem(t.dir + "/other", ec.generate_private_key(curve()))
        d = model()
        for how in (["--hash", "blake3"], ["--shard-size", "1000"], []):
            s = sign(t.uri("token=assay;object=key%%20%d" % number), *how, target=d, env=t.env)
            verify(d, s, "key", "--public-key", public)
        verify(d, s, "key", "--public-key", other, expect=1)
        write(d + "/a.bin", b"other")
        verify(d, s, "key", "--public-key", public, expect=1)


@case
def names_that_model_signing_has_and_other_ways_to_name_a_key():
    t = Tokens()
    public = t.add(ec.generate_private_key(ec.SECP256R1()), id="0aff")
    d = model()
    for path in ("token=assay;id=%0a%ff", "id=%0A%FF;type=private", "object=k;type=cert", "", "manufacturer=SoftHSM%20project"):
        verify(d, sign(t.uri(path), target=d, env=t.env), "key", "--public-key", public)
    p = run("sign", "pkcs11-key", d, "--pkcs11_uri=" + t.uri(), "--signature", t.dir + "/s", env=t.env)
    assert p.returncode == 0, p.stderr
    sign(t.uri(module=False), "--module", t.module, env=t.env)
    sign("pkcs11:object=k?module-path=%s&module-name=softhsm2&pin-value=%s" % (os.path.dirname(t.module), PIN), env=t.env)


@case
def modules_of_p11_kit():
    """Those of the system: p11-kit reads no configuration of a user when that is root."""
    if not os.path.exists("/usr/share/p11-kit/modules/softhsm2.module"):
        raise Skip("p11-kit is not told of SoftHSM")
    t = Tokens("assay of p11-kit")
    t.add(ec.generate_private_key(ec.SECP256R1()), token="assay of p11-kit")
    sign(t.uri("token=assay%20of%20p11-kit", module=False), env=t.env)
    sign("pkcs11:object=k?module-name=softhsm2&pin-value=" + PIN, env=t.env)
    sign("pkcs11:object=k?module-name=none&pin-value=" + PIN, env=t.env, expect=4, says="no PKCS #11 module called none")


@case
def certificates():
    t = Tokens()
    key = ec.generate_private_key(ec.SECP384R1())
    t.add(key)
    leaf, root, _ = certify(t.dir, key)
    stranger = certify(t.dir, ec.generate_private_key(ec.SECP384R1()), "stranger")[0]
    d, how = model(), dict(method="pkcs11-certificate", env=t.env)
    s = sign(t.uri(), "--signing_certificate", leaf, "--certificate_chain", root, target=d, **how)
    verify(d, s, "certificate", "--certificate-chain", root)
    verify(d, s, "certificate", "--certificate-chain", certify(t.dir, key, "again")[1], expect=1)
    write(d + "/sub/b.txt", b"c")
    verify(d, s, "certificate", "--certificate-chain", root, expect=1)
    sign(t.uri(), "--signing-certificate", stranger, expect=4, says="certificate is not that of the private key", **how)
    sign(t.uri(), "--signing-certificate", leaf, "--certificate-chain", stranger, expect=4, says="nobody could verify", **how)
    sign(t.uri(), expect=4, says="--signing-certificate belongs to, and is needed for", **how)
    sign(t.uri(), "--signing-certificate", leaf, expect=4, says="--signing-certificate belongs to", env=t.env)


@case
def public_keys_from_certificates():
    t = Tokens()
    key = ec.generate_private_key(ec.SECP256R1())
    public = t.add(key)
    t.tool("--delete-object", "--type", "pubkey", "--id", "01")
    leaf, root, certificate = certify(t.dir, key)
    wrong = certify(t.dir, ec.generate_private_key(ec.SECP384R1()), "wrong")[0]
    d, how = model(), dict(method="pkcs11-certificate", env=t.env)
    sign(t.uri(), expect=4, says="no public key and no certificate of the private key", env=t.env)
    s = sign(t.uri(), "--signing-certificate", leaf, "--certificate-chain", root, target=d, **how)
    verify(d, s, "certificate", "--certificate-chain", root)
    sign(t.uri(), "--signing-certificate", wrong, expect=4, says="certificate is not that of the private key", **how)
    der = write(t.dir + "/der", certificate.public_bytes(serialization.Encoding.DER))
    t.tool("--write-object", der, "--type", "cert", "--id", "01")
    verify(d, sign(t.uri(), target=d, env=t.env), "key", "--public-key", public)
    # one of another key, with the same id: what is signed does not verify, and is not written
    t.tool("--delete-object", "--type", "cert", "--id", "01")
    other = certify(t.dir, ec.generate_private_key(ec.SECP256R1()), "other")[2]
    t.tool("--write-object", write(t.dir + "/der", other.public_bytes(serialization.Encoding.DER)), "--type", "cert", "--id", "01")
    sign(t.uri(), expect=4, says="does not verify, and nothing is written", env=t.env)
    t.tool("--delete-object", "--type", "cert", "--id", "01")
    t.tool("--write-object", write(t.dir + "/der", b"no certificate"), "--type", "data", "--id", "01", "--label", "k")
    sign(t.uri(), expect=4, says="no public key and no certificate", env=t.env)


@case
def keys_that_want_the_pin_each_time():
    t = Tokens()
    t.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "k", "--id", "01", "--always-auth", "--usage-sign")
    t.tool("--read-object", "--type", "pubkey", "--id", "01", "-o", t.dir + "/k.der")
    d = model()
    verify(d, sign(t.uri(), target=d, env=t.env), "key", "--public-key", t.dir + "/k.der")


# ---- PINs --------------------------------------------------------------------------------------


@case
def where_a_pin_is_found():
    t = Tokens()
    t.add(ec.generate_private_key(ec.SECP256R1()))
    good, bad = write(t.dir + "/pin", PIN.encode() + b"\nmore\n"), write(t.dir + "/bad", b"0000\n")
    empty, long = write(t.dir + "/empty"), write(t.dir + "/long", b"1" * 5000)
    bare = t.uri(pin=None)
    source = bare + "&pin-source=file:"
    environment = dict(t.env, ASSAY_PKCS11_PIN=PIN)
    sign(source + good, env=t.env)
    sign(source + good, "--pin-file", bad, env=dict(t.env, ASSAY_PKCS11_PIN="0000"))
    sign(bare, "--pin-file", good, env=dict(t.env, ASSAY_PKCS11_PIN="0000"))
    sign(bare, env=environment)
    wrong = dict(expect=4, says="token assay: the PIN is wrong; it was tried once")
    sign(t.uri(pin="0000"), env=environment, **wrong)
    sign(source + bad, env=environment, **wrong)
    sign(bare, "--pin-file", bad, env=environment, **wrong)
    sign(bare, env=dict(t.env, ASSAY_PKCS11_PIN="0000"), **wrong)
    sign(bare, env=t.env, stdin=subprocess.DEVNULL, expect=4, says="wants a PIN: give it with --pin-file or in ASSAY_PKCS11_PIN")
    for path, says in ((empty, "the PIN is empty"), (long, "too long for one"), (t.dir + "/none", "No such file")):
        sign(bare, "--pin-file", path, env=t.env, expect=4, says=says)
    for path, says in ((empty, "first line is no PIN"), (long, "first line is no PIN"), (t.dir + "/none", "No such file")):
        sign(source + path, env=t.env, expect=4, says=says)
    sign(bare + "&pin-source=%7Ctouch%20" + t.dir + "/ran", env=t.env, expect=4, says="a command; Assay runs none")
    assert not os.path.exists(t.dir + "/ran")
    sign(t.uri() + "&pin-source=" + good, env=t.env, expect=4, says="both pin-value and pin-source")


@case
def a_prompt_at_the_terminal():
    t = Tokens()
    t.add(ec.generate_private_key(ec.SECP256R1()))
    for typed, code in ((PIN, 0), ("0000", 4)):
        parent, child = pty.openpty()
        p = subprocess.Popen([ASSAY, "sign", "pkcs11-key", model(), "--pkcs11-uri", t.uri(pin=None), "--signature", t.dir + "/s"],
                             stdin=child, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ, **t.env))
        question = b""
        while not question.endswith(b": "):
            question += p.stderr.read(1) or b": "
        assert question == b"PIN of the token assay: ", question
        os.write(parent, typed.encode() + b"\n")
        out, err = p.communicate(timeout=60)
        os.close(child)
        os.set_blocking(parent, False)
        try:
            echoed = os.read(parent, 1000)
        except OSError:  # nothing
            echoed = b""
        os.close(parent)
        assert p.returncode == code and typed.encode() not in out + err + echoed, (p.returncode, out, err, echoed)


# ---- what must be refused ------------------------------------------------------------------------


@case
def tokens_and_keys_that_are_missing_or_many():
    t = Tokens("assay", "spare")
    t.add(ec.generate_private_key(ec.SECP256R1()), "k", "01")
    t.add(ec.generate_private_key(ec.SECP256R1()), "k", "02")
    for path, says in (("token=none;object=k", "no token matches"), ("slot-id=77;object=k", "no token matches"),
                       ("library-manufacturer=x;object=k", "no token matches"), ("object=k", "2 tokens match"),
                       ("token=assay;object=none", "token assay: no private key on it matches"),
                       ("token=spare", "token spare: no private key on it matches"),
                       ("token=assay;object=k", "more than one private key matches"), ("token=assay", "more than one private key")):
        sign(t.uri(path), env=t.env, expect=4, says=says)
    sign(t.uri("token=assay;object=k;id=%02"), env=t.env)


@case
def keys_that_do_not_sign_models():
    t = Tokens()
    t.add(rsa.generate_private_key(65537, 2048), "rsa", "01")
    t.add(ec.generate_private_key(ec.SECP256K1()), "odd", "02")
    for label, says in (("rsa", "the key is no elliptic-curve key"), ("odd", "another curve than P-256, P-384 or P-521")):
        sign(t.uri("token=assay;object=" + label), env=t.env, expect=4, says=says)


@case
def modules_that_are_none():
    t = Tokens()
    text, uri = write(t.dir + "/text.so", b"no library"), t.uri(module=False)
    for module, says in ((t.dir + "/none.so", "none.so: no PKCS #11 module: No such file"), (text, "cannot be loaded"),
                         (t.dir, "cannot be loaded"), (shutil.which("true"), "cannot be loaded")):
        sign(uri, "--module", module, env=t.env, expect=4, says=says)
    sign(uri + "&module-path=" + text, env=t.env, expect=4, says="cannot be loaded")
    sign(uri + "&module-path=relative.so", env=t.env, expect=4, says="module-path is no absolute path")
    sign(uri + "&module-name=none&module-path=" + t.dir, env=t.env, expect=4, says="no module is called none there")
    sign(t.uri(), "--module", t.module, env=t.env, expect=4, says="named twice")
    sign(uri, "--module", MOCK, expect=4, says="it cannot start")


@case
def options_that_do_not_fit():
    key = pem(scratch() + "/key", ec.generate_private_key(ec.SECP256R1()))
    refused = lambda says, *a: run("sign", *a).returncode == 4 and says in run("sign", *a).stderr.decode()
    d = model()
    assert refused("--pkcs11-uri is missing", "pkcs11-key", d)
    assert refused("the private key is on the token", "pkcs11-key", d, "--pkcs11-uri", "pkcs11:", "--private-key", key)
    assert refused("the private key is on the token", "pkcs11-key", d, "--pkcs11-uri", "pkcs11:", "--password", "x")
    assert refused("an identity belongs to", "pkcs11-key", d, "--pkcs11-uri", "pkcs11:", "--identity-token", "x")
    for option in ("--pkcs11-uri", "--pin-file", "--module"):
        for method in (["key", d, "--private-key", key], ["sigstore", d]):
            assert refused("a token belongs to", *method, option, "x")
    assert refused("is none of key, certificate, sigstore, pkcs11-key, pkcs11-certificate", "pkcs11", d)
    assert refused('does not begin with "pkcs11:"', "pkcs11-key", d, "--pkcs11-uri", key)


# ---- a token that is wrong in one way ----------------------------------------------------------------


def mock(words, *arguments, curve=ec.SECP256R1, pin="1234", **options):
    """What signing answers, and the logins and signatures that the token saw."""
    d = scratch()
    key = ec.generate_private_key(curve())
    env = {"TOKEN_KEY": pem(d + "/key", key), "TOKEN_IS": words, "TOKEN_LOG": d + "/log"}
    target = options.pop("target", None) or model()
    s = sign("pkcs11:object=k" + ("?pin-value=" + pin if pin else ""), "--module", MOCK, *arguments, env=env, target=target, **options)
    if not options.get("expect"):
        verify(target, s, "key", "--public-key", public_pem(d + "/pub", key))
    return open(d + "/log").read().splitlines() if os.path.exists(d + "/log") else []


@case
def honest_tokens_of_every_kind():
    for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1):
        assert mock("", curve=curve) == ["login", "sign"]
        assert mock("bare-point no-id", curve=curve) == ["login", "sign"]
    assert mock("always") == ["login", "login for one signature", "sign"]
    assert mock("open", pin=None) == ["sign"]
    assert mock("open") == ["login", "sign"]
    assert mock("open always") == ["login", "login for one signature", "sign"]
    assert mock("pin-pad", pin=None) == ["login at the reader", "sign"]
    assert mock("pin-pad always", pin=None) == ["login at the reader", "login for one signature", "sign"]
    mock("", target=write(scratch() + "/one.bin", b"weights"))


@case
def a_wrong_pin_is_tried_once():
    for words, says in (("", "the PIN is wrong; it was tried once, and tokens lock"), ("warns", "another wrong one locks it"),
                        ("locks", "the PIN is wrong, and is locked now"), ("always", "the PIN is wrong")):
        assert mock(words, pin="4321", expect=4, says=says) == ["login"]
    assert mock("locked", expect=4, says="its PIN is locked") == []
    assert mock("pin-is-locked", expect=4, says="its PIN is locked") == ["login"]
    assert mock("no-pin-yet", expect=4, says="no PIN of a user yet") == ["login"]
    assert mock("cancels", expect=2, says="token mock: logging in: ") == ["login"]


@case
def what_is_wrong_is_said_before_a_model_is_read():
    d = model()
    os.symlink("a.bin", d + "/link")  # which is refused when the model is read
    for words, pin, expect, says in (("", "4321", 4, "PIN is wrong"), ("absent", "1234", 4, "no token"), ("rsa", "1234", 4, "elliptic"),
                                     ("no-public", "1234", 4, "no public key"), ("no-ecdsa", "1234", 4, "CKM_ECDSA")):
        mock(words, pin=pin, expect=expect, says=says, target=d)
    assert mock("", expect=2, says="link", target=d) == ["login"]  # and nothing is signed


@case
def tokens_that_lie_or_fail():
    logins = ["login"]
    for words, expect, says, seen in (
            ("does-not-start", 4, "it cannot start", []),
            ("slots-fail", 2, "no token matches the PKCS #11 URI, and one could not be asked", []),
            ("absent", 4, "no token matches", []),
            ("cannot-find", 2, "token mock: looking for keys", logins),
            ("rsa", 4, "no elliptic-curve key", logins),
            ("may-not-sign", 4, "CKA_SIGN is false", logins),
            ("odd-curve", 4, "another curve", logins),
            ("no-ecdsa", 4, "does not sign with plain ECDSA", logins),
            ("no-signing", 4, "does not sign with plain ECDSA", logins),
            ("no-public", 4, "no public key and no certificate", logins),
            ("two-public", 4, "more than one public key belongs", logins),
            ("no-point", 4, "no point of the private key's curve", logins),
            ("huge-attributes", 4, "no point of the private key's curve", logins),
            ("taken-out", 2, "token mock: signing: it was taken out", logins + ["sign"]),
            ("short-signature", 2, "62 bytes are no signature of ECDSA P-256", logins + ["sign"]),
            ("huge-signature", 2, "1073741824 bytes are no signature", logins + ["sign"]),
            ("no-signature", 2, "0 bytes are no signature", logins + ["sign"]),
            ("wrong-signature", 4, "does not verify, and nothing is written", logins + ["sign"])):
        assert mock(words, expect=expect, says=says) == seen, words
    p = mock("rude rsa", expect=4, says=r"token .*\[31mred: the key")
    assert p == logins


@case
def a_name_of_a_token_is_no_terminal_command():
    d = scratch()
    env = {"TOKEN_KEY": pem(d + "/key", ec.generate_private_key(ec.SECP256R1())), "TOKEN_IS": "rude rsa"}
    p = run("sign", "pkcs11-key", model(), "--pkcs11-uri", "pkcs11:?pin-value=1234", "--module", MOCK, env=env)
    assert p.returncode == 4 and b"\033" not in p.stderr and b"red: the key" in p.stderr, p.stderr


main()
