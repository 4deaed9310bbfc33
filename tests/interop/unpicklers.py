#!/usr/bin/python3
"""Assay's pickle machine against the unpicklers of other Pythons (tests/oracle/differential.py).

    unpicklers.py [--streams N] [PATTERN...]      N also from the environment: make interop STREAMS=N

Peers: CPython as WebAssembly (npm: pyodide) under node, C unpickler and all; each other CPython
and PyPy that is on PATH or was put beside it by pyenv.  What cannot be had is skipped and says so."""
import argparse
import collections
import json
import os
import pathlib
import random
import resource
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / 'tests' / 'oracle'))
import differential  # noqa: E402
import generator  # noqa: E402
import recorder  # noqa: E402
import scan  # noqa: E402

RECORDER = TOP / 'tests' / 'oracle' / 'recorder.py'
HOMES = scan.BUILD.resolve() / 'interop'
PYODIDE = ('0.23.4', '0.26.4', '0.28.3', '314.0.7', '315.0.0-alpha.2')  # CPython 3.11 to 3.15
MEMORY, PAGE = 2 << 30, 64 << 10
DIED = 'the unpickler died'
ROW = '%-50s %9s %9s %8s %8s %9s %6s'


class Absent(Exception):
    """A peer that is not here."""


class Peer:
    """A process that runs recorder.py --serve; one that dies goes on behind what killed it."""

    def __init__(self, name, command):
        self.name, self.command, self.version, self.deaths = name, command, '', 0

    def __call__(self, requests):
        left = collections.deque(requests)
        while left:
            answered = 0
            for line in self.lines(left):
                yield [tuple(answer) for answer in json.loads(line)]
                left.popleft()
                answered += 1
            if left:
                if not answered and not self.version:
                    raise Absent('it does not run')
                self.deaths += 1
                left.popleft()
                yield [(DIED, [], DIED)]

    def lines(self, requests):
        def bounded():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if 'node' not in self.command[0]:  # it maps much more than it uses, and has its own bound
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        with tempfile.TemporaryFile() as stdin:
            for request in requests:
                stdin.write(recorder.request(*request))
            stdin.seek(0)
            process = subprocess.Popen(self.command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       preexec_fn=bounded)
            try:
                version = process.stdout.readline()
                self.version = json.loads(version) if version.endswith(b'\n') else ''
                yield from (line for line in process.stdout if line.endswith(b'\n'))
            finally:
                process.kill()
                process.wait()


def pyodide(version):
    if not shutil.which('node') or not shutil.which('npm'):
        raise Absent('no node or no npm')
    home = HOMES / f'pyodide-{version}'
    if not (home / 'node_modules' / 'pyodide' / 'package.json').exists():
        home.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(['npm', 'install', '--silent', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', home,
                               f'pyodide@{version}'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)
        if done.returncode:
            raise Absent('npm cannot install it')
    return [shutil.which('node'), f'--wasm-max-mem-pages={MEMORY // PAGE}', TOP / 'tests' / 'interop' / 'pyodide.mjs', home,
            RECORDER]


def native(path):
    return [os.path.realpath(path), '-I', '-S', RECORDER, '--serve']


def pythons():
    """Each CPython 3.6 or newer and PyPy on this machine, one path for each version."""
    names = ['pypy3', *(f'python3.{minor}' for minor in range(6, 20))]
    pyenv = pathlib.Path(os.environ.get('PYENV_ROOT', pathlib.Path.home() / '.pyenv')) / 'versions'
    paths = [shutil.which(name) for name in names]
    paths += sorted(pyenv.glob('*/bin/python3')) if pyenv.is_dir() else []
    code = 'import platform, sys; assert sys.version_info >= (3, 6); print(platform.python_implementation(), sys.version)'
    found = {}
    for path in filter(None, paths):
        done = subprocess.run([path, '-I', '-S', '-c', code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if done.returncode == 0:
            found.setdefault(done.stdout, path)
    return list(found.values())


def peers():
    """(name, how to get its command)"""
    for version in PYODIDE:
        yield f'pyodide {version}', lambda version=version: pyodide(version)
    for path in pythons():
        yield os.path.basename(os.path.realpath(path)), lambda path=path: native(path)
    if not shutil.which('pypy3'):
        yield 'pypy3', pypy_is_missing


def pypy_is_missing():
    raise Absent('not on PATH (the package pypy3)')


def compare(tap, name, get, requests, seen):
    tally, peer = differential.Tally(), None
    try:
        peer = Peer(name, get())
        for row in zip(requests, seen, peer(requests)):
            tally.compare(*row)
    except Absent as why:
        tap.skip(name, str(why))
        return ROW % (f'{name} ({why})', 'skipped', *[''] * 5).rstrip()
    full = f'{name}, {peer.version}'
    if peer.version.startswith('PyPy'):  # its UNICODE makes one backslash of two: no name that anything has
        tally.missed = [row for row in tally.missed if '\\' not in row[2]]
    tap.check(not tally.missed, f'{full}: no import is missed', f'{len(tally.missed)} missed')
    tap.check(not tally.unfinished, f'{full}: what loads is understood to its end', f'{len(tally.unfinished)} are not')
    tap.check(tally.imports and peer.deaths <= tally.streams // 1000, f'{full}: it answers', f'{peer.deaths} deaths')
    if tally.missed or tally.unfinished:
        print(*tally.differences(peer, 2, 20), sep='\n')
    return ROW % (full, tally.streams, tally.imports, len(tally.missed), len(tally.unfinished),
                  len(tally.invented), peer.deaths)


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--streams', type=int, default=int(os.environ.get('STREAMS') or 20000))
    p.add_argument('--seed', type=int, default=20240607)
    p.add_argument('pattern', nargs='*', help='only peers whose name contains one of these')
    options = p.parse_args()
    streams = [*differential.fixtures(), *generator.streams(options.seed, options.streams)]
    requests = differential.ask(random.Random(options.seed + 1), streams)
    seen = list(differential.assay(streams))
    tap, rows = scan.Tap(), []
    for name, get in peers():
        if not options.pattern or any(pattern in name for pattern in options.pattern):
            rows.append(compare(tap, name, get, requests, seen))
            sys.stdout.flush()
    print('#\n# ' + ROW % ('unpickler, version', 'streams', 'imports', 'missed', 'unread', 'invented', 'deaths'))
    for row in rows:
        print('# ' + row)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
