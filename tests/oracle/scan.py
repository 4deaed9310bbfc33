"""Runs build/oracle/findings over files and prints TAP."""
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('BUILD', ROOT / 'build'))
PROGRAM = BUILD / 'oracle' / 'findings'
SEVERITIES = ('info', 'low', 'medium', 'high', 'critical')


def results(paths):
    """One dictionary for each path, in order; a crash is a result too."""
    paths = [str(p) for p in paths]
    while paths:
        done = subprocess.run([PROGRAM, '-r', ROOT, *paths], capture_output=True)
        lines = done.stdout.split(b'\n')[:-1]  # what comes after the last newline was cut short by a crash
        for line in lines:
            yield json.loads(line)
        if len(lines) == len(paths):
            return
        error = done.stderr.decode(errors='replace').strip().splitlines()
        if not lines and 'unknown' in ''.join(error):
            raise SystemExit('not ok 1 - ' + error[-1])
        yield {'file': paths[len(lines)], 'status': f'crashed ({done.returncode})', 'reason': ' '.join(error[-3:]),
               'findings': []}
        paths = paths[len(lines) + 1:]


def worst(result):
    return max((SEVERITIES.index(f['severity']) for f in result['findings']), default=-1)


def is_high(result):
    return worst(result) >= SEVERITIES.index('high')


def short(result):
    found = ', '.join(f'{f["severity"]} {f["rule"]}: {f["message"]} {f["evidence"]}'[:160] for f in result['findings'][:3])
    return f'{result["status"]} {result["reason"]} [{found}]'


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def check(self, good, name, why=''):
        self.count += 1
        self.failed += not good
        print(f'{"" if good else "not "}ok {self.count} - {name}' + ('' if good else f'\n# {why}'))

    def skip(self, name, why):
        self.count += 1
        print(f'ok {self.count} - {name} # SKIP {why}')

    def end(self):
        print(f'1..{self.count}')
        return 1 if self.failed else 0


def need_program():
    if not PROGRAM.exists():
        print(f'ok 1 - {PROGRAM.name} # SKIP it is not built')
        sys.exit(0)
