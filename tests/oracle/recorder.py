"""What CPython's own unpicklers would import from a stream, found without importing anything.

Both unpicklers (the C one and the pure-Python one) run with find_class and persistent_load
replaced: names are written down, and what is handed back is inert."""
import _pickle
import copyreg
import io
import pickle
import sys

ENCODINGS = ('ASCII', 'utf-8', 'latin1', 'bytes')
COPYREG = {('copyreg', 'add_extension'), ('copy_reg', 'add_extension')}


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
    if isinstance(module, str) and isinstance(name, str) and type(code) is int and code > 0:
        copyreg._inverted_registry.setdefault(code, (module, name))
    return None


def make(base):
    class Recorder(base):
        def __init__(self, file, seen, **options):
            super().__init__(file, **options)
            self.seen = seen

        def find_class(self, module, name):
            self.seen.append((module, name))
            return register if (module, name) in COPYREG else Anything

        def persistent_load(self, pid):
            return object.__new__(Anything)
    return Recorder


# The C unpickler reads a file that can peek (open()) ahead, one that cannot (io.BytesIO, which
# torch.load uses) piece by piece; operands that straddle a FRAME come out differently.
UNPICKLERS = {
    'C': (make(_pickle.Unpickler), lambda data: io.BufferedReader(io.BytesIO(data), 1 << 20)),
    'C without peek': (make(_pickle.Unpickler), io.BytesIO),
    'Python': (make(pickle._Unpickler), io.BytesIO),
}


def imports(data, unpickler, encoding='ASCII', streams=4, buffers=None):
    """([(module, name) as asked for, ...], the exception's text or None).  Up to `streams`
    pickles that follow each other are loaded, as legacy containers do."""
    seen = []
    recorder, opened = UNPICKLERS[unpickler]
    file = opened(data)
    try:
        for _ in range(streams):
            copyreg._inverted_registry.clear()
            copyreg._extension_cache.clear()
            options = {} if buffers is None else {'buffers': iter(buffers)}
            recorder(file, seen, encoding=encoding, **options).load()
            if file.tell() >= len(data):
                return seen, None
    except Exception as error:  # whatever a hostile stream provokes; it has failed, that is all
        return seen, f'{type(error).__name__}: {error}'
    finally:
        copyreg._inverted_registry.clear()
        copyreg._extension_cache.clear()
    return seen, None


def all_imports(data, encodings=ENCODINGS):
    """Each ((unpickler, encoding), seen, error)."""
    for unpickler in UNPICKLERS:
        for encoding in encodings:
            yield (unpickler, encoding), *imports(data, unpickler, encoding)


if __name__ == '__main__':
    for path in sys.argv[1:]:
        with open(path, 'rb') as f:
            content = f.read()
        for key, seen, error in all_imports(content):
            print(path, *key, seen, error or 'ok')
