#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import time

from harness import Test

test = Test("dead brokers on either side lose nothing and hold up nobody else")
devices, cloud = test.broker("devices"), test.broker("cloud")
lines = test.path("out.jsonl")
gateway = test.gateway(f"""
brokers:
  devices: {{ url: {devices.url}, reconnect_min: 50ms, reconnect_max: 200ms }}
  cloud: {{ url: {cloud.url}, reconnect_min: 50ms, reconnect_max: 200ms }}
upstreams:
  archive:
    file: {{ path: {lines} }}
routes:
  raw:
    from: {{ broker: devices, topics: ["raw/#"] }}
    decode: json
    to:
      - archive
      - cloud
""")
received = cloud.subscriber("raw/#")
publisher = devices.publisher()
sent = 0


def send(count):
    global sent
    for _ in range(count):
        publisher.send(f"raw/{sent}", str(sent), key=sent)
        sent += 1
    publisher.wait_confirmed(sent)


def in_file():
    with open(lines, encoding="utf-8") as file:
        return [int(line) for line in file]


def unique_topics():
    return list(dict.fromkeys(int(m.topic[4:]) for m in list(received.messages)))


send(100)
received.wait_count(100)

# The upstream is away: its own backlog grows, the file goes on.
cloud.stop()
test.wait(lambda: not gateway.status()["upstreams"]["cloud"]["connected"], "the dead upstream to be noticed")
test.check(gateway.status()["upstreams"]["cloud"]["reason"], "the status says why the upstream is away")
send(3000)
test.wait(lambda: len(in_file()) >= sent, "the file to be complete while the broker is away")
test.check(True, "a dead upstream does not hold up the other target")
counts = gateway.target("raw", "cloud")
test.check_equal(counts["queued"], 3000, "what waits for the dead upstream is counted as queued")
test.check_equal(gateway.status()["state"], "ok", "a dead upstream is no reason to be degraded: the journal is for that")
test.check_equal(gateway.imbalance(), [], "the counters balance meanwhile")
cloud.start()
test.wait(lambda: len(unique_topics()) >= sent, "the backlog to arrive", 30)
test.check_sequence(unique_topics(), sent, "everything has arrived after the upstream came back, in order")

# The devices' broker is away: the source comes back by itself and continues its session.
devices.stop()
test.wait(lambda: not gateway.status()["sources"]["devices"]["connected"], "the dead source to be noticed")
test.check_equal(gateway.status()["state"], "degraded", "without the devices' broker the gateway is degraded")
test.check_in("devices", gateway.status()["text"], "and says which broker it is")
time.sleep(0.5)
devices.start()
gateway.wait_subscribed()
test.wait(publisher.connected.is_set, "the publisher to be back")
send(100)
test.wait(lambda: len(unique_topics()) >= sent, "messages after the source's return", 30)
test.check_sequence(sorted(set(in_file())), sent, "the file has everything, too")
test.check(not gateway.status()["sources"]["devices"]["possible_gap"], "the broker kept the session: no gap is reported")

# A broker that forgot the session: messages may be missing, and that is said.
devices.stop()
test.wait(lambda: not gateway.status()["sources"]["devices"]["connected"], "the dead source to be noticed again")
os.remove(os.path.join(devices.directory, "mosquitto.db"))
devices.start()
gateway.wait_subscribed()
test.wait(lambda: gateway.status()["sources"]["devices"]["possible_gap"], "the lost session to be noticed")
test.check_in("session", gateway.log(), "a lost session is reported as a possible gap, with words in the log")

# Both away during a stop and a start of the daemon.
test.wait(publisher.connected.is_set, "the publisher to be back")
cloud.stop()
send(200)
test.wait(lambda: len(in_file()) >= sent, "the last messages to be taken")
gateway.kill()
gateway.start()
gateway.wait_ready()
# (`queued` counts records as the route reads them; `lag_records` knows them all at once.)
test.check_equal(gateway.target("raw", "cloud")["lag_records"], 200, "the lag after a crash is what was not delivered")
cloud.start()
test.wait(lambda: len(unique_topics()) >= sent, "the backlog of before the crash to arrive", 30)
test.check_sequence(unique_topics(), sent, "the backlog survives kill -9, in order")
gateway.wait_idle()
test.check_equal(gateway.imbalance(), [], "the counters balance at the end")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
