#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import subprocess

from harness import Test

test = Test("a full disk stops or drops by policy, never crashes, and says so")


def mount_small(name, megabytes):
    path = test.path(name)
    os.makedirs(path)
    result = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", path], check=False,
                            stderr=subprocess.PIPE, text=True)
    if result.returncode:
        test.skip(f"no tmpfs can be mounted here: {result.stderr.strip()}")
    import atexit
    atexit.register(lambda: subprocess.run(["umount", "-l", path], check=False))
    return path


def config(devices, cloud, policy, path, max_size):
    return f"""
journal: {{ path: {path}/journal, when_full: {policy}, max_size: {max_size}, segment_size: 1 MiB, free_reserve: 64 KiB }}
brokers:
  devices: {{ url: {devices.url}, reconnect_min: 50ms, reconnect_max: 200ms }}
  cloud: {{ url: {cloud.url}, reconnect_min: 50ms, reconnect_max: 200ms }}
routes:
  raw:
    from: {{ broker: devices, topics: ["raw/#"] }}
    to:
      - cloud
"""


PAYLOAD = b"x" * 4000

# `block`, where the disk is smaller than the configured limit: nothing more is taken, the broker keeps it.
devices, cloud = test.broker("devices"), test.broker("cloud")
path = mount_small("small-block", 8)
gateway = test.gateway(config(devices, cloud, "block", path, "64 MiB"))
received = cloud.subscriber("raw/#")
cloud.signal(19)  # SIGSTOP: the upstream hangs
publisher = devices.publisher()
COUNT = 4000
for i in range(COUNT):
    publisher.send(f"raw/{i}", PAYLOAD, key=i)
publisher.wait_confirmed(COUNT, 60)
test.wait(lambda: gateway.status()["journal"]["state"] == "full", "the journal to be full", 30)
status = gateway.status()
test.check_equal(status["state"], "degraded", "block: the gateway is degraded")
test.check_in("journal", status["text"], "block: and says that it is the journal")
accepted = gateway.target("raw", "cloud")["accepted"]
test.check(0 < accepted < COUNT, f"block: {accepted} of {COUNT} messages were taken, the rest waits at the broker")
test.check_equal(sum(gateway.target("raw", "cloud")["dropped"].values()), 0, "block: nothing is dropped")
cloud.signal(18)
test.wait(lambda: len({m.topic for m in list(received.messages)}) >= COUNT, "everything to arrive after the jam", 60)
numbers = list(dict.fromkeys(int(m.topic[4:]) for m in received.messages))
test.check_sequence(numbers, COUNT, "block: after the jam everything arrives, in order, nothing lost")
test.wait(lambda: gateway.status()["state"] == "ok", "the state to be ok again")
test.check(True, "block: the state is ok again by itself")
gateway.wait_idle()
test.check_equal(gateway.imbalance(), [], "block: the counters balance")
test.check_equal(gateway.stop(), 0, "block: SIGTERM ends it with 0")

# `drop_oldest`: the newest are kept, what is dropped is counted.
path = mount_small("small-drop", 8)
gateway = test.gateway(config(devices, cloud, "drop_oldest", path, "64 MiB"), name="dropper")
del received.messages[:]
cloud.signal(19)
for i in range(COUNT):
    publisher.send(f"raw/{i}", PAYLOAD, key=COUNT + i)
publisher.wait_confirmed(2 * COUNT, 60)
test.wait(lambda: gateway.target("raw", "cloud")["accepted"] >= COUNT, "everything to be taken", 60)
dropped = sum(gateway.target("raw", "cloud")["dropped"].values())
test.check(dropped > 0, f"drop_oldest: {dropped} of the oldest were dropped, and counted")
test.check_equal(gateway.imbalance(), [], "drop_oldest: the counters balance while it is jammed")
cloud.signal(18)
gateway.wait_idle(60)
test.wait(lambda: any(m.topic == f"raw/{COUNT - 1}" for m in list(received.messages)), "the newest to arrive", 30)
# A burst that finds the disk full is refused as a whole and nothing of it stays. Its connection is dropped, and with it may go
# acknowledgements of earlier bursts that the broker has not read yet: those come twice, and where the policy has dropped the
# first copy, the second one steps back. Nothing else may.
receipts = [int(m.topic[4:]) for m in received.messages]
steps_back = [i for i in range(1, len(receipts)) if receipts[i] <= receipts[i - 1]]
refused = int(gateway.metric("forebay_source_stops_total", broker="devices"))
retries = gateway.target("raw", "cloud")["retries"]
test.check(len(steps_back) <= refused + retries,
           f"drop_oldest: what is left comes in order, but for {len(steps_back)} repetitions after {refused} refused bursts")
taken_back = gateway.metric("forebay_journal_uncommitted_total")
failed = gateway.metric("forebay_source_failed_commits_total", broker="devices")
if failed == 0:
    test.check_equal(gateway.metric("forebay_messages_refused_total"), taken_back + refused,
                     f"drop_oldest: {taken_back:.0f} messages before the refused ones were taken back out of the journal")
    test.check_equal(gateway.target("raw", "cloud")["accepted"], gateway.metric("forebay_messages_journaled_total"),
                     "drop_oldest: and what the journal has counts as accepted, no more")
last_run = receipts[steps_back[-1] if steps_back else 0:]
test.check_equal(last_run[last_run.index(max(last_run)):], [COUNT - 1], "drop_oldest: the newest comes last")
numbers = set(receipts)
dropped = sum(gateway.target("raw", "cloud")["dropped"].values())
test.check(len(numbers) >= COUNT - dropped, f"drop_oldest: {len(numbers)} arrived, at least all that were not dropped")
test.check_equal(gateway.imbalance(), [], "drop_oldest: the counters balance at the end")
test.check_equal(gateway.stop(), 0, "drop_oldest: SIGTERM ends it with 0")

# No room to start with.
path = mount_small("no-room", 1)
test.write("no-room/filler", b"x" * 950000)
gateway = test.gateway(config(devices, cloud, "block", path, "64 MiB"), name="starved", wait=False)
test.wait(lambda: not gateway.is_running() or "READY=1" in gateway.notifications.received, "a decision at the start")
if gateway.is_running():
    gateway.wait_subscribed()
    publisher.send("raw/late", PAYLOAD)
    test.wait(lambda: gateway.status()["state"] == "degraded", "the state to be degraded")
    test.check(True, f"no room at the start: degraded ({gateway.status()['text']})")
else:
    test.check(gateway.child.returncode in (74, 75), f"no room at the start: ends with {gateway.child.returncode}")
test.check_in("journal", gateway.log(), "no room at the start: the log says what is wrong")
gateway.kill()
test.finish()
