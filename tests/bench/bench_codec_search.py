#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Looks for payloads that cost a codec more than those of the adversarial corpus do, as one who wants to stop a gateway
# would: begins with random ones, keeps the dearest for their size, and changes them again and again. A payload is a short
# unit repeated to the size, since what is dear once is dear a thousand times. Instructions are counted by callgrind, as in
# bench_codec_limits.py, and charged as there. Usage: bench_codec_search.py CODEC [--build DIR] [--size BYTES] [--rounds N]
# [--seed N]; needs python3-protobuf for the protobuf codecs. Prints what is found, the dearest last.
import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../unit/schema"), os.path.join(HERE, "../unit/pipeline")]
from bench_codec_limits import MEASURED, OWN_BYTES, RATE  # noqa: E402

POPULATION, CHILDREN = 12, 60


def costs(build, codec, payloads):
    """Instructions for each KiB that is charged, and the status."""
    with tempfile.TemporaryDirectory() as scratch:
        counts = os.path.join(scratch, "counts")
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counts}", "--collect-atstart=no",
             f"--toggle-collect={MEASURED}", f"--dump-after={MEASURED}",
             os.path.join(build, "tests/bench/bench_codec_limits"), os.path.join(build, "plugins"), "-"],
            input="".join(f"{codec} {payload.hex()}\n" for payload in payloads), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, timeout=900, check=True)
        for number, line in enumerate(run.stdout.splitlines(), 1):
            with open(f"{counts}.{number}", encoding="utf-8") as part:
                instructions = int(re.search(r"^totals: (\d+)", part.read(), re.MULTILINE)[1])
            yield instructions * 1024 / (OWN_BYTES + len(payloads[number - 1])), line.split("\t")[4]


class Lists:
    """A unit is a few values, and the payload one list of them."""

    def __init__(self, value, size):
        self.value, self.size = value, size

    def make(self, rnd):
        return [self.value(rnd) for _ in range(rnd.choice([1, 1, 2, 3, 6]))]

    def change(self, rnd, unit):
        unit, pick = list(unit), rnd.random()
        if pick < 0.3:
            unit[rnd.randrange(len(unit))] = self.value(rnd)
        elif pick < 0.5:
            unit.insert(rnd.randint(0, len(unit)), self.value(rnd))
        elif pick < 0.7 and len(unit) > 1:
            del unit[rnd.randrange(len(unit))]
        else:
            unit[rnd.randrange(len(unit))] = self.mutate(rnd, rnd.choice(unit))
        return unit

    def mutate(self, rnd, value):
        data = bytearray(value)
        at = rnd.randrange(len(data) + 1)
        data[at:at + rnd.choice([0, 0, 1, 2])] = rnd.choice([b"", rnd.randbytes(1), data[:at][-2:]])
        return bytes(data)


def short(value, limit=40):
    """A generator of values that are not longer than a unit should be."""
    def make(rnd):
        while True:
            one = value(rnd)
            if 0 < len(one) <= limit:
                return one
    return make


class Cbor(Lists):
    def __init__(self, size):
        import codec_differential
        super().__init__(short(lambda rnd: codec_differential.cbor_value(rnd, rnd.choice([0, 2, 4, 5]))), size)

    def payload(self, unit):
        body = b"".join(unit)
        return b"\x9f" + body * ((self.size - 2) // len(body) or 1) + b"\xff" if body else b"\x80"


class Msgpack(Lists):
    def __init__(self, size):
        import codec_differential
        super().__init__(short(lambda rnd: codec_differential.msgpack_value(rnd, rnd.choice([0, 2, 4, 5]))), size)

    def payload(self, unit):
        body = b"".join(unit)
        times = (self.size - 5) // len(body) if body else 0
        return b"\xdd" + (times * len(unit)).to_bytes(4, "big") + body * times


class Json(Lists):
    """'#' in a name becomes a number, so that names can differ."""

    def __init__(self, size):
        import codec_differential
        super().__init__(short(lambda rnd: self.one(codec_differential, rnd)), size)

    @staticmethod
    def one(generator, rnd):
        if rnd.random() < 0.2:
            return b'{"' + rnd.choice([b"#", b"a#", b"#aaaaaaaa", b"aaaaaaaaaaaaaaaa#", b"\\n#"]) + b'":' + generator.json_value(
                rnd, 5).encode("utf-8", "surrogatepass") + b"}"
        return generator.json_value(rnd, rnd.choice([0, 3, 5])).encode("utf-8", "surrogatepass")

    def payload(self, unit):
        body, parts, length, number = b",".join(unit), [], 2, 0
        while length < self.size:
            parts.append(body.replace(b"#", b"%d" % number))
            length, number = length + len(parts[-1]) + 1, number + 1
        text = b",".join(parts)
        # One map of all names where each value is one.
        if all(re.fullmatch(rb'\{"[^"{]*#[^"]*":[^{}\[\],]*\}', value) for value in unit):
            return b"{" + re.sub(rb"(?<=\})?[{}]", b"", text) + b"}"
        return b"[" + text + b"]"


class Protobuf(Lists):
    def __init__(self, size, name):
        import differential
        from google.protobuf import descriptor_pb2, descriptor_pool
        with open(os.path.join(HERE, "../conformance/test_messages.fds"), "rb") as file:
            files = descriptor_pb2.FileDescriptorSet.FromString(file.read()).file
        pool = descriptor_pool.DescriptorPool()
        for one in files:
            if one.syntax != "editions":
                pool.Add(one)
        self.type = pool.FindMessageTypeByName(name)
        self.generator = differential
        differential.Inside.descriptors = [self.type] + [pool.FindMessageTypeByName(f"google.protobuf.{n}") for n in (
            "Duration", "Timestamp", "Struct", "Value", "FieldMask", "Any", "Int32Value", "StringValue")]
        super().__init__(short(self.field, 60), size)

    def field(self, rnd):
        return self.generator.field_bytes(rnd, rnd.choice(self.type.fields), rnd.choice([0, 2, 3, 5]))

    def wrap(self, rnd, value):
        """One level more around it."""
        fields = [f for f in self.type.fields if f.message_type and not f.message_type.GetOptions().map_entry]
        field = rnd.choice(fields)
        return self.generator.tag(field.number, 2) + self.generator.varint(len(value)) + value

    def mutate(self, rnd, value):
        pick = rnd.random()
        if pick < 0.4 and len(value) < 300:
            for _ in range(rnd.choice([1, 1, 4, 20])):
                value = self.wrap(rnd, value)
            return value
        if pick < 0.6:
            return value + value if len(value) < 300 else value
        return super().mutate(rnd, value)

    def payload(self, unit):
        body = b"".join(unit)
        return body * ((self.size // len(body)) or 1) if body else b""


class Unwrap(Protobuf):
    """The unit in an envelope, or beside what the envelope carries; the last of it says which."""
    URL = b"/protobuf_test_messages.proto3.TestAllTypesProto3"

    def __init__(self, codec, size):
        super().__init__(size, "protobuf_test_messages.proto3.TestAllTypesProto3")
        self.codec = codec

    def run(self, number, content):
        return self.generator.tag(number, 2) + self.generator.varint(len(content)) + content

    def payload(self, unit):
        body = super().payload(unit)
        inner, beside = (body, b"") if len(body) % 2 else (b"", body)
        if self.codec == "protobuf-unwrap-any":
            return beside + self.run(305, self.run(1, self.URL) + self.run(2, inner))
        if self.codec == "protobuf-unwrap-bytes":
            return beside + self.run(14, self.URL) + self.run(15, inner)
        return beside + self.run(112, self.run(2, inner))


class ToProtobuf(Protobuf):
    """One list or map of TestAllTypesProto3, as JSON."""

    def __init__(self, size):
        super().__init__(size, "protobuf_test_messages.proto3.TestAllTypesProto3")
        import encode_differential
        self.texts = encode_differential

    def make(self, rnd):
        field = rnd.choice([f for f in self.type.fields if f.label == f.LABEL_REPEATED])
        return [field.json_name.encode()] + [self.item(rnd, field) for _ in range(rnd.choice([1, 1, 2, 4]))]

    def item(self, rnd, field):
        if field.message_type and field.message_type.GetOptions().map_entry:
            key, value = (field.message_type.fields_by_name[n] for n in ("key", "value"))
            name = self.texts.key_text(rnd, key) if rnd.random() < 0.3 else '"#"'
            return f"{name}:{self.texts.value_text(rnd, value, 4)}".encode()
        return self.texts.value_text(rnd, field, rnd.choice([2, 4])).encode()

    def change(self, rnd, unit):
        if rnd.random() < 0.3:
            return self.make(rnd)
        return unit[:1] + Lists.change(self, rnd, unit[1:])

    def mutate(self, rnd, value):
        return Lists.mutate(self, rnd, value)

    def payload(self, unit):
        body, parts, length, number = b",".join(unit[1:]), [], 20, 0
        while length < self.size:
            parts.append(body.replace(b"#", b"%d" % number))
            length, number = length + len(parts[-1]) + 1, number + 1
        is_map = unit[0].startswith(b"map")
        return b'{"' + unit[0] + b'":' + (b"{" if is_map else b"[") + b",".join(parts) + (b"}}" if is_map else b"]}")


def search_for(codec, size):
    kinds = {"cbor": Cbor, "msgpack": Msgpack, "json": Json, "to-protobuf": ToProtobuf, "to-cbor": Json, "to-msgpack": Json}
    if codec in kinds:
        return kinds[codec](size)
    if codec.startswith("protobuf-unwrap"):
        return Unwrap(codec, size)
    return Protobuf(size, "protobuf_test_messages.proto2.TestAllTypesProto2" if codec == "protobuf2" else
                    "protobuf_test_messages.proto3.TestAllTypesProto3")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("codec", choices=["cbor", "msgpack", "json", "protobuf", "protobuf2", "protobuf-tree", "protobuf-keep",
                                          "protobuf-unwrap", "protobuf-unwrap-any", "protobuf-unwrap-bytes",
                                          "to-protobuf", "to-cbor", "to-msgpack"])
    parser.add_argument("--build", default=os.environ.get("top_builddir", "."))
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    rnd, search, best = random.Random(options.seed), search_for(options.codec, options.size), []
    for number in range(options.rounds):
        units = [search.make(rnd) for _ in range(CHILDREN // 3 if best else 3 * CHILDREN)]
        for _ in range(CHILDREN if best else 0):
            unit = rnd.choice(best)[1]
            for _ in range(rnd.choice([1, 1, 2, 4])):
                unit = search.change(rnd, unit)
            units.append(unit)
        fresh = {search.payload(unit): unit for unit in units}
        for _, unit, _ in best:
            fresh.pop(search.payload(unit), None)
        if fresh:
            found = costs(options.build, options.codec, list(fresh))
            best += [(cost, unit, status) for unit, (cost, status) in zip(fresh.values(), found)]
        best = sorted(best, key=lambda b: -b[0])[:POPULATION]
        cost, unit, status = best[0]
        print(f"round {number}: {cost:.0f} instructions per KiB, {cost / RATE:.1f} us: {status} {json.dumps([u.decode('latin-1') for u in unit])}",
              flush=True)
    for cost, unit, status in reversed(best):
        print(f"{cost / RATE:6.1f} us per KiB  {status:14} {' '.join(u.hex() for u in unit)}  {unit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
