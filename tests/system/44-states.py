#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

from harness import BUILD, HttpServer, Test, is_sanitized, run

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


def active(of=gateway):
    return {entry["state"]: entry["text"] for entry in of.status()["states"]}


def shown(of=gateway):
    return run([os.path.join(BUILD, "daemon", "cli", "forebay"), "--socket",
                os.path.join(of.runtime, "control.sock"), "status"]).stdout


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
test.check_in("POSSIBLE_GAP local", shown(), "forebay status shows it")
gateway.wait_log("POSSIBLE_GAP local", 15)
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")

# The disk does not take the journal for a while: nothing is acknowledged, everything comes in the end.
SHIM = os.path.join(BUILD, "tests", "faults", "fault_shim.so")
if is_sanitized() or not os.path.exists(SHIM):
    test.note("STORAGE_FAILED is not tried: calls are replaced by preloading, which a sanitizer does not like")
else:
    devices = test.broker("devices")
    ended = HttpServer(test)
    failing = test.gateway(f"""
brokers:
  devices: {{ url: {devices.url}, reconnect_min: 50ms, reconnect_max: 200ms }}
upstreams:
  sink: {{ http: {{ url: {ended.url}/, batch: {{ messages: 1, wait: 1ms, format: single }} }} }}
routes:
  all:
    from: {{ broker: devices, topics: ["t/#"] }}
    decode: json
    to: [sink]
""", name="failing", start=False)
    failing.environment.update({"LD_PRELOAD": SHIM, "FAULT_DIRECTORY": os.path.join(failing.state, "journal"),
                                "FAULT_CALL": "fdatasync", "FAULT_AT": "6", "FAULT_COUNT": "12", "FAULT_WITH": "EIO"})
    failing.start()
    failing.wait_ready()
    publisher = devices.publisher()
    sent = 0

    def publish_until_failed():
        global sent
        if "STORAGE_FAILED" in active(failing):
            return True
        publisher.send("t/1", b'{"n":%d}' % sent, key=sent)
        sent += 1
        return False

    test.wait(publish_until_failed, "the disk to fail", 30)
    test.check_in("check the disk", active(failing)["STORAGE_FAILED"], "STORAGE_FAILED says what to do")
    test.check_equal(failing.metric("forebay_state", state="storage_failed"), 1, "it is in the metrics")
    test.check_in("STORAGE_FAILED journal", shown(failing), "forebay status shows it")
    test.check_equal(failing.request("/readyz")[0], 503, "and it is not ready")
    failing.wait_log("STORAGE_FAILED journal", 15)
    test.wait(lambda: "STORAGE_FAILED" not in active(failing), "the disk to work again", 60)
    failing.wait_log("STORAGE_FAILED is over", 15)
    publisher.wait_confirmed(sent, 30)
    test.wait(lambda: {record["n"] for record in ended.accepted()} == set(range(sent)), "every message to arrive", 60)
    test.check_equal(failing.imbalance(), [], "the counters balance")
    test.check_equal(failing.stop(), 0, "SIGTERM ends it with 0")
test.finish()
