#!/usr/bin/python3
"""Files on their way into the cache: cut, wrong, resumed, shared."""
import hashlib, os, random, shutil, signal, subprocess, sys, threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import CLIENT, Lab, expect
from tap import case, main

lab = Lab().__enter__()
DATA = random.Random(5).randbytes((9 << 20) + 123)  # large enough for a hashing thread
SMALL = b"small file\n"
folders = iter(range(1000))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def git_sha1(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def cache():
    return os.path.join(lab.directory, "cache%d" % next(folders))


def load(folder, *urls, options=(), **more):
    answers = lab.run(*options, "load", folder, *urls, **more)
    assert not leftovers(folder) or answers[0]["state"] != "done", leftovers(folder)
    return answers[0] if len(answers) == 1 else answers


def leftovers(folder):
    return sorted(os.listdir(os.path.join(folder, "partial")))


def stored(folder):
    """Every object, checked against its name."""
    names = []
    for base, _, files in os.walk(os.path.join(folder, "objects")):
        for f in files:
            with open(os.path.join(base, f), "rb") as o:
                data = o.read()
            assert sha256(data) == os.path.basename(base) + f
            names.append(os.path.basename(base) + f)
    return sorted(names)


PROMISE = ("--size", len(DATA), "--sha256", sha256(DATA))


@lab.route("/model")
def _(a):
    a.serve(DATA)


@lab.route("/small")
def _(a):
    a.serve(SMALL)


@case
def a_file_is_loaded_hashed_and_kept():
    folder = cache()
    for options in ((), PROMISE, ("--git-sha1", git_sha1(DATA)),
                    ("--size", len(DATA), "--git-sha1", git_sha1(DATA), "--sha256", sha256(DATA)[:8])):
        folder = cache()
        expect(load(folder, "https://hub.test/model", options=options), state="done", size=len(DATA),
               fetched=len(DATA), sha256=sha256(DATA), readable=True, hops=[["https://hub.test", 200]])
        assert stored(folder) == [sha256(DATA)]
    assert os.stat(folder).st_mode & 0o777 == 0o700
    expect(load(cache(), "https://hub.test/small"), state="done", sha256=sha256(SMALL))


@case
def what_is_in_the_cache_is_not_asked_for_again():
    folder = cache()
    load(folder, "https://hub.test/model")
    expect(load(folder, "https://cdn.test/other", options=PROMISE), state="done", fetched=0, sha256=sha256(DATA))
    assert not lab.asked
    # a weak digest is enough to know it again by its identity
    expect(load(folder, "https://hub.test/model", options=("--git-sha1", git_sha1(DATA))), state="done", fetched=0)
    # nobody promised anything, so it may have changed
    expect(load(folder, "https://hub.test/model"), state="done", fetched=len(DATA))


@case
def offline_means_only_the_cache():
    folder = cache()
    expect(load(folder, "https://hub.test/model", options=("--offline",)), state="offline")
    assert not lab.asked
    load(folder, "https://hub.test/model")
    expect(load(folder, "https://hub.test/model", options=("--offline",)), state="done", fetched=0)
    expect(load(folder, "https://hub.test/model", options=("--offline", "--sha256", sha256(SMALL))), state="offline")


@case
def a_rotten_object_is_found_and_loaded_anew():
    folder = cache()
    load(folder, "https://hub.test/model")
    digest = sha256(DATA)
    path = os.path.join(folder, "objects", digest[:2], digest[2:])
    os.chmod(path, 0o600)
    with open(path, "r+b") as f:
        f.write(b"rotten")
    expect(load(folder, "https://hub.test/model", options=PROMISE), state="done", fetched=len(DATA))
    assert stored(folder) == [digest]


@case
def what_was_not_promised_is_told_and_not_tried_again():
    folder = cache()
    wrong = load(folder, "https://hub.test/model", options=("--sha256", sha256(SMALL)))
    expect(wrong, state="mismatch", mismatch=0, actual=sha256(DATA), readable=False)
    assert len(lab.asked) == 1 and not stored(folder) and not leftovers(folder)
    expect(load(folder, "https://hub.test/model", options=("--size", len(DATA) + 1)), state="mismatch", mismatch=-1)
    expect(load(folder, "https://hub.test/model", options=("--size", 1000)), state="mismatch", mismatch=-1)
    expect(load(folder, "https://hub.test/model", options=("--sha256", sha256(DATA)[:7])), state="mismatch")
    assert not stored(folder) and not leftovers(folder)


@case
def a_file_above_the_limit_is_not_loaded():
    folder, most = cache(), len(DATA) - 1
    for options, told in ((("--size", len(DATA)), 0), ((), 1), (("--nameless",), 1)):
        out = load(folder, "https://hub.test/model", options=("--limit", most, *options))
        expect(out, state="large", fetched=0, readable=False)
        assert len(lab.asked) == told and "%d bytes" % most in out["error"], out

    @lab.route("/endless")
    def _(a):
        a.head(200, Connection="close")
        a.send(DATA)
        a.cut()
    expect(load(folder, "https://hub.test/endless", options=("--limit", most)), state="large")
    expect(load(folder, "https://hub.test/small", options=("--limit", len(SMALL))), state="done")
    expect(load(folder, "https://hub.test/small", options=("--limit", len(SMALL) - 1)), state="large")
    expect(load(folder, "https://hub.test/small", options=("--offline", "--limit", len(SMALL) - 1)), state="large")
    # nobody says how large it is until it is too large; or it is less than was promised
    cutting("/cut-large", 3 << 20, 5)
    load(folder, "https://hub.test/cut-large", options=("--attempts", 1))
    expect(load(folder, "https://hub.test/cut-large", options=("--limit", most)), state="large", fetched=0)
    assert stored(folder) == [sha256(SMALL)] and not leftovers(folder)


@case
def an_answer_that_is_no_file_is_told():
    folder = cache()
    expect(load(folder, "https://hub.test/missing"), state="status", status=404, body="no such thing")

    @lab.route("/empty-answer")
    def _(a):
        a.head(204)
    expect(load(folder, "https://hub.test/empty-answer"), state="status", status=204)

    @lab.route("/empty")
    def _(a):
        a.reply(200)
    expect(load(folder, "https://hub.test/empty"), state="done", size=0, sha256=sha256(b""))
    assert not leftovers(folder)


# --- cut ---

def cutting(path, after, times, **options):
    """Serves the file but ends the connection `times` times after so many bytes."""
    left = [times]

    @lab.route(path)
    def _(a):
        if left[0] > 0:
            left[0] -= 1
            start = int(a.headers.get("range", "bytes=0-")[6:-1])
            fields = {"ETag": options.get("etag", '"v1"'), "Content_Length": len(DATA) - start}
            if start:
                fields["Content_Range"] = "bytes %d-%d/%d" % (start, len(DATA) - 1, len(DATA))
            a.head(206 if start else 200, **fields)
            a.send(DATA[start:start + after])
            a.cut()
        a.serve(DATA, **options)


@case
def a_cut_download_goes_on_where_it_was():
    cutting("/cut", 2 << 20, 3)
    expect(load(cache(), "https://hub.test/cut", options=PROMISE), state="done", fetched=len(DATA))
    asked = [(a.headers.get("range"), a.headers.get("if-range")) for a in lab.asked]
    assert asked[0] == (None, None) and asked[1:] == [("bytes=%d-" % (i << 21), '"v1"') for i in (1, 2, 3)], asked


@case
def without_a_strong_validator_it_begins_anew():
    for etag in ('W/"weak"', ""):
        cutting("/weak", 1 << 20, 1, etag=etag)
        expect(load(cache(), "https://hub.test/weak", options=PROMISE), state="done")
        assert [a.headers.get("range") for a in lab.asked] == [None, None]


@case
def a_file_that_has_changed_begins_anew():
    cutting("/changed", 1 << 20, 1)
    first = lab.routes["/changed"]

    @lab.route("/changed")
    def _(a):
        if len(lab.asked) == 1:
            first(a)
        a.serve(DATA, etag='"v2"')
    expect(load(cache(), "https://hub.test/changed", options=PROMISE), state="done",
           fetched=len(DATA) + (1 << 20), status=200)


@case
def a_range_that_was_not_asked_for_is_not_believed():
    for answer in ("bytes 7-%d/%d" % (len(DATA) - 1, len(DATA)), "bytes 1048576-2000000/%d" % len(DATA), "nonsense"):
        cutting("/liar", 1 << 20, 1)
        first = lab.routes["/liar"]

        @lab.route("/liar")
        def _(a):
            if len(lab.asked) == 1:
                first(a)
            if "range" in a.headers:
                return a.reply(206, b"x" * 100, Content_Range=answer)
            a.serve(DATA)
        expect(load(cache(), "https://hub.test/liar", options=PROMISE), state="done", sha256=sha256(DATA))


@case
def a_server_that_always_cuts_is_given_up_and_the_part_kept():
    folder = cache()
    cutting("/always", 1000, 10 ** 9)
    answer = load(folder, "https://hub.test/always", options=PROMISE)
    expect(answer, state="failed", failure="cut", fetched=5000)
    assert len(leftovers(folder)) == 2 and len(lab.asked) == 5
    cutting("/always", 0, 0)
    expect(load(folder, "https://hub.test/always", options=PROMISE), state="done", fetched=len(DATA) - 5000)


@case
def a_killed_download_resumes_and_verifies():
    folder, reached = cache(), threading.Event()

    @lab.route("/killed")
    def _(a):
        a.head(200, ETag='"v1"', Content_Length=len(DATA))
        a.send(DATA[:3 << 20])
        reached.set()
        a.connection.recv(1)
        a.cut()
    client = subprocess.Popen([CLIENT, "--ca-file", lab.path("ca.pem"), *lab.mapped(), *map(str, PROMISE), "load",
                               folder, "https://hub.test/killed"], stdout=subprocess.DEVNULL)
    reached.wait(60)
    part = os.path.join(folder, "partial", leftovers(folder)[0].split(".")[0] + ".part")
    while os.path.getsize(part) == 0 and client.poll() is None:
        pass
    client.send_signal(signal.SIGKILL)
    client.wait()
    there = os.path.getsize(part)

    @lab.route("/killed")
    def _(a):
        a.serve(DATA)
    assert 0 < there <= 3 << 20
    expect(load(folder, "https://hub.test/killed", options=PROMISE), state="done", fetched=len(DATA) - there,
           sha256=sha256(DATA))


@case
def a_part_that_went_bad_is_loaded_anew_once():
    folder = cache()
    cutting("/bad-part", 2 << 20, 5)
    load(folder, "https://hub.test/bad-part", options=PROMISE + ("--attempts", 1))
    part = os.path.join(folder, "partial", [f for f in leftovers(folder) if f.endswith(".part")][0])
    with open(part, "r+b") as f:
        f.write(b"\0" * 100)
    cutting("/bad-part", 0, 0)
    expect(load(folder, "https://hub.test/bad-part", options=PROMISE), state="done", sha256=sha256(DATA))
    assert [a.headers.get("range") for a in lab.asked] == ["bytes=%d-" % (2 << 20), None]


@case
def a_length_that_lies_is_a_mismatch_or_a_cut():
    @lab.route("/long")
    def _(a):
        a.reply(200, SMALL, Content_Length=len(SMALL) + 5)
        a.cut()

    @lab.route("/short")
    def _(a):
        a.reply(200, SMALL, Content_Length=5)
        a.cut()
    expect(load(cache(), "https://hub.test/long"), state="failed", failure="cut")
    expect(load(cache(), "https://hub.test/short", options=("--size", len(SMALL))), state="mismatch", mismatch=-1)


# --- without a name ---

@case
def a_nameless_file_leaves_nothing_behind():
    for path, data, options in (("/model", DATA, PROMISE), ("/small", SMALL, ()), ("/small", SMALL, ("--git-sha1", git_sha1(SMALL)))):
        folder = cache()
        expect(load(folder, "https://hub.test" + path, options=("--nameless", *options)), state="done", size=len(data),
               sha256=sha256(data), readable=True)
        assert not stored(folder) and not leftovers(folder)
    wrong = load(cache(), "https://hub.test/small", options=("--nameless", "--sha256", sha256(DATA)))
    expect(wrong, state="mismatch", actual=sha256(SMALL), readable=False)


@case
def a_nameless_file_goes_on_where_it_was_cut():
    folder = cache()
    cutting("/nameless", 3 << 20, 5)
    answer = load(folder, "https://hub.test/nameless", options=("--nameless", "--attempts", 1, *PROMISE))
    expect(answer, state="failed", readable=False)
    assert len(leftovers(folder)) == 2
    cutting("/nameless", 0, 0)
    expect(load(folder, "https://hub.test/nameless", options=("--nameless", *PROMISE)), state="done", readable=True,
           fetched=len(DATA) - (3 << 20), sha256=sha256(DATA))
    assert not stored(folder) and not leftovers(folder)


@case
def an_object_of_the_cache_is_hashed_before_it_is_a_nameless_file():
    folder = cache()
    load(folder, "https://hub.test/model")
    expect(load(folder, "https://hub.test/model", options=("--nameless", *PROMISE)), state="done", fetched=0, readable=True)
    assert stored(folder) == [sha256(DATA)]
    path = os.path.join(folder, "objects", sha256(DATA)[:2], sha256(DATA)[2:])
    os.chmod(path, 0o600)
    with open(path, "r+b") as f:
        f.write(b"rotten")
    expect(load(folder, "https://hub.test/model", options=("--nameless", *PROMISE)), state="done", fetched=len(DATA))


# --- many ---

@lab.route("*")
def _(a):
    name = a.path.rsplit("/", 1)[1]
    if name.startswith("n"):
        return a.serve(name.encode() * 50)
    a.reply(404, b"no such thing")


@case
def many_files_come_over_few_connections():
    folder, before = cache(), lab.connections
    urls = ["https://hub.test/many/n%d" % i for i in range(300)]
    answers = load(folder, *urls, options=("--threads", 4))
    assert len(answers) == 300 and {a["state"] for a in answers} == {"done"}
    assert {(a["job"], a["sha256"]) for a in answers} == {
        (u, sha256(u.rsplit("/", 1)[1].encode() * 50)) for u in urls}
    assert lab.connections - before <= 4 and len(stored(folder)) == 300


@case
def two_processes_load_a_file_once():
    folder, go = cache(), threading.Event()

    @lab.route("/both")
    def _(a):
        go.wait(60)
        a.serve(DATA)
    answers = []
    run = lambda: answers.append(subprocess.run(
        [CLIENT, "--ca-file", lab.path("ca.pem"), *lab.mapped(), *map(str, PROMISE), "load", folder,
         "https://hub.test/both"], capture_output=True, check=True).stdout)
    lab.asked.clear()
    threads = [threading.Thread(target=run) for _ in range(3)]
    for t in threads:
        t.start()
    go.set()
    for t in threads:
        t.join()
    assert len(answers) == 3 and all(b'"state":"done"' in a for a in answers), answers
    assert len(lab.asked) == 1 and stored(folder) == [sha256(DATA)] and not leftovers(folder)


@case
def the_budget_holds_and_the_newest_stays():
    folder = cache()
    for i in range(8):
        load(folder, "https://hub.test/many/n%03d" % i, options=("--budget", 1000))  # 200 bytes each
    sizes = [os.path.getsize(os.path.join(b, f)) for b, _, fs in os.walk(os.path.join(folder, "objects")) for f in fs]
    assert sum(sizes) <= 1000, sizes
    expect(load(folder, "https://hub.test/x", options=("--sha256", sha256(b"n007" * 50))), state="done", fetched=0)


@case
def a_cache_of_somebody_else_is_not_used():
    folder = cache()
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    lab.run("load", folder, "https://hub.test/small", status=2)
    assert "somebody else" in lab.output and not lab.asked


@case
def a_full_disk_is_an_error():
    if not os.path.exists("/dev/full"):
        return
    p = subprocess.run(["prlimit", "--fsize=100000", CLIENT, "--ca-file", lab.path("ca.pem"), *lab.mapped(), "load",
                        cache(), "https://hub.test/model"], capture_output=True, preexec_fn=ignore_sigxfsz)
    assert b'"state":"failed"' in p.stdout and b"cannot write into the cache" in p.stdout, p


def ignore_sigxfsz():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


main()
