#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import resource
import time

from campaign import Watch, fault_count, repeat_known_seeds
from daemon_campaign import DaemonCampaign
from harness import Test

# While it works the daemon may open no further descriptor: no segment, no connection, no request. Meanwhile the target
# goes away and comes back. When the limit is lifted everything goes on by itself.
test = Test("no descriptors are left: nothing acknowledged is lost, it goes on when there are some", seconds=1800)
CYCLES = fault_count(3, 20, 2)
watch = Watch(seconds=900)
test.note(f"seed {test.seed}")
repeat_known_seeds(test)
campaign = DaemonCampaign(test, "no descriptors left", journal="segment_size: 64 KiB")
gateway = campaign.gateway


def count_descriptors():
    return len(os.listdir(f"/proc/{gateway.pid}/fd"))


def run_cycle():
    soft, hard = resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (max(3, count_descriptors() - test.random.randrange(4)), hard))
    time.sleep(0.5)
    campaign.cloud.stop()
    campaign.cloud.start()
    time.sleep(0.5 + test.random.random())
    alive = gateway.is_running()
    resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (soft, hard))
    before = gateway.target("raw", "cloud")["delivered"]
    test.wait(lambda: gateway.target("raw", "cloud")["delivered"] > before, "messages to go on", 60)
    return alive


gateway.start()
gateway.wait_ready(30)
campaign.start_load()
alive, cycles = 0, 0
while cycles < CYCLES and not watch.is_over():
    alive += run_cycle()
    cycles += 1
watch.check(test, cycles, CYCLES, "cycles")
test.check_equal(alive, cycles, f"{cycles} times without a free descriptor, it lives and goes on")
campaign.settle(90)
# Each loses the connection to the target, and the source may be stopped because no segment can be made.
campaign.finish(cycles + int(gateway.metric("forebay_source_stops_total")
                             + gateway.metric("forebay_mqtt_disconnects_total")))
test.finish()
