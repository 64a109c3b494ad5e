#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import gzip
import json
import time
import zlib

from harness import Test
from sparkplug_payload import (BOOLEAN, DOUBLE, FLOAT, INT16, INT32, INT64, STRING, UINT64, envelope, fields, metric,
                               metrics_of,
                               payload)

test = Test("decode: sparkplug as a host application: births, aliases over a restart, order, deaths, rebirth requests")
devices, cloud = test.broker("devices"), test.broker("cloud")
# tck-id-operational-behavior-host-reordering-param
configuration = f"""
brokers:
  devices: {{ url: {devices.url} }}
  cloud: {{ url: {cloud.url} }}
routes:
  plant:
    from: {{ broker: devices, topics: ["spBv1.0/#"] }}
    decode: {{ sparkplug: {{ reorder_timeout: 400ms, request_rebirth: true, rebirth_interval: 1h }} }}
    to:
      - cloud: {{ topic: "plant/out" }}
"""
gateway = test.gateway(configuration)
received = cloud.subscriber("plant/out")
commands = devices.subscriber("spBv1.0/+/NCMD/#")
node = devices.publisher()


def send(kind, edge_node, body, device=None):
    node.send(f"spBv1.0/G/{kind}/{edge_node}" + (f"/{device}" if device else ""), body)


def outputs():
    return [json.loads(m.payload) for m in received.messages]


def of(edge_node):
    """What comes of an edge node; commands to it are of somebody else, and come at any time."""
    return [o for o in outputs() if o.get("edge_node") == edge_node and o["type"] != "NCMD"]


def wait_of(edge_node, count, what):
    test.wait(lambda: len(of(edge_node)) >= count, f"{count} messages of {edge_node}: {what}")
    return of(edge_node)


def kinds(edge_node):
    return [o["type"] for o in of(edge_node)]


def values(output):
    return {m.get("name", m.get("alias")): m.get("value") for m in output["metrics"]}


def birth(bdseq, seq=0):
    return payload(metric("bdSeq", bdseq, INT64),
                   metric("temperature", 21.5, FLOAT, alias=1, properties={"engUnit": (STRING, "°C")}),
                   metric("level", -7, INT16, alias=2), metric("Node Control/Rebirth", False, BOOLEAN, alias=3), seq=seq)


# ---- The usual life of a node and its device ----

send("NBIRTH", "n1", birth(0))
send("DBIRTH", "n1", payload(metric("speed", 10, INT32, alias=10), seq=1), "d1")
send("NDATA", "n1", payload(metric(alias=1, value=22.25, kind=FLOAT, declare=False, timestamp=1700000001000,
                                   properties={"Quality": (INT32, 192)}), seq=2))
send("DDATA", "n1", payload(metric(alias=10, value=-12, kind=INT32, declare=False, historical=True), seq=3), "d1")
out = wait_of("n1", 6, "births with their events, and data")
test.check_equal(kinds("n1"), ["ONLINE", "NBIRTH", "ONLINE", "DBIRTH", "NDATA", "DDATA"], "births say who is online")
test.check_equal(out[2].get("device"), "d1", "the second event is of the device")
data = out[4]["metrics"][0]
test.check_equal((data["name"], data["type"], data["value"], data["unit"], data["quality"]),
                 ("temperature", "Float", 22.25, "°C", 192), "an alias has name, type and unit of its birth")
test.check_equal(data["timestamp"], "2023-11-14T22:13:21Z", "the time of the value")
test.check_equal(values(out[1])["level"], -7, "Int16 is signed")
data = out[5]["metrics"][0]
test.check_equal((data["name"], data["value"], data["is_historical"]), ("speed", -12, True),
                 "an alias of a device, two's complement, historical")
test.check_equal((out[4]["group"], out[4]["edge_node"], out[4]["seq"], out[1]["bdseq"]), ("G", "n1", 2, 0),
                 "who it is from")

# ---- A restart in the middle: aliases survive, and so does the session ----

test.check_equal(gateway.stop(), 0, "stopped")
send("NDATA", "n1", payload(metric(alias=2, value=-300, kind=INT16, declare=False), seq=4))
gateway.start()
out = wait_of("n1", 7, "data after the restart")
test.check_equal(values(out[6]), {"level": -300}, "the alias is known after a restart")
gateway.kill()
gateway.start()
send("DDATA", "n1", payload(metric(alias=10, value=99, kind=INT32, declare=False), seq=5), "d1")
test.wait(lambda: values(of("n1")[-1]) == {"speed": 99}, "data after kill -9")
test.check(True, "the alias is known after kill -9")

# ---- Out of order within the window ----

before = len(of("n1"))
for seq in (7, 8, 6):
    send("NDATA", "n1", payload(metric(alias=2, value=seq, kind=INT16, declare=False), seq=seq))
out = wait_of("n1", before + 3, "three messages")
# tck-id-operational-behavior-host-reordering-start tck-id-operational-behavior-host-reordering-success
test.check_equal([o["seq"] for o in out[before:]], [6, 7, 8], "what overtook waits for its turn")

# ---- A gap: wait, then go on, and ask for the births once ----

before = len(of("n1"))
send("NDATA", "n1", payload(metric(alias=2, value=11, kind=INT16, declare=False), seq=11))
out = wait_of("n1", before + 1, "the message behind the gap")
test.check_equal((out[before]["seq"], out[before].get("missing_seq")), (11, 9), "a gap is said, and holds nothing up")
commands.wait_count(1)
# tck-id-operational-behavior-host-reordering-rebirth tck-id-topics-ncmd-topic
# tck-id-operational-behavior-data-commands-ncmd-verb tck-id-operational-behavior-data-commands-ncmd-rebirth-verb
test.check_equal(commands.messages[0].topic, "spBv1.0/G/NCMD/n1", "a rebirth is asked for at the edge node")
request = dict(fields(commands.messages[0].payload))
# tck-id-topics-ncmd-timestamp tck-id-payloads-ncmd-timestamp tck-id-payloads-ncmd-seq
test.check(abs(request.get(1, 0) / 1000 - time.time()) < 600 and 3 not in request, "the request has the time and no number")
request = dict(metrics_of(commands.messages[0].payload)["Node Control/Rebirth"])
# tck-id-topics-ncmd-payload tck-id-operational-behavior-data-commands-ncmd-rebirth-name
# tck-id-operational-behavior-data-commands-ncmd-rebirth-value
test.check_equal((request.get(4), request.get(14)), (BOOLEAN, 1), "the request is the boolean true")
# tck-id-topics-ncmd-mqtt tck-id-payloads-ncmd-qos tck-id-payloads-ncmd-retain
test.check_equal((commands.messages[0].qos, commands.messages[0].retain), (0, False), "QoS 0, not retained")
for seq in (20, 40, 60):
    send("NDATA", "n1", payload(metric(alias=2, value=seq, kind=INT16, declare=False), seq=seq))
wait_of("n1", before + 4, "messages behind more gaps")
test.check_equal(len(commands.messages), 1, "a storm of gaps asks once")
test.wait(lambda: [o["edge_node"] for o in outputs() if o["type"] == "NCMD"] == ["n1"], "the command to come out as well")

# ---- A new session, and the will of the old one that comes late ----

before = len(of("n1"))
send("NBIRTH", "n1", birth(1))
send("NDEATH", "n1", payload(metric("bdSeq", 0, INT64)))
send("NDATA", "n1", payload(metric(alias=2, value=5, kind=INT16, declare=False), seq=1))
out = wait_of("n1", before + 4, "the new session")
test.check_equal([(o["type"], o.get("device")) for o in out[before:]],
                 [("OFFLINE", "d1"), ("ONLINE", None), ("NBIRTH", None), ("NDATA", None)],
                 "a death with an old bdSeq changes nothing; a device is offline until it is born in the new session")
before += 1
send("DBIRTH", "n1", payload(metric("speed", 1, INT32, alias=10), seq=2), "d1")
send("NDEATH", "n1", payload(metric("bdSeq", 1, INT64)))
out = wait_of("n1", before + 8, "the end of the session")
# tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-offline
# tck-id-operational-behavior-edge-node-termination-host-action-ndeath-devices-offline
test.check_equal([(o["type"], o.get("device")) for o in out[before + 3:]],
                 [("ONLINE", "d1"), ("DBIRTH", "d1"), ("OFFLINE", "d1"), ("OFFLINE", None), ("NDEATH", None)],
                 "with the edge node its devices are offline")
test.check(out[before + 6]["timestamp"] > "2024", "at the time at which the death came: the will has that of the connection")

# ---- QoS 1 and a lost connection: the broker delivers a window of messages again ----

before = len(of("n1"))
window = [payload(metric(alias=2, value=seq, kind=INT16, declare=False), seq=seq) for seq in range(1, 21)]
for kind, body in [("NBIRTH", birth(2))] + [("NDATA", body) for body in 2 * window]:
    send(kind, "n1", body)
send("NDATA", "n1", payload(metric(alias=2, value=21, kind=INT16, declare=False), seq=21))
out = wait_of("n1", before + 23, "a session, a part of it twice")
test.check_equal([o.get("seq") for o in out[before + 1:]], list(range(22)), "what was delivered before is left out, and no gap")
test.check(not any("missing_seq" in o for o in out[before:]), "so nothing is missing")
test.check_equal(gateway.metric("forebay_plugin_sparkplug_repeated_total"), 20, "and it is counted")
test.check_equal(len(commands.messages), 1, "nobody is asked for births")

# ---- A device that goes, and types ----

send("NBIRTH", "n2", birth(0, seq=255))
send("DBIRTH", "n2", payload(metric("a", 1.5, DOUBLE, alias=1), metric("b", "x", STRING, alias=2),
                             metric("c", 2**64 - 1, UINT64, alias=3), metric("d", None, INT32, alias=4),
                             metric("e", 1, INT32, alias=5, transient=True), seq=0), "d")
send("DDEATH", "n2", payload(seq=1), "d")
out = wait_of("n2", 6, "a device that came and went")
test.check_equal(kinds("n2"), ["ONLINE", "NBIRTH", "ONLINE", "DBIRTH", "OFFLINE", "DDEATH"], "255 is followed by 0")
# tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-offline
test.check_equal(out[4]["timestamp"], "2023-11-14T22:13:20Z", "a device is offline at the time that its death says")
test.check_equal(values(out[3]), {"a": 1.5, "b": "x", "c": 2**64 - 1, "d": None, "e": 1}, "types as they were declared")
test.check_equal([m["name"] for m in out[3]["metrics"] if m.get("is_transient")], ["e"], "and the transient flag")

# ---- Compressed payloads ----

send("NDATA", "n2", envelope(zlib.compress(payload(metric(alias=2, value=1, kind=INT16, declare=False), seq=2))))
send("NDATA", "n2", envelope(gzip.compress(payload(metric(alias=2, value=2, kind=INT16, declare=False), seq=3)), "GZIP"))
out = wait_of("n2", 8, "compressed payloads")
test.check_equal([values(o) for o in out[6:]], [{"level": 1}, {"level": 2}], "DEFLATE and GZIP envelopes")

# ---- Nobody knows it: to the dead letters, after the births were asked for ----

send("NDATA", "stranger", payload(metric(alias=1, value=1, kind=INT16, declare=False), seq=9))
commands.wait_count(2)
test.check_equal(commands.messages[1].topic, "spBv1.0/G/NCMD/stranger", "data before its birth asks for the birth")
test.wait(lambda: gateway.metric("forebay_dead_letters") == 1, "the dead letter")
send("NDATA", "n2", b"\xff\xff\xff")
send("NDATA", "n2", envelope(zlib.compress(bytes(30 << 20))))
test.wait(lambda: gateway.metric("forebay_dead_letters") == 3, "two more dead letters")
send("NDATA", "n2", payload(metric(alias=2, value=3, kind=INT16, declare=False), seq=4))
test.check_equal(values(wait_of("n2", 9, "after hostile payloads")[8]), {"level": 3}, "hostile payloads hold nothing up")

gateway.wait_idle()
test.check_equal(gateway.imbalance(), [], "accepted is what became of it")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
