#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#
# The second opinion: what protobuf-c's own unpacking makes of random wire bytes, beside what our decoder does.
# Both must take the same messages and find the same values, but for what protobuf-c is known to do otherwise:
#  * it refuses messages as a whole for groups, for a known field with another wire type, and for some repeats of a
#    submessage. Then it must take our canonical form of the message, without what it does not know, and agree on that;
#  * it takes strings that are not UTF-8, and varints and tags that are too long;
#  * it cuts strings at a NUL;
#  * where a submessage comes twice, an empty string or bytes in the second do not replace those in the first;
#  * it knows no closed enums, so the enum here is an open one;
#  * of a message in a oneof that comes twice it keeps the second alone, so there is none here;
#  * it reads a bool of any wire type, so values are compared in canonical form where something is unknown.
# Usage: second_opinion.py SCHEMA_LINES OPINION_LINES PROTO [SEED [MESSAGES]]; a failure prints what repeats it.
import json
import os
import random
import subprocess
import sys
import tempfile

import differential
from google.protobuf import descriptor_pb2, descriptor_pool

# Why we may refuse what protobuf-c takes.
STRICTER = ["is not UTF-8", "not a field tag", "has no wire type", "is cut short or not valid", "is not valid",
            "a group", "groups are nested"]


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def merges(type_, data):
    """Does some submessage that is not repeated come twice in these bytes, which are well formed and all known?"""
    seen, at = set(), 0
    while at < len(data):
        tag, at = varint(data, at)
        field = type_.fields_by_number[(tag & 0xffffffff) >> 3]
        length = {1: 8, 5: 4}.get(tag & 7, 0)
        if tag & 7 == 0:
            _, at = varint(data, at)
        elif tag & 7 == 2:
            length, at = varint(data, at)
        if field.message_type:
            if field.number in seen or merges(field.message_type, data[at:at + length]):
                return True
            if field.label != field.LABEL_REPEATED:
                seen.add(field.number)
        at += length
    return False


class Opinion:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, name, data):
        self.process.stdin.write(f"{name} {data.hex()}\n".encode())
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode().split()
        if not answer:
            raise SystemExit(f"protobuf-c died of {name} {data.hex()}")
        return answer[0], bytes.fromhex(answer[1]) if len(answer) > 1 else b""

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait()


class Comparison:
    def __init__(self, engine, opinion):
        self.engine, self.opinion = engine, opinion
        self.compared = self.rejected = self.canonical = self.stricter = 0

    def read(self, name, data):
        status, text = self.engine.ask("json", name, data)
        return status, json.loads(text) if status == "ok" else text

    def same(self, name, packed, value):
        status, again = self.read(name, packed)
        return status == "ok" and differential.is_same(again, value)

    def check(self, type_, data):
        """None, or what is wrong."""
        name = type_.full_name
        status, ours = self.read(name, data)
        verdict, packed = self.opinion.ask(name, data)
        if verdict == "limit":
            return f"protobuf-c needs more than its allocator allows: {ours}"
        if status != "ok":
            if verdict == "ok" and not any(reason in ours for reason in STRICTER):
                return f"ours: {ours}; protobuf-c takes it"
            self.rejected += verdict != "ok"
            self.stricter += verdict == "ok"
            return None
        if "\\u0000" in json.dumps(ours) or "\ufffd" in json.dumps(ours):
            return None
        if verdict == "ok" and self.same(name, packed, ours):
            self.compared += 1
            return None
        if verdict == "ok" and self.engine.ask("strict", name, data)[0] == "ok" and not merges(type_, data):
            return f"ours: {ours}; protobuf-c: {self.read(name, packed)}"
        encoded = self.engine.ask("encode", name, json.dumps(ours).encode())
        if encoded[0] != "ok":
            return f"cannot be encoded again: {encoded[1]}"
        verdict, packed = self.opinion.ask(name, bytes.fromhex(encoded[1]))
        self.canonical += 1
        if verdict == "ok" and self.same(name, packed, ours):
            return None
        return f"of the canonical form {encoded[1]} protobuf-c says {verdict}, {self.read(name, packed)}"


def main(lines, opinion_lines, proto, seed=None, messages=None):
    seed = int(seed) if seed else random.SystemRandom().randrange(2**31)
    print(f"seed {seed}")
    rnd = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "set.desc")
        subprocess.run(["protoc", "-I", os.path.dirname(proto), "--include_imports", "-o", path, proto], check=True, timeout=60)
        with open(path, "rb") as file:
            files = descriptor_pb2.FileDescriptorSet.FromString(file.read()).file
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    types = [pool.FindMessageTypeByName(f"opinion.{name}") for name in ("Scalars", "Lists", "Tree")]
    engine, opinion = differential.Engine(lines, list(files)), Opinion(opinion_lines)
    comparison = Comparison(engine, opinion)
    failure = None
    for number in range(int(messages or 10000)):
        type_ = rnd.choice(types)
        data = differential.message_bytes(rnd, type_)
        if rnd.random() < 0.3:
            data = differential.damage(rnd, data)
        failure = comparison.check(type_, data)
        if failure:
            print(f"seed {seed} message {number}: {type_.full_name} {data.hex()}\n  {failure}")
            break
    ended = (engine.close(), opinion.close())
    print(f"{comparison.compared} messages read alike, {comparison.rejected} refused by both, {comparison.canonical} "
          f"read alike in canonical form only, {comparison.stricter} taken by protobuf-c alone")
    return 0 if not failure and ended == (0, 0) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
