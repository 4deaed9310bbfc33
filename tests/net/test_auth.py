#!/usr/bin/python3
"""Where credentials come from, and where they go."""
import base64, json, os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab, expect
from tap import case, main

lab = Lab().__enter__()
HOME = os.path.join(lab.directory, "home")
os.mkdir(HOME)
SECRET = "sesame-9d41"
NONE = {"type": "none"}


def home(name, text):
    path = os.path.join(HOME, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def ask(methods, *options, env=None, url="https://hub.test/ok", endpoint="https://hub.test", **more):
    return lab.get(url, "--auth", json.dumps(methods), "--endpoint", endpoint, "--home", HOME, *options,
                   env=env, **more)


def sent(header="authorization"):
    assert SECRET not in lab.output, lab.output
    return [a.headers.get(header) for a in lab.asked]


def basic(user, password):
    return "Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()


@lab.route("/ok")
def _(a):
    a.reply(200, b"fine")


@case
def the_first_method_that_has_its_secret_is_used():
    methods = [{"type": "bearer", "env": ["LAB_A", "LAB_B"]}, {"type": "header", "header": "PRIVATE-TOKEN",
                                                               "env": ["LAB_C"]}, NONE]
    ask(methods, env={"LAB_B": SECRET, "LAB_C": "other"})
    assert sent() == ["Bearer " + SECRET]
    ask(methods, env={"LAB_C": SECRET})
    assert sent("private-token") == [SECRET] and sent() == [None]
    ask(methods)
    assert sent() == [None]


@case
def basic_needs_both_halves():
    methods = [{"type": "basic", "env": ["LAB_USER", "LAB_PASSWORD"]}, NONE]
    ask(methods, env={"LAB_USER": "me", "LAB_PASSWORD": SECRET})
    assert sent() == [basic("me", SECRET)]
    ask(methods, env={"LAB_PASSWORD": SECRET})
    assert sent() == [None]
    ask([{"type": "basic", "env": ["LAB_KEY"], "user": "api"}], env={"LAB_KEY": SECRET})
    assert sent() == [basic("api", SECRET)]


@case
def files_hold_one_word_or_json_or_are_a_netrc():
    home("token", SECRET + "\n")
    ask([{"type": "bearer", "file": ["$LAB_HOME/token", "~/token"]}])
    assert sent() == ["Bearer " + SECRET]
    ask([{"type": "bearer", "file": ["$LAB_HOME/token"]}], env={"LAB_HOME": HOME})
    assert sent() == ["Bearer " + SECRET]
    home("kaggle.json", json.dumps({"username": "me", "key": SECRET}))
    ask([{"type": "basic", "json_file": {"path": "~/kaggle.json", "ptr": ["/username", "/key"]}}])
    assert sent() == [basic("me", SECRET)]
    ask([{"type": "bearer", "file": ["~/kaggle.json"]}, NONE])  # JSON is no token
    assert sent() == [None]
    home(".netrc", "machine evil.test login x password wrong\ndefault login d password d\n"
                   "machine hub.test login me password %s\n" % SECRET)
    ask([{"type": "basic", "env": ["LAB_A", "LAB_B"], "netrc": True}])
    assert sent() == [basic("me", SECRET)]
    ask([{"type": "basic", "env": ["LAB_A"], "user": "api", "file": ["~/.netrc"]}])
    assert sent() == [basic("api", SECRET)]
    ask([{"type": "bearer", "netrc": True}, NONE], endpoint="https://cdn.test", url="https://cdn.test/ok")
    assert sent() == [None]


@case
def without_a_home_no_file_is_read():
    answer = lab.get("https://hub.test/ok", "--auth", json.dumps([{"type": "bearer", "file": ["~/token"]}]),
                     "--endpoint", "https://hub.test", env={"HOME": HOME})
    expect(answer, ok=True)
    assert sent() == [None]


@case
def a_secret_that_is_no_header_stops_everything():
    for value in ("two\nlines", "bell\a"):
        lab.run("--auth", json.dumps([{"type": "bearer", "env": ["LAB_A"]}]), "--endpoint", "https://hub.test",
                "get", "https://hub.test/ok", env={"LAB_A": SECRET + value}, status=2)
        assert not lab.asked and SECRET not in lab.output


@case
def a_credential_is_for_the_endpoint_and_not_for_what_a_reference_names():
    ask([{"type": "bearer", "env": ["LAB_A"]}], env={"LAB_A": SECRET}, url="https://evil.test/ok")
    assert sent() == [None]
    ask([{"type": "bearer", "env": ["LAB_A"]}], "--connect-to", "hub.test:8443:127.0.0.1:%d" % lab.port,
        env={"LAB_A": SECRET}, url="https://hub.test:8443/ok")
    assert sent() == [None]


@case
def no_credential_leaves_without_tls():
    lab.run("--auth", json.dumps([{"type": "bearer", "env": ["LAB_A"]}]), "--endpoint", "http://hub.test",
            "get", "http://hub.test/ok", env={"LAB_A": SECRET}, status=2)
    assert "without TLS" in lab.output and SECRET not in lab.output


# --- token services ---

EXCHANGE = {"type": "exchange", "env": ["LAB_KEY", "LAB_SECRET"],
            "token_url": "https://auth.hub.test/login", "token_ptr": "/data/token"}


@lab.route("/login")
def _(a):
    good = a.headers.get("authorization") == basic("me", SECRET) or b"client_secret=" + SECRET.encode() in a.body
    a.reply(200 if good else 401, json.dumps({"data": {"token": "fresh-" + SECRET}, "expires_in": 3000}).encode())


@case
def a_key_is_exchanged_for_a_token():
    answer = ask([EXCHANGE], env={"LAB_KEY": "me", "LAB_SECRET": SECRET})
    expect(answer, ok=True, status=200)
    assert lab.paths() == ["/login", "/ok"] and sent() == [basic("me", SECRET), "Bearer fresh-" + SECRET]
    answer = ask([EXCHANGE], env={"LAB_KEY": "me", "LAB_SECRET": "wrong"})
    expect(answer, ok=False, failure="refused")
    assert "401" in answer["error"] and lab.paths() == ["/login"]


@case
def azure_is_an_exchange_of_three_variables():
    @lab.route("/a%20b/oauth2/v2.0/token")
    def _(a):
        a.reply(200, b'{"access_token": "entra", "expires_in": 3599}')
    azure = {"type": "azure", "env": ["LAB_TENANT", "LAB_CLIENT", "LAB_SECRET"]}
    microsoft = ("--connect-to", "login.microsoftonline.com:443:127.0.0.1:%d" % lab.port)
    answer = ask([azure], *microsoft, env={"LAB_TENANT": "a b", "LAB_CLIENT": "me", "LAB_SECRET": SECRET})
    expect(answer, ok=False, failure="refused")  # the lab has no certificate for that name
    assert not lab.asked and "login.microsoftonline.com" in answer["error"]
    expect(ask([azure, NONE], *microsoft, env={"LAB_TENANT": "a b", "LAB_CLIENT": "me"}), ok=True)


@case
def a_form_may_hold_the_secrets():
    form = {"type": "exchange", "token_url": "{endpoint}/login?tenant=$LAB_TENANT", "token_ptr": "/data/token",
            "token_form": ["grant_type=client_credentials", "client_secret=$LAB_SECRET"]}
    expect(ask([form], env={"LAB_TENANT": "a/b", "LAB_SECRET": SECRET}), ok=True)
    assert lab.paths() == ["/login?tenant=a%2Fb", "/ok"] and lab.asked[0].method == "POST"
    expect(ask([form, NONE], env={"LAB_TENANT": "a"}), ok=True)
    assert lab.paths() == ["/ok"]


realm = {"url": "https://hub.test/token"}


@lab.route("/v2/blob")
def _(a):
    if a.headers.get("authorization") == "Bearer pull-1":
        return a.reply(200, b"blob")
    a.reply(401, b"{}", WWW_Authenticate='Basic realm="x, y", Bearer realm="%s",service="s 1",scope="repository:a/b:pull"'
            % realm["url"])


@lab.route("/token")
def _(a):
    a.reply(200, b'{"token": "pull-1", "expires_in": 300}')


OCI = {"type": "oci-challenge", "env": ["LAB_USER", "LAB_PASSWORD"], "allow_hosts": ["auth.hub.test"]}


@case
def a_challenge_is_answered_at_the_registry_itself_or_where_the_entry_says():
    for host, credentials in (("hub.test", {}), ("auth.hub.test", {"LAB_USER": "me", "LAB_PASSWORD": SECRET})):
        realm["url"] = "https://%s/token" % host
        expect(ask([OCI], env=credentials, url="https://hub.test/v2/blob"), ok=True, body="blob")
        assert lab.paths() == ["/v2/blob", "/token?service=s%201&scope=repository%3Aa%2Fb%3Apull", "/v2/blob"]
        assert sent()[1] == (basic("me", SECRET) if credentials else None) and lab.asked[1].host == host


@case
def a_challenge_cannot_send_a_password_elsewhere():
    for url in ("https://evil.test/token", "https://hub.test.evil.test/token", "http://hub.test/token",
                "https://user@hub.test/token", "https://10.0.0.1/token", "file:///etc/passwd"):
        realm["url"] = url
        answer = ask([OCI], env={"LAB_USER": "me", "LAB_PASSWORD": SECRET}, url="https://hub.test/v2/blob")
        expect(answer, ok=False, failure="refused")
        assert lab.paths() == ["/v2/blob"] and sent() == [None]


@lab.route("/v2/moved")
def _(a):
    a.redirect("https://evil.test/v2/blob")


@case
def only_the_registry_may_challenge():
    realm["url"] = "https://hub.test/token"
    answer = ask([OCI], env={"LAB_USER": "me", "LAB_PASSWORD": SECRET}, url="https://hub.test/v2/moved")
    expect(answer, ok=False, failure="refused")
    assert lab.paths() == ["/v2/moved", "/v2/blob"] and sent() == [None, None]


@case
def docker_keeps_a_pair_in_base64():
    realm["url"] = "https://hub.test/token"
    home(".docker/config.json", json.dumps({"auths": {"hub.test": {"auth": basic("me", SECRET)[6:]}}}))
    docker = {"type": "oci-challenge", "json_file": {"path": "~/.docker/config.json", "ptr": "/auths/{host}/auth"}}
    expect(ask([docker], url="https://hub.test/v2/blob"), ok=True, body="blob")
    assert sent() == [None, basic("me", SECRET), "Bearer pull-1"]


@case
def a_service_account_of_google_s_signs_for_a_token():
    import subprocess
    pem = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                         capture_output=True, check=True).stdout.decode()
    path = os.path.join(HOME, "account.json")
    claims = []

    @lab.route("/token")
    def _(a):
        form = dict(p.split("=", 1) for p in a.body.decode().split("&"))
        if form["grant_type"] == "refresh_token":
            assert form["refresh_token"] == SECRET
            return a.reply(200, json.dumps({"access_token": "t-user", "expires_in": 3600}).encode())
        head, body, signature = [base64.urlsafe_b64decode(p + "==") for p in form["assertion"].split(".")]
        key = os.path.join(lab.directory, "key.pem")
        for name, data in (("key.pem", pem.encode()), ("signature", signature),
                           ("signed", form["assertion"].rpartition(".")[0].encode())):
            with open(os.path.join(lab.directory, name), "wb") as f:
                f.write(data)
        good = subprocess.run(["openssl", "dgst", "-sha256", "-prverify", key, "-signature", "signature", "signed"],
                              cwd=lab.directory, capture_output=True).returncode == 0
        claims.append((json.loads(head), json.loads(body)))
        a.reply(200 if good else 400, json.dumps({"access_token": "t-account", "expires_in": 3600}).encode())

    def write(**more):
        with open(path, "w") as f:
            json.dump(dict({"type": "service_account", "client_email": "a@b.test", "private_key": pem, "private_key_id": "k1"}, **more), f)
    google = [{"type": "google", "env": ["LAB_FILE", "LAB_TOKEN"]}]
    way = ("--connect-to", "oauth2.googleapis.com:443:127.0.0.1:%d" % lab.port)
    write()
    expect(ask(google, *way, env={"LAB_FILE": path}), status=200)
    assert lab.asked[0].path == "/token" and lab.asked[1].headers["authorization"] == "Bearer t-account"
    head, body = claims[0]
    assert head == {"alg": "RS256", "typ": "JWT", "kid": "k1"} and body["iss"] == "a@b.test"
    assert body["aud"] == "https://oauth2.googleapis.com/token" and body["exp"] - body["iat"] == 3600
    with open(path, "w") as f:
        json.dump({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": SECRET}, f)
    ask(google, *way, env={"LAB_FILE": path})
    assert sent()[1:] == ["Bearer t-user"]
    ask(google, env={"LAB_FILE": path, "LAB_TOKEN": SECRET})
    assert sent() == ["Bearer " + SECRET]
    # the file may name a token service, but not anybody's
    for text in (dict(token_uri="https://evil.test/token"), dict(token_uri="http://oauth2.googleapis.com/token"), dict(private_key="")):
        write(**text)
        lab.run("--auth", json.dumps(google), "--endpoint", "https://hub.test", "--home", HOME, "get", "https://hub.test/ok",
                env={"LAB_FILE": path}, status=2)
        assert not lab.asked


main()
