#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import ctypes
import gzip
import json
import zlib

from harness import BUILD, Test
from harness_gateway import PROTO, telemetry

test = Test("gzip and zstd payloads are unpacked before they are decoded, and never to more than is allowed")
for name in ("gzip", "zstd"):
    if not os.path.exists(os.path.join(BUILD, "plugins", name, f"{name}.so")):
        test.skip(f"the codec {name} is not built")
libzstd = ctypes.CDLL("libzstd.so.1")
libzstd.ZSTD_compress.restype = libzstd.ZSTD_compressBound.restype = ctypes.c_size_t


def zstd(data):
    size = libzstd.ZSTD_compressBound(ctypes.c_size_t(len(data)))
    out = ctypes.create_string_buffer(size)
    size = libzstd.ZSTD_compress(out, ctypes.c_size_t(size), data, ctypes.c_size_t(len(data)), 3)
    return out.raw[:size]


devices, cloud = test.broker("devices"), test.broker("cloud")
gateway = test.gateway(f"""
schemas:
  - {{ proto: [{PROTO}] }}
brokers:
  devices: {{ url: {devices.url} }}
  cloud: {{ url: {cloud.url} }}
routes:
  gzip:
    from: {{ broker: devices, topics: ["gzip/#"] }}
    decode: {{ decompress: gzip, json: }}
    to: {{ cloud: {{ topic: "out/gzip" }} }}
  zstd:
    from: {{ broker: devices, topics: ["zstd/#"] }}
    decode: {{ decompress: {{ zstd: {{ max_output: 100 KiB, max_ratio: 1000 }} }}, protobuf: {{ message: acme.v1.Telemetry }} }}
    to: {{ cloud: {{ topic: "out/zstd" }} }}
  plain:
    from: {{ broker: devices, topics: ["plain/#"] }}
    decode: {{ decompress: gzip }}
    to:
      - cloud: {{ topic: "out/plain" }}
      - cloud: {{ topic: "out/packed", encode: raw }}
""")
received = cloud.subscriber("out/#")
publisher = devices.publisher()
reading = {"list": list(range(3000)), "text": "é" * 500}
text = json.dumps(reading, ensure_ascii=False).encode()
sample = telemetry(test)(device_id="z1", samples=list(range(2000)))


def outputs(count):
    """The next outputs by topic."""
    messages = received.wait_count(len(seen) + count)[len(seen):]
    seen.extend(messages)
    return {message.topic: message.payload for message in messages}


seen = []
for packed, what in ((gzip.compress(text), "gzip"), (zlib.compress(text), "zlib"),
                     (gzip.compress(text[:900]) + gzip.compress(text[900:]), "gzip in two members")):
    publisher.send("gzip/a", packed)
    test.check_equal(json.loads(outputs(1)["out/gzip"]), reading, what)
for packed, what in ((zstd(sample), "zstd"), (zstd(sample[:100]) + zstd(sample[100:]), "zstd in two frames")):
    publisher.send("zstd/a", packed)
    test.check_equal(json.loads(outputs(1)["out/zstd"])["samples"], list(range(2000)), what)
# An empty frame that asks for a window of 1 GiB: nothing is set aside for it.
publisher.send("zstd/a", b"\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00")
test.check_equal(json.loads(outputs(1)["out/zstd"])["samples"], [], "the window that a zstd frame asks for does not matter")
publisher.send("plain/a", gzip.compress(b"\x00\xff bytes"))
found = outputs(2)
test.check_equal((found["out/plain"], gzip.decompress(found["out/packed"])), (b"\x00\xff bytes", b"\x00\xff bytes"),
                 "without a decoder the unpacked bytes go out, with encode: raw the packed ones")

bomb = b"[" + b" " * 50_000_000 + b"]"
good, frame = gzip.compress(text), zstd(sample)
hostile = {"gzip": [gzip.compress(bomb), good[:-9], good[:20], good + b"x", b"", b"{}", good[:50] + b"\xff\xff\xff" + good[53:]],
           "zstd": [zstd(bomb), frame[:-3], b"", b"{}", frame + b"x"]}
for route, payloads in hostile.items():
    for payload in payloads:
        publisher.send(f"{route}/bad", payload)
total = sum(len(payloads) for payloads in hostile.values())
test.wait(lambda: sum(gateway.target(route, "cloud")["dead_lettered"] for route in hostile) >= total, "all dead letters")
test.check_equal(len(received.messages), len(seen), "nothing is made of payloads that are wrong")
letters = json.loads(gateway.request("/dead-letters?limit=200")[1])["letters"]
for letter in letters:
    test.note(letter["reason"])
test.check_equal(sum("unpacks to more than" in letter["reason"] for letter in letters), 2, "bombs are stopped at the limit")
test.check(all(letter["stage"] == "decode" and letter["reason"] for letter in letters), "each dead letter says why")
test.check_equal(gateway.imbalance(), [], "the counters balance")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
