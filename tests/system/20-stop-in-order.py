#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import signal
import time

from harness import HttpServer, Test

test = Test("SIGTERM drains what is in flight and ends with 0 within its bound, even when a target hangs")
broker = test.broker()
hang = False


def answer(_request):
    if hang:
        time.sleep(30)
    return 200, {}


server = HttpServer(test, answer)
lines = test.path("out.jsonl")
CONFIG = f"""
brokers:
  local: {{ url: {broker.url} }}
upstreams:
  archive:
    file: {{ path: {lines} }}
  lake:
    http: {{ url: {server.url}/in, batch: {{ messages: 100, wait: 20ms }} }}
routes:
  raw:
    from: {{ broker: local, topics: ["raw/#"] }}
    decode: json
    to: [archive, lake]
"""
gateway = test.gateway(CONFIG)
publisher = broker.publisher()


def load(first, count):
    for i in range(first, first + count):
        publisher.send("raw/x", str(i), key=i)


load(0, 5000)
time.sleep(0.2)
start = time.monotonic()
test.check_equal(gateway.stop(), 0, "under load SIGTERM ends it with 0")
test.check(time.monotonic() - start < 6, f"within its bound ({time.monotonic() - start:.2f} s)")
test.check_in("STOPPING=1", gateway.notifications.received, "the service manager is told")
publisher.wait_confirmed(5000)
gateway.restart()
gateway.wait_idle()


def in_file():
    with open(lines, encoding="utf-8") as file:
        return [int(line) for line in file]


test.wait(lambda: len(set(in_file())) >= 5000, "the rest after the start: file")
test.wait(lambda: len(server.accepted()) >= 5000, "the rest after the start: HTTP")
test.check_sequence(in_file(), 5000, "a stop in order repeats nothing and loses nothing: file")
test.check_sequence(server.accepted(), 5000, "a stop in order repeats nothing and loses nothing: HTTP")

hang = True
load(5000, 100)
test.wait(lambda: gateway.target("raw", "lake")["in_flight"] > 0, "requests in flight")
start = time.monotonic()
test.check_equal(gateway.stop(), 0, "with a hanging target SIGTERM ends it with 0")
seconds = time.monotonic() - start
test.check(seconds < 8, f"with a hanging target within the bound, too ({seconds:.2f} s)")

gateway.restart()
load(5100, 100)
test.wait(lambda: gateway.target("raw", "lake")["in_flight"] > 0, "requests in flight again")
gateway.signal(signal.SIGTERM)
time.sleep(0.1)
gateway.signal(signal.SIGTERM)
start = time.monotonic()
test.check_equal(gateway.wait_exit(3), 0, "a second SIGTERM ends it at once")

gateway.start()
gateway.wait_ready()
gateway.signal(signal.SIGINT)
test.check_equal(gateway.wait_exit(8), 0, "SIGINT is the same (a terminal's Ctrl-C)")
test.check_equal(os.listdir(gateway.runtime), ["notify"], "the control socket is removed")
test.finish()
