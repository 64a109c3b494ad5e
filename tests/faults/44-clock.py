#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import struct
import time

from campaign import Watch, fault_count, repeat_known_seeds
from daemon_campaign import DaemonCampaign
from harness import BUILD, Test, is_sanitized

# The real time jumps while the daemon works, and after each jump both brokers go away and come back: messages must go on
# and connections come back. A gateway without a battery starts in 1970: what it takes then has no valid time and must
# not expire when the time is set; what has one expires when it is due.
test = Test("the clock jumps: no timer hangs, and only what has a valid time expires", seconds=2400)
if is_sanitized():
    test.skip("the clock is replaced by preloading, which a sanitizer does not like")
HOUR, YEAR = 3600, 365 * 86400
JUMPS = (HOUR, -HOUR, 10 * YEAR, -10 * YEAR)
COUNT = fault_count(4, 100, 4)
QUEUED = 300
MAX_AGE_S = 2 * HOUR
watch = Watch(seconds=900)
test.note(f"seed {test.seed}")
repeat_known_seeds(test)
clock = test.write("clock", struct.pack("q", 0))
campaign = DaemonCampaign(test, "the clock jumps", environment={
    "LD_PRELOAD": os.path.join(BUILD, "tests", "faults", "fault_clock_shim.so"), "FAULT_CLOCK": clock})
gateway = campaign.gateway
faults = 0


def set_clock(offset_s):
    global faults
    faults += 1
    with open(clock, "r+b") as file:
        file.write(struct.pack("q", int(offset_s)))


def daemon_time():
    return gateway.metric("forebay_start_time_seconds")


def run_jump(offset_s):
    """A jump under load, and a reconnect of each broker behind it."""
    set_clock(offset_s)
    time.sleep(0.3)
    campaign.cloud.stop()
    campaign.cloud.start()
    campaign.stop_load()    # what a publisher sends again to a broker that comes back has an order of its own
    campaign.publisher.wait_confirmed(campaign.sent)
    campaign.devices.stop()
    campaign.devices.start()
    test.wait(campaign.publisher.connected.is_set, "the test's own connection", 30)
    campaign.start_load()
    before = gateway.target("raw", "cloud")["delivered"]
    test.wait(lambda: gateway.target("raw", "cloud")["delivered"] > before, "messages to go on behind a jump", 30)
    campaign.note_stalls()


gateway.start()
gateway.wait_ready(30)
campaign.start_load()
jumps = 0
while jumps < COUNT and not watch.is_over():
    run_jump(JUMPS[jumps % len(JUMPS)])
    jumps += 1
watch.check(test, jumps, COUNT, "jumps, with a reconnect of both brokers behind each: messages go on")
set_clock(0)
campaign.settle(90)
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0 behind all jumps")

# 1970, then NTP.
gateway.configure(open(gateway.config, encoding="utf-8").read().split("\n", 4)[4]
                  .replace("segment_size: 1 MiB", f"segment_size: 64 KiB, max_age: {MAX_AGE_S}s"))
set_clock(-time.time() + 100)
gateway.start()
gateway.wait_ready(30)
test.check(daemon_time() < YEAR, "the daemon believes it is 1970")
campaign.cloud.signal(19)
campaign.send(QUEUED)
test.wait(lambda: gateway.target("raw", "cloud")["accepted"] >= QUEUED, "the messages of 1970 to be taken")
set_clock(0)
gateway.reload()    # looks for what has expired
time.sleep(1.5)
test.check_equal(gateway.target("raw", "cloud")["dropped"]["expired"], 0, "what was taken in 1970 does not expire by NTP")
campaign.cloud.signal(18)
campaign.settle(60)
test.check_equal(gateway.imbalance(), [], "the counters add up")

# What has a valid time expires: in three hours.
campaign.cloud.signal(19)
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")  # what comes next goes to a segment of its own
gateway.restart()
first = set(campaign.publisher.confirmed)
delivered = gateway.target("raw", "archive")["delivered"]
campaign.send(QUEUED)
test.wait(lambda: gateway.target("raw", "archive")["delivered"] >= delivered + QUEUED, "the messages to be taken")
set_clock(3 * HOUR)
gateway.reload()
test.wait(lambda: gateway.target("raw", "cloud")["dropped"]["expired"] > 0, "messages to expire")
set_clock(0)
campaign.cloud.signal(18)
expired = set(campaign.publisher.confirmed) - first
campaign.settle(60, missing=len(expired))
dropped = gateway.target("raw", "cloud")["dropped"]["expired"]


def missing_now():
    campaign.look()
    return expired - campaign.targets[1].distinct


test.wait(lambda: len(missing_now()) <= dropped, "what did not expire to arrive at the test", 30)
missing = missing_now()
test.check_equal(len(missing), dropped, f"{dropped} of {QUEUED} expired, as many as did not come out")
campaign.finish(faults + 2 * jumps, excused=missing)
test.finish()
