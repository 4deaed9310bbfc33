"""The services of the mock Sigstore (mock.py) over HTTP on loopback: a certificate authority,
logs of both versions, a time-stamp authority, GitHub's giver of identity tokens, and an OpenID
provider whose user is always signed in.

    with Services() as s:
        s.trust_config("http://…")     # for --trust-config
        s.answers["fulcio"] = f        # f(services, request, good) answers in place of the good one
        s.asked                        # what arrived: (service, headers, body)

They check what they are asked as the real ones do: a request that is not in order gets 400.
"""
import base64
import contextlib
import http.server
import json
import secrets
import threading
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import mock
from mock import b64, compact, sha256

JOB = "job-secret-5c1e"
UUID = "24296fb24b8ad77a" + "0" * 64  # of every entry of the log, version 1


def token(email=mock.MAIL, issuer=mock.ISSUER, audience="sigstore", expires=600, **more):
    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
    now = int(time.time())
    claims = {"iss": issuer, "sub": email, "email": email, "aud": audience, "iat": now, "exp": now + expires}
    claims.update(more)
    return ".".join([part({"alg": "RS256"}), part(claims), base64.urlsafe_b64encode(b"signature").rstrip(b"=").decode()])


SECRET = "se:cret/+ \u00e9"
CLIENTS = {"sigstore": None, "our client": SECRET}


def code_challenge(verifier):
    return base64.urlsafe_b64encode(sha256(verifier.encode())).rstrip(b"=").decode()


def claims_of(text):
    part = text.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class Services:
    def __init__(self, instance=None, at=mock.T0):
        """at: the time that they say it is."""
        self.instance, self.at = instance or mock.Instance(), at
        self.answers, self.asked, self.lock = {}, [], threading.Lock()
        self.ambient = token()
        self.grants = {}

    @contextlib.contextmanager
    def answering(self, service=None, answer=None):
        """Meanwhile that service, or none, answers this and nothing else."""
        self.answers.clear()
        if service:
            self.answers[service] = answer
        try:
            yield
        finally:
            self.answers.clear()

    # ---- what the real ones answer ----

    def fulcio(self, headers, body):
        """(status, bytes): a certificate for the key of the request, for whom the token names."""
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or claims_of(bearer)["exp"] < time.time():
            return 401, b'{"code":16,"message":"There was an error processing the identity token"}'
        request = json.loads(body)
        if "publicKeyRequest" in request:  # as cosign asks: the subject is signed, not a request
            asked = request["publicKeyRequest"]
            public = serialization.load_pem_public_key(asked["publicKey"]["content"].encode())
            public.verify(base64.b64decode(asked["proofOfPossession"]), claims_of(bearer)["email"].encode(), ec.ECDSA(hashes.SHA256()))
            return 200, self.certificate(public, claims_of(bearer))
        request = x509.load_pem_x509_csr(base64.b64decode(request["certificateSigningRequest"]))
        if not request.is_signature_valid or not isinstance(request.public_key(), ec.EllipticCurvePublicKey):
            return 400, b"no proof of possession"
        return 201, self.certificate(request.public_key(), claims_of(bearer))

    def fulcio1(self, headers, body):
        """Version 1 of the service, which cosign asks for its older signatures."""
        claims, asked = claims_of(headers["authorization"].split()[1]), json.loads(body)
        public = serialization.load_pem_public_key(base64.b64decode(asked["publicKey"]["content"]))
        public.verify(base64.b64decode(asked["signedEmailAddress"]), claims["email"].encode(), ec.ECDSA(hashes.SHA256()))
        chain = json.loads(self.certificate(public, claims))["signedCertificateEmbeddedSct"]["chain"]["certificates"]
        return 201, "".join(chain).encode()

    def certificate(self, public, claims, **leaf):
        """leaf: other arguments of mock.make_leaf."""
        class Key:
            public_key = staticmethod(lambda: public)
        names = mock.san(("email", claims["email"].encode()))
        issuers = {"1": claims["iss"].encode(), "8": mock.der.utf8(claims["iss"])}
        promises = lambda tbs: [self.instance.ct.promise(tbs, mock.spki(self.instance.ca.key), self.at)]
        cert = mock.make_leaf(self.instance.ca, Key, **dict(
            {"names": names, "issuers": issuers, "promises": promises, "start": self.at - 60, "end": self.at + 540}, **leaf))
        chain = [cert] + self.instance.ca.chain()
        return json.dumps({"signedCertificateEmbeddedSct": {
            "chain": {"certificates": [mock.cert_pem(c).decode() for c in chain]}}}).encode()

    def rekor1(self, headers, body, **change):
        """An entry of kind dsse.  change: arguments of mock.Log.entry."""
        if json.loads(body).get("kind") == "hashedrekord":
            return self.rekor1_digest(json.loads(body), **change)
        content = json.loads(body)["spec"]["proposedContent"]
        envelope = json.loads(content["envelope"])
        cert = x509.load_pem_x509_certificate(base64.b64decode(content["verifiers"][0]))
        payload = base64.b64decode(envelope["payload"])
        signature = base64.b64decode(envelope["signatures"][0]["sig"])
        cert.public_key().verify(signature, mock.pae(payload, envelope["payloadType"]), ec.ECDSA(hashes.SHA256()))
        entry = {"apiVersion": "0.0.1", "kind": "dsse", "spec": {
            "envelopeHash": {"algorithm": "sha256", "value": sha256(content["envelope"].encode()).hex()},
            "payloadHash": {"algorithm": "sha256", "value": sha256(payload).hex()},
            "signatures": [{"signature": b64(signature), "verifier": content["verifiers"][0]}]}}
        return 201, self.answer1(self.instance.log1.entry(entry, "dsse", "0.0.1", **dict({"at": self.at}, **change)))

    def rekor1_digest(self, entry, **change):
        """As cosign enters its older signatures of images."""
        signature = entry["spec"]["signature"]
        cert = x509.load_pem_x509_certificate(base64.b64decode(signature["publicKey"]["content"]))
        cert.public_key().verify(base64.b64decode(signature["content"]), bytes.fromhex(entry["spec"]["data"]["hash"]["value"]),
                                 ec.ECDSA(mock.utils.Prehashed(hashes.SHA256())))
        return 201, self.answer1(self.instance.log1.entry(entry, "hashedrekord", "0.0.1", **dict({"at": self.at}, **change)))

    @staticmethod
    def answer1(e):
        """An entry of a bundle as version 1 of the log writes it."""
        raw = lambda text: base64.b64decode(text).hex()
        proof = e["inclusionProof"]
        return json.dumps({UUID: {
            "body": e["canonicalizedBody"], "integratedTime": int(e["integratedTime"]),
            "logID": raw(e["logId"]["keyId"]), "logIndex": int(e["logIndex"]),
            "verification": {
                "inclusionProof": {
                    "checkpoint": proof["checkpoint"]["envelope"], "hashes": [raw(h) for h in proof["hashes"]],
                    "logIndex": int(proof["logIndex"]), "rootHash": raw(proof["rootHash"]), "treeSize": int(proof["treeSize"])},
                "signedEntryTimestamp": e["inclusionPromise"]["signedEntryTimestamp"]}}}).encode()

    def rekor2(self, headers, body, **change):
        request = json.loads(body)
        if "dsseRequestV002" in request:
            return self.rekor2_envelope(request["dsseRequestV002"], **change)
        request = request["hashedRekordRequestV002"]
        verifier = request["signature"]["verifier"]
        cert = x509.load_der_x509_certificate(base64.b64decode(verifier["x509Certificate"]["rawBytes"]))
        digest = base64.b64decode(request["digest"])
        cert.public_key().verify(base64.b64decode(request["signature"]["content"]), digest,
                                 ec.ECDSA(mock.utils.Prehashed(hashes.SHA256())))
        assert verifier["keyDetails"] == "PKIX_ECDSA_P256_SHA_256"
        entry = {"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": {
            "data": {"algorithm": "SHA2_256", "digest": b64(digest)}, "signature": request["signature"]}}}
        return 201, json.dumps(self.instance.log2.entry(entry, "hashedrekord", "0.0.2", **change)).encode()

    def rekor2_envelope(self, request, **change):
        envelope, (verifier,) = request["envelope"], request["verifiers"]
        cert = x509.load_der_x509_certificate(base64.b64decode(verifier["x509Certificate"]["rawBytes"]))
        payload, signature = base64.b64decode(envelope["payload"]), envelope["signatures"][0]["sig"]
        cert.public_key().verify(base64.b64decode(signature), mock.pae(payload, envelope["payloadType"]), ec.ECDSA(hashes.SHA256()))
        entry = {"apiVersion": "0.0.2", "kind": "dsse", "spec": {"dsseV002": {
            "payloadHash": {"algorithm": "SHA2_256", "digest": b64(sha256(payload))},
            "signatures": [{"content": signature, "verifier": verifier}]}}}
        return 201, json.dumps(self.instance.log2.entry(entry, "dsse", "0.0.2", **change)).encode()

    def tsa(self, headers, body):
        at = body.index(mock.der.oid(mock.HASHES["sha256"]))
        digest = body[at:].split(b"\x04\x20", 1)[1][:32]
        return 200, mock.timestamp(self.instance.tsa, None, self.at + 5, digest=digest)

    def github(self, headers, body):
        if headers.get("authorization") != "Bearer " + JOB:
            return 401, b"no"
        return 200, json.dumps({"count": 1, "value": self.ambient}).encode()

    # ---- the OpenID provider (OpenID Connect Core 1.0, RFC 7636) ----

    def provider(self, headers, body):
        return 200, json.dumps(self.description()).encode()

    def description(self, **more):
        return dict({"issuer": self.issuer, "authorization_endpoint": self.issuer + "/page?theme=dark",
                     "token_endpoint": self.issuer + "/tokens", "response_types_supported": ["code"],
                     "code_challenge_methods_supported": ["S256"]}, **more)

    def page(self, headers, body, **change):
        """Sends the browser back at once; out of band, the page is the code.  change: parameters."""
        q = urllib.parse.parse_qs(headers[":query"], strict_parsing=True)
        assert all(len(v) == 1 for v in q.values()), q
        q = {k: v[0] for k, v in q.items()}
        assert sorted(q) == sorted("theme response_type client_id scope redirect_uri code_challenge code_challenge_method state nonce".split()), q
        assert q["response_type"] == "code" and q["client_id"] in CLIENTS and q["scope"] == "openid email", q
        assert q["code_challenge_method"] == "S256" and all(len(q[k]) == 43 for k in ("code_challenge", "state", "nonce")), q
        code = secrets.token_urlsafe(24) + "/+="
        self.grants[code] = q
        if q["redirect_uri"] == "urn:ietf:wg:oauth:2.0:oob":
            return 200, code.encode()
        back = urllib.parse.urlsplit(q["redirect_uri"])
        assert (back.scheme, back.hostname, back.path, back.query) == ("http", "localhost", "/auth/callback", "") and back.port, back
        answer = {**{"code": code, "state": q["state"], "iss": self.issuer, "session_state": "x"}, **change}
        pairs = [(k, v) for k, v in answer.items() if v is not None]
        return 302, b"", {"Location": q["redirect_uri"] + "?" + urllib.parse.urlencode(pairs)}

    def tokens(self, headers, body, **claims):
        form = urllib.parse.parse_qs(body.decode(), strict_parsing=True)
        assert all(len(v) == 1 for v in form.values()), form
        form = {k: v[0] for k, v in form.items()}
        grant = self.grants.pop(form["code"])
        assert form["grant_type"] == "authorization_code" and form["redirect_uri"] == grant["redirect_uri"], form
        assert len(form["code_verifier"]) == 43 and code_challenge(form["code_verifier"]) == grant["code_challenge"], "PKCE"
        secret = CLIENTS[grant["client_id"]]
        if secret is None:
            assert form["client_id"] == grant["client_id"] and "authorization" not in headers, form
        else:
            kind, _, pair = headers.get("authorization", "").partition(" ")
            pair = [urllib.parse.unquote_plus(p) for p in base64.b64decode(pair).decode().split(":")]
            if kind != "Basic" or pair != [grant["client_id"], secret]:
                return 401, b'{"error":"invalid_client"}'
        claims = dict({"issuer": self.issuer, "audience": grant["client_id"], "nonce": grant["nonce"], "expires": 60}, **claims)
        self.given = token(**claims)
        return 200, json.dumps({"access_token": "opaque", "token_type": "Bearer", "expires_in": 60, "id_token": self.given}).encode()

    PATHS = {"/api/v2/signingCert": "fulcio", "/api/v1/signingCert": "fulcio1", "/api/v1/log/entries": "rekor1", "/api/v2/log/entries": "rekor2",
             "/api/v1/timestamp": "tsa", "/token": "github", "/auth/.well-known/openid-configuration": "provider",
             "/auth/page": "page", "/auth/tokens": "tokens"}

    # ---- the server ----

    def handle(self, request):
        path, _, query = request.path.partition("?")
        name = self.PATHS.get(path, "elsewhere")
        headers = {k.lower(): v for k, v in request.headers.items()}
        headers[":query"] = query
        body = request.rfile.read(int(headers.get("content-length", 0)))
        with self.lock:
            self.asked.append((name, headers, body))
        good = getattr(self, name, lambda *_: (404, b"nothing here"))
        answer = self.answers.get(name)
        try:
            result = answer(self, headers, body) if answer else good(headers, body)
        except Exception as e:
            result = 400, repr(e).encode()
        status, data, more = (result + ({"ETag": UUID} if name == "rekor1" else {},))[:3]
        request.send_response(status)
        for key, value in more.items():
            request.send_header(key, value)
        if "Content-Length" not in more:
            request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def __enter__(self):
        services = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                services.handle(self)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        self.issuer = self.url + "/auth"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    # ---- what a client is told ----

    def service(self, path="", version=1, **more):
        return dict({"url": self.url + path, "majorApiVersion": version, "operator": "example.com",
                     "validFor": {"start": "2020-01-01T00:00:00Z"}}, **more)

    def signing_config(self, logs=(1,), stamps=True, **more):
        return dict({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [self.service()],
            "oidcUrls": [self.service("/auth")],
            "rekorTlogUrls": [self.service("", v, operator="log%d.example.com" % v) for v in logs],
            "rekorTlogConfig": {"selector": "EXACT", "count": len(logs)} if len(logs) > 1 else {"selector": "ANY"},
            "tsaUrls": [self.service("/api/v1/timestamp")] if stamps else [],
            "tsaConfig": {"selector": "ANY"}}, **more)

    def trust_config(self, config=None, root=None):
        return json.dumps({"mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
                           "trustedRoot": root or self.instance.trusted_root(),
                           "signingConfig": config or self.signing_config()}).encode()
