#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

from harness import BUILD, HttpServer, Test, run

test = Test("what an operator must know of is in the status, the metrics and the log, with what to do")
broker = test.broker()
server = HttpServer(test, lambda request: (503, {}))
gateway = test.gateway(f"""
journal: {{ segment_size: 64 KiB, max_size: 1 MiB, when_full: block }}
brokers:
  local: {{ url: {broker.url}, client_id: shared }}
upstreams:
  dead: {{ http: {{ url: {server.url}/ }} }}
routes:
  all:
    from: {{ broker: local, topics: ["t/#"] }}
    to: [dead]
""")


def active():
    return {entry["state"]: entry["text"] for entry in gateway.status()["states"]}


def shown():
    return run([os.path.join(BUILD, "daemon", "cli", "forebay"), "--socket",
                os.path.join(gateway.runtime, "control.sock"), "status"]).stdout


test.check_equal(active(), {}, "a healthy gateway has none")
publisher = broker.publisher()
for n in range(700):
    publisher.send(f"t/{n}", b"x" * 2000, key=n)
test.wait(lambda: "FULL" in active(), "the journal to be full")
test.check_in("max_size", active()["FULL"], "FULL says what to do")
test.check_equal(gateway.metric("forebay_state", state="full"), 1, "it is in the metrics")
gateway.wait_log("FULL journal")
test.check_in("FULL", shown(), "forebay status shows it")
server.answer = lambda request: (200, {})
test.wait(lambda: "FULL" not in active(), "room in the journal", 40)
gateway.wait_log("FULL is over")

# Somebody else with our client id: each connect throws the other out.
import paho.mqtt.client as mqtt  # noqa: E402

thief = mqtt.Client(client_id="shared", clean_session=True, protocol=mqtt.MQTTv311)
thief.reconnect_delay_set(1, 1)
thief.connect("127.0.0.1", broker.port)
thief.loop_start()
test.wait(lambda: "CLIENT_ID_CONFLICT" in active(), "the conflict to be seen", 20)
thief.disconnect()
thief.loop_stop()
test.check_in("client_id", active()["CLIENT_ID_CONFLICT"], "CLIENT_ID_CONFLICT says what to do")
test.check_equal(gateway.metric("forebay_state", state="client_id_conflict"), 1, "it is in the metrics")
gateway.wait_log("CLIENT_ID_CONFLICT local", 15)

# The other one asked for a clean session, and so the broker threw ours away.
test.wait(lambda: "POSSIBLE_GAP" in active(), "the lost session to be seen", 20)
test.check_in("persistence", active()["POSSIBLE_GAP"], "POSSIBLE_GAP says what to do")
test.check_equal(gateway.metric("forebay_state", state="possible_gap"), 1, "it is in the metrics")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
