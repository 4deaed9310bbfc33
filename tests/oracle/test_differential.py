#!/usr/bin/python3
"""Assay's pickle machine against CPython's unpicklers, on streams of our own making.

Invariant: each import that an unpickler asked for, before it finished or failed, is in Assay's
list, in the same order.      test_differential.py [--streams N] [--seed S] [--show N]"""
import argparse
import json
import pathlib
import pickletools
import random
import resource
import struct
import subprocess
import sys
import tempfile
from itertools import product


sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import generator  # noqa: E402
import recorder  # noqa: E402
import scan  # noqa: E402

ROOT, MACHINE, BATCH = scan.ROOT, scan.BUILD / 'oracle' / 'imports', 2000


def unlimited():
    """The unpicklers' limit is not for a build with sanitizers, which maps terabytes."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def assay(batch):
    """Assay's list for each stream: [(module, name) as bytes, ...]."""
    with tempfile.TemporaryFile() as stdin:
        for data in batch:
            stdin.write(struct.pack('<I', len(data)) + data)
        stdin.seek(0)
        done = subprocess.run([MACHINE, '-'], stdin=stdin, capture_output=True, preexec_fn=unlimited)
    lines = done.stdout.splitlines()
    if done.returncode != 0 or len(lines) != len(batch):
        raise SystemExit(f'not ok 1 - {MACHINE.name} ended with {done.returncode} after {len(lines)} of '
                         f'{len(batch)} streams\n{done.stderr.decode(errors="replace")[-2000:]}')
    for line in lines:
        yield json.loads(line)


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


class Tally:
    """What a run has seen, and where Assay and CPython disagree: (stream, unpickler, encoding, what, error)."""

    def __init__(self):
        self.streams = self.imports = self.whole = self.agreed = 0
        self.missed, self.unfinished, self.invented = [], [], []

    def compare(self, data, seen, encoding, buffers):
        listed = [(i['raw_module'].encode('latin-1'), i['raw_name'].encode('latin-1')) for i in seen['imports']]
        answers = []
        for unpickler in recorder.UNPICKLERS:
            wanted, error = recorder.imports(data, unpickler, encoding, streams=1, buffers=buffers)
            answers.append((wanted, error))
            self.imports += len(wanted)
            gap = missing(wanted, listed)
            if gap:
                self.missed.append((data, unpickler, encoding, f'import {gap[0]!r} {gap[1]!r}', error))
        self.streams += 1
        if any(error is None for _, error in answers):
            self.whole += 1
            if seen['status'] != 'stopped':
                self.unfinished.append((data, 'one of them', encoding, f'status {seen["status"]}', seen['reason']))
        if all(answer == (answers[0][0], None) for answer in answers):
            self.agreed += 1
            asked = {form for module, name in answers[0][0] for form in product(as_bytes(module), as_bytes(name))}
            extra = set(listed) - asked
            if extra:
                self.invented.append((data, 'all of them', encoding, f'listed {extra!r}', None))


def run(tally, batch, rng):
    for data, seen in zip(batch, assay(batch)):
        tally.compare(data, seen, rng.choice(recorder.ENCODINGS), [b'x'] * 4 if rng.random() < 0.5 else None)


def fixtures():
    """The generated pickles and the honest ones, by name; those of a megabyte would only be slow."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(['/usr/bin/python3', ROOT / 'fixtures' / 'pickle' / 'make.py', out], check=True,
                       stdout=subprocess.DEVNULL)
        paths = [*sorted(pathlib.Path(out).iterdir()), *sorted((ROOT / 'fixtures' / 'benign').glob('*.pkl'))]
        return [data for data in (path.read_bytes() for path in paths) if len(data) < 1 << 19]


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
    return smaller(data, still_wrong) if kind != 'listed' and still_wrong(data) else data


def opcodes_of(data):
    seen = set()
    try:
        for opcode, _, _ in pickletools.genops(data):
            seen.add(opcode.code)
    except ValueError:  # it is stricter than the unpicklers; what it saw before counts
        pass
    return seen


def quiet(kind, error, trace):
    """CPython itself prints a SystemError for each bytearray that a truncated stream leaves half-made."""
    if not (kind is SystemError and 'bytearray' in str(error)):
        sys.__excepthook__(kind, error, trace)


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--streams', type=int, default=30000)
    p.add_argument('--seed', type=int, default=20240607)
    p.add_argument('--show', type=int, default=5, help='how many differences of each kind to reduce and print')
    options = p.parse_args()
    if not MACHINE.exists():
        print(f'ok 1 - differential # SKIP {MACHINE} is not built')
        return 0
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, resource.getrlimit(resource.RLIMIT_AS)[1]))
    sys.excepthook = quiet
    rng, tally = random.Random(options.seed + 1), Tally()
    known = fixtures()
    run(tally, known, rng)
    source, opcodes = generator.streams(options.seed, options.streams), set()
    while tally.streams < options.streams + len(known):
        batch = [data for _, data in zip(range(BATCH), source)]
        for data in batch[:BATCH // 10]:
            opcodes |= opcodes_of(data)
        run(tally, batch, rng)
    lists = f'{tally.streams} streams, {tally.imports} imports by CPython {sys.version.split()[0]}'
    never = {o.code for o in pickletools.opcodes} - opcodes
    tap = scan.Tap()
    tap.check(not tally.missed, f'no import is missed: {lists}', f'{len(tally.missed)} missed')
    tap.check(not tally.unfinished, f'what loads is understood to its end: {tally.whole} streams', len(tally.unfinished))
    tap.check(not tally.invented, f'where all unpicklers agree nothing is invented: {tally.agreed} streams', len(tally.invented))
    tap.check(tally.imports > tally.streams and not never, 'the streams import, and use every opcode', never)
    for kind in (tally.missed, tally.unfinished, tally.invented):
        for data, unpickler, encoding, what, error in kind[:options.show]:
            print(f'# {unpickler} {encoding}: {what}; {error}\n#   {repro(data, unpickler, encoding, what)!r}')
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
