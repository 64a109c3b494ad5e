#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Telemetry to JSON text with python3-protobuf. Usage: decode_python.py DESCRIPTOR-SET PAYLOAD TIMES; prints the CPU
# microseconds of each and the text of one.
import json
import sys
import time

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory


def telemetry_class(path):
    with open(path, "rb") as file:
        files = descriptor_pb2.FileDescriptorSet.FromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for one in files.file:
        pool.Add(one)
    kind = pool.FindMessageTypeByName("bench.Telemetry")
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(kind)
    return message_factory.MessageFactory(pool).GetPrototype(kind)


def main():
    telemetry = telemetry_class(sys.argv[1])
    with open(sys.argv[2], "rb") as file:
        payload = file.read()
    times = int(sys.argv[3])

    def convert():
        return json_format.MessageToJson(telemetry.FromString(payload), indent=None, preserving_proto_field_name=True)

    convert()
    before = time.process_time()
    for _ in range(times):
        convert()
    used = time.process_time() - before
    print(json.dumps({"us": used * 1e6 / times, "text": convert()}))


main()
