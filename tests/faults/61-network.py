#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from campaign import Watch, fault_count, repeat_known_seeds
from harness import Test, free_port
from harness_network import HERE, Cable, own_network

own_network()

import time

from broker_campaign import LOGGED, BrokerCampaign
from daemon_campaign import RECEIVE, WINDOW

# The daemon stands at one end of a cable, both brokers at the other. What a connection loses may come again: at most the
# window, for each connection that ended.
test = Test("silence, resets, loss, half-open connections and a narrow line: nothing that was acknowledged is lost",
            seconds=7200)
LONG = bool(os.environ.get("FOREBAY_TEST_LONG"))
FAULTS = fault_count(8, 100, 5)
FAULT_SECONDS = 30.0 if LONG else 3.0
watch = Watch(seconds=900)
test.note(f"seed {test.seed} (FOREBAY_TEST_SEED repeats it), {FAULTS} faults")
repeat_known_seeds(test)
cable = Cable(test)
ports = free_port(), free_port()
listeners = [f"listener {port} {HERE}" for port in ports]
config = LOGGED.replace("{devices}", f"mqtt://{HERE}:{ports[0]}").replace("{cloud}", f"mqtt://{HERE}:{ports[1]}")
config = config.replace("reconnect_min: 20ms", "keepalive: 5s, reconnect_min: 20ms")
campaign = BrokerCampaign(test, "network", rate=150, config=config, devices_extra=listeners[0], cloud_extra=listeners[1],
                          windows=(None, None))
cable.attach(campaign.gateway)
campaign.gateway.start()
campaign.gateway.wait_ready(60)


def lost_connections():
    return campaign.gateway.metric("forebay_mqtt_disconnects_total")


def standing():
    return campaign.gateway.metric("forebay_mqtt_connected")


def sleep_a_while(least):
    time.sleep(least + test.random.random() * (FAULT_SECONDS - least))


def half_open():
    """Both ends must find out by themselves, by their keep-alives."""
    ended = lost_connections() + standing()
    cable.forget_connections()
    test.wait(lambda: lost_connections() >= ended, "the daemon to notice the dead connections", 90)


def reset():
    """One may have ended by itself just before, from the fault before this one. As long as this lasts none comes back."""
    cable.reset()
    test.wait(lambda: standing() == 0, "both connections to be reset", 60)
    sleep_a_while(0.1)


def for_a_while(begin, least):
    def fault():
        begin()
        sleep_a_while(least)
    return fault


KINDS = {
    "silence": for_a_while(cable.silence, 1.0),
    "reset": reset,
    "loss": for_a_while(cable.lose, 2.0),
    "half-open": half_open,
    "narrow": for_a_while(cable.narrow, 2.0),
}
campaign.start_load()
done, kinds = 0, list(KINDS)
while done < FAULTS and not watch.is_over():
    time.sleep(0.3 + test.random.random())
    test.wait(lambda: standing() == 2, "both connections to stand", 60)
    KINDS[kinds[done % len(kinds)]]()
    cable.mend()
    campaign.gateway.wait_subscribed(60)
    campaign.note_stalls()
    done += 1
watch.check(test, done, FAULTS, "faults of the network")
ended = int(lost_connections())
campaign.settle(120)
campaign.windows = (RECEIVE * max(ended, 1) // done, (RECEIVE + WINDOW) * max(ended, 1) // done)
test.note(f"{done} faults, {ended} connections lost")
test.check(ended >= 2, "connections were lost")
test.check(len(campaign.acknowledged) > 50, f"{len(campaign.acknowledged)} messages were acknowledged")
campaign.finish(done, row="network: silence, resets, 20 % loss, half-open, 64 kbit/s")
test.finish()
