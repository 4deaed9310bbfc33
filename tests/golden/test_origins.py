#!/usr/bin/python3
"""Every store that is recognised: what it declares, and what happens when it is tampered with."""
import importlib.util, json, os, shutil, subprocess, sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *

spec = importlib.util.spec_from_file_location(
    "stores", os.path.join(TOP, "fixtures", "origins", "make.py"))
stores = importlib.util.module_from_spec(spec)
spec.loader.exec_module(stores)
W, C, RUN = stores.WEIGHTS, stores.COMMIT, stores.RUN


def store(make, *arguments, **options):
    d = scratch()
    make(d, *arguments, **options)
    return d


def named(r, name):
    """The file whose path ends in `name`, over all models."""
    found = [f for p, f in files(r).items() if p.endswith(name)]
    assert len({f["path"] for f in found}) == 1, (name, list(files(r)))
    return found[0]


def model_of(r, name):
    """The model that the file was grouped into first."""
    for m in r["models"]:
        if any(f["path"].endswith(name) for f in m["files"]):
            return m
    raise AssertionError((name, list(files(r))))


def states(f):
    return sorted((e["algorithm"], e["state"], e["weak"]) for e in f["expected"])


GOOD, WEAK = False, True  # of "weak"
SAME, OTHER = "consistent", "inconsistent"

# store, its file that matters, (registry, name, revision), digests that agree
TABLE = [
    ("hub-cache", "model.safetensors", ("huggingface", "acme/linear", C), [("sha256", GOOD)]),
    ("hub-local", "model.safetensors", ("huggingface", "", C), [("sha256", GOOD)]),
    ("hub-local", "config.json", ("huggingface", "", C), [("git-sha1", WEAK)]),
    ("git", "model.safetensors", ("huggingface", "acme/linear", C), []),
    ("git", "config.json", ("huggingface", "acme/linear", C), [("git-sha1", WEAK)]),
    ("ollama", stores.sha256(W), ("ollama", "library/linear", "latest"), [("sha256", GOOD)] * 2),
    ("oci", stores.sha256(W), (None, "registry.acme.example/ml/linear:1.0", ""), [("sha256", GOOD)] * 2),
    ("torch-hub", ".pth", ("pytorch-hub", "weights/linear", stores.sha256(W)[:8]), [("sha256", WEAK)]),
    ("kagglehub", "model.safetensors", ("kaggle", "acme/linear/pyTorch/base", "2"), []),
    ("mlmodel", "model.safetensors", ("mlflow", "runs/%s/model" % RUN, ""), []),
    ("mlruns", "model.safetensors", ("mlflow", "runs/%s/model" % RUN, ""), []),
    ("dvc", "model.safetensors", ("dvc", "", ""), [("md5", WEAK)]),
    ("dvc-import", "model.safetensors",
     ("dvc", "git.acme.example/ml/registry//models/linear.safetensors", C), [("md5", WEAK)]),
    ("dvc-old", "model.safetensors", ("dvc", "", ""), [("md5-dos2unix", WEAK)]),
    ("dvc-old", "table.csv", ("dvc", "", ""), [("md5-dos2unix", WEAK)]),
    ("dvc-lock", "out/weights/model.safetensors", ("dvc", "", ""), [("md5", WEAK)]),
    ("dvc-lock", "out/config.json", ("dvc", "", ""), [("md5", WEAK)]),
    ("dvc-dir", "data/weights/model.safetensors", ("dvc", "", ""), [("md5-dir", WEAK)]),
    ("dvc-dir", "data/config.json", ("dvc", "", ""), [("md5-dir", WEAK)]),
    ("wandb", "model.safetensors", ("wandb", "linear", "v3"), [("md5", WEAK)]),
    ("civitai", "linear.safetensors", ("civitai", "3036", "9857"),
     [("autov3", WEAK), ("blake3", GOOD), ("crc32", WEAK), ("sha256", GOOD), ("sha256", WEAK)]),
    ("comfyui", "linear.safetensors", (None, "", ""), []),
]


@case
def every_store_declares_what_it_is_and_its_digests_agree():
    for name, path, origin, digests in TABLE:
        r = report("--gate", "audit", store(stores.GOOD[name]), expect=0)
        m, f = model_of(r, path), named(r, path)
        o = m["origin"]
        assert (o["registry"], o["name"], o["revision"]) == origin, (name, o)
        assert o["basis"] == "declared" and m["trust"] == "unknown", (name, o)
        assert states(f) == sorted((a, SAME, w) for a, w in digests), (name, f["expected"])
        bad = rules(r) - {"trust/low"}
        assert not bad, (name, bad)


# store, what is tampered with: (file, its new bytes), the state of its digests, the finding
def flip(data):
    return data[:-1] + bytes([data[-1] ^ 1])


TAMPERED = [name for name, _, _, digests in TABLE if digests]


@case
def a_swapped_file_is_inconsistent_in_every_store_that_knows_digests():
    for name, path, _, digests in TABLE:
        if not digests:
            continue
        d = store(stores.GOOD[name])
        before = named(report("--gate", "audit", d), path)
        real = os.path.realpath(os.path.join(d, before["path"]))
        data = open(real, "rb").read()
        write(real, flip(data))
        r = report("--gate", "audit", d)
        f = named(r, path)
        assert states(f) == sorted((a, OTHER, w) for a, w in digests), (name, f["expected"])
        says = "data.dvc" if name == "dvc-dir" else f["path"]  # of a directory, not of a file
        found = [x for x in findings(r) if x["rule"] == "integrity/digest-inconsistent"
                 and x["path"] == says]
        assert len(found) == len(digests) and {x["severity"] for x in found} == {"high"}, (name, found)
        for e in f["expected"]:  # both values are named
            assert any(e["value"] in x["message"] for x in found), (name, found)
        assert scan(d).returncode == 1, name


@case
def a_wrong_size_alone_is_a_finding():
    def shrink(d):
        stores.ollama(d)
        path = os.path.join(d, "manifests/registry.ollama.ai/library/linear/latest")
        manifest = json.load(open(path))
        manifest["layers"][0]["size"] -= 1
        write(path, json.dumps(manifest).encode())
    for make, path in ((stores.EVIL["size"], "model.safetensors"), (shrink, stores.sha256(W))):
        r = report(store(make), expect=1)
        (f,) = [x for x in findings(r) if x["rule"].startswith("integrity/")]
        assert f["rule"] == "integrity/size-inconsistent" and "79 bytes" in f["message"], f
        assert OTHER in {s for _, s, _ in states(named(r, path))}


@case
def a_missing_file_is_named_and_does_not_fail_a_build():
    removals = [("ollama", "blobs/sha256-" + stores.sha256(b"MIT\n")), ("dvc", "model.safetensors"),
                ("hub-local", "model.safetensors"), ("dvc-lock", "out/config.json"),
                ("wandb", "artifacts/linear:v3/config.json"), ("civitai", "linear.safetensors"),
                ("oci", "blobs/sha256/" + stores.sha256(b'{"architecture":"unknown"}'))]
    for name, path in removals:
        d = store(stores.GOOD[name])
        os.remove(os.path.join(d, path))
        r = report("--gate", "audit", d)
        found = [x for x in findings(r) if x["rule"] == "integrity/missing-file"]
        assert len(found) == 1 and path in found[0]["message"], (name, findings(r))
        assert found[0]["severity"] == "low"


@case
def a_directory_in_place_of_a_file_is_no_file():
    d = store(stores.ollama)
    blob = os.path.join(d, "blobs/sha256-" + stores.sha256(W))
    os.remove(blob)
    os.mkdir(blob)
    (f,) = [x for x in findings(report("--gate", "audit", d)) if x["rule"] == "integrity/missing-file"]
    assert stores.sha256(W) in f["message"], f


@case
def a_digest_of_another_algorithm_than_md5_is_not_compared():
    d = store(stores.wandb)
    path = d + "/artifacts/linear:v3/wandb_manifest.json"
    manifest = json.load(open(path))
    entry = manifest["contents"]["model.safetensors"]
    for tag, size in (("XXH128", True), ("BLAKE9", True), ("XXH128", False)):
        other = dict(entry, digest="AAAAAAAAAAAAAAAAAAAAAA==", extra={"alg": tag}, size=entry["size"] + (not size))
        write(path, json.dumps(dict(manifest, contents={**manifest["contents"], "model.safetensors": other})).encode())
        r = report("--gate", "audit", d)
        f = named(r, "model.safetensors")
        assert not [e for e in f["expected"] if e["algorithm"] == "md5"], f["expected"]
        assert [e for e in named(r, "config.json")["expected"] if e["algorithm"] == "md5"]
        assert [e["state"] for e in f["expected"]] == ["consistent" if size else "inconsistent"], f["expected"]
    other = dict(entry, digest="AAAAAAAAAAAAAAAAAAAAAA==", extra={"alg": "MD5"})
    write(path, json.dumps(dict(manifest, contents={"model.safetensors": other})).encode())
    assert "inconsistent" in json.dumps(named(report("--gate", "audit", d), "model.safetensors")["expected"])


@case
def what_is_wrong_in_every_row_is_said_once():
    d = store(stores.wandb)
    write(d + "/artifacts/linear:v3/wandb_manifest.json", json.dumps(
        {"contents": {"f%d" % i: {"digest": "x", "size": 1} for i in range(5000)}}).encode())
    assert len([x for x in findings(report("--gate", "audit", d)) if x["rule"] == "trust/malformed-origin"]) == 1


@case
def a_file_that_is_left_out_is_not_missing():
    r = report("--exclude", "config.json", store(stores.hub_local))
    assert "integrity/missing-file" not in rules(r)


@case
def a_renamed_file_is_missing_under_its_old_name():
    d = store(stores.dvc_file)
    os.rename(d + "/model.safetensors", d + "/other.safetensors")
    r = report("--gate", "audit", d)
    assert "integrity/missing-file" in rules(r) and named(r, "other.safetensors")["expected"] == []


@case
def an_extra_file_has_no_expectation_and_is_scanned():
    d = store(stores.wandb)
    write(d + "/artifacts/linear:v3/extra.pkl", b"cos\nsystem\n(S'id'\ntR.")
    r = report(d, expect=1)
    assert named(r, "extra.pkl")["expected"] == [] and "pickle/dangerous-call" in rules(r)


@case
def a_pointer_in_place_of_weights_is_incomplete_and_a_cut_one_too():
    d = store(stores.git_clone)
    for text in (stores.lfs_pointer(W), stores.lfs_pointer(W)[:60]):
        write(d + "/model.safetensors", text.encode())
        r = report(d, expect=2)
        assert named(r, "model.safetensors")["status"] == "incomplete"
    oid = stores.sha256(W)
    lfs = os.path.join(d, ".git/lfs/objects", oid[:2], oid[2:4], oid)
    write(lfs, flip(W))
    r = report(d, expect=1)
    assert states(named(r, oid)) == [("sha256", OTHER, GOOD)]


@case
def the_forms_of_a_remote_mean_the_same_and_secrets_are_not_shown():
    for url in ("https://huggingface.co/acme/linear", "https://huggingface.co/acme/linear.git/",
                "git@hf.co:acme/linear", "ssh://git@hf.co/acme/linear",
                "https://user:hf_sEcReT@huggingface.co/acme/linear"):
        for packed in (False, True):
            p = scan("-o", "json", "--gate", "audit", store(stores.git_clone, url=url, packed=packed))
            assert b"sEcReT" not in p.stdout
            o = json.loads(p.stdout)["models"][0]["origin"]
            assert (o["registry"], o["name"], o["revision"]) == ("huggingface", "acme/linear", C), (url, o)
    r = report("--gate", "audit", store(stores.git_clone, url="https://tok:sEcReT@git.acme.example/x?k=sEcReT"))
    o = r["models"][0]["origin"]
    assert (o["registry"], o["name"]) == (None, "https://git.acme.example/x"), o
    r = report("--gate", "audit", store(stores.git_clone, url="/srv/git/linear"))
    assert r["models"][0]["origin"]["name"] == "/srv/git/linear"


# ---- what a clone has checked out: real ones, by git -----------------------------------------

def git(directory, *arguments, check=True):
    if not shutil.which("git"):
        raise Skip("no git")
    environment = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "HOME": directory,
                   "PATH": os.environ["PATH"], "GIT_ALLOW_PROTOCOL": "file"}
    for who in ("AUTHOR", "COMMITTER"):
        environment["GIT_%s_NAME" % who], environment["GIT_%s_EMAIL" % who] = "a", "a@example.org"
    p = subprocess.run(["git", "-C", directory, *arguments], env=environment,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert p.returncode == 0 or not check, p.stdout.decode()


CONTENT = {"weights.safetensors": W, "config.json": b'{"a": 1}\n', "deep/er/train.py": b"import os\nprint(1)\n",
           "mixed.txt": b"a\r\nb\n", "Gr\u00f6\u00dfe.txt": b"x\n", "empty": b""}


def clone(content=CONTENT, attributes=None, init=(), configure=(), prepare=lambda up: None):
    """What `git clone` leaves of a repository with these files."""
    up, d = scratch(), os.path.join(scratch(), "clone")
    git(up, "init", "-q", "-b", "main", *init)
    for name, data in content.items():
        write(os.path.join(up, name), data)
    if attributes:
        write(up + "/.gitattributes", attributes)
    prepare(up)
    git(up, "add", ".")
    git(up, "commit", "-qm", "one")
    git(up, *(x for c in configure for x in ("-c", c)), "clone", "-q", up, d)
    return d


def checked_out(d, *options):
    """name -> how its git digest compares; absent: nothing is said."""
    r = report("--gate", "audit", *options, d)
    return {f["path"]: s for f in files(r).values() for a, s, _ in states(f) if a.startswith("git-")}


ALL = {name: SAME for name in CONTENT}
ATTRIBUTES = {**ALL, ".gitattributes": SAME}


@case
def a_clean_clone_is_consistent_in_every_version_of_the_index():
    long = "/".join(["a-directory-with-quite-a-long-name"] * 9) + "/x" * 100  # its end is cut by more than 127
    for init, configure, content in (
            ((), (), CONTENT), ((), ("index.version=3",), CONTENT), ((), ("index.version=4",), CONTENT),
            (("--object-format=sha256",), (), CONTENT),
            (("--object-format=sha256",), ("index.version=4",), CONTENT),
            ((), ("index.version=4",), {**CONTENT, long: b"x", "b": b"y"}),
            ((), (), {("d%d/" % i if i % 3 else "") + "f%d" % i: b"%d" % i for i in range(300)})):
        d = clone(content, init=init, configure=configure)
        if configure:
            git(d, "update-index", "--index-version", configure[0][-1])
        seen = checked_out(d)
        assert seen == {name: SAME for name in content}, (init, configure, seen)
        victim = sorted(content)[0]
        write(os.path.join(d, victim), content[victim] + b"!")
        seen = checked_out(d)
        assert seen == {name: OTHER if name == victim else SAME for name in content}, seen
        r = report(d, expect=1)
        (f,) = [x for x in findings(r) if x["rule"] == "integrity/digest-inconsistent"]
        assert f["path"] == victim and f["severity"] == "high" and ".git/index" in f["message"], f


@case
def line_ends_that_git_converts_are_no_difference():
    for attributes, configure in ((None, ("core.autocrlf=true",)), (b"*.py text eol=crlf\n", ()),
                                  (b"* text=auto\n", ("core.eol=crlf",)), (None, ("core.autocrlf=input",))):
        d = clone({k: v for k, v in CONTENT.items() if k != "mixed.txt"}, attributes, configure=configure)
        seen = checked_out(d)
        assert set(seen.values()) == {SAME} and len(seen) >= len(CONTENT) - 1, (attributes, configure, seen)
        write(d + "/deep/er/train.py", b"import os\r\nprint(2)\r\n")
        assert checked_out(d)["deep/er/train.py"] == OTHER
    d = clone(configure=("core.autocrlf=true",))
    assert set(checked_out(d).values()) == {SAME}
    # a text too long to hold: nothing is said; binary data of that length is what it is
    for fill, expected in ((b"x\n", None), (b"\0\n", OTHER)):
        d = clone({"long": fill * (9 << 20)})
        assert checked_out(d) == {"long": SAME}
        write(d + "/long", fill * (9 << 20) + b"!")
        assert checked_out(d).get("long") == expected


@case
def what_git_filters_is_not_compared():
    rot = ("filter.rot.clean=tr a-z b-za", "filter.rot.smudge=tr b-za a-z")

    def configured(up):
        for c in rot:
            git(up, "config", *c.split("=", 1))
    for attributes, unsaid in (
            (b"*.py filter=rot\n", {"deep/er/train.py"}), (b"train.py filter=rot\n", {"deep/er/train.py"}),
            (b"/deep/**/train.py filter=rot\n", {"deep/er/train.py"}), (b"deep/*/*.?y ident\n", {"deep/er/train.py"}),
            (b"**/er/** filter=rot -text\n", {"deep/er/train.py"}), (b"*.py -filter\n", set()),
            (b"# *.py filter=rot\n", set()), (b"*.json -text\n*.py diff=python\n", set()),
            (b"[attr]scrambled filter=rot\n*.py scrambled\n", set(ATTRIBUTES)),
            (b"tr[a]in.py filter=rot\n", set(ATTRIBUTES)), (b'"train.py" filter=rot\n', set(ATTRIBUTES)),
            (b"*.x filter=rot\n" * 300, set(ATTRIBUTES))):
        d = clone(attributes=attributes, configure=rot, prepare=configured)
        seen = checked_out(d)
        assert seen == {k: SAME for k in ATTRIBUTES if k not in unsaid}, (attributes, seen)
    # attributes below the top, in the clone's own file, and those that are not there to be read
    d = clone(prepare=lambda up: (configured(up), write(up + "/deep/.gitattributes", b"*.py filter=rot\n")), configure=rot)
    assert checked_out(d) == {k: v for k, v in ALL.items() if not k.startswith("deep/")}
    d = clone()
    write(d + "/.git/info/attributes", b"*.txt filter=rot\n")
    assert checked_out(d) == {k: v for k, v in ALL.items() if not k.endswith(".txt")}
    d = clone(attributes=b"*.py filter=rot\n", configure=rot, prepare=configured)
    os.remove(d + "/.gitattributes")
    assert checked_out(d) == {}
    for key, value in (("core.attributesFile", "/etc/x"), ("core.worktree", "..")):
        d = clone()
        with open(d + "/.git/config", "a") as f:
            f.write("[core]\n\t%s = %s\n" % (key.split(".")[1], value))
        assert checked_out(d) == {}, key


@case
def what_is_not_checked_out_as_it_is_kept_is_not_compared():
    def links(up):
        os.symlink("config.json", up + "/link")
        inner = clone({"inner.txt": b"1\n"})
        git(up, "-c", "protocol.file.allow=always", "submodule", "add", "-q", inner, "sub")
    d = clone(prepare=links)
    assert checked_out(d) == {**ALL, ".gitmodules": SAME}
    for flag in ("--assume-unchanged", "--skip-worktree"):
        d = clone()
        git(d, "update-index", flag, "config.json")
        write(d + "/config.json", b"mine")
        assert checked_out(d) == {k: v for k, v in ALL.items() if k != "config.json"}, flag
    d = clone()
    write(d + "/new.txt", b"1\n")
    git(d, "add", "-N", "new.txt")
    assert checked_out(d) == ALL
    git(d, "rm", "-q", "--cached", "new.txt")
    git(d, "checkout", "-q", "-b", "other")
    write(d + "/config.json", b"other\n")
    git(d, "commit", "-qam", "two")
    git(d, "checkout", "-q", "main")
    write(d + "/config.json", b"main\n")
    git(d, "commit", "-qam", "three")
    git(d, "merge", "-q", "other", check=False)
    assert checked_out(d) == {k: v for k, v in ALL.items() if k != "config.json"}
    d = clone()
    git(d, "update-index", "--split-index")
    assert checked_out(d) == {}
    d = clone()
    git(d, "sparse-checkout", "set", "deep")
    r = report("--gate", "audit", d)
    assert "integrity/missing-file" not in rules(r) and checked_out(d)["deep/er/train.py"] == SAME
    # taken out by hand is missing, in one finding
    d = clone()
    os.remove(d + "/config.json")
    (f,) = [x for x in findings(report("--gate", "audit", d)) if x["rule"] == "integrity/missing-file"]
    assert f["path"] == ".git/index" and "config.json" in f["message"], f


def another_branch(d):
    git(d, "checkout", "-q", "-b", "other")
    write(d + "/config.json", b"other\n")
    git(d, "commit", "-qam", "two")
    git(d, "checkout", "-q", "main")
    write(d + "/config.json", b"main\n")
    git(d, "commit", "-qam", "three")


def with_submodule(up):
    inner = clone({"inner.txt": b"1\n", "w.safetensors": W})
    git(up, "-c", "protocol.file.allow=always", "submodule", "add", "-q", inner, "sub")


DOS = {**CONTENT, "dos.txt": b"a\r\nb\r\n"}

# what people do to clones every day: how they come, and what follows
EVERYDAY = [
    ("sparse index", {}, lambda d: git(d, "sparse-checkout", "set", "--cone", "--sparse-index", "deep")),
    ("untracked cache, monitor", {}, lambda d: (git(d, "update-index", "--untracked-cache"), git(d, "status"))),
    ("a second work tree", {}, lambda d: git(d, "worktree", "add", "-q", "-b", "w", "../second")),
    ("no links here", dict(prepare=lambda up: os.symlink("config.json", up + "/link"), configure=("core.symlinks=false",)),
     lambda d: None),
    ("submodule", dict(prepare=with_submodule),
     lambda d: git(d, "-c", "protocol.file.allow=always", "submodule", "update", "--init", "-q")),
    ("submodule, edited", dict(prepare=with_submodule), lambda d: (
        git(d, "-c", "protocol.file.allow=always", "submodule", "update", "--init", "-q"), write(d + "/sub/inner.txt", b"2\n"))),
    ("taken out of the index", {}, lambda d: git(d, "rm", "-q", "--cached", "config.json")),
    ("renamed", {}, lambda d: git(d, "mv", "config.json", "renamed.json")),
    ("edited and added", {}, lambda d: (write(d + "/config.json", b"new\n"), git(d, "add", "."))),
    ("edited and stashed", {}, lambda d: (write(d + "/config.json", b"new\n"), git(d, "stash"))),
    ("rebase that stopped", {}, lambda d: (another_branch(d), git(d, "rebase", "other", check=False))),
    ("touched", {}, lambda d: os.utime(d + "/config.json", (0, 0))),
    ("packed, garbage collected", {}, lambda d: git(d, "gc", "-q", "--aggressive")),
    ("text=auto over CRLF", dict(content=DOS, attributes=b"* text=auto\n"), lambda d: None),
    ("text=auto added later", dict(content=DOS), lambda d: write(d + "/.gitattributes", b"* text=auto\n")),
    ("ends of lines by hand", {}, lambda d: write(d + "/deep/er/train.py", b"import os\r\nprint(1)\r\n")),
    ("UTF-16", dict(content={**CONTENT, "u.txt": "a\nb\n".encode("utf-16")},
                    attributes=b"u.txt text working-tree-encoding=UTF-16\n"), lambda d: None),
    ("ident", dict(content={**CONTENT, "id.py": b"# $Id$\n"}, attributes=b"*.py ident\n"), lambda d: None),
]


@case
def nothing_that_people_do_to_clones_every_day_is_a_finding():
    for name, how, then in EVERYDAY:
        d = clone(**how)
        then(d)
        r = report("--gate", "default", d, expect=0)
        assert not rules(r) - {"format/unclaimed", "integrity/missing-file"}, (name, findings(r))
        seen = checked_out(d)
        assert seen and set(seen.values()) == {SAME}, (name, seen)
    up = clone()
    git(up, "config", "uploadpack.allowFilter", "true")
    for options in (("--depth", "1"), ("--filter=blob:none",), ("-n",), ("--bare",), ("--separate-git-dir", scratch() + "/x")):
        d = os.path.join(scratch(), "clone")
        git(up, "clone", "-q", *options, "file://" + up, d)
        r = report("--gate", "default", "--allow-empty", d, expect=0)
        assert not rules(r) - {"format/unclaimed", "integrity/missing-file"}, (options, findings(r))


@case
def an_edited_file_of_the_same_size_is_inconsistent_even_when_git_must_look_twice():
    d = clone()
    before = os.stat(d + "/config.json")
    write(d + "/config.json", b'{"a": 2}\n')
    os.utime(d + "/config.json", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert checked_out(d) == {**ALL, "config.json": OTHER}
    (f,) = findings(report(d, expect=1))
    assert (f["rule"], f["severity"], f["path"]) == ("integrity/digest-inconsistent", "high", "config.json"), f
    git(d, "add", "config.json")
    assert checked_out(d) == ALL


@case
def an_index_that_is_none_is_malformed_and_says_nothing():
    good = stores.git_index([("config.json", stores.git_sha1(b"x"), 0o100644, 0, 0)] * 3, 4)
    for data in (b"DIRC", good[:-1], good[:40], b"DIRC" + bytes([0, 0, 0, 5]) + good[8:],
                 good[:8] + b"\xff" * 4 + good[12:], good + b"link" + b"\xff" * 30):
        d = store(stores.git_clone)
        write(d + "/.git/index", data)
        r = report("--gate", "audit", d)
        assert "trust/malformed-origin" in rules(r) and named(r, "config.json")["expected"] == [], data
    d = store(stores.git_clone)
    for name in ("../../etc/passwd", "/etc/passwd"):
        write(d + "/.git/index", stores.git_index([(name, "0" * 40, 0o100644, 0, 0)]))
        assert "trust/origin-path" in rules(report("--gate", "audit", d))


@case
def include_and_insteadof_are_not_followed():
    d = store(stores.git_clone, url="https://git.acme.example/ml/linear")
    with open(d + "/.git/config", "a") as f:
        f.write('[url "https://huggingface.co/google/"]\n\tinsteadOf = https://git.acme.example/ml/\n'
                "[include]\n\tpath = /etc/passwd\n")
    o = report("--gate", "audit", d)["models"][0]["origin"]
    assert o["registry"] is None and o["name"] == "https://git.acme.example/ml/linear", o


@case
def an_ollama_manifest_is_a_model_and_shared_blobs_are_in_both():
    d = scratch()
    stores.ollama(d, tag="latest")
    stores.ollama(d, tag="7b")
    stores.ollama(d, space="mallory", model="linear", tag="1", fill=7)
    stores.ollama(d, host="hf.co", space="acme", model="linear", tag="Q4_0", fill=8)
    stores.ollama(d, host="models.acme.example", space="ml", model="linear", tag="1", fill=9)
    r = report("--gate", "audit", d)
    by = {m["identity"].split("/manifests/")[1]: m for m in r["models"]}
    assert set(by) == {"registry.ollama.ai/library/linear/latest", "registry.ollama.ai/library/linear/7b",
                       "registry.ollama.ai/mallory/linear/1", "hf.co/acme/linear/Q4_0",
                       "models.acme.example/ml/linear/1"}, list(by)
    for m in by.values():
        assert len(m["files"]) == 4 and [f["path"] for f in m["files"]] == sorted(f["path"] for f in m["files"])
        assert m["verdict"] == "pass", m
    origins = {k: (m["origin"]["registry"], m["origin"]["name"], m["origin"]["trust"]) for k, m in by.items()}
    assert origins["registry.ollama.ai/library/linear/7b"] == ("ollama", "library/linear", "medium")
    assert origins["registry.ollama.ai/mallory/linear/1"] == ("ollama", "mallory/linear", "low")
    assert origins["hf.co/acme/linear/Q4_0"] == ("huggingface", "acme/linear", "medium")
    assert origins["models.acme.example/ml/linear/1"][0] is None
    assert r["summary"]["files"]["complete"] + r["summary"]["files"]["skipped"] == len(set(files(r)))


@case
def a_finding_in_a_shared_blob_fails_every_model_that_has_it():
    d = scratch()
    for tag in ("a", "b"):
        stores.ollama(d, tag=tag)
    blob = os.path.join(d, "blobs", "sha256-" + stores.sha256(W))
    write(blob, b"cos\nsystem\n(S'id'\ntR.")
    r = report(d, expect=1)
    assert {m["verdict"] for m in r["models"]} == {"fail"} and len(r["models"]) == 2


@case
def oci_layouts_with_sha512_and_two_images():
    d = scratch()
    stores.oci_layout(d, algorithm="sha512")
    f = named(report("--gate", "audit", d), stores.sha512(W))
    assert states(f) == [("sha512", SAME, GOOD)] * 2


@case
def a_crc_in_either_byte_order_agrees():
    f = named(report("--gate", "audit", store(stores.civitai, crc_order="little")), "linear.safetensors")
    assert {s for _, s, _ in states(f)} == {SAME}


@case
def a_directory_has_one_digest():
    seen = lambda d, *o: (rules(r := report(*o, "--gate", "audit", d)) - {"format/unclaimed"},
                          {s for f in files(r).values() for a, s, _ in states(f) if a == "md5-dir"})
    assert seen(store(stores.dvc_directory, hash="")) == (set(), {SAME})
    for change, expected in (
            (lambda d: os.rename(d + "/data/config.json", d + "/data/other.json"),
             ({"integrity/digest-inconsistent"}, {OTHER})),
            (lambda d: os.remove(d + "/data/config.json"), ({"integrity/missing-file"}, set())),
            (lambda d: write(d + "/data/weights/more.txt", b"x"), (set(), set())),  # added, or ignored
            (lambda d: write(d + "/data/.git/HEAD", b"ref: refs/heads/main"), (set(), {SAME})),
            (lambda d: (write(d + "/data/config.json", b"{}"), write(d + "/.dvcignore", b"#\n\n*.json\n")), (set(), set())),
            (lambda d: write(d + "/.dvcignore", b"# comments alone\n"), (set(), {SAME}))):
        d = store(stores.dvc_directory)
        change(d)
        assert seen(d) == expected, (seen(d), expected)
    d = store(stores.dvc_directory)
    write(d + "/data/config.json", b"{}")
    assert seen(d, "--exclude", "*.csv") == (set(), set())
    r = report(d, expect=1)
    (f,) = [x for x in findings(r) if x["rule"] == "integrity/digest-inconsistent"]
    assert f["path"] == "data.dvc" and "directory data" in f["message"] and f["severity"] == "high", f
    # a name that is no text: Python and we need not agree on how it is spelled
    os.rename(os.fsencode(d) + b"/data/config.json", os.fsencode(d) + b"/data/\xff.json")
    assert seen(d) == (set(), set())


@case
def directories_that_overlap_without_end_are_incomplete():
    d = store(stores.dvc_directory)
    out = "- md5: %s.dir\n  hash: md5\n  path: data\n" % ("0" * 32)
    write(d + "/more.dvc", ("outs:\n" + out * 2000).encode())
    assert status(report("--gate", "audit", d), "more.dvc") == "incomplete"


@case
def hashes_of_a_part_see_that_part():
    """AutoV1 is of 64 KiB at 1 MiB, AutoV3 of all but the header; whole-file digests see both."""
    weights = W + bytes(range(256)) * 8192
    parts = {"autov1", "autov3"}
    for at, broken in ((len(weights) - 1, {"autov3"}), ((1 << 20) + 5, parts), (30, set())):
        d = store(stores.civitai, weights=weights)
        data = bytearray(weights)
        data[at] ^= 1
        write(d + "/linear.safetensors", bytes(data))
        seen = states(named(report("--gate", "audit", d), "linear.safetensors"))
        assert {a for a, s, _ in seen if s == OTHER} == broken | {"sha256", "crc32"}, (at, seen)
        assert {a for a, s, _ in seen if s == SAME} == parts - broken, (at, seen)


@case
def a_date_in_a_checkpoints_name_is_no_hash():
    d = scratch()
    write(d + "/hub/checkpoints/swin-20220101.pth", W)
    assert named(report("--gate", "audit", d), ".pth")["expected"] == []


@case
def the_url_attribute_declares_and_secrets_are_not_shown():
    for url, expected in (
            ("https://huggingface.co/acme/linear/resolve/main/model.safetensors", ("huggingface", "acme/linear")),
            ("https://civitai.com/models/4201?modelVersionId=5", ("civitai", "4201")),
            ("https://me:sEcReT@cdn.acme.example/m.safetensors?sig=sEcReT#sEcReT",
             (None, "https://cdn.acme.example/m.safetensors"))):
        d = scratch()
        try:
            stores.xattr(d, url)
        except OSError as e:
            raise Skip("no extended attributes here: %s" % e)
        p = scan("-o", "json", "--gate", "audit", d)
        assert b"sEcReT" not in p.stdout
        m = json.loads(p.stdout)["models"][0]
        assert (m["origin"]["registry"], m["origin"]["name"]) == expected, m["origin"]
        assert "user.xdg.origin.url" in m["origin"]["evidence"] and m["trust"] == "unknown"


@case
def two_origins_are_a_conflict_and_count_for_nothing():
    d = store(stores.EVIL["two-origins"])
    r = report("--gate", "audit", "--accept-declared", d)
    m = r["models"][0]
    assert "trust/origin-conflict" in rules(r) and m["trust"] == "unknown"
    assert [o["registry"] for o in m["other_origins"]] == ["civitai"]
    r = report("--gate", "audit", "--origin", "hf:other/model", store(stores.hub_cache))
    assert "trust/origin-conflict" in rules(r) and r["models"][0]["trust"] == "medium"


@case
def what_agrees_is_no_conflict():
    d = store(stores.git_clone)
    stores.hub_local(d)
    r = report("--gate", "audit", d)
    assert "trust/origin-conflict" not in rules(r) and r["models"][0]["origin"]["name"] == "acme/linear"
    assert "trust/origin-conflict" not in rules(report("--gate", "audit", store(stores.mlruns)))
    d = store(stores.git_clone, url="https://github.com/acme/app")  # a project around a cache
    stores.hub_cache(d)
    assert "trust/origin-conflict" not in rules(report("--gate", "audit", d))


# ---- hostile input: bounded, and loud -----------------------------------------------------

def status(r, name):
    return named(r, name)["status"]


@case
def paths_that_lead_out_are_findings_and_not_followed():
    hostile = ["../../etc/passwd", "/etc/passwd", "a/../../b"]
    for path in hostile:
        d = store(stores.dvc_file)
        write(d + "/x.dvc", ("outs:\n- md5: %s\n  path: %s\n" % ("0" * 32, path)).encode())
        r = report("--gate", "audit", d)
        (f,) = [x for x in findings(r) if x["rule"] == "trust/origin-path"]
        assert f["path"] == "x.dvc" and f["evidence"] == path, f
    d = scratch()
    path = stores.ollama(d)
    manifest = json.load(open(path))
    manifest["layers"][0]["digest"] = "sha256:../../../../etc/passwd"
    write(path, json.dumps(manifest).encode())
    r = report("--gate", "audit", d)
    assert "trust/origin-path" in rules(r)
    d = store(stores.wandb)
    write(d + "/artifacts/linear:v3/wandb_manifest.json",
          json.dumps({"contents": {"a\0b": {"digest": "x", "size": 1}}}).encode())
    assert "trust/origin-path" in rules(report("--gate", "audit", d))


@case
def what_is_said_again_and_again_is_shown_once():
    d = scratch()
    blob = stores.sha256(W)
    write(d + "/blobs/sha256-" + blob, W)
    layer = {"digest": "sha256:" + blob, "size": len(W)}
    top = d + "/manifests/registry.ollama.ai/library/"
    write(top + "a/latest", json.dumps({"layers": [layer]}).encode())
    write(top + "b/latest", json.dumps({"layers": [layer] * 20000}).encode())
    p = scan("-o", "json", "--gate", "audit", d)
    r = json.loads(p.stdout)
    assert len(p.stdout) < 100000 and len(r["models"]) == 2, len(p.stdout)
    for m in r["models"]:
        assert [f["path"].split("/")[0] for f in m["files"]] == ["blobs", "manifests"], m["files"]
    assert states(named(r, blob)) == [("sha256", SAME, GOOD)] * 2
    # different things about one file: some are compared, and the rest is not passed over in silence
    write(top + "c/latest", json.dumps({"layers": [dict(layer, size=i + 1000) for i in range(500)]}).encode())
    r = report("--gate", "audit", d)
    assert status(r, "c/latest") == "incomplete" and status(r, "b/latest") == "skipped"
    assert len(named(r, blob)["expected"]) == 64


@case
def yaml_bombs_and_deep_nesting_are_bounded():
    d = store(stores.mlmodel)
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        "%s: &%s [%s]\n" % (chr(98 + i), chr(98 + i), ",".join(["*" + chr(97 + i)] * 9)) for i in range(20))
    write(d + "/MLmodel", (stores.MLMODEL + bomb).encode())
    r = report("--gate", "audit", d)
    assert not rules(r) and status(r, "MLmodel") == "skipped"  # aliases are not followed: nothing grows
    for text in ("flavors: " + "[" * 5000, "flavors:\n" + "".join(" " * i + "a:\n" for i in range(1, 200))):
        write(d + "/MLmodel", text.encode())
        r = report("--gate", "audit", d)
        assert status(r, "MLmodel") == "incomplete" or "trust/malformed-origin" in rules(r), text[:20]
    write(d + "/MLmodel", (stores.MLMODEL + "run_id: x\n").encode())
    assert "trust/malformed-origin" in rules(report("--gate", "audit", d))


@case
def malformed_sources_are_findings():
    for name, path, data in (("hub-local", ".cache/huggingface/download/config.json.metadata", b"nonsense\n"),
                             ("wandb", "artifacts/linear:v3/wandb_manifest.json", b'{"contents": {'),
                             ("wandb", "artifacts/linear:v3/wandb_manifest.json", b'{"contents": {}, "contents": {}}'),
                             ("civitai", "linear.civitai.info", b"[]x"),
                             ("dvc", "model.safetensors.dvc", b"outs: {"),
                             ("dvc", "model.safetensors.dvc", b"- 1\n"),
                             ("ollama", "manifests/registry.ollama.ai/library/linear/latest", b'{"layers": [')):
        d = store(stores.GOOD[name])
        write(os.path.join(d, path), data)
        r = report("--gate", "audit", d)
        assert "trust/malformed-origin" in rules(r), (name, data)


@case
def a_huge_manifest_is_incomplete_not_read():
    d = store(stores.ollama)
    path = os.path.join(d, "manifests/registry.ollama.ai/library/linear/latest")
    os.truncate(path, 1 << 30)
    r = report(d, expect=2)
    assert status(r, "linear/latest") == "incomplete"
    reason = named(r, "linear/latest")["reason"]
    assert "max-origin-bytes" in reason, reason


@case
def too_many_statements_are_incomplete():
    d = store(stores.wandb)
    r = report("--max-origin-statements", "1", d, expect=2)
    assert status(r, "wandb_manifest.json") == "incomplete"


@case
def loops_of_links_end():
    d = store(stores.git_clone)
    os.symlink("..", d + "/.git/loop")
    os.symlink("MLmodel", d + "/MLmodel")
    os.symlink("/etc/passwd", d + "/x.dvc")
    r = report(d, expect=2)
    assert status(r, "MLmodel") == "failed" and status(r, "x.dvc") == "failed"


@case
def names_with_hostile_bytes_reach_no_terminal():
    d = store(stores.git_clone, url="https://git.acme.example/\x1b[31mred\x07")
    p = scan(d)
    assert b"\x1b" not in p.stdout and b"\x07" not in p.stdout


main()
