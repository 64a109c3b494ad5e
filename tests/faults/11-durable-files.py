#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from collections import Counter
import json
import re
import time

from campaign import Stalls, Watch, fault_count, repeat_known_seeds
from harness import BUILD, Failed, Test, is_sanitized
from harness_gateway import plugin_directories
import oracle as judge
from sparkplug_payload import metrics_of

# What the daemon keeps beside its journal of messages: the dead letters, the subscriptions of a session, the number of a
# Sparkplug session, the state of a plugin, the last good configuration with its schemas. In each of many lives call k on one of them
# fails, or is the last one. None of these files may stop the daemon for good, be half of two versions, or go back.
test = Test("every system call on the daemon's other files fails, or is the last one: each is whole and none goes back",
            seconds=3600)
if is_sanitized():
    test.skip("system calls are replaced by preloading, which a sanitizer does not like")
SHIM = os.path.join(BUILD, "tests", "faults", "fault_shim.so")
FIXTURES = os.path.join(BUILD, "tests", "plugins", "fixtures")
if not os.path.exists(os.path.join(FIXTURES, "keeper.so")):
    test.skip("the plugin fixtures are not built")
ERRORS = {
    "create": ("EIO", "ENOSPC", "EMFILE", "EINTR"),
    "write": ("EIO", "ENOSPC", "EINTR", "SHORT"),
    "pwritev": ("EIO", "ENOSPC", "EINTR", "SHORT"),
    "fdatasync": ("EIO", "ENOSPC", "EINTR"),
    "fsync": ("EIO", "ENOSPC", "EINTR"),
    "fallocate": ("EIO", "ENOSPC", "EINTR"),
    "rename": ("EIO", "ENOSPC", "EINTR"),
    "unlink": ("EIO", "ENOSPC", "EINTR"),
    "close": ("EIO", "EINTR"),
    "mkdir": ("EIO", "ENOSPC"),
    "any": ("KILL",),
}
ONCE_ONLY = {("any", "KILL"), ("write", "EINTR")}   # who is interrupted goes on; for ever there is nobody who interrupts
LIVES = fault_count(50, 1000000, 6)
GOOD, BAD, PLANT = 5, 1, 3      # messages of one life
REFUSALS = (0, 71, 74, 75, 78)  # ends with a message
SEQUENCES = 256                 # of Sparkplug sessions
watch = Watch(seconds=900)
test.note(f"seed {test.seed} (FOREBAY_TEST_SEED repeats it)")
repeat_known_seeds(test)
devices, hq = test.broker("devices"), test.broker("hq")
lines = test.path("out.jsonl")
schemas = test.path("life.desc")
CONFIG = """
# life {life}
schemas: {schemas}
journal: {{ segment_size: 1 MiB }}
brokers:
  devices: {{ url: {devices}, reconnect_min: 20ms, reconnect_max: 100ms }}
  hq: {{ url: {hq}, reconnect_min: 20ms, reconnect_max: 100ms }}
upstreams:
  archive: {{ file: {{ path: {lines} }} }}
  line4: {{ sparkplug: {{ broker: hq, group: plant, edge_node: line4 }} }}
routes:
  raw:
    from: {{ broker: devices, topics: ["raw/#"] }}
    decode: json
    process: [keeper: {{}}]
    to:
      - archive: {{ retry: {{ min: 20ms, max: 100ms }} }}
  plant:
    from: {{ broker: devices, topics: ["plant/#"] }}
    decode: json
    to: line4
"""


def config(life):
    return CONFIG.format(life=life, devices=devices.url, hq=hq.url, lines=lines, schemas=schemas)


def schema_set(life):
    """A descriptor set with one message, named by the life."""
    def field(number, content):
        return bytes([number << 3 | 2, len(content)]) + content
    message = field(1, f"Life{life}".encode())
    return field(1, field(1, b"life.proto") + field(2, b"test") + field(4, message) + field(12, b"proto3"))


def configure(life):
    """The configuration of this life, and the schema that it names."""
    test.write(schemas, schema_set(life))
    gateway.configure(config(life))


test.write(schemas, schema_set(0))
gateway = test.gateway(config(0), start=False,
                       environment={"FOREBAY_PLUGIN_PATH": f"{plugin_directories()}:{FIXTURES}"})
report = test.path("calls")
host = hq.subscriber("spBv1.0/plant/+/line4")
numbers = devices.subscriber("number")
publisher = devices.publisher()
stalls = Stalls()
sent = {"good": 0, "bad": 0}
configurations = {}     # text -> life
seen = 0        # problems of sessions that were told
NAMES = ("LD_PRELOAD", "FAULT_DIRECTORY", "FAULT_EXCEPT", "FAULT_CALL", "FAULT_AT", "FAULT_COUNT", "FAULT_WITH", "FAULT_REPORT")


def set_fault(call, at, count, error):
    values = (SHIM, gateway.state, os.path.join(gateway.state, "journal"), call, str(at), str(count), error, report)
    gateway.environment.update(zip(NAMES, values))


def clear_fault():
    for name in NAMES:
        gateway.environment.pop(name, None)


def send(topic, payload, key):
    publisher.send(topic, payload, key=key)


def send_all():
    for _ in range(GOOD):
        send("raw/a", json.dumps({"n": sent["good"]}), ("good", sent["good"]))
        sent["good"] += 1
    for _ in range(BAD):
        send("raw/a", f"no JSON {sent['bad']}", ("bad", sent["bad"]))
        sent["bad"] += 1
    for number in range(PLANT):
        send("plant/a", json.dumps({"v": number}), None)


def is_done():
    """The messages of this life have come and gone."""
    routes = gateway.status()["routes"]
    counts = [routes["raw"]["targets"]["archive"], routes["plant"]["targets"]["line4"]]
    return (all(count["queued"] == 0 for count in counts) and counts[0]["accepted"] >= GOOD + BAD
            and counts[1]["accepted"] >= PLANT)


def saved_text():
    """What the copy of the configuration must be: it says of which file it is one."""
    with open(gateway.config, encoding="utf-8") as file:
        return f"#!forebay-file {gateway.config}\n{file.read()}"


def live(life, seconds=1.0):
    """One life: start, messages, SIGTERM. Returns the exit status; Failed when it hangs."""
    configure(life)
    configurations[saved_text()] = life
    gateway.start()
    test.wait(lambda: "READY=1" in gateway.notifications.received or not gateway.is_running(), "a decision", 20)
    send_all()
    try:
        gateway.wait_subscribed(seconds)
        test.wait(lambda: not gateway.is_running() or is_done(), "messages", seconds)
        stalls.note(gateway)
    except (OSError, Failed):
        pass    # what cannot be kept waits
    gateway.signal(15)
    return gateway.wait_exit(20)


# ---- What must be true of the files whenever the daemon does not run ---------------------------------------------------


def read(name):
    try:
        with open(os.path.join(gateway.state, name), encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return None


def read_last_good():
    """The text of the last good configuration, and the names of the sets that it notes in front."""
    text = read("last-good.yaml")
    if text is None:
        return None, []
    notes = re.match(r"(#!forebay-note schema [-0-9a-f]+\n)*", text)[0]
    return text[len(notes):], [line.split()[2] for line in notes.splitlines()]


def problems_of_last_good():
    """It is one of the configurations that ran, with the schemas that this one had."""
    text, names = read_last_good()
    if text is None:
        return []
    if text not in configurations:
        return [f"last-good.yaml is none of the configurations: {text[:300]!r}"]
    wanted = schema_set(configurations[text])
    try:
        sets = []
        for name in names:
            with open(os.path.join(gateway.state, f"last-good-{name}.desc"), "rb") as file:
                sets.append(file.read())
    except OSError as problem:
        return [f"a schema of last-good.yaml is gone: {problem}"]
    return [] if sets == [wanted] else [f"last-good.yaml has {sets}, and not {wanted}"]


def problems_of_files():
    found = problems_of_last_good()
    for name in os.listdir(gateway.state):
        if not name.startswith("subscriptions-") or name.endswith(".new"):
            continue
        found_lines = read(name).split("\n")
        if len(found_lines) < 4 or found_lines[-2] != f"end {len(found_lines) - 4}":
            found.append(f"{name} is not whole: {found_lines}")
    text = read("sparkplug-line4.bdseq")
    if text is not None and not re.fullmatch(r"\d{1,3}\n", text):
        found.append(f"the number of the Sparkplug session is {text!r}")
    return found


def sessions():
    """(kind, number) of the births and deaths of the edge node that the host has seen, in order."""
    found = []
    for message in list(host.messages):
        kind = message.topic.split("/")[2]
        if kind in ("NBIRTH", "NDEATH"):
            found.append((kind, dict(metrics_of(message.payload)["bdSeq"])[11]))
    return found


def problems_of_sessions():
    """A birth behind a death has a number that was not the one before it, and goes forward by no more than the
    connections between; any other is a birth of the same session again."""
    global seen
    found = []
    heard = sessions()
    for (before, number), (kind, now) in zip(heard, heard[1:]):
        step = (now - number) % SEQUENCES
        wrong = kind == "NBIRTH" and before == "NDEATH" and not 1 <= step <= 20
        if wrong or step > 20:
            found.append(f"{kind} with bdSeq {now} behind {before} with {number}")
    new, seen = found[seen:], len(found)
    return new


def problem_of(life, call, at, count, error):
    set_fault(call, at, count, error)
    start = len(gateway.log())
    try:
        status = live(life)
    except Failed as failure:
        gateway.kill()
        return f"{failure}\n{gateway.log()[start:][-1500:]}"
    found = problems_of_files() + problems_of_sessions()
    if status not in REFUSALS and not (status == -9 and error == "KILL"):
        found.append(f"ended with {status}")
    if "state of" in gateway.log()[start:] and "damaged" in gateway.log()[start:]:
        found.append("the state of the plugin is damaged")
    return "; ".join(found) + (f"\n{gateway.log()[start:][-1500:]}" if found else "")


def count_calls(life, call):
    set_fault(call, 0, 1, "EIO")
    status = live(life, 20)
    test.check_equal((status, problems_of_files(), problems_of_sessions()), (0, [], []), f"{call}: a life without a fault")
    with open(report, encoding="ascii") as file:
        return int(file.read())


# ---- Lives -----------------------------------------------------------------------------------------------------------------

gateway.start()     # the session at the devices' broker must be there before messages count
gateway.wait_ready(30)
gateway.stop()
totals = {call: count_calls(life, call) for life, call in enumerate(ERRORS, 1)}
test.note(f"calls of a life: {totals}")
places = [(call, at, count, error) for call, errors in ERRORS.items() for error in errors
          for at in range(1, totals[call] + 1) for count in ((1,) if (call, error) in ONCE_ONLY else (1, 0))]
total = len(places)
test.random.shuffle(places)
places = places[:LIVES]
bad, done = [], 0
for place in places:
    if watch.is_over():
        break
    done += 1
    problem = problem_of(len(ERRORS) + done, *place)
    if problem:
        call, at, count, error = place
        bad.append(f"{call} {at} {error} {'once' if count else 'for ever'}: {problem}")
watch.check(test, done, len(places), "lives")
test.check(not bad, f"{done} of {total} faults, {len(bad)} of them badly taken (seed {test.seed})")
for text in bad[:5]:
    test.note(text)

# ---- A life without a fault has it all -----------------------------------------------------------------------------------

clear_fault()
last = len(ERRORS) + done + 1
configure(last)
text = saved_text()
configurations[text] = last
gateway.start()
gateway.wait_ready(30)
send_all()
publisher.wait_confirmed(len(publisher.confirmed), 60)
test.wait(lambda: {key for key in publisher.confirmed if key} >= {(kind, number) for kind in sent
                                                                 for number in range(sent[kind])}, "the devices' broker", 60)
oracle = judge.Oracle()


def in_file():
    with open(lines, encoding="utf-8") as file:
        return [json.loads(line)["n"] for line in file if line.endswith("\n")]


def dead_letters():
    """{payload: reason}, and how many there are."""
    listed = json.loads(gateway.request("/dead-letters?limit=100000")[1])["letters"]
    found = {}
    for letter in listed:
        content = json.loads(gateway.request(f"/dead-letters/{letter['number']}")[1])
        payload = content["message"]["payload"]
        found[payload if isinstance(payload, str) else json.dumps(payload)] = content
    return found, len(listed)


def has_all():
    letters, _count = dead_letters()
    got = set(in_file()) | {json.loads(key)["n"] for key in letters if key.startswith("{")}
    return got >= set(range(sent["good"])) and sum(key.startswith("no JSON") for key in letters) >= sent["bad"]


try:
    test.wait(has_all, "everything that was confirmed to come out or to be a dead letter", 60, step=0.2)
except Failed as failure:
    test.note(failure)
gateway.wait_idle(60)
letters, letter_count = dead_letters()
arrived = in_file()
for number in range(sent["good"]):
    oracle.send(0, number)
    oracle.acknowledge(0, number)
for number in arrived:
    oracle.receive(0, number)
oracle.excused = {(0, json.loads(key)["n"]) for key in letters if key.startswith("{")}
oracle.faults = done
verdict = oracle.judge(window=100)
test.check(verdict, f"messages: {verdict} (seed {test.seed})")
lost = set(range(sent["bad"])) - {int(key.rsplit(" ", 1)[1]) for key in letters if key.startswith("no JSON")}
test.check_equal(lost, set(), f"{sent['bad']} messages that cannot be decoded are dead letters, all of them")
test.note(f"{letter_count} dead letters, {len(letters)} different ones; {Counter(Counter(arrived).values())} receipts")
test.check_equal(problems_of_files(), [], "every file is whole")
test.check_equal(read_last_good()[0], text, "the last good configuration is that of this life")
test.check_equal(sum(name.endswith(".desc") for name in os.listdir(gateway.state)), 1, "only its schema is kept")
counted = int(numbers.messages[-1].payload) if numbers.messages else 0
test.check(counted >= len(set(arrived)),
           f"the plugin counted {counted} messages, {len(set(arrived))} of them came out, once that was saved")
test.check_equal(problems_of_sessions(), [], f"{sum(kind == 'NDEATH' for kind, _number in sessions())} Sparkplug sessions, none with the number of the one before")
test.check_equal(gateway.imbalance(), [], "the counters balance")
stalls.note(gateway)
figures = stalls.check(test, "other files")
judge.report("a system call on the daemon's other files fails, or is the last one", verdict, faults=done, seed=test.seed,
             seconds=watch.seconds(), **figures)
test.check_equal(gateway.stop(30), 0, "SIGTERM ends it with 0")
test.finish()
