#!/usr/bin/python3
"""assay sign sigstore by a person who signs in, before a real OpenID provider: `oidc-provider` of
npm, which is certified; the browser is a script that fills in its forms.  A Sigstore of our own
trusts it and checks the signature of the token.  Sigstore's own provider, Dex, is not to be had
from the Go proxy.  Skipped when the provider cannot be installed.  Ends with a table."""
import base64, json, os, shutil, subprocess, sys, urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "tests", "golden"), os.path.join(TOP, "tests", "pki")]
from tap import *
import mock, services
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from terminal import at_terminal

PACKAGE = "oidc-provider@8.8.1"
HOME = os.path.join(BUILD, "interop", "sign-in")
SECRET = "s3:cret/+ %&=\"~"
TABLE = []
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
BROWSER = """#!/usr/bin/python3
import http.cookiejar, re, sys, urllib.error, urllib.parse, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
page = opener.open(sys.argv[1], timeout=30).read().decode()
for form in ({"prompt": "login", "login": "someone", "password": "x"}, {"prompt": "consent"}):
    if ABORT and form["prompt"] == "consent":
        opener.open(re.search(r'href="([^"]*/abort)"', page)[1], timeout=30)
        break
    action = re.search(r'action="([^"]*)"', page)[1]
    page = opener.open(action, urllib.parse.urlencode(form).encode(), timeout=30).read().decode()
"""


def install():
    """What is missing, or None."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "no node or no npm"
    stamp = os.path.join(HOME, ".installed")
    if not os.path.exists(stamp) or open(stamp).read() != PACKAGE:
        write(os.path.join(HOME, "package.json"), b'{"private": true}')
        done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", HOME, PACKAGE],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)
        if done.returncode:
            return "npm cannot install " + PACKAGE
        write(stamp, PACKAGE.encode())
    return None


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def check_token(token, issuer):
    """As Fulcio does: by the keys that the issuer publishes."""
    get = lambda url: json.load(OPENER.open(url, timeout=30))
    head, payload, signature = token.split(".")
    keys = {k["kid"]: k for k in get(get(issuer + "/.well-known/openid-configuration")["jwks_uri"])["keys"]}
    head, signed = json.loads(unpadded(head)), (head + "." + payload).encode()
    key = keys[head["kid"]]
    assert head["alg"] == "RS256" and key["kty"] == "RSA", (head, key)
    number = lambda name: int.from_bytes(unpadded(key[name]), "big")
    rsa.RSAPublicNumbers(number("e"), number("n")).public_key().verify(unpadded(signature), signed, padding.PKCS1v15(), hashes.SHA256())
    claims = json.loads(unpadded(payload))
    assert claims["iss"] == issuer, claims


def sign(*options, abort=False):
    """(exit code, bundle, what was said)."""
    d, out = os.path.join(scratch(), "model"), os.path.join(scratch(), "model.sig")
    write(os.path.join(d, "a.bin"), b"a" * 3000)
    trust = write(os.path.join(scratch(), "trust.json"), S.trust_config(S.signing_config(oidcUrls=[{**S.service(), "url": ISSUER}])))
    program = write(os.path.join(scratch(), "browser"), BROWSER.replace("ABORT", str(abort)).encode())
    os.chmod(program, 0o755)
    done, stdout, shown = at_terminal([ASSAY, "sign", "sigstore", d, "--signature", out, "--trust-config", trust, "--tries", "1", *options],
                                      {"BROWSER": program, "http_proxy": ""})
    return done, d, out, stdout + shown


def verify(d, bundle):
    root = write(os.path.join(scratch(), "root.json"), json.dumps(S.instance.trusted_root()).encode())
    return run("verify", "sigstore", *SCAN_FLAGS, d, "--signature", bundle, "--trusted-root", root,
               "--identity", mock.MAIL, "--identity-provider", ISSUER)


def both(title, *options):
    done, d, out, said = sign(*options)
    assert done == 0 and "by %s, as %s vouches" % (mock.MAIL, ISSUER) in said, said
    assert verify(d, out).returncode == 0
    TABLE.append((PACKAGE, title, "signed in, signed, verified"))


@case
def a_public_client():
    both("public client, PKCE")


@case
def a_client_with_a_secret():
    both("client with a secret (Basic), PKCE", "--client-id", "our client", "--client-secret", SECRET)
    done, _, _, said = sign("--client-id", "our client", "--client-secret", SECRET + "x")
    assert done == 2 and "does not accept this client, or its secret" in said, said
    TABLE.append((PACKAGE, "client with a wrong secret", "refused"))


@case
def whoever_signs_in_says_no():
    done, _, out, said = sign(abort=True)
    assert done == 2 and "access_denied" in said and not os.path.exists(out), said
    TABLE.append((PACKAGE, "sign-in aborted on the page", "refused"))


missing = install()
if missing:
    print("ok 1 - a real OpenID provider # SKIP " + missing)
    print("\n# | %s | - | skipped: %s |" % (PACKAGE, missing))
    sys.exit(0)
provider = subprocess.Popen(["node", os.path.join(TOP, "tests", "interop", "sign_in.mjs"), HOME, mock.MAIL, SECRET],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
try:
    ISSUER = provider.stdout.readline().decode().strip()
    assert ISSUER.startswith("http://127.0.0.1:"), "the provider does not start"
    with services.Services() as S:
        def trusting(s, headers, body):
            check_token(headers["authorization"].split()[1], ISSUER)
            return s.fulcio(headers, body)

        S.answers["fulcio"] = trusting
        main()
finally:
    provider.kill()
    provider.wait()
    print("\n# | provider | case | Assay |\n# |---|---|---|")
    for r in TABLE:
        print("# | " + " | ".join(r) + " |")
