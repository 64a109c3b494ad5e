#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import threading
import time

from harness import SHORT, Test, is_sanitized

test = Test("a stop in order is no fault: under full load, over many restarts, nothing is lost and nothing comes twice",
            seconds=200)
STOPS = 4 if SHORT or is_sanitized() else 15
test.note(f"seed {test.seed}")
broker = test.broker()
lines = test.path("out.jsonl")
gateway = test.gateway(f"""
brokers:
  local: {{ url: {broker.url} }}
upstreams:
  archive:
    file: {{ path: {lines} }}
routes:
  raw:
    from: {{ broker: local, topics: ["raw/#"] }}
    decode: json
    to: [archive]
""")
publisher = broker.publisher()
sent = 0
done = False


def publish():
    global sent
    while not done:
        if sent - len(publisher.confirmed) < 3000:
            publisher.send("raw/x", str(sent), key=sent)
            sent += 1
        else:
            time.sleep(0.001)


thread = threading.Thread(target=publish, daemon=True)
thread.start()
statuses = []
for _ in range(STOPS):
    time.sleep(0.15 + test.random.random() * 0.3)
    statuses.append(gateway.stop())
    gateway.restart()
done = True
thread.join()
publisher.wait_confirmed(sent)


def in_file():
    with open(lines, encoding="utf-8") as file:
        return [int(line) for line in file if line.endswith("\n")]


test.wait(lambda: len(set(in_file())) >= sent, "everything to arrive", 60, step=0.2)
gateway.wait_idle()
head = gateway.status()["journal"]["head"]
test.note(f"{head} records in the journal for {sent} messages")
test.check_equal(statuses, [0] * STOPS, f"{STOPS} times SIGTERM under load ended it with 0")
test.check_sequence(in_file(), sent, f"{sent} messages: each once and in order")
test.check_equal(gateway.imbalance(), [], "the counters balance")
test.check_equal(gateway.stop(), 0, "and once more without load")
test.finish()
