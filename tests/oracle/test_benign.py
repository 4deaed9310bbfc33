#!/usr/bin/python3
"""Honest files raise nothing above medium, and a family of unknown classes is one finding, not hundreds.
Those that carry code (dill, cloudpickle) are high, with a sentence that says so."""
import bz2
import gzip
import lzma
import pathlib
import sys
import tempfile
import zipfile
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import scan  # noqa: E402

INFLATE = {'zlib': zlib.decompress, 'gzip': gzip.decompress, 'bz2': bz2.decompress, 'xz': lzma.decompress, 'lzma': lzma.decompress}
FIXTURES = scan.ROOT / 'fixtures' / 'benign'


def main():
    scan.need_program()
    tap = scan.Tap()
    files = [line.split('\t')[0] for line in (FIXTURES / 'versions.tsv').read_text().splitlines()]
    with tempfile.TemporaryDirectory() as out:
        paths = []
        for name in files:
            paths.append(FIXTURES / name)
            if zipfile.is_zipfile(FIXTURES / name):  # also its pickle alone, as the zip reader hands it over
                with zipfile.ZipFile(FIXTURES / name) as z:
                    for member in z.namelist():
                        if member.endswith('.pkl'):
                            paths.append(pathlib.Path(out, f'{name}!{pathlib.PurePosixPath(member).name}'))
                            paths[-1].write_bytes(z.read(member))
            method = pathlib.PurePosixPath(name).stem.split('-')[-1]
            if name.endswith('.joblib') and method in INFLATE:
                paths.append(pathlib.Path(out, f'{name}!inflated.joblib'))
                paths[-1].write_bytes(INFLATE[method]((FIXTURES / name).read_bytes()))
        for result in scan.results(paths):
            name = pathlib.Path(result['file']).name
            if result['status'] == 'skipped' and zipfile.is_zipfile(result['file']):
                tap.skip(name, 'no inspector takes zip archives apart')
                continue
            grouped = [f['message'] for f in result['findings'] if f['rule'] == 'pickle/unknown-class']
            if 'code-' in name:
                sentences = [f['message'] for f in result['findings'] if f['rule'] == 'pickle/embedded-code']
                tap.check(scan.is_high(result) and any(sentences), f'{name} carries code and says so', scan.short(result))
            else:
                tap.check(not scan.is_high(result) and result['status'] == 'complete', f'{name} raises no alarm', scan.short(result))
            if name.startswith('yolo-'):
                tap.check(0 < len(grouped) <= 2, f'{name} names its unknown classes once', grouped)
    tap.check(len(files) >= 60, f'{len(files)} honest files')
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
