#!/usr/bin/python3
"""References whose registry or network does not behave, and what is done with what came:
scan, metadata, fetch and lock of a Hub in miniature."""
import atexit, base64, hashlib, json, os, pickle, resource, struct, subprocess, sys, tempfile, threading, zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from replay import WEIGHTS, Replay, cases, fit
from tap import ASSAY, case, main

CDN, EVIL, MIRROR = "cdn-lfs.hf.co", "evil.test", "mirror.test"
lab = Replay(extra=(CDN, EVIL, MIRROR)).__enter__()
atexit.register(lambda: lab.__exit__())

COMMIT = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
HUB = "https://huggingface.co"
CONFIG = b'{"model_type": "tiny"}\n'


def tensors(size=64):
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(i * 7 & 255 for i in range(size))


class Payload:
    def __reduce__(self):
        return os.system, ("id",)


MODEL = {"config.json": CONFIG, "model.safetensors": tensors()}
LARGE = {"config.json": CONFIG, "model.safetensors": tensors(6 << 20)}


def git_sha1(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def entry(path, data, scan="safe"):
    return {"type": "file", "path": path, "size": len(data), "oid": git_sha1(data),
            "lfs": {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134},
            "securityFileStatus": {"status": scan}}


def hub(files, name="acme/tiny", commit=COMMIT, listing=None, info=None, revision="main"):
    """Play a Hub that has one model."""
    api = "GET %s/api/models/%s" % (HUB, name)
    body = {"id": name, "author": name.split("/")[0], "sha": commit, "createdAt": "2022-03-02T23:29:04.000Z",
            "downloads": 5000, "private": False, "gated": False, "disabled": False, "cardData": {"license": "mit"},
            "securityRepoStatus": {"scansDone": True, "filesWithIssues": []}}
    body.update(info or {})
    tree = listing if listing is not None else [entry(p, d) for p, d in sorted(files.items())]
    lab.case = {"endpoint": HUB, "answers": {
        api + "/revision/%s?securityStatus=true&blobs=true" % revision: {"body": body},
        api + "/tree/%s?recursive=true&expand=true" % commit: {"body": tree}}}
    lab.files = {url(p, name, commit): d for p, d in files.items()}
    lab.fault = None


def url(path, name="acme/tiny", commit=COMMIT):
    return "%s/%s/resolve/%s/%s" % (HUB, name, commit, path)


def scratch():
    return tempfile.mkdtemp(dir=lab.directory)


def scan(*words, expect=None, reference="hf:acme/tiny", **more):
    p, report = lab.scan(reference, *words, **more)
    assert expect is None or p.returncode == expect, (p.returncode, p.stderr, (report or {}).get("errors"),
                                                      report and [m["reasons"] for m in report["models"]])
    return report


def rules(report):
    return {f["rule"] for m in report["models"] for f in m["findings"]}


def files(report):
    return {f["path"]: f for m in report["models"] for f in m["files"]}


def asked(path):
    return [a for a in lab.asked if a.path.startswith(path)]


def tree(folder):
    return sorted(os.path.relpath(os.path.join(b, f), folder) for b, _, fs in os.walk(folder) for f in fs)


def objects(cache):
    return tree(os.path.join(cache, "objects"))


# ---- honest ------------------------------------------------------------------------


@case
def an_honest_model_passes_and_leaves_nothing_behind():
    hub(MODEL)
    r = scan(expect=0)
    m, = r["models"]
    assert m["origin"]["basis"] == "fetched" and m["trust"] == "medium" and m["identity"] == "hf:acme/tiny"
    assert {(e["algorithm"], e["state"]) for f in m["files"] for e in f["expected"]} == {
        ("sha256", "verified"), ("size", "verified")}
    assert objects(os.path.join(lab.directory, "cache/assay/downloads")) == []


@case
def keep_puts_the_files_into_a_directory():
    hub(MODEL)
    d = scratch() + "/kept"
    scan("--keep", d, expect=0)
    assert tree(d) == ["config.json", "model.safetensors"]
    assert open(d + "/model.safetensors", "rb").read() == MODEL["model.safetensors"]
    p, _ = lab.scan("hf:acme/tiny", "--keep", d, "hf:acme/other")
    assert p.returncode == 4 and b"--keep" in p.stderr, p


@case
def a_file_of_the_reference_is_all_that_is_loaded():
    hub(MODEL)
    r = scan(reference="hf:acme/tiny@main/model.safetensors", expect=0)
    assert list(files(r)) == ["model.safetensors"] and not asked("/acme/tiny/resolve/%s/config" % COMMIT)
    p, _ = lab.scan("hf:acme/tiny@main/nothing.bin")
    assert p.returncode == 4 and b"has no file nothing.bin" in p.stderr, p


@case
def a_cache_serves_a_scan_without_any_network():
    hub(MODEL)
    d = scratch()
    first = scan("--cache", d, expect=0)
    second = scan("--cache", d, "--offline", expect=0)
    assert not lab.asked
    for r in (first, second):
        r.pop("run")
    assert first == second
    r = scan("--cache", scratch(), "--offline", expect=2)
    assert "--offline" in r["errors"][0]["message"], r["errors"]


@case
def text_tells_where_it_comes_from():
    hub(MODEL)
    p = lab.assay("scan", "hf:acme/tiny")
    assert p.returncode == 0 and b"HuggingFace Hub" in p.stdout and b"author-verified" in p.stdout, p.stdout.decode()


# ---- what comes is not what was promised --------------------------------------------


@case
def a_payload_that_the_registry_calls_safe_is_a_disagreement():
    hub(dict(MODEL, **{"model.pkl": pickle.dumps(Payload())}))
    r = scan(expect=1)
    assert "trust/registry-disagrees" in rules(r), rules(r)


@case
def bytes_with_another_hash_are_never_taken_for_the_model():
    hub(MODEL)
    wrong = bytearray(MODEL["model.safetensors"])
    wrong[-1] ^= 1
    lab.files[url("model.safetensors")] = bytes(wrong)
    d = scratch() + "/kept"
    r = scan("--keep", d, expect=1)
    assert rules(r) == {"integrity/digest-mismatch"} and tree(d) == ["config.json"], (rules(r), tree(d))
    assert files(r)["model.safetensors"]["status"] == "failed"


@case
def a_file_of_another_length_is_a_finding():
    for data in (MODEL["model.safetensors"] + b"more", MODEL["model.safetensors"][:-1]):
        hub(MODEL)
        lab.files[url("model.safetensors")] = data
        assert "integrity/digest-mismatch" in rules(scan(expect=1))


@case
def a_redirect_to_a_host_of_the_registry_is_fine_and_takes_no_token_there():
    hub(MODEL)
    data = MODEL["model.safetensors"]
    lab.files[url("model.safetensors")] = lambda ask: ask.redirect("https://%s/blob?sig=1" % CDN)
    lab.files["https://%s/blob?sig=1" % CDN] = data
    r = scan(expect=0, env={"HF_TOKEN": "hf_secret"})
    sent = {a.host: a.headers.get("authorization") for a in lab.asked}
    assert sent["huggingface.co"] == "Bearer hf_secret" and sent[CDN] is None, sent
    assert "hf_secret" not in json.dumps(r) and "HF_TOKEN" in r["models"][0]["origin"]["evidence"]


@case
def a_redirect_to_any_other_host_is_a_finding():
    hub(MODEL)
    lab.files[url("config.json")] = lambda ask: ask.redirect("https://%s/x" % EVIL)
    lab.files["https://%s/x" % EVIL] = CONFIG
    assert "trust/foreign-host" in rules(scan(env={"HF_TOKEN": "hf_secret"}))
    assert not [a for a in lab.asked if a.host == EVIL and "authorization" in a.headers]


def mirror(to):
    """At mirror.test: files, and the way to `to` for the questions."""
    def play(ask, _):
        if ask.host != MIRROR:
            return False
        name = ask.path.rpartition("/")[2]
        if "/resolve/" in ask.path:
            ask.serve(MODEL[name])
        else:
            ask.redirect(to + ask.path, 308)
        return True
    hub(MODEL)
    lab.fault = play
    return {"HF_ENDPOINT": "https://" + MIRROR, "HF_TOKEN": "hf_secret"}


@case
def a_mirror_may_send_questions_on_to_the_registry_but_no_token():
    env = mirror(HUB)
    r = scan(expect=0, env=env, hosts=(MIRROR, "huggingface.co"))
    m, = r["models"]
    assert m["trust"] == "medium" and m["origin"]["evidence"].endswith("which sent questions on to " + HUB), m["origin"]
    assert {(e["algorithm"], e["state"]) for f in m["files"] for e in f["expected"]} == {("sha256", "verified"), ("size", "verified")}
    for a in lab.asked:
        assert a.headers.get("authorization") == ("Bearer hf_secret" if a.host == MIRROR else None), (a.host, a.path)
        assert a.host == (MIRROR if "/resolve/" in a.path else a.host), a.path  # files come from the mirror
    p = lab.assay("metadata", "-o", "json", "hf:acme/tiny", env=env, hosts=(MIRROR, "huggingface.co"))
    told = json.loads(p.stdout)
    assert told["endpoint"] == "https://" + MIRROR and told["answered_by"] == HUB, told


@case
def the_next_page_lies_where_the_answer_came_from():
    first, second = (entry(p, MODEL[p]) for p in sorted(MODEL))
    tree = "GET %s/api/models/acme/tiny/tree/%s?recursive=true&expand=true" % (HUB, COMMIT)
    for host, code in ((HUB, 0), ("https://" + MIRROR, 2), ("https://" + EVIL, 2)):
        env = mirror(HUB)
        link = '<%s/api/models/acme/tiny/tree/%s?recursive=true&expand=true&cursor=2>; rel="next"' % (host, COMMIT)
        lab.case["answers"][tree] = {"body": [first], "headers": {"Link": link}}
        lab.case["answers"][tree + "&cursor=2"] = {"body": [second]}
        r = scan(expect=code, env=env, hosts=(MIRROR, EVIL, "huggingface.co"))
        assert not [a for a in lab.asked if a.host == EVIL] and (code or len(files(r)) == 2), host


@case
def a_mirror_that_sends_questions_to_anyone_else_is_refused():
    for to in ("https://" + EVIL, "https://x.huggingface.co", "http://huggingface.co"):
        r = scan(expect=2, env=mirror(to), hosts=(MIRROR, EVIL, "huggingface.co"))
        said = r["errors"][0]["message"]
        assert {a.host for a in lab.asked} == {MIRROR} and not r["models"], (to, r["models"])
        assert to in said and "HF_ENDPOINT" in said or to.startswith("http:"), said


@case
def a_refusal_of_whom_a_mirror_sends_to_says_who_it_is():
    env = mirror(HUB)
    for key in lab.case["answers"]:
        lab.case["answers"][key] = {"status": 401, "body": {"error": "Repository not found"}}
    r = scan(expect=2, env=env, hosts=(MIRROR, "huggingface.co"))
    assert "(says %s, which gets no credential of https://%s)" % (HUB, MIRROR) in r["errors"][0]["message"], r["errors"]


@case
def an_internal_registry_sends_nobody_on():
    mirror("https://gitlab.com")
    env = {"GITLAB_URL": "https://" + MIRROR, "GITLAB_TOKEN": "glpat-secret"}
    r = scan(expect=2, reference="gitlab:acme/vision:fraud@1.0.0", env=env, hosts=(MIRROR, "gitlab.com"))
    assert {a.host for a in lab.asked} == {MIRROR} and "https://gitlab.com: set GITLAB_URL" in r["errors"][0]["message"], r["errors"]


@case
def loops_and_downgrades_are_refused():
    for to in (url("config.json"), "http://%s/x" % CDN):
        hub(MODEL)
        lab.files[url("config.json")] = lambda ask: ask.redirect(to)
        r = scan(expect=2)
        assert files(r)["config.json"]["status"] == "failed" and files(r)["model.safetensors"]["status"] == "complete"


@case
def a_registry_that_refuses_costs_its_target_only():
    for status, retryable in ((429, True), (500, True), (403, False), (401, False)):
        hub(MODEL)
        lab.fault = lambda ask, u: "/revision/" in u and (ask.reply(status, b"{}"), True)[1]
        d = scratch()
        with open(d + "/local.pkl", "wb") as f:
            f.write(pickle.dumps([1, 2]))
        r = scan(d, expect=2)
        assert [e["retryable"] for e in r["errors"]] == [retryable] and len(r["models"]) == 1, (status, r["errors"])


@case
def a_refusal_that_passes_is_asked_again():
    hub(MODEL)
    left = [1, 1]

    def fault(ask, u):
        if "/resolve/" in u and left:
            left.pop()
            ask.reply(503, b"", Retry_After="0")
            return True
    lab.fault = fault
    scan(expect=0, tries=4)


@case
def a_file_that_is_refused_is_incomplete():
    for status in (404, 500):
        hub(MODEL)
        lab.fault = lambda ask, u: u == url("model.safetensors") and (ask.reply(status, b""), True)[1]
        r = scan(expect=2)
        assert files(r)["model.safetensors"]["status"] == "failed"


@case
def a_cut_download_goes_on_where_it_ended():
    hub(LARGE)
    data, cut = LARGE["model.safetensors"], 3 << 20

    def half(ask):
        ask.head(200, Content_Length=len(data), ETag='"v1"')
        ask.send(data[:cut])
        ask.cut()
    lab.files[url("model.safetensors")] = half
    assert files(scan(expect=2))["model.safetensors"]["status"] == "failed"
    lab.files[url("model.safetensors")] = data
    scan(expect=0)
    again, = asked("/acme/tiny/resolve/%s/model" % COMMIT)
    assert again.headers["range"] == "bytes=%d-" % cut, again.headers


# ---- answers -------------------------------------------------------------------------


def bounded(fault, limit_mib=320):
    """Scan with a fault; exit 2, an error that says something, and not much memory."""
    hub(MODEL)
    lab.fault = fault
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    r = scan(expect=2)
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert after == before or after < limit_mib << 10, (before, after)
    assert r["errors"] and r["errors"][0]["code"] in ("network", "memory"), r["errors"]
    return r["errors"][0]["message"]


def tree_fault(answer):
    def fault(ask, u):
        if "/tree/" in u:
            answer(ask)
            return True
    return fault


@case
def a_compressed_bomb_is_stopped():
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(b"[") + b"".join(packer.compress(b" " * (1 << 20)) for _ in range(400)) + packer.flush()
    bounded(tree_fault(lambda ask: ask.reply(200, bomb, Content_Encoding="gzip")))


@case
def an_answer_of_hundreds_of_megabytes_is_stopped():
    def answer(ask):
        ask.head(200, Content_Length=300 << 20)
        for _ in range(300):
            ask.send(b" " * (1 << 20))
    bounded(tree_fault(answer))


@case
def a_header_of_ten_megabytes_is_stopped():
    bounded(tree_fault(lambda ask: ask.reply(200, b"[]", X_Long="x" * (10 << 20))))


@case
def pages_without_an_end_are_stopped():
    count = [0]

    def answer(ask):
        count[0] += 1
        ask.reply(200, b"[]", Link='<%s/api/models/acme/tiny/tree/%s?cursor=%d>; rel="next"' % (HUB, COMMIT, count[0]))
    assert "pages" in bounded(tree_fault(answer)) and count[0] <= 1000, count


@case
def a_million_files_are_too_many():
    count = [0]

    def answer(ask):
        count[0] += 1
        page = json.dumps([{"type": "file", "path": "d%d/f%d" % (count[0], i), "size": 1, "oid": "0" * 40}
                           for i in range(20000)]).encode()
        ask.reply(200, page, Link='<%s/api/models/acme/tiny/tree/%s?cursor=%d>; rel="next"' % (HUB, COMMIT, count[0]))
    bounded(tree_fault(answer), 1024)
    assert count[0] < 50, count


@case
def nesting_and_garbage_are_malformed():
    for body in (b"[" * 100000, b"\xff\xfe", b'{"a": 1, "a": 2}', b"<html>", b""):
        bounded(tree_fault(lambda ask: ask.reply(200, body)))


@case
def names_that_no_file_may_have_are_refused_and_written_nowhere():
    data = MODEL["config.json"]
    bad = ["/etc/passwd", "../up", "a/../../b", "a//b", "C:x", "a\\b", "a\x1bb", "", "./x", "x" * 5000]
    hub(MODEL, listing=[entry(p, data) for p in bad] + [entry("config.json", data)])
    d = scratch()
    r = scan("--keep", d + "/kept", expect=1)
    assert "trust/unsafe-listing" in rules(r) and tree(d) == ["kept/config.json"], (rules(r), tree(d))
    d = scratch()
    p = lab.assay("fetch", "hf:acme/tiny", "--to", d + "/to")
    assert p.returncode == 2 and tree(d) == ["to/config.json"], (p, tree(d))


@case
def one_path_twice_is_refused():
    hub(MODEL, listing=[entry("config.json", CONFIG), entry("config.json", b"other")])
    assert "trust/unsafe-listing" in rules(scan(expect=1))


@case
def a_file_that_is_also_a_directory_cannot_be_kept():
    hub({"a": CONFIG, "a/b": CONFIG})
    d = scratch() + "/kept"
    r = scan("--keep", d, expect=2)
    assert len(tree(d)) == 1 and "could not be kept" in json.dumps(r)


@case
def hostile_metadata_cannot_reach_the_terminal():
    hub(MODEL, info={"pipeline_tag": "\x1b]0;owned\x07", "tags": ["license:\u202e"]})
    for p in (lab.assay("metadata", "hf:acme/tiny"), lab.assay("scan", "hf:acme/tiny")):
        assert b"\x1b" not in p.stdout and b"\xe2\x80\xae" not in p.stdout, p.stdout


@case
def references_that_could_mean_two_things_are_refused():
    hub(MODEL)
    for text in ("hf:acme/tiny@ma\tin", "hf:acme/..", "hf:acme/tiny/../../x", "hf:acme%2ftiny", "hf:acme/tiny\x1b",
                 "https://huggingface.co@evil.test/acme/tiny", "https://huggingface.co.evil.test/acme/tiny",
                 "https://evil.test/acme/tiny", "http://huggingface.co/acme/tiny", "hf:evil.test:443/acme/tiny"):
        for command in ("scan", "metadata"):
            p = lab.assay(command, text, hosts=["huggingface.co", EVIL])
            assert p.returncode in (2, 4) and not [a for a in lab.asked if a.host == EVIL and "authorization" in a.headers], (text, p)
            assert b"\x1b" not in p.stderr


@case
def a_server_that_the_reference_names_gets_no_token():
    for registry, c in cases():
        if "evil" in c["reference"]:
            lab.case, lab.files, lab.fault = fit(c), {}, None
            lab.scan(c["reference"], env={"MLFLOW_TRACKING_TOKEN": "secret"})
            assert lab.asked and not lab.credentials(), lab.credentials()


# ---- who and which -------------------------------------------------------------------


@case
def a_name_that_looks_like_a_publisher_is_a_finding():
    hub(MODEL, name="rneta-llama/tiny")
    assert "trust/look-alike-name" in rules(scan(reference="hf:rneta-llama/tiny"))
    hub(MODEL, name="meta-llama/tiny")
    assert "trust/look-alike-name" not in rules(scan(reference="hf:meta-llama/tiny"))


@case
def a_model_that_was_renamed_is_a_finding():
    hub(MODEL, info={"id": "other/tiny"})
    assert "trust/renamed" in rules(scan())


@case
def a_registry_that_sends_elsewhere_leaves_the_lower_level():
    moved = next(c for r, c in cases() if r == "tfhub" and "rematch" in c.get("expect", {}))
    there = next(c for r, c in cases() if r == "kaggle" and c["expect"]["listed"])
    target = there["reference"].split(":")[1]
    answers = {k: dict(a) for k, a in moved["answers"].items()}
    for a in answers.values():
        headers = {k.lower(): k for k in a.get("headers", {})}
        if "location" in headers:
            owner, model, framework, variation, version = target.split("/")
            a["headers"] = {headers["location"]: "https://www.kaggle.com/models/%s/%s/%s/%s/%s" % (
                owner, model, framework, variation, version)}
    lab.case = fit(dict(there, answers=dict(there["answers"], **answers), endpoint=moved["endpoint"]))
    lab.files, lab.fault = {}, None
    _, r = lab.scan(moved["reference"])
    m, = r["models"]
    assert m["origin"]["registry"] == "kaggle" and m["trust"] == "medium", m["origin"]
    assert {"key": "moved.from", "value": moved["reference"]} in m["metadata"], m["metadata"]


@case
def a_lockfile_holds_a_tag_to_what_it_named():
    hub(MODEL)
    lock = scratch() + "/models.lock.json"
    p = lab.assay("lock", "hf:acme/tiny", "-o", lock)
    assert p.returncode == 0, p
    target, = json.load(open(lock))["targets"]
    assert target["origin"]["reference"] == "hf:acme/tiny" and target["origin"]["revision"] == COMMIT
    r = scan("--lockfile", lock, expect=0)
    assert {e["by"] for e in files(r)["config.json"]["expected"]} == {"registry", "lockfile"}
    assert rules(r) == set(), rules(r)
    hub(dict(MODEL, **{"config.json": b'{"model_type": "other"}\n'}), commit="1" * 40)
    r = scan("--lockfile", lock, expect=1)
    assert {"trust/moved-revision", "integrity/digest-mismatch"} <= rules(r), rules(r)


@case
def a_lock_of_half_a_model_is_none():
    hub(MODEL)
    lab.fault = lambda ask, u: u == url("config.json") and (ask.reply(404, b""), True)[1]
    lock = scratch() + "/lock.json"
    p = lab.assay("lock", "hf:acme/tiny", "-o", lock)
    assert p.returncode == 2 and not os.path.exists(lock), p


# ---- metadata and fetch --------------------------------------------------------------


@case
def metadata_prints_what_the_registry_says_and_loads_nothing():
    hub(MODEL)
    p = lab.assay("metadata", "-o", "json", "hf:acme/tiny")
    r = json.loads(p.stdout)
    assert p.returncode == 0 and r["schema"] == "assay-metadata/1" and r["trust"] == "medium" and r["listed"]
    assert r["revision"] == COMMIT and [f["path"] for f in r["files"]] == sorted(MODEL)
    assert not asked("/acme/tiny/resolve")
    p = lab.assay("metadata", "hf:acme/tiny")
    assert p.returncode == 0 and b"model.safetensors" in p.stdout
    hub(MODEL)
    lab.fault = lambda ask, u: (ask.reply(404, b"{}"), True)[1]
    assert lab.assay("metadata", "hf:acme/tiny").returncode in (2, 4)
    assert lab.assay("metadata", "some/path").returncode == 4


@case
def fetch_downloads_and_verifies_and_does_it_once():
    hub(MODEL)
    d = scratch() + "/to"
    for loaded in (2, 0):
        p = lab.assay("fetch", "hf:acme/tiny", "--to", d)
        assert p.returncode == 0 and tree(d) == sorted(MODEL) and len(asked("/acme/tiny/resolve")) == loaded, p
        check = subprocess.run(["sha256sum", "-c", "-"], input=p.stdout, cwd=d, capture_output=True)
        assert check.returncode == 0, check
    with open(d + "/config.json", "ab") as f:
        f.write(b" ")
    p = lab.assay("fetch", "hf:acme/tiny", "--to", d)
    assert p.returncode == 0 and open(d + "/config.json", "rb").read() == CONFIG and len(asked("/acme/tiny/resolve")) == 1


@case
def fetch_of_wrong_bytes_is_exit_1_and_they_are_not_there():
    hub(MODEL)
    lab.files[url("config.json")] = CONFIG.replace(b"tiny", b"evil")
    d = scratch() + "/to"
    p = lab.assay("fetch", "hf:acme/tiny", "--to", d)
    assert p.returncode == 1 and tree(d) == ["model.safetensors"], (p, tree(d))


@case
def fetch_follows_no_link_out_of_its_directory():
    hub({"sub/config.json": CONFIG})
    d, out = scratch(), scratch()
    os.symlink(out, d + "/sub")
    p = lab.assay("fetch", "hf:acme/tiny", "--to", d)
    assert p.returncode == 2 and tree(out) == [], (p, tree(out))


@case
def a_killed_fetch_resumes_and_verifies():
    hub(LARGE)
    data, begun = LARGE["model.safetensors"], threading.Event()
    killed = threading.Event()

    def slow(ask):
        ask.head(200, Content_Length=len(data), ETag='"v1"')
        ask.send(data[:4 << 20])
        begun.set()
        killed.wait(60)
        ask.cut()
    lab.files[url("model.safetensors")] = slow
    d = scratch() + "/to"
    p = lab.start("fetch", "hf:acme/tiny", "--to", d)
    assert begun.wait(60)
    partial = os.path.join(lab.directory, "cache/assay/downloads/partial")
    for _ in range(600):  # until some of it is on the disk
        if any(os.path.getsize(os.path.join(partial, f)) > 1 << 20 for f in os.listdir(partial)):
            break
        threading.Event().wait(0.05)
    p.kill()
    p.wait()
    killed.set()
    assert "model.safetensors" not in tree(d)
    lab.files[url("model.safetensors")] = data
    p = lab.assay("fetch", "hf:acme/tiny", "--to", d)
    again, = asked("/acme/tiny/resolve/%s/model" % COMMIT)
    assert p.returncode == 0 and int(again.headers["range"][6:-1]) > 1 << 20, again.headers
    assert open(d + "/model.safetensors", "rb").read() == data


@case
def a_file_above_the_operator_s_bound_is_not_loaded_and_never_clean():
    hub(MODEL)
    size = len(MODEL["model.safetensors"])
    scan("--max-file-size", size, expect=0)
    r = scan("--max-file-size", size - 1, expect=2)
    f = files(r)
    assert f["model.safetensors"]["status"] == "failed" and "larger than %d bytes" % (size - 1) in f["model.safetensors"]["reason"], f
    assert f["config.json"]["status"] != "failed" and not asked("/acme/tiny/resolve/%s/model.safetensors" % COMMIT)
    assert not {x for x in rules(r) if x.startswith("integrity/")}, rules(r)
    # also where the list does not tell the size, and from the cache
    cache = scratch() + "/cache"
    scan("--cache", cache, expect=0)
    assert files(scan("--cache", cache, "--offline", "--max-file-size", size - 1, expect=2))["model.safetensors"]["status"] == "failed"
    tree = [entry(p, d) for p, d in sorted(MODEL.items())]
    for e in tree:
        del e["size"], e["lfs"]["size"]
    hub(MODEL, listing=tree)
    assert files(scan("--max-file-size", size - 1, expect=2))["model.safetensors"]["status"] == "failed"
    to = scratch()
    p = lab.assay("fetch", "hf:acme/tiny", "--to", to, "--max-file-size", size - 1)
    assert p.returncode == 2 and os.listdir(to) == ["config.json"] and b"larger than" in p.stderr, p
    assert lab.assay("lock", "hf:acme/tiny", "-o", to + "/lock", "--max-file-size", size - 1).returncode != 0
    assert not os.path.exists(to + "/lock")
    for bad in ("0", "-1", "1M", ""):
        assert lab.assay("scan", "hf:acme/tiny", "--max-file-size", bad).returncode == 4


# ---- digests that only a download's headers name -----------------------------------------


def crc32c(data):
    value = 0xffffffff
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82f63b78 if value & 1 else 0)
    return value ^ 0xffffffff


@case
def a_checksum_in_a_header_is_checked_and_called_weak():
    kaggle = fit(next(c for r, c in cases() if r == "kaggle" and c["expect"]["listed"]))
    config = next(f["url"] for f in kaggle["expect"]["files"] if f["url"].endswith("/config.json"))
    for right in (True, False):
        value = base64.b64encode(crc32c(WEIGHTS if right else b"other").to_bytes(4, "big")).decode()
        lab.case, lab.files, lab.fault = kaggle, {}, None
        lab.files[config] = lambda a: a.reply(200, WEIGHTS, x_goog_hash="crc32c=" + value)
        r = scan(reference=kaggle["reference"])
        found = [(e["state"], e["weak"]) for e in files(r)["config.json"]["expected"] if e["algorithm"] == "crc32c"]
        assert found == [("verified" if right else "mismatch", True)], files(r)["config.json"]
        assert ("integrity/digest-mismatch" in rules(r)) == (not right)
        to = scratch()
        p = lab.assay("fetch", kaggle["reference"], "--to", to)
        assert p.returncode == (0 if right else 1), p
        assert os.path.exists(to + "/config.json") == right and (right or b"a header names crc32c" in p.stderr), p.stderr


# ---- signatures that lie in a fetched model ---------------------------------------------


def key_pair():
    d = scratch()
    quiet = dict(check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", d + "/k"], **quiet)
    subprocess.run(["openssl", "ec", "-in", d + "/k", "-pubout", "-out", d + "/p"], **quiet)
    return d + "/k", d + "/p"


def bundle(model, *options):
    """The bytes of an OMS bundle over the files, and the key that it verifies with."""
    private, public = key_pair()
    d = scratch()
    for path, data in model.items():
        os.makedirs(os.path.dirname(os.path.join(d, path)), exist_ok=True)
        with open(os.path.join(d, path), "wb") as f:
            f.write(data)
    out = scratch() + "/b"
    p = subprocess.run([ASSAY, "sign", "key", d, "--private-key", private, "--signature", out, *options],
                       capture_output=True)
    assert p.returncode == 0, p.stderr
    with open(out, "rb") as f:
        return f.read(), public


def signatures(report):
    return [(g["path"], g["kind"], g["state"]) for m in report["models"] for g in m["signatures"]]


@case
def a_signature_is_found_whatever_its_name_is():
    sealed, public = bundle(MODEL)
    for path in ("model.sig", "weights.bin", "a.json"):
        hub({**MODEL, path: sealed})
        r = scan("--public-key", public)
        found = signatures(r)
        assert found == [(path, "oms", "verified")], (path, found, r["models"][0]["signatures"])
        for name in MODEL:
            assert "verified" in {e["state"] for e in files(r)[name]["expected"] if e["by"] == "signature"}, (path, name)
        assert not {x for x in rules(r) if x.startswith("integrity/")}, rules(r)
        # and the same without anybody to accept it
        assert signatures(scan()) == [(path, "oms", "untrusted")]


@case
def a_changed_file_is_found_by_a_signature_with_an_odd_name():
    sealed, public = bundle(MODEL)
    hub({**MODEL, "config.json": b"{}", "weights.bin": sealed})
    r = scan("--public-key", public, expect=1)
    assert signatures(r) == [("weights.bin", "oms", "invalid")]
    assert {"integrity/signature-invalid", "integrity/digest-mismatch"} <= rules(r)


@case
def other_files_are_no_signatures():
    sealed, public = bundle(MODEL)
    hub({**MODEL, "weights.bin": b" " + sealed[1:], "b.json": b'{"a": "dev.sigstore.bundle"}', "empty": b""})
    assert signatures(scan("--public-key", public)) == []


@case
def a_signature_that_is_met_too_late_is_not_called_broken():
    sealed, public = bundle(MODEL, "--hash", "blake2b")
    hub({**MODEL, "model.sig": sealed})
    assert signatures(scan("--public-key", public)) == [("model.sig", "oms", "verified")]
    for options in ("--hash", "blake2b"), ("--shard-size", "40"):
        sealed, public = bundle(MODEL, *options)
        hub({**MODEL, "weights.bin": sealed})
        r = scan("--public-key", public)
        assert signatures(r) == [("weights.bin", "oms", "unsupported")], signatures(r)
        assert "integrity/signature-invalid" not in rules(r)


@case
def a_signature_of_openpgp_needs_the_file_and_says_so():
    ring = scratch() + "/ring"
    with open(ring, "wb") as f:
        f.write(b"\x99\x01\x0d\x04")
    hub({**MODEL, "model.safetensors.asc": b"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"})
    r = scan("--keyring", ring)
    assert signatures(r) == [("model.safetensors.asc", "gpg", "unsupported")], signatures(r)
    assert "fetch" in r["models"][0]["signatures"][0]["reason"]


# ---- who signed a fetched model, recorded and enforced -----------------------------------


def lock(*words, expect=0):
    out = scratch() + "/lock.json"
    p = lab.assay("lock", "hf:acme/tiny", "-o", out, *words)
    assert p.returncode == expect and os.path.exists(out) == (expect == 0), (p.returncode, p.stderr)
    return out


def signers_of(path):
    with open(path) as f:
        return json.load(f)["targets"][0].get("signers")


def relocked(path):
    """The recorded signers, and the files that are there now."""
    with open(lock()) as f:
        new = json.load(f)
    new["targets"][0]["signers"] = signers_of(path)
    out = scratch() + "/lock.json"
    with open(out, "w") as f:
        json.dump(new, f)
    return out


CHANGED = "integrity/signer-changed"


@case
def a_lock_records_who_signed_whatever_the_signature_is_called():
    sealed, public = bundle(MODEL)
    for path in ("model.sig", "seal.json", "sub/a.json"):
        base = path.rpartition("/")[0]
        hub({**{os.path.join(base, name): data for name, data in MODEL.items()}, path: sealed})
        recorded = lock("--public-key", public)
        (signer,) = signers_of(recorded)
        assert signer["identity"].startswith("sha256:") and signer["key"], signer
        assert len(asked("/acme/tiny/resolve/")) == len(MODEL) + 1, "each file is loaded once"
        r = scan("--lockfile", recorded, expect=0)
        assert signatures(r) == [(path, "oms", "verified")] and CHANGED not in rules(r)
        assert signers_of(lock()) is None


@case
def a_recorded_signer_must_have_signed_whatever_the_signature_is_called():
    sealed, public = bundle(MODEL)
    for path in ("model.sig", "seal.json"):
        other, other_key = bundle(MODEL)
        hub({**MODEL, path: sealed})
        recorded = lock("--public-key", public)
        hub(MODEL)
        r = scan("--lockfile", relocked(recorded), expect=1)
        assert rules(r) == {CHANGED} and signatures(r) == [], rules(r)
        hub({**MODEL, path: other})
        for options in ([], ["--public-key", other_key]):  # also when the operator accepts the other one
            r = scan("--lockfile", relocked(recorded), *options, expect=1)
            assert CHANGED in rules(r), rules(r)
        hub({**MODEL, "config.json": b"{}", path: sealed})
        r = scan("--lockfile", relocked(recorded), expect=1)
        assert {CHANGED, "integrity/signature-invalid"} <= rules(r), rules(r)
        hub({**MODEL, path: sealed})
        assert CHANGED not in rules(scan("--lockfile", relocked(recorded), expect=0))


@case
def a_lock_is_not_made_of_what_nobody_named_has_signed():
    sealed, _ = bundle(MODEL)
    _, other = key_pair()
    for files_there in (MODEL, {**MODEL, "seal.json": sealed}):
        hub(files_there)
        lock("--public-key", other, expect=1)


main()
