#!/usr/bin/python3
"""Assay's pickle machine against CPython's unpicklers, on streams of our own making.

Invariant: each import that an unpickler asked for, before it finished or failed, is in Assay's
list, in the same order.      test_differential.py [--streams N] [--seed S] [--show N]"""
import argparse
import json
import os
import pathlib
import random
import resource
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('BUILD', ROOT / 'build'))
MACHINE = BUILD / 'oracle' / 'imports'
BATCH = 2000

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import generator  # noqa: E402
import recorder  # noqa: E402


def assay(batch):
    """Assay's list for each stream: [(module, name) as bytes, ...]."""
    with tempfile.TemporaryFile() as stdin:
        for data in batch:
            stdin.write(struct.pack('<I', len(data)) + data)
        stdin.seek(0)
        done = subprocess.run([MACHINE, '-'], stdin=stdin, capture_output=True)
    lines = done.stdout.splitlines()
    if done.returncode != 0 or len(lines) != len(batch):
        raise SystemExit(f'not ok 1 - {MACHINE.name} ended with {done.returncode} after {len(lines)} of '
                         f'{len(batch)} streams\n{done.stderr.decode(errors="replace")[-2000:]}')
    for line in lines:
        yield json.loads(line.replace(b'\\u escape', b'escape').replace(b'a bad \\', b'a bad '))


def as_bytes(name):
    """All byte forms that a text can have had in the stream: UTF-8, or one byte a character."""
    forms = {name.encode('utf-8', 'surrogatepass')}
    try:
        forms.add(name.encode('latin-1'))
    except UnicodeEncodeError:
        pass
    return forms


def missing(wanted, listed):
    """The first import of `wanted` that `listed` does not have in order, or None."""
    at = 0
    for module, name in wanted:
        modules, names = as_bytes(module), as_bytes(name)
        while at < len(listed) and not (listed[at][0] in modules and listed[at][1] in names):
            at += 1
        if at == len(listed):
            return module, name
        at += 1
    return None


def differences(batch, rng):
    """(stream, unpickler, encoding, missing import, error) for every disagreement; and counts."""
    imports = complete = 0
    found = []
    for data, seen in zip(batch, assay(batch)):
        listed = [(i['raw_module'].encode('latin-1'), i['raw_name'].encode('latin-1')) for i in seen['imports']]
        clean = False
        for unpickler in recorder.UNPICKLERS:
            encoding = rng.choice(recorder.ENCODINGS)
            buffers = [b'x'] * 4 if rng.random() < 0.5 else None
            wanted, error = recorder.imports(data, unpickler, encoding, streams=1, buffers=buffers)
            imports += len(wanted)
            clean |= error is None
            gap = missing(wanted, listed)
            if gap:
                found.append((data, unpickler, encoding, f'import {gap[0]!r} {gap[1]!r}', error))
        complete += clean
        if clean and seen['status'] != 'stopped':
            found.append((data, 'either', '-', f'status {seen["status"]} ({seen["reason"]}), but it loads', None))
    return found, imports, complete


def smaller(data, still_wrong):
    """Delta debugging by halves: a short stream that still disagrees."""
    size = max(1, len(data) // 2)
    while size:
        at, shrunk = 0, False
        while at < len(data):
            trial = data[:at] + data[at + size:]
            if still_wrong(trial):
                data, shrunk = trial, True
            else:
                at += size
        if not shrunk or size == 1:
            if size == 1 and not shrunk:
                break
            size = max(1, size // 2) if size > 1 else 1
    return data


def repro(data, unpickler, encoding, what):
    kind = what.split()[0]

    def still_wrong(trial):
        if kind == 'status':
            clean = any(recorder.imports(trial, u, 'latin1', streams=1)[1] is None for u in recorder.UNPICKLERS)
            return clean and next(assay([trial]))['status'] != 'stopped'
        wanted, _ = recorder.imports(trial, unpickler, encoding, streams=1)
        listed = [(i['raw_module'].encode('latin-1'), i['raw_name'].encode('latin-1'))
                  for i in next(assay([trial]))['imports']]
        return missing(wanted, listed) is not None
    return smaller(data, still_wrong) if still_wrong(data) else data


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--streams', type=int, default=50000)
    p.add_argument('--seed', type=int, default=20240607)
    p.add_argument('--show', type=int, default=10, help='how many differences to reduce and print')
    options = p.parse_args()
    if not MACHINE.exists():
        print(f'ok 1 - differential # SKIP {MACHINE} is not built')
        return 0
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    sys.unraisablehook = lambda _: None  # CPython complains of half-made bytearrays
    source = generator.streams(options.seed, options.streams)
    rng = random.Random(options.seed + 1)
    found, imports, complete, done = [], 0, 0, 0
    while done < options.streams:
        batch = [data for _, data in zip(range(min(BATCH, options.streams - done)), source)]
        more, i, c = differences(batch, rng)
        found += more
        imports, complete, done = imports + i, complete + c, done + len(batch)
    lists = f'{done} streams, {imports} imports by CPython {sys.version.split()[0]}, {complete} streams load whole'
    wrong = [f for f in found if f[3].startswith('import')]
    unfinished = [f for f in found if f[3].startswith('status')]
    print(f'{"not " if wrong else ""}ok 1 - no import is missed: {lists}, {len(wrong)} missed')
    print(f'{"not " if unfinished else ""}ok 2 - what CPython loads is understood to its end: {len(unfinished)} not')
    print(f'{"not " if imports < done // 2 else ""}ok 3 - the streams import enough to mean something')
    for data, unpickler, encoding, what, error in (wrong + unfinished)[:options.show]:
        print(f'# {unpickler} {encoding}: {what}; then {error}\n#   {repro(data, unpickler, encoding, what)!r}')
    return 1 if found or imports < done // 2 else 0


if __name__ == '__main__':
    sys.exit(main())
