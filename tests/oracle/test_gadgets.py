#!/usr/bin/python3
"""Each generated pickle that runs code ends high or critical; each malformed one is not called complete."""
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import scan  # noqa: E402


def main():
    scan.need_program()
    tap = scan.Tap()
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(['/usr/bin/python3', scan.ROOT / 'fixtures' / 'pickle' / 'make.py', out], check=True,
                       stdout=subprocess.DEVNULL)
        paths = sorted(pathlib.Path(out).iterdir())
        globals_seen = globals_missed = 0
        for result in scan.results(paths):
            name = pathlib.Path(result['file']).name
            if name.startswith('evil-global-'):  # thousands of one kind: one line for all, and one for each failure
                globals_seen += 1
                if not scan.is_high(result):
                    globals_missed += 1
                    tap.check(False, name, scan.short(result))
            elif name.startswith('evil-'):
                tap.check(scan.is_high(result), f'{name} is high or critical', scan.short(result))
            elif name.startswith('bad-'):
                tap.check(result['status'] == 'incomplete' or scan.is_high(result) and 'crash' not in result['status'],
                          f'{name} is incomplete', scan.short(result))
            else:
                tap.check(result['status'] == 'complete' and scan.worst(result) < 2, f'{name} is clean', scan.short(result))
        tap.check(globals_seen > 2000 and globals_missed == 0, f'{globals_seen} calls of dangerous globals are high or critical',
                  f'{globals_missed} are not')
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
