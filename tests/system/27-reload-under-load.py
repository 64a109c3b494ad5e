#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import threading
import time

from harness import SHORT, Test, is_sanitized

test = Test("a reload that ends a source under full load is no fault: nothing is lost and nothing comes twice",
            seconds=200)
RELOADS = 4 if SHORT or is_sanitized() else 15
test.note(f"seed {test.seed}")
broker = test.broker()
lines = test.path("out.jsonl")


def config(number):
    """Another keep alive is another connection on the same session."""
    return f"""
brokers:
  local: {{ url: {broker.url}, keepalive: {30 + number}s }}
upstreams:
  archive:
    file: {{ path: {lines} }}
routes:
  raw:
    from: {{ broker: local, topics: ["raw/#"] }}
    decode: json
    to: [archive]
"""


gateway = test.gateway(config(0))
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
taken = []
for number in range(RELOADS):
    time.sleep(0.1 + test.random.random() * 0.2)
    gateway.configure(config(number + 1))
    taken.append(gateway.reload())
    gateway.wait_subscribed()
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
test.check_equal(taken, [True] * RELOADS, f"{RELOADS} reloads under load were taken")
test.check_equal(gateway.metric("forebay_source_possible_gaps_total", broker="local"), 0, "the session went on")
test.check_sequence(in_file(), sent, f"{sent} messages: each once and in order")
test.check_equal(gateway.imbalance(), [], "the counters balance")
test.check_equal(gateway.stop(), 0, "it ends with 0")
test.finish()
