#!/usr/bin/python3
"""assay sign sigstore by a person: a sign-in at an OpenID provider of our own, with a browser that
is a script, or by a code that is typed; and all that a provider, or anybody on this machine, can
do wrong leaves no bundle behind."""
import contextlib, json, os, re, select, subprocess, sys, threading, time, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "pki"), os.path.join(HERE, "..", "net")]
from tap import *
import mock, services
from lab import Lab
from services import SECRET, Services
from terminal import SECONDS, at_terminal

S = Services()
QUIET = {name: "" for name in ("SIGSTORE_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
                               "GITHUB_ACTIONS", "http_proxy", "https_proxy", "HTTPS_PROXY")}
# What the browsers of these tests are made of; `url` is what they are told to open.
BROWSER = """#!/usr/bin/python3
import os, socket, sys, urllib.error, urllib.parse, urllib.request
assert len(sys.argv) == 2 and not any(os.isatty(fd) for fd in (0, 1, 2)) and os.getsid(0) == os.getpid()
url = sys.argv[1]
q = {k: v[0] for k, v in urllib.parse.parse_qs(urllib.parse.urlsplit(url).query).items()}
callback, state = urllib.parse.urlsplit(q["redirect_uri"]), q["state"]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

def log(*words):
    with open(os.path.dirname(os.path.abspath(__file__)) + "/log", "a") as f:
        print(*words, file=f)

def visit(address):
    try:
        answer = opener.open(address, timeout=30)
    except urllib.error.HTTPError as e:
        answer = e
    text = answer.read().decode()
    log(answer.status, answer.headers["Cache-Control"], "ours" if "Assay" in text else text)
    assert state not in text and "code" not in text, text

def connect():
    return socket.create_connection(("127.0.0.1", callback.port), timeout=30)

def send(data):
    with connect() as s:
        s.sendall(data)
        answer = b""
        while part := s.recv(4096):
            answer += part
    log(answer.split(b"\\r\\n")[0].decode())

"""


def model():
    d = os.path.join(scratch(), "model")
    write(os.path.join(d, "weights.bin"), b"w" * 5000)
    return d


D = model()


def browser(code="visit(url)"):
    path = write(os.path.join(scratch(), "browser"), (BROWSER + code + "\n").encode())
    os.chmod(path, 0o755)
    return path


def logged(path):
    """What the browser has written, once it is through: Assay may end before it does."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(FileNotFoundError):
            text = open(os.path.join(os.path.dirname(path), "log")).read()
            if text.endswith("through\n"):
                return text.splitlines()[:-1]
        select.select([], [], [], 0.02)
    raise AssertionError("the browser does not end")


def sign(*options, code="visit(url)", expect=0, says=None, config=None, env=None, **typing):
    """(bundle, what was said, the browser); without success there is no bundle."""
    out, program = os.path.join(scratch(), "model.sig"), browser(code + "\nlog('through')")
    trust = write(os.path.join(scratch(), "trust.json"), S.trust_config(config))
    S.asked.clear()
    S.given = None
    done, stdout, shown = at_terminal([ASSAY, "sign", "sigstore", D, "--signature", out, "--trust-config", trust, "--tries", "1", *options],
                                      {**QUIET, "BROWSER": program, **(env or {})}, **typing)
    said = stdout + shown
    assert done == expect, (done, said)
    assert os.path.exists(out) == (expect == 0), said
    assert says is None or says in " ".join(said.split()), said
    verifiers = [re.search(rb"code_verifier=([\w-]+)", body) for name, _, body in S.asked if name == "tokens"]
    for secret in [SECRET, S.given] + [v[1].decode() for v in verifiers]:
        assert not secret or (secret not in said and secret.split(".")[-1] not in said), said
    return out, said, program


def refuses(says, service=None, answer=None, expect=2, **options):
    with S.answering(service, answer):
        sign(expect=expect, says=says, **options)
    assert "fulcio" not in arrived(), arrived()


def verify(bundle, expect=0):
    trusted = write(os.path.join(scratch(), "root.json"), json.dumps(S.instance.trusted_root()).encode())
    p = run("verify", "sigstore", "-o", "json", *SCAN_FLAGS, D, "--signature", bundle, "--trusted-root", trusted,
            "--identity", mock.MAIL, "--identity-provider", S.issuer)
    assert p.returncode == expect, (p.stdout, p.stderr)


def arrived():
    return [name for name, _, _ in S.asked]


def visited(shown):
    """The code, out of band, at the address that is shown."""
    address = re.search(r"  (http://\S+)", shown)[1]
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=30).read().decode()


# ---- what works ----


@case
def a_person_signs_in_with_a_browser():
    out, said, program = sign(says="by %s, as %s vouches" % (mock.MAIL, S.issuer))
    assert arrived() == ["provider", "page", "tokens", "fulcio", "tsa", "rekor1"], arrived()
    assert "A browser is opened to sign in at" in said and "Waiting for it, 5 minutes at most" in said, said
    assert logged(program) == ["200 no-store ours"], logged(program)
    verify(out)


@case
def each_sign_in_has_secrets_of_its_own():
    seen = []
    for _ in range(2):
        sign()
        (query,) = [headers[":query"] for name, headers, _ in S.asked if name == "page"]
        seen += [v for k, v in (p.split("=") for p in query.split("&")) if k in ("state", "nonce", "code_challenge")]
    assert len(set(seen)) == 6, seen


@case
def the_hash_of_the_verifier_is_that_of_rfc_7636():
    assert services.code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@case
def a_person_copies_the_code():
    out, said, _ = sign("--oauth-force-oob", typed=visited, says="To sign in, open this address in any browser")
    verify(out)
    assert arrived() == ["provider", "page", "tokens", "fulcio", "tsa", "rekor1"], arrived()
    out, said, _ = sign("--oauth_force_oob", typed=lambda shown: "  " + visited(shown) + " ")
    verify(out)


@case
def another_client_with_a_secret():
    out, said, _ = sign("--client-id", "our client", "--client-secret", SECRET)
    verify(out)
    sign("--client_id", "our client", "--client_secret", SECRET, "--oauth-force-oob", typed=visited)
    (form,) = [body for name, _, body in S.asked if name == "tokens"]
    assert b"client_id" not in form and b"secret" not in form, form
    sign("--client-id", "", "--client-secret", "")
    sign("--client-id", "our client", "--client-secret", "other", expect=2, says="answered 401: it does not accept this client, or its secret")
    sign("--client-id", "our client", expect=2, says="answered 401")


@case
def a_token_that_is_given_is_for_that_client():
    mine = services.token(audience="our client")
    sign("--client-id", "our client", "--identity-token", mine)
    assert arrived()[0] == "fulcio"
    sign("--identity-token", mine, expect=4, says='another audience than "sigstore"')
    sign("--client-id", "our client", "--identity-token", services.token(), expect=4, says='another audience than "our client"')
    job = {"ACTIONS_ID_TOKEN_REQUEST_URL": S.url + "/token", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": services.JOB}
    sign("--client-id", "our client", "--use-ambient-credentials", env=job, expect=4, says="another audience")
    assert [headers[":query"] for name, headers, _ in S.asked if name == "github"] == ["audience=our%20client"]


@case
def without_ambient_credentials_a_person_is_asked():
    out, _, _ = sign("--use-ambient-credentials")
    verify(out)
    sign("--use-ambient-credentials", env={"GITHUB_ACTIONS": "true"}, expect=4, says="id-token: write")


@case
def a_browser_that_is_no_single_word_or_is_not_there_is_not_started():
    never = browser("log('started')")
    for name in ("/nonexistent/browser", "", never + " --new", never + " %s", never + ":" + never, "$(%s)" % never):
        d = os.path.dirname(browser("visit(url)\nlog('through')"))
        os.rename(d + "/browser", d + "/xdg-open")
        verify(sign(env={"BROWSER": name, "PATH": d})[0])
        assert logged(d + "/xdg-open") == ["200 no-store ours"]
    assert os.listdir(os.path.dirname(never)) == ["browser"]


@case
def without_any_browser_the_person_opens_the_address():
    opened = lambda shown: threading.Thread(target=visited, args=[shown]).start() or ""
    out, said, _ = sign(env={"BROWSER": "", "PATH": scratch()}, typed=opened, prompt="at most.\r\n", says="No browser can be started")
    assert "--oauth-force-oob" in said
    verify(out)


@case
def whoever_else_knocks_is_turned_away():
    noise = r"""
idle = [connect() for _ in range(12)]          # more than are served at once
send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
send(b"GET /auth/callback HTTP/1.1\r\n\r\n")
send(b"GET /auth/callback?code=x&state=" + b"A" * 43 + b" HTTP/1.1\r\n\r\n")
send(b"GET /auth/callback?code=x HTTP/1.1\r\n\r\n")
send(b"GET /auth/callback?code=x&state=%s&state=%s HTTP/1.1\r\n\r\n" % (state.encode(), state.encode()))
send(b"POST /auth/callback?code=x&state=%s HTTP/1.1\r\nContent-Length: 0\r\n\r\n" % state.encode())
send(b"GET /auth/callback/?code=x&state=%s HTTP/1.1\r\n\r\n" % state.encode())
send(b"GET /other?code=x&state=%s HTTP/1.1\r\n\r\n" % state.encode())
send(b"GET http://localhost/auth/callback?code=x&state=%s HTTP/1.1\r\n\r\n" % state.encode())
send(b"\x16\x03\x01\x02\x00\r\n\r\n")
with connect() as s:
    s.sendall(b"GET /auth/cal")                 # and goes away
try:
    send(b"GET /" + b"a" * (1 << 20))
except OSError:
    pass
visit(url)"""
    out, said, program = sign(code=noise)
    lines = logged(program)
    assert lines[:10] == ["HTTP/1.1 404 Not Found"] * 10 and lines[-1] == "200 no-store ours", lines
    verify(out)


# ---- who refuses ----


@case
def without_a_terminal_the_options_are_named():
    trust = write(os.path.join(scratch(), "trust.json"), S.trust_config())
    for more in ([], ["--oauth-force-oob"], ["--client-id", "x"], ["--use-ambient-credentials"]):
        p = run("sign", "sigstore", D, "--signature", os.path.join(scratch(), "s"), "--trust-config", trust, *more, env=QUIET,
                stdin=subprocess.DEVNULL)
        assert p.returncode == 4 and b"--identity-token-file" in p.stderr and b"without a terminal" in p.stderr, p.stderr


@case
def options_that_do_not_go_together():
    mine = services.token()
    sign("--identity-token", mine, "--oauth-force-oob", expect=4, says="--oauth-force-oob is for signing in with a browser")
    sign("--identity-token", mine, "--client-secret", "x", expect=4, says="--client-secret is for signing in with a browser")
    sign("--identity-token", mine, "--use-ambient-credentials", expect=4, says="only one of")
    sign("--use-staging", expect=4, says="two instances")
    p = run("sign", "key", D, "--private-key", "k", "--oauth-force-oob")
    assert p.returncode == 4 and b"belongs to assay sign sigstore" in p.stderr, p


@case
def a_configuration_without_a_provider():
    over = {"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"}
    for rows in ([], [S.service("/auth", validFor=over)], [S.service("/auth", 2)]):
        sign(config=S.signing_config(oidcUrls=rows), expect=4, says="oidcUrls: no identity provider that is in service now")
        assert arrived() == []
    sign(config=S.signing_config(oidcUrls=[{**S.service(), "url": "http://issuer.example.com"}]), expect=2, says="http without TLS is not allowed")
    sign(config=S.signing_config(oidcUrls=[{**S.service(), "url": "no address"}]), expect=4)


def described(**change):
    return lambda s, h, b: (200, json.dumps({k: v for k, v in s.description(**change).items() if v is not None}).encode())


@case
def a_description_that_is_of_no_use():
    bad = lambda says, answer: refuses(says, "provider", answer)
    bad("the identity provider, " + S.url, lambda *_: (404, b""))
    bad("it redirects, which is not followed", lambda s, *_: (302, b"", {"Location": s.url}))
    bad("not a strict JSON object", lambda *_: (200, b"<html>"))
    bad("not a strict JSON object", lambda *_: (200, b'{"issuer": "a", "issuer": "b"}'))
    bad("the identity provider", lambda *_: (200, b" " * (1 << 20) + b"{}"))
    bad("names no issuer", described(issuer=None))
    bad("of another issuer", described(issuer="https://issuer.example.com"))
    bad("of another issuer", described(issuer=S.issuer + "/x"))
    bad("no page to sign in at", described(authorization_endpoint=None))
    bad("none for tokens", described(token_endpoint=7))
    bad("an address without TLS", described(authorization_endpoint="http://issuer.example.com/page"))
    bad("an address without TLS", described(token_endpoint="http://issuer.example.com/tokens"))
    for page in ("file:///etc/passwd", "javascript:alert(1)", "--help", "https://user@example.com/", "https://a b/"):
        bad("an address that is none", described(authorization_endpoint=page))
    for page in ("https://example.com/$(id)", "https://example.com/;id", "https://example.com/'"):
        bad("odd characters", described(authorization_endpoint=page))
    assert arrived() == ["provider"], arrived()


@case
def a_provider_elsewhere_is_asked_by_tls_and_stays_there():
    loopback, S.issuer = S.issuer, "https://hub.test/auth"
    change = {}
    try:
        with Lab() as lab:
            lab.route("/auth/.well-known/openid-configuration")(lambda ask: ask.reply(200, json.dumps(S.description(**change)).encode()))
            lab.route("/auth/tokens")(lambda ask: ask.reply(*S.tokens(ask.headers, ask.body)))
            trusting = ["--ca-file", lab.path("ca.pem"), *lab.mapped("hub.test")]
            config = S.signing_config(oidcUrls=[{**S.service(), "url": S.issuer}])
            page = "visit(url.replace('https://hub.test', '%s'))" % S.url
            verify(sign(*trusting, config=config, code=page)[0])
            assert [(a.plain, a.path) for a in lab.asked] == [(False, "/auth/.well-known/openid-configuration"), (False, "/auth/tokens")]
            sign(*lab.mapped("hub.test"), config=config, expect=2, says="the identity provider, https://hub.test")
            for name in ("authorization_endpoint", "token_endpoint"):
                for address in (loopback, "http://localhost:1/", "http://hub.test/"):
                    change = {name: address}
                    sign(*trusting, config=config, expect=2, says="an address without TLS")
            assert arrived() == [], arrived()
    finally:
        S.issuer = loopback


@case
def the_browser_comes_back_without_a_code():
    answer = lambda says, **change: refuses(says, "page", lambda s, h, b: s.page(h, b, **change))
    answer("the sign-in was refused, by you or by the identity provider (access_denied)", code=None, error="access_denied",
           error_description="<script>")
    answer("the identity provider ended the sign-in: server_error", code=None, error="server_error")
    answer("the identity provider ended the sign-in: it does not say why", code=None, error="\x1b[31mX")
    answer("a code and an error", error="access_denied")
    answer("no code", code=None)
    answer("no code", code="")
    answer("no code", code="with blank")
    answer("too long", code="x" * 5000)
    answer("the name of another provider", iss="https://issuer.example.com")
    assert arrived() == ["provider", "page"], arrived()
    odd = lambda says, query: refuses(says, code="visit(q['redirect_uri'] + '?state=' + state + '%s')" % query)
    odd("a parameter that is there twice", "&code=a&code=b")
    odd("a parameter that is there twice", "&code=a&iss=a&iss=b")
    odd("is no text", "&code=%zz")
    odd("is no text", "&code=a%00b")
    odd("no code", "")
    odd("no code", "&Code=x")


@case
def a_code_that_is_not_typed():
    for text, says in (("", "that is no code"), ("two words", "that is no code"), ("\x04", "no code was entered"), ("x" * 4090, "too long")):
        sign("--oauth-force-oob", typed=lambda shown: text, expect=4, says=says)
        assert arrived() == ["provider"], arrived()
    sign("--oauth-force-oob", typed=lambda shown: "wrong", expect=2, says="answered 400: it does not accept the code")


@case
def tokens_that_are_of_no_use():
    S.answers.clear()
    bad = lambda says, answer: refuses(says, "tokens", answer)
    bad("answered 400: it does not accept the code", lambda *_: (400, b'{"error":"invalid_grant"}'))
    bad("answered 401: it does not accept this client", lambda *_: (401, b"{}"))
    bad("it redirects, which is not followed", lambda s, *_: (307, b"", {"Location": s.url + "/elsewhere"}))
    assert "elsewhere" not in arrived()
    bad("it fails", lambda *_: (503, b""))
    bad("no identity token in it", lambda *_: (200, b'{"access_token": "a.b.c"}'))
    bad("no identity token in it", lambda *_: (200, b'{"id_token": ["a.b.c"]}'))
    bad("not a strict JSON object", lambda *_: (200, b"[]"))
    bad("too long", lambda *_: (200, b'{"id_token": "%s"}' % (b"x" * (70 << 10))))
    bad("the identity provider", lambda *_: (200, b'{"x": "%s"}' % (b"x" * (300 << 10))))
    bad("no JSON Web Token", lambda *_: (200, b'{"id_token": "x"}'))
    lie = lambda says, **claims: bad(says, lambda s, h, b: s.tokens(h, b, **claims))
    lie("of another sign-in", nonce="A" * 43)
    lie("of another sign-in", nonce=None)
    lie("of another issuer", issuer="https://issuer.example.com")
    lie('another audience than "sigstore"', audience="vault")
    lie("expired at", expires=-1)
    lie("lacks one of iss, sub, exp", sub="")


@case
def staging_has_a_provider_too():
    for stage in ("", ".staging"):
        config = json.load(open(os.path.join(TOP, "rules", "sigstore", "signing_config%s.json" % stage)))
        assert [row["majorApiVersion"] for row in config["oidcUrls"]] == [1], config["oidcUrls"]


with S:
    main()
