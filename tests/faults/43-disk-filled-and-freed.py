#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import own_mounts
own_mounts.enter()

import atexit
import time

import file_system
from campaign import Watch, fault_count, repeat_known_seeds
from daemon_campaign import DaemonCampaign
from harness import Failed, Test, run

# Somebody else fills the file system of the journal and frees it again, under load. While it is full nothing is
# acknowledged that could be lost; afterwards everything goes on by itself. Every third time the daemon is killed while
# there is no room.
test = Test("the disk is filled by others and freed: nothing acknowledged is lost, it goes on by itself", seconds=2400)
CYCLES = fault_count(3, 20, 2)
if not own_mounts.has_own():
    test.skip("a small file system needs root and a mount namespace")
SIZE = 16 << 20
watch = Watch(seconds=900)
test.note(f"seed {test.seed}")
repeat_known_seeds(test)
small = test.path("small")
os.makedirs(small)
image = test.path("small.img")
problem = "there is no mkfs.ext4"
if file_system.make_image("ext4", image, SIZE):
    problem = file_system.mount("ext4", image, small)
if problem:
    test.skip(f"no small file system can be mounted here: {problem}")
atexit.register(lambda: run(["umount", "-l", small]))
campaign = DaemonCampaign(test, "disk filled by others", state=os.path.join(small, "state"),
                          journal="segment_size: 64 KiB, free_reserve: 64 KiB, max_size: 64 MiB")
gateway = campaign.gateway
filler = os.path.join(small, "of-somebody-else")


def fill():
    """To the last byte, again and again: the journal removes what is delivered."""
    block = b"x" * 65536
    with open(filler, "ab", buffering=0) as file:
        while block:
            try:
                file.write(block)
            except OSError:
                block = block[:len(block) // 2]


def state():
    try:
        return gateway.status()["journal"]["state"]
    except (OSError, Failed, KeyError):
        return ""


def count_stops():
    """Each drops the connection to the devices' broker, which sends its window again."""
    try:
        return int(gateway.metric("forebay_source_stops_total"))
    except (OSError, Failed):
        return 0


def run_cycle(number):
    """Returns whether it was seen to be full and to take messages again."""
    global stops
    time.sleep(test.random.random())
    fill()
    seen = test.wait(lambda: fill() or state() == "full", "the journal to be full", 60)
    time.sleep(test.random.random())
    fill()
    if number % 3 == 1:
        stops += count_stops()
        gateway.kill()
        gateway.start()
        time.sleep(0.3)
    os.unlink(filler)
    if not gateway.is_running():
        test.check(gateway.child.returncode in (74, 75), f"no room for a start: it ends with {gateway.child.returncode}")
        gateway.start()
    gateway.wait_ready(60)
    test.wait(lambda: state() == "ok", "the journal to take messages", 90)
    return seen


gateway.start()
gateway.wait_ready(30)
campaign.start_load()
seen, cycles, stops = 0, 0, 0
while cycles < CYCLES and not watch.is_over():
    seen += run_cycle(cycles)
    cycles += 1
    campaign.note_stalls()
watch.check(test, cycles, CYCLES, "cycles")
test.check_equal(seen, cycles, f"{cycles} times the journal was full, said so, and went on when there was room")
campaign.settle(90)
campaign.finish(cycles + cycles // 3 + stops + count_stops())
test.finish()
