#!/usr/bin/python3
"""The comparison of differential.py with the unpicklers of the Python that runs this.

    test_differential.py [--streams N] [--seed S] [--show N]"""
import argparse
import itertools
import pathlib
import pickletools
import random
import resource
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import differential  # noqa: E402
import generator  # noqa: E402
import scan  # noqa: E402

BATCH = 2000


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


def batches(options):
    yield differential.fixtures()
    source = generator.streams(options.seed, options.streams)
    while batch := list(itertools.islice(source, BATCH)):
        yield batch


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--streams', type=int, default=30000)
    p.add_argument('--seed', type=int, default=20240607)
    p.add_argument('--show', type=int, default=5, help='how many differences of each kind to reduce and print')
    options = p.parse_args()
    if not differential.MACHINE.exists():
        print(f'ok 1 - differential # SKIP {differential.MACHINE} is not built')
        return 0
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, resource.getrlimit(resource.RLIMIT_AS)[1]))
    sys.excepthook = quiet
    rng, tally, opcodes = random.Random(options.seed + 1), differential.Tally(), set()
    for batch in batches(options):
        for data in batch[:BATCH // 10]:
            opcodes |= opcodes_of(data)
        requests = differential.ask(rng, batch)
        for row in zip(requests, differential.assay(batch), differential.here(requests)):
            tally.compare(*row)
    lists = f'{tally.streams} streams, {tally.imports} imports by CPython {sys.version.split()[0]}'
    never = {o.code for o in pickletools.opcodes} - opcodes
    tap = scan.Tap()
    tap.check(not tally.missed, f'no import is missed: {lists}', f'{len(tally.missed)} missed')
    tap.check(not tally.unfinished, f'what loads is understood to its end: {tally.whole} streams', len(tally.unfinished))
    tap.check(not tally.invented, f'where all unpicklers agree nothing is invented: {tally.agreed} streams', len(tally.invented))
    tap.check(tally.imports > tally.streams and not never, 'the streams import, and use every opcode', never)
    for line in tally.differences(differential.here, options.show):
        print(line)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
