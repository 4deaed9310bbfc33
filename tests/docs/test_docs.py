#!/usr/bin/python3
"""Every example in the documentation is run, and what it shows is what is printed.

    tests/docs/test_docs.py [PAGE...]               check all pages, or these
    DOCS_UPDATE=1 tests/docs/test_docs.py [PAGE...]   write the real output into them

A fenced block says by its language what it is, and what is done with it here:

    console   `$ COMMAND` lines (`> ` goes on), each with the output that follows it, run in
              one directory for a page.  A line `...` stands for any lines, `...` inside a
              line for any text.  `[exit N]` is the exit code; without it the code is 0.
    json      parsed (// comments are fine, and so are members without the braces around
              them); policies and registry entries are checked by Assay
    yaml      parsed
    text      output, grammars, and commands that cannot be run here (network, sudo)
    groovy    tests/ci/ looks at it

Whatever looks like `assay COMMAND --option`, in a block or in `code`, must exist.  The
directory holds fixtures/ and build/ (with demo/ and fixtures/NAME/ made); an HTML comment
`<!-- setup: COMMAND -->` before a block runs a shell command first.
"""
import difflib, functools, json, os, re, subprocess, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden"))
from tap import *

LANGUAGES = ("console", "json", "yaml", "text", "groovy")
UPDATE = bool(os.environ.get("DOCS_UPDATE"))
SECONDS = 120  # for one command; a hang is a failure, not a wait


class Problem(Exception):
    pass


# ---- reading a page ---------------------------------------------------------------------


class Block:
    def __init__(self, line, language, text):
        self.line, self.language, self.text = line, language, text


def parse(page):
    """The blocks and setup comments of a page, in order; prose as (line, text)."""
    blocks, prose, fence = [], [], None
    for number, line in enumerate(page.split("\n"), 1):
        mark = re.match(r"( *)(```+)(.*)$", line)
        if fence is None and mark:
            fence = Block(number, mark[3].strip(), [])
            fence.mark = mark[2]
        elif fence is not None and mark and mark[2].startswith(fence.mark) and not mark[3].strip():
            fence.text = "".join(t + "\n" for t in fence.text)
            blocks.append(fence)
            fence = None
        elif fence is not None:
            fence.text.append(line)
        else:
            setup = re.match(r"<!-- setup: (.*) -->$", line)
            if setup:
                blocks.append(Block(number, "setup", setup[1]))
            prose.append((number, line))
    if fence is not None:
        raise Problem("line %d: a block is opened and never closed" % fence.line)
    return blocks, prose


def steps(block):
    """(line, command, expected lines) of a console block."""
    found, line = [], block.line
    for text in block.text.splitlines():
        line += 1
        if text.startswith("$ "):
            found.append([line, text[2:], []])
        elif text.startswith("> ") and found and not found[-1][2]:
            found[-1][1] += "\n" + text[2:]
        elif found:
            found[-1][2].append(text)
        else:
            raise Problem("line %d: a console block begins with `$ COMMAND`" % line)
    if not found:
        raise Problem("line %d: a console block without a `$ COMMAND`" % block.line)
    return found


# ---- console ------------------------------------------------------------------------------


def stage():
    """Where the commands of a page are run."""
    d = scratch()
    subprocess.run(["/usr/bin/python3", os.path.join(TOP, "fixtures/demo/make.py"), os.path.join(BUILD, "demo")], check=True)
    os.symlink(BUILD, os.path.join(d, "build"))
    os.symlink(os.path.join(TOP, "fixtures"), os.path.join(d, "fixtures"))
    home = os.path.join(d, ".home")
    os.mkdir(home)
    env = {"PATH": os.path.dirname(ASSAY) + ":/usr/local/bin:/usr/bin:/bin", "HOME": home, "LC_ALL": "C.UTF-8"}
    return d, env


def shell(command, place):
    for name in re.findall(r"build/fixtures/([\w-]+)", command):
        fixtures(name)
    d, env = place
    return subprocess.run(["bash", "-c", command], cwd=d, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=SECONDS)


def fits(expected, printed):
    """Do these lines show those?  `...` is any lines, or any text within one."""
    pattern = "".join(r"(?:.*\n)*?" if line.strip() == "..." else
                      ".*".join(map(re.escape, line.split("..."))) + r"\n" for line in expected)
    return re.fullmatch(pattern, "".join(line + "\n" for line in printed)) is not None


def play(block, place):
    """Run a block.  The lines that it should hold, and what is wrong with those that it does."""
    lines, problems = [], []
    for line, command, expected in steps(block):
        while expected and not expected[-1]:
            expected.pop()
        code = 0
        if expected and re.fullmatch(r"\[exit \d+\]", expected[-1]):
            code = int(expected.pop()[6:-1])
        p = shell(command, place)
        printed = p.stdout.decode("utf-8", "backslashreplace").splitlines()
        right = fits(expected, printed)
        lines += ["$ " + command.replace("\n", "\n> ")] + (expected if right else printed)
        lines += ["[exit %d]" % p.returncode] * (p.returncode != 0)
        if p.returncode != code:
            problems.append("line %d: $ %s\n  exit code %d, the page says %d (`[exit N]` as the last line of "
                            "the output)" % (line, command, p.returncode, code))
        if not right:
            change = difflib.unified_diff(expected, printed, "the page", "printed", lineterm="", n=2)
            problems.append("line %d: $ %s\n  %s" % (line, command, "\n  ".join(change)))
    return lines, problems


# ---- json, yaml ------------------------------------------------------------------------------


def without_comments(text):
    return re.sub(r'("(?:\\.|[^"\\\n])*")|//[^\n]*', lambda m: m[1] or "", text)


def unique(pairs):
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError("a key is there twice: %s" % names)
    return dict(pairs)


def check_json(block, page, place):
    text = block.text
    if re.match(r'\s*(//[^\n]*\s*)*"[^"\n]*"\s*:', text):
        text = "{" + text.rstrip().rstrip(",") + "}"
    value = json.loads(without_comments(text), object_pairs_hook=unique)
    if not isinstance(value, dict):
        return
    kind = str(value.get("schema", ""))
    command = None
    if kind == "assay-policy/1" or (not kind and page == "docs/policy.md"):
        value = {"schema": "assay-policy/1", "name": "example", **value}
        name, command = "policy.json", "policy check"
    elif kind == "1" and "driver" in value:
        name, command = value["id"] + ".json", "registries check"
    if command:
        path = write(os.path.join(scratch(), name), json.dumps(value).encode())
        p = shell("assay %s %s" % (command, path), place)
        if p.returncode:
            raise Problem("`assay %s` says: %s" % (command, p.stdout.decode().replace(os.path.dirname(path) + "/", "")))


def check_yaml(block, page, place):
    import yaml
    if not list(yaml.safe_load_all(block.text)):
        raise Problem("nothing in it")


# ---- what commands there are --------------------------------------------------------------------


@functools.lru_cache(None)
def commands():
    text = run("--help").stdout.decode()
    return set(re.findall(r"^  ([a-z-]+)  ", text, re.M)) | {"help"}


@functools.lru_cache(None)
def options(command):
    text = run(command, "--help").stdout.decode() if command in commands() - {"help"} else ""
    known = set(re.findall(r"--[a-z][a-z0-9-]*", text)) | {"--help", "--version"}
    if command in ("policy", "baseline"):
        known |= options("scan")  # they take its options
    return known


def check_words(line, words):
    """`assay COMMAND --option …`: are they there?"""
    command = words[1] if len(words) > 1 else ""
    if not re.fullmatch(r"[a-z][a-z-]*", command):
        return
    if command not in commands():
        raise Problem("line %d: there is no command `assay %s`" % (line, command))
    for word in words[2:]:
        if word in ("|", "&&", "||", ";", ">", "#", "--"):
            break
        option = re.match(r"--[a-z][a-z0-9-]*", word)
        if option and option[0] not in options(command):
            raise Problem("line %d: `assay %s` has no option %s" % (line, command, option[0]))


def check_mentions(blocks, prose):
    for block in blocks:
        if block.language in ("text", "console", "yaml", "groovy"):
            for number, line in enumerate(block.text.splitlines(), block.line + 1):
                m = re.match(r"\s*(?:- |\$ |run: |sh ['\"])?(assay [^`]*)", line)
                if m:
                    check_words(number, re.split(r"[\s'\"]+", m[1]))
    for number, line in prose:
        if re.match(r" {4,}(\$ |assay )", line):
            raise Problem("line %d: commands stand in a fenced block (```console, or ```text), not in an indented one" % number)
        for m in re.finditer(r"`(assay [^`]*)`", line):
            check_words(number, m[1].split())


# ---- pages ------------------------------------------------------------------------------------------

HINT = """
How to fix %(page)s:
  - the new output is right:   DOCS_UPDATE=1 tests/docs/test_docs.py %(page)s   writes it into the page
  - part of it varies:         put `...` there (a line of its own: any lines; inside a line: any text)
  - it cannot be run here (network, root, another program): make the block ```text
  - it needs files:            a line <!-- setup: mkdir models; cp fixtures/real/linear.safetensors models -->
                               above the block; commands run in an empty directory with fixtures/ and build/
The whole convention is at the top of tests/docs/test_docs.py."""


def check_block(block, page, place):
    if block.language == "setup":
        p = shell(block.text, place)
        if p.returncode:
            raise Problem("setup failed: %s" % p.stdout.decode())
    elif block.language == "console":
        block.lines, problems = play(block, place)
        if problems and not UPDATE:
            raise Problem("\n".join(problems))
    elif block.language == "json":
        check_json(block, page, place)
    elif block.language == "yaml":
        check_yaml(block, page, place)
    elif block.language not in LANGUAGES:
        raise Problem("a block of language %r: only %s are checked, so only they are used. Commands are "
                      "```console with `$ ` before each and its output below, or ```text when they cannot be run here"
                      % (block.language, ", ".join(LANGUAGES)))


def update(path, text, blocks):
    lines = text.split("\n")
    for block in sorted(blocks, key=lambda b: -b.line):
        if block.language == "console":
            count = len(block.text.splitlines())
            lines[block.line:block.line + count] = block.lines
    if "\n".join(lines) != text:
        write(path, "\n".join(lines).encode())
        print("# wrote %s" % os.path.relpath(path, TOP))


def check_page(page):
    path = os.path.join(TOP, page)
    text = open(path, encoding="utf-8").read()
    problems = []
    try:
        blocks, prose = parse(text)
        place = stage() if any(b.language not in ("text", "groovy") for b in blocks) else None
    except Problem as p:
        raise Problem("%s: %s" % (page, p))
    for block in blocks:
        try:
            check_block(block, page, place)
        except (Problem, ValueError, subprocess.TimeoutExpired) as p:
            problems.append("%s:%d: %s" % (page, block.line, p))
    if UPDATE and not problems:
        update(path, text, blocks)
    try:
        check_mentions(blocks, prose)
    except Problem as p:
        problems.append("%s: %s" % (page, p))
    if problems:
        raise Problem("\n".join(problems) + "\n" + HINT % {"page": page})


def pages():
    git = subprocess.run(["git", "-C", TOP, "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                         stdout=subprocess.PIPE)
    names = git.stdout.decode().split() if git.returncode == 0 else [
        os.path.relpath(os.path.join(d, f), TOP) for d, _, fs in os.walk(TOP) for f in fs if f.endswith(".md")]
    return sorted(n for n in names if not n.startswith(("build", "tests/schemas")) and os.path.exists(os.path.join(TOP, n)))


def self_test():
    assert fits(["a", "...", "d"], ["a", "b", "c", "d"]) and fits(["a", "...", "d"], ["a", "d"])
    assert not fits(["a", "...", "d"], ["a", "b"]) and not fits(["a"], ["a", "b"]) and not fits([], ["a"])
    assert fits(["x ... z"], ["x y z"]) and not fits(["x.z"], ["xyz"]) and fits(["..."], [])
    blocks, _ = parse("```console\n$ echo hi\nho\n$ false\n[exit 1]\n```\n")
    lines, problems = play(blocks[0], (scratch(), {"PATH": "/usr/bin:/bin"}))
    assert lines == ["$ echo hi", "hi", "$ false", "[exit 1]"] and len(problems) == 1 and "+hi" in problems[0]
    for text in ("$ false\n", "$ true\n[exit 1]\n"):
        assert play(Block(1, "console", text), (scratch(), {"PATH": "/usr/bin:/bin"}))[1]
    for bad in ("assay scna x", "assay scan --gaet ci x", "assay policy show --jsn"):
        try:
            check_words(1, bad.split())
        except Problem:
            continue
        raise AssertionError(bad + " is accepted")
    check_words(1, "assay scan --gate ci --max-members=5 x".split())


def main_pages():
    if SCAN_FLAGS:
        print("ok 1 - examples # SKIP a build with sanitizers cannot be confined, and its reports say so")
        return
    case(self_test)
    for page in sys.argv[1:] or pages():
        def one(page=page):
            check_page(page)
        one.__name__ = "examples of " + page
        case(one)
    main()


main_pages()
