#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from campaign import Stalls, Watch, fault_count, repeat_known_seeds
from harness import HttpServer, Test
from harness_network import NameServer, own_network

own_network()

import json
import time

import oracle as judge

# One route goes to a broker and an HTTP service by name, one to a file. The name server is dead, slow, wrong or gone;
# connections by name are cut each time so that it is asked. The route to the file must not notice.
test = Test("dead, slow and wrong name servers: the loop goes on, and so does everything that needs no name", seconds=3600)
ROUNDS = fault_count(6, 60, 4)
watch = Watch(seconds=900)
test.note(f"seed {test.seed} (FOREBAY_TEST_SEED repeats it), {ROUNDS} rounds")
repeat_known_seeds(test)
names = NameServer(test)
devices, cloud, lake = test.broker("devices"), test.broker("cloud"), HttpServer(test)
lines = test.path("out.jsonl")
gateway = test.gateway(f"""
brokers:
  devices: {{ url: {devices.url} }}
  elsewhere: {{ url: "mqtt://devices.test:{devices.port}", client_id: elsewhere, reconnect_min: 50ms, reconnect_max: 200ms }}
  cloud: {{ url: "mqtt://cloud.test:{cloud.port}", reconnect_min: 50ms, reconnect_max: 200ms }}
upstreams:
  archive:
    file: {{ path: {lines} }}
  lake:
    http: {{ url: "http://lake.test:{lake.port}/", timeout: 2s, connect_timeout: 1s }}
routes:
  near:
    from: {{ broker: devices, topics: ["raw/#"] }}
    decode: json
    to: [archive]
  far:
    from: {{ broker: devices, topics: ["raw/#"] }}
    decode: json
    to:
      - cloud: {{ retry: {{ min: 50ms, max: 200ms }} }}
      - lake: {{ retry: {{ min: 50ms, max: 200ms }} }}
  from_afar:
    from: {{ broker: elsewhere, topics: ["afar/#"] }}
    to: [archive]
""", wait=False)
publisher = devices.publisher()
receiver = cloud.subscriber("raw/#")
sent = 0


def send(count):
    global sent
    for _ in range(count):
        publisher.send("raw/x", str(sent), key=sent)
        sent += 1
    publisher.wait_confirmed(sent, 60)


def in_file():
    with open(lines, encoding="utf-8") as file:
        return [int(line) for line in file if line.endswith("\n")]


def in_cloud():
    return [int(message.payload) for message in list(receiver.messages)]


def cut_named_connections():
    """Kick both brokers' connections of ours by their client ids, and the service's kept connections."""
    for broker, client_id in ((devices, "elsewhere"), (cloud, f"forebay-{gateway.gateway_id}")):
        broker.kick(client_id)
    lake.hang_up()


test.wait(lambda: "READY=1" in gateway.notifications.received, "readiness")
gateway.wait_subscribed(30)
send(100)
gateway.wait_idle(60)
test.check_equal(len(in_cloud()), 100, "with a right name server everything arrives")
kinds = ("silent", "slow", "nxdomain", "gone")
rounds = 0
while rounds < ROUNDS and not watch.is_over():
    kind = kinds[rounds % len(kinds)]
    names.behave(kind)
    asked = names.count
    cut_named_connections()
    if kind != "gone":
        test.wait(lambda: names.count >= asked + 1, f"the {kind} name server to be asked", 60)
    end = time.monotonic() + 2.0 + test.random.random() * 2.0
    while time.monotonic() < end:
        send(20)
        time.sleep(0.02)
    test.wait(lambda: len(set(in_file())) >= sent, f"the file to have everything while the name server is {kind}", 60)
    rounds += 1
watch.check(test, rounds, ROUNDS, "rounds")
stalls = Stalls()
stalls.note(gateway)
figures = stalls.check(test, f"{rounds} rounds, {names.count} questions")
names.behave("right")
test.wait(lambda: len(set(in_cloud())) >= sent, "the broker by name to have everything", 90)
gateway.wait_subscribed(60)
gateway.wait_idle(90)
verdicts = []
for name, arrived in (("archive", in_file()), ("cloud", in_cloud()), ("lake", lake.accepted())):
    oracle = judge.Oracle()
    for number in range(sent):
        oracle.send(0, number)
        oracle.acknowledge(0, number)
    for number in arrived:
        oracle.receive(0, number)
    oracle.faults = rounds
    verdicts.append(oracle.judge(window=0 if name == "archive" else 1000))
    test.check(verdicts[-1], f"{name}: {verdicts[-1]} (seed {test.seed})")
test.check_equal(gateway.imbalance(), [], "the counters balance")
for route, target in (("near", "archive"), ("far", "cloud"), ("far", "lake")):
    counts = gateway.target(route, target)
    test.check_equal((counts["accepted"], counts["delivered"], counts["queued"]), (sent, sent, 0),
                     f"{target}: the daemon counts what the oracle counts")
judge.report("name server silent, slow, wrong, gone", verdicts, faults=rounds, seed=test.seed, seconds=watch.seconds(),
             **figures)

# The end, with questions under way.
names.behave("silent")
cut_named_connections()
send(5)
time.sleep(0.3)
test.check_equal(gateway.stop(30), 0, "SIGTERM ends it with 0 while names are being asked for")
test.finish()
