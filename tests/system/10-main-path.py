#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import json

from harness import HttpServer, Test
from harness_gateway import PROTO, telemetry

test = Test("protobuf from a broker goes through a filter plugin to a broker, an HTTP service and a file, as JSON")
devices, cloud = test.broker("devices"), test.broker("cloud")
server = HttpServer(test)
lines = test.path("out.jsonl")
gateway = test.gateway(f"""
schemas:
  - {{ proto: [{PROTO}] }}
brokers:
  devices: {{ url: {devices.url} }}
  cloud: {{ url: {cloud.url} }}
upstreams:
  lake:
    http: {{ url: {server.url}/telemetry, batch: {{ messages: 20, wait: 50ms, format: ndjson }} }}
  archive:
    file: {{ path: {lines} }}
routes:
  telemetry:
    from: {{ broker: devices, topics: ["sensors/{{device}}/telemetry"] }}
    decode: {{ protobuf: {{ message: acme.v1.Telemetry }} }}
    process:
      - filter: {{ keep: "temperature >= 20 and status ~= 'STATUS_UNKNOWN'" }}
    to:
      - lake
      - archive
      - cloud: {{ topic: "site/{{device}}/telemetry" }}
""")
received = cloud.subscriber("site/#")
encode = telemetry(test)
publisher = devices.publisher()
COUNT = 300
kept = []
for i in range(COUNT):
    fields = {"device_id": f"d{i % 7}", "number": i, "temperature": 15 + i % 10, "status": 1 if i % 5 else 0,
              "humidity": 40.5, "position": {"latitude": 52.5, "longitude": 13.4}, "samples": [1, 2, 300],
              "tags": {"site": "berlin"}, "time_ms": 1700000000123}
    if fields["temperature"] >= 20 and fields["status"]:
        kept.append(i)
    publisher.send(f"sensors/d{i % 7}/telemetry", encode(**fields), key=i)
publisher.wait_confirmed(COUNT)
received.wait_count(len(kept))
gateway.wait_idle()

with open(lines, encoding="utf-8") as file:
    in_file = [json.loads(line) for line in file]
for name, records in (("upstream broker", received.json()), ("HTTP service", server.accepted()), ("file", in_file)):
    test.check_equal([record["number"] for record in records], kept, f"{name}: exactly the messages that pass, in order")
sample = received.json()[0]
test.check_equal(sample, {"device_id": f"d{kept[0] % 7}", "number": kept[0], "time_ms": 1700000000123,
                          "temperature": 15 + kept[0] % 10, "humidity": 40.5, "status": "STATUS_OK",
                          "position": {"latitude": 52.5, "longitude": 13.4}, "samples": [1, 2, 300],
                          "tags": {"site": "berlin"}}, "every kind of field is in the JSON")
test.check_equal(received.messages[0].topic, f"site/d{kept[0] % 7}/telemetry", "the topic is made from the capture")
test.check_equal(in_file, received.json(), "the file and the broker got the same")
requests = server.requests
test.check(all(len(request.records()) <= 20 for request in requests), "HTTP batches are at most as large as configured")
test.check(len(requests) < len(kept), "HTTP messages travel in batches")
keys = [request.headers.get("idempotency-key") for request in requests]
test.check(all(keys) and len(set(keys)) == len(keys), "every HTTP request has an idempotency key of its own")
test.check_equal(requests[0].headers.get("content-type"), "application/x-ndjson", "the content type says NDJSON")

for target in ("lake", "archive", "cloud"):
    counts = gateway.target("telemetry", target)
    test.check_equal((counts["accepted"], counts["delivered"], counts["filtered"], counts["queued"]),
                     (COUNT, len(kept), COUNT - len(kept), 0), f"{target}: the counters tell the same")
test.check_equal(gateway.imbalance(), [], "accepted is what became of it, for every target")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
