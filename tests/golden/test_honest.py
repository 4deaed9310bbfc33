#!/usr/bin/python3
"""Files that look like something else by accident raise no alarm."""
import io, os, pickle, struct, sys, zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *

RECORD = b"".join(b"charset_normalizer/%s.py,sha256=6806ff17d65bdb7a5be0d3ba4df21%d,%d\n" % (n, i, i)
                  for i, n in enumerate([b"__init__", b"api", b"cd", b"legacy", b"md", b"models"] * 4))
TEXTS = {
    "RECORD": b"charset_normalizer-3.0.1.dist-info/RECORD,,\n" + RECORD,
    "requirements.txt": b"cffi\nnumpy\ntorch==2.1\ntransformers\n",
    "vocab.txt": b"".join(b"%c\n" % c for c in range(33, 127)) + b"c\nthe\nof\n",
    "merges.txt": b"#version: 0.2\ni n\nt h\n(\n)\n",
    "prose.md": b"code is law\nI think\n(so.\n",
    "Iliad.txt": b"I\nsing\nof\ngoddess\n.\n",
    "numbers.csv": b"I,K,M\n1,2,3\n",
    "script.py": b"import os\nprint(os.getcwd())\n",
    "data.json": b'{"a": [1, 2, 3], "c": "os\\nsystem"}',
    "LICENSE": b"Copyright (c) 2026\nPermission is hereby granted\n",
}


def npy(data):
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }"
    header += b" " * (63 - (len(header) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


@case
def prose_lists_and_code_are_skipped():
    d = scratch()
    for name, data in TEXTS.items():
        write(os.path.join(d, name), data)
    r = report(d, expect=3)
    assert not findings(r), findings(r)
    assert {f["status"] for f in files(r).values()} == {"skipped"}, files(r)


@case
def an_archive_of_object_arrays_is_an_archive_with_pickles_in_it():
    d = scratch()
    array = (b"\x80\x03cnumpy.core.multiarray\n_reconstruct\nq\x00cnumpy\nndarray\nq\x01K\x00\x85q\x02C\x01bq\x03"
             b"\x87q\x04Rq\x05(K\x01K\x02\x85q\x06cnumpy\ndtype\nq\x07X\x02\x00\x00\x00O8q\x08\x89\x88\x87q\tRq\n"
             b"(K\x03X\x01\x00\x00\x00|q\x0bNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tq\x0cb\x89]q\r(K\x01K\x02etq\x0eb.")
    with zipfile.ZipFile(os.path.join(d, "arrays.npz"), "w") as z:
        z.writestr(zipfile.ZipInfo("a.npy", (1980, 1, 1, 0, 0, 0)), npy(array))
    r = report(d, expect=0)
    f = files(r)["arrays.npz"]
    assert f["formats"] == ["zip"] and f["executes"] and not findings(r), (f, findings(r))


@case
def tensor_bytes_are_not_read_as_anything():
    import random
    random.seed(2026)
    d = scratch()
    for i in range(24):
        write(os.path.join(d, "shard-%02d.dat" % i), random.randbytes(1 << 16))
    r = report(d, expect=3)
    assert not findings(r), findings(r)


main()
