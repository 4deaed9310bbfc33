#!/usr/bin/python3
"""assay explain, rules and formats."""
import json, os, re, subprocess

from tap import ASSAY, BUILD, TOP, case, main, run, scratch

SEVERITIES = {"info", "low", "medium", "high", "critical"}


def ok(*arguments):
    p = run(*arguments)
    assert p.returncode == 0 and not p.stderr, p
    return p.stdout.decode()


def rules():
    return json.loads(ok("rules", "--json"))["rules"]


@case
def every_rule_is_listed_once():
    table = open(os.path.join(TOP, "scanner", "core", "rules.def")).read()
    known = re.findall(r'^RULE\(\w+,\s*"([^"]+)",\s*(\w+)', table, re.M)
    listed = [(r["id"], r["severity"].upper()) for r in rules()]
    assert len({i for i, _ in listed}) == len(listed)
    assert listed[:len(known)] == known
    assert all(r["severity"] in SEVERITIES and r["title"] for r in rules())
    text = ok("rules")
    assert all(re.search(r"^%s +%s +%s$" % (re.escape(r["id"]), r["severity"], re.escape(r["title"])), text, re.M) for r in rules())


@case
def byte_rules_are_listed_too():
    pages = {n[:-3] for n in os.listdir(os.path.join(TOP, "docs", "rules", "yara"))}
    assert {"yara/" + n for n in pages} == {r["id"] for r in rules() if r["id"].startswith("yara/")}


@case
def every_page_says_why_it_is_dangerous_and_what_to_do():
    for rule in rules():
        text = ok("explain", rule["id"])
        assert text.startswith(rule["id"] + "\n"), rule
        for heading in ("What it finds", "Why it matters", "What to do", "False positives"):
            parts = re.split(r"^%s\n" % heading, text, flags=re.M)
            assert len(parts) == 2 and len(parts[1].split("\n\n")[0].strip()) > 3, (rule["id"], heading)
        assert "Severity " + rule["severity"] in text, rule
        assert not re.search(r"\*\*|\]\(|^#|`", text, re.M), (rule["id"], text)
        prose = re.sub(r"^    .*$|\S*://\S*", "", text, flags=re.M)
        assert max(map(len, prose.splitlines())) <= 80, rule["id"]


@case
def a_slip_gets_the_rule_that_was_meant():
    for word, meant in (("zip/symlnk", b"zip/symlink"), ("symlink", b"zip/symlink"), ("pickle/dangerous-cal", b"pickle/dangerous-call")):
        p = run("explain", word)
        assert p.returncode == 4 and b"did you mean " + meant + b"?" in p.stderr and not p.stdout, p
    p = run("explain", "nothing-like-it-at-all\x1b[31m")
    assert p.returncode == 4 and b"assay rules" in p.stderr and b"\x1b" not in p.stderr, p


@case
def no_path_leads_out_of_the_pages():
    for word in ("../rules/zip/symlink", "zip/../zip/symlink", "/etc/passwd", "zip", "", "zip/symlink.md"):
        p = run("explain", word)
        assert p.returncode == 4 and not p.stdout, (word, p)


@case
def misuse_ends_with_4():
    for arguments in (["explain"], ["explain", "a", "b"], ["rules", "x"], ["formats", "x"], ["rules", "--jso"]):
        p = run(*arguments)
        assert p.returncode == 4 and p.stderr and not p.stdout, (arguments, p)
    for command in ("explain", "rules", "formats", "inspect"):
        assert "assay " + command in ok(command, "--help")


@case
def every_format_is_listed_with_the_names_that_promise_it():
    table = open(os.path.join(TOP, "scanner", "core", "formats.def")).read()
    known = re.findall(r'^FORMAT\(\w+,\s*(\w+),\s*(\w+),\s*"([^"]+)",\s*"([^"]+)"\)', table, re.M)
    listed = json.loads(ok("formats", "--json"))["formats"]
    assert [(f["name"], f["family"], f["title"]) for f in listed] == [(n, f, t) for n, _, f, t in known]
    by_name = {f["name"]: f for f in listed}
    assert by_name["torch_zip"]["is_a"] == "zip" and by_name["zip"]["is_a"] is None
    assert ".safetensors" in by_name["safetensors"]["extensions"]
    assert all(e[0] == "." and e == e.lower() for f in listed for e in f["extensions"])
    text = ok("formats")
    assert all(f["title"] in text and all(e in text for e in f["extensions"]) for f in listed)


@case
def the_main_process_holds_no_inspector():
    """`assay formats` asks the worker: parsers are linked into it alone."""
    p = subprocess.run(["nm", ASSAY], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert b"_inspector" not in p.stdout


@case
def an_installed_assay_finds_its_pages():
    target = scratch()
    subprocess.run(["make", "-s", "-C", TOP, "install", "DESTDIR=" + target, "PREFIX=/usr", "BUILD=" + BUILD], check=True,
                   stdout=subprocess.DEVNULL, env=dict(os.environ, MAKEFLAGS=""))
    installed = os.path.join(target, "usr", "bin", "assay")
    p = subprocess.run([installed, "explain", "zip/symlink"], stdout=subprocess.PIPE, cwd="/")
    assert p.returncode == 0 and p.stdout == ok("explain", "zip/symlink").encode()
    subprocess.run(["make", "-s", "-C", TOP, "uninstall", "DESTDIR=" + target, "PREFIX=/usr", "BUILD=" + BUILD], check=True,
                   stdout=subprocess.DEVNULL, env=dict(os.environ, MAKEFLAGS=""))
    assert not [n for _, _, names in os.walk(target) for n in names]


main()
