"""Just enough DER to write certificates' odd extensions and time-stamps."""
import datetime


def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    if n < 128:
        return bytes([tag, n]) + body
    size = (n.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + n.to_bytes(size, "big") + body


def seq(*parts):
    return tlv(0x30, *parts)


def set_of(*parts):
    return tlv(0x31, *sorted(parts))


def octets(data):
    return tlv(0x04, data)


def integer(n):
    return tlv(0x02, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def utf8(text):
    return tlv(0x0C, text.encode())


def null():
    return b"\x05\x00"


def explicit(n, *parts):
    return tlv(0xA0 | n, *parts)


def implicit(n, data):
    return tlv(0x80 | n, data)


def oid(text):
    numbers = [int(n) for n in text.split(".")]
    out = bytes([numbers[0] * 40 + numbers[1]])
    for n in numbers[2:]:
        piece = [n & 127]
        while n > 127:
            n >>= 7
            piece.insert(0, n & 127 | 128)
        out += bytes(piece)
    return tlv(0x06, out)


def generalized_time(seconds):
    when = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return tlv(0x18, when.strftime("%Y%m%d%H%M%SZ").encode())
