#!/usr/bin/python3
"""Assay beside other scanners of pickles, over the malicious and the honest files of this tree.

    scanners.py [NAME...]

Installs the peers from PyPI, each into a virtual environment below $BUILD/interop; what cannot be
installed is skipped and says so.  The table is for information: the files are ours, and so is the
idea of what is dangerous; whoever wrote the list finds what is on it.  Only two claims about Assay
are tests.  Every payload is `true`, and nothing is loaded."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('BUILD', TOP / 'build')).resolve()
ASSAY, HOMES, HONEST = BUILD / 'bin' / 'assay', BUILD / 'interop', TOP / 'fixtures' / 'benign'
PEERS = {'picklescan': ['numpy'], 'modelscan': [], 'fickling': ['typing_extensions']}  # and what they need beside it
QUIET = {'DO_NOT_TRACK': '1', 'NO_ANALYTICS': '1'}
PATIENCE = 20  # seconds for one file
ALARMS = ('critical', 'high')  # what fails the default gate


# --- run by the peer's own Python: scanners.py --peer NAME < paths ---------------------------

def picklescan(path):
    from picklescan.scanner import scan_file_path
    result = scan_file_path(path)
    if not result.issues_count and (result.scan_err or not result.scanned_files):
        raise ValueError('not scanned')
    return result.issues_count > 0


def modelscan(path):
    from modelscan.modelscan import ModelScan
    from modelscan.settings import DEFAULT_SETTINGS
    result = ModelScan(settings=DEFAULT_SETTINGS).scan(path)
    if not result['issues'] and (result['errors'] or result['summary']['skipped']['total_skipped']):
        raise ValueError('not scanned')
    return bool(result['issues'])


def fickling(path):
    from fickling.analysis import Severity, check_safety
    from fickling.fickle import StackedPickle
    with open(path, 'rb') as f:
        return any(check_safety(p).severity > Severity.POSSIBLY_UNSAFE for p in StackedPickle.load(f))


def impatient(*_):
    raise TimeoutError


def serve(name):
    """A line for each path: "found", "silent" or "refused" (an error, or out of patience)."""
    scan, out = globals()[name], os.fdopen(os.dup(1), 'w')
    signal.signal(signal.SIGALRM, impatient)
    with open(os.devnull, 'w') as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        for path in sys.stdin.read().splitlines():
            signal.alarm(PATIENCE)
            try:
                word = 'found' if scan(path) else 'silent'
            except ImportError:
                raise
            except BaseException:  # whatever a hostile file provokes in it
                word = 'refused'
            signal.alarm(0)
            print(word, path, sep='\t', file=out, flush=True)


# --- the comparison -------------------------------------------------------------------------

class Absent(Exception):
    """A peer that is not here."""


def install(name):
    home = HOMES / name
    python = home / 'bin' / 'python'
    if not (home / 'installed').exists():
        for command in (['/usr/bin/python3', '-m', 'venv', '--clear', home],
                        [python, '-m', 'pip', 'install', '-q', '--disable-pip-version-check', name, *PEERS[name]]):
            done = subprocess.run(command, capture_output=True, text=True, timeout=900)
            if done.returncode:
                raise Absent('cannot be installed: ' + ((done.stderr or done.stdout).strip().splitlines() or ['?'])[-1])
        (home / 'installed').touch()
    version = 'import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))'
    return python, subprocess.run([python, '-c', version, name], capture_output=True, text=True).stdout.strip()


def ask(python, name, paths):
    """path -> word, "died" for a file that took the peer down; and the seconds it took."""
    answers, left, start = {}, list(paths), time.monotonic()
    while left:
        run = subprocess.run([python, __file__, '--peer', name], input='\n'.join(left), capture_output=True, text=True,
                             env={**os.environ, **QUIET}, cwd=HOMES)
        rows = [line.split('\t', 1) for line in run.stdout.splitlines()]
        if 'ImportError' in run.stderr or 'ModuleNotFoundError' in run.stderr:
            raise Absent('does not run: ' + run.stderr.strip().splitlines()[-1])
        answers.update({path: word for word, path in rows})
        left = left[len(rows):]
        if left:
            answers[left.pop(0)] = 'died'
    return answers, time.monotonic() - start


def assay(paths):
    start = time.monotonic()
    run = subprocess.run([ASSAY, 'scan', '-q', '-o', 'json', '--gate', 'audit', '--files-from', '-'],
                         input='\n'.join(paths), capture_output=True, text=True)
    took, answers = time.monotonic() - start, {}
    for model in json.loads(run.stdout)['models']:
        for file in model['files']:
            path = model['target'] if os.path.isfile(model['target']) else os.path.join(model['target'], file['path'])
            alarms = [f for f in model['findings'] if f['severity'] in ALARMS and f['path'] == file['path']]
            answers[path] = 'found' if alarms else 'silent' if file['status'] == 'complete' else 'refused'
    return answers, took


def corpora():
    out = BUILD / 'fixtures' / 'pickle'
    out.mkdir(parents=True, exist_ok=True)
    subprocess.run(['/usr/bin/python3', TOP / 'fixtures' / 'pickle' / 'make.py', out], check=True, stdout=subprocess.DEVNULL)
    evil = sorted(str(p) for p in out.glob('evil-*'))
    honest = [line.split('\t')[0] for line in (HONEST / 'versions.tsv').read_text().splitlines()]
    return ([p for p in evil if '/evil-global-' in p], [p for p in evil if '/evil-global-' not in p],
            sorted(str(HONEST / name) for name in honest if 'code-' not in name))


def row(name, answers, took, groups):
    def share(paths):
        words = [answers.get(p, 'refused') for p in paths]
        silent, found = words.count('silent'), words.count('found')
        return f'{found} / {len(words) - found - silent} / {silent}'
    print('| ' + ' | '.join([name, *map(share, groups), f'{took:.1f} s']) + ' |', flush=True)


def main():
    HOMES.mkdir(parents=True, exist_ok=True)
    groups = plain, crafted, honest = corpora()
    everything = plain + crafted + honest
    ours, took = assay(everything)
    missed = [p for p in plain + crafted if ours.get(p) != 'found']
    alarms = [p for p in honest if ours.get(p) != 'silent']
    skipped = {}
    print('Found / given up / silent:\n')
    print(f'| scanner | a dangerous global: {len(plain)} files | crafted: {len(crafted)} files | '
          f'honest: {len(honest)} files | time |')
    print('|---|---|---|---|---|')
    row(subprocess.run([ASSAY, 'version'], capture_output=True, text=True).stdout.split('\n')[0], ours, took, groups)
    for name in sys.argv[1:] or PEERS:
        try:
            python, version = install(name)
            row(f'{name} {version}', *ask(python, name, everything), groups)
        except (Absent, subprocess.TimeoutExpired) as why:
            skipped[name] = why
    print()
    print('not ' * bool(missed) + 'ok 1 - Assay reports each malicious file')
    print('not ' * bool(alarms) + 'ok 2 - and raises no alarm on an honest one')
    for path in missed + alarms:
        print('#', ours.get(path), os.path.relpath(path, TOP))
    for n, (name, why) in enumerate(skipped.items(), 3):
        print(f'ok {n} - {name} # SKIP {why}')
    return 1 if missed or alarms else 0


if __name__ == '__main__':
    sys.exit(serve(sys.argv[2]) if sys.argv[1:2] == ['--peer'] else main())
