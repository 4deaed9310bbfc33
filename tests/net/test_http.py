#!/usr/bin/python3
"""The HTTP client against a server that misbehaves."""
import gzip, os, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import BUILD, Lab, expect
from tap import case, main

lab = Lab().__enter__()
SECRET = "sesame-0b5c2f"
TOKEN = ("--endpoint", "https://hub.test", "--token", SECRET)


def route(path):
    return lab.route(path)


@route("/ok")
def _(ask):
    ask.reply(200, b"fine")


@case
def an_answer_comes_over_verified_tls():
    expect(lab.get("https://hub.test/ok"), ok=True, status=200, body="fine", attempts=1,
           hops=[["https://hub.test", 200]], url="https://hub.test/ok")


@case
def certificates_of_others_are_refused():
    for host in ("wrong.test", "expired.test", "self.test"):
        expect(lab.get("https://%s/ok" % host), ok=False, failure="tls", status=0, attempts=1)
    assert not lab.asked
    expect(lab.get("https://hub.test/ok", trust=False), ok=False, failure="tls")


@case
def plain_http_is_for_this_machine_or_on_request():
    here = "http://127.0.0.1:%d/ok" % lab.plain_port
    expect(lab.get(here, "--private"), ok=True, body="fine")
    expect(lab.get(here), ok=False, failure="refused")
    expect(lab.get("http://hub.test/ok"), ok=False, failure="refused")
    assert not lab.asked
    there = ("--connect-to", "hub.test:80:127.0.0.1:%d" % lab.plain_port)
    expect(lab.get("http://hub.test/ok", *there, "--plain"), ok=True, body="fine")


@case
def a_name_that_leads_into_our_network_is_refused_after_the_look_up():
    for address in ("127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "fd00::1", "fe80::1", "::1",
                    "::ffff:127.0.0.1", "64:ff9b::a00:1", "168.63.129.16"):
        answer = lab.get("https://public.test:%d/ok" % lab.port, "--resolve", "public.test=" + address,
                         connect=False)
        expect(answer, ok=False, failure="refused", attempts=1)
    assert not lab.asked and lab.output.count("not allowed")


@case
def what_the_operator_configured_may_lie_in_our_network_but_not_at_metadata():
    url = "https://hub.test:%d/ok" % lab.port
    expect(lab.get(url, "--private", "--resolve", "hub.test=127.0.0.1", connect=False), ok=True)
    expect(lab.get(url, "--private", "--resolve", "hub.test=169.254.169.254", connect=False),
           ok=False, failure="refused")


@case
def addresses_in_urls_are_refused_without_a_look_up():
    for host in ("127.0.0.1", "10.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "169.254.169.254", "localhost",
                 "x.localhost", "100.100.100.200"):
        expect(lab.get("https://%s:%d/ok" % (host, lab.port), connect=False), ok=False, failure="refused")
    for host in ("2130706433", "0x7f.1", "127.1", "0177.0.0.1", "user@hub.test", "hub.test\\@evil.test", "hub..test"):
        expect(lab.get("https://%s/ok" % host), ok=False, failure="usage")
    assert not lab.asked


# --- redirects ---

@route("/away")
def _(ask):
    ask.redirect("https://cdn.test/ok?sig=1")


@route("/home")
def _(ask):
    ask.redirect("/ok")


@case
def a_credential_reaches_its_origin_and_no_other():
    answer = lab.get("https://hub.test/away", *TOKEN, "--header", "X-JFrog-Art-Api: " + SECRET,
                     "--header", "Cookie: a=" + SECRET, "--header", "Accept: text/plain")
    expect(answer, ok=True, hops=[["https://hub.test", 302], ["https://cdn.test", 200]])
    first, second = lab.asked
    assert first.headers["authorization"] == "Bearer " + SECRET
    assert SECRET not in str(second.headers) and second.headers["accept"] == "text/plain"
    assert SECRET not in lab.output
    expect(lab.get("https://hub.test/home", *TOKEN), ok=True)
    assert [a.headers["authorization"] for a in lab.asked] == ["Bearer " + SECRET] * 2


@case
def another_port_or_host_is_another_origin():
    for url in ("https://hub.test:8443/ok", "https://evil.test/ok"):
        lab.get(url, *TOKEN, "--connect-to", "hub.test:8443:127.0.0.1:%d" % lab.port)
        assert lab.asked and SECRET not in str([a.headers for a in lab.asked])


@route("/pingpong")
def _(ask):
    ask.redirect("https://hub.test/ok" if ask.host == "evil.test" else "https://evil.test/pingpong")


@case
def a_credential_that_was_dropped_does_not_come_back():
    expect(lab.get("https://hub.test/pingpong", *TOKEN), ok=True)
    assert [SECRET in str(a.headers) for a in lab.asked] == [True, False, False]


@route("/loop")
def _(ask):
    ask.redirect("/loop")


@route("/deeper")
def _(ask):
    ask.redirect("/deeper?" + "x" * (ask.path.count("x") + 1))


@case
def circles_and_endless_ways_end():
    expect(lab.get("https://hub.test/loop"), ok=False, failure="refused")
    assert len(lab.asked) == 1
    expect(lab.get("https://hub.test/deeper"), ok=False, failure="refused")
    assert len(lab.asked) == 11 and "10 times" in lab.output


@route("/down")
def _(ask):
    ask.redirect("http://hub.test/ok")


@route("/inside")
def _(ask):
    ask.redirect("https://" + ask.path.split("?")[1] + "/ok")


@route("/nonsense")
def _(ask):
    ask.redirect("gopher://x/")


@case
def redirects_downgrade_nothing_and_lead_nowhere_private():
    expect(lab.get("https://hub.test/down", "--plain"), ok=False, failure="refused")
    assert "from https to http" in lab.output
    for to in ("10.0.0.1", "127.0.0.1:%d" % lab.port, "[::1]", "169.254.169.254", "[fd00:ec2::254]"):
        expect(lab.get("https://hub.test/inside?" + to), ok=False, failure="refused")
        assert len(lab.asked) == 1
    expect(lab.get("https://hub.test/inside?rebind.test:%d" % lab.port, "--resolve", "rebind.test=127.0.0.1"),
           ok=False, failure="refused")
    expect(lab.get("https://hub.test/nonsense"), ok=False, failure="refused")


@case
def a_private_server_may_not_send_us_to_this_machine():
    answer = lab.get("https://hub.test:%d/inside?localhost:%d" % (lab.port, lab.port), "--private",
                     "--resolve", "hub.test=127.0.0.1", connect=False)
    expect(answer, ok=True)  # from loopback to loopback
    answer = lab.get("https://hub.test/inside?localhost:%d" % lab.port, "--private")
    expect(answer, ok=False, failure="refused")  # --connect-to: a public host


@case
def a_redirect_can_be_handed_to_the_caller():
    expect(lab.get("https://hub.test/away", "--stay"), ok=True, status=302)
    assert len(lab.asked) == 1


@case
def a_post_becomes_a_get_or_stays_at_home():
    expect(lab.get("https://hub.test/home", "--post", "{}"), ok=True)
    assert [a.method for a in lab.asked] == ["POST", "GET"]
    expect(lab.get("https://hub.test/keep", "--post", SECRET), ok=False, failure="refused")
    assert len(lab.asked) == 1


@route("/keep")
def _(ask):
    ask.redirect("https://evil.test/ok", 307)


# --- retries ---

def failing(path, times, status, **fields):
    left = {}

    @route(path)
    def _(ask):
        left[ask.host] = left.get(ask.host, times) - 1
        if left[ask.host] < 0:
            del left[ask.host]
            ask.reply(200, b"at last")
        else:
            ask.reply(status, b"no", **fields)


failing("/500", 3, 500)
failing("/429", 1, 429, Retry_After=7)
failing("/date", 1, 503, Retry_After="Tue, 14 Nov 2023 22:13:50 GMT")
failing("/hf", 1, 429, RateLimit='"api";r=0;t=55')
failing("/github", 1, 403, X_RateLimit_Remaining=0, X_RateLimit_Reset=1700000020)
failing("/patient", 9, 429, Retry_After=100000)
failing("/never", 99, 503)
failing("/forbidden", 9, 403)


@case
def what_may_pass_is_tried_again_after_the_time_that_was_asked_for():
    for path, slept, attempts in (("/500", 3.5, 4), ("/429", 7, 2), ("/date", 30, 2), ("/hf", 55, 2),
                                  ("/github", 20, 2)):
        expect(lab.get("https://hub.test" + path), ok=True, status=200, body="at last", slept=slept,
               attempts=attempts)


@case
def retries_end():
    expect(lab.get("https://hub.test/never"), ok=True, status=503, body="no", attempts=5)
    expect(lab.get("https://hub.test/never", "--attempts", 2), status=503, attempts=2)
    expect(lab.get("https://hub.test/patient"), ok=True, status=429, attempts=1, slept=0, body="no")
    expect(lab.get("https://hub.test/forbidden"), ok=True, status=403, attempts=1)


@case
def a_post_is_repeated_only_when_nothing_was_done():
    expect(lab.get("https://hub.test/429", "--post", "{}"), status=200, attempts=2)
    expect(lab.get("https://hub.test/500", "--post", "{}"), status=500, attempts=1)


@route("/cut")
def _(ask):
    ask.head(200, Content_Length=100)
    ask.send(b"half")
    ask.cut()


@route("/silent")
def _(ask):
    ask.cut()


@case
def a_connection_that_ends_early_is_an_error_after_retries():
    for path in ("/cut", "/silent"):
        expect(lab.get("https://hub.test" + path, "--attempts", 3), ok=False, failure="cut", attempts=3)


@route("/slow")
def _(ask):
    ask.head(200, Content_Length=1000)
    ask.send(b"x")
    ask.connection.settimeout(30)
    ask.connection.recv(1)  # until the client gives up
    ask.cut()


@case
def a_server_that_says_nothing_is_given_up():
    expect(lab.get("https://hub.test/slow", "--slow", 1, "--attempts", 1), ok=False, failure="cut")
    expect(lab.get("https://hub.test/slow", "--total", 1, "--attempts", 1), ok=False, failure="cut")


# --- size ---

@route("/bomb")
def _(ask):
    body = gzip.compress(b"\0" * (8 << 20))
    ask.reply(200, body, Content_Encoding="gzip")


@route("/endless")
def _(ask):
    ask.head(200, Content_Length=1 << 30)
    while True:
        ask.send(b"x" * 65536)


@route("/endless-error")
def _(ask):
    ask.head(404, Content_Length=1 << 30)
    while True:
        ask.send(b"x" * 65536)


@route("/header")
def _(ask):
    ask.send(b"HTTP/1.1 200 X\r\nA: " + b"y" * (10 << 20) + b"\r\n\r\n")


@route("/headers")
def _(ask):
    ask.send(b"HTTP/1.1 200 X\r\n")
    for i in range(10000):
        ask.send(b"A%d: %s\r\n" % (i, b"y" * 1000))


@case
def sizes_are_bounded():
    expect(lab.get("https://hub.test/bomb", "--compressed", "--body-max", 1 << 20), ok=False,
           failure="too-large", attempts=1)
    expect(lab.get("https://hub.test/bomb", "--compressed"), ok=True)  # 8 MiB are within 16
    expect(lab.get("https://hub.test/endless"), ok=False, failure="too-large")
    expect(lab.get("https://hub.test/endless-error"), ok=True, status=404)
    for path in ("/header", "/headers"):
        expect(lab.get("https://hub.test" + path, "--attempts", 1), ok=False, failure="too-large")


# --- what is asked for ---

@case
def compression_is_only_for_those_who_asked():
    lab.get("https://hub.test/ok")
    assert lab.asked[0].headers["accept-encoding"] == "identity"
    lab.get("https://hub.test/ok", "--compressed")
    assert lab.asked[0].headers["accept-encoding"] == "gzip, deflate"
    assert lab.asked[0].headers["user-agent"].startswith("assay/")


@case
def a_header_cannot_bring_another():
    expect(lab.get("https://hub.test/ok", "--header", "A: b\r\nC: d"), ok=False, failure="usage")
    assert not lab.asked


@case
def nothing_is_read_from_the_environment():
    dead = "http://127.0.0.1:1"
    answer = lab.get("https://hub.test/ok", env={"https_proxy": dead, "HTTPS_PROXY": dead, "ALL_PROXY": dead,
                                                 "all_proxy": dead, "CURL_CA_BUNDLE": "/dev/null"})
    expect(answer, ok=True)


@case
def a_proxy_is_asked_to_connect():
    @route("hub.test:443")
    def _(ask):
        ask.reply(407)
    lab.get("https://hub.test/ok", "--https-proxy", "http://127.0.0.1:%d" % lab.plain_port,
            "--attempts", 1, *TOKEN, connect=False)
    assert [(a.method, a.path) for a in lab.asked] == [("CONNECT", "hub.test:443")]
    assert SECRET not in str(lab.asked[0].headers)
    expect(lab.get("https://hub.test/ok", "--https-proxy", "http://127.0.0.1:1", "--no-proxy", ".test"), ok=True)


@case
def errors_show_no_query():
    answer = lab.get("https://nowhere.invalid/x?X-Amz-Signature=" + SECRET, "--attempts", 1)
    expect(answer, ok=False)
    assert SECRET not in answer["error"]


@case
def no_program_is_linked_with_libcurl_and_the_worker_has_no_network_code():
    worker = os.path.join(BUILD, "bin", "assay-worker")
    for program in (worker, os.path.join(BUILD, "bin", "assay")):
        needed = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True).stdout
        assert "NEEDED" in needed and "libcurl" not in needed, needed
    with open(worker, "rb") as f:
        assert b"libcurl" not in f.read()


main()
