#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

from harness import Test

test = Test("a start with a broken configuration runs the last one that was right, and says so")
broker = test.broker()


def config(target, routes="routes"):
    return f"""
brokers:
  local: {{ url: {broker.url} }}
{routes}:
  raw:
    from: {{ broker: local, topics: ["a/#"] }}
    to:
      - local: {{ topic: {target} }}
"""


gateway = test.gateway(config("first"))
test.check_equal(os.stat(os.path.join(gateway.state, "last-good.yaml")).st_mode & 0o777, 0o600,
                 "the copy can be read by nobody else: it holds what passwords the file holds")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")

gateway.configure(config("second", routes="rutes"))
gateway.restart()
reader = broker.subscriber(["first", "second"])
broker.publisher().send("a/1", b"1")
reader.wait_count(1)
test.check_equal(reader.messages[0].topic, "first", "the last right configuration runs")
status = gateway.status()
test.check_equal(status["state"], "degraded", "status says degraded")
test.check_in("broken", status["text"], "and why")
test.check_in("rutes", gateway.log(), "the log names what is wrong")

gateway.configure(config("second"))
test.check(gateway.reload(), "the mended file is taken by a reload")
broker.publisher().send("a/2", b"2")
reader.wait_count(2)
test.check_equal(reader.messages[1].topic, "second", "and is in use")
test.wait(lambda: gateway.status()["state"] == "ok", "status to say ok")
test.check_equal(gateway.imbalance(), [], "the counters balance")
test.finish()
