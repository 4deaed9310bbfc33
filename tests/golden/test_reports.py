#!/usr/bin/python3
"""Every report format: the golden bytes of one rich result, its schema, what its consumer
asks for beyond the schema, and hostile file names.  A new writer is covered without a
change here, but for its schema.

    GOLDEN_UPDATE=1 tests/golden/test_reports.py     accept the bytes of today
"""
import base64, csv, difflib, hashlib, html, io, json, os, re, subprocess, sys, xml.etree.ElementTree as xml
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import ASSAY, BUILD, SCAN_FLAGS, TOP, Skip, case, main, run, scan, scratch, write

GOLDEN = os.path.join(TOP, "tests/golden/reports")
SCHEMAS = os.path.join(TOP, "tests/schemas")
VERSION = open(os.path.join(TOP, "VERSION")).read().strip()
EPOCH = {"SOURCE_DATE_EPOCH": "1767225600"}


def load(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return json.load(f)


def samples():
    d = scratch()
    subprocess.run([os.path.join(BUILD, "unit/test_report"), "--write", d], check=True, cwd=TOP)
    return {name: open(os.path.join(d, name), "rb").read() for name in sorted(os.listdir(d))}


SAMPLES = samples()
FORMATS = sorted(name.partition(".")[2] for name in SAMPLES if name.startswith("rich-ci."))


def of(kind):
    """The samples of one format, by name."""
    return {n: data for n, data in SAMPLES.items() if n.partition(".")[2] == kind}


def schema_errors(validator, document):
    return ["%s: %s" % ("/".join(map(str, e.absolute_path)), e.message[:200]) for e in validator.iter_errors(document)]


def draft(version):
    try:
        import jsonschema
    except ImportError:
        raise Skip("python3-jsonschema is not installed")
    return jsonschema, getattr(jsonschema, version)


# ---- golden ----------------------------------------------------------------------------


def golden_part(kind, text):
    """The style sheet and the script of a page are files of their own, and not repeated."""
    if kind == "html":
        text = re.sub(r"(?s)<(style|script)>.*?</\1>", r"<\1></\1>", text)
        text = re.sub(r"sha256-[A-Za-z0-9+/]{43}=", "sha256-DIGEST", text)
    return text.replace(VERSION, "VERSION")


@case
def each_writer_gives_the_golden_bytes():
    wrong = []
    for kind in FORMATS:
        path = os.path.join(GOLDEN, "rich." + kind)
        now = golden_part(kind, SAMPLES["rich-ci." + kind].decode())
        if os.environ.get("GOLDEN_UPDATE"):
            write(path, now.encode())
        golden = open(path, newline="").read() if os.path.exists(path) else ""
        wrong += difflib.unified_diff(golden.splitlines(), now.splitlines(), path, "now", lineterm="", n=1)
    assert not wrong, "\n".join(wrong[:60])


@case
def every_golden_report_has_a_writer():
    assert sorted(n.partition(".")[2] for n in os.listdir(GOLDEN)) == FORMATS


@case
def text_fits_eighty_columns():
    for name, data in of("text").items():
        for line in data.decode().splitlines():
            assert len(line) <= 80 or "9f86d081" in line, (name, line)


# ---- lines -------------------------------------------------------------------------------


@case
def each_line_is_valid():
    _, Validator = draft("Draft202012Validator")
    lines = load("docs/report-lines.schema.json")
    # Debian's jsonschema does not follow references into a urn: bring them home
    lines = json.loads(json.dumps(lines).replace("urn:assay:report:1#", "#"))
    lines["$defs"] = load("docs/report.schema.json")["$defs"]
    Validator.check_schema(lines)
    validator = Validator(lines)
    for name, data in of("jsonl").items():
        records = [json.loads(line) for line in data.decode().splitlines()]
        for record in records:
            assert not schema_errors(validator, record), (name, schema_errors(validator, record))
        kinds = [next(iter(r)) for r in records]
        assert kinds[0] == "head" and kinds[-1] == "end" and kinds.count("head") == kinds.count("end") == 1
        whole = json.loads(SAMPLES[name.replace(".jsonl", ".json")])
        assert [r["model"] for r in records if "model" in r] == whole["models"]
        assert [r["error"] for r in records if "error" in r] == whole["errors"]


# ---- SARIF -----------------------------------------------------------------------------------


def check_sarif(report):
    """What GitHub refuses or shows wrongly, beyond the schema."""
    for r in report["runs"]:
        rules = r["tool"]["driver"]["rules"]
        assert len({x["id"] for x in rules}) == len(rules)
        for rule in rules:
            assert rule["help"]["text"] and rule["name"] and len(rule["name"]) <= 255
            assert 0 < len(rule["shortDescription"]["text"]) <= 1024
            assert 0 < len(rule["fullDescription"]["text"]) <= 1024
            assert isinstance(rule["properties"]["security-severity"], str) and len(rule["properties"]["tags"]) <= 20
        hashes, order = set(), {"error": 0, "warning": 1, "note": 2}
        levels = [order[x["level"]] for x in r["results"]]
        assert levels == sorted(levels) and len(levels) <= 25000
        for x in r["results"]:
            assert rules[x["ruleIndex"]]["id"] == x["ruleId"]
            assert x["message"]["text"] and not re.search(r"\]\(|\{\d", x["message"]["text"]), x["message"]
            (place,) = x["locations"]
            uri = place["physicalLocation"]["artifactLocation"]["uri"]
            assert uri and re.fullmatch(r"(file:///)?[A-Za-z0-9._~/%-]+", uri) and ".." not in urlsplit(uri).scheme, uri
            assert place["physicalLocation"]["region"]["startLine"] == 1
            key = x["partialFingerprints"]["primaryLocationLineHash"]
            assert re.fullmatch(r"[0-9a-f]{16}:\d+", key) and key not in hashes
            hashes.add(key)
        assert r["automationDetails"]["id"].endswith("/")


@case
def sarif_is_valid_and_what_github_takes():
    _, Validator = draft("Draft4Validator")
    validator = Validator(load("tests/schemas/sarif-schema-2.1.0.json"))
    for name, data in of("sarif").items():
        report = json.loads(data)
        assert not schema_errors(validator, report), (name, schema_errors(validator, report))
        check_sarif(report)


@case
def sarif_says_what_it_leaves_out():
    (r,) = json.loads(SAMPLES["rich-ci.sarif"])["runs"]
    (invocation,) = r["invocations"]
    notes = [n["message"]["text"] for n in invocation["toolExecutionNotifications"]]
    assert invocation["executionSuccessful"] is False
    for words in ("Not analysed to its end: a.pt", "b.zip!secret.pkl: the member is encrypted", "Could not be read: c.bin",
                  "Not scanned: hf:acme/x", "1 suppressed findings are left out", "7 findings were counted and not kept"):
        assert any(words in n for n in notes), (words, notes)
    assert not any("J. Doe" in json.dumps(x) for x in r["results"])


# ---- JUnit -----------------------------------------------------------------------------------


@case
def junit_is_valid_by_both_schemas():
    for xsd in ("junit-10.xsd", "JUnit-windyroad.xsd"):
        for name, data in of("junit").items():
            p = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", os.path.join(SCHEMAS, xsd), "-"],
                               input=data, stderr=subprocess.PIPE)
            assert p.returncode == 0, (name, xsd, p.stderr.decode()[:1000])


@case
def junit_counts_and_names_add_up():
    for data in of("junit").values():
        for suite in xml.fromstring(data):
            cases = suite.findall("testcase")
            assert len({(c.get("classname"), c.get("name")) for c in cases}) == len(cases)
            assert int(suite.get("tests")) == len(cases)
            for kind, word in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
                assert int(suite.get(word)) == sum(c.find(kind) is not None for c in cases), word


# ---- GitLab ----------------------------------------------------------------------------------


def check_gitlab(report):
    """The rules of sast-report-format 15.0.7, as its documentation gives them."""
    assert report["version"] == "15.0.7"
    s = report["scan"]
    for key in ("start_time", "end_time"):
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}", s[key])
    assert s["type"] == "sast" and s["status"] in ("success", "failure")
    for tool in (s["analyzer"], s["scanner"]):
        assert tool["id"] and tool["name"] and tool["version"] and tool["vendor"]["name"]
    for m in s["messages"]:
        assert m["level"] in ("info", "warn", "fatal") and m["value"]
    ids = [v["id"] for v in report["vulnerabilities"]]
    assert len(set(ids)) == len(ids)
    for v in report["vulnerabilities"]:
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", v["id"]) and 0 < len(v["name"]) <= 255
        assert v["severity"] in ("Info", "Unknown", "Low", "Medium", "High", "Critical")
        assert v["location"]["file"] and v["location"]["start_line"] == 1
        assert v["identifiers"][0]["type"] == "assay_rule"
        assert len(v["description"]) <= 1048576 and len(v["solution"]) <= 7000
        assert "](" not in v["description"] and "<" not in v["description"] and "`" not in v["description"]
        for i in v["identifiers"]:
            assert i["type"] and i["name"] and i["value"]


@case
def gitlab_sast_follows_its_rules():
    for data in of("gitlab-sast").values():
        check_gitlab(json.loads(data))


# ---- annotations, tables -----------------------------------------------------------------------


def check_github(text):
    seen = {"error": 0, "warning": 0, "notice": 0}
    for line in text.splitlines():
        m = re.fullmatch(r"::(error|warning|notice) (?:file=[^,:]*,line=1,)?title=[^,:]*::.*", line)
        assert m, line
        seen[m[1]] += 1
    assert max(seen.values()) <= 10, seen


@case
def annotations_are_commands_and_not_too_many():
    for data in of("github").values():
        check_github(data.decode())


def check_csv(data):
    rows = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    assert all(len(r) == len(rows[0]) for r in rows)
    assert not [c for r in rows for c in r if c.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert data.endswith(b"\r\n")
    return [dict(zip(rows[0], r)) for r in rows[1:]]


@case
def tables_are_read_back():
    for name, data in of("csv").items():
        rows = check_csv(data)
        whole = json.loads(SAMPLES[name.replace(".csv", ".json")])
        found = [r for r in rows if r["row"] == "finding"]
        assert [r["fingerprint"] for r in found] == [f["fingerprint"] for m in whole["models"] for f in m["findings"]]
        assert sum(r["row"] == "model" for r in rows) == len(whole["models"])
        assert sum(r["row"] == "error" for r in rows) == len(whole["errors"])


# ---- Markdown ------------------------------------------------------------------------------------

TAGS = r"</?(?:code|details|summary)>|<br>|<wbr>"


def check_markdown(data):
    """Nothing but our own marks: no link, mention, tag, fence or cell that a name made."""
    assert len(data) <= 1 << 20
    cells = 0
    for line in data.decode().splitlines():
        assert line.count("<code>") == line.count("</code>"), line
        text = re.sub(TAGS, "", line)
        text = re.sub(r"^(?:#{2,4} |>$|> |- |  - )", "", text)
        text = re.sub(r"\*\*([^*]*)\*\*", r"\1", text)
        if text.startswith("|"):
            row = re.sub(r"\|---|\|--:", "| ", text) if cells else text
            cells = cells or text.count("|")
            assert row.endswith("|") and row.count("|") == cells, line
            text = row.replace("|", "")
        else:
            cells = 0
        assert not re.search(r"(?<!&)#|&(?!#\d+;)|[<>\[\]`\\@_~*|{}]", text), line


@case
def a_job_summary_is_nothing_but_our_own_marks():
    for data in of("markdown").values():
        check_markdown(data)
    text = SAMPLES["rich-ci.markdown"].decode()
    assert text.startswith("## ❌ FAIL\n\n**6 of 9 models violate gate")
    assert "&#64;4f1c0d2" in text and "&#35;<wbr> torch" in text


def with_rules(count):
    """The rich report with findings of so many rules more, as a path."""
    r = json.loads(SAMPLES["rich-ci.json"])
    m = next(m for m in r["models"] if m["identity"] == "models/noted")
    (f,) = m["findings"]
    m["findings"] += [dict(f, rule="user/rule-%d" % i, title="x" * 200, message="@|`" * 300) for i in range(count)]
    r["summary"]["findings"]["low"] += count
    return write(scratch() + "/r.json", json.dumps(r).encode())


@case
def a_job_summary_that_is_too_long_says_so_at_its_top():
    p = run("convert", with_rules(1000), "-o", "markdown", env=EPOCH)
    assert p.returncode == 1 and not p.stderr, p.stderr
    check_markdown(p.stdout)
    left = re.search(rb"\*\*Cut\.\*\* (\d+) parts of this summary do not fit", p.stdout[:2000])
    assert left and int(left[1]) + p.stdout.count(b"\n#### ") > 1000, left
    assert len(p.stdout) > 1 << 19 and p.stdout.endswith(b"</code>\n")


# ---- HTML ------------------------------------------------------------------------------------

ATTRIBUTES = {
    "html": "lang", "head": "", "meta": "charset name content http-equiv", "title": "", "style": "", "script": "",
    "body": "", "header": "class", "nav": "aria-label", "main": "id tabindex", "footer": "", "strong": "", "b": "",
    "section": "class aria-labelledby tabindex", "h1": "id", "h2": "id", "h3": "id", "h4": "", "h5": "",
    "div": "class data-table hidden tabindex", "p": "class role", "span": "class", "small": "", "code": "", "pre": "", "br": "",
    "ul": "class", "ol": "class", "li": "", "dl": "class", "dt": "", "dd": "", "a": "class href rel",
    "table": "class", "caption": "id", "thead": "", "tbody": "", "tr": "data-verdict data-trust data-worst data-severity",
    "th": "scope class data-sort", "td": "class data-v", "figure": "class", "figcaption": "",
    "svg": "viewbox role aria-labelledby", "desc": "id", "text": "x y", "rect": "class x y width height rx",
    "details": "class open", "summary": "", "button": "type id hidden", "label": "", "input": "type autocomplete",
    "select": "name", "option": "value",
}
ATTRIBUTES["title"] = "id"  # in an svg
EMPTY = {"meta", "br", "input", "rect"}


class Page(HTMLParser):
    """The page as a browser takes it apart; nothing but our own elements may come of it."""

    def __init__(self, data):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.links, self.text, self.raw = [], [], [], [], {"style": "", "script": ""}
        self.policy = None
        self.feed(data.decode())
        self.close()
        assert not self.open, self.open
        assert len(set(self.ids)) == len(self.ids), "an id is there twice"

    def handle_starttag(self, tag, attributes):
        assert tag in ATTRIBUTES, tag
        for name, value in attributes:
            assert name in ATTRIBUTES[tag].split(), (tag, name)
            if name == "id":
                self.ids.append(value)
            elif name == "href":
                self.links.append(value)
        a = dict(attributes)
        if tag == "meta" and "http-equiv" in a:
            assert a["http-equiv"] == "Content-Security-Policy" and self.policy is None
            self.policy = a["content"]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        assert tag == "rect", tag
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] in self.raw:
            self.raw[self.open[-1]] += data
        else:
            self.text.append(data)

    def handle_comment(self, data):
        raise AssertionError("a comment: " + data[:100])

    def unknown_decl(self, data):
        raise AssertionError("a declaration: " + data[:100])

    handle_pi = unknown_decl


def check_html(data):
    page = Page(data)
    for link in page.links:
        assert re.fullmatch(r"#[a-z0-9-]+|https://cwe\.mitre\.org/data/definitions/\d+\.html", link), link
        assert link[0] != "#" or link[1:] in page.ids, link
    digest = {k: base64.b64encode(hashlib.sha256(v.encode()).digest()).decode() for k, v in page.raw.items()}
    assert page.policy == ("default-src 'none'; style-src 'sha256-%(style)s'; script-src 'sha256-%(script)s'; "
                           "base-uri 'none'; form-action 'none'" % digest)
    css, dark, js = (open(os.path.join(TOP, "scanner/reports/html", name), encoding="utf-8").read()
                     for name in ("page.css", "page.dark.css", "page.js"))
    assert page.raw["script"] == js
    assert page.raw["style"].endswith("}\n" + css) and page.raw["style"].count(dark) == 2
    assert not re.search(r"url\(|@import|image-set|innerHTML|\beval\b|document\.write|\bfetch\b|https?:", "".join(page.raw.values()))
    return page


def shown(text):
    """What the notation of the reports makes of a text out of the JSON report."""
    return "".join("\\x%02x" % b if chr(b) in "\n\x00\x1b\x07\t" else chr(b) for b in text.encode()) if text.isascii() else None


@case
def a_page_is_nothing_but_our_own_elements():
    for name, data in of("html").items():
        page = check_html(data)
        text = " ".join("".join(page.text).split())
        whole = json.loads(SAMPLES[name.replace(".html", ".json")])
        for m in whole["models"]:
            for f in m["findings"]:
                words = shown(f["evidence"])
                assert words is None or " ".join(words.split()) in text, words
        for svg in ("verdicts", "severities", "trust", "formats", "sizes"):
            assert svg + "-title" in page.ids and svg + "-text" in page.ids
        assert data.decode().count("<table><caption>Models by") == 2


HOSTILE_TEXTS = [
    "\x1b[2J\x1b]0;owned\a", "x\n::error::owned\n##[error]owned", "</script><script>alert(1)</script>", "</title></style><!--",
    "<img src=x onerror=alert(1)>", "\" onmouseover=\"alert(1)\" x='", "]]>--><?php ?><![CDATA[", "=cmd|'/C calc'!A0",
    "[a](javascript:alert(1)) ![x](//evil.example/x) `x` | a | <b> **b** ~~s~~ ```", "@octocat #1 GH-1 www.evil.example :tada: $x$",
    "&lt;b&gt; &#60;b&#62; &amp;", "txt.\u202elkp\u2066\u200b\ufeff", "\u0000\u0085\u2028", "\\x41 \\\\x41 \\", "%00%0a javascript:x", "-- - 1. # >",
    "</script><!-- \u202e @x " * 40000,
]
PLACES = {"identity", "revision", "evidence", "message", "reason", "reasons", "issuer", "covers", "suppressed"}


def with_text(node, text, key=None):
    """The same report with `text` wherever it may be anybody's."""
    if isinstance(node, dict):
        return {k: with_text(v, text, k) for k, v in node.items()}
    if isinstance(node, list):
        return [with_text(v, text, key) for v in node]
    return text if isinstance(node, str) and node and key in PLACES else node


@case
def hostile_texts_in_a_stored_report_are_text():
    whole = json.loads(SAMPLES["rich-ci.json"])
    d = scratch()
    for text in HOSTILE_TEXTS:
        stored = write(d + "/r.json", json.dumps(with_text(whole, text)).encode())
        p = run("convert", stored, "-o", "html=%s/h" % d, "-o", "markdown=%s/m" % d, "-o", "gitlab-sast=%s/g" % d, env=EPOCH)
        assert p.returncode == 1 and not p.stderr, (text[:40], p.stderr[:300])
        page = check_html(open(d + "/h", "rb").read())
        check_markdown(open(d + "/m", "rb").read())
        check_gitlab(load(d + "/g"))
        words = "".join(page.text)
        if text.isascii() and text.isprintable() and "\\" not in text and len(text) < 300:
            assert words.count(text) > 20, text


# ---- hostile names, the whole way from the disk -------------------------------------------------

HOSTILE = [
    b"\x1b[2J\x1b]0;owned\a.pkl", b"a\n::error::owned\n##[error]owned.pkl", b"=cmd()|'x'!A0.pkl", b"@SUM(1).pkl",
    b"-1+1.pkl", b"</script><img src=x onerror=alert(1)>.pkl".replace(b"/", b"\\"), b"'\"><b>.pkl", b"[a](b) {0} `x` |.pkl",
    b"txt.\xe2\x80\xaelkp", b"\xff\xfe\xc3.pkl", b"\\x41\\.pkl", b" %25%0A::warning::x .pkl", b"a,b;c\td.pkl", b"x" * 250 + b".pkl",
]


def hostile_target():
    d = scratch()
    # a call with a long hostile argument: evidence that is cut, and names from inside the file
    text = b"</script>\x1b[31m\xe2\x80\xae::error::" * 30000
    payload = b"\x80\x02cposix\nsystem\nX" + len(text).to_bytes(4, "little") + text + b"\x85R."
    for name in HOSTILE:
        write(os.path.join(os.fsencode(d), b"models", name), payload)
    write(os.path.join(os.fsencode(d), b"models", b"cut\x1b[0m.pt"), b"PK\x03\x04" + bytes(30))
    return d


@case
def hostile_names_from_the_disk_act_nowhere_and_come_back():
    d = hostile_target()
    out = scratch()
    outputs = [x for f in FORMATS for x in ("-o", "%s=%s/%s" % (f, out, f))]
    p = scan(*outputs, "models", cwd=d, env=EPOCH)
    assert p.returncode == 1 and not p.stdout, p
    reports = {f: open(os.path.join(out, f), "rb").read() for f in FORMATS}
    for f, data in reports.items():
        text = data.decode()
        bad = [c for c in text if (ord(c) < 0x20 and c not in "\r\n") or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2066\ufeff"]
        assert not bad and (f == "csv" or "\r" not in text), (f, bad[:5])
        if f != "github":
            assert not re.search(r"^\s*::|##\[", text, re.M), f
    check_github(reports["github"].decode())
    check_csv(reports["csv"])
    check_gitlab(json.loads(reports["gitlab-sast"]))
    sarif = json.loads(reports["sarif"])
    check_sarif(sarif)
    uris = {unquote(x["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], errors="surrogateescape")
            for x in sarif["runs"][0]["results"]}
    assert {os.fsencode(u) for u in uris} == {b"models/" + n for n in HOSTILE}
    xml.fromstring(reports["junit"])
    check_markdown(reports["markdown"])
    page = "".join(check_html(reports["html"]).text)
    summary = html.unescape(re.sub("<[^>]*>", "", reports["markdown"].decode()))
    for r in check_csv(reports["csv"]):
        if r["row"] == "finding":  # a name is the same everywhere, but for the guard of a cell
            assert r["file"] in page and r["file"] in summary, r["file"]


@case
def stored_reports_give_the_bytes_of_the_scan():
    d = hostile_target()
    for env in ({}, EPOCH):
        out = scratch()
        scan(*[x for f in FORMATS for x in ("-o", "%s=%s/%s" % (f, out, f))], "models", cwd=d, env=env)
        for stored in ("json", "jsonl"):
            for f in FORMATS:
                p = run("convert", os.path.join(out, stored), "-o", f, env=env)
                assert p.returncode == 1 and not p.stderr, p.stderr
                assert p.stdout == open(os.path.join(out, f), "rb").read(), (stored, f)


main()
