#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import signal
import time

from broker_campaign import BrokerCampaign, restart_broker
from campaign import Watch, fault_count, repeat_known_seeds
from daemon_campaign import WINDOW
from harness import Test

# Judged by the logs of the brokers. What comes again after a fault of the devices' broker is the broker's doing as well
# (a session that it saved a second ago), so only after faults of the upstream broker it is counted against the window.
test = Test("brokers killed, stopped, frozen and without their sessions: nothing that was acknowledged is lost",
            seconds=7200)
LONG = bool(os.environ.get("FOREBAY_TEST_LONG"))
FAULTS = fault_count(10, 200, 4)
FROZEN_SECONDS = 60.0 if LONG else 1.5
watch = Watch(seconds=900)
test.note(f"seed {test.seed} (FOREBAY_TEST_SEED repeats it), {FAULTS} faults")
repeat_known_seeds(test)
KINDS = ("kill", "lose", "freeze", "stop")


def end_broker(campaign, broker, kind):
    """kill -9; or in order; or frozen, which ends by itself; `lose`: and what it had stored is removed."""
    if kind == "freeze":
        broker.signal(signal.SIGSTOP)
        time.sleep(1.0 + test.random.random() * (FROZEN_SECONDS - 1.0))
        broker.signal(signal.SIGCONT)
        return
    if kind == "stop" or (kind == "lose" and test.random.random() < 0.5):
        broker.stop()
    else:
        broker.kill()
    time.sleep(test.random.random() * 0.3)
    gaps = campaign.gaps()
    restart_broker(broker, forget=kind == "lose")
    campaign.gateway.wait_subscribed(60)
    if kind == "lose" and broker is campaign.devices:
        test.wait(lambda: campaign.gaps() > gaps, "the lost session to be noticed", 60)
        test.check(campaign.gateway.status()["sources"]["devices"]["possible_gap"],
                   "a session that the devices' broker lost is said to be a possible gap")


def run_campaign(name, broker_of, kinds, faults, windows):
    own = watch.part(2 if name == DEVICES else 1)
    campaign = BrokerCampaign(test, name, windows=windows)
    broker = broker_of(campaign)
    campaign.gateway.start()
    campaign.gateway.wait_ready(30)
    campaign.start_load()
    done = 0
    while done < faults and not own.is_over():
        time.sleep(0.1 + test.random.random() * 0.6)
        end_broker(campaign, broker, kinds[done % len(kinds)])
        test.wait(campaign.publisher.connected.is_set, "the publisher to be back", 60)
        test.wait(campaign.receiver.connected.is_set, "the receiver to be back", 60)
        campaign.note_stalls()
        done += 1
    own.check(test, done, faults, f"faults of the {name}")
    campaign.settle()
    campaign.finish(done)
    return campaign


DEVICES = "devices' broker killed, stopped, frozen, session lost"
devices = run_campaign(DEVICES, lambda c: c.devices, KINDS,
                       (FAULTS + 1) // 2, (None, None))
test.check(len(devices.acknowledged) > 50, f"{len(devices.acknowledged)} messages were acknowledged")
run_campaign("upstream broker killed, stopped, frozen, storage lost", lambda c: c.cloud, KINDS, FAULTS // 2, (0, WINDOW))
test.finish()
