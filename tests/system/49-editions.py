#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import json
import subprocess

from harness import BUILD, SOURCE, Test, run

DATA = 65
test = Test("schemas of the editions 2023 and 2024 are shown, checked, decoded and encoded, by the command and by the daemon")
FOREBAY = [os.path.join(BUILD, "daemon", "cli", "forebay"), "--plugins", os.path.join(BUILD, "plugins")]
SET = os.path.join(SOURCE, "tests", "conformance", "editions.fds")
READING = ["--schema", SET, "--message", "acme.v3.Reading"]
NEWER = ["--schema", SET, "--message", "acme.v4.Newer"]


def forebay(action, *arguments, data=b""):
    return subprocess.run([*FOREBAY, action, *arguments], input=data, capture_output=True, timeout=60, check=False)


def encode(value, *arguments):
    result = forebay("encode", *arguments, data=value if isinstance(value, bytes) else json.dumps(value).encode())
    test.check_equal((result.returncode, result.stderr), (0, b""), f"encode {' '.join(arguments[2:])}")
    return result.stdout.hex()


def decode(payload, *arguments):
    result = forebay("decode", *arguments, data=bytes.fromhex(payload))
    test.check_equal((result.returncode, result.stderr), (0, b""), f"decode {' '.join(arguments[2:])}")
    return json.loads(result.stdout or "null")


def check_refused(action, data, *parts):
    result = forebay(action, *READING, data=data)
    test.check_equal((result.returncode, result.stdout), (DATA, b""), f"{action} {data} is refused")
    for part in parts:
        test.check_in(part, result.stderr.decode(), "with the reason")


# ---- What the schema says.
checked = run([*FOREBAY, "schema", "check", SET])
test.check_equal((checked.returncode, checked.stderr), (0, ""), "schema check loads the set")
test.check_in("ok: 4 files with ", checked.stdout, "and says what is in it")
listed = run([*FOREBAY, "schema", "list", SET]).stdout
test.check_equal([line.split()[0] for line in listed.splitlines()], ["acme.v3.Fault", "acme.v3.Position", "acme.v3.Reading", "acme.v3.State", "acme.v4.Newer"],
                 "schema list names what is declared")
test.check_equal(run([*FOREBAY, "schema", "show", "acme.v3.Reading", SET]).stdout.splitlines()[1:], """\
message acme.v3.Reading {
  string device_id = 1 [features.field_presence = IMPLICIT];
  double value = 2;
  acme.v3.State state = 3 [features.field_presence = IMPLICIT];
  acme.v3.Fault fault = 4;
  repeated int32 samples = 5;
  repeated int32 slow = 6 [features.repeated_field_encoding = EXPANDED];
  string raw_text = 7 [features.field_presence = IMPLICIT, features.utf8_validation = NONE];
  acme.v3.Position position = 8 [features.message_encoding = DELIMITED];
  acme.v3.Position fixed = 9;
  map<string, acme.v3.Position> places = 10;
  google.protobuf.Timestamp at = 11 [features.message_encoding = DELIMITED];
  oneof body {
    acme.v3.Position spot = 12 [features.message_encoding = DELIMITED];
    int64 count = 13;
  }
  repeated acme.v3.Position track = 14 [features.message_encoding = DELIMITED];
  google.protobuf.Value extra = 15 [features.message_encoding = DELIMITED];
  repeated acme.v3.Fault faults = 16;
  acme.v3.Reading inner = 17 [features.message_encoding = DELIMITED];
  acme.v3.Position [acme.v3.more] = 100 [features.message_encoding = DELIMITED];
}""".splitlines(), "schema show says what holds for each field, wherever the schema says it")
for name, parts in (("acme.v3.Position", ["(edition 2023)", "int32 x = 1 [features.field_presence = LEGACY_REQUIRED];"]),
                    ("acme.v3.Fault", ["(edition 2023)", "option features.enum_type = CLOSED;"]),
                    ("acme.v3.State", ["// Open: what it does not list is a number."]),
                    ("acme.v4.Newer", ["(edition 2024)", "string name = 1;", "repeated int32 samples = 3;", "acme.v3.Position position = 4;",
                                       "acme.v3.Reading reading = 5 [features.message_encoding = DELIMITED];"])):
    shown = run([*FOREBAY, "schema", "show", name, SET]).stdout
    for part in parts:
        test.check_in(part, shown, f"of {name}")
test.check("CLOSED" not in run([*FOREBAY, "schema", "show", "acme.v3.State", SET]).stdout, "an open enum is not said to be closed")

# ---- There and back, to the byte.
value = {"device_id": "d1", "value": 0, "state": "STATE_OK", "fault": "FAULT_HOT", "samples": [1, 2], "slow": [1, 2], "raw_text": "r",
         "position": {"x": 5}, "fixed": {"x": 5}, "places": {"a": {"x": 5}}, "at": "1970-01-01T00:00:01Z", "spot": {"x": 5},
         "track": [{"x": 1, "y": 2}, {"x": 3}], "extra": None, "faults": ["FAULT_HOT"], "inner": {"inner": {}, "count": 0},
         "[acme.v3.more]": {"x": 5}}
wire = ("0a026431" "110000000000000000" "1801" "2007" "2a020102" "3001" "3002" "3a0172" "43080544" "4a020805" "52070a016112020805" "5b08015c" "63080564"
        "7308011002747308" "0374" "7b08007c" "820101" "07" "8b01" "6800" "8b018c01" "8c01" "a3060805a406")
test.check_equal(encode(value, *READING), wire, "groups, presence and packing as the features say")
test.check_equal(decode(wire, *READING, "--no-emit-defaults"), value, "and back")
test.check_equal(decode("", *READING), {"device_id": "", "state": "STATE_UNKNOWN", "samples": [], "slow": [], "raw_text": "", "places": {}, "track": [],
                                        "faults": []}, "defaults are shown where presence is implicit")
newer = {"name": "", "level": 0, "samples": [1, 2], "position": {"x": 0}, "reading": {"value": 0}}
test.check_equal(encode(newer, *NEWER), "0a00" "1000" "1a020102" "22020800" "2b1100000000000000002c", "edition 2024: presence, packed, length-prefixed")
test.check_equal(decode("0a00100018011802" "22020800" "2b1100000000000000002c", *NEWER, "--no-emit-defaults"), newer, "and back, from unpacked numbers")
test.check_equal(decode("", *NEWER), {"samples": []}, "what has presence is not shown while it is not set")

# ---- Other forms.
test.check_equal(decode("1809" "2009" "8201020709", *READING, "--no-emit-defaults"), {"state": 9, "faults": ["FAULT_HOT"]},
                 "an open enum takes any number, a closed one does not")
test.check_equal(decode("2009", *READING, "--no-emit-defaults", "--unknown-fields=keep"), {"@unknown": [{"field": 4, "varint": 9}]}, "which may be kept")
test.check_equal(decode("3a01ff", *READING, "--no-emit-defaults"), {"raw_text": "\ufffd"}, "text that need not be UTF-8 is repaired")
check_refused("decode", b"\x0a\x01\xff", "device_id is not UTF-8")
check_refused("decode", b"\x43\x44", "the required field x is missing")
check_refused("encode", b'{"position": {"y": 1}}', "position lacks the required field x")
check_refused("encode", b'{"fault": 9}', "fault is not a value of the enum")
check_refused("decode", b"\x43\x08\x05", "a group does not end, at byte 1")
test.check_equal(decode("4308056201ff44", *READING, "--no-emit-defaults"), {"position": {"x": 5}}, "unknown fields within a group are passed over")
test.check_equal(decode("43080544" "43100644", *READING, "--no-emit-defaults"), {"position": {"x": 5, "y": 6}}, "a group that comes twice is merged")
test.check_equal(decode("42020805", *READING, "--no-emit-defaults", "--unknown-fields=keep"), {"@unknown": [{"field": 8, "bytes": "CAU="}]},
                 "a length where a group belongs is an unknown field")

# ---- In the daemon, from a group to JSON and to the other edition.
devices, cloud = test.broker("devices"), test.broker("cloud")
gateway = test.gateway(f"""
schemas: [{SET}]
brokers:
  devices: {{ url: {devices.url} }}
  cloud: {{ url: {cloud.url} }}
routes:
  readings:
    from: {{ broker: devices, topics: [readings] }}
    decode: {{ protobuf: {{ message: acme.v3.Reading, emit_defaults: false }} }}
    to:
      - cloud: {{ topic: out/json }}
      - cloud: {{ topic: out/protobuf, encode: {{ protobuf: {{ message: acme.v3.Reading }} }} }}
  inner:
    from: {{ broker: devices, topics: [newer] }}
    decode: {{ protobuf: {{ message: acme.v4.Newer, unwrap: reading, emit_defaults: false }} }}
    to: {{ cloud: {{ topic: out/inner }} }}
""")
received = cloud.subscriber("out/#")
publisher = devices.publisher()
publisher.send("readings", bytes.fromhex(wire))
publisher.send("newer", bytes.fromhex("2b1801" "63080564" "2c"))
received.wait_count(3)
payloads = {m.topic: m.payload for m in received.messages}
test.check_equal(json.loads(payloads["out/json"]), value, "the daemon decodes groups")
test.check_equal(payloads["out/protobuf"].hex(), wire, "and encodes them")
test.check_equal(json.loads(payloads["out/inner"]), {"state": "STATE_OK", "spot": {"x": 5}}, "an envelope may carry its message in a group")
test.finish()
