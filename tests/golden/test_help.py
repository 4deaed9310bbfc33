#!/usr/bin/python3
"""Help texts, and what is made of them: hints, completions, manual pages, what is installed."""
import os, pty, re, select, shutil, subprocess, sys, termios, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *

COMMANDS = re.findall(r"^  ([a-z-]+)  +\S", run("--help").stdout.decode(), re.M)


def help_of(command):
    return run(command, "--help").stdout.decode()


@case
def every_command_helps():
    assert len(COMMANDS) >= 17 and "scan" in COMMANDS
    for c in COMMANDS:
        long, short = run(c, "--help"), run(c, "-h")
        assert long.returncode == short.returncode == 0 and not long.stderr, (c, long)
        assert long.stdout == short.stdout and long.stdout.startswith(b"Usage: assay %s" % c.encode()), (c, long)
        assert max(map(len, long.stdout.splitlines())) <= 120, c
        assert b"--help" in long.stdout, c
    assert run("help", "scan").stdout == run("scan", "--help").stdout and run("help", "scna").returncode == 4
    assert run("help").stdout == run("--help").stdout == run("-h").stdout
    assert run().returncode == 4 and run().stdout == b""


@case
def every_option_that_help_lists_is_there():
    for c in COMMANDS:
        for option, value in sorted(set(re.findall(r"^ +(?:-\w, )?(--[a-z0-9-]+)(?:,? (\S))?", help_of(c), re.M))):
            p = run(c, option + ("=1" if value.isupper() else ""), stdin=subprocess.DEVNULL)
            for wrong in (b"unrecognized option", b"no such option", b"bad option", b"doesn't allow"):
                assert wrong not in p.stderr, (c, option, p.stderr[:300])


@case
def slips_of_the_finger_get_a_hint():
    for words, hint in (
        (["scna"], "did you mean scan?"), (["scan", "--gaet", "ci", "x"], "did you mean --gate?"),
        (["scan", "--pollicy=x", "x"], "did you mean --policy?"), (["inspect", "--jsn", "x"], "did you mean --json?"),
        (["verify", "--publickey", "x"], "did you mean --public-key?"), (["sign", "key", "--privat_key", "x"], "did you mean --private-key?"),
        (["lock", "--orign", "x"], "did you mean --origin?"), (["convert", "--outptu", "x"], "did you mean --output?"),
        (["policy", "explain", "--gaet", "ci", "x"], "did you mean --gate?"), (["policy", "chekc"], "did you mean `assay policy check`?"),
        (["baseline", "creatte", "x"], "did you mean `assay baseline create`?"), (["registries", "resolv", "x"], "did you mean `assay registries resolve`?"),
        (["registries", "hugingface"], "did you mean huggingface?"), (["rules", "--jsno"], "did you mean --json?"),
        (["explain", "pickle/dangerus-call"], "did you mean pickle/dangerous-call?"), (["manual", "assay-rulse"], "did you mean assay-rules?"),
        (["scan", "--gate", "strcit", "."], "did you mean strict?"), (["scan", "-o", "jsno", "."], "did you mean json?"),
    ):
        p = run(*words)
        assert p.returncode == 4 and hint in p.stderr.decode() and not p.stdout, (words, p)
        assert p.stderr.decode().count("did you mean") == 1, p.stderr
    for words in (["scan", "/none"], ["scan", "--pol", "/none", "x"], ["scan", "--xyzzy", "x"], ["policy", "test", "/none"],
                  ["scan", "--", "--gaet"], ["convert", "/none"], ["scan", "--" + "a" * 5000]):
        p = run(*words)
        assert p.returncode == 4 and b"did you mean" not in p.stderr, (words, p)


# ---- completions ------------------------------------------------------------------------------

CASES = [  # what is typed, some of what is offered, what is not
    ("sc", ["scan"], ["sign"]),
    ("scan --ga", ["--gate"], ["--policy"]),
    ("scan --gate c", ["ci"], ["audit"]),
    ("scan --fail-on ", ["critical", "high", "info"], ["ci"]),
    ("scan -o jun", ["junit"], ["json"]),
    ("scan --max-mem", ["--max-members"], []),
    ("explain pickle/dan", ["pickle/dangerous-call", "pickle/dangerous-import"], ["pickle/unknown-call"]),
    ("policy exp", ["explain"], ["check"]),
    ("completion z", ["zsh"], ["bash"]),
    ("verify --sandbox s", ["strict"], ["off"]),
]


def completion(shell):
    p = run("completion", shell)
    assert p.returncode == 0 and not p.stderr and len(p.stdout) > 5000
    return write(os.path.join(scratch(), "_assay"), p.stdout)


@case
def bash_completes():
    script = completion("bash")
    subprocess.run(["bash", "-n", script], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", "-s", "bash", script], check=True)
    d = scratch()
    write(os.path.join(d, "scanned model.pt"))
    program = '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _assay; printf "%s\\n" "${COMPREPLY[@]}"'

    def offered(words):
        p = subprocess.run(["bash", "-c", program, "-", script, "assay", *words], cwd=d, stdout=subprocess.PIPE, check=True)
        return p.stdout.decode().split("\n")[:-1]
    for typed, some, others in CASES:
        got = offered(typed.split(" "))
        assert set(some) <= set(got) and not set(others) & set(got), (typed, got)
    assert "ci" in offered(["scan", "--gate", "=", "c"]) and "ci" in offered(["scan", "--gate", "="])
    assert offered(["scan", "scann"]) == ["scanned model.pt"] and offered(["scan", "--policy", "scann"]) == ["scanned model.pt"]
    assert set(offered([""])) >= set(COMMANDS)


@case
def fish_completes():
    script = completion("fish")
    if not shutil.which("fish"):
        raise Skip("fish is not installed: its completion was not run")
    home = scratch()
    for typed, some, others in CASES:
        p = subprocess.run(["fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", script, "assay " + typed],
                           env={"PATH": os.environ["PATH"], "HOME": home}, stdout=subprocess.PIPE, check=True)
        got = {line.split("\t")[0] for line in p.stdout.decode().splitlines()}
        assert set(some) <= got and not set(others) & got, (typed, got)


class Terminal:
    """A shell behind a terminal, as one types into it."""

    def __init__(self, command, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, env)
        self.seen = b""

    def type(self, text, until):
        """Type, and read until this appears behind what was there before."""
        start = len(self.seen)
        os.write(self.fd, text.encode())
        deadline = time.monotonic() + 60
        while until.encode() not in self.seen[start:]:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            assert ready, "no %r in %r" % (until, self.seen[start:])
            self.seen += os.read(self.fd, 65536)
        return self.seen[start:].decode()

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@case
def zsh_completes():
    script = completion("zsh")
    if not shutil.which("zsh"):
        raise Skip("zsh is not installed: its completion was not run")
    subprocess.run(["zsh", "-n", script], check=True)
    home = scratch()
    shell = Terminal(["zsh", "-f", "-i"], {"PATH": os.environ["PATH"], "HOME": home, "TERM": "dumb", "ZDOTDIR": home})
    try:
        shell.type("unsetopt zle_bracketed_paste prompt_cr prompt_sp; setopt no_beep; PS1=; cd %s; fpath=(%s $fpath); autoload -Uz compinit; compinit -u -D; "
                   "print REA''DY\n" % (home, os.path.dirname(script)), "READY")
        for typed, done in (("assay sca", "scan"), ("assay scan --gat", "--gate"), ("assay scan --gate=c", "--gate=ci"), ("assay policy exp", "explain"),
                            ("assay scan --min-sev", "--min-severity"), ("assay completion z", "zsh"),
                            ("assay explain pickle/dangerous-c", "pickle/dangerous-call")):
            # complete, go to the front of the line, and have it printed
            said = shell.type("%s\t\x01print -r -- '<\x05>' DO''NE\n" % typed, "DONE")
            line = re.search(r"^<(.*)> DONE", said, re.M)
            assert line and line[1].strip().endswith(done), (typed, said)
    finally:
        shell.close()


# ---- manual pages ------------------------------------------------------------------------------

MANUALS = [("assay", 1), ("assay-policy", 5), ("assay-registries", 5), ("assay-rules", 7)]


@case
def manual_pages_are_clean_and_tell_everything():
    assert [line.split("(")[0] for line in run("manual").stdout.decode().splitlines()] == [n for n, _ in MANUALS]
    d, pages = scratch(), {}
    for name, section in MANUALS:
        p = run("manual", name)
        assert p.returncode == 0 and not p.stderr, p
        pages[name] = (write(os.path.join(d, "%s.%d" % (name, section)), p.stdout), p.stdout.decode())
    one = pages["assay"][1]
    for c in COMMANDS:
        assert ".Sh ASSAY %s\n" % c.upper() in one, c
        for option in re.findall(r"^ +(?:-\w, )?--([a-z0-9-]+)", help_of(c), re.M):
            assert re.search(r"^\.It.* Fl -%s\b" % option, one, re.M), (c, option)
    rules = [r["id"] for r in json.loads(run("rules", "--json").stdout)["rules"]]
    for rule in rules:
        assert '.It "%s"\n' % rule in pages["assay-rules"][1], rule
    keys = open(os.path.join(TOP, "scanner/policy/keys.def")).read()
    manual = open(os.path.join(TOP, "docs/policy.md")).read()
    for section, key in re.findall(r'^KEY\(\w+, "(\w*)", "(\w+)"', keys, re.M):
        full = section + "." + key if section else key
        assert "`%s`" % full in manual or re.search(r"`%s\.\w+`, `\.%s`" % (section, key), manual), full
    if not shutil.which("mandoc"):
        raise Skip("mandoc is not installed: the pages were not checked")
    for path, _ in pages.values():
        p = subprocess.run(["mandoc", "-T", "lint", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        # the others are not installed where lint looks for them
        found = [l for l in p.stdout.decode().splitlines() if "referenced manual not found: Xr assay" not in l]
        assert not found, "\n".join(found)
        text = subprocess.run(["mandoc", "-T", "utf8", path], stdout=subprocess.PIPE, check=True).stdout.decode()
        assert {"NAME", "DESCRIPTION", "SEE ALSO"} <= set(re.sub(".\b", "", text).splitlines())


@case
def make_install_puts_them_where_they_are_looked_for():
    d = scratch()
    make = ["make", "-s", "-C", TOP, "BUILD=" + os.path.relpath(BUILD, TOP), "DESTDIR=" + d, "PREFIX=/usr"]
    # what is built is what is tested: nothing may be compiled again for another PREFIX
    p = subprocess.run(make + ["-o", "all", "install"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert p.returncode == 0, p.stdout.decode()[-2000:]
    there = lambda path: os.path.isfile(os.path.join(d, "usr/share", path))
    assert there("bash-completion/completions/assay") and there("zsh/site-functions/_assay")
    assert there("fish/vendor_completions.d/assay.fish")
    assert all(there("man/man%d/%s.%d" % (s, n, s)) for n, s in MANUALS)
    installed = os.path.join(d, "usr/bin/assay")
    p = subprocess.run([installed, "manual", "assay-policy"], stdout=subprocess.PIPE)
    assert p.stdout == run("manual", "assay-policy").stdout
    p = subprocess.run([installed, "scan", *SCAN_FLAGS, os.path.join(TOP, "fixtures/real/linear.safetensors")], stdout=subprocess.PIPE)
    assert p.returncode == 0, p
    p = subprocess.run(make + ["uninstall"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert p.returncode == 0 and not [f for _, _, fs in os.walk(d) for f in fs], p.stdout


main()
