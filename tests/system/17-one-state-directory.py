#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

from harness import LOCKED_EXIT, Test

test = Test("two daemons never share a state directory: the second ends with 75 and says why")
broker = test.broker()
CONFIG = f"""
brokers:
  local: {{ url: {broker.url} }}
routes:
  raw:
    from: {{ broker: local, topics: ["a/#"] }}
    to:
      - local: {{ topic: out }}
"""
first = test.gateway(CONFIG, name="first")
second = test.gateway(CONFIG, name="second", state=first.state, wait=False)
test.check_equal(second.wait_exit(), LOCKED_EXIT, "the second daemon ends with 75")
test.check_in(first.state, second.log(), "it names the directory")
test.check_in(f"process {first.pid}", second.log(), "and says which process uses it")
reader = broker.subscriber("out")
broker.publisher().send("a/1", b"still here")
reader.wait_count(1)
test.check_equal(reader.messages[0].payload, b"still here", "the first one works on, undisturbed")

first.kill()
third = test.gateway(CONFIG, name="third", state=first.state)
test.check(third.is_running(), "a lock of a killed daemon is no obstacle")
test.check_equal(third.stop(), 0, "SIGTERM ends it with 0")
test.finish()
