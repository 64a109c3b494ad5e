#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import json
import signal

from campaign import Watch, fault_count, repeat_known_seeds
from daemon_campaign import DaemonCampaign
from harness import BUILD, Failed, Test, is_sanitized

# The daemon starts on a journal that was left by the run before, takes messages, is told to reload, and ends.
# Allocation number k of all that fails. It may refuse to start with a message, go on, or stop in the documented way
# (abort, with a line that says so); it may not crash, hang, or lose what it has acknowledged.
test = Test("an allocation fails, anywhere in the daemon's life: no crash, nothing acknowledged is lost", seconds=3600)
if is_sanitized():
    test.skip("a sanitizer has its own allocator")
SHIM = os.path.join(BUILD, "tests", "faults", "fault_memory_shim.so")
PLACES = fault_count(60, 1000000, 12)
ABORT_TEXT = "out of memory"
watch = Watch(seconds=900)
test.note(f"seed {test.seed}")
repeat_known_seeds(test)
campaign = DaemonCampaign(test, "malloc fails")
gateway = campaign.gateway
report = test.path("allocations")


def set_fault(at, count):
    gateway.environment.update(LD_PRELOAD=SHIM, FAULT_AT=str(at), FAULT_COUNT=str(count), FAULT_REPORT=report)


def clear_fault():
    for name in ("LD_PRELOAD", "FAULT_AT", "FAULT_COUNT", "FAULT_REPORT"):
        gateway.environment.pop(name, None)


def live():
    """One life: start, load, reload, SIGTERM. Returns the exit status; Failed when it hangs."""
    for _ in range(20):
        campaign.send_one()
    gateway.start()
    test.wait(lambda: "READY=1" in gateway.notifications.received or not gateway.is_running(), "a decision", 20)
    for _ in range(20):
        campaign.send_one()
    try:
        test.wait(lambda: not gateway.is_running() or gateway.target("raw", "cloud")["queued"] == 0, "messages", 2)
        before = gateway.status()["reloads"] + gateway.status()["reload_failures"]
        gateway.signal(signal.SIGHUP)
        test.wait(lambda: not gateway.is_running()
                  or gateway.status()["reloads"] + gateway.status()["reload_failures"] > before, "the reload", 2)
    except (OSError, Failed, KeyError):
        pass  # an answer, too, may be what there is no memory for
    gateway.signal(signal.SIGTERM)
    return gateway.wait_exit(20)


def dead_letters():
    """(stream, number) of what went to the dead letters, where it is kept and counted: not lost."""
    letters = json.loads(gateway.request("/dead-letters?limit=1000")[1])["letters"]
    found = set()
    for letter in letters:
        payload = json.loads(gateway.request(f"/dead-letters/{letter['number']}")[1])["message"]["payload"]
        record = json.loads(payload) if isinstance(payload, str) else payload
        found.add((record["stream"], record["number"]))
    return found


def count_allocations():
    set_fault(0, 1)
    status = live()
    test.check_equal(status, 0, "without a fault the life ends with 0")
    with open(report, encoding="ascii") as file:
        return int(file.read())


def problem_of(at, count):
    set_fault(at, count)
    start = len(gateway.log())
    try:
        status = live()
    except Failed as error:
        gateway.kill()
        return f"{error}"
    text = gateway.log()[start:]
    if status == -signal.SIGABRT and ABORT_TEXT in text:
        return ""
    if status < 0:
        return f"ended by signal {-status}\n{text[-1500:]}"
    if status > 0 and not text.strip():
        return f"ended with {status} and said nothing"
    return ""


gateway.start()  # the session at the devices' broker must be there before messages count
gateway.wait_ready(30)
gateway.stop()
total = count_allocations()
# In an order by chance: a run that ends with its time has not always tried the same ones.
places = [(at, count) for at in range(1, total + 1) for count in (1, 0)]
test.random.shuffle(places)
places = places[:PLACES]
found, done = [], 0
for at, count in places:
    if watch.is_over():
        break
    problem = problem_of(at, count)
    done += 1
    if problem:
        found.append(f"allocation {at}{'' if count else ' and all after it'}: {problem}")
watch.check(test, done, len(places), "allocations")
test.check(not found, f"{done} of {2 * total} failed allocations, {len(found)} of them badly taken (seed {test.seed})")
for text in found[:5]:
    test.note(text)
clear_fault()
gateway.start()
gateway.wait_ready(30)
campaign.finish(done, row="malloc fails in the daemon: start, load, recovery, reload", excused=dead_letters())
test.finish()
