#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import base64
import gzip
import json
import subprocess

from harness import BUILD, Test

USAGE, DATA, NO_INPUT, CONFIG = 64, 65, 66, 78
test = Test("forebay decode and encode do at the bench what the daemon does, both ways, with each option and with precise errors")
FOREBAY = [os.path.join(BUILD, "daemon", "cli", "forebay"), "--plugins", os.path.join(BUILD, "plugins")]
folder = test.path("work")
os.makedirs(folder)
test.write("work/reading.proto", """syntax = "proto3";
package acme.v1;
enum State { STATE_UNKNOWN = 0; STATE_OK = 1; }
message Reading {
  string device_id = 1;
  int64 total = 2;
  uint64 serial = 3;
  State state = 4;
  bytes raw = 5;
  int32 level = 6;
  repeated Reading parts = 7;
  map<string, int32> counts = 8;
}
""")
subprocess.run(["protoc", "-I.", "--include_imports", "-o", "reading.desc", "reading.proto"], cwd=folder, check=True, timeout=30)
SCHEMA = ["--schema", "reading.desc", "--message", "acme.v1.Reading"]


def forebay(action, *arguments, data=b""):
    return subprocess.run([*FOREBAY, action, *arguments], cwd=folder, input=data, capture_output=True, timeout=60, check=False)


def encode(value, *arguments):
    result = forebay("encode", *arguments, data=value if isinstance(value, bytes) else json.dumps(value).encode())
    test.check_equal((result.returncode, result.stderr), (0, b""), f"encode {' '.join(arguments)}")
    return result.stdout


def decode(payload, *arguments):
    result = forebay("decode", *arguments, data=payload)
    test.check_equal((result.returncode, result.stderr), (0, b""), f"decode {' '.join(arguments)}")
    return json.loads(result.stdout)


def check_refused(action, arguments, data, code, *parts):
    result = forebay(action, *arguments, data=data)
    test.check_equal((result.returncode, result.stdout), (code, b""), f"{action} {' '.join(arguments)} is refused")
    for part in parts:
        test.check_in(part, result.stderr.decode(), "with the reason")


# ---- Each option of decode, there and back.
value = {"device_id": "d1", "total": -9007199254740993, "serial": 18446744073709551615, "state": "STATE_OK",
         "raw": "AP/+", "level": 0, "parts": [{"level": 5}], "counts": {"a": 1}}
wire = encode(value, *SCHEMA)
test.check_equal(wire.hex(), "0a02643110ffffffffffffffef" + "ff0118ffffffffffffffffff01" + "2001" + "2a0300fffe" + "3a023005" + "42050a01611001",
                 "the bytes of the specification")
empty = {"device_id": "", "total": 0, "serial": 0, "state": "STATE_UNKNOWN", "raw": "", "level": 0, "parts": [], "counts": {}}
full = {**value, "parts": [{**empty, "level": 5}]}
test.check_equal(decode(wire, *SCHEMA), full, "defaults are shown unless unwanted")
plain = {**value, "parts": [{"level": 5}]}
del plain["level"]
for options, expected in (
        (["--no-emit-defaults"], plain),
        (["--emit-defaults=false", "--no-int64-numbers"], {**plain, "total": "-9007199254740993", "serial": "18446744073709551615"}),
        (["--emit-defaults=no", "--enum-numbers"], {**plain, "state": 1}),
        (["--no-emit-defaults", "--no-original-names"], {**{k: v for k, v in plain.items() if k != "device_id"}, "deviceId": "d1"})):
    shown = decode(wire, *SCHEMA, *options)
    test.check_equal(shown, expected, f"decode with {options}")
    test.check_equal(encode(shown, *SCHEMA), wire, f"and what {options} shows encodes to the same bytes")
hexadecimal = decode(wire, *SCHEMA, "--bytes-as=hex")
test.check_equal(hexadecimal["raw"], "00fffe", "bytes in hexadecimal")
test.check_equal(encode(hexadecimal, *SCHEMA, "--bytes-as=hex"), wire, "which encode takes back")
check_refused("encode", [*SCHEMA, "--bytes-as=hex"], b'{"raw":"0g"}', DATA, "raw is not hexadecimal")
for framing, prefix in (("none", b""), ("varint", bytes([len(wire)])), ("fixed32_be", len(wire).to_bytes(4, "big")),
                        ("fixed32_le", len(wire).to_bytes(4, "little")), ("fixed16_be", len(wire).to_bytes(2, "big")),
                        ("fixed16_le", len(wire).to_bytes(2, "little"))):
    framed = encode(value, *SCHEMA, f"--framing={framing}")
    test.check_equal(framed, prefix + wire, f"framing {framing}")
    test.check_equal(decode(b"HDR" + framed, *SCHEMA, f"--framing={framing}", "--skip-bytes=3"), full, f"and back, behind a header: {framing}")

# ---- Unknown fields.
unknown = bytes.fromhex("c806ffffffffffffffffff01" + "cd0601020304" + "d1060102030405060708" + "da0603000102" + "e30608053a0178e406")
check_refused("decode", [*SCHEMA, "--unknown-fields=fail"], wire + unknown, DATA, "acme.v1.Reading has no field 105", f"at byte {len(wire)}")
test.check_equal(decode(wire + unknown, *SCHEMA), full, "unknown fields are dropped by default")
kept = decode(wire + unknown, *SCHEMA, "--unknown-fields=keep", "--no-emit-defaults")
test.check_equal(kept.pop("@unknown"), [
    {"field": 105, "varint": 18446744073709551615}, {"field": 105, "fixed32": 0x04030201},
    {"field": 106, "fixed64": 0x0807060504030201}, {"field": 107, "bytes": "AAEC"},
    {"field": 108, "group": [{"field": 1, "varint": 5}, {"field": 7, "bytes": "eA=="}]}], "or kept in a list")
test.check_equal(kept, plain, "beside the others")
for options in ([], ["--no-int64-numbers"], ["--bytes-as=hex"]):
    shown = decode(wire + unknown, *SCHEMA, "--unknown-fields=keep", *options)
    back = encode(shown, *SCHEMA, "--unknown-fields=keep", *[o for o in options if "hex" in o])
    test.check_equal(back, wire + unknown, f"from which encode makes the same bytes again {options}")
check_refused("encode", SCHEMA, json.dumps(decode(unknown, *SCHEMA, "--unknown-fields=keep")).encode(), DATA, "@unknown is not a field of acme.v1.Reading")

# Numbers that a closed enum lacks are unknown fields too: alone, in a packed list, and as the value of a map.
test.write("work/old.proto", 'syntax = "proto2"; package old; enum E { ZERO = 0; ONE = 1; } message Old { optional E e = 1; '
           "repeated E list = 2 [packed = true]; map<string, E> map = 3; }")
OLD = ["--schema", "old.proto", "--message", "old.Old"]
closed = bytes.fromhex("0809" + "12020109" + "1a050a01611009" + "1a050a01621001")
known = {"list": ["ONE"], "map": {"b": "ONE"}}
test.check_equal(decode(closed, *OLD), known, "numbers that a closed enum lacks are dropped")
kept = decode(closed, *OLD, "--unknown-fields=keep")
test.check_equal(kept, {**known, "@unknown": [{"field": 2, "varint": 9}, {"field": 3, "bytes": "CgFhEAk="}, {"field": 1, "varint": 9}]},
                 "or kept")
test.check_equal(decode(encode(kept, *OLD, "--unknown-fields=keep"), *OLD), known, "also when they are written again")
for part, name in (("0809", "e"), ("12020109", "list"), ("1a050a01611009", "value")):
    check_refused("decode", [*OLD, "--unknown-fields=fail"], bytes.fromhex(part), DATA, f"{name} is 9, which the enum old.E does not have")

# ---- Where it is wrong.
check_refused("decode", SCHEMA, wire + b"\x0a\x05x", DATA, f"acme.v1.Reading.device_id is cut short or not valid, at byte {len(wire)}")
check_refused("decode", [*SCHEMA, "--skip-bytes=2", "--framing=varint"], b"xx\x03\x0a\x02d", DATA, "acme.v1.Reading.device_id is cut short", "at byte 3")
check_refused("decode", SCHEMA, b"\x0a\x02\xff\xfe", DATA, "device_id is not UTF-8")
check_refused("encode", SCHEMA, b'{"parts":[{},{"level":"high"}]}', DATA, "parts[1].level must be an integer")
check_refused("encode", SCHEMA, b'{"counts":{"a":4294967296}}', DATA, "counts.a is out of range")
for total in ("-9223372036854775809", '"-9223372036854775809"', "-9223372036854775809.0", "9223372036854775808", "1e19"):
    check_refused("encode", SCHEMA, f'{{"total":{total}}}'.encode(), DATA, "total is out of range")
check_refused("encode", SCHEMA, b'{"total":-9223372036854775808.5}', DATA, "total must be an integer")
test.check_equal(encode(b'{"total":9.007199254740993e15,"serial":1e19}', *SCHEMA), encode(b'{"total":9007199254740993,"serial":10000000000000000000}', *SCHEMA),
                 "an integer may be written with an exponent, and counts to its last digit")
check_refused("encode", SCHEMA, b'{"colour":1}', DATA, "colour is not a field of acme.v1.Reading")
check_refused("encode", SCHEMA, b'{"level":1', DATA, "")
test.check_equal(encode(b'{"colour":1,"level":1}', *SCHEMA, "--unknown-fields=drop"), b"\x30\x01", "unless they may be dropped")
check_refused("decode", [*SCHEMA, "--framing=varnt"], b"", USAGE, "framing: Expected one of none, varint")
check_refused("decode", [*SCHEMA, "--frame=varint"], b"", USAGE, 'Unknown key "frame"')
check_refused("decode", ["--schema", "reading.desc", "--message", "acme.v1.Readin"], b"", CONFIG, "Did you mean acme.v1.Reading?")
check_refused("decode", ["--schema", "nowhere.desc", "--message", "x"], b"", NO_INPUT, "nowhere.desc: No such file")
check_refused("decode", [*SCHEMA, "nowhere.bin"], b"", NO_INPUT, "nowhere.bin: No such file")
for words in ([], ["--schema", "reading.desc"], ["--message", "x"], [*SCHEMA, "--codec", "json"], [*SCHEMA, "a", "b"], ["-c", "x.yaml"],
              [*SCHEMA, "--route", "x"], ["--codec"]):
    check_refused("decode", words, b"", USAGE)

# ---- From source, in hexadecimal, from a file.
test.check_equal(forebay("encode", "-I.", "--schema", "reading.proto", "--message", "acme.v1.Reading", "--hex", data=b'{"level":3}').stdout,
                 b"3003\n", "from a .proto file, as hexadecimal")
test.write("work/payload.hex", "30:03 0a\n01 78\n")
test.check_equal(decode(b"", *SCHEMA, "--hex", "--no-emit-defaults", "payload.hex"), {"level": 3, "device_id": "x"}, "from a file")
check_refused("decode", [*SCHEMA, "--hex"], b"300", DATA, "not pairs of hexadecimal digits")

# ---- Other formats.
for codec in ("cbor", "msgpack", "json"):
    packed = encode({"a": [1, -2.5, None, "x"]}, "--codec", codec)
    test.check_equal(decode(packed, "--codec", codec), {"a": [1, -2.5, None, "x"]}, f"{codec} there and back")
test.check_equal(encode(b"[123456789012345678901234567890]", "--codec", "json"), b"[123456789012345678901234567890]\n", "a long integer keeps its digits")
test.check_equal(decode(b"21.5 C", "--codec", "text"), "21.5 C", "text")
test.check_equal(decode(gzip.compress(wire), "--decompress", "gzip", *SCHEMA), full, "unpacked first")
check_refused("decode", ["--codec", "gzip"], b"", USAGE, "--decompress gzip")
check_refused("decode", ["--codec", "nothing"], b"", CONFIG, "nothing")

# ---- As a configuration says.
test.write("work/forebay.yaml", """
schemas: [reading.desc]
brokers:
  local: { url: mqtt://127.0.0.1:1 }
  other: { url: mqtt://127.0.0.1:2 }
routes:
  readings:
    from: { broker: local, topics: ["site/{device}/reading"] }
    decode: { protobuf: { message: acme.v1.Reading, framing: varint, emit_defaults: false } }
    to:
      - local: { topic: "out/{device}" }
      - other: { topic: "out/{device}", encode: { protobuf: { message: acme.v1.Reading, framing: fixed16_be } } }
  chosen:
    from: { broker: local, topics: ["site/+/any"] }
    decode: { by: content_type, when: { application/cbor: cbor }, otherwise: json }
    to: [other]
  same:
    from: { broker: local, topics: ["site/+/any"] }
    to: [other]
""")
CONFIGURED = ["-c", "forebay.yaml"]
framed = bytes([len(wire)]) + wire
test.check_equal(decode(framed, *CONFIGURED, "--route", "readings"), plain, "a route's way to decode")
test.check_equal(decode(framed, *CONFIGURED, "--topic", "site/d1/reading"), plain, "found by the topic")
test.check_equal(decode(b"\x82\x01\x02", *CONFIGURED, "--route=chosen", "--content-type=application/cbor"), [1, 2], "chosen by the content type")
test.check_equal(decode(b"[1,2]", *CONFIGURED, "--route=chosen"), [1, 2], "or without one")
test.check_equal(decode(wire, *CONFIGURED, "--message", "acme.v1.Reading"), full, "only the configuration's schemas")
test.check_equal(encode(plain, *CONFIGURED, "--route=readings", "--target=other"), len(wire).to_bytes(2, "big") + wire, "a target's way to encode")
test.check_equal(json.loads(encode(plain, *CONFIGURED, "--route=readings", "--target=local")), plain, "which may be JSON")
check_refused("decode", [*CONFIGURED, "--topic", "site/d1/any"], b"", USAGE, "several routes want", "chosen, same")
check_refused("decode", [*CONFIGURED, "--topic", "elsewhere"], b"", CONFIG, "no route wants")
check_refused("decode", [*CONFIGURED, "--route", "reading"], b"", CONFIG, 'no route "reading"', "readings, chosen, same")
check_refused("encode", [*CONFIGURED, "--route", "readings"], b"", USAGE, "local, other")
check_refused("decode", [*CONFIGURED, "--route", "readings", "--framing=none"], b"", USAGE, "options come from the configuration")
test.write("work/broken.yaml", "schemas: [nowhere.desc]\nroutes: {}\n")
check_refused("decode", ["-c", "broken.yaml", "--route", "x"], b"", CONFIG, "broken.yaml:1:")
test.finish()
