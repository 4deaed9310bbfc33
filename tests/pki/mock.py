"""A Sigstore of our own: certificate authorities with an intermediate, a certificate log,
transparency logs of both versions, a time-stamp authority, and the trusted root that names
them.  Every key is new in each run; every time is fixed, since nothing that is keyless may
depend on the clock."""
import base64
import datetime
import hashlib
import json
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

import der

T0 = 1767225600  # 2026-01-01T00:00:00Z: when everything was signed
DAY = 86400
FULCIO = "1.3.6.1.4.1.57264.1."
SCT_LIST = "1.3.6.1.4.1.11129.2.4.2"
SAN = "2.5.29.17"
MAIL, ISSUER = "signer@example.com", "https://issuer.example.com"


def b64(data):
    return base64.b64encode(data).decode()


def sha256(data):
    return hashlib.sha256(data).digest()


def compact(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def when(seconds):
    return datetime.datetime.utcfromtimestamp(seconds)


def rfc3339(seconds):
    return when(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def window(start=T0 - 365 * DAY, end=None):
    out = {} if start is None else {"start": rfc3339(start)}
    if end is not None:
        out["end"] = rfc3339(end)
    return out


def new_key(kind="p256"):
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    curves = {"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1, "k256": ec.SECP256K1}
    return ec.generate_private_key(curves[kind]())


def default_hash(key):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {256: hashes.SHA256, 384: hashes.SHA384, 521: hashes.SHA512}[key.curve.key_size]()
    return hashes.SHA256()


def sign(key, data, algorithm=None, pss=False):
    algorithm = algorithm or default_hash(key)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    if isinstance(key, rsa.RSAPrivateKey):
        how = padding.PSS(padding.MGF1(algorithm), padding.PSS.MAX_LENGTH) if pss else padding.PKCS1v15()
        return key.sign(data, how, algorithm)
    return key.sign(data, ec.ECDSA(algorithm))


def spki(key):
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def pss_pem(key):
    """The public key of RSA as one that signs with PSS alone (RFC 4055)."""
    raw = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    whole = der.seq(der.seq(der.oid("1.2.840.113549.1.1.10")), der.tlv(0x03, b"\0" + raw))
    return b"-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(whole) + b"-----END PUBLIC KEY-----\n"


def cert_der(cert):
    return cert.public_bytes(serialization.Encoding.DER)


def cert_pem(cert):
    return cert.public_bytes(serialization.Encoding.PEM)


def key_details(key, pss=False):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "PKIX_ED25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return f"PKIX_RSA_{'PSS' if pss else 'PKCS1V15'}_{key.key_size}_SHA256"
    size = key.curve.key_size
    return f"PKIX_ECDSA_P{size}_SHA_{512 if size == 521 else size}"


def name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])


def raw_extension(oid, data):
    return x509.UnrecognizedExtension(ObjectIdentifier(oid), data)


class Authority:
    """A certificate and its key."""

    def __init__(self, common, parent=None, start=T0 - 365 * DAY, end=T0 + 3650 * DAY, key=None, path=None, eku=None, ca=True):
        self.key = key or new_key()
        self.parent = parent
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(common))
            .issuer_name(parent.cert.subject if parent else name(common))
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(when(start))
            .not_valid_after(when(end))
            .add_extension(x509.BasicConstraints(ca, path if ca else None), True)
            .add_extension(
                x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), True
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
        )
        if parent:
            builder = builder.add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(parent.key.public_key()), False
            )
        if eku:
            builder = builder.add_extension(x509.ExtendedKeyUsage([eku]), not ca)
        signer = parent.key if parent else self.key
        self.cert = builder.sign(signer, default_hash(signer))

    def chain(self):
        return [self.cert] + (self.parent.chain() if self.parent else [])


def san(*names, critical=True):
    """names: ("email"|"uri"|"dns"|"other", bytes)."""
    out = b""
    for kind, value in names:
        if kind == "other":
            out += der.explicit(0, der.oid(FULCIO + "7"), der.explicit(0, der.tlv(0x0C, value)))
        else:
            out += der.implicit({"email": 1, "dns": 2, "uri": 6}[kind], value)
    return (der.tlv(0x30, out), critical)


class CtLog:
    def __init__(self, key=None):
        self.key = key or new_key()
        self.id = sha256(spki(self.key))

    def promise(self, tbs, issuer_spki, at=T0, extensions=b""):
        ms = at * 1000 + 123
        message = b"\0\0" + struct.pack(">QH", ms, 1) + sha256(issuer_spki)
        message += len(tbs).to_bytes(3, "big") + tbs + struct.pack(">H", len(extensions)) + extensions
        signature = sign(self.key, message)
        sct = b"\0" + self.id + struct.pack(">Q", ms) + struct.pack(">H", len(extensions)) + extensions
        return sct + b"\4\3" + struct.pack(">H", len(signature)) + signature


def sct_list(promises):
    body = b"".join(struct.pack(">H", len(p)) + p for p in promises)
    return der.octets(struct.pack(">H", len(body)) + body)


def make_leaf(ca, key, names=None, issuers=None, start=T0 - 60, end=T0 + 540, basic=(False, None), usage="signature",
              eku=(ExtendedKeyUsageOID.CODE_SIGNING,), promises=None, common=None, others=()):
    """A certificate as Fulcio makes them.  promises: a function from the TBS without them to
    the list of them, or None."""
    names = san(("email", MAIL.encode())) if names is None else names
    if issuers is None:
        issuers = {"1": ISSUER.encode(), "8": der.utf8(ISSUER)}
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(common))
        .issuer_name(ca.cert.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(when(start))
        .not_valid_after(when(end))
    )
    if usage:
        sig = usage == "signature"
        builder = builder.add_extension(
            x509.KeyUsage(sig, not sig, False, False, False, basic[0], False, False, False), True
        )
    if eku:
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(eku)), False)
    if basic is not None and basic[0]:
        builder = builder.add_extension(x509.BasicConstraints(True, None), True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), False)
    if names:
        builder = builder.add_extension(raw_extension(SAN, names[0]), names[1])
    for arc, data in list(issuers.items()) + list(others):
        builder = builder.add_extension(raw_extension(FULCIO + arc, data), False)
    algorithm = default_hash(ca.key)
    if promises:
        tbs = builder.sign(ca.key, algorithm).tbs_certificate_bytes
        builder = builder.add_extension(raw_extension(SCT_LIST, sct_list(promises(tbs))), False)
    return builder.sign(ca.key, algorithm)


# ---- transparency logs ----


def node(left, right):
    return sha256(b"\1" + left + right)


def tree_root(leaves):
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return node(tree_root(leaves[:k]), tree_root(leaves[k:]))


def tree_path(leaves, index):
    if len(leaves) == 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if index < k:
        return tree_path(leaves[:k], index) + [tree_root(leaves[k:])]
    return tree_path(leaves[k:], index - k) + [tree_root(leaves[:k])]


class Log:
    """A transparency log whose tree has strangers before and behind the entry."""

    BEFORE, BEHIND, GLOBAL = 5, 3, 100000

    def __init__(self, version, host="rekor.example.com", key=None):
        self.version, self.host = version, host
        self.key = key or new_key("ed25519" if version == 2 else "p256")
        if version == 2:
            raw = self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            self.id = sha256(host.encode() + b"\n\x01" + raw)
        else:
            self.id = sha256(spki(self.key))
        self.origin = host if version == 2 else f"{host} - 1234567890"

    def line(self, text, spoil=False):
        signature = sign(self.key, text + (b" " if spoil else b""))
        return f"\u2014 {self.host} {b64(self.id[:4] + signature)}\n".encode()

    def note(self, size, root):
        extra = f"Timestamp: {T0}000000000\n" if self.version == 1 else ""
        return f"{self.origin}\n{size}\n{b64(root)}\n{extra}".encode()

    def entry(self, body, kind, version, at=T0, body_bytes=None, lines=None, note=None, size_delta=0, promise_over=None):
        raw = body_bytes or compact(body)
        leaves = [sha256(b"\0stranger %d" % i) for i in range(self.BEFORE)]
        leaves.append(sha256(b"\0" + raw))
        leaves += [sha256(b"\0later %d" % i) for i in range(self.BEHIND)]
        root = tree_root(leaves)
        text = (note or self.note)(len(leaves) + size_delta, root)
        signed = text + b"\n" + (lines(text) if lines else self.line(text))
        entry = {
            "logIndex": str(self.GLOBAL + self.BEFORE) if self.version == 1 else str(self.BEFORE),
            "logId": {"keyId": b64(self.id)},
            "kindVersion": {"kind": kind, "version": version},
            "inclusionProof": {
                "logIndex": str(self.BEFORE),
                "rootHash": b64(root),
                "treeSize": str(len(leaves)),
                "hashes": [b64(h) for h in tree_path(leaves, self.BEFORE)],
                "checkpoint": {"envelope": signed.decode()},
            },
            "canonicalizedBody": b64(raw),
        }
        if self.version == 1:
            entry["integratedTime"] = str(at)
            entry["inclusionPromise"] = {"signedEntryTimestamp": b64(self.promise(entry, promise_over))}
        return entry

    def promise(self, entry, change=None):
        fields = {
            "body": entry["canonicalizedBody"],
            "integratedTime": int(entry["integratedTime"]),
            "logID": self.id.hex(),
            "logIndex": int(entry["logIndex"]),
        }
        fields.update(change or {})
        return sign(self.key, compact(fields))


# ---- time-stamps ----

HASHES = {"sha256": "2.16.840.1.101.3.4.2.1", "sha1": "1.3.14.3.2.26", "sha512": "2.16.840.1.101.3.4.2.3"}


def timestamp(tsa, data, at=T0 + 5, algorithm="sha256", embed=True, digest=None):
    """A TimeStampResp with ESSCertIDv2, signed by tsa (an Authority); data or its digest."""
    digest = digest or hashlib.new(algorithm, data).digest()
    imprint = der.seq(der.seq(der.oid(HASHES[algorithm]), der.null()), der.octets(digest))
    info = der.seq(der.integer(1), der.oid("1.2.3.4.1"), imprint, der.integer(4711), der.generalized_time(at))
    sha = der.seq(der.oid(HASHES["sha256"]))
    attributes = [
        der.seq(der.oid("1.2.840.113549.1.9.3"), der.set_of(der.oid("1.2.840.113549.1.9.16.1.4"))),
        der.seq(der.oid("1.2.840.113549.1.9.4"), der.set_of(der.octets(sha256(info)))),
        der.seq(
            der.oid("1.2.840.113549.1.9.16.2.47"),
            der.set_of(der.seq(der.seq(der.seq(der.octets(sha256(cert_der(tsa.cert))))))),
        ),
    ]
    signature = sign(tsa.key, der.set_of(*attributes), hashes.SHA256())
    signer = der.seq(
        der.integer(1),
        der.seq(tsa.cert.issuer.public_bytes(), der.integer(tsa.cert.serial_number)),
        sha,
        der.explicit(0, *sorted(attributes)),
        der.seq(der.oid("1.2.840.10045.4.3.2")),
        der.octets(signature),
    )
    signed = der.seq(
        der.integer(3),
        der.set_of(sha),
        der.seq(der.oid("1.2.840.113549.1.9.16.1.4"), der.explicit(0, der.octets(info))),
        *([der.explicit(0, cert_der(tsa.cert))] if embed else []),
        der.set_of(signer),
    )
    token = der.seq(der.oid("1.2.840.113549.1.7.2"), der.explicit(0, signed))
    return der.seq(der.seq(der.integer(0)), token)


def refusal():
    return der.seq(der.seq(der.integer(2)))


# ---- the instance ----


class Instance:
    def __init__(self):
        self.root = Authority("mock root", key=new_key("p384"))
        self.ca = Authority("mock intermediate", self.root, path=0, eku=ExtendedKeyUsageOID.CODE_SIGNING)
        self.ct = CtLog()
        self.log1 = Log(1)
        self.log2 = Log(2, "log2026.rekor.example.com")
        self.tsa_root = Authority("mock tsa root")
        self.tsa = Authority("mock tsa", self.tsa_root, ca=False, eku=ExtendedKeyUsageOID.TIME_STAMPING)

    def trusted_root(self):
        def log(key, identifier, url, kind):
            return {
                "baseUrl": url,
                "hashAlgorithm": "SHA2_256",
                "publicKey": {"rawBytes": b64(spki(key)), "keyDetails": kind, "validFor": window()},
                "logId": {"keyId": b64(identifier)},
            }

        def authority(uri, chain):
            return {
                "subject": {"organization": "example.com", "commonName": "mock"},
                "uri": uri,
                "certChain": {"certificates": [{"rawBytes": b64(cert_der(c))} for c in chain]},
                "validFor": window(),
            }

        p256 = "PKIX_ECDSA_P256_SHA_256"
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [
                log(self.log1.key, self.log1.id, "https://" + self.log1.host, p256),
                log(self.log2.key, self.log2.id, "https://" + self.log2.host, "PKIX_ED25519"),
            ],
            "certificateAuthorities": [authority("https://fulcio.example.com", self.ca.chain())],
            "ctlogs": [log(self.ct.key, self.ct.id, "https://ct.example.com", p256)],
            "timestampAuthorities": [authority("https://tsa.example.com", self.tsa.chain())],
        }


def pae(payload, kind="application/vnd.in-toto+json"):
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def statement(artifact, predicate_type="https://example.com/predicate/v1", **changes):
    out = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "model.bin", "digest": {"sha256": hashlib.sha256(artifact).hexdigest()}}],
        "predicateType": predicate_type,
        "predicate": {},
    }
    out.update(changes)
    return out
