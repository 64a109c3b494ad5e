#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import json
import shutil
import signal
import subprocess
import time

from campaign import Watch, fault_count
import oracle as judge
from harness import BUILD, Test, is_sanitized

# An outage with a limit of 64 MiB on the daemon's memory: messages of 1,000 bytes pile up behind a target that hangs, the
# daemon is stopped and killed, starts, and delivers them while others come in. Times and rates are told, not tested.
test = Test("a long outage: memory does not grow with the backlog, a stop is bounded, everything comes out", seconds=1800)
COUNT = fault_count(60000, 1000000, 10000)
SIZE, LIVE_RATE, MEMORY_MIB = 1000, 1000, 64
GROWTH_MIB, PEAK_MIB = 8, 24 + 2 * 2   # windows: 2 MiB of each target's messages
LOAD_GEN = os.path.join(BUILD, "tests", "bench", "load_gen")
watch = Watch(seconds=600)
test.note(f"seed {test.seed}, {COUNT} messages of {SIZE} bytes")
QUICK = "autosave_interval 0\nmax_inflight_messages 1000"
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
if not is_sanitized() and shutil.which("prlimit"):
    gateway.command = ["prlimit", f"--data={MEMORY_MIB << 20}", *gateway.command]


def memory_mib(key):
    with open(f"/proc/{gateway.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(key + ":"))


def load(**options):
    arguments = [part for key, value in options.items() for part in (f"--{key.replace('_', '-')}", str(value))]
    return subprocess.Popen([LOAD_GEN, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def result_of(child):
    return json.loads(child.communicate(timeout=900)[0] or "{}")


def start_timed():
    began = time.monotonic()
    gateway.start()
    test.wait(lambda: "READY=1" in gateway.notifications.received or not gateway.is_running(), "ready", 120, step=0.002)
    return time.monotonic() - began



def drain():
    """The receiver must be there before the first message comes, so the daemon is held up meanwhile."""
    gateway.signal(signal.SIGSTOP)
    cloud.signal(signal.SIGCONT)
    receiver = load(publish_port=0, receive_port=cloud.port, count=COUNT, size=SIZE, timeout=60)
    time.sleep(0.5)
    live = load(publish_port=devices.port, receive_port=0, topic="live/a", rate=LIVE_RATE, count=10000000, timeout=60)
    gateway.signal(signal.SIGCONT)
    result = result_of(receiver)
    live.terminate()
    live.communicate()
    return result


start_timed()
gateway.wait_subscribed(60)
test.wait(lambda: gateway.status()["upstreams"]["cloud"]["connected"], "the target", 30)
cloud.signal(signal.SIGSTOP)
idle = memory_mib("VmRSS")
filled = result_of(load(publish_port=devices.port, receive_port=0, count=COUNT, size=SIZE, timeout=60))
test.check_equal(filled.get("acked"), COUNT, f"{COUNT} messages are confirmed by the devices' broker")
test.wait(lambda: gateway.target("all", "cloud")["accepted"] >= COUNT, "the backlog to be taken", 300, step=0.2)
queued = gateway.target("all", "cloud")["queued"]
test.check(queued >= COUNT, f"all of them are queued: {queued}")
behind, peak = memory_mib("VmRSS"), memory_mib("VmHWM")
size = gateway.status()["journal"]["size_bytes"]
loop = gateway.status()["loop"]

began = time.monotonic()
test.check_equal(gateway.stop(60), 0, "SIGTERM with a target that hangs ends it with 0")
stopping = time.monotonic() - began
ordered = start_timed()
gateway.wait_subscribed(60)
gateway.kill()
crashed = start_timed()
gateway.wait_subscribed(60)
test.check_equal(gateway.target("all", "cloud")["queued"], queued, "after a stop and a kill as many are queued as before")
result = drain()
test.check_equal((result["received"], result["reordered"]), (COUNT, 0), "every message comes out, in order")
gateway.wait_idle(120)
test.check_equal(gateway.imbalance(), [], "the counters add up")
peak = max(peak, memory_mib("VmHWM"))
loop_later = gateway.status()["loop"]
test.note(f"loop while it is taken in: {loop}, while it is delivered: {loop_later}")
stalls = {"stall_p99_ms": max(loop["turn_p99_us"], loop_later["turn_p99_us"]) / 1000,
          "stall_max_ms": max(loop["turn_max_us"], loop_later["turn_max_us"]) / 1000}
if not is_sanitized():
    test.check(behind <= idle + GROWTH_MIB, f"memory with the backlog {behind:.1f} MiB, without {idle:.1f} MiB")
    test.check(peak <= PEAK_MIB, f"peak while it is delivered {peak:.1f} MiB")
drained = result["received"] / max(result["seconds"], 0.001)
test.check(result["duplicates"] <= 2 * 1000 + 2 * 1000, f"{result['duplicates']} came again after a stop and a kill")
test.note(f"| {COUNT:,} messages of {SIZE:,} bytes behind a target that hangs, {size / (1 << 30):.2f} GiB | |\n|---|--:|\n"
          f"| taken in | {filled['per_second']:,} messages/s |\n"
          f"| memory without / with the backlog / peak while it is delivered | {idle:.1f} / {behind:.1f} / {peak:.1f} MiB |\n"
          f"| SIGTERM while the target hangs | {stopping:.1f} s |\n"
          f"| ready after a stop / after kill -9 | {ordered:.2f} / {crashed:.2f} s |\n"
          f"| delivered afterwards, while {LIVE_RATE:,} messages/s come in | {drained:,.0f} messages/s |\n"
          f"| loop held up, p99 / max | {stalls['stall_p99_ms']:g} / {stalls['stall_max_ms']:g} ms |")
judge.report("a long outage, 64 MiB of memory, a target that hangs at the stop", faults=3, messages=COUNT,
             lost=COUNT - result["received"], reordered=result["reordered"], duplicates=result["duplicates"],
             seed=test.seed, seconds=watch.seconds(), **stalls)
test.check_equal(gateway.stop(60), 0, "SIGTERM ends it with 0")
test.finish()
