#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import json
import time

from harness import SHORT, SOURCE, Failed, Test
from harness_gateway import message_classes

test = Test("forebayd is a Sparkplug B edge node: births before data, will, numbers of sessions, rebirth, primary host",
            seconds=240)
try:
    Payload = message_classes(test, os.path.join(SOURCE, "daemon", "sparkplug", "sparkplug_b.proto"))["spb.Payload"]
except (ImportError, Failed) as error:
    test.skip(f"payloads cannot be read: {error}")

BOOLEAN, INT64, DOUBLE, FLOAT, STRING = 11, 4, 10, 9, 12
REBIRTH = "Node Control/Rebirth"


class Host:
    """What a host application sees: every message of the edge node in order, told apart by its topic."""

    def __init__(self, broker):
        self.received = broker.subscriber("spBv1.0/#")
        self.publisher = broker.publisher()
        self.seen = 0

    def messages(self):
        out = []
        for m in self.received.messages:
            levels = m.topic.split("/")
            if levels[1] != "STATE":
                payload = Payload()
                payload.ParseFromString(m.payload)
                out.append((levels[2], levels[4] if len(levels) > 4 else "", payload, m))
        return [m for m in out if m[0] not in ("NCMD", "DCMD")]

    def take(self, count, what):
        """The next `count` messages of the edge node."""
        test.wait(lambda: len(self.messages()) >= self.seen + count, f"{count} messages: {what}", 30)
        new = self.messages()[self.seen:self.seen + count]
        self.seen += count
        return new

    def skip_to(self, kind, device=""):
        """The next message of a kind; those before it are passed over."""
        def find():
            rest = self.messages()[self.seen:]
            return next((i for i, m in enumerate(rest) if m[:2] == (kind, device)), None) is not None and rest
        rest = test.wait(find, f"{kind} {device}", 30)
        index = next(i for i, m in enumerate(rest) if m[:2] == (kind, device))
        self.seen += index + 1
        return rest[index]

    def ask_for_births(self, value=True):
        command = Payload(timestamp=int(time.time() * 1000))
        command.metrics.add(name=REBIRTH, datatype=BOOLEAN, boolean_value=value)
        self.publisher.send("spBv1.0/plant/NCMD/line4", command.SerializeToString(), qos=0)

    def say_state(self, online, host="scada"):
        text = json.dumps({"online": online, "timestamp": int(time.time() * 1000)})
        self.publisher.send(f"spBv1.0/STATE/{host}", text.encode(), retain=True)


def metrics(message):
    return {m.name.decode() if isinstance(m.name, bytes) else m.name: m for m in message[2].metrics}


def bdseq(message):
    return metrics(message)["bdSeq"].long_value


def kinds(messages):
    return [(m[0], m[1]) for m in messages]


devices, hq = test.broker("devices"), test.broker("hq")
CONFIG = f"""
brokers:
  devices: {{ url: {devices.url} }}
  hq: {{ url: {hq.url}, reconnect_min: 100ms, reconnect_max: 300ms }}
upstreams:
  line4: {{ sparkplug: {{ broker: hq, group: plant, edge_node: line4, rebirth_interval: 300ms OPTIONS }} }}
routes:
  telemetry:
    from: {{ broker: devices, topics: ["sensors/{{sensor}}"] }}
    decode: json
    to:
      - line4:
          encode:
            sparkplug:
              device: "{{sensor}}"
              timestamp: at
              metrics:
                temperature: {{ type: Float, unit: C }}
  node:
    from: {{ broker: devices, topics: ["gateway/state"] }}
    decode: json
    to: line4
"""
host = Host(hq)
gateway = test.gateway(CONFIG.replace("OPTIONS", ""))
publisher = devices.publisher()

# ---- Births and data ----
[first] = host.take(1, "the first birth")
# tck-id-topics-nbirth-mqtt tck-id-message-flow-edge-node-birth-publish-nbirth-qos
# tck-id-message-flow-edge-node-birth-publish-nbirth-retained tck-id-payloads-nbirth-qos tck-id-payloads-nbirth-retain
# tck-id-message-flow-edge-node-birth-publish-nbirth-payload
# tck-id-message-flow-edge-node-birth-publish-nbirth-payload-seq
test.check_equal((first[0], first[2].seq, first[3].qos, first[3].retain), ("NBIRTH", 0, 0, False),
                 "NBIRTH comes first, with seq 0, QoS 0, not retained")
# tck-id-message-flow-edge-node-birth-publish-nbirth-topic
test.check_equal(first[3].topic, "spBv1.0/plant/NBIRTH/line4", "its topic is of the group and the edge node")
# tck-id-message-flow-edge-node-birth-publish-nbirth-payload-bdSeq
test.check_equal((bdseq(first), metrics(first)["bdSeq"].datatype), (0, INT64), "it has bdSeq, which begins with 0")
rebirth = metrics(first)[REBIRTH]
# tck-id-payloads-nbirth-rebirth-req
test.check(rebirth.datatype == BOOLEAN and not rebirth.boolean_value and not rebirth.HasField("alias"),
           "it has Node Control/Rebirth, a Boolean that is false and has no alias")

publisher.send("sensors/s1", b'{"at": 1700000000000, "temperature": 21.5, "motor": {"speed": 3, "on": true}, "name": "a"}')
[birth] = host.take(1, "the birth of a device")
m = metrics(birth)
test.check_equal(kinds([birth]), [("DBIRTH", "s1")], "the first message of a device is its DBIRTH")
# tck-id-topics-dbirth-mqtt tck-id-message-flow-device-birth-publish-dbirth-qos
# tck-id-message-flow-device-birth-publish-dbirth-retained tck-id-payloads-dbirth-qos tck-id-payloads-dbirth-retain
# tck-id-message-flow-device-birth-publish-dbirth-payload
test.check_equal((birth[3].qos, birth[3].retain), (0, False), "with QoS 0, not retained")
# tck-id-payloads-metric-datatype-req
test.check_equal({name: value.datatype for name, value in m.items()},
                 {"temperature": FLOAT, "motor/speed": INT64, "motor/on": BOOLEAN, "name": STRING},
                 "its metrics are named by their path and have the configured or guessed type")
test.check_equal((m["temperature"].float_value, m["motor/speed"].long_value, m["motor/on"].boolean_value),
                 (21.5, 3, True), "it carries the values")
test.check_equal({value.timestamp for value in m.values()}, {1700000000000}, "the time is that of the field")
properties = m["temperature"].properties
test.check_equal((list(properties.keys), properties.values[0].string_value), (["engUnit"], "C"),
                 "the unit is a property of the birth")

for number in range(300):
    publisher.send("sensors/s1", json.dumps({"temperature": number}).encode())
data = host.take(300, "data")
test.check_equal(set(kinds(data)), {("DDATA", "s1")}, "known metrics come as DDATA")
test.check_equal([metrics(d)["temperature"].float_value for d in data], [float(n) for n in range(300)],
                 "all of them, in order")
# tck-id-payloads-sequence-num-incrementing
test.check_equal([d[2].seq for d in data], [(n + 2) % 256 for n in range(300)], "seq counts on and begins again behind 255")
# tck-id-topics-ddata-mqtt tck-id-payloads-ddata-qos tck-id-payloads-ddata-retain
test.check_equal({(d[3].qos, d[3].retain) for d in data}, {(0, False)}, "data is QoS 0 and not retained")
# tck-id-payloads-metric-datatype-not-req
test.check(not any(metrics(d)["temperature"].HasField("datatype") for d in data), "data does not repeat the datatype")
gateway.wait_idle()
test.check_equal(gateway.target("telemetry", "line4")["delivered"], 301, "the broker has confirmed to have read all")

publisher.send("sensors/s1", b'{"temperature": 1, "pressure": 1.5}')
[birth] = host.take(1, "a new metric")
test.check_equal((birth[0], sorted(metrics(birth))),
                 ("DBIRTH", ["motor/on", "motor/speed", "name", "pressure", "temperature"]),
                 "a new metric makes a new DBIRTH with all metrics of the device")
publisher.send("sensors/s1", b'{"motor": {"speed": 3.5}}')
[birth] = host.take(1, "a new type")
test.check_equal((birth[0], metrics(birth)["motor/speed"].datatype), ("DBIRTH", DOUBLE),
                 "a value that does not fit the type makes a new DBIRTH")
publisher.send("sensors/s1", b'{"motor": {"speed": 4}}')
[value] = host.take(1, "a value that fits")
test.check_equal((value[0], metrics(value)["motor/speed"].double_value), ("DDATA", 4.0),
                 "a value that the known type can hold takes that type")
publisher.send("gateway/state", b'{"uptime": 5}')
births = host.take(2, "a metric of the node")
test.check_equal(kinds(births), [("NBIRTH", ""), ("DBIRTH", "s1")], "a new metric of the node makes all births anew")
test.check_equal((births[0][2].seq, births[1][2].seq, bdseq(births[0])), (0, 1, 0), "in the same session")
publisher.send("gateway/state", b'{"uptime": 6}')
[data] = host.take(1, "data of the node")
# tck-id-topics-ndata-mqtt tck-id-payloads-ndata-qos tck-id-payloads-ndata-retain
test.check_equal((kinds([data]), data[2].seq, data[3].qos, data[3].retain), ([("NDATA", "")], 2, 0, False),
                 "a known metric of the node comes as NDATA, QoS 0, not retained")

# ---- Rebirth ----
publisher.send("sensors/s2", b'{"temperature": 2}')
host.take(1, "the second device")
host.ask_for_births(False)
host.ask_for_births()
births = host.take(3, "the births that were asked for")
# tck-id-operational-behavior-data-commands-rebirth-action-2
test.check_equal(kinds(births), [("NBIRTH", ""), ("DBIRTH", "s1"), ("DBIRTH", "s2")],
                 "a rebirth command is answered with the births of node and devices")
# tck-id-operational-behavior-data-commands-rebirth-action-3
test.check_equal(([b[2].seq for b in births], bdseq(births[0])), ([0, 1, 2], 0), "from seq 0, in the same session")
test.check_equal(metrics(births[1])["temperature"].float_value, 1.0, "with the last known values")
for _ in range(20):
    host.ask_for_births()
test.wait(lambda: gateway.metric("forebay_sparkplug_rebirth_commands_total") >= 21, "the commands to arrive")
test.wait(lambda: not gateway.metric("forebay_sparkplug_live") or
          gateway.metric("forebay_sparkplug_node_births_total") >= 4, "the answer to the storm")
time.sleep(1)
births = int(gateway.metric("forebay_sparkplug_node_births_total"))
test.check(4 <= births <= 7, f"a storm of commands is answered together ({births} NBIRTH in all)")
host.publisher.send("spBv1.0/plant/DCMD/line4/s1", Payload(timestamp=1).SerializeToString())
test.wait(lambda: gateway.metric("forebay_sparkplug_other_commands_total") >= 2, "other commands to be counted")
test.check(True, "other commands are counted and ignored")

# ---- The end of sessions ----
host.seen = len(host.messages())
gateway.kill()
[death] = host.take(1, "the will")
# tck-id-topics-nbirth-bdseq-matching tck-id-payloads-nbirth-bdseq-repeat tck-id-payloads-ndeath-bdseq
# tck-id-payloads-ndeath-will-message tck-id-message-flow-edge-node-birth-publish-will-message-payload
test.check_equal((death[0], bdseq(death), death[2].HasField("seq")), ("NDEATH", 0, False),
                 "kill -9: the broker publishes the NDEATH of the session, without seq")
for number in range(3):
    publisher.send("sensors/s1", json.dumps({"temperature": 100 + number}).encode())
gateway.restart()
birth = host.skip_to("NBIRTH")
# tck-id-topics-nbirth-bdseq-increment
test.check_equal(bdseq(birth), 1, "the next session has the next bdSeq")
birth = host.skip_to("DBIRTH", "s1")
gateway.wait_idle()
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
death = host.skip_to("NDEATH")
# tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath tck-id-payloads-ndeath-will-message-publisher
test.check_equal(bdseq(death), 1, "an orderly stop says NDEATH with the session's bdSeq")

# ---- Nothing is lost ----
host.seen = len(host.messages())
gateway.restart()
rounds, each = (2, 200) if SHORT else (5, 300)
last = bdseq(host.skip_to("NBIRTH"))
start = host.seen
for number in range(rounds):
    test.wait(lambda: gateway.metric("forebay_sparkplug_live") == 1, "the edge node to be born", 30)
    for value in range(number * each, (number + 1) * each):
        publisher.send("sensors/s3", json.dumps({"number": value}).encode())
    time.sleep(test.random.random() * 0.2)
    gateway.kill()
    gateway.restart()
gateway.wait_idle()
wanted = set(range(rounds * each))


def numbers():
    return {int(metrics(m)["number"].long_value) for m in host.messages()[start:] if "number" in metrics(m)}


test.note(f"FOREBAY_TEST_SEED={test.seed}")
test.wait(lambda: numbers() >= wanted, "everything that was confirmed to devices to arrive", 30)
test.check(True, f"{rounds} kills under load: all of {rounds * each} messages have arrived")
new = host.messages()[start:]
sessions = [bdseq(m) for m in new if m[0] == "NBIRTH"]
test.check_equal(sessions, [(last + 1 + n) % 256 for n in range(rounds)], "each session has the next bdSeq")
test.check_equal([bdseq(m) for m in new if m[0] == "NDEATH"], [(last + n) % 256 for n in range(rounds)],
                 "and each will that of its session")
broken, seq = [], None
for kind, _, payload, _ in host.messages()[start - 1:]:
    if kind != "NDEATH":
        if seq is not None and payload.seq != (0 if kind == "NBIRTH" else (seq + 1) % 256):
            broken.append((kind, payload.seq, seq))
        seq = payload.seq
test.check_equal(broken, [], "seq never has a gap")

# ---- Reload ----
gateway.configure(CONFIG.replace("OPTIONS", ", aliases: true"))
host.seen = len(host.messages())
test.check(gateway.reload(), "the settings of the edge node change while it runs")
death, birth = host.skip_to("NDEATH"), host.skip_to("NBIRTH")
test.check_equal(bdseq(birth), (bdseq(death) + 1) % 256, "it dies and is born in a session of its own")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")

# ---- The primary host ----
gateway.configure(CONFIG.replace("OPTIONS", ", primary_host: scada, historical_after: 100ms, aliases: true"))
host.seen = len(host.messages())
gateway.restart()
test.wait(lambda: "scada is not online" in gateway.status()["upstreams"]["line4"]["reason"], "it to wait for its host")
host.say_state(True, host="other")
publisher.send("sensors/s1", b'{"temperature": 200}')
time.sleep(1)
# tck-id-message-flow-edge-node-birth-publish-phid-wait tck-id-message-flow-edge-node-birth-publish-phid-wait-id
test.check_equal([m for m in host.messages()[host.seen:] if m[0] != "NDEATH"], [],
                 "without its primary host the edge node says nothing")
host.say_state(True)
new = [m for m in host.take(3, "births and data")]
# tck-id-message-flow-edge-node-birth-publish-phid-wait-online
# tck-id-operational-behavior-edge-node-birth-sequence-wait
test.check_equal(kinds(new), [("NBIRTH", ""), ("DBIRTH", "s1"), ("DDATA", "s1")],
                 "when the host comes, births go before what was kept")
alias = metrics(new[1])["temperature"].alias
value = new[2][2].metrics[0]
test.check(metrics(new[1])["temperature"].is_null and value.is_historical and value.float_value == 200.0,
           "what was kept for long is marked as historical, and no current value")
test.check(alias > 0 and value.alias == alias and not value.HasField("name"), "data names its metrics by the alias")
session = bdseq(new[0])
host.say_state(False)
death = host.skip_to("NDEATH")
# tck-id-message-flow-edge-node-birth-publish-phid-offline
# tck-id-operational-behavior-edge-node-termination-host-offline
test.check_equal(bdseq(death), session, "when the host goes offline, NDEATH is published at once")
publisher.send("sensors/s1", b'{"temperature": 201}')
test.wait(lambda: "not online" in gateway.status()["upstreams"]["line4"]["reason"], "it to wait for its host again")
test.wait(lambda: gateway.target("telemetry", "line4")["queued"] == 1, "the message to wait")
test.check(True, "messages wait meanwhile")
host.seen = len(host.messages())
host.say_state(True)
birth = host.skip_to("NBIRTH")
test.check(bdseq(birth) > session, "the session that follows has another bdSeq")
host.skip_to("DDATA", "s1")
gateway.wait_idle()

# ---- A broker that goes away ----
hq.kill()
publisher.send("sensors/s1", b'{"temperature": 300}')
hq.start()
host.say_state(True)
gateway.wait_idle(30)
test.check_equal(gateway.imbalance(), [], "accepted is what became of it")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
