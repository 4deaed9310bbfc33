"""Assay's pickle machine against unpicklers, on streams of our own making and on the fixtures.

Invariant: each import that an unpickler asked for, before it finished or failed, is in Assay's
list, in the same order.  A peer is a function: it takes requests, (stream, encoding, buffers),
and yields for each what recorder.answers() gives.  `make test` asks the Python that runs it,
tests/interop/unpicklers.py asks all others that it can find."""
import json
import pathlib
import resource
import struct
import subprocess
import sys
import tempfile
from itertools import product

import generator
import recorder
import scan

ROOT, MACHINE = scan.ROOT, scan.BUILD / 'oracle' / 'imports'


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
    """Where Assay and one peer disagree: (request, unpickler, what, error)."""

    def __init__(self):
        self.streams = self.imports = self.whole = self.agreed = 0
        self.missed, self.unfinished, self.invented = [], [], []

    def compare(self, request, seen, answers):
        listed = [(i['raw_module'].encode('latin-1'), i['raw_name'].encode('latin-1')) for i in seen['imports']]
        for unpickler, wanted, error in answers:
            self.imports += len(wanted)
            gap = missing(wanted, listed)
            if gap:
                self.missed.append((request, unpickler, f'import {gap[0]!r} {gap[1]!r}', error))
        self.streams += 1
        if any(error is None for _, _, error in answers):
            self.whole += 1
            if seen['status'] != 'stopped':
                self.unfinished.append((request, 'one of them', f'status {seen["status"]}', seen['reason']))
        # what readers dispute is listed as each of them reads it, also those that are not asked here
        if not seen['disputed'] and answers and all(answer[1:] == (answers[0][1], None) for answer in answers):
            self.agreed += 1
            asked = {form for module, name in answers[0][1] for form in product(as_bytes(module), as_bytes(name))}
            extra = set(listed) - asked
            if extra:
                self.invented.append((request, 'all of them', f'listed {extra!r}', None))

    def differences(self, peer, show, trials=10000):
        """Some lines for people, with streams made short in so many trials."""
        for kind in (self.missed, self.unfinished, self.invented):
            for request, unpickler, what, error in kind[:show]:
                yield f'# {unpickler} {request[1]}: {what}; {error}\n#   {reduced(peer, request, unpickler, what, trials)!r}'


def here(requests):
    """The peer that is this Python."""
    return (recorder.answers(*request) for request in requests)


def ask(rng, streams):
    """Requests for streams: how to load each is left to chance."""
    return [(data, rng.choice(recorder.ENCODINGS), rng.random() < 0.5) for data in streams]


def fixtures():
    """The generated pickles and the honest ones, by name; those of a megabyte would only be slow."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(['/usr/bin/python3', ROOT / 'fixtures' / 'pickle' / 'make.py', out], check=True,
                       stdout=subprocess.DEVNULL)
        paths = [*sorted(pathlib.Path(out).iterdir()), *sorted((ROOT / 'fixtures' / 'benign').glob('*.pkl'))]
        return [data for data in (path.read_bytes() for path in paths) if len(data) < 1 << 19]


def smaller(data, still_wrong, trials):
    """Delta debugging by halves: a short stream that still disagrees."""
    size = max(1, len(data) // 2)
    while size and trials > 0:
        at, shrunk = 0, False
        while at < len(data) and trials > 0:
            trials -= 1
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


def reduced(peer, request, unpickler, what, trials):
    data, encoding, buffers = request

    def still_wrong(trial):
        (answers,) = peer([(trial, encoding, buffers)])
        (seen,) = assay([trial])
        again = Tally()
        again.compare((trial, encoding, buffers), seen, answers)
        if what.startswith('status'):
            return bool(again.unfinished)
        return any(u == unpickler for _, u, _, _ in again.missed)
    return smaller(data, still_wrong, trials) if not what.startswith('listed') and still_wrong(data) else data
