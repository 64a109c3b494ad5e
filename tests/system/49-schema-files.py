#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import json

from harness import BUILD, Test, run

try:
    from google.protobuf import descriptor_pb2
except ImportError:
    descriptor_pb2 = None

test = Test("schemas as operators have them: sets of protoc and buf beside each other, sources with folders of imports, and a "
            "reload that takes what only the files of the schemas say")
if descriptor_pb2 is None:
    test.skip("python3-protobuf is not installed")
if run(["protoc", "--version"]).returncode:
    test.skip("protoc is not installed")
folder = test.path("schemas")
OPTIONS = """syntax = "proto3"; package acme.options; import "google/protobuf/descriptor.proto";
extend google.protobuf.FieldOptions { string unit = 50001; }"""


def write_alarm(field):
    test.write("schemas/sources/acme/alarm.proto", f"""syntax = "proto3";
package acme.v1;
import "acme/options.proto";
import "google/protobuf/any.proto";
message Alarm {{ string {field} = 1 [(acme.options.unit) = "text"]; google.protobuf.Any more = 2; }}
""")


def write_event(field):
    test.write("schemas/imports/part/place.proto", f'syntax = "proto3"; package acme.v1; message Place {{ string {field} = 1; }}')


def compile_set(name, as_buf):
    """buf writes source info, all imports, a field of its own in each file, and newer versions of protobuf's files."""
    path = os.path.join(folder, name)
    result = run(["protoc", f"-I{folder}/sources", "--include_imports", *(["--include_source_info"] if as_buf else []),
                  "-o", path, "acme/alarm.proto"])
    test.check_equal(result.returncode, 0, f"protoc makes {name} {result.stderr}")
    if not as_buf:
        return
    made = descriptor_pb2.FileDescriptorSet()
    with open(path, "rb") as file:
        made.ParseFromString(file.read())
    for file in made.file:
        if file.name == "google/protobuf/descriptor.proto":
            options = next(message for message in file.message_type if message.name == "FieldOptions")
            options.nested_type.add(name="FeatureSupport").field.add(name="note", number=1, type=9, label=1, json_name="note")
            options.field.add(name="feature_support", number=22, type=11, label=1, json_name="featureSupport",
                              type_name=".google.protobuf.FieldOptions.FeatureSupport")
            file.message_type.add(name="Novelty").field.add(name="support", number=1, type=11, label=1, json_name="support",
                                                            type_name=".google.protobuf.FieldOptions.FeatureSupport")
        file.MergeFromString(b"\xd2\xf6\x03\x02\x08\x00")  # 8042: bytes that protobuf does not know
    test.write(f"schemas/{name}", made.SerializeToString())


for name in ("sources/acme", "imports/part"):
    os.makedirs(os.path.join(folder, name))
test.write("schemas/sources/acme/options.proto", OPTIONS)
test.write("schemas/event.proto", """syntax = "proto3"; package acme.v1; import "part/place.proto";
message Event { string name = 1; Place place = 2; }
""")
write_alarm("text")
write_event("city")
compile_set("protoc.desc", False)
compile_set("buf.binpb", True)

FOREBAY = os.path.join(BUILD, "daemon", "cli", "forebay")
for sets in (["protoc.desc", "buf.binpb"], ["buf.binpb", "protoc.desc"]):
    result = run([FOREBAY, "schema", "check", *[os.path.join(folder, name) for name in sets]])
    test.check_equal((result.returncode, result.stderr), (0, ""), f"{' and '.join(sets)} go together")

broker, cloud = test.broker("devices"), test.broker("cloud")
gateway = test.gateway(f"""
schemas:
  - {folder}/protoc.desc
  - {folder}/buf.binpb
  - {{ proto: [{folder}/event.proto], include: [{folder}/imports] }}
brokers:
  devices: {{ url: {broker.url} }}
  cloud: {{ url: {cloud.url} }}
routes:
  alarms:
    from: {{ broker: devices, topics: ["alarms/#"] }}
    decode: {{ protobuf: {{ message: acme.v1.Alarm }} }}
    to: cloud
  events:
    from: {{ broker: devices, topics: ["events/#"] }}
    decode: {{ protobuf: {{ message: acme.v1.Event }} }}
    to: cloud
""")
received = cloud.subscriber("#")
publisher = broker.publisher()
count = 0


def decoded():
    """What comes of one alarm and one event."""
    global count
    for topic, payload in (("alarms/1", b"\x0a\x02hi"), ("events/1", b"\x0a\x01n\x12\x03\x0a\x01b")):
        publisher.send(topic, payload, key=count)
        count += 1
    received.wait_count(count)
    return {message.topic: json.loads(message.payload) for message in received.messages[-2:]}


test.check_equal(decoded(), {"alarms/1": {"text": "hi"}, "events/1": {"name": "n", "place": {"city": "b"}}},
                 "both kinds of schemas decode")

write_event("town")
test.check(gateway.reload(), "a reload is taken when only an imported source has changed")
test.check_equal(decoded()["events/1"]["place"], {"town": "b"}, "and its new content decodes")

write_alarm("words")
compile_set("protoc.desc", False)
compile_set("buf.binpb", True)
test.check(gateway.reload(), "a reload is taken when only descriptor sets have changed")
test.check_equal(decoded()["alarms/1"], {"words": "hi"}, "and their new content decodes")

write_event("city; nonsense")
with open(os.path.join(folder, "buf.binpb"), "r+b") as file:
    file.truncate(100)
code, answer = gateway.request("/reload", "POST")
test.check_equal(code, 422, "broken files are refused")
test.check_in("buf.binpb", answer, "the broken set is named")
test.check_in("part/place.proto:1:", answer, "and the line in the source")
test.check_equal(decoded(), {"alarms/1": {"words": "hi"}, "events/1": {"name": "n", "place": {"town": "b"}}},
                 "the schemas as they were go on")
compile_set("buf.binpb", True)
os.unlink(os.path.join(folder, "imports/part/place.proto"))
code, answer = gateway.request("/reload", "POST")
test.check_equal(code, 422, "a missing import is refused")
test.check_in("event.proto:1:", answer, "with the line of the import")
test.check_in("part/place.proto", answer, "and its name")
test.check_in("include:", answer, "and what to do")
write_event("village")
test.check(gateway.reload(), "what was mended is taken")
test.check_equal(decoded()["events/1"]["place"], {"village": "b"}, "and decodes")
test.check_equal(gateway.imbalance(), [], "the counters balance")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
