#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#
# Compares the codecs with cbor2, msgpack, json and zlib of Python: random payloads in every form that their formats have
# (lengths longer than needed, pieces, tags, halves, bignums, extensions, timestamps, escapes, members, frames), the same
# damaged and cut short. Both must take the same payloads and find the same values in them, and what is encoded of those
# must mean the same to Python, in the shortest form. Usage: codec_differential.py CODEC_LINES [COUNT [SEED [FORMAT]]]; a
# failure prints what repeats it.
import base64
import collections
import ctypes
import datetime
import io
import json
import math
import random
import struct
import subprocess
import sys
import zlib

try:
    import msgpack
    import cbor2
    import cbor2.decoder
except ImportError as error:
    print(error)
    sys.exit(77)

Time = collections.namedtuple("Time", "seconds nanos")
Ext = collections.namedtuple("Ext", "code data")
Tagged = collections.namedtuple("Tagged", "tag value")
INT_MIN, INT_MAX, UINT_MAX = -2**63, 2**63 - 1, 2**64 - 1


class Refused(Exception):
    pass


class Map(list):
    """Pairs of a name and a value, in their order."""


class Digits(str):
    """A number of JSON that 64 bits do not hold."""


def notation(value):
    """As codec_lines writes a tree; Refused where a tree cannot hold it."""
    if value is None or isinstance(value, bool):
        return {None: "n", True: "T", False: "F"}[value]
    if isinstance(value, int):
        if not INT_MIN <= value <= UINT_MAX:
            raise Refused("64 bits")
        return f"u{value}" if value > INT_MAX else f"i{value}"
    if isinstance(value, float):
        return "dnan" if math.isnan(value) else "d" + struct.pack(">d", value).hex()
    if isinstance(value, Digits):
        return "N" + value.encode().hex()
    if isinstance(value, str):
        return "s" + value.encode().hex()
    if isinstance(value, bytes):
        return "b" + value.hex()
    if isinstance(value, Time):
        return f"t{value.seconds}.{value.nanos:09}"
    if isinstance(value, Map):
        names = [name for name, _ in value]
        if len(set(names)) < len(names):
            raise Refused("occurs twice")
        return "{" + ",".join(f"{notation(name)}:{notation(v)}" for name, v in value) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(notation(v) for v in value) + "]"
    raise Refused(f"a {type(value).__name__}")


def key_name(key):
    if isinstance(key, int) and not isinstance(key, bool):
        if not INT_MIN <= key <= UINT_MAX:
            raise Refused("64 bits")
        return str(key)
    if not isinstance(key, str):
        raise Refused("neither text nor integer")
    return key


def count_values(value):
    if isinstance(value, Map):
        return 1 + sum(1 + count_values(v) for _, v in value)
    return 1 + sum(count_values(v) for v in value) if isinstance(value, list) else 1


def text(rnd):
    return "".join(rnd.choice('ab"\\/\n\x01\x7fé€😀\x00 z') for _ in range(rnd.choice([0, 1, 2, 5, 24, 40])))


def integer(rnd):
    n = rnd.choice([0, 1, 23, 24, 31, 32, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1,
                    rnd.getrandbits(rnd.randint(1, 64))])
    return n if rnd.random() < 0.6 else -1 - (n & INT_MAX)


def double(rnd):
    return rnd.choice([0.0, -0.0, 0.5, 1.5, 0.1, 1e300, 5e-324, 65504.0, 6e-8, 3.4028234663852886e38, math.inf, -math.inf,
                       math.nan, rnd.uniform(-1e9, 1e9), struct.unpack(">d", rnd.randbytes(8))[0]])


# ---- CBOR ----

def cbor_head(rnd, major, n):
    """With the number in its shortest form or, sometimes, a longer one."""
    sizes = [(24, 1, 24), (2**8, 2, 25), (2**16, 4, 26), (2**32, 8, 27)]
    form = next((i for i, (limit, _, _) in enumerate([(24, 0, 0)] + sizes[1:] + [(2**64, 0, 0)]) if n < limit), 4)
    while form < 4 and rnd.random() < 0.1:
        form += 1
    if form == 0:
        return bytes([major << 5 | n])
    return bytes([major << 5 | 23 + form]) + n.to_bytes(1 << (form - 1), "big")


def cbor_number(rnd):
    if rnd.random() < 0.5:
        n = integer(rnd)
        if rnd.random() < 0.15:
            data = (n if n >= 0 else -1 - n).to_bytes(rnd.choice([8, 9, 12]), "big").lstrip(b"\0" if rnd.random() < 0.8 else b"")
            return cbor_head(rnd, 6, 2 if n >= 0 else 3) + cbor_head(rnd, 2, len(data)) + data
        return cbor_head(rnd, 0, n) if n >= 0 else cbor_head(rnd, 1, -1 - n)
    f = double(rnd)
    for code, form, odds in ((b"\xf9", ">e", 0.5), (b"\xfa", ">f", 0.5), (b"\xfb", ">d", 1.0)):
        try:
            if rnd.random() < odds:
                return code + struct.pack(form, f)
        except OverflowError:
            continue
    return b"\xf9" + rnd.randbytes(2)


def cbor_run(rnd, major, data):
    if rnd.random() > 0.15:
        return cbor_head(rnd, major, len(data)) + data
    cuts = sorted(rnd.randint(0, len(data)) for _ in range(rnd.randint(0, 3)))
    pieces = [data[a:b] for a, b in zip([0] + cuts, cuts + [len(data)])]
    return bytes([major << 5 | 31]) + b"".join(cbor_head(rnd, major, len(p)) + p for p in pieces) + b"\xff"


def cbor_text(rnd):
    # Pieces of text end where characters do, but for a few.
    data = text(rnd).encode() if rnd.random() < 0.3 else "".join(rnd.choice("abc") for _ in range(rnd.randint(0, 30))).encode()
    return cbor_run(rnd, 3, data)


def cbor_tag(rnd, depth):
    tag = rnd.choice([0, 1, 1, 1, 2, 3, 4, 21, 24, 32, 55799, 2**32, rnd.getrandbits(64)])
    if tag == 1 and rnd.random() < 0.8:
        moment = rnd.choice([cbor_head(rnd, 0, rnd.getrandbits(31)), cbor_head(rnd, 1, rnd.getrandbits(40)),
                             b"\xfb" + struct.pack(">d", rnd.choice([0.25, -0.5, 1.5e9, 1e15, -1e14, rnd.uniform(-1e10, 1e10)]))])
        return cbor_head(rnd, 6, tag) + moment
    return cbor_head(rnd, 6, tag) + cbor_value(rnd, depth)


def cbor_value(rnd, depth=0):
    pick = rnd.random() if depth < 5 else rnd.random() * 0.7
    if pick < 0.3:
        return cbor_number(rnd)
    if pick < 0.45:
        return cbor_text(rnd)
    if pick < 0.55:
        return cbor_run(rnd, 2, rnd.randbytes(rnd.choice([0, 1, 5, 30])))
    if pick < 0.64:
        return rnd.choice([b"\xf4", b"\xf5", b"\xf6", b"\xf7"])
    if pick < 0.65:
        return rnd.choice([b"\xe0", b"\xf0", b"\xf8\xff", b"\xf8\x18", b"\xfc", b"\x1c", b"\x3d", b"\x5e", b"\xff"])
    if pick < 0.7:
        return cbor_tag(rnd, depth)
    count = rnd.choice([0, 1, 2, 5, 5, 30]) if depth < 3 else rnd.choice([0, 1, 2])
    if pick < 0.85:
        items = b"".join(cbor_value(rnd, depth + 1) for _ in range(count))
        return b"\x9f" + items + b"\xff" if rnd.random() < 0.3 else cbor_head(rnd, 4, count) + items
    items = b"".join((cbor_text(rnd) if rnd.random() < 0.8 else cbor_number(rnd)) + cbor_value(rnd, depth + 1) for _ in range(count))
    return b"\xbf" + items + b"\xff" if rnd.random() < 0.3 else cbor_head(rnd, 5, count) + items


def cbor_plain(value):
    """What cbor2 found, with our meaning of tags: of several the innermost counts."""
    if isinstance(value, Tagged):
        inner = cbor_plain(value.value)
        if value.tag in (2, 3) and isinstance(inner, bytes):
            n = int.from_bytes(inner, "big")
            return n if value.tag == 2 else -1 - n
        if value.tag == 1 and isinstance(inner, int) and not isinstance(inner, bool) and INT_MIN <= inner <= INT_MAX:
            return Time(inner, 0)
        if value.tag == 1 and isinstance(inner, float) and abs(inner) < 1e15:
            seconds = math.floor(inner)
            nanos = math.floor((inner - seconds) * 1e9 + 0.5)
            return Time(seconds + 1, 0) if nanos >= 10**9 else Time(seconds, nanos)
        return inner
    kind = type(value).__name__
    if kind == "Map":
        return Map((key_name(cbor_plain(k)), cbor_plain(v)) for k, v in value)
    if kind in ("list", "tuple"):
        return [cbor_plain(v) for v in value]
    if kind in ("NoneType", "UndefinedType"):
        return None
    if isinstance(value, (bool, int, float, str, bytes)):
        return value
    raise Refused(f"a {kind}")  # a simple value, a break where none may be


def decode_pairs(decoder, subtype):
    """For cbor2: a map with all of its keys; in a dict some fall together, such as 1 and true."""
    length, pairs = decoder._decode_length(subtype, allow_indefinite=True), Map()
    while length is None or len(pairs) < length:
        key = decoder._decode()
        if key is cbor2.decoder.break_marker and length is None:
            break
        pairs.append((key, decoder._decode()))
    return pairs


cbor2.decoder.semantic_decoders.clear()
cbor2.decoder.major_decoders[5] = decode_pairs


def read_cbor(data):
    """The value; Refused where a tree cannot hold it; another exception where it is not CBOR."""
    stream = io.BytesIO(data)
    hook = lambda _, tag: tag.value if isinstance(tag.value, Tagged) else Tagged(tag.tag, tag.value)  # noqa: E731
    value = cbor2.decoder.CBORDecoder(stream, tag_hook=hook).decode()
    if stream.tell() < len(data):
        raise ValueError("more follows")
    return cbor_plain(value)


# ---- MessagePack ----

def msgpack_counted(rnd, n, forms):
    """`forms`: (limit, code, bytes) from the shortest on; sometimes a longer one than needed is taken."""
    fitting = [form for form in forms if n < form[0]]
    _, code, size = fitting[0] if rnd.random() < 0.85 else rnd.choice(fitting)
    return bytes([code | n]) if size == 0 else bytes([code]) + n.to_bytes(size, "big")


def msgpack_number(rnd):
    if rnd.random() < 0.4:
        f = double(rnd)
        if rnd.random() < 0.5:
            try:
                return b"\xca" + struct.pack(">f", f)
            except OverflowError:
                pass
        return b"\xcb" + struct.pack(">d", f)
    n = integer(rnd)
    if n >= 0 and rnd.random() < 0.9:
        return msgpack_counted(rnd, n, [(2**7, 0, 0), (2**8, 0xcc, 1), (2**16, 0xcd, 2), (2**32, 0xce, 4), (2**64, 0xcf, 8)])
    n = -1 - (n & INT_MAX) if n > INT_MAX else n
    if -32 <= n < 0 and rnd.random() < 0.8:
        return struct.pack("b", n)
    fitting = [(code, size) for code, size in ((0xd0, 1), (0xd1, 2), (0xd2, 4), (0xd3, 8)) if -2**(8 * size - 1) <= n < 2**(8 * size - 1)]
    code, size = rnd.choice(fitting)
    return bytes([code]) + n.to_bytes(size, "big", signed=True)


def msgpack_text(rnd):
    data = text(rnd).encode()
    return msgpack_counted(rnd, len(data), [(32, 0xa0, 0), (2**8, 0xd9, 1), (2**16, 0xda, 2), (2**32, 0xdb, 4)]) + data


def msgpack_ext(rnd):
    if rnd.random() < 0.5:
        nanos = rnd.choice([0, 1, 999999999, rnd.randint(0, 999999999), rnd.choice([10**9, 2**30 - 1])])
        return rnd.choice([b"\xd6\xff" + rnd.randbytes(4), b"\xd7\xff" + (nanos << 34 | rnd.getrandbits(34)).to_bytes(8, "big"),
                           b"\xc7\x0c\xff" + struct.pack(">Iq", nanos, rnd.choice([-1, 2**40, -2**50, rnd.getrandbits(50)]))])
    kind = rnd.choice([0, 1, 5, 127, 128, 254])
    if rnd.random() < 0.5:
        size = rnd.choice([1, 2, 4, 8, 16])
        return bytes([{1: 0xd4, 2: 0xd5, 4: 0xd6, 8: 0xd7, 16: 0xd8}[size], kind]) + rnd.randbytes(size)
    data = rnd.randbytes(rnd.choice([0, 1, 3, 17, 40]))
    return msgpack_counted(rnd, len(data), [(2**8, 0xc7, 1), (2**16, 0xc8, 2), (2**32, 0xc9, 4)]) + bytes([kind]) + data


def msgpack_value(rnd, depth=0):
    pick = rnd.random() if depth < 5 else rnd.random() * 0.7
    if pick < 0.3:
        return msgpack_number(rnd)
    if pick < 0.45:
        return msgpack_text(rnd)
    if pick < 0.55:
        data = rnd.randbytes(rnd.choice([0, 1, 5, 30]))
        return msgpack_counted(rnd, len(data), [(2**8, 0xc4, 1), (2**16, 0xc5, 2), (2**32, 0xc6, 4)]) + data
    if pick < 0.65:
        return rnd.choice([b"\xc0", b"\xc2", b"\xc3"])
    if pick < 0.7:
        return msgpack_ext(rnd) if rnd.random() < 0.97 else b"\xc1"
    count = rnd.choice([0, 1, 2, 5, 5, 30]) if depth < 3 else rnd.choice([0, 1, 2])
    if pick < 0.85:
        return msgpack_counted(rnd, count, [(16, 0x90, 0), (2**16, 0xdc, 2), (2**32, 0xdd, 4)]) + b"".join(
            msgpack_value(rnd, depth + 1) for _ in range(count))
    return msgpack_counted(rnd, count, [(16, 0x80, 0), (2**16, 0xde, 2), (2**32, 0xdf, 4)]) + b"".join(
        (msgpack_text(rnd) if rnd.random() < 0.9 else msgpack_value(rnd, 9)) + msgpack_value(rnd, depth + 1) for _ in range(count))


def msgpack_plain(value):
    if isinstance(value, Map):
        return Map((key_name(k), msgpack_plain(v)) for k, v in value)
    if isinstance(value, list):
        return [msgpack_plain(v) for v in value]
    if isinstance(value, msgpack.Timestamp):
        return Time(value.seconds, value.nanoseconds)
    if isinstance(value, Ext):
        return Map([("ext", value.code), ("data", value.data)])
    return value


def read_msgpack(data):
    return msgpack_plain(msgpack.unpackb(data, raw=False, strict_map_key=False, object_pairs_hook=Map, ext_hook=Ext))


# ---- JSON ----

def json_string(rnd):
    s = text(rnd)
    pick = rnd.random()
    if pick < 0.2:
        units = s.encode("utf-16-be")
        return '"' + "".join(f"\\u{units[i:i + 2].hex()}" for i in range(0, len(units), 2)) + '"'
    if pick < 0.22:
        return rnd.choice(['"\\ud800"', '"\\udc00\\ud800"', '"\\x"', '"\\u12"', '"a\nb"', '"\t"', '"\\ud83dx"', '"'])
    return json.dumps(s, ensure_ascii=pick < 0.4)


def json_number(rnd):
    pick = rnd.random()
    if pick < 0.4:
        return str(integer(rnd))
    if pick < 0.45:
        return str(rnd.choice([1, -1]) * rnd.getrandbits(rnd.randint(64, 300)))
    if pick < 0.5:
        return rnd.choice(["01", "-", "+1", ".5", "1.", "1e", "1e+", "0x1", "NaN", "Infinity", "-Infinity", "1_0", "--1", "1e400"])
    if pick < 0.6:
        return rnd.choice(["-0", "0e0", "1E5", "1e-400", "-0.0", "1.0", "2.2250738585072011e-308", "0.1e1", "123456789012345678e-17",
                           "9007199254740993.0", "9007199254740992.99999999999999999999999", "8.5e-7", "5e-324", "2.4703282292062327e-324"])
    digits = "".join(rnd.choice("0123456789") for _ in range(rnd.choice([1, 3, 10, 16, 17, 19, 20, 25, 60])))
    return f"{rnd.choice(['', '-'])}{digits.lstrip('0') or '0'}.{rnd.getrandbits(rnd.randint(1, 90))}e{rnd.randint(-330, 270)}"


def json_space(rnd):
    return rnd.choice([" ", "\n", "\t", "\r\n  "]) if rnd.random() < 0.1 else ""


def json_value(rnd, depth=0):
    pick = rnd.random() if depth < 5 else rnd.random() * 0.7
    if pick < 0.35:
        return json_number(rnd)
    if pick < 0.6:
        return json_string(rnd)
    if pick < 0.7:
        return rnd.choice(["true", "false", "null"])
    count = rnd.choice([0, 1, 2, 5, 5, 30]) if depth < 3 else rnd.choice([0, 1, 2])
    open_, close = "[]" if pick < 0.85 else "{}"
    prefix = (lambda: "") if pick < 0.85 else lambda: json_string(rnd) + json_space(rnd) + ":" + json_space(rnd)
    items = ("," + json_space(rnd)).join(prefix() + json_value(rnd, depth + 1) + json_space(rnd) for _ in range(count))
    return open_ + json_space(rnd) + items + close


def refuse(word):
    raise ValueError(word)


def json_float(number):
    value = float(number)
    return value if math.isfinite(value) else refuse("too large")


def json_int(number):
    value = int(number)
    if value == 0 and number[0] == "-":
        return -0.0
    return value if INT_MIN <= value <= UINT_MAX else Digits(number)


def json_pairs(pairs):
    """Of names that occur twice the last counts, in the place of the first."""
    notation([value for _, value in pairs])  # what is lost must be right all the same
    return Map(dict(pairs).items())


def read_json(data):
    value = json.loads(data.decode(), object_pairs_hook=json_pairs, parse_float=json_float, parse_int=json_int, parse_constant=refuse)
    notation(value)  # half of a surrogate pair has no UTF-8
    return value


# ---- What is encoded ----

def float32(f):
    return struct.unpack(">f", struct.pack(">f", f))[0]


def as_json(value):
    """The value that its JSON text has."""
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Time):
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=value.seconds)
        digits = f".{value.nanos:09}" if value.nanos else ""
        digits = digits[:4] if digits.endswith("000000") else digits[:7] if digits.endswith("000") else digits
        return f"{moment.year:04}{moment.strftime('-%m-%dT%H:%M:%S')}{digits}Z"
    if isinstance(value, Map):
        return Map((name, as_json(v)) for name, v in value)
    return [as_json(v) for v in value] if isinstance(value, list) else value


def is_like(a, b):
    """Equal, and floats as near as a single is."""
    if isinstance(a, float) or isinstance(b, float):
        a, b = float(a), float(b)
        return a == b or (math.isnan(a) and math.isnan(b)) or (abs(a) < 3.5e38 and float32(a) == float32(b))
    if isinstance(a, Map) and isinstance(b, Map):
        return len(a) == len(b) and all(x[0] == y[0] and is_like(x[1], y[1]) for x, y in zip(a, b))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(is_like(x, y) for x, y in zip(a, b))
    return type(a) is type(b) and a == b


def has(value, kinds, test=lambda v: True):
    if isinstance(value, Map):
        return any(has(v, kinds, test) for _, v in value)
    if isinstance(value, list):
        return any(has(v, kinds, test) for v in value)
    return isinstance(value, kinds) and test(value)


def plain(value):
    if isinstance(value, Map):
        return {name: plain(v) for name, v in value}
    return [plain(v) for v in value] if isinstance(value, list) else value


FORMATS = {"cbor": (cbor_value, read_cbor), "msgpack": (msgpack_value, read_msgpack),
           "json": (lambda rnd: (json_space(rnd) + json_value(rnd) + json_space(rnd)).encode("utf-8", "surrogatepass"), read_json)}
# Refusals by us alone, and of what.
STRICTER = {"cbor": ["max_depth"], "msgpack": ["max_depth"], "json": ["nested too deep"]}


class Codecs:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, from_, to, data):
        self.process.stdin.write(f"{from_} {to} {data.hex()}\n".encode())
        self.process.stdin.flush()
        line = self.process.stdout.readline().decode(errors="replace").rstrip("\n")
        if not line:
            return "died", str(self.process.wait())
        status, _, answer = line.partition(" ")
        return status, answer

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait()


class Run:
    def __init__(self, program, seed):
        self.codecs, self.seed = Codecs(program), seed
        self.taken = self.refused = self.stricter = self.encoded = 0

    def check_encoded(self, value, from_, data):
        for to, (_, read) in FORMATS.items():
            if has(value, Time, lambda t: t.nanos or abs(t.seconds) > 2**53) and to == "cbor":
                continue  # a double holds it, more or less
            if to == "json" and has(value, Time, lambda t: not -62135596800 <= t.seconds <= 253402300799):
                continue  # years that RFC 3339 does not have
            if to != "json" and has(value, Digits):
                continue
            status, answer = self.codecs.ask(from_, to, data)
            if status == "error" and answer.startswith(" no codec"):
                continue
            try:
                again = read(bytes.fromhex(answer))
            except Exception as problem:  # pylint: disable=broad-except
                return f"to {to}: {status} {answer}: {problem}"
            same = is_like(again, as_json(value)) if to == "json" else notation(again) == notation(value)
            if status != "ok" or not same:
                return f"to {to}: {status} {answer}, which is {again!r}"
            shortest = {"cbor": cbor2.dumps, "msgpack": msgpack.packb}.get(to)
            if shortest and not has(value, (float, Time)) and shortest(plain(value)).hex() != answer:
                return f"to {to}: {answer}, and {shortest(plain(value)).hex()} would do"
            self.encoded += 1
        return None

    def check(self, format_, data):
        """None, or what is wrong."""
        status, answer = self.codecs.ask(format_, "tree", data)
        value = expected = None
        try:
            value = FORMATS[format_][1](data)
            expected = notation(value)
        except RecursionError:
            return None
        except Refused as reason:
            refusal = f"a tree cannot hold it: {reason}"
        except Exception as reason:  # pylint: disable=broad-except
            refusal = repr(reason)
        if status == "error" and expected is None:
            self.refused += 1
            return None
        if status == "error" and any(word in answer for word in STRICTER[format_]):
            self.stricter += 1
            return None
        if status != "ok" or expected is None or answer != expected:
            return f"ours: {status} {answer}\n  theirs: {expected or refusal}"
        self.taken += 1
        return self.check_encoded(value, format_, data)

    def run(self, format_, count):
        self.taken = self.refused = self.stricter = self.encoded = 0
        for number in range(count):
            rnd = random.Random(f"{self.seed}/{format_}/{number}")
            data = FORMATS[format_][0](rnd)
            if rnd.random() < 0.3:
                data = damage(rnd, data)
            problem = self.check(format_, data)
            if problem:
                print(f"seed {self.seed} {format_} {number}: {data.hex()}\n  {problem}")
                return False
        print(f"{format_}: {self.taken} taken by both, {self.refused} refused by both, {self.stricter} refused by us alone; "
              f"{self.encoded} encoded again")
        return self.taken > count / 4


def damage(rnd, data):
    data = bytearray(data)
    for _ in range(rnd.choice([1, 1, 2, 4])):
        if not data:
            break
        at = rnd.randrange(len(data))
        pick = rnd.random()
        if pick < 0.4:
            data[at] ^= 1 << rnd.randrange(8)
        elif pick < 0.55:
            del data[at:]
        elif pick < 0.7:
            del data[at]
        elif pick < 0.85:
            data.insert(at, rnd.randrange(256))
        else:
            data += rnd.randbytes(rnd.randint(1, 3))
    return bytes(data)


# ---- What unpacks ----

def gzip_member(rnd, data):
    level = rnd.choice([0, 1, 6, 9])
    if rnd.random() < 0.25:
        return zlib.compress(data, level)
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    body = packer.compress(data[:len(data) // 2])
    if rnd.random() < 0.3:
        body += packer.flush(zlib.Z_FULL_FLUSH)
    body += packer.compress(data[len(data) // 2:]) + packer.flush()
    flags, extra = rnd.choice([0, 0, rnd.randrange(32)]) & ~2, b""
    head = b"\x1f\x8b\x08" + bytes([flags | rnd.choice([0, 2])]) + rnd.randbytes(6)
    if flags & 4:
        field = rnd.randbytes(rnd.choice([0, 5, 300]))
        extra += struct.pack("<H", len(field)) + field
    extra += (b"name\0" if flags & 8 else b"") + (b"a comment\0" if flags & 16 else b"")
    crc = struct.pack("<H", zlib.crc32(head + extra) & 0xffff) if head[3] & 2 else b""
    return head + extra + crc + body + struct.pack("<II", zlib.crc32(data), len(data) & 0xffffffff)


def read_gzip(data):
    """All members; the first says whether it is gzip or zlib, as each of the others does for itself."""
    out = b""
    while True:
        member = zlib.decompressobj(47)
        out += member.decompress(data)
        if not member.eof:
            raise ValueError("it ends too early")
        data = member.unused_data
        if not data:
            return out


class Zstd:
    """libzstd itself, piece by piece, where the codec calls it once."""

    def __init__(self):
        self.lib = ctypes.CDLL("libzstd.so.1")
        for name in ("ZSTD_compress", "ZSTD_compressBound", "ZSTD_decompress", "ZSTD_decompressStream", "ZSTD_compress2", "ZSTD_CCtx_setParameter"):
            getattr(self.lib, name).restype = ctypes.c_size_t
        self.lib.ZSTD_createDStream.restype = self.lib.ZSTD_createCCtx.restype = ctypes.c_void_p

    def frame(self, rnd, data):
        if rnd.random() < 0.2:
            skipped = rnd.randbytes(rnd.choice([0, 1, 40]))
            return bytes([0x50 + rnd.randrange(16)]) + b"\x2a\x4d\x18" + struct.pack("<I", len(skipped)) + skipped, b""
        context = ctypes.c_void_p(self.lib.ZSTD_createCCtx())
        # Level, content size, checksum.
        for parameter, value in ((100, rnd.choice([-1, 1, 3, 19])), (200, rnd.randrange(2)), (201, rnd.randrange(2))):
            self.lib.ZSTD_CCtx_setParameter(context, parameter, value)
        room = ctypes.create_string_buffer(len(data) + 1000)
        size = self.lib.ZSTD_compress2(context, room, ctypes.c_size_t(len(room)), data, ctypes.c_size_t(len(data)))
        self.lib.ZSTD_freeCCtx(context)
        return room.raw[:size], data

    def read_at_once(self, data):
        room = ctypes.create_string_buffer(8 << 20)
        size = self.lib.ZSTD_decompress(room, ctypes.c_size_t(len(room)), data, ctypes.c_size_t(len(data)))
        return room.raw[:size] if size <= len(room) else None

    def read(self, data):
        class Buffer(ctypes.Structure):
            _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("at", ctypes.c_size_t)]
        stream = ctypes.c_void_p(self.lib.ZSTD_createDStream())
        self.lib.ZSTD_DCtx_setParameter(stream, 100, 31)  # any window
        whole, room = ctypes.create_string_buffer(data, len(data)), ctypes.create_string_buffer(1 << 16)
        source, out, left = Buffer(ctypes.addressof(whole), len(data), 0), b"", 0
        while source.at < len(data) or left:
            sink, before = Buffer(ctypes.addressof(room), len(room), 0), source.at
            left = self.lib.ZSTD_decompressStream(stream, ctypes.byref(sink), ctypes.byref(source))
            out += room.raw[:sink.at]
            if left > 2**63 or (source.at == before and sink.at == 0) or len(out) > 8 << 20:
                self.lib.ZSTD_freeDStream(stream)
                raise ValueError("not zstd, or cut short")
        self.lib.ZSTD_freeDStream(stream)
        return out


def packed(rnd, format_, zstd):
    """Members or frames, and what is in them."""
    wire, content = b"", b""
    for _ in range(rnd.choice([1, 1, 2, 4])):
        data = rnd.choice([b"", b"a", rnd.randbytes(50), b"ab" * rnd.randint(1, 3000), text(rnd).encode() * 20])
        one = zstd.frame(rnd, data) if format_ == "zstd" else (gzip_member(rnd, data), data)
        wire, content = wire + one[0], content + one[1]
    return wire, content


def run_unpacker(run, format_, count):
    taken = refused = 0
    zstd = Zstd() if format_ == "zstd" else None
    for number in range(count):
        rnd = random.Random(f"{run.seed}/{format_}/{number}")
        data, content = packed(rnd, format_, zstd)
        if rnd.random() < 0.4:
            data, content = damage(rnd, data), None
        status, answer = run.codecs.ask(format_, "tree", data)
        if status == "error" and "no codec" in answer:
            print(f"{format_}: not built")
            return True
        try:
            expected = zstd.read(data) if zstd else read_gzip(data)
        except (ValueError, zlib.error) as reason:
            expected = reason
        if not data:
            expected = ValueError("empty")
        if isinstance(expected, bytes):
            right = status == "ok" and answer == "b" + expected.hex() and content in (None, expected)
            right = right or (content is None and "unpacks to more than" in answer)
            # A compressed block of no bytes: libzstd takes it piece by piece, and not in one call.
            right = right or (content is None and "corruption" in answer and b"\5\0\0" in data)
        else:
            right = status == "error" and content is None
            # A frame whose damaged header names a window smaller than its blocks: libzstd refuses it piece by piece only.
            right = right or (zstd and data and content is None and status == "ok" and
                              answer[1:] == (zstd.read_at_once(data) or b"").hex())
        if not right:
            print(f"seed {run.seed} {format_} {number}: {data.hex()}\n  ours: {status} {answer[:300]}\n  theirs: {expected!r}"[:4000])
            return False
        taken += status == "ok"
        refused += status == "error"
    print(f"{format_}: {taken} unpacked alike, {refused} refused by both")
    return taken > count / 4


def main(program, count="2000", seed=None, only=None):
    seed = int(seed) if seed else random.SystemRandom().randrange(2**31)
    print(f"seed {seed}")
    run = Run(program, seed)
    ok = True
    for format_ in FORMATS:
        if only in (None, format_) and "no codec" not in run.codecs.ask(format_, "tree", b"\x00")[1]:
            ok = run.run(format_, int(count)) and ok
    for format_ in ("gzip", "zstd"):
        if only in (None, format_):
            ok = run_unpacker(run, format_, int(count)) and ok
    return 0 if run.codecs.close() == 0 and ok else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
