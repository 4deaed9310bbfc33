"""What the unpicklers of this Python would import from a stream, found without importing anything.

All of them (the C one and the pure-Python one) run with find_class and persistent_load
replaced: names are written down, and what is handed back is inert.  Runs under any Python
since 3.6, so that `make interop` can ask other versions; --serve answers requests on stdin."""
import copyreg
import io
import json
import pickle
import platform
import struct
import sys

try:
    import _pickle
except ImportError:  # PyPy has none in C
    _pickle = None

ENCODINGS = ('ASCII', 'utf-8', 'latin1', 'bytes')



class Inert(type):
    """The metaclass lets the class itself stand for functions, modules and dictionaries."""

    def __call__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __setitem__(cls, key, value):
        pass


class Anything(metaclass=Inert):
    """Takes every operation that an opcode can perform, and does nothing."""

    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __call__(self, *args, **kwargs):
        return self

    def __setitem__(self, key, value):
        pass

    @staticmethod
    def __setstate__(*state):
        pass

    append = extend = add = staticmethod(lambda *items: None)


def register(module=None, name=None, code=None, *rest):
    """copyreg.add_extension for this stream only, so that EXT opcodes are followed."""
    try:
        code = int(code)
    except Exception:
        return None
    if isinstance(module, str) and isinstance(name, str) and 0 < code <= 0x7fffffff:
        copyreg._inverted_registry.setdefault(code, (module, name))
    return None


def remove(module=None, name=None, code=None, *rest):
    if not rest and copyreg._inverted_registry.get(code) == (module, name):
        del copyreg._inverted_registry[code]
        copyreg._extension_cache.pop(code, None)


def clear(*rest):
    if not rest:
        copyreg._extension_cache.clear()


# What copyreg itself would be asked to do is done, on dictionaries that are emptied for each stream.
COPYREG = {'add_extension': register, 'remove_extension': remove, 'clear_extension_cache': clear,
           '_inverted_registry': copyreg._inverted_registry, '_extension_cache': copyreg._extension_cache}


def make(base):
    class Recorder(base):
        def __init__(self, file, seen, **options):
            super().__init__(file, **options)
            self.seen = seen

        def find_class(self, module, name):
            if not isinstance(module, str) or not isinstance(name, str):
                raise TypeError('no import takes that')  # bytes out of the extension registry
            self.seen.append((module, name))
            return COPYREG.get(name, Anything) if module in ('copyreg', 'copy_reg') else Anything

        def persistent_load(self, pid):
            return object.__new__(Anything)
    return Recorder


# The C unpickler reads a file that can peek (open()) ahead, one that cannot (io.BytesIO, which
# torch.load uses) piece by piece; operands that straddle a FRAME come out differently.
UNPICKLERS = {'Python': (make(pickle._Unpickler), io.BytesIO)}
if _pickle:
    UNPICKLERS['C'] = make(_pickle.Unpickler), lambda data: io.BufferedReader(io.BytesIO(data), 1 << 20)
    UNPICKLERS['C without peek'] = make(_pickle.Unpickler), io.BytesIO


def imports(data, unpickler, encoding='ASCII', streams=4, buffers=False):
    """([(module, name) as asked for, ...], the exception's text or None).  Up to `streams`
    pickles that follow each other are loaded, as legacy containers do."""
    seen = []
    recorder, opened = UNPICKLERS[unpickler]
    file = opened(data)
    try:
        for _ in range(streams):
            copyreg._inverted_registry.clear()
            copyreg._extension_cache.clear()
            options = {'buffers': iter([b'x'] * 4)} if buffers and sys.version_info >= (3, 8) else {}
            recorder(file, seen, encoding=encoding, **options).load()
            if file.tell() >= len(data):
                return seen, None
    except Exception as error:  # whatever a hostile stream provokes; it has failed, that is all
        return seen, f'{type(error).__name__}: {error}'
    finally:
        copyreg._inverted_registry.clear()
        copyreg._extension_cache.clear()
    return seen, None


def answers(data, encoding, buffers):
    """What each unpickler does with the first pickle: [(unpickler, seen, error), ...]"""
    return [(unpickler, *imports(data, unpickler, encoding, 1, buffers)) for unpickler in UNPICKLERS]


def request(data, encoding, buffers):
    return struct.pack('<IBB', len(data), ENCODINGS.index(encoding), buffers) + data


def serve(requests, say):
    """say() a line of JSON that names this Python, then one for each request in the file."""
    say(json.dumps('%s %s' % (platform.python_implementation(), platform.python_version())))
    for head in iter(lambda: requests.read(6), b''):
        size, encoding, buffers = struct.unpack('<IBB', head)
        say(json.dumps(answers(requests.read(size), ENCODINGS[encoding], buffers)))


def main():
    if sys.argv[1:] == ['--serve']:
        serve(sys.stdin.buffer, lambda line: print(line, flush=True))
        return
    for path in sys.argv[1:]:
        with open(path, 'rb') as f:
            content = f.read()
        for unpickler in UNPICKLERS:
            for encoding in ENCODINGS:
                seen, error = imports(content, unpickler, encoding)
                print(path, unpickler, encoding, seen, error or 'ok')


if __name__ == '__main__':
    main()
