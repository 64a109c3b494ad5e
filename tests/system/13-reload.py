#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

from harness import Test

test = Test("SIGHUP takes a new configuration when it is right and keeps the old one when it is not")
broker = test.broker()


def config(topics, target="out"):
    return f"""
brokers:
  local: {{ url: {broker.url} }}
routes:
  raw:
    from: {{ broker: local, topics: {topics} }}
    decode: json
    to:
      - local: {{ topic: "{target}/{{name}}" }}
"""


gateway = test.gateway(config('["a/{name}"]'))
reader = broker.subscriber(["out/#", "new/#"])
publisher = broker.publisher()
publisher.send("a/1", b"1")
reader.wait_count(1)

gateway.configure(config('["a/{name}", "b/{name}"]', target="new"))
pid = gateway.pid
test.check(gateway.reload(), "a right configuration is taken")
publisher.send("a/2", b"2")
publisher.send("b/3", b"3")
reader.wait_count(3)
test.check_equal(sorted(m.topic for m in reader.messages), ["new/2", "new/3", "out/1"],
                 "the added topic and the changed target are in use")
test.check_equal(gateway.pid, pid, "it is the same process")

gateway.configure(config('["c/{name}"]').replace("decode:", "decoed:"))
test.check(not gateway.reload(), "a wrong configuration is refused")
log = gateway.log()
test.check_in("decoed", log, "the log names the wrong key")
test.check_in("decode", log.split("decoed")[-1], "and the one that was meant")
publisher.send("a/4", b"4")
reader.wait_count(4)
test.check_equal(reader.messages[-1].topic, "new/4", "the old configuration goes on")
result = gateway.check_config()
test.check_equal(result.returncode, 78, "forebayd --check says 78 for the same file")
test.check_in(f"{gateway.config}:", result.stderr + result.stdout, "with the place")

code, text = gateway.request("/reload", "POST")
test.check_equal(code, 422, "POST /reload answers 422")
test.check_in("decoed", text, "with the report")
gateway.configure(config('["c/{name}"]', target="new"))
code, text = gateway.request("/reload", "POST")
test.check_equal(code, 200, "POST /reload takes the repaired one")


def arrives():
    publisher.send("c/5", b"5")
    return reader.messages[-1].topic == "new/5"


test.wait(arrives, "the third configuration to be in use", step=0.1)
gateway.wait_idle()
test.check_equal(gateway.imbalance(), [], "the counters balance over three reloads")

# Under load: what is acknowledged before, during and after a reload comes out, once.
gateway.configure(config('["load/{name}"]', target="new"))
gateway.reload()
del reader.messages[:]
test.wait(lambda: (publisher.send("load/probe", b"0"), any(m.topic == "new/probe" for m in reader.messages))[1],
          "the load route to be subscribed", step=0.1)
for i in range(2000):
    publisher.send(f"load/{i}", b"1", key=i)
    if i % 400 == 200:
        gateway.configure(config('["load/{name}"]', target="new") + f"# {i}\n")
        gateway.reload()
publisher.wait_confirmed(2000)
gateway.wait_idle()
test.wait(lambda: len({m.topic for m in reader.messages}) >= 2001, "all messages to arrive")
numbers = [int(m.topic[4:]) for m in reader.messages if m.topic != "new/probe"]
test.check_sequence(sorted(set(numbers)), 2000, "no message is lost over five reloads under load")
test.check_equal(numbers, sorted(numbers), "and they stay in order")
test.check_equal(len(numbers), 2000, "and none comes twice: nothing has failed")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
