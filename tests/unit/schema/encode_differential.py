#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#
# Compares encoding with python3-protobuf: random schemas, random JSON text (both names of a field, every form of a value,
# wrong kinds, numbers out of range, names twice, damage), and what json_format.Parse makes of it. Both must refuse the
# same texts and make the same message, in canonical form. Left out is where the reference takes more than ProtoJSON allows:
# "1_0" and "+1", booleans as floats, numbers in quotes as enums, base64 with characters of no meaning, dates without zeros;
# or less: null for an extension or for a list of google.protobuf.Value.
# Usage: encode_differential.py SCHEMA_LINES [SEED [SCHEMAS [TEXTS]]]; a failure prints what repeats it.
import base64
import datetime
import json
import random
import re
import sys

import differential
from differential import F

from google.protobuf import descriptor_pool, json_format

# Refusals that the reference does not make: a field under both of its names, and depth.
STRICTER = ["is given twice", "nested too deep"]
SIGNED_32 = {F.TYPE_INT32, F.TYPE_SINT32, F.TYPE_SFIXED32}
UNSIGNED_32 = {F.TYPE_UINT32, F.TYPE_FIXED32}
UNSIGNED_64 = {F.TYPE_UINT64, F.TYPE_FIXED64}


def quoted(rnd, text):
    """A string in JSON, sometimes with escapes where none are needed."""
    if rnd.random() < 0.2:
        return '"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else json.dumps(c)[1:-1] for c in text) + '"'
    return json.dumps(text, ensure_ascii=rnd.random() < 0.3)


def integer_text(rnd, type_):
    low, high = ((-2**31, 2**31 - 1) if type_ in SIGNED_32 else (0, 2**32 - 1) if type_ in UNSIGNED_32 else
                 (0, 2**64 - 1) if type_ in UNSIGNED_64 else (-2**63, 2**63 - 1))
    n = rnd.choice([0, 1, rnd.randint(0, 100), rnd.randint(low, high), low, high])
    pick = rnd.random()
    if pick < 0.004:
        return str(rnd.choice([low - 1, high + 1, 10**30, -10**30]))
    if pick < 0.008:
        return rnd.choice(["1.5", "1e-1", '""', '"1 "', '"x"', "true", "[]", "{}", '"0x1"', "1e30", '"1.5"', "-0", "-0.0", '"-0"'])
    if pick < 0.2 and abs(n) < 2**53:
        return rnd.choice([f"{n}.0", f"{n}e0", f"{n}.000E+0", f"{n}0e-1"])
    return f'"{n}"' if rnd.random() < 0.4 else str(n)


def float_text(rnd, type_):
    pick = rnd.random()
    if pick < 0.15:
        return rnd.choice(['"NaN"', '"Infinity"', '"-Infinity"'])
    if pick < 0.156:
        return rnd.choice(['"nan"', '""', '"x"', "[]", "{}", '"1e"', '"."', "1e400", "-1e999"])
    if pick < 0.3:
        text = rnd.choice(["0", "-0", "-0.0", "1e-400", "5e-324", "0.1", "16777217", "9007199254740993", "1E+2", "3.4028234e38"])
    elif type_ == F.TYPE_FLOAT:
        text = repr(rnd.choice([1, -1]) * rnd.uniform(1, 10) * 10.0 ** rnd.randint(-45, 37))
    else:
        text = rnd.choice([repr(rnd.uniform(-1e6, 1e6)), f"{rnd.getrandbits(80)}e{rnd.randint(-330, 280)}",
                           f"{rnd.getrandbits(60)}.{rnd.getrandbits(70)}e{rnd.randint(-300, 200)}"])
    # -0 is an integer to Python, which knows no negative zero.
    return f'"{text}"' if text == "-0" or rnd.random() < 0.3 else text


def bytes_text(rnd):
    data = rnd.randbytes(rnd.choice([0, 1, 2, 3, 10]))
    text = (base64.b64encode if rnd.random() < 0.7 else base64.urlsafe_b64encode)(data).decode()
    return json.dumps(text.rstrip("=") if rnd.random() < 0.3 else text)


def enum_text(rnd, enum):
    value = rnd.choice(list(enum.values))
    if rnd.random() < 0.01:
        return rnd.choice(['"NO_SUCH_VALUE"', '""', "[]", "2147483648", "-2147483649", "123456789"])
    return json.dumps(value.name) if rnd.random() < 0.7 else rnd.choice([f"{value.number}", f"{value.number}.0"])


def scalar_text(rnd, field):
    if rnd.random() < 0.002:
        return rnd.choice(["null", "[0]", '{"a":0}'])
    type_ = field.type
    if type_ == F.TYPE_STRING:
        return rnd.choice(['"\\ud800"', "1"]) if rnd.random() < 0.003 else quoted(rnd, differential.random_text(rnd))
    if type_ == F.TYPE_BYTES:
        return bytes_text(rnd)
    if type_ == F.TYPE_BOOL:
        return rnd.choice(["true", "false"] * 200 + ['"true"', "1", "0", "null"])
    if type_ == F.TYPE_ENUM:
        return enum_text(rnd, field.enum_type)
    if type_ in (F.TYPE_DOUBLE, F.TYPE_FLOAT):
        return float_text(rnd, type_)
    return integer_text(rnd, type_)


def key_text(rnd, field):
    if field.type == F.TYPE_STRING:
        return quoted(rnd, differential.random_text(rnd))
    if field.type == F.TYPE_BOOL:
        return rnd.choice(['"true"', '"false"'] * 200 + ['"1"', '""', '"True"'])
    text = integer_text(rnd, field.type).strip('"')
    text = "0" if text == "-0" else text
    return json.dumps(text if text.lstrip("-").isdigit() else rnd.choice(["0", "7"] * 50 + ["x", ""]))


def fraction(rnd):
    digits = rnd.choice([0, 0, 1, 3, 6, 9])
    return "." + "".join(rnd.choice("0123456789") for _ in range(digits)) if digits else ""


def time_text(rnd, name):
    if rnd.random() < 0.01:
        return rnd.choice(['""', '"x"', "0", "{}", "null", '"1970-01-01"', '"1970-01-01T00:00:00"', '"1970-02-30T00:00:00Z"',
                           '"10000-01-01T00:00:00Z"', '"1"', '"1.5"', '"s"', '"315576000001s"'])
    if name == "Duration":
        return f'"{rnd.choice(["", "-"])}{rnd.choice([0, 1, 59, 315575999999, rnd.randint(0, 10**9)])}{fraction(rnd)}s"'
    moment = datetime.datetime(rnd.choice([2, 1900, 1969, 1970, 2000, 2024, 9998]), rnd.randint(1, 12), rnd.randint(1, 28),
                               rnd.randint(0, 23), rnd.randint(0, 59), rnd.randint(0, 59))
    offset = rnd.choice(["Z", "Z", "+01:00", "-11:30", "+00:00", "+23:59"])
    return f'"{moment.year:04}{moment.strftime("-%m-%dT%H:%M:%S")}{fraction(rnd)}{offset}"'


def any_value(rnd, depth):
    """Any JSON, for Value, Struct and ListValue."""
    pick = rnd.random() if depth < 7 else 0.0
    if pick < 0.5:
        return rnd.choice(["null", "true", "false", "0", "-1.5e3", "12345678901234567890", quoted(rnd, differential.random_text(rnd))])
    if pick < 0.75:
        return list_text(rnd, lambda: any_value(rnd, depth + 1))
    return map_text(rnd, lambda: quoted(rnd, differential.random_text(rnd)), lambda: any_value(rnd, depth + 1))


def space(rnd):
    return rnd.choice([" ", "\n", "\t\r "]) if rnd.random() < 0.05 else ""


def list_text(rnd, item):
    return "[" + space(rnd) + ",".join(item() + space(rnd) for _ in range(rnd.choice([0, 1, 2, 4]))) + "]"


def map_text(rnd, key, value):
    entries, seen = [], set()
    for _ in range(rnd.choice([0, 1, 2, 4, 10])):
        name = key()
        # The same name twice is refused by both, and rarely wanted; the same key in two forms is the reader's choice.
        if json.loads(name) in seen and rnd.random() < 0.99:
            continue
        seen.add(json.loads(name))
        entries.append(name + space(rnd) + ":" + value())
    return "{" + ",".join(entries) + "}"


def wrapper_text(rnd, descriptor):
    return scalar_text(rnd, descriptor.fields_by_name["value"])


WELL_KNOWN = {
    "google.protobuf.Timestamp": lambda rnd, d, depth: time_text(rnd, d.name),
    "google.protobuf.Duration": lambda rnd, d, depth: time_text(rnd, d.name),
    "google.protobuf.FieldMask": lambda rnd, d, depth: json.dumps(",".join(
        rnd.choice(["foo", "fooBar", "a.bC", "x1", "Foo", "a_b", ""]) for _ in range(rnd.choice([0, 1, 3])))),
    "google.protobuf.Struct": lambda rnd, d, depth: map_text(
        rnd, lambda: quoted(rnd, differential.random_text(rnd)), lambda: any_value(rnd, depth + 3)),
    "google.protobuf.ListValue": lambda rnd, d, depth: list_text(rnd, lambda: any_value(rnd, depth + 3)),
    "google.protobuf.Value": lambda rnd, d, depth: any_value(rnd, depth + 3),
    "google.protobuf.Any": lambda rnd, d, depth: any_text(rnd, depth),
}


def any_text(rnd, depth):
    if depth > 4 or rnd.random() < 0.1:
        return rnd.choice(["{}", '{"@type":"type.googleapis.com/no.Such"}', '{"@type":""}', '{"a":1}'] if rnd.random() < 0.1 else ["{}"])
    inner = rnd.choice(differential.Inside.descriptors)
    url = f'"@type":{json.dumps("type.googleapis.com/" + inner.full_name)}'
    if inner.full_name in WELL_KNOWN or inner.full_name.endswith("Value"):
        entries = [url, f'"value":{message_text(rnd, inner, depth + 1)}']
    else:
        entries = [url] + field_entries(rnd, inner, depth + 1)
    rnd.shuffle(entries)
    return "{" + ",".join(entries) + "}"


def value_text(rnd, field, depth):
    if field.message_type:
        # "" and [] pass as empty messages in the reference.
        return rnd.choice(["1", '"x"', "[1]"]) if rnd.random() < 0.002 else message_text(rnd, field.message_type, depth + 1)
    return scalar_text(rnd, field)


def field_text(rnd, field, depth):
    if rnd.random() < 0.03 and not field.is_extension and not (
            field.label == F.LABEL_REPEATED and field.message_type and field.message_type.name == "Value"):
        return "null"
    if field.message_type and field.message_type.GetOptions().map_entry:
        key, value = (field.message_type.fields_by_name[n] for n in ("key", "value"))
        return map_text(rnd, lambda: key_text(rnd, key), lambda: value_text(rnd, value, depth))
    if field.label == F.LABEL_REPEATED:
        return list_text(rnd, lambda: value_text(rnd, field, depth)) if rnd.random() < 0.998 else rnd.choice(["{}", "0", '"x"'])
    return value_text(rnd, field, depth)


def field_entries(rnd, descriptor, depth):
    fields = list(descriptor.fields)
    if descriptor.is_extendable:
        # Of extensions the reference takes single ones only.
        fields += [f for f in descriptor.file.pool.FindAllExtensions(descriptor) if f.label != F.LABEL_REPEATED]
    if depth > 4:
        fields = [f for f in fields if not f.message_type]
    chosen = rnd.sample(fields, rnd.randint(0, min(len(fields), 8 if depth < 3 else 2)))
    required = [f for f in descriptor.fields if f.label == F.LABEL_REQUIRED and f not in chosen and rnd.random() < 0.998]
    entries, oneofs = [], set()
    for field in chosen + required:
        if field.containing_oneof and field.containing_oneof.name in oneofs and rnd.random() < 0.995:
            continue
        if field.containing_oneof:
            oneofs.add(field.containing_oneof.name)
        name = (f"[{field.full_name}]" if field.is_extension else field.json_name if rnd.random() < 0.7 else field.name)
        text = field_text(rnd, field, depth)
        if not (field.is_extension and text == "null"):
            entries.append(quoted(rnd, name) + space(rnd) + ":" + space(rnd) + text)
    if rnd.random() < 0.003:
        entries.append('"no_such_field":1')
    if entries and rnd.random() < 0.005:
        entries.append(rnd.choice(entries))
    return entries


def message_text(rnd, descriptor, depth=0):
    if descriptor.full_name in WELL_KNOWN:
        return WELL_KNOWN[descriptor.full_name](rnd, descriptor, depth)
    if descriptor.file.package == "google.protobuf" and descriptor.name.endswith("Value"):
        return wrapper_text(rnd, descriptor)
    return "{" + ",".join(field_entries(rnd, descriptor, depth)) + "}"


def damage(rnd, text):
    """Structure only: what stands within strings and numbers is the generator's."""
    at = [i for i, c in enumerate(text) if c in '{}[],:"']
    for _ in range(rnd.randint(1, 2)):
        i = rnd.choice(at)
        text = rnd.choice([text[:i] + text[i + 1:], text[:i] + rnd.choice('{}[],:"') + text[i + 1:], text[:i]])
        at = [i for i, c in enumerate(text) if c in '{}[],:"'] or [0]
    return text


def theirs(pool, cls, text, ignore):
    """The message that it means, or None."""
    message = cls()
    try:
        json_format.Parse(text, message, descriptor_pool=pool, ignore_unknown_fields=ignore)
        return None if differential.lacks_required(pool, message) else message
    except Exception:  # pylint: disable=broad-except
        return None  # it has many ways to refuse, some of them by accident


def has_map(message):
    """Of maps the order is not canonical: the reference sorts them, we leave them as they came."""
    for field, value in message.ListFields():
        if field.message_type and (field.message_type.GetOptions().map_entry or any(
                has_map(one) for one in (value if field.label == F.LABEL_REPEATED else [value]))):
            return True
    return False


class EncodeRun(differential.Run):
    def check(self, engine, pool, cls, data, damaged):
        rnd = random.Random(data)
        text = message_text(rnd, cls.DESCRIPTOR)
        if damaged:
            text = damage(rnd, text)
        return self.compare(engine, pool, cls, text, damaged, False) or self.compare(engine, pool, cls, text, damaged, True)

    def compare(self, engine, pool, cls, text, damaged, ignore):
        expected = theirs(pool, cls, text, ignore)
        name = cls.DESCRIPTOR.full_name
        operation = "encode_ignore" if ignore else "encode"
        status, answer = engine.ask(operation, name, text.encode("utf-8"))
        # With the unknown fields we leave unknown enum values out.
        unknown_enum = any(value in text for value in ("NO_SUCH_VALUE", '""', "123456789"))
        if status == "ok" and ignore and expected is None and (unknown_enum or damaged):
            self.rejected += 1
            return None
        # As an empty message the reference takes an empty list or string too, or a full one whose items it ignores; and
        # numbers with a fraction as enums.
        lenient = (damaged or ignore) and "must be a map with the fields of" in answer
        lenient = lenient or (damaged and any(words in answer for words in
                                       ("must be an integer", "is not base64", "is out of range")))
        # A google.protobuf.Value in a oneof is set by null; the reference lets another member stand beside it.
        lenient = lenient or (re.search(r":\s*null", text) and "cannot both be set" in answer)
        if status == "error" and (expected is None or lenient or any(word in answer for word in STRICTER)):
            self.rejected += 1
            return None
        problem = None
        if status != "ok" or expected is None:
            problem = f"ours: {status} {answer}\n  theirs: {expected.SerializeToString(deterministic=True).hex() if expected else None}"
        else:
            wire = bytes.fromhex(answer)
            canonical = expected.SerializeToString(deterministic=True)
            message = cls()
            message.ParseFromString(wire)
            if message.SerializeToString(deterministic=True) != canonical and not (
                    "@type" in text and len(wire) == len(canonical) and self.same_json(pool, message, expected)):
                problem = f"ours: {answer}\n  theirs: {canonical.hex()}"
            elif wire != canonical and not has_map(expected) and "@type" not in text:
                problem = f"in another order: {answer}\n  theirs: {canonical.hex()}"
        if problem:
            return f"{operation} {name} {text}\n  {problem}"
        self.compared += 1
        return None

    @staticmethod
    def same_json(pool, a, b):
        return json_format.MessageToDict(a, descriptor_pool=pool) == json_format.MessageToDict(b, descriptor_pool=pool)


if __name__ == "__main__":
    arguments = sys.argv[1:] + [None] * 4
    seed = int(arguments[1]) if arguments[1] else random.SystemRandom().randrange(2**31)
    run = EncodeRun(arguments[0], seed, int(arguments[2] or 40), int(arguments[3] or 100))
    sys.exit(0 if run.run() else 1)
