#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from campaign import Watch, fault_count, repeat_known_seeds
from daemon_campaign import DaemonCampaign
from harness import Test

# The oracle knows only what the devices' broker has confirmed and what has come out: it shares no code and no
# counter with the daemon. A message counts as lost when it was confirmed and has not come out at one of the targets.
test = Test("kill -9 at random moments under load: no confirmed message is lost, none is out of order", seconds=2400)
KILLS = fault_count(200, 5000, 10)
watch = Watch(seconds=900)
test.note(f"seed {test.seed} (FOREBAY_TEST_SEED repeats it), {KILLS} kills")
repeat_known_seeds(test)
campaign = DaemonCampaign(test, "kill -9 under load")
campaign.gateway.start()
campaign.gateway.wait_ready(30)
campaign.start_load()
kills = in_start = 0
while kills < KILLS and not watch.is_over():
    campaign.sleep_a_little()
    in_start += "READY=1" not in campaign.gateway.notifications.received
    if kills % 10 == 0:
        campaign.note_stalls()
    campaign.kill()
    kills += 1
watch.check(test, kills, KILLS, "kills")
test.note(f"{kills} kills, {in_start} of them before the daemon was ready")
campaign.gateway.wait_ready(30)
campaign.finish(kills)
test.finish()
