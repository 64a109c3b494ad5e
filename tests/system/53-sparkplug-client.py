#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import json
import shutil
import subprocess

from harness import SOURCE, Test

test = Test("the host application with an edge node that is not ours (npm's sparkplug-client), and the STATE of the host")
modules = os.environ.get("FOREBAY_NODE_PATH", "")
if not shutil.which("node") or not os.path.exists(os.path.join(modules, "sparkplug-client", "package.json")):
    test.skip("FOREBAY_NODE_PATH has no sparkplug-client; ./quickstart test installs it")

devices, cloud = test.broker("devices"), test.broker("cloud")
state = devices.subscriber("spBv1.0/STATE/#")
gateway = test.gateway(f"""
brokers:
  devices: {{ url: {devices.url}, sparkplug_host: scada1 }}
  cloud: {{ url: {cloud.url} }}
routes:
  plant:
    from: {{ broker: devices, topics: ["spBv1.0/#"] }}
    decode: {{ sparkplug: {{ reorder_timeout: 300ms, request_rebirth: true }} }}
    to:
      - cloud: {{ topic: "plant/out" }}
""")
received = cloud.subscriber("plant/out")


def outputs():
    return [o for o in (json.loads(m.payload) for m in received.messages) if o["type"] not in ("STATE", "NCMD")]


def wait_types(expected, what):
    test.wait(lambda: len(outputs()) >= len(expected), f"{len(expected)} messages: {what}; so far "
              f"{[o['type'] for o in outputs()]}", 20)
    test.check_equal([o["type"] for o in outputs()], expected, what)
    return outputs()


def values(output):
    return {m["name"]: m["value"] for m in output["metrics"]}


# ---- STATE ----

def states():
    return [json.loads(m.payload) for m in state.messages if m.topic == "spBv1.0/STATE/scada1"]


test.wait(lambda: states() and states()[-1]["online"], "the host to be online")
late = devices.subscriber("spBv1.0/STATE/scada1")
late.wait_count(1)
# tck-id-intro-sparkplug-host-state tck-id-components-ph-state tck-id-conformance-primary-host
# tck-id-host-topic-phid-birth-retain
test.check_equal((late.messages[0].retain, json.loads(late.messages[0].payload)["online"]), (True, True),
                 "STATE online is retained")

# A will of an earlier connection that comes late.
devices.publisher().send("spBv1.0/STATE/scada1", b'{"online":false,"timestamp":1}', retain=True)
test.wait(lambda: [s["online"] for s in states()][-2:] == [False, True], "online to be said again")
# tck-id-message-flow-hid-sparkplug-state-message-delivered
test.check_equal(states()[-1]["timestamp"], states()[0]["timestamp"], "with the time stamp of the connection")

# ---- The edge node ----

node = subprocess.Popen(["node", os.path.join(SOURCE, "tests", "helpers", "sparkplug_client.js"), str(devices.port)],
                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                        env={**os.environ, "NODE_PATH": modules})


def step(word):
    node.stdin.write(word + "\n")
    node.stdin.flush()


try:
    story = ["ONLINE", "NBIRTH", "ONLINE", "DBIRTH"]
    out = wait_types(story, "births")
    test.check_equal({k: v for k, v in values(out[3]).items() if k not in ("table", "motor")},
                     {"i8": -8, "i16": -16, "i32": -32, "i64": -64, "u8": 200, "u16": 60000, "u32": 4000000000,
                      "text": "größer", "on": True, "double": 0.1, "at": "2023-11-14T22:13:20Z"},
                     "values of every type as it wrote them")
    test.check_equal(values(out[3])["table"]["rows"], [["a", 1], ["b", -2]], "a data set")
    motor = values(out[3])["motor"]
    test.check_equal((motor["version"], motor["ref"], motor["is_definition"]), ("1.0", "Motor", False), "an instance of a template")
    test.check_equal([(m["name"], m["type"], m["value"]) for m in motor["metrics"] + motor["parameters"]],
                     [("rpm", "Int32", -5), ("on", "Boolean", True), ("index", "String", "7")], "with its members and parameters")
    step("data")
    story += ["NDATA"]
    out = wait_types(story, "data")
    test.check_equal((out[-1]["metrics"][0]["value"], out[-1]["metrics"][0]["unit"]), (2.5, "bar"), "with its unit")
    step("compressed")
    story += ["DDATA"]
    test.check_equal(values(wait_types(story, "compressed data")[-1]), {"i32": -33}, "unpacked")
    before = len(states())
    gateway.kill()
    gateway.start()
    # tck-id-host-topic-phid-death-required
    test.wait(lambda: not all(s["online"] for s in states()[before:]) and states()[-1]["online"],
              "the will, and the host online again")
    step("data")
    story += ["NDATA"]
    test.wait(lambda: outputs()[-1].get("seq") == 4, "data after kill -9")
    extra = len(outputs()) - len(story)
    story = [o["type"] for o in outputs()]
    test.check(extra <= 8, f"kill -9 repeats at most what was on its way ({extra})")
    test.check_equal(outputs()[-1]["metrics"][0].get("unit"), "bar", "the births survived kill -9")
    step("gap")
    test.wait(lambda: [o["type"] for o in outputs()][len(story):] == ["NDATA", "ONLINE", "NBIRTH", "ONLINE", "DBIRTH"],
              "a gap, and the births that were asked for", 20)
    # tck-id-operational-behavior-host-reordering-rebirth
    test.check("missing_seq" in outputs()[len(story)], "the gap is said, and the edge node answers the rebirth request")
    story = [o["type"] for o in outputs()]
    step("death")
    story += ["OFFLINE", "DDEATH"]
    # tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-offline
    wait_types(story, "the device's death")
    step("stop")
    test.wait(lambda: "NDEATH" in [o["type"] for o in outputs()[len(story):]], "the edge node's death")
    test.check_equal([o["type"] for o in outputs()[len(story):]][:2], ["OFFLINE", "NDEATH"],
                     "the edge node says goodbye; its device was offline already")
finally:
    node.stdin.close()
    node.wait(10)

# ---- An orderly stop ----

gateway.wait_idle()
test.check_equal(gateway.imbalance(), [], "accepted is what became of it")
online = states()[-1]
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.wait(lambda: not states()[-1]["online"], "the host to say goodbye")
# tck-id-operational-behavior-host-application-disconnect-intentional
test.check(states()[-1]["timestamp"] >= online["timestamp"], "its goodbye is not older than its birth")
test.finish()
