"""Seeded pickle streams: valid, almost valid, mutated; every protocol, every opcode, every quirk.

A stream is written opcode by opcode against a sketch of the stack, so that most opcodes find
the operands they need; some are chosen against it, and some streams are damaged afterwards."""
import random
import struct

import recorder

NAMES = [
    ('os', 'system'), ('builtins', 'eval'), ('collections', 'OrderedDict'), ('torch._utils', '_rebuild_tensor_v2'),
    ('numpy', 'ndarray'), ('numpy.core.multiarray', '_reconstruct'), ('copyreg', '_reconstructor'),
    ('copyreg', 'add_extension'), ('__builtin__', 'list'), ('__builtin__', 'reduce'), ('copy_reg', '_reconstructor'),
    ('commands', 'getoutput'), ('itertools', 'imap'), ('itertools', 'izip_longest'), ('urllib2', 'urlopen'),
    ('UserDict', 'UserDict'), ('exceptions', 'IOError'), ('exceptions', 'WindowsError'), ('cPickle', 'loads'),
    ('random', '_os.system'), ('a.b.c', 'd.e.f'), ('numpy', 'prod.os.system'), ('sklearn.svm._classes', 'SVC'),
    ('posix', 'system'), ('', ''), ('x', ''), ('', 'y'), ('.', '..'), ('a', '.b.'), ('m\u00f6dul', 'n\u00e4me'),
    ('\u6a21\u578b', '\u5c42'), ('with space', 'and\ttab'), ('q"uote', "it's"), ('back\\slash', 'n\\u0061me'),
    ('upper', 'CASE'), ('percent%s', '%n%n'), ('__main__', 'Model'), ('os', 'getcwdu'), ('socket', 'fromfd'),
    ('multiprocessing', 'Process'), ('functools', 'reduce'), ('StringIO', 'StringIO'), ('_elementtree', 'X'),
]
INTEGERS = ['0', '1', '-1', '255', '65536', '00', '01', '02', '010', '0x1', '0X1f', '-0x10', '0b101', '0o17', ' 7',
            '7 ', '+3', '1_0', '', 'x', '1\0z', '\0', '99999999999999999999', '-2147483649', '2147483648', '1.5', '1e5',
            '\t1', '1\r', 'True', '0001', '1L', '--1', '٣', '0_0', '0x_1', '00_0', '-0_0']
LONGS = ['0L', '1L', '-1L', '12', '0x10L', '0b1L', '0o7L', '1_0L', ' 5L', '5 L', '5LL', 'L', '', '1\0L', '1L\0x',
         '123456789012345678901234567890L', '0L7', '010L']
FLOATS = ['0.0', '1.5', '-2e10', ' 1.0', '1.0 ', '1_0.0', 'inf', '-Infinity', 'nan', '1.0\0zz', '', 'x', '0x1p3', '1e999',
          '.5', '5.', '1e', '1,5', '\t2.0', '2.0\r']
STRINGS = [b"'os'", b"'system'", b'"abc"', b"''", b"'\\x6f\\x73'", b"'\\163ystem'", b"'a\\'b'", b"'a\\\\'", b"'\\n'",
           b"'\xc3\xa9'", b"'\xe9'", b"'unterminated", b"noquote", b"'", b"'a' ", b" 'a'", b"'\\x4'", b"'\\'", b"'\\8'",
           b"'\\777'", b"'\\u0041'", b"'a''b'", b"\"a'", b"'\\\xff'", b"'\\xg1'", b"'a'\r", b"'\\N{DASH}'"]
UNICODES = [b'os', b'system', b'', b'\\u006fs', b'\\U0000006fs', b'\xe9', b'\\u12', b'\\ud800', b'\\', b'\\\\u006f', b'a\r',
            b'\\U00110000', b'\\x41', b'a b', b'\\u00e9\xff']
TEXTS = ['os', 'system', '', 'builtins', 'eval', 'collections', 'OrderedDict', 'a.b', 'n\u00e4me', '_os.system', 'weight',
         'copyreg', 'add_extension', '\ud800', 'x' * 300, 'commands', 'getoutput', '__builtin__', 'nul\0byte', '\u202e']
INDEXES = ['0', '1', '2', '3', '7', '255', '256', ' 4', '4 ', '0_5', '+6', '-1', '', 'x', '007', '0x1', '70000', '99999999999999999999']

MARK = 'mark'


def accepted(opcode, literals):
    """Those that at least one unpickler takes: a careful stream uses no others."""
    def loads(literal):
        stream = opcode + (literal.encode() if isinstance(literal, str) else literal) + b'\n.'
        return any(recorder.imports(stream, u, 'latin1', streams=1)[1] is None for u in recorder.UNPICKLERS)
    return [literal for literal in literals if loads(literal)]


ALL = {b'I': INTEGERS, b'L': LONGS, b'F': FLOATS, b'S': STRINGS, b'V': UNICODES}
TAKEN = {opcode: accepted(opcode, literals) for opcode, literals in ALL.items()}


class Stream:
    def __init__(self, rng, careful):
        self.rng = rng
        self.careful = careful
        self.registered = False
        self.out = bytearray()
        self.stack = []          # kinds: text bytes int tuple list dict set global, value (from a call), other, MARK
        self.memo = {}           # index: kind
        self.proto = 0

    # --- helpers -----------------------------------------------------------------------------
    def marks(self):
        return [i for i, kind in enumerate(self.stack) if kind == MARK]

    def above_mark(self):
        return len(self.stack) - 1 - self.marks()[-1] if MARK in self.stack else -1

    def fence(self):
        """Objects above the topmost mark, which pops may take."""
        return self.above_mark() if MARK in self.stack else len(self.stack)

    def top(self, *kinds):
        """Are the topmost objects of these kinds ('' = any), topmost last?"""
        if self.fence() < len(kinds):
            return False
        return all(not want or have in want.split('|') for want, have in zip(kinds, self.stack[-len(kinds):]))

    def emit(self, data, pops=0, push=None):
        self.out += data
        if pops:
            del self.stack[-pops:]
        if push:
            self.stack.append(push)

    def emit_mark(self, data, below=0, push=None):
        """Takes everything above the mark, the mark, and `below` objects under it."""
        at = self.marks()[-1]
        del self.stack[max(at - below, 0):]
        self.emit(data, push=push)

    def line(self, opcode, push):
        literal = self.rng.choice((TAKEN if self.careful else ALL)[opcode])
        self.emit(opcode + (literal.encode() if isinstance(literal, str) else literal) + b'\n', push=push)

    def counted(self, data):
        return struct.pack('<I', len(data)) + data

    # --- opcodes: each returns False when the stack does not allow it ------------------------------
    def literal(self):
        r = self.rng
        kind = r.randrange(24)
        if kind < 7:
            text = r.choice(TEXTS).encode('utf-8', 'surrogatepass')
            form = r.randrange(4)
            if form == 0 and len(text) < 256:
                self.emit(b'\x8c' + bytes([len(text)]) + text, push='text')
            elif form == 1:
                self.emit(b'\x8d' + struct.pack('<Q', len(text)) + text, push='text')
            else:
                self.emit(b'X' + self.counted(text), push='text')
        elif kind < 9:
            self.line(b'S', 'text')
        elif kind < 11:
            self.line(b'V', 'text')
        elif kind == 11:
            data = r.choice((b'os', b'system', b'\xff\xfe', b''))
            self.emit(b'U' + bytes([len(data)]) + data, push='text')
        elif kind == 12:
            data = r.choice((b'eval', b'builtins', b'\xc3\xa9', b''))
            self.emit(b'T' + self.counted(data), push='text')
        elif kind == 13:
            self.line(b'I', 'int')
        elif kind == 14:
            self.line(b'L', 'int')
        elif kind == 15:
            self.line(b'F', 'other')
        elif kind == 16:
            self.emit(b'G' + r.randbytes(8), push='other')
        elif kind == 17:
            self.emit(r.choice((b'K' + bytes([r.randrange(256)]), b'M' + r.randbytes(2),
                                b'J' + struct.pack('<i', r.randrange(-2**31, 2**31)))), push='int')
        elif kind == 18:
            data = r.randbytes(r.randrange(12))
            self.emit(r.choice((b'\x8a' + bytes([len(data)]), b'\x8b' + struct.pack('<i', len(data)))) + data, push='int')
        elif kind == 19:
            data = r.randbytes(r.randrange(20))
            self.emit(r.choice((b'C' + bytes([len(data)]), b'B' + struct.pack('<I', len(data)),
                                b'\x8e' + struct.pack('<Q', len(data)))) + data, push='bytes')
        elif kind == 20:
            self.emit(b'\x96' + struct.pack('<Q', 3) + b'abc', push='other')
        else:
            op, push = r.choice(((b'N', 'other'), (b'\x88', 'other'), (b'\x89', 'other'), (b')', 'tuple'),
                                 (b']', 'list'), (b'}', 'dict'), (b'\x8f', 'set')))
            self.emit(op, push=push)
        return True

    def global_name(self):
        module, name = self.rng.choice(NAMES)
        data = module.encode() + b'\n' + name.encode() + b'\n'
        if self.rng.random() < 0.05:
            data = data.replace(b'\n', b'\r\n', 1)
        if not self.careful and self.rng.random() < 0.05:
            data = b'\xe9' + data
        self.emit(b'c' + data, push='global')
        return True

    def stack_global(self):
        if not self.top('text', 'text'):
            if self.fence() and self.rng.random() < 0.7:
                return False
            for text in self.rng.choice(NAMES):
                data = text.encode()
                self.emit(b'\x8c' + bytes([len(data)]) + data, push='text')
                if self.rng.random() < 0.3:
                    self.emit(b'\x94')
                    self.memo[len(self.memo)] = 'text'
        self.emit(b'\x93', pops=2, push='global')
        return True

    def inst(self):
        if MARK not in self.stack:
            return False
        module, name = self.rng.choice(NAMES)
        self.emit_mark(b'i' + module.encode() + b'\n' + name.encode() + b'\n', push='value')
        return True

    def call(self):
        choice = self.rng.randrange(5)
        if choice == 0 and self.top('global', 'tuple'):
            self.emit(b'R', pops=2, push='value')
        elif choice == 1 and self.top('global', 'tuple'):
            self.emit(b'\x81', pops=2, push='value')
        elif choice == 2 and self.top('global', 'tuple', 'dict'):
            self.emit(b'\x92', pops=3, push='value')
        elif choice == 3 and MARK in self.stack and self.above_mark() > 0 and self.stack[self.marks()[-1] + 1] == 'global':
            self.emit_mark(b'o', push='value')
        elif choice == 4 and not self.careful and self.top('global', 'list|text|value'):
            self.emit(b'R', pops=2, push='value')
        else:
            return False
        return True

    def build(self):
        if not self.top('global|value', ''):
            return False
        self.emit(b'b', pops=1)
        return True

    def collect(self):
        r = self.rng
        choice = r.randrange(12)
        if choice == 0:
            self.emit(b'(', push=MARK)
        elif choice == 1 and self.top(''):
            self.emit(b'\x85', pops=1, push='tuple')
        elif choice == 2 and self.top('', ''):
            self.emit(b'\x86', pops=2, push='tuple')
        elif choice == 3 and self.top('', '', ''):
            self.emit(b'\x87', pops=3, push='tuple')
        elif choice == 4 and MARK in self.stack:
            self.emit_mark(b't', push='tuple')
        elif choice == 5 and MARK in self.stack:
            self.emit_mark(b'l', push='list')
        elif choice == 6 and MARK in self.stack and self.above_mark() % 2 == 0:
            keys = self.stack[self.marks()[-1] + 1::2]
            if any(k in ('list', 'dict', 'set') for k in keys):
                return False
            self.emit_mark(b'd', push='dict')
        elif choice == 7 and self.top('list|global|value', ''):
            self.emit(b'a', pops=1)
        elif choice == 8 and MARK in self.stack and self.marks()[-1] and self.stack[self.marks()[-1] - 1] in ('list', 'value', 'global'):
            self.emit_mark(b'e')
        elif choice == 9 and self.top('dict|global|value', 'text|int|bytes', ''):
            self.emit(b's', pops=2)
        elif choice == 10 and MARK in self.stack and self.above_mark() % 2 == 0 and self.marks()[-1] and \
                self.stack[self.marks()[-1] - 1] in ('dict', 'value'):
            if any(k in ('list', 'dict', 'set') for k in self.stack[self.marks()[-1] + 1::2]):
                return False
            self.emit_mark(b'u')
        elif choice == 11 and MARK in self.stack and not any(
                k in ('list', 'dict', 'set', 'tuple') for k in self.stack[self.marks()[-1] + 1:]):
            if self.marks()[-1] and self.stack[self.marks()[-1] - 1] in ('set', 'value') and r.random() < 0.5:
                self.emit_mark(b'\x90')
            else:
                self.emit_mark(b'\x91', push='other')
        else:
            return False
        return True

    def memoize(self):
        r = self.rng
        if r.random() < 0.5:
            if not self.top(''):
                return False
            kind = self.stack[-1]
            choice = r.randrange(4)
            if choice == 0:
                index = r.randrange(8)
                self.emit(b'q' + bytes([index]))
            elif choice == 1:
                index = r.choice((0, 1, 2, 255, 300, 70000, 1_000_000))
                self.emit(b'r' + struct.pack('<I', index))
            elif choice == 2:
                index = r.choice(INDEXES[:6] if self.careful else INDEXES)
                self.emit(b'p' + index.encode() + b'\n')
                try:
                    index = int(index)
                except ValueError:
                    return True
            else:
                index = len(self.memo)
                self.emit(b'\x94')
            self.memo[index] = kind
        else:
            if self.careful and not self.memo:
                return False
            index = r.choice(list(self.memo)) if self.memo and (self.careful or r.random() < 0.9) else r.randrange(300)
            kind = self.memo.get(index, 'value')
            choice = r.randrange(3)
            if choice == 0 and 0 <= index < 256:
                self.emit(b'h' + bytes([index]), push=kind)
            elif choice == 1 and 0 <= index < 2**32:
                self.emit(b'j' + struct.pack('<I', index), push=kind)
            else:
                form = r.choice(('%d', ' %d', '%d ', '+%d', '0%d')) if r.random() < 0.2 else '%d'
                self.emit(b'g' + (form % index).encode() + b'\n', push=kind)
        return True

    def shuffle(self):
        choice = self.rng.randrange(3)
        if choice == 0 and self.stack:
            self.emit(b'0', pops=1)
        elif choice == 1 and MARK in self.stack:
            self.emit_mark(b'1')
        elif choice == 2 and self.top(''):
            self.emit(b'2', push=self.stack[-1])
        else:
            return False
        return True

    def protocol(self):
        self.proto = self.rng.choice((0, 1, 2, 3, 4, 5) if self.careful else (0, 1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 5, 6, 255))
        self.emit(b'\x80' + bytes([self.proto]))
        return True

    def rare(self):
        r = self.rng
        choice = r.randrange(7)
        if choice == 0:
            self.emit(b'P' + r.choice((b'1', b'id', b'', b'a b', b'\xff')[:4 if self.careful else 5]) + b'\n', push='value')
        elif choice == 1 and self.top(''):
            self.emit(b'Q', pops=1, push='value')
        elif choice == 2 and (self.registered or not self.careful):
            code = 7 if self.careful else r.choice((1, 7, 7, 7, 240, 0))
            self.emit(r.choice((b'\x82' + bytes([code]), b'\x83' + struct.pack('<H', code),
                                b'\x84' + struct.pack('<i', code if self.careful else r.choice((code, -1))))), push='global')
        elif choice == 3:
            module, name = (t.encode() for t in r.choice(NAMES))
            names = b'X' + self.counted(module) + b'X' + self.counted(name)
            key = r.choice((b'K\x07', b'I7\n', b'I0x7\n', b'L7L\n', b'\x8a\x01\x07', b'\x8a\x09\x07' + bytes(8),
                            b'G' + struct.pack('>d', 7), b'F7.0\n'))
            form = r.randrange(6)
            if form == 0:
                self.emit(b'ccopyreg\n_inverted_registry\n' + key + b'(' + names + b'ts0')
            elif form == 1:
                self.emit(b'ccopyreg\n_extension_cache\n' + key + b'cos\nsystem\ns0')
            elif form == 2 and not self.careful:
                self.emit(b'ccopyreg\n' + r.choice((b'clear_extension_cache\n)R0', b'remove_extension\n(' + names + key + b'tR0')))
            else:
                key = r.choice((key, key, b'U\x017', b'C\x017', b'G' + struct.pack('>d', 7.9)))
                self.emit(b'ccopyreg\nadd_extension\n(' + names + key + b'tR', push='other')
            self.registered |= form != 2
        elif choice == 4 and r.random() < 0.3:
            self.emit(b'\x97', push='other')
        elif choice == 5 and r.random() < 0.3 and self.top('bytes' if self.careful else ''):
            self.emit(b'\x98')
        elif choice == 6 and not self.careful:
            self.emit(b'\x95' + struct.pack('<Q', r.choice((0, 1, 3, 10, 40, 10**6))))
        else:
            return False
        return True

    def anything(self):
        """An opcode against the sketch: pops and arguments may well be missing."""
        self.emit(bytes([self.rng.randrange(256)]))
        if self.rng.random() < 0.5:
            self.emit(self.rng.randbytes(self.rng.randrange(5)))
        return True


WEIGHTS = ((Stream.literal, 30), (Stream.global_name, 9), (Stream.stack_global, 9), (Stream.inst, 2), (Stream.call, 12),
           (Stream.build, 4), (Stream.collect, 30), (Stream.memoize, 14), (Stream.shuffle, 5), (Stream.protocol, 2),
           (Stream.rare, 4))
CHOICES = [step for step, weight in WEIGHTS for _ in range(weight)]


def framed(rng, data, careful):
    """Cut into frames: one honest one, or many that opcodes straddle and some that lie."""
    if careful:
        return b'\x95' + struct.pack('<Q', len(data)) + data
    out, at = bytearray(), 0
    while at < len(data):
        n = min(rng.randrange(1, 60), len(data) - at)
        length = n if rng.random() < 0.9 else max(0, n + rng.randrange(-5, 9))
        out += b'\x95' + struct.pack('<Q', length) + data[at:at + n]
        at += n
    return bytes(out)


def mutated(rng, data):
    data = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        if not data:
            break
        at, choice = rng.randrange(len(data)), rng.randrange(6)
        if choice == 0:
            data[at] = rng.randrange(256)
        elif choice == 1:
            del data[at:at + rng.randrange(1, 5)]
        elif choice == 2:
            data[at:at] = rng.randbytes(rng.randrange(1, 4))
        elif choice == 3:
            data[at] ^= 1 << rng.randrange(8)
        elif choice == 4:
            end = min(len(data), at + rng.randrange(1, 20))
            data[at:at] = data[at:end]
        else:
            del data[at:]
    return bytes(data)


def one(rng):
    s = Stream(rng, careful=rng.random() < 0.6)
    header = rng.random()
    if header < 0.7:
        s.protocol()
    steps = rng.choice((4, 8, 16, 30, 60))
    against = 0 if s.careful else rng.choice((0, 0, 0.03))
    while steps:
        steps -= 1
        if against and rng.random() < against:
            s.anything()
        elif not rng.choice(CHOICES)(s):
            continue
    body = bytes(s.out)
    if s.careful or rng.random() < 0.9:
        if not s.fence() and rng.random() < 0.9:
            body += b'N'
        body += b'.'
    if s.proto >= 4 and rng.random() < 0.3:
        body = body[:2] + framed(rng, body[2:], s.careful)
    if rng.random() < (0.1 if s.careful else 0.4):
        body = mutated(rng, body)
    return body


def streams(seed, count):
    rng = random.Random(seed)
    for _ in range(count):
        yield one(rng)
