#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import gzip
import shutil

from harness import BUILD, Test, run

try:
    from google.protobuf import descriptor_pb2
except ImportError:
    descriptor_pb2 = None

DATA, NO_INPUT, USAGE = 65, 66, 64
test = Test("forebay schema lists, shows and checks schemas as protoc and buf make them, and says where they are wrong")
if descriptor_pb2 is None:
    test.skip("python3-protobuf is not installed")
FOREBAY = os.path.join(BUILD, "daemon", "cli", "forebay")
folder = test.path("schemas")
os.makedirs(os.path.join(folder, "units"))
test.write("schemas/reading.proto", """syntax = "proto3";
package acme.v1;
import "google/protobuf/timestamp.proto";
import "units/unit.proto";
// One reading.
//
// Sent each minute. \x1b[31m
message Reading {
  // The serial number.
  string device_id = 1;
  google.protobuf.Timestamp at = 2; // when it was taken
  repeated double values = 3 [deprecated = true];
  map<string, Unit> units = 4;
  // How it came.
  oneof way { int32 direct = 5; Hop relayed = 6; }
  optional uint64 number = 7 [json_name = "no"];
  message Hop { bytes raw = 1; }
}
""")
test.write("schemas/units/unit.proto", """syntax = "proto3";
package acme.v1;
// What is measured in.
enum Unit {
  UNIT_NONE = 0;
  // Degrees.
  UNIT_CELSIUS = 1;
}
""")
test.write("schemas/old.proto", """syntax = "proto2";
package acme.old;
message Old {
  required int32 a = 1 [default = -5];
  repeated int64 many = 2 [packed = true];
  optional group Part = 3 { optional string text = 1 [default = "x"]; }
  extensions 100 to 200;
}
extend Old { optional string note = 100; }
""")


def schema(*arguments):
    return run([FOREBAY, "schema", *arguments], cwd=folder)


def protoc(*arguments):
    return run(["protoc", "-I.", *arguments], cwd=folder)


def read_set(name):
    with open(os.path.join(folder, name), "rb") as file:
        return descriptor_pb2.FileDescriptorSet.FromString(file.read())


def write_bytes(name, data):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


protoc("--include_imports", "-o", "plain.desc", "reading.proto")
protoc("--include_imports", "--include_source_info", "-o", "full.desc", "reading.proto")
protoc("-o", "alone.desc", "reading.proto")
protoc("--include_source_info", "-o", "alone-full.desc", "reading.proto")

# The shape of buf's images: imports and source info inside, and a field of buf's own in each file.
image = b""
for file in read_set("full.desc").file:
    data = file.SerializeToString() + bytes.fromhex("d2f60302") + b"\x08\x01"
    image += b"\x0a" + bytes([len(data) & 127 | 128, len(data) >> 7 & 127 | 128, len(data) >> 14]) + data
write_bytes("image.binpb", image)

# ---- list
plain = schema("list", "plain.desc")
test.check_equal((plain.returncode, [line.split() for line in plain.stdout.splitlines()]), (0, [
    ["acme.v1.Reading", "message", "7", "fields", "reading.proto"],
    ["acme.v1.Reading.Hop", "message", "1", "fields", "reading.proto"],
    ["acme.v1.Unit", "enum", "2", "values", "units/unit.proto"]]), "what a set declares, without protobuf's own files")
test.check_in("google.protobuf.Timestamp", schema("list", "--all", "plain.desc").stdout, "which --all shows")
for source in (["full.desc"], ["image.binpb"], ["reading.proto"], ["-I", ".", "reading.proto", "units/unit.proto"]):
    listed = schema("list", *source)
    test.check_in("reading.proto:8\n", listed.stdout, f"lines are known from {source[-1]}")

# ---- show
reading = """// reading.proto:8 (proto3)
// One reading.
//
// Sent each minute. ?[31m
message acme.v1.Reading {
  // The serial number.
  string device_id = 1;
  // when it was taken
  google.protobuf.Timestamp at = 2;
  repeated double values = 3 [deprecated = true];
  map<string, acme.v1.Unit> units = 4;
  // How it came.
  oneof way {
    int32 direct = 5;
    acme.v1.Reading.Hop relayed = 6;
  }
  optional uint64 number = 7 [json_name = "no"];
}
"""
test.check_equal(schema("show", "acme.v1.Reading", "full.desc").stdout, reading, "a message with its comments")
test.check_equal(schema("show", ".acme.v1.Reading", "reading.proto").stdout, reading, "the same from the source")
without = "".join(line for line in reading.replace(":8", "").splitlines(True)[:1] + reading.splitlines(True)[4:]
                  if not line.strip().startswith("// ") or "proto3" in line)
test.check_equal(schema("show", "acme.v1.Reading", "plain.desc").stdout, without, "and without, where the set has none")
everything = schema("show", "--all", "acme.v1.Reading", "full.desc").stdout
test.check_in("enum acme.v1.Unit {\n  UNIT_NONE = 0;\n  // Degrees.\n  UNIT_CELSIUS = 1;\n}\n", everything,
              "--all shows the types of the fields as well")
test.check_in("message acme.v1.Reading.Hop {", everything, "each of them")
test.check("message google" not in everything, "but not those of protobuf itself")
test.check_equal(schema("show", "acme.old.Old", "old.proto").stdout, """// old.proto:3 (proto2)
message acme.old.Old {
  required int32 a = 1 [default = -5];
  repeated int64 many = 2 [packed = true];
  optional group acme.old.Old.Part part = 3;
  optional string [acme.old.note] = 100;
}
""", "labels, defaults, groups and extensions of proto2")
missing = schema("show", "acme.v1.Readin", "plain.desc")
test.check_equal(missing.returncode, NO_INPUT, "a name that is not there")
test.check_in("Did you mean acme.v1.Reading?", missing.stderr, "and the nearest one")

# ---- check
test.check_in("with 3 messages and 1 enums\n", schema("check", "plain.desc").stdout, "check says what a file holds")
test.check_in(", with source info", schema("check", "image.binpb", "old.proto").stdout, "several files are one schema")


def check_refused(name, code, *parts, arguments=()):
    result = schema("check", *arguments, name)
    test.check_equal((result.returncode, result.stdout), (code, ""), f"{name} is refused")
    for part in parts:
        test.check_in(part, result.stderr, f"{name}: the reason")


check_refused("alone.desc", DATA, "alone.desc: reading.proto: imports ", "--include_imports")
# Files of protobuf itself are built in, so the import that is missing is the one of line 4.
check_refused("alone-full.desc", DATA, "alone-full.desc: reading.proto:4: imports units/unit.proto")
check_refused("nowhere.desc", NO_INPUT, "nowhere.desc: No such file")
check_refused("units", DATA, "not a regular file")
write_bytes("image.binpb.gz", gzip.compress(image))
check_refused("image.binpb.gz", DATA, "compressed with gzip")
write_bytes("image.json", b'{"file": []}')
check_refused("image.json", DATA, "JSON")
write_bytes("noise.desc", bytes(range(200)))
check_refused("noise.desc", DATA, "not a protobuf descriptor set")
write_bytes("cut.desc", image[:-100])
check_refused("cut.desc", DATA, "not a protobuf descriptor set")

os.makedirs(os.path.join(folder, "only"))
shutil.copy(os.path.join(folder, "reading.proto"), os.path.join(folder, "only"))
test.write("schemas/lost.proto", 'syntax = "proto3";\nimport "nowhere.proto";\nmessage M {}\n')
check_refused("lost.proto", DATA, 'lost.proto:2:1: Import "nowhere.proto"')
check_refused("only/reading.proto", DATA, 'reading.proto:4:1: Import "units/unit.proto"', arguments=["-I", "only"])
test.write("schemas/wrong.proto", 'syntax = "proto3";\nmessage M {\n  nothing x = 1;\n}\n')
check_refused("wrong.proto", DATA, 'wrong.proto:3:3: "nothing" is not defined')
test.write("schemas/edition.proto", '// The newest.\nedition = "2023";\nmessage M {}\n')
test.write("schemas/imports-edition.proto", 'syntax = "proto3";\nimport "edition.proto";\nmessage N { M m = 1; }\n')
if " 3." in run(["protoc", "--version"]).stdout:
    for name in ("edition.proto", "imports-edition.proto"):
        check_refused(name, DATA, "edition.proto: is written in protobuf edition 2023, which the installed protoc does not know", "a newer protoc, or buf")
    test.write("schemas/later.proto", 'edition = "2099";\nmessage M {}\n')
    check_refused("later.proto", DATA, "later.proto: is written in protobuf edition 2099, which is not supported. "
                  "Supported are the editions 2023 and 2024, proto2 and proto3")
else:
    test.check_equal(schema("check", "edition.proto").returncode, 0, "a newer protoc compiles editions")
edition = read_set("plain.desc")
edition.file[-1].syntax = "editions"
write_bytes("edition.desc", edition.SerializeToString())
check_refused("edition.desc", DATA, "edition.desc: reading.proto: uses a protobuf edition that is not supported (number 0)")
edition.file[-1].syntax = "proto4"
write_bytes("edition.desc", edition.SerializeToString())
check_refused("edition.desc", DATA, "uses syntax 'proto4', which is not known. Supported are the editions 2023 and 2024, proto2 and proto3")
crooked = read_set("full.desc")
crooked.file[-1].message_type[0].field[4].type_name = ".acme.v1.Gone"
crooked.file[-1].message_type[0].field[4].type = 11
write_bytes("crooked.desc", crooked.SerializeToString())
check_refused("crooked.desc", DATA, "crooked.desc: reading.proto:15: field acme.v1.Reading.direct has type .acme.v1.Gone")

# ---- Many files
wide = descriptor_pb2.FileDescriptorSet()
for n in range(1500):
    file = wide.file.add(name=f"part{n}.proto", package="wide", syntax="proto3")
    file.message_type.add(name=f"M{n}").field.add(name="x", number=1, type=5, label=1)
    if n:
        file.dependency.append(f"part{n - 1}.proto")
write_bytes("wide.desc", wide.SerializeToString())
test.check_equal(schema("check", "wide.desc").stdout, "ok: 1500 files with 1500 messages and 0 enums\n", "a set of many files")

# ---- Wrong use
for arguments in ([], ["look", "x"], ["show"], ["show", "acme.v1.Reading"], ["check"], ["list", "--nonsense", "plain.desc"]):
    test.check_equal(schema(*arguments).returncode, USAGE, f"wrong use: {arguments}")
test.finish()
