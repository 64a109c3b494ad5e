#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import json
import shutil
import subprocess
import threading

from harness import SOURCE, Test

test = Test("What forebayd says as an edge node is understood by its own host side and by sparkplug-payload of npm")
devices, hq, cloud = test.broker("devices"), test.broker("hq"), test.broker("cloud")
VALUES = {"i8": ("Int8", -8), "i16": ("Int16", -16), "i32": ("Int32", -32), "i64": ("Int64", -(1 << 53)),
          "u8": ("UInt8", 255), "u16": ("UInt16", 65535), "u32": ("UInt32", 0xffffffff), "u64": ("UInt64", 1 << 53),
          "f": ("Float", 0.5), "d": ("Double", 0.1), "b": ("Boolean", True), "s": ("String", "größer"), "t": ("Text", "x")}
ARRAYS = {"ai": ("Int16Array", [1, -2]), "ab": ("BooleanArray", [True, False, True]), "as": ("StringArray", ["a", ""])}
rules = ", ".join(f"{name}: {{ type: {kind}, unit: V }}" for name, (kind, _) in {**VALUES, **ARRAYS}.items())
received = cloud.subscriber("back")
# The host is there before the edge nodes; one of them waits for its STATE.
host = test.gateway(f"""
brokers: {{ hq: {{ url: {hq.url}, sparkplug_host: scada }}, cloud: {{ url: {cloud.url} }} }}
routes:
  back:
    from: {{ broker: hq, topics: ["spBv1.0/plant/#"] }}
    decode: sparkplug
    to: [ {{ cloud: {{ topic: "back" }} }} ]
""", name="host")
gateway = test.gateway(f"""
brokers:
  devices: {{ url: {devices.url} }}
  hq: {{ url: {hq.url} }}
upstreams:
  named: {{ sparkplug: {{ broker: hq, group: plant, edge_node: named, datatypes: true, rebirth_interval: 0s }} }}
  numbered: {{ sparkplug: {{ broker: hq, group: plant, edge_node: numbered, aliases: true, primary_host: scada }} }}
routes:
  out:
    from: {{ broker: devices, topics: ["sensors/{{sensor}}"] }}
    decode: json
    to:
      - named: {{ encode: {{ sparkplug: {{ device: "{{sensor}}", timestamp: at, quality: q, metrics: {{ {rules} }} }} }} }}
      - numbered: {{ encode: {{ sparkplug: {{ device: "{{sensor}}", timestamp: at, quality: q, metrics: {{ {rules} }} }} }} }}
""")
publisher = devices.publisher()


def outputs(edge_node, kind):
    return [o for o in (json.loads(m.payload) for m in received.messages)
            if o.get("edge_node") == edge_node and o["type"] == kind]


def wait_output(edge_node, kind, count=1):
    return test.wait(lambda: len(found := outputs(edge_node, kind)) >= count and found, f"{kind} of {edge_node}", 30)[count - 1]


def metrics(message):
    return {m["name"]: m for m in message["metrics"]}


# ---- Forebay reads what Forebay writes ----
values = {name: value for name, (_, value) in {**VALUES, **ARRAYS}.items()}
publisher.send("sensors/s1", json.dumps({**values, "at": 1700000000000, "q": 192, "nested": {"x": None, "y": 1}}).encode())
for edge_node in ("named", "numbered"):
    birth = metrics(wait_output(edge_node, "DBIRTH"))
    expected = {name: (kind, value) for name, (kind, value) in {**VALUES, **ARRAYS}.items()}
    expected["nested/y"] = ("Int64", 1)
    # tck-id-payloads-metric-datatype-value
    test.check_equal({name: (m["type"], m["value"]) for name, m in birth.items()}, expected,
                     f"{edge_node}: every type comes back with its value in the birth")
    # tck-id-payloads-metric-timestamp-in-UTC
    test.check_equal({(m.get("unit"), m.get("quality"), m["timestamp"][:19]) for name, m in birth.items() if name != "nested/y"},
                     {("V", 192, "2023-11-14T22:13:20")}, f"{edge_node}: so do unit, quality and time")
publisher.send("sensors/s1", json.dumps({**values, "i8": -9, "at": 1700000001000, "q": 500}).encode())
for edge_node in ("named", "numbered"):
    data = metrics(wait_output(edge_node, "DDATA"))
    test.check_equal((data["i8"]["type"], data["i8"]["value"], data["i8"]["quality"], data["s"]["value"]),
                     ("Int8", -9, 500, "größer"), f"{edge_node}: data has its names and types")
test.check_equal([o["bdseq"] for o in outputs("named", "NBIRTH")], [0], "the session is numbered")

# ---- npm's sparkplug-payload ----
modules = os.environ.get("FOREBAY_NODE_PATH", "")
lines = []


def read(pipe):
    for line in pipe:
        lines.append(json.loads(line))


def of(kind, edge_node="named"):
    return [line for line in lines if line["type"] == kind and line.get("edgeNode") == edge_node]


if not shutil.which("node"):
    test.skip_case("sparkplug-payload", "node is not installed")
elif not os.path.exists(os.path.join(modules, "sparkplug-payload", "package.json")):
    test.skip_case("sparkplug-payload", "FOREBAY_NODE_PATH has no sparkplug-payload; ./quickstart test installs it")
else:
    peer = subprocess.Popen(["node", os.path.join(SOURCE, "tests", "helpers", "sparkplug_host.js"), str(hq.port)],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "NODE_PATH": modules})
    try:
        threading.Thread(target=read, args=(peer.stdout,), daemon=True).start()
        test.wait(lambda: lines, "the peer of npm to be subscribed", 30)
        peer.stdin.write("plant/named\n")
        peer.stdin.flush()
        test.wait(lambda: of("DBIRTH"), "the births that it asks for", 30)
        test.check_equal([(line["type"], line["device"], line["seq"]) for line in lines if line.get("edgeNode") == "named"],
                         [("NBIRTH", "", 0), ("DBIRTH", "s1", 1)], "its rebirth command is answered with all births")
        birth = metrics(of("DBIRTH")[0])
        # It looks for UInt32 in the field for longs, where the specification (6.4.17) puts it into the one for ints.
        known = {name: (kind, -9 if name == "i8" else value) for name, (kind, value) in VALUES.items() if kind != "UInt32"}
        # tck-id-payloads-metric-datatype-value-type
        test.check_equal({name: (birth[name]["type"], birth[name]["value"]) for name in known}, known,
                         "it reads scalar types and their last values")
        # tck-id-payloads-propertyset-keys-array-size tck-id-payloads-propertyset-values-array-size
        test.check_equal(birth["f"]["properties"]["engUnit"]["value"], "V", "and the unit")
        publisher.send("sensors/s1", json.dumps({"d": 2.5, "at": 1700000002000}).encode())
        test.wait(lambda: of("DDATA"), "data", 30)
        data = of("DDATA")[0]
        test.check_equal((data["seq"], metrics(data)["d"]["value"], metrics(data)["d"]["timestamp"]), (2, 2.5, 1700000002000),
                         "it reads data, with datatypes: true")
    finally:
        peer.stdin.close()
        try:
            peer.wait(10)
        except subprocess.TimeoutExpired:
            peer.kill()
            peer.wait()

# ---- The end is seen ----
gateway.wait_idle()
host.wait_idle()
test.check_equal(gateway.imbalance() + host.imbalance(), [], "accepted is what became of it")
before = len(received.messages)
gateway.kill()
deaths = test.wait(lambda: len(found := [o for o in (json.loads(m.payload) for m in received.messages[before:])
                                         if o["type"] == "NDEATH"]) >= 2 and found, "the wills of both edge nodes", 30)
test.check_equal(sorted((o["edge_node"], o["bdseq"]) for o in deaths), [("named", 0), ("numbered", 0)],
                 "kill -9: the wills are read with the number of their session")
test.check_equal(host.stop(), 0, "SIGTERM ends it with 0")
test.finish()
