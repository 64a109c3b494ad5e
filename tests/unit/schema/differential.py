#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#
# Compares the schema engine with python3-protobuf: random schemas, random wire bytes (any order, repeats,
# merges, wrong wire types, packed and unpacked, groups, extensions, unknown fields, damage), and the answers of
# both. Usage: differential.py SCHEMA_LINES [SEED [SCHEMAS [MESSAGES]]]; a failure prints what repeats it.
import json
import math
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import warnings

try:
    from google.protobuf import (any_pb2, descriptor_pb2, descriptor_pool, duration_pb2, empty_pb2, field_mask_pb2,
                                 json_format, message_factory, struct_pb2, timestamp_pb2, wrappers_pb2)
    from google.protobuf.message import DecodeError
except ImportError:
    print("python3-protobuf is not installed")
    sys.exit(77)

F = descriptor_pb2.FieldDescriptorProto
SCALARS = [F.TYPE_DOUBLE, F.TYPE_FLOAT, F.TYPE_INT64, F.TYPE_UINT64, F.TYPE_INT32, F.TYPE_FIXED64,
           F.TYPE_FIXED32, F.TYPE_BOOL, F.TYPE_STRING, F.TYPE_BYTES, F.TYPE_UINT32, F.TYPE_SFIXED32,
           F.TYPE_SFIXED64, F.TYPE_SINT32, F.TYPE_SINT64]
KEYS = [F.TYPE_INT64, F.TYPE_UINT64, F.TYPE_INT32, F.TYPE_FIXED64, F.TYPE_FIXED32, F.TYPE_BOOL, F.TYPE_STRING,
        F.TYPE_UINT32, F.TYPE_SFIXED32, F.TYPE_SFIXED64, F.TYPE_SINT32, F.TYPE_SINT64]
WIRE = {F.TYPE_DOUBLE: 1, F.TYPE_FIXED64: 1, F.TYPE_SFIXED64: 1, F.TYPE_FLOAT: 5, F.TYPE_FIXED32: 5,
        F.TYPE_SFIXED32: 5, F.TYPE_STRING: 2, F.TYPE_BYTES: 2, F.TYPE_MESSAGE: 2, F.TYPE_GROUP: 3}
WELL_KNOWN = [timestamp_pb2, duration_pb2, field_mask_pb2, struct_pb2, wrappers_pb2, any_pb2, empty_pb2]
WELL_KNOWN_TYPES = ["Timestamp", "Duration", "FieldMask", "Struct", "Value", "ListValue", "Int64Value", "UInt64Value",
                    "Int32Value", "StringValue", "DoubleValue", "BoolValue", "BytesValue", "UInt32Value", "FloatValue",
                    "Any", "Any", "Empty"]

DEFAULTS = {F.TYPE_INT32: ["-7", "0"], F.TYPE_UINT64: ["18446744073709551615"], F.TYPE_STRING: ["", "a \"text\""],
            F.TYPE_DOUBLE: ["1.5", "nan", "-inf"], F.TYPE_FLOAT: ["0.1"], F.TYPE_BOOL: ["true"], F.TYPE_SINT64: ["-1"]}

# The ProtoJSON specification asks for these refusals, the reference does not make them.
STRICTER = ["a Value holds NaN or an infinity", "is out of range", "a path of a FieldMask"]


def add_enum(rnd, file, name, may_lack_zero):
    enum = file.enum_type.add(name=name)
    enum.value.add(name=f"{name}_ZERO", number=rnd.randint(-9, 9) if may_lack_zero and rnd.random() < 0.5 else 0)
    for i in range(rnd.randint(1, 4)):
        enum.value.add(name=f"{name}_V{i}", number=i + 1 if rnd.random() < 0.7 else rnd.randint(-2**31, 2**31 - 1))
    numbers = [v.number for v in enum.value]
    if len(set(numbers)) != len(numbers):
        enum.options.allow_alias = True


def number_for(rnd, used):
    while True:
        n = rnd.choice([rnd.randint(1, 15), rnd.randint(1, 60), rnd.randint(1, 18000), rnd.randint(20000, 2**29 - 1)])
        if n not in used and not 500 <= n < 600:
            used.add(n)
            return n


def add_map(rnd, message, name, number, scope, messages, enums):
    entry_name = "".join(p[:1].upper() + p[1:] for p in name.split("_")) + "Entry"
    entry = message.nested_type.add(name=entry_name)
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=rnd.choice(KEYS), label=F.LABEL_OPTIONAL)
    value = entry.field.add(name="value", number=2, label=F.LABEL_OPTIONAL)
    set_type(rnd, value, messages, enums[1:], groups=False)
    message.field.add(name=name, number=number, type=F.TYPE_MESSAGE, label=F.LABEL_REPEATED,
                      type_name=f".{scope}.{entry_name}")


def set_type(rnd, field, messages, enums, groups=True):
    pick = rnd.random()
    if pick < 0.55:
        field.type = rnd.choice(SCALARS)
    elif pick < 0.7:
        field.type, field.type_name = F.TYPE_ENUM, rnd.choice(enums)
    elif pick < 0.85:
        field.type, field.type_name = F.TYPE_MESSAGE, rnd.choice(messages)
        if groups and rnd.random() < 0.4:
            field.type = F.TYPE_GROUP
    else:
        field.type, field.type_name = F.TYPE_MESSAGE, ".google.protobuf." + rnd.choice(WELL_KNOWN_TYPES)


def add_field(rnd, message, i, used, scope, messages, enums, proto3):
    name = rnd.choice(["field_{}", "f{}", "aField{}", "a_b_c{}", "_x{}", "f_{}_"]).format(i)
    number = number_for(rnd, used)
    if rnd.random() < 0.15:
        add_map(rnd, message, name.strip("_"), number, scope, messages, enums)
        return
    field = message.field.add(name=name, number=number)
    set_type(rnd, field, messages, enums, groups=not proto3)
    pick = rnd.random()
    field.label = F.LABEL_REPEATED if pick < 0.35 else F.LABEL_OPTIONAL
    if rnd.random() < 0.1:
        field.json_name = rnd.choice(["own{}", "own-{}", "Own_{}", "\u20ac{}"]).format(i)
    if field.label == F.LABEL_REPEATED:
        if WIRE.get(field.type, 0) not in (2, 3) and rnd.random() < 0.5:
            field.options.packed = rnd.random() < 0.5
    elif pick < 0.55 and len(message.oneof_decl):
        field.oneof_index = rnd.randrange(len(message.oneof_decl))
    elif pick < 0.6 and not proto3 and field.type in SCALARS:
        field.label = F.LABEL_REQUIRED
    elif pick < 0.7 and proto3:
        field.proto3_optional = True
    elif pick < 0.7 and field.type in DEFAULTS:
        field.default_value = rnd.choice(DEFAULTS[field.type])


def make_schema(rnd, package):
    proto3 = rnd.random() < 0.5
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package,
                                              syntax="proto3" if proto3 else "proto2")
    for module in WELL_KNOWN:
        file.dependency.append(module.DESCRIPTOR.name)
    names = [f"M{i}" for i in range(rnd.randint(1, 4))]
    messages = [f".{package}.{n}" for n in names]
    enums = [f".{package}.E{i}" for i in range(2)]
    for i in range(2):
        add_enum(rnd, file, f"E{i}", may_lack_zero=i == 0 and not proto3)
    for name in names:
        message = file.message_type.add(name=name)
        for i in range(rnd.randint(0, 2)):
            message.oneof_decl.add(name=f"choice{i}")
        used = set()
        for i in range(rnd.randint(1, 14)):
            add_field(rnd, message, i, used, f"{package}.{name}", messages, enums, proto3)
        # A oneof without members is not valid.
        for i in range(len(message.oneof_decl)):
            if not any(f.HasField("oneof_index") and f.oneof_index == i for f in message.field):
                message.field.add(name=f"only{i}", number=number_for(rnd, used), type=F.TYPE_INT32,
                                  label=F.LABEL_OPTIONAL, oneof_index=i)
        # Fields that are optional are members of a oneof of their own each, behind all others.
        for field in message.field:
            if field.proto3_optional:
                field.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{field.name}")
        # Members of a oneof stand together.
        ordered = sorted(message.field, key=lambda f: f.oneof_index if f.HasField("oneof_index") else -1)
        ordered = [F.FromString(f.SerializeToString()) for f in ordered]
        del message.field[:]
        message.field.extend(ordered)
        if not proto3:
            message.extension_range.add(start=500, end=600)
    if not proto3:
        for i in range(rnd.randint(0, 4)):
            extension = file.extension.add(name=f"ext_{i}", number=500 + i, extendee=rnd.choice(messages))
            set_type(rnd, extension, messages, enums)
            extension.label = rnd.choice([F.LABEL_REPEATED, F.LABEL_OPTIONAL])
    return file


def varint(n, rnd=None):
    n &= 2**64 - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    if rnd and rnd.random() < 0.03 and len(out) < 10:
        out[-1] |= 128
        out += b"\x80" * rnd.randint(0, 9 - len(out)) + b"\x00"
    return bytes(out)


def tag(number, wire):
    return varint(number << 3 | wire)


def random_text(rnd):
    return "".join(rnd.choice('ab"\\/\n\x01é€😀\x00 z') for _ in range(rnd.choice([0, 1, 3, 8, 30])))


def scalar_bytes(rnd, type_, enum=None, known=False):
    if type_ == F.TYPE_STRING:
        data = random_text(rnd).encode()
        if rnd.random() < 0.003:
            data += rnd.choice([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\x80", b"\xe2\x82"])
        return varint(len(data)) + data
    if type_ == F.TYPE_BYTES:
        data = rnd.randbytes(rnd.choice([0, 1, 2, 3, 10]))
        return varint(len(data)) + data
    if WIRE.get(type_) == 1:
        if type_ == F.TYPE_DOUBLE:
            return struct.pack("<d", rnd.choice([0.0, -0.0, 1.5, -2.25, 1e300, math.inf, -math.inf, math.nan,
                                                 rnd.uniform(-1e3, 1e3), 123456789.0, 5e-324]))
        return rnd.choice([b"\0" * 8, rnd.randbytes(8)])
    if WIRE.get(type_) == 5:
        if type_ == F.TYPE_FLOAT:
            return struct.pack("<f", rnd.choice([0.0, -0.0, 1.5, -2.25, 1e30, math.inf, math.nan,
                                                 rnd.uniform(-1e3, 1e3), 16777216.0, 1e-45]))
        return rnd.choice([b"\0" * 4, rnd.randbytes(4)])
    if enum and (known or rnd.random() < 0.75):
        return varint(rnd.choice(list(enum.values)).number, rnd)
    return varint(rnd.choice([0, 1, 2, rnd.randint(0, 300), rnd.getrandbits(32), rnd.getrandbits(64), 2**64 - 1,
                              -rnd.randint(1, 1000)]), rnd)


def unknown_field(rnd, number, depth=0):
    wire = rnd.choice([0, 1, 2, 3, 5] if depth < 3 else [0, 1, 2, 5])
    body = {0: lambda: varint(rnd.getrandbits(40)), 1: lambda: rnd.randbytes(8), 5: lambda: rnd.randbytes(4),
            2: lambda: b"\x02\x78\x01",
            3: lambda: b"".join(unknown_field(rnd, rnd.randint(1, 99), depth + 1)
                                for _ in range(rnd.randint(0, 2))) + tag(number, 4)}
    return tag(number, wire) + body[wire]()


def field_bytes(rnd, field, depth):
    # With an unknown number of a closed enum a whole entry of a map is unknown; the reference keeps it with what it had.
    known = field.enum_type and field.containing_type.GetOptions().map_entry and field.file.syntax == "proto2"
    if rnd.random() < 0.04 and not known:
        return unknown_field(rnd, field.number)
    type_ = field.type
    if type_ == F.TYPE_GROUP:
        return tag(field.number, 3) + message_bytes(rnd, field.message_type, depth + 1) + tag(field.number, 4)
    if type_ == F.TYPE_MESSAGE:
        data = message_bytes(rnd, field.message_type, depth + 1)
        return tag(field.number, 2) + varint(len(data)) + data
    wire = WIRE.get(type_, 0)
    if field.label == F.LABEL_REPEATED and wire != 2 and rnd.random() < 0.5:
        data = b"".join(scalar_bytes(rnd, type_, field.enum_type) for _ in range(rnd.randint(0, 5)))
        return tag(field.number, 2) + varint(len(data)) + data
    return tag(field.number, wire) + scalar_bytes(rnd, type_, field.enum_type, known)


def time_bytes(rnd, descriptor):
    if descriptor.name == "Timestamp":
        seconds = rnd.choice([0, -62135596800, 253402300799, rnd.randint(-62135596800, 253402300799), 2**40])
        nanos = rnd.choice([0, 1, 500000000, 999999999, rnd.randint(0, 999999999)])
    else:
        seconds = rnd.choice([0, 1, -1, 315576000000, rnd.randint(-1000, 1000)])
        nanos = rnd.choice([0, 1, 999999999, 1000, 1000000]) * (-1 if seconds < 0 else 1)
    return (tag(1, 0) + varint(seconds) if rnd.random() < 0.9 else b"") + tag(2, 0) + varint(nanos)


class Inside:
    """The types that an Any may hold: all messages of the schema at hand, and some well-known ones."""
    descriptors = []


def any_bytes(rnd, descriptor, depth):
    if not Inside.descriptors or depth > 4 or rnd.random() < 0.1:
        return b""
    inner = rnd.choice(Inside.descriptors)
    prefix = rnd.choice(["type.googleapis.com/", "type.googleapis.com/", "example.com/a/b/"])
    url, data = (prefix + inner.full_name).encode(), message_bytes(rnd, inner, depth + 1)
    parts = [tag(1, 2) + varint(len(url)) + url, tag(2, 2) + varint(len(data)) + data]
    if not data and rnd.random() < 0.5:
        del parts[1]
    if rnd.random() < 0.2:
        rnd.shuffle(parts)
    return b"".join(parts)


def message_bytes(rnd, descriptor, depth=0):
    if descriptor.full_name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
        return time_bytes(rnd, descriptor)
    if descriptor.full_name == "google.protobuf.FieldMask":
        path = rnd.choice([b"foo", b"foo_bar", b"a.b_c", b"x1"])
        return tag(1, 2) + varint(len(path)) + path
    if descriptor.full_name == "google.protobuf.Any":
        return any_bytes(rnd, descriptor, depth)
    parts = []
    fields = list(descriptor.fields)
    if descriptor.is_extendable:
        fields += descriptor.file.pool.FindAllExtensions(descriptor)
    if depth > 5:
        fields = [f for f in fields if f.type not in (F.TYPE_MESSAGE, F.TYPE_GROUP)]
    count = rnd.randint(0, min(8, 2 * len(fields))) if depth < 3 else rnd.randint(0, 2)
    for _ in range(count if fields else 0):
        field = rnd.choice(fields)
        parts.extend(field_bytes(rnd, field, depth) for _ in range(rnd.choice([1, 1, 1, 2, 3])))
    for field in fields:
        if field.label == F.LABEL_REQUIRED and rnd.random() < 0.97:
            parts.append(field_bytes(rnd, field, depth))
    if rnd.random() < 0.1:
        parts.append(unknown_field(rnd, rnd.randint(40000, 50000)))
    if rnd.random() < 0.5:
        rnd.shuffle(parts)
    return b"".join(parts)


def damage(rnd, data):
    data = bytearray(data)
    for _ in range(rnd.randint(1, 3)):
        if not data:
            break
        at = rnd.randrange(len(data))
        pick = rnd.random()
        if pick < 0.5:
            data[at] ^= 1 << rnd.randrange(8)
        elif pick < 0.7:
            del data[at:]
        elif pick < 0.85:
            del data[at]
        else:
            data.insert(at, rnd.randrange(256))
    return bytes(data)


def is_same(a, b, digits=False):
    """`digits`: integers of ours may be texts of theirs."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(is_same(a[k], b[k], digits) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(is_same(x, y, digits) for x, y in zip(a, b))
    if digits and isinstance(a, int) and isinstance(b, str):
        return str(a) == b
    if isinstance(a, bool) or isinstance(b, bool) or isinstance(a, str) or isinstance(b, str):
        return type(a) is type(b) and a == b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        if a == b:
            return math.copysign(1, a) == math.copysign(1, b)
        return abs(a) <= 3.5e38 and abs(b) <= 3.5e38 and struct.pack("f", a) == struct.pack("f", b)
    return a == b


def without_unknown(value):
    if isinstance(value, dict):
        return {name: without_unknown(v) for name, v in value.items() if name != "@unknown"}
    return [without_unknown(v) for v in value] if isinstance(value, list) else value


class Engine:
    """The filter under test, for one schema."""

    def __init__(self, program, files):
        handle, self.path = tempfile.mkstemp(suffix=".desc")
        with os.fdopen(handle, "wb") as f:
            f.write(descriptor_pb2.FileDescriptorSet(file=files).SerializeToString())
        self.process = subprocess.Popen([program, self.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, operation, type_name, data):
        self.process.stdin.write(f"{operation} {type_name} {data.hex()}\n".encode())
        self.process.stdin.flush()
        line = self.process.stdout.readline().decode().rstrip("\n")
        if not line:
            return "died", str(self.process.wait())
        status, _, text = line.partition(" ")
        return status, text

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        status = self.process.wait()
        os.unlink(self.path)
        return status


def lacks_required(pool, message):
    """As IsInitialized(), but also of what is in maps and in an Any."""
    if any(f.label == F.LABEL_REQUIRED and not message.HasField(f.name) for f in message.DESCRIPTOR.fields):
        return True
    if message.DESCRIPTOR.full_name == "google.protobuf.Any" and message.type_url:
        try:
            inner = pool.FindMessageTypeByName(message.type_url.rpartition("/")[2])
            inside = message_factory.MessageFactory(pool).GetPrototype(inner)()
            inside.ParseFromString(message.value)
        except (KeyError, DecodeError):
            return False
        return lacks_required(pool, inside)
    for field, value in message.ListFields():
        if field.message_type and field.message_type.GetOptions().map_entry:
            value = list(value.values()) if field.message_type.fields_by_name["value"].message_type else []
        elif field.message_type and field.label != F.LABEL_REPEATED:
            value = [value]
        if field.message_type and any(lacks_required(pool, one) for one in value):
            return True
    return False


def theirs(pool, cls, data, **options):
    """(JSON object, message) or (None, message when it parses)."""
    message = cls()
    # A zero tag ends the message early, of which the reference only warns.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            message.ParseFromString(data)
        except DecodeError:
            return None, None
        try:
            if lacks_required(pool, message):
                return None, None
            text = json_format.MessageToJson(message, descriptor_pool=pool, **options)
        except (json_format.Error, DecodeError, ValueError, TypeError, OverflowError, KeyError):
            return None, None if caught else message
        if caught:
            return None, None
    # Repeated extensions are shown under their bare name by the reference.
    text = re.sub(r'"ext_?([0-9])":', f'"[{cls.DESCRIPTOR.file.package}.ext_\\1]":', text)
    return json.loads(text), message


class Run:
    def __init__(self, program, seed, schemas, messages):
        self.program, self.seed, self.schemas, self.messages = program, seed, schemas, messages
        self.compared = self.rejected = 0

    def check_wire(self, engine, pool, cls, data, expected, text, damaged):
        """The payload in canonical form, and the JSON text encoded again: the same message as before."""
        # Unknown varints, and numbers that a closed enum lacks, are kept as they came.
        strict = not damaged and cls.DESCRIPTOR.syntax == "proto3" and '"@type"' not in text
        name = cls.DESCRIPTOR.full_name
        for operation, given in (("normalize", data), ("encode", text.encode())):
            status, answer = engine.ask(operation, name, given)
            problem = None
            if status != "ok":
                problem = answer
            else:
                again, message = theirs(pool, cls, bytes.fromhex(answer))
                if not is_same(again, expected):
                    problem = f"{answer} means {json.dumps(again)}"
                elif strict and message.ByteSize() != len(answer) // 2:
                    problem = f"{answer} is not as short as {message.SerializeToString().hex()}"
                elif engine.ask("normalize", name, bytes.fromhex(answer)) != ("ok", answer):
                    problem = f"{answer} is not canonical"
            if problem:
                return f"{operation} {name} {given.hex()}\n  {problem}\n  theirs: {json.dumps(expected)}"
            self.compared += 1
        return None

    def check_kept(self, engine, name, data, expected):
        """Unknown fields that are kept: the known ones as ever, both writers alike, and encoded again the same."""
        status, text = engine.ask("json_keep", name, data)
        kept = json.loads(text) if status == "ok" else None
        problem = None
        if kept is None or not is_same(without_unknown(kept), expected):
            problem = f"kept: {status} {text}"
        elif engine.ask("value_keep", name, data) != ("ok", text):
            problem = f"as JSON {text}, as a value {engine.ask('value_keep', name, data)}"
        else:
            status, wire = engine.ask("encode_keep", name, text.encode())
            again = engine.ask("json_keep", name, bytes.fromhex(wire)) if status == "ok" else (status, wire)
            if again[0] != "ok" or not is_same(json.loads(again[1]), kept):
                problem = f"kept: {text}\n  again: {again}"
        if problem:
            return f"json_keep {name} {data.hex()}\n  {problem}\n  theirs: {json.dumps(expected)}"
        self.compared += 1
        return None

    def check_options(self, engine, pool, cls, data):
        """What the options of showing a message change."""
        name, variants = cls.DESCRIPTOR.full_name, [("original", {"preserving_proto_field_name": True}),
                                                    ("enums", {"use_integers_for_enums": True})]
        # In proto2 the reference also shows fields with presence.
        if cls.DESCRIPTOR.syntax == "proto3":
            variants.append(("defaults", {"including_default_value_fields": True}))
            # What an operator gets without asking, where 64-bit integers are numbers.
            variants.append(("daemon", {"including_default_value_fields": True, "preserving_proto_field_name": True}))
        for word, options in variants:
            expected, _ = theirs(pool, cls, data, **options)
            for operation in (f"json_{word}", f"value_{word}"):
                status, text = engine.ask(operation, name, data)
                if status != "ok" or not is_same(json.loads(text), expected, word == "daemon"):
                    return f"{operation} {name} {data.hex()}\n  ours:   {status} {text}\n  theirs: {json.dumps(expected)}"
                self.compared += 1
        return None

    def check(self, engine, pool, cls, data, damaged):
        name = cls.DESCRIPTOR.full_name
        expected, _ = theirs(pool, cls, data)
        for operation in ("json", "value"):
            status, text = engine.ask(operation, name, data)
            if expected is None and status == "error":
                self.rejected += 1
                continue
            # Strings of proto2 that are not UTF-8 cannot be read from Python; we repair them.
            if status == "ok" and expected is None and "\ufffd" in text:
                self.rejected += 1
                continue
            # The reference takes tags of more than 32 bits, cutting them short.
            cut_tag = damaged and ("not a field tag" in text or "a group does not end" in text)
            if status == "error" and (cut_tag or any(w in text for w in STRICTER)):
                self.rejected += 1
                continue
            if damaged and self.has_closed_map:
                continue
            if status != "ok" or expected is None or not is_same(json.loads(text), expected):
                return f"{operation} {name} {data.hex()}\n  ours:   {status} {text}\n  theirs: {json.dumps(expected)}"
            self.compared += 1
            if operation == "json":
                failure = self.check_wire(engine, pool, cls, data, expected, text, damaged)
                if not failure and len(data) % 4 == 0:
                    failure = self.check_kept(engine, name, data, expected)
                if not failure and len(data) % 4 == 1:
                    failure = self.check_options(engine, pool, cls, data)
                if failure:
                    return failure
        return None

    def run_schema(self, number):
        rnd = random.Random(f"{self.seed}/{number}")
        file = make_schema(rnd, f"p{number}")
        pool = descriptor_pool.DescriptorPool()
        known = []
        for module in WELL_KNOWN:
            proto = descriptor_pb2.FileDescriptorProto()
            module.DESCRIPTOR.CopyToProto(proto)
            known.append(proto)
            pool.Add(proto)
        pool.Add(file)
        factory = message_factory.MessageFactory(pool)
        classes = [factory.GetPrototype(pool.FindMessageTypeByName(f"{file.package}.{m.name}"))
                   for m in file.message_type]
        for cls in classes:
            for extension in pool.FindAllExtensions(cls.DESCRIPTOR):
                if extension.message_type:
                    factory.GetPrototype(extension.message_type)
                cls.RegisterExtension(extension)
        Inside.descriptors = [cls.DESCRIPTOR for cls in classes] + [
            module.DESCRIPTOR.message_types_by_name[n] for module in WELL_KNOWN for n in WELL_KNOWN_TYPES
            if n in module.DESCRIPTOR.message_types_by_name]
        self.has_closed_map = file.syntax == "proto2" and any(
            f.type == F.TYPE_ENUM for m in file.message_type for n in m.nested_type for f in n.field)
        engine = Engine(self.program, known + [file])
        failure = None
        for _ in range(self.messages):
            cls = rnd.choice(classes)
            data = message_bytes(rnd, cls.DESCRIPTOR)
            damaged = rnd.random() < 0.2
            if damaged:
                data = damage(rnd, data)
            failure = self.check(engine, pool, cls, data, damaged)
            if failure:
                break
        status = engine.close()
        if not failure and status != 0:
            failure = f"the program ended with status {status}"
        if failure:
            print(f"seed {self.seed} schema {number}: {failure}")
            print(file)
        return failure is None

    def run(self):
        print(f"seed {self.seed}")
        ok = all([self.run_schema(i) for i in range(self.schemas)])
        print(f"{self.compared} answers compared, {self.rejected} rejected by both")
        return ok


if __name__ == "__main__":
    arguments = sys.argv[1:] + [None] * 4
    seed = int(arguments[1]) if arguments[1] else random.SystemRandom().randrange(2**31)
    run = Run(arguments[0], seed, int(arguments[2] or 40), int(arguments[3] or 100))
    sys.exit(0 if run.run() else 1)
