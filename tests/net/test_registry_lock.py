#!/usr/bin/python3
"""A lockfile holds what a registry hands out to what it handed out before, for each of
registries.d/ that has files; where no digest is published, that is all that holds them."""
import atexit, json, os, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stage import OTHER, ROWS, Stage
import tap

stage = Stage().__enter__()
atexit.register(lambda: stage.__exit__())
WITHOUT_FILES = ("azureml-catalog", "replicate")  # their APIs hand out none: no lock is made
proved = []


def ask(play, command, *words):
    line, environment = play.asking(command, *words, play.case["reference"])
    return subprocess.run(line, capture_output=True, env=environment, timeout=120)


def scan(play, lock):
    p = ask(play, "scan", "-o", "json", "--lockfile", lock)
    report = json.loads(p.stdout)
    return p.returncode, [f for m in report["models"] for f in m["files"]], {f["rule"] for m in report["models"] for f in m["findings"]}


def other_bytes(a):
    """As many, and the head of a good file."""
    if not a.file or a.method == "HEAD":
        return False
    a.serve(OTHER)
    return True


def hold(registry):
    with stage.play_of(registry) as play:
        lock = os.path.join(play.home, "lock.json")
        p = ask(play, "lock", "-o", lock)
        if registry in WITHOUT_FILES:
            assert p.returncode == 2 and p.stderr and not os.path.exists(lock), p
            return
        assert p.returncode == 0, p
        code, files, rules = scan(play, lock)
        states = [{(e["algorithm"], e["by"], e["state"]) for e in f["expected"]} for f in files]
        assert files and code in (0, 1) and not {r for r in rules if r.startswith("integrity/")}, (code, rules)
        assert all(("sha256", "lockfile", "verified") in s for s in states), states
        play.misplay = other_bytes
        code, files, rules = scan(play, lock)
        assert code == 1 and "integrity/digest-mismatch" in rules, (code, rules)
        proved.append(registry)


def add(registry):
    def test():
        hold(registry)
    test.__name__ = "%s is held to its lock" % registry
    tap.case(test)


for registry in sorted(ROWS):
    add(registry)


@tap.case
def what_was_proved_of_each_registry():
    """For tests/interop/table."""
    for registry in proved:
        print("# cell %s hashes replay" % registry)


tap.main()
