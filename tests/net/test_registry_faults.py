#!/usr/bin/python3
"""Registries that are slow, broken or hostile: every fault, for each of registries.d/ that it can befall.

Each registry is played whole, with its files (stage.py), and asked by the real commands.  First it is
honest; then each of its answers goes wrong in each way, then its files do, then what it lists.  A fault
may take knowledge away and must say so: it never adds any, never passes, and leaves nothing behind.
A line "# cell REGISTRY COLUMN replay" is earned, "# none REGISTRY FAULT: why" cannot be."""
import atexit, collections, concurrent.futures, copy, json, os, re, subprocess, sys, tempfile, threading, zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Ask, Closed
from stage import MODEL, OTHER, ROWS, Stage, tensors
from tap import SCAN_FLAGS, TOP, case, main

EVIL = "evil.test"
AT_ONCE = 20  # most of them wait
stage = Stage(extra=(EVIL,)).__enter__()
atexit.register(lambda: stage.__exit__())

packer = zlib.compressobj(9, wbits=31)
BOMB = packer.compress(b"[") + b"".join(packer.compress(b" " * (1 << 20)) for _ in range(200)) + packer.flush()
LONG = "x" * (10 << 20)
LARGE = tensors((1 << 20) + 4096)
MEMORY_MAX = 1 << 20  # KiB of addresses that any command may have, whatever it is told
SPACES = b" " * (1 << 20)


# ---- asking ----------------------------------------------------------------------------


class Kept(Ask):
    """A request whose answer is kept instead of sent."""

    def __init__(self, ask):
        self.__dict__.update(ask.__dict__)
        self.sent = b""

    def send(self, data):
        self.sent += data


def honest(play, ask):
    """Head and body of what the registry would say."""
    kept = Kept(ask)
    try:
        play.find(kept)[1]()
    except Closed:
        pass
    head, _, body = kept.sent.partition(b"\r\n\r\n")
    return head, body


def silent(ask):
    """Nothing more is sent; until the client has gone, whose own limit ends it."""
    while ask.connection.recv(4096):
        pass
    raise Closed


class Run:
    """One command on a play, in a directory of its own that must stay empty."""

    def __init__(self, play, command, *words, reference=None, patience=60):
        self.play, self.here = play, tempfile.mkdtemp(dir=play.home)
        self.to = os.path.join(play.home, "to-" + os.path.basename(self.here))
        words = {"scan": ["-o", "json", "--keep", self.to], "fetch": ["--to", self.to],
                 "metadata": ["-o", "json"]}[command] + ["--timeout", patience, *words]
        line, environment = play.asking(command, *words, reference or play.case["reference"])
        if not SCAN_FLAGS:  # sanitizers reserve more
            line = ["sh", "-c", 'ulimit -v %d; exec "$@"' % MEMORY_MAX, "sh", *line]
        p = subprocess.run(line, capture_output=True, env=environment, cwd=self.here, timeout=300)
        self.raw, self.code, self.command = p.stdout + p.stderr, p.returncode, command
        self.said = self.raw.decode(errors="replace")
        self.kept = sorted(os.path.relpath(os.path.join(d, f), self.to) for d, _, fs in os.walk(self.to) for f in fs)
        self.report = json.loads(p.stdout) if p.stdout and command != "fetch" else None
        assert os.listdir(self.here) == [], "it wrote into the working directory"

    def __repr__(self):
        return "%s: exit %d, %s" % (self.command, self.code, self.said[:3000])

    def files(self):
        return {f["path"]: f for m in self.report["models"] for f in m["files"]}

    def rules(self):
        return {f["rule"] for m in self.report["models"] for f in m["findings"]}

    def checks(self):
        if self.command == "metadata":
            return {c["check"]: c["result"] for c in (self.report or {}).get("provenance", [])}
        return {c["check"]: c["result"] for m in self.report["models"] for c in m["provenance"]}


# ---- what goes wrong with an answer ------------------------------------------------------
# Each: (play, ask) → None; and what is said of it.


def slow(play, ask):
    if ask.method != "HEAD":
        ask.head(200, Content_Length=1000)
    ask.send(b"H" if ask.method == "HEAD" else b"[")
    silent(ask)


def cut(play, ask):
    ask.send(b"" if ask.method == "HEAD" else b"HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n[")
    ask.cut()


def busy(play, ask):
    ask.reply(429, b"{}", Retry_After="0")


def broken(play, ask):
    ask.reply(500, b"{}")


def shorter(play, ask):
    """One byte less than there is, and the head says so too."""
    head, body = honest(play, ask)
    fields = re.sub(rb"(?i)content-length: *\d+", b"Content-Length: %d" % (len(body) - 1), head)
    ask.send(fields + b"\r\n\r\n" + body[:-1])


def elsewhere(play, ask):
    """Another host answers, and as the registry would."""
    play.led_from = ask.host
    ask.redirect("https://%s%s" % (EVIL, ask.path), 307)


def loop(play, ask):
    ask.redirect("https://%s%s" % (ask.host, ask.path), 307)


def downgrade(play, ask):
    ask.redirect("http://%s%s" % (ask.host, ask.path), 307)


def bomb(play, ask):
    ask.reply(200, BOMB, Content_Encoding="gzip")


def header(play, ask):
    ask.reply(200, b"{}", X_Long=LONG)


def endless(play, ask):
    """A gigabyte, or as much of it as is taken."""
    ask.head(200, Content_Length=1 << 30)
    for _ in range(1 << 10):
        ask.send(SPACES)


def garbage(play, ask):
    ask.reply(200, b"\xff{\x00")


ANSWERS = {
    "slow": (slow, "too slow|timed out"), "cut": (cut, "closed|end|transfer|left|reset|recv|Empty"),
    "429": (busy, "429|rate"), "500": (broken, "500|server"), "wrong length": (shorter, "JSON|digest|XML|closed|token|near|malformed|git|frame|end"),
    "redirect to another host": (elsewhere, "another server|redirect|protocol version"), "redirect loop": (loop, "circle|redirect"),
    "downgrade": (downgrade, "http"), "gzip bomb": (bomb, "too large|JSON|decod|XML|digest|token|git|short|long|near|fits"),
    "header of 10 MB": (header, "too large|header"), "answer of 1 GB": (endless, "too large"),
    "garbage": (garbage, "JSON|XML|git|token|near|digest|malformed|UTF|text"),
}
LIGHT = {"cut", "500", "redirect to another host", "garbage"}  # at every answer; the others at the first and the last
HEAVY = {"gzip bomb", "header of 10 MB", "answer of 1 GB"}  # at the last alone, which most often is a list
SCANNED = {"slow", "500", "redirect to another host", "garbage"}  # also by the whole of a scan
BODIES = {"wrong length", "gzip bomb", "answer of 1 GB", "garbage"}  # that a HEAD has none of


def patience_for(name):
    """Seconds.  The one limit that is to be reached; no other test shall reach it."""
    return 2 if name == "slow" else 60


def misplay_step(play, step, fault):
    def misplay(ask):
        if ask.host == EVIL:
            ask.host = play.led_from
            play.find(ask)[1]()
            return True
        if ask.file or ask.step != step:
            return False
        fault(play, ask)
        return True
    return misplay


def check_answer(play, before, step, method, name):
    fault, sentence = ANSWERS[name]
    if method == "HEAD" and name in BODIES:
        return
    play.misplay = misplay_step(play, step, fault)
    play.led_from = None
    r = Run(play, "metadata", patience=patience_for(name))
    told = dict(before.checks())
    if r.report and r.code == before.code:  # it was not needed: less is known, or as much, and nothing else
        for check, result in r.checks().items():
            assert result in (told[check], "unknown"), (check, result, told[check], r)
        assert [f["path"] for f in r.report["files"]] == [f["path"] for f in before.report["files"]], r
        assert r.report["trust"] == before.report["trust"] or r.report["trust"] in ("unknown", "low"), r
    else:
        assert r.code in (2, 4), r
        assert re.search(sentence, r.said), (sentence, r)
    if r.report:
        paths = {f["path"] for f in before.report["files"]}
        assert {f["path"] for f in r.report["files"]} <= paths, r
    assert not [a for a in play.asked if a.host == EVIL and "authorization" in a.headers]


def check_verdict(play, before, name):
    """The first answer, which nothing goes without, as a scan sees it."""
    fault, sentence = ANSWERS[name]
    play.misplay = misplay_step(play, 0, fault)
    r = Run(play, "scan", patience=patience_for(name))
    assert r.code in (2, 4) and re.search(sentence, r.said), (sentence, r)
    assert not r.kept and (not r.report or r.report["verdict"] != "pass"), r
    if name in ("slow", "cut", "429", "500") and r.report:
        assert r.report["errors"][0]["retryable"], r


# ---- what goes wrong with a file -----------------------------------------------------------


def file_slow(play, ask):
    ask.head(200, Content_Length=len(MODEL), ETag='"v1"')
    ask.send(MODEL[:20])
    silent(ask)


def file_cut(play, ask):
    ask.head(200, Content_Length=len(MODEL), ETag='"v1"')
    ask.send(MODEL[:20])
    ask.cut()


def file_longer(play, ask):
    ask.serve(MODEL + b"more", etag='"v2"')


def file_shorter(play, ask):
    ask.serve(MODEL[:-1], etag='"v2"')


def file_other(play, ask):
    ask.serve(OTHER, etag='"v2"')


def file_packed(play, ask):
    ask.reply(200, BOMB, Content_Encoding="gzip", ETag='"v2"')


FILES = {"slow": file_slow, "cut": file_cut, "429": busy, "500": broken, "redirect loop": loop, "downgrade": downgrade,
         "header of 10 MB": header, "wrong length": file_longer, "short": file_shorter, "wrong hash": file_other,
         "gzip bomb": file_packed, "redirect to another host": elsewhere}
ENDS = {"slow": "too slow|timed out", "cut": "closed|end|transfer|left|reset", "429": "429", "500": "500", "redirect loop": "circle",
        "downgrade": "http", "header of 10 MB": "too large"}
JUDGED = {"cut", "500", "wrong length", "wrong hash"}  # also by a scan
NEEDS = {"wrong length": "size", "short": "size", "wrong hash": "hash", "gzip bomb": "size"}


def misplay_files(play, fault):
    def misplay(ask):
        if ask.host == EVIL:
            ask.host = play.led_from
            play.find(ask)[1]()
            return True
        if not ask.file:
            return False
        fault(play, ask)
        return True
    return misplay


def promises(before):
    """What the registry promises of its files: "size", "hash"."""
    found = set()
    for f in before.files().values():
        for e in f["expected"]:
            found.add("size" if e["algorithm"] == "size" else "hash")
    return found


def check_file(play, name):
    """By a fetch; and by a scan, where that does more with it."""
    play.misplay = misplay_files(play, FILES[name])
    play.led_from = None
    if name == "redirect to another host":
        r = Run(play, "scan")
        assert "trust/foreign-host" in r.rules(), r
        strong = all(any(not e["weak"] and e["state"] == "verified" for e in f["expected"] if e["algorithm"] != "size")
                     for f in r.files().values())
        model, = r.report["models"]
        assert model["trust"] == (model["origin"]["trust"] if strong else "unknown"), (strong, model["trust"], model["origin"])
        assert not [a for a in play.asked if a.host == EVIL and "authorization" in a.headers]
        return
    r = Run(play, "fetch", patience=patience_for(name))
    assert r.code == (1 if name in NEEDS else 2) and "assay: " in r.said, r
    assert name in NEEDS or re.search(ENDS[name], r.said), (ENDS[name], r)
    loaded = set(r.kept)
    if name in JUDGED:
        r = Run(play, "scan", patience=patience_for(name))
        assert r.code == (1 if name in NEEDS else 2) and r.report["verdict"] in ("fail", "incomplete"), r
        wrong = {f["path"] for f in r.files().values() if f["status"] == "failed"}
        assert wrong and not (loaded | set(r.kept)) & wrong, (loaded, r)
        assert (name not in NEEDS) or "integrity/digest-mismatch" in r.rules(), r
    for path in r.kept if name not in NEEDS else ():  # what the fault did not befall is whole
        with open(os.path.join(r.to, path), "rb") as f:
            data = f.read()
        assert data == MODEL or not MODEL.startswith(data), path


def check_resume(registry):
    """What a cut, or a killed, download left is gone on with, and verified."""
    def half(play, ask):
        ask.head(200, Content_Length=len(LARGE), ETag='"v1"')
        ask.send(LARGE[:1 << 20])
        ask.cut()
    with stage.play_of(registry, LARGE) as play:
        play.misplay = misplay_files(play, half)
        assert Run(play, "fetch").code == 2
        play.misplay = None
        r = Run(play, "fetch")
        assert r.code == 0 and r.kept, r
        ranges = [a.headers.get("range") for a in play.asked if a.file and a.method == "GET"]
        assert "bytes=%d-" % (1 << 20) in ranges, ranges
        assert any(open(os.path.join(r.to, path), "rb").read() == LARGE for path in r.kept), r


# ---- what goes wrong with a list -----------------------------------------------------------


def entry(registry):
    with open(os.path.join(TOP, "registries.d", registry + ".json"), encoding="utf-8") as f:
        return json.loads(re.sub(r"(?m)^\s*//.*$", "", f.read()))


def pointed(body, pointer):
    for part in pointer.split("/")[1:]:
        try:
            body = body[int(part) if isinstance(body, list) else part]
        except (KeyError, IndexError, ValueError, TypeError):
            return None
    return body


def place_at(body, pointer, value):
    *way, last = pointer.split("/")[1:]
    for part in way:
        body = body.setdefault(part, {})
    body[last] = value


def next_page(play, ask, rule, body, n):
    """The same page, which says that there is one more."""
    body, fields = copy.deepcopy(body), {}
    here = "https://%s%s" % (ask.host, ask.path.split("&turn=")[0])
    turned = here + ("&" if "?" in here else "?") + "turn=%d" % n
    if rule["kind"] == "link":
        fields["Link"] = '<%s>; rel="next"' % turned
    elif rule["kind"] == "url":
        place_at(body, rule["next"], turned)
    elif rule["kind"] == "token":
        place_at(body, rule["next"], "turn%d" % n)
        if "more" in rule:
            place_at(body, rule["more"], True)
    elif "total" in rule:
        place_at(body, rule["total"], 1 << 30)
    return json.dumps(body).encode(), fields


def storage_page(body, n):
    """The same of a bucket, without the objects."""
    if body.startswith(b"<ListBucketResult>"):
        return (b"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t%d</NextContinuationToken>"
                b"</ListBucketResult>" % n)
    if body.startswith(b"<EnumerationResults>"):
        return b"<EnumerationResults><Blobs/><NextMarker>t%d</NextMarker></EnumerationResults>" % n
    return b'{"items": [], "nextPageToken": "t%d"}' % n if body.startswith(b'{"items": [{"name"') else None


def check_pages(play, registry, before):
    """Pages without end; False: it has none."""
    rules = [r["paginate"] for r in entry(registry).get("requests", []) if "paginate" in r]
    count, pages, bare = [0], {}, {}

    def misplay(ask):
        if ask.file:
            return False
        path = re.sub(r"[?&](turn|pageToken|nextPageToken|continuation-token|marker|page-number|page)=[^&]*", "", ask.path)
        probe = Kept(ask)
        probe.path = bare.get(path, ask.path)
        bare.setdefault(path, ask.path)
        key = (ask.method, path)
        if key not in pages:
            pages[key] = honest(play, probe)
        head, body = pages[key]
        count[0] += 1
        try:
            parsed = json.loads(body)
        except ValueError:
            parsed = None
        for rule in rules:
            if parsed is not None and isinstance(pointed(parsed, rule["items"]), list):
                text, fields = next_page(play, ask, rule, parsed, count[0])
                ask.reply(200, text, **fields)
                return True
        more = storage_page(body, count[0])
        if more:
            ask.reply(200, more)
            return True
        count[0] -= 1
        return False
    play.misplay = misplay
    r = Run(play, "metadata")
    if not count[0]:
        return False
    assert 2 <= count[0] <= 1100, count
    if r.code == before.code:  # a list of something else than files
        assert "unknown" in r.checks().values(), r
    else:
        assert r.code == 2 and re.search("pages|too many|more than|once", r.said), r
    return True


BAD = ["/etc/passwd", "../../up", "a/../../b", "a//b", "C:x", "a\\b", "a\x1b]0;x\x07b", "./x", "x" * 5000, "a/./b", "..", "~/\u202ex/.."]


def names_of(play):
    """What the files of the model are called in a list."""
    paths = {f["path"] for f in play.case.get("expect", {}).get("files", []) if f.get("path")}
    return paths | {p.rsplit("/", 1)[-1] for p in paths}


def below(play):
    """What the names of a bucket begin with, "" where there is none."""
    for f in play.case.get("expect", {}).get("files", []):
        if "storage" in f:
            scheme, _, rest = f["storage"].partition("://")
            return rest.split("/", 2 if scheme == "https" else 1)[-1] + "/"
    return ""


def listing_of(value, is_name):
    """The list in an answer whose items name files: (the list, an item, the way to the name in it)."""
    if isinstance(value, dict):
        return next((f for f in (listing_of(v, is_name) for v in value.values()) if f), None)
    for item in value if isinstance(value, list) else ():
        way = name_in(item, is_name)
        found = (value, item, way) if way else listing_of(item, is_name)
        if found:
            return found
    return None


def name_in(item, is_name, way=()):
    if isinstance(item, dict):
        return next((w for w in (name_in(v, is_name, way + (key,)) for key, v in item.items()) if w), None)
    return way if isinstance(item, str) and way and is_name(item) else None


def named(item, way, name):
    item = copy.deepcopy(item)
    place_at(item, "/" + "/".join(way), name)
    return item


def bare(way, name):
    for part in reversed(way):
        name = {part: name}
    return name


def resized(value, key=""):
    """The same with other sizes."""
    if isinstance(value, dict):
        return {k: resized(v, k) for k, v in value.items()}
    if "size" in key.lower() and isinstance(value, (int, float)):
        return value + 1
    return str(int(value) + 1) if "size" in key.lower() and isinstance(value, str) and value.isdigit() else value


def change_json(body, is_name, change):
    try:
        parsed = json.loads(body)
    except ValueError:
        return None
    listing = listing_of(parsed, is_name)
    if not listing:
        return None
    change(*listing)
    return json.dumps(parsed).encode()


def change_xml(body, change):
    """The same where a bucket is listed in XML, which has no place for control characters."""
    rows = re.fullmatch(rb"(.*?)(<(?:Contents|Blob)>.*</(?:Contents|Blob)>)(.*)", body, re.S)
    if not rows:
        return None
    name = re.search(rb"<(?:Key|Name)>(.*?)<", rows[2])[1]
    size = re.search(rb"<(?:Size|Content-Length)>(\d+)<", rows[2])[1]
    listing = [{"name": name.decode(), "size": int(size)}]
    change(listing, listing[0], ("name",))
    return rows[1] + b"".join(
        rows[2].replace(b">%s<" % name, b">%s<" % r["name"].encode()).replace(b">%s<" % size, b">%d<" % r.get("size", 1))
        for r in listing if "\x1b" not in r["name"]) + rows[3]


def misplay_listing(play, change):
    """`change(list, item, way)` alters the list of files in place; found[0] when there was one."""
    found, names, prefix = [False], names_of(play), below(play)

    def is_name(text):
        return text in names or prefix and (text + "/").startswith(prefix)

    def misplay(ask):
        if ask.file or ask.method == "HEAD":
            return False
        head, body = honest(play, ask)
        text = change_json(body, is_name, change) or change_xml(body, change)
        if text is None:
            return False
        found[0] = True
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
        ask.send(b"\r\n".join([*lines, b"Content-Length: %d" % len(text)]) + b"\r\n\r\n" + text)
        return True
    play.misplay = misplay
    return found


def check_names(play):
    """Names that no file may have are refused, told, and written nowhere; False: it lists none."""
    found = misplay_listing(play, lambda rows, item, way: rows.extend(named(item, way, below(play) + b) for b in BAD))
    r = Run(play, "scan")
    if not found[0]:
        return False
    clean = {os.path.basename(p) for p in names_of(play)} | {"model.safetensors"}
    assert r.code in (1, 2) and "trust/unsafe-listing" in r.rules() and "\x1b" not in r.said, r
    assert {os.path.basename(p) for p in r.kept} <= clean, r.kept
    fetched = Run(play, "fetch")
    assert fetched.code == 2 and b"\x1b" not in fetched.raw and {os.path.basename(p) for p in fetched.kept} <= clean, fetched
    return True


def check_twice(play):
    """One name twice, with two contents, is neither."""
    def change(rows, item, way):
        rows.append(resized(item))
    found = misplay_listing(play, change)
    r = Run(play, "scan")
    if not found[0]:
        return False
    assert r.code in (1, 2) and r.report["verdict"] != "pass", r
    return True


def check_million(play):
    """More files than any model has; False: it lists none."""
    prefix = below(play)

    def change(rows, item, way):
        rows[:] = [bare(way, "%sf%d" % (prefix, i)) for i in range(205000)]
    found = misplay_listing(play, change)
    r = Run(play, "metadata")
    if not found[0]:
        return False
    assert r.code == 2 and re.search("more than|too many|too large|files", r.said), r
    return True


# ---- what goes wrong with a reference ------------------------------------------------------


def check_references(play):
    """Whatever is done to a reference: a clear error, and nobody else is asked."""
    play.misplay = None
    good = play.case["reference"]
    cut_at = good.rfind("/")
    for bad in (good + "\x1b[31m", good + "\n", good[:cut_at] + "/../.." + good[cut_at:], good[:cut_at] + "%2f" + good[cut_at + 1:] + "%2e%2e",
                "https://%s/%s" % (EVIL, good.split(":", 1)[1].lstrip("/")), good.split(":")[0] + "://" + EVIL + ":443/../x"):
        r = Run(play, "metadata", reference=bad)
        assert r.code in (2, 4) and "assay: " in r.said, (bad, r)
        assert b"\x1b" not in r.raw and not [a for a in play.asked if a.host == EVIL and "authorization" in a.headers], (bad, r)


# ---- all of it -----------------------------------------------------------------------------


results = collections.OrderedDict()  # (registry, what) → exception, or why not, or None
pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE)
cells, told = collections.defaultdict(set), []


def plan(registry, what, check):
    """Run it later, on a play of its own."""
    def run():
        with stage.play_of(registry) as play:
            return check(play)
    results[registry, what] = pool.submit(run)


def begin(registry):
    """The honest registry; and everything that is then done to it."""
    with stage.play_of(registry) as play:
        before, scanned, fetched = Run(play, "metadata"), Run(play, "scan"), Run(play, "fetch")
        play.asked.clear()
        again = Run(play, "metadata")
        methods = [a.method for a in play.asked if not a.file]
    return before, scanned, fetched, methods


def check_honest(registry, before, scanned, fetched):
    files = bool(scanned.files())
    model, = scanned.report["models"]
    assert model["origin"]["registry"] in (registry, "kaggle") and model["origin"]["basis"] == "fetched"
    cells[registry].add("resolve")
    if model["metadata"]:
        cells[registry].add("metadata")
    if scanned.checks() and all(c["evidence"] for c in model["provenance"]):
        cells[registry].add("checks")
    if not files:
        assert scanned.code == fetched.code == before.code == 2, (scanned, fetched)
        assert "lists no files" in fetched.said, fetched
        told.extend("# none %s %s: it lists no files" % (registry, c) for c in ("files", "hashes", "download"))
        return
    assert before.code == fetched.code == 0 and scanned.code in (0, 1), (before, scanned, fetched)
    cells[registry].add("files")
    assert fetched.kept == sorted(scanned.files()) == scanned.kept, (fetched.kept, scanned.kept)
    cells[registry].add("download")
    states = {(e["algorithm"], e["state"]) for f in scanned.files().values() for e in f["expected"]}
    assert {s for _, s in states} <= {"verified", "consistent"}, states
    if any(a != "size" and s == "verified" for a, s in states):
        cells[registry].add("hashes")
    else:
        told.append("# none %s hashes: it promises no digest" % registry)


def schedule(registry):
    before, scanned, fetched, methods = begun[registry].result()
    has = promises(scanned)
    for name in ANSWERS:
        for step, method in enumerate(methods):
            if step < len(methods) - 1 and (name in HEAVY or step > 0 and name not in LIGHT):
                continue
            plan(registry, "answer %d: %s" % (step, name),
                 lambda play, step=step, method=method, name=name: check_answer(play, before, step, method, name))
        if name in SCANNED and not (methods[0] == "HEAD" and name in BODIES):
            plan(registry, "answer 0, scanned: " + name, lambda play, name=name: check_verdict(play, before, name))
    for name in FILES:
        if not scanned.files():
            told.append("# none %s %s: it has no files" % (registry, name))
        elif NEEDS.get(name, "") and NEEDS[name] not in has:
            told.append("# none %s %s: it promises no %s" % (registry, name, NEEDS[name]))
        else:
            plan(registry, "files: " + name, lambda play, name=name: check_file(play, name))
    if scanned.files():
        plan(registry, "files: a cut download goes on where it ended", lambda p: check_resume(registry))
    for what, check in (("pages without end", lambda p: check_pages(p, registry, before)), ("names that no file may have", check_names),
                        ("a name twice", check_twice), ("two hundred thousand files and more", check_million)):
        plan(registry, "list: " + what, check)
    plan(registry, "references", check_references)


def add(registry, what, future):
    def test():
        if future.result() is False:
            told.append("# none %s %s: it has no such list" % (registry, what))
    test.__name__ = "%s %s" % (registry, what)
    case(test)


def add_honest(registry):
    def test():
        check_honest(registry, *begun[registry].result()[:3])
    test.__name__ = "%s honest" % registry
    case(test)


begun = {registry: pool.submit(begin, registry) for registry in sorted(ROWS)}
for registry in sorted(ROWS):
    schedule(registry)
for registry in sorted(ROWS):
    add_honest(registry)
for (registry, what), future in results.items():
    add(registry, what, future)


@case
def a_signature_that_a_registry_claims_is_no_signature():
    with stage.play_of("ngc") as play:
        r = Run(play, "scan")
        model, = r.report["models"]
        assert {"key": "signed", "value": "true"} in model["metadata"] and not [
            s for s in model["signatures"] if s["state"] == "verified"], model["signatures"]
        line, environment = play.asking("scan", play.case["reference"])
        text = subprocess.run(line, capture_output=True, env=environment).stdout
        assert b"none found; the registry says that there is one" in text, text


@case
def every_registry_is_here():
    there = {f[:-5] for f in os.listdir(os.path.join(TOP, "registries.d")) if f.endswith(".json")}
    assert there == set(ROWS), there ^ set(ROWS)


@case
def the_table():
    for (registry, what), future in results.items():
        if future.exception():
            cells[registry].discard("faults")
            cells[registry].add("failed")
    for registry in sorted(ROWS):
        for column in sorted(cells[registry] - {"failed"}) + (["faults"] if "failed" not in cells[registry] else []):
            print("# cell %s %s replay" % (registry, column))
    print("\n".join(told))


main()
