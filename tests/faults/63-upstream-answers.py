#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import json
import time

import oracle as judge
from campaign import Stalls, Watch, repeat_known_seeds
from harness import Test
from harness_upstreams import HttpScript, MqttScript, make_answer

# Every way in which an upstream can be of no use, all at once, each with a target of its own. Two healthy targets beside
# them must have everything while none of the others is healed, and a route beside theirs must keep its pace: of what it
# is to take, at most 5 % is on its way at nearly every moment. Then all are healed: each must have everything that it did
# not refuse for good, in order, and the daemon must have counted as delivered exactly what was accepted.
test = Test("upstreams that are slow, busy, broken or refuse: nothing refused counts as delivered, and the others go on",
            seconds=900)
test.note(f"seed {test.seed}")
repeat_known_seeds(test)
MESSAGES = 400
POISON = {n for n in range(MESSAGES) if n % 97 == 13}
LATE_SECONDS, NEXT_SECONDS = 30.0, 1.0     # the first answer of the late service, and those behind it
watch = Watch(seconds=300)
held = {}       # when each 429 may be followed by the next request


def numbers_of(body):
    return [json.loads(line)["n"] for line in body.splitlines()]


def status(code, *headers):
    return lambda *_: make_answer(code, headers, b"scripted")


def busy(server, _connection, _body):
    """429 with Retry-After, again and again."""
    now = time.monotonic()
    if now < held.get("until", 0) - 0.05:
        held["early"] = held.get("early", 0) + 1
    held["until"] = now + 1
    return make_answer(429, ["Retry-After: 1"])


def late(server, _connection, _body):
    """The right answer after a long time, but within the timeout: nothing is to be sent twice."""
    server.healed.wait(LATE_SECONDS if server.requests == 1 else NEXT_SECONDS)
    return make_answer(200)


def too_late(server, _connection, _body):
    server.healed.wait(20)
    return None


def too_large(_server, _connection, body):
    return make_answer(413 if len(body) > 2000 else 200)


def poisoned(_server, _connection, body):
    return make_answer(400, body=b"poison") if POISON & set(numbers_of(body)) else make_answer(200)


def garbage(_server, connection, _body):
    connection.sendall(b"\x00\xff\x13garbage\r\n\r\n" * 20)


def cut_short(_server, connection, _body):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")


def cut_header(_server, connection, _body):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Len")


def slow_header(server, connection, _body):
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000:
        connection.sendall(bytes([byte]))
        if server.healed.wait(0.2):
            return


def endless_header(server, connection, _body):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not server.healed.is_set():
        connection.sendall(b"X-More: " + b"y" * 8000 + b"\r\n")


SCRIPTS = {
    "slow_reader": HttpScript(test, status(200), read_slowly=True),
    "busy": HttpScript(test, busy),
    "unavailable": HttpScript(test, status(503)),
    "failing": HttpScript(test, status(500)),
    "unauthorized": HttpScript(test, status(401)),
    "missing": HttpScript(test, status(404)),
    "moved": HttpScript(test, status(301, "Location: http://127.0.0.1:1/")),
    "late": HttpScript(test, late),
    "too_late": HttpScript(test, too_late),
    "too_large": HttpScript(test, too_large),
    "poisoned": HttpScript(test, poisoned),
    "garbage": HttpScript(test, garbage),
    "closing": HttpScript(test, lambda *_: None),
    "cut_short": HttpScript(test, cut_short),
    "cut_header": HttpScript(test, cut_header),
    "slow_header": HttpScript(test, slow_header),
    "endless_header": HttpScript(test, endless_header),
    "healthy": HttpScript(test, status(204)),
}
TIMEOUTS = {"late": "60s"}
STEADY, STEADY_RATE = 5000, 1000        # messages of the route beside, and how many of them in a second
LAG = STEADY * 5 // 100
FINAL = {0x87, 0x90, 0x95, 0x99, 0x9a, 0x9b}
# Every code that MQTT 5 has for a refusal, whether a PUBACK may have it or not, some that it has not, and success.
CODES = [*range(0x80, 0xa4), 0x00, 0x10]
denying = {"on": True}


def decide(topic, tries):
    """Each message has a code: final ones are always given, the others until the broker is healed."""
    code = CODES[int(topic.split("/")[1]) % len(CODES)]
    if code in FINAL or code < 0x80:
        return code
    return code if denying["on"] or tries < 2 else 0


codes = MqttScript(test, decide)
steady = HttpScript(test, status(200))
devices = test.broker("devices")
acl = test.write("acl", "topic readwrite #\n" + "".join(f"topic deny out/{name}\n" for name in ("5", "7", "old/5", "old/7")))
guarded = test.broker("guarded", extra=f"acl_file {acl}\n")
DENIED = {5, 7}
lines, beside_lines = test.path("out.jsonl"), test.path("beside.jsonl")
upstreams = "".join(f'  {name}: {{ http: {{ url: "{script.url}", timeout: {TIMEOUTS.get(name, "2s")}, '
                    f'batch: {{ messages: 50, wait: 20ms }} }} }}\n' for name, script in SCRIPTS.items())
targets = "".join(f"      - {name}: {{ retry: {{ min: 50ms, max: 300ms }} }}\n" for name in SCRIPTS)
gateway = test.gateway(f"""
brokers:
  devices: {{ url: {devices.url} }}
  guarded: {{ url: {guarded.url}, reconnect_min: 50ms, reconnect_max: 200ms }}
  codes: {{ url: {codes.url}, reconnect_min: 50ms, reconnect_max: 200ms }}
  old: {{ url: {guarded.url}, version: 3.1.1, client_id: old }}
upstreams:
  archive: {{ file: {{ path: {lines} }} }}
  beside: {{ file: {{ path: {beside_lines} }} }}
  steady: {{ http: {{ url: "{steady.url}", batch: {{ messages: 50, wait: 20ms }} }} }}
{upstreams}
routes:
  raw:
    from: {{ broker: devices, topics: ["raw/{{n}}"] }}
    decode: json
    to:
      - archive
      - guarded: {{ topic: "out/{{n}}", retry: {{ min: 50ms, max: 200ms }} }}
      - codes: {{ topic: "code/{{n}}", retry: {{ min: 50ms, max: 200ms }} }}
{targets}
  beside:
    from: {{ broker: devices, topics: ["beside/#"] }}
    decode: json
    to: [beside, steady]
  old:
    from: {{ broker: devices, topics: ["old/{{n}}"] }}
    to:
      - old: {{ topic: "out/old/{{n}}" }}
""")
received = guarded.subscriber("out/+")
received_old = guarded.subscriber("out/old/#")
publisher = devices.publisher()
stalls = Stalls()
steady_numbers = {"beside": 0}


def cpu_seconds():
    with open(f"/proc/{gateway.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_steadily(when):
    """STEADY messages for the route beside, at their pace. Looks often at how many are accepted and not delivered; nine
    looks in ten count, because somebody else may have the processor at times."""
    first, began, cpu, lags = steady_numbers["beside"], time.monotonic(), cpu_seconds(), []
    counts = gateway.status()["routes"]["beside"]["targets"]
    accepted = {name: count["accepted"] for name, count in counts.items()}
    while True:
        due = min(STEADY, int((time.monotonic() - began) * STEADY_RATE))
        while steady_numbers["beside"] < first + due:
            number = steady_numbers["beside"]
            publisher.send("beside/a", json.dumps({"n": number}), key=("beside", number))
            steady_numbers["beside"] += 1
        counts = gateway.status()["routes"]["beside"]["targets"]
        lags.append(max(count["queued"] for count in counts.values()))
        finished = due == STEADY and all(count["accepted"] == accepted[name] + STEADY and count["queued"] == 0
                                         for name, count in counts.items())
        if finished or time.monotonic() > began + 120:
            break
        time.sleep(0.05)
    seconds = time.monotonic() - began
    lags.sort()
    test.check(lags[len(lags) * 9 // 10] <= LAG and finished,
               f"{when}: of {STEADY} messages of another route {lags[len(lags) * 9 // 10]} were on their way in nine looks of ten, "
               f"{lags[-1]} at most; all delivered after {seconds:.2f} s; {cpu_seconds() - cpu:.2f} s of CPU time for everything")


run_steadily("before")
for number in range(MESSAGES):
    publisher.send(f"raw/{number}", json.dumps({"n": number, "pad": "p" * (number % 60)}), key=number)
for number in range(MESSAGES):
    publisher.send(f"old/{number}", json.dumps({"n": number}), key=("old", number))
publisher.wait_confirmed(STEADY + 2 * MESSAGES, 60)


def accepted_by(name):
    script = SCRIPTS[name]
    with script.lock:
        return [number for body in script.accepted for number in numbers_of(body)]


def in_file(path=lines):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line)["n"] for line in file if line.endswith("\n")]


# Nobody is healed yet.
test.wait(lambda: len(in_file()) >= MESSAGES and len(accepted_by("healthy")) >= MESSAGES, "the healthy targets", 60)
test.check_sequence(in_file(), MESSAGES, "the file has everything while the others have not, once and in order")
test.check_sequence(accepted_by("healthy"), MESSAGES, "and so has the healthy service")
test.wait(lambda: all(script.requests >= 2 or name in ("healthy", "late", "slow_reader")
                      for name, script in SCRIPTS.items()), "every service to have said what it says twice", 60)
test.wait(lambda: codes.denied > 0, "the broker to have denied", 30)
run_steadily("while most targets are of no use")
test.check_sequence(in_file(beside_lines), 2 * STEADY, "the route beside: everything is in the file, once and in order")
test.check_sequence([number for body in steady.accepted for number in numbers_of(body)], 2 * STEADY,
                    "and at the service, once and in order")
test.check_equal(gateway.imbalance(), [], "the counters balance while most targets are of no use")
for name in ("unavailable", "failing", "unauthorized", "missing", "moved", "busy", "garbage", "closing", "cut_short",
             "cut_header", "slow_header", "endless_header", "slow_reader", "too_late"):
    counts = gateway.target("raw", name)
    test.check_equal((counts["delivered"], counts["dead_lettered"], counts["queued"]), (0, 0, MESSAGES),
                     f"{name}: nothing is delivered, nothing is given up: {counts['last_problem'][:100]}")
test.check_equal(held.get("early", 0), 0, "no request before Retry-After was over")
test.wait(lambda: SCRIPTS["late"].requests >= 1, "the late service to be asked", 30)

# Everybody is.
denying["on"] = False
for name, script in SCRIPTS.items():
    if name not in ("late", "too_large", "poisoned"):
        script.heal()
LEFT_OUT = {"poisoned": POISON}
verdicts = []
for name, script in SCRIPTS.items():
    wanted = MESSAGES - len(LEFT_OUT.get(name, ()))
    test.wait(lambda: len(set(accepted_by(name))) >= wanted, f"{name} to have everything", 120, step=0.1)
gateway.wait_idle(60)


def judge_target(name, arrived, left_out, window, ordered=True):
    oracle = judge.Oracle()
    for number in range(MESSAGES):
        oracle.send(0, number)
        oracle.acknowledge(0, number)
    for number in arrived:
        oracle.receive(0, number)
    oracle.excused, oracle.faults = {(0, number) for number in left_out}, 1
    verdict = oracle.judge(window=window)
    if not ordered:
        verdict.wrong["reordered"] = []
    counts = gateway.target("raw", name)
    outcome = counts["delivered"], counts["dead_lettered"], left_out & set(arrived)
    verdicts.append(verdict)
    test.check(verdict, f"{name}: {verdict} (seed {test.seed})")
    test.check_equal(outcome, (MESSAGES - len(left_out), len(left_out), set()),
                     f"{name}: exactly what was accepted counts as delivered")


for name in SCRIPTS:
    # What the slow reader was sent before it was healed, it reads afterwards, behind connections that were given up.
    judge_target(name, accepted_by(name), LEFT_OUT.get(name, set()), MESSAGES if name == "slow_reader" else 0)
# mosquitto 2.0 does not give back its quota for what it denies, and closes the connection when that is used up.
test.wait(lambda: len({message.topic for message in received.messages}) >= MESSAGES - len(DENIED), "the guarded broker", 30)
judge_target("guarded", [int(message.topic[4:]) for message in list(received.messages)], DENIED, MESSAGES)
# With MQTT 3.1.1 the broker cannot say that it denies: those count as delivered, as the manual says.
test.wait(lambda: gateway.target("old", "old")["delivered"] >= MESSAGES, "the old broker", 30)
test.wait(lambda: len(received_old.messages) >= MESSAGES - len(DENIED), "what the old broker has let through", 30)
test.check_equal({int(message.topic.split("/")[-1]) for message in list(received_old.messages)}, set(range(MESSAGES)) - DENIED,
                 "MQTT 3.1.1: what the broker denies in silence counts as delivered, and all the rest arrives")
refused = {number for number in range(MESSAGES) if CODES[number % len(CODES)] in FINAL}
# It has taken others of the window behind what it denied for the time being: those could not be called back.
judge_target("codes", [int(topic[5:]) for topic, _payload in codes.accepted], refused, 0, ordered=False)
test.check_equal(gateway.imbalance(), [], "the counters balance at the end")
stalls.note(gateway)
figures = stalls.check(test, "upstreams")
judge.report("slow upstreams, every answer of HTTP", verdicts[:len(SCRIPTS)], faults=len(SCRIPTS), seed=test.seed,
             seconds=watch.seconds(), **figures)
judge.report("MQTT upstreams that deny", verdicts[len(SCRIPTS):], faults=len(CODES) + len(DENIED), seed=test.seed,
             seconds=watch.seconds(), **figures)
test.check_equal(gateway.stop(30), 0, "SIGTERM ends it with 0")
test.finish()
