#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import json
import signal
import subprocess
import time

from campaign import Stalls, Watch, fault_count, repeat_known_seeds
from memory_limit import MemoryLimit
import oracle as judge
from harness import BUILD, Test, is_sanitized

# An outage with a limit of 64 MiB on the daemon's memory, its page cache included: messages of 1,000 bytes pile up behind
# a target that hangs; the daemon is stopped and killed, starts, and delivers them while others come in. Rates are told,
# not tested; what has a bound is measured by what the daemon used, not by what it waited for in a crowd.
test = Test("a long outage: memory does not grow with the backlog, a stop is bounded, everything comes out", seconds=1800)
COUNT = fault_count(1000000, 1000000, 10000)
SIZE, LIVE_RATE, MEMORY_MIB = 1000, 1000, 64
WINDOW = 1000                           # messages on their way at most
GROWTH_MIB, PEAK_MIB = 8, 24 + 2 * 2    # windows: 2 MiB of each target's messages
STOP_SECONDS, START_SECONDS = 5.0, 1.0
DRAIN_FACTOR = 5
LOAD_GEN = os.path.join(BUILD, "tests", "bench", "load_gen")
watch = Watch(seconds=600)
test.note(f"seed {test.seed}, {COUNT} messages of {SIZE} bytes")
repeat_known_seeds(test)
QUICK = "autosave_interval 0\nmax_inflight_messages 1000\nlog_type error\nlog_type warning\nlog_type notice\nlog_type subscribe"
devices, cloud = test.broker("devices", extra=QUICK), test.broker("cloud", extra=QUICK)
gateway = test.gateway(f"""
journal: {{ max_size: 8 GiB }}
brokers:
  devices: {{ url: {devices.url} }}
  cloud: {{ url: {cloud.url}, reconnect_min: 100ms, reconnect_max: 500ms }}
routes:
  all:
    from: {{ broker: devices, topics: ["bench/#", "live/#"] }}
    to: [cloud]
""", start=False)
limit = MemoryLimit(test, MEMORY_MIB) if not is_sanitized() else None
if limit:
    gateway.command = limit.wrap(gateway.command)
    test.note(f"memory is limited to {MEMORY_MIB} MiB by {limit.kind or 'nothing: there is no way here'}")
stalls = Stalls()


def memory_mib(key):
    with open(f"/proc/{gateway.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(key + ":"))


def cpu_seconds():
    with open(f"/proc/{gateway.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def delay_seconds():
    """For how long the daemon's threads were ready and had no processor."""
    total = 0
    for thread in os.listdir(f"/proc/{gateway.pid}/task"):
        with open(f"/proc/{gateway.pid}/task/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[1])
    return total / 1e9


def load(**options):
    arguments = [part for key, value in options.items() for part in (f"--{key.replace('_', '-')}", str(value))]
    child = subprocess.Popen([LOAD_GEN, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    children.append(child)
    return child


def result_of(child):
    return json.loads(child.communicate(timeout=900)[0] or "{}")


def start_timed():
    """(seconds until it was ready, CPU seconds of that)"""
    began = time.monotonic()
    gateway.start()
    test.wait(lambda: "READY=1" in gateway.notifications.received or not gateway.is_running(), "ready", 120, step=0.002)
    return time.monotonic() - began, cpu_seconds()


def stop_timed():
    """(exit status, seconds, the last that was seen of its time without a processor)"""
    before, began = delay_seconds(), time.monotonic()
    crowded = 0
    gateway.signal(signal.SIGTERM)
    while gateway.is_running() and time.monotonic() < began + 60:
        try:
            crowded = max(crowded, delay_seconds() - before)
        except (OSError, IndexError):
            pass
        time.sleep(0.02)
    return gateway.wait_exit(1), time.monotonic() - began, crowded


def drain():
    """The receiver must be there before the first message comes, so the daemon is down meanwhile: killed once more."""
    stalls.note(gateway)
    gateway.kill()
    cloud.signal(signal.SIGCONT)
    receiver = load(publish_port=0, receive_port=cloud.port, count=COUNT, size=SIZE, timeout=60)
    cloud.wait_log("load-r", 30)
    gateway.start()
    gateway.wait_subscribed(60)
    before = gateway.target("all", "cloud")["accepted"]
    live = load(publish_port=devices.port, receive_port=0, topic="live/a", rate=LIVE_RATE, count=10000000, timeout=60)
    result = result_of(receiver)
    taken = gateway.target("all", "cloud")["accepted"] - before
    live.terminate()
    live.communicate()
    return result, taken


class Children:
    """The load, when the test ends in the middle."""

    def stop(self):
        for child in children:
            if child.poll() is None:
                child.kill()
                child.wait()


children = []
test.servers.append(Children())
start_timed()
gateway.wait_subscribed(60)
test.wait(lambda: gateway.status()["upstreams"]["cloud"]["connected"], "the target", 30)
cloud.signal(signal.SIGSTOP)
idle = memory_mib("VmRSS")
filled = result_of(load(publish_port=devices.port, receive_port=0, count=COUNT, size=SIZE, timeout=60))
test.check_equal(filled.get("acked"), COUNT, f"{COUNT} messages are confirmed by the devices' broker")
test.wait(lambda: gateway.target("all", "cloud")["accepted"] >= COUNT, "the backlog to be taken", 300, step=0.2)
counts = gateway.target("all", "cloud")
queued = counts["queued"]
test.check_equal((counts["accepted"], queued), (COUNT, COUNT), "all of them are accepted and queued, none twice")
behind, peak = memory_mib("VmRSS"), memory_mib("VmHWM")
size = gateway.status()["journal"]["size_bytes"]
stalls.note(gateway)

status, stopping, crowded = stop_timed()
test.check_equal(status, 0, "SIGTERM with a target that hangs ends it with 0")
test.check(is_sanitized() or stopping - crowded <= STOP_SECONDS,
           f"within {STOP_SECONDS:g} s: {stopping:.1f} s, {crowded:.2f} s of them without a processor")
ordered, ordered_cpu = start_timed()
gateway.wait_subscribed(60)
test.check_equal(gateway.target("all", "cloud")["queued"], queued, "after a stop as many are queued as before")
stalls.note(gateway)
gateway.kill()
crashed, crashed_cpu = start_timed()
gateway.wait_subscribed(60)
test.check_equal(gateway.target("all", "cloud")["queued"], queued, "after a kill as many are queued as before")
test.check(is_sanitized() or max(ordered_cpu, crashed_cpu) <= START_SECONDS,
           f"ready after {ordered_cpu:.2f} and {crashed_cpu:.2f} s of CPU time with {size / (1 << 30):.2f} GiB of backlog")
result, taken = drain()
test.check_equal((result["received"], result["reordered"]), (COUNT, 0), "every message comes out, in order")
test.check(result["received"] >= DRAIN_FACTOR * taken, f"{taken} messages came in while {result['received']} were delivered")
gateway.wait_idle(120)
counts = gateway.target("all", "cloud")
test.check_equal(gateway.imbalance(), [], "the counters add up")
test.check_equal(counts["delivered"], counts["accepted"], "everything accepted counts as delivered")
peak = max(peak, memory_mib("VmHWM"))
stalls.note(gateway)
figures = stalls.check(test, "a long outage")
if not is_sanitized():
    test.check(behind <= idle + GROWTH_MIB, f"memory with the backlog {behind:.1f} MiB, without {idle:.1f} MiB")
    test.check(peak <= PEAK_MIB, f"peak while it is delivered {peak:.1f} MiB")
drained = result["received"] / max(result["seconds"], 0.001)
test.check(result["duplicates"] <= 3 * 2 * WINDOW, f"{result['duplicates']} came again after a stop and two kills")
test.note(f"| {COUNT:,} messages of {SIZE:,} bytes behind a target that hangs, {size / (1 << 30):.2f} GiB | |\n|---|--:|\n"
          f"| taken in | {filled['per_second']:,} messages/s |\n"
          f"| memory without / with the backlog / peak while it is delivered | {idle:.1f} / {behind:.1f} / {peak:.1f} MiB |\n"
          f"| SIGTERM while the target hangs | {stopping:.1f} s |\n"
          f"| ready after a stop / after kill -9 | {ordered:.2f} / {crashed:.2f} s |\n"
          f"| delivered afterwards, while {LIVE_RATE:,} messages/s come in | {drained:,.0f} messages/s |\n"
          f"| loop held up, p99 / max | {figures['stall_p99_ms']:g} / {figures['stall_max_ms']:g} ms |")
judge.report("a long outage, 64 MiB of memory, SIGTERM and kill -9 while the target hangs", faults=4, messages=COUNT,
             lost=COUNT - result["received"], reordered=result["reordered"], duplicates=result["duplicates"],
             seed=test.seed, seconds=watch.seconds(), **figures)
test.check_equal(gateway.stop(60), 0, "SIGTERM ends it with 0")
test.finish()
