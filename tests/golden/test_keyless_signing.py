#!/usr/bin/python3
"""assay sign sigstore, against a Sigstore of our own on loopback: what it makes verifies, and a
service that refuses, breaks off or lies leaves no bundle behind."""
import base64, json, os, socket, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "pki")]
from tap import *
import mock, services
from cryptography import x509
from services import Services, token

S = Services()
WHO = ["--identity", mock.MAIL, "--identity-provider", mock.ISSUER]
QUIET = {"SIGSTORE_ID_TOKEN": "", "ACTIONS_ID_TOKEN_REQUEST_URL": "", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "", "GITHUB_ACTIONS": ""}


def model():
    d = os.path.join(scratch(), "model")
    for name, data in {"config.json": b"{}", "weights.bin": b"w" * 5000, "sub/b.txt": b"b"}.items():
        write(os.path.join(d, name), data)
    return d


D = model()


def sign(*options, config=None, root=None, identity=None, expect=0, says=None, env=None, d=D, tries="1"):
    """The bundle's path when it was made; else there is none, and stderr says why."""
    out = os.path.join(scratch(), "model.sig")
    trust = write(os.path.join(scratch(), "trust.json"), S.trust_config(config, root))
    identity = ["--identity-token", token()] if identity is None else identity
    S.asked.clear()
    p = run("sign", "sigstore", d, "--signature", out, "--trust-config", trust, "--tries", tries, *identity, *options,
            env=dict(QUIET, **env or {}))
    assert p.returncode == expect, (p.returncode, p.stdout, p.stderr)
    assert os.path.exists(out) == (expect == 0), "a bundle was written" if expect else "no bundle"
    assert os.listdir(os.path.dirname(out)) == (["model.sig"] if expect == 0 else []), "something is left behind"
    said = (p.stdout + p.stderr).decode()
    for secret in [a for a in identity if a.count(".") == 2] + [services.JOB, S.ambient]:
        assert secret not in said and secret.split(".")[-1] not in said, said
    if says:
        assert says in said, said
    return out


def refuses(says, service=None, answer=None, expect=2, **options):
    with S.answering(service, answer):
        sign(expect=expect, says=says, **options)


def verify(bundle, *who, d=D, root=None, expect=0):
    trusted = write(os.path.join(scratch(), "root.json"), json.dumps(root or S.instance.trusted_root()).encode())
    S.asked.clear()
    p = run("verify", "sigstore", "-o", "json", *SCAN_FLAGS, d, "--signature", bundle, "--trusted-root", trusted, *(who or WHO))
    assert p.returncode == expect and not S.asked, (p.returncode, p.stdout, p.stderr)
    return json.loads(p.stdout)


def arrived():
    return [name for name, _, _ in S.asked]


# ---- what is made ----


@case
def a_model_is_signed_and_verifies_without_network():
    out = sign(says="by %s, as %s vouches" % (mock.MAIL, mock.ISSUER))
    assert arrived() == ["fulcio", "tsa", "rekor1"], arrived()
    r = verify(out)
    assert (r["state"], r["identity"], r["issuer"], r["method"]) == ("verified", mock.MAIL, mock.ISSUER, "sigstore"), r
    b = json.load(open(out))
    assert b["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert list(b["verificationMaterial"]) == ["certificate", "tlogEntries", "timestampVerificationData"]
    assert b["verificationMaterial"]["tlogEntries"][0]["kindVersion"] == {"kind": "dsse", "version": "0.0.1"}
    assert verify(out, "--identity", "eve@example.com", "--identity-provider", mock.ISSUER, expect=1)["state"] == "untrusted"
    changed = model()
    write(os.path.join(changed, "weights.bin"), b"other")
    assert verify(out, d=changed, expect=1)["check"] == "file-digest"


@case
def a_model_alone_is_signed_by_an_identity():
    out = os.path.join(scratch(), "model.sig")
    trust = write(os.path.join(scratch(), "trust.json"), S.trust_config())
    p = run("sign", D, "--signature", out, "--trust-config", trust, "--identity-token", token(), env=QUIET)
    assert p.returncode == 0, p.stderr
    assert verify(out)["identity"] == mock.MAIL
    for word in "key", "certificate", "sigstore", "pkcs11-key", "pkcs11-certificate":
        p = run("sign", word)
        assert p.returncode == 4 and p.stderr.startswith(b"Usage:"), (word, p.stderr)


@case
def a_scan_accepts_it_too():
    d = model()
    out = sign(d=d)
    os.rename(out, os.path.join(d, "model.sig"))
    root = write(os.path.join(scratch(), "root.json"), json.dumps(S.instance.trusted_root()).encode())
    r = report(d, "--trusted-root", root, *WHO)
    (s,) = [s for m in r["models"] for s in m["signatures"]]
    assert (s["kind"], s["state"], s["identity"]) == ("oms", "verified", mock.MAIL), s


@case
def logs_of_both_versions_and_of_each_alone():
    for logs, stamps, kinds in (((1,), False, ["dsse"]), ((2,), True, ["hashedrekord"]), ((1, 2), True, ["dsse", "hashedrekord"])):
        out = sign(config=S.signing_config(logs, stamps))
        entries = json.load(open(out))["verificationMaterial"]["tlogEntries"]
        assert [e["kindVersion"]["kind"] for e in entries] == kinds, entries
        verify(out)


@case
def the_newest_service_of_each_operator_is_asked_and_none_that_ended():
    over = {"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"}
    config = S.signing_config()
    config["rekorTlogUrls"] = [S.service("/v9", 9), S.service("/ended", 2, validFor=over), S.service("", 1), S.service("", 2)]
    out = sign(config=config)
    assert arrived() == ["fulcio", "tsa", "rekor2"], arrived()
    config["rekorTlogConfig"] = {"selector": "ALL"}
    config["rekorTlogUrls"].append(S.service("", 1, operator="another.example.com"))
    verify(sign(config=config))
    config["rekorTlogUrls"] = [S.service("/ended", 2, validFor=over)]
    sign(config=config, expect=4, says="rekorTlogUrls: no transparency log that is in service now")
    assert arrived() == []


@case
def ranges_other_digests_and_what_is_left_out():
    out = sign("--shard-size", "1024", "--hash", "blake2b", "--ignore-paths", os.path.join(D, "sub"))
    assert verify(out)["state"] == "verified"


@case
def the_token_comes_from_a_file_from_the_environment_or_from_github():
    path = write(os.path.join(scratch(), "token"), token().encode() + b"\n")
    verify(sign(identity=["--identity-token-file", path]))
    ambient = ["--use-ambient-credentials"]
    verify(sign(identity=ambient, env={"SIGSTORE_ID_TOKEN": token()}))
    for address in ("/token", "/token?api-version=2.0"):
        job = {"ACTIONS_ID_TOKEN_REQUEST_URL": S.url + address, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": services.JOB}
        verify(sign(identity=ambient, env=job))
        sign(identity=ambient, env=job)
        assert arrived() == ["github", "fulcio", "tsa", "rekor1"], arrived()


@case
def the_token_goes_to_the_authority_alone():
    mine = token()
    sign(identity=["--identity-token", mine])
    seen = {name: (headers, body) for name, headers, body in S.asked}
    assert seen["fulcio"][0]["authorization"] == "Bearer " + mine and mine.encode() not in seen["fulcio"][1]
    for name in ("tsa", "rekor1"):
        headers, body = seen[name]
        assert "authorization" not in headers and mine not in str(headers) and mine.encode() not in body


# ---- who refuses ----


@case
def a_token_that_is_of_no_use_is_not_sent_anywhere():
    def bad(says, text):
        sign(identity=["--identity-token", text], expect=4, says=says)
        assert arrived() == [], arrived()

    bad("no JSON Web Token", "no-token")
    bad("no JSON Web Token", "a.b.c")
    bad("no JSON Web Token", token() + ".more")
    bad("expired at 20", token(expires=-1))
    bad("another audience", token(audience="vault"))
    bad("another audience", token(audience=["vault", "x"]))
    bad("lacks one of iss, sub, exp", token(exp=None))
    bad("lacks one of iss, sub, exp", token(iss=""))
    bad("not valid before", token(nbf=int(time.time()) + 3600))
    verify(sign(identity=["--identity-token", token(audience=["vault", "sigstore"])]))


@case
def who_signs_is_said_in_one_way():
    sign(identity=["--identity-token", token(), "--use-ambient-credentials"], expect=4, says="one of")
    sign(identity=["--use-ambient-credentials"], expect=4, says="there are none")
    sign(identity=["--use-ambient-credentials"], env={"GITHUB_ACTIONS": "true"}, expect=4, says="id-token: write")
    sign("--use-staging", expect=4, says="two instances")
    sign("--private-key", "k", expect=4, says="makes its key itself")
    sign(identity=["--identity-token-file", "/nonexistent"], expect=4, says="/nonexistent")
    p = run("sign", "key", D, "--private-key", "k", "--identity-token", "x")
    assert p.returncode == 4 and b"belongs to assay sign sigstore" in p.stderr, p


@case
def a_configuration_that_cannot_make_a_signature_is_refused_first():
    def broken(says, change):
        config = S.signing_config()
        change(config)
        sign(config=config, expect=4, says=says)
        assert arrived() == []
    broken("no certificate authority", lambda c: c.update(caUrls=[]))
    broken("know no time", lambda c: c.update(rekorTlogUrls=[S.service("", 2)], tsaUrls=[]))
    broken("more services than there are", lambda c: c.update(rekorTlogConfig={"selector": "EXACT", "count": 2}))
    broken("none of ANY, ALL, EXACT", lambda c: c.update(rekorTlogConfig={"selector": "SOME"}))
    broken("a row without an URL", lambda c: c["caUrls"][0].pop("url"))
    broken("signing configuration 0.2", lambda c: c.update(mediaType="application/vnd.dev.sigstore.signingconfig.v0.1+json"))
    d = write(os.path.join(scratch(), "root.json"), json.dumps(S.instance.trusted_root()).encode())
    p = run("sign", "sigstore", D, "--identity-token", token(), "--trust-config", d)
    assert p.returncode == 4 and b"signing configuration" in p.stderr, p


@case
def http_is_for_this_machine_only():
    config = S.signing_config(caUrls=[{**S.service(), "url": "http://fulcio.example.com"}])
    sign(config=config, expect=4, says="http")
    config = S.signing_config(rekorTlogUrls=[{**S.service(), "url": "http://rekor.example.com"}])
    sign(config=config, expect=2, says="http")


# ---- services that fail ----


@case
def refusals_of_a_service_are_told():
    for service, who in (("fulcio", "the certificate authority"), ("tsa", "the time-stamp authority"), ("rekor1", "the transparency log")):
        for status, text in ((400, "answered 400"), (429, "come again later"), (500, "it fails"), (503, "it fails")):
            refuses(who + ", " + S.url, service, lambda *_: (status, b"{}"))
            refuses(text, service, lambda *_: (status, b"{}"))
    refuses("it does not accept the token", "fulcio", lambda *_: (401, b"{}"))
    job = {"ACTIONS_ID_TOKEN_REQUEST_URL": S.url + "/token", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "wrong"}
    refuses("GitHub Actions", identity=["--use-ambient-credentials"], env=job)
    job["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = services.JOB
    refuses("without a token", "github", lambda *_: (200, b'{"value": 7}'), identity=["--use-ambient-credentials"], env=job)
    S.ambient, before = token(expires=-1), S.ambient
    refuses("expired at", identity=["--use-ambient-credentials"], env=job, expect=4)
    S.ambient = before


@case
def redirects_are_not_followed():
    away = lambda s, *_: (307, b"", {"Location": s.url + "/elsewhere"})
    for service in ("fulcio", "tsa", "rekor1"):
        refuses("it redirects", service, away)
        assert "elsewhere" not in arrived()


@case
def answers_that_are_cut_or_no_answers():
    def cut(answer):
        status, data = answer
        return status, data[:len(data) // 2], {"Content-Length": str(len(data))}
    refuses("the certificate authority", "fulcio", lambda s, h, b: cut(s.fulcio(h, b)))
    refuses("the time-stamp authority", "tsa", lambda s, h, b: cut(s.tsa(h, b)))
    refuses("the transparency log", "rekor1", lambda s, h, b: cut(s.rekor1(h, b)))
    refuses("not a strict JSON object", "fulcio", lambda *_: (201, b"[]"))
    refuses("no certificate", "fulcio", lambda *_: (201, b"{}"))
    refuses("not in PEM", "fulcio", lambda *_: (201, json.dumps({"signedCertificateEmbeddedSct": {"chain": {"certificates": ["x"]}}}).encode()))
    refuses("stands apart", "fulcio", lambda *_: (201, b'{"signedCertificateDetachedSct": {}}'))
    refuses("is no log entry", "rekor1", lambda *_: (201, b'{"x": {}}'))
    refuses("is no log entry", "rekor1", lambda *_: (201, b'{"x": 1} trailing'))
    refuses("not exactly one RFC 3161 response", "tsa", lambda *_: (200, b"no"))
    refuses("refused a time-stamp", "tsa", lambda *_: (200, mock.refusal()))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    config = S.signing_config(caUrls=[{**S.service(), "url": "http://127.0.0.1:%d" % port}])
    sign(config=config, expect=2, says="the certificate authority")


# ---- services that lie ----


def certificate(key=None, **leaf):
    """An authority that issues for another key, or otherwise than it should."""
    def answer(s, headers, body):
        request = x509.load_pem_x509_csr(base64.b64decode(json.loads(body)["certificateSigningRequest"]))
        claims = services.claims_of(headers["authorization"].split()[1])
        return 201, s.certificate(key.public_key() if key else request.public_key(), claims, **leaf)
    return answer


@case
def a_certificate_that_does_not_hold():
    other = mock.Instance()
    spki = mock.spki(S.instance.ca.key)
    lie = lambda says, **leaf: refuses(says, "fulcio", certificate(**leaf))
    lie("for another key", key=mock.new_key())
    lie("promise", promises=None)
    lie("log", promises=lambda tbs: [other.ct.promise(tbs, spki)])
    lie("not", promises=lambda tbs: [S.instance.ct.promise(tbs + b"x", spki)])
    lie("not", promises=lambda tbs: [S.instance.ct.promise(tbs, mock.spki(other.ca.key))])
    lie("extended key usage", eku=())
    lie("name", names=mock.san(("email", b"a@example.com"), ("email", b"b@example.com")))
    lie("sign other certificates", basic=(True, None))
    refuses("not of an authority", "fulcio", lambda s, h, b: Services(other).fulcio(h, b), root=S.instance.trusted_root())
    refuses("not of an authority", root=dict(S.instance.trusted_root(), certificateAuthorities=[]))
    assert arrived() == ["fulcio"], arrived()


@case
def a_time_stamp_that_does_not_hold():
    stamp = lambda tsa, **more: (lambda s, h, b: (200, mock.timestamp(tsa, b"x", **more)))
    refuses("not over this signature", "tsa", stamp(S.instance.tsa))
    refuses("does not know the time-stamp authority", "tsa", stamp(mock.Instance().tsa))
    late = lambda s, h, b: (200, mock.timestamp(S.instance.tsa, None, at=mock.T0 + mock.DAY, digest=b[b.index(b"\x04\x20") + 2:][:32]))
    refuses("while the certificate was valid", "tsa", late)


def entry(**change):
    return lambda s, h, b: s.rekor1(h, b, **change)


def edited(change):
    """Of a good answer's one row."""
    def answer(s, headers, body):
        status, data = s.rekor1(headers, body)
        value = json.loads(data)
        change(next(iter(value.values())))
        return status, json.dumps(value).encode()
    return answer


@case
def a_log_entry_that_does_not_hold():
    first = {}

    def keep(s, headers, body):
        first.setdefault("answer", s.rekor1(headers, body))
        return s.rekor1(headers, body)

    S.answers["rekor1"] = keep
    sign()
    refuses("The log entry", "rekor1", lambda *_: first["answer"])
    lie = lambda says, answer: refuses(says, "rekor1", answer)
    proof = lambda change: edited(lambda row: change(row["verification"]["inclusionProof"]))
    lie("root", proof(lambda p: p["hashes"].__setitem__(0, "00" * 32)))
    lie("hashes", proof(lambda p: p["hashes"].pop()))
    lie("outside the tree", proof(lambda p: p.update(logIndex=p["treeSize"])))
    lie("checkpoint", proof(lambda p: p.update(checkpoint=p["checkpoint"].replace("\n9\n", "\n7\n", 1))))
    lie("no log entry", proof(lambda p: p.pop("rootHash")))
    lie("signed entry timestamp", edited(lambda row: row.update(integratedTime=row["integratedTime"] + 1)))
    lie("no log entry", edited(lambda row: row["verification"].pop("signedEntryTimestamp")))
    lie("no log entry", edited(lambda row: row["verification"].pop("inclusionProof")))
    lie("while the certificate was valid", entry(at=mock.T0 + mock.DAY))
    lie("does not know the transparency log", edited(lambda row: row.update(logID="ab" * 32)))
    stranger = mock.Log(1)
    lie("checkpoint", entry(lines=stranger.line))
    bad = lambda s, h, b: (201, json.dumps({**json.loads(s.rekor2(h, b)[1]), "logIndex": "-1"}).encode())
    refuses("no log entry", "rekor2", bad, config=S.signing_config((2,)))
    bad = lambda s, h, b: s.rekor2(h, b, size_delta=1)
    refuses("checkpoint", "rekor2", bad, config=S.signing_config((2,)))


with S:
    main()
