#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import threading
import time

from harness import SHORT, Test, is_sanitized
from harness_gateway import PROTO, telemetry

# The oracle knows only what the devices' broker has confirmed and what has come out: it shares no code and no
# counter with the daemon. A message counts as lost when it was confirmed and is in neither output at the end.
test = Test("kill -9 at random moments under load: no confirmed message is lost, none is out of order", seconds=400)
KILLS = 5 if SHORT or is_sanitized() else 50
RATE = 1500
test.note(f"seed {test.seed} (FOREBAY_TEST_SEED repeats it), {KILLS} kills")
devices, cloud = test.broker("devices"), test.broker("cloud")
lines = test.path("out.jsonl")
gateway = test.gateway(f"""
schemas:
  - {{ proto: [{PROTO}] }}
journal: {{ segment_size: 1 MiB }}
brokers:
  devices: {{ url: {devices.url}, reconnect_min: 20ms, reconnect_max: 100ms }}
  cloud: {{ url: {cloud.url}, reconnect_min: 20ms, reconnect_max: 100ms }}
upstreams:
  archive:
    file: {{ path: {lines} }}
routes:
  telemetry:
    from: {{ broker: devices, topics: ["sensors/{{device}}/telemetry"] }}
    decode: {{ protobuf: {{ message: acme.v1.Telemetry }} }}
    to:
      - archive
      - cloud: {{ topic: "out/{{device}}" }}
""")
received = cloud.subscriber("out/#")
encode = telemetry(test)
publisher = devices.publisher()
stop = threading.Event()
sent = 0


def publish():
    global sent
    start = time.monotonic()
    while not stop.is_set():
        while sent < (time.monotonic() - start) * RATE and sent - len(publisher.confirmed) < 2000:
            publisher.send(f"sensors/d{sent % 5}/telemetry", encode(device_id=f"d{sent % 5}", number=sent), key=sent)
            sent += 1
        time.sleep(0.002)


thread = threading.Thread(target=publish, daemon=True)
thread.start()
killed_before_ready = 0
for i in range(KILLS):
    # Most kills fall into full work, some into the start.
    time.sleep(test.random.choice((0.02, 0.1, 0.2, 0.35)) * test.random.random() + 0.01)
    killed_before_ready += "READY=1" not in gateway.notifications.received
    gateway.kill()
    gateway.start()
test.note(f"{killed_before_ready} kills before the daemon was ready")
gateway.wait_ready(30)
time.sleep(0.5)
stop.set()
thread.join()
publisher.wait_confirmed(sent)
test.note(f"{sent} messages confirmed by the devices' broker")


def numbers_in_file():
    import json
    with open(lines, encoding="utf-8") as file:
        return [json.loads(line)["number"] for line in file if line.endswith("\n")]


def outputs():
    return {"upstream broker": [record["number"] for record in received.json()], "file": numbers_in_file()}


def complete():
    return all(len(set(numbers)) >= sent for numbers in outputs().values())


try:
    test.wait(complete, "every confirmed message to come out", 60, step=0.5)
except Exception as error:
    test.note(error)
gateway.wait_idle(30)
confirmed = set(publisher.confirmed)
for name, numbers in outputs().items():
    lost = sorted(confirmed - set(numbers))
    test.check_equal(lost[:20], [], f"{name}: of {len(confirmed)} confirmed messages none is lost (seed {test.seed})")
    repeated = len(numbers) - len(set(numbers))
    test.note(f"{name}: {repeated} came twice")
    test.check(repeated <= KILLS * 1000, f"{name}: duplicates stay within a window for each fault")
    # In order for each device, when repetitions are left out.
    first = {}
    disorder = 0
    for number in dict.fromkeys(numbers):
        device = number % 5
        disorder += number < first.get(device, -1)
        first[device] = number
    test.check_equal(disorder, 0, f"{name}: first arrivals are in order for every device")
test.check_equal(gateway.imbalance(), [], "the counters balance")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
