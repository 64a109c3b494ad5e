#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import signal
import time

from harness import Test

test = Test("what systemd is told: READY, STATUS, WATCHDOG only while the loop turns, RELOADING, STOPPING")
broker = test.broker()
CONFIG = f"""
brokers:
  local: {{ url: {broker.url}, reconnect_min: 50ms }}
routes:
  raw:
    from: {{ broker: local, topics: ["a/#"] }}
    to:
      - local: {{ topic: out }}
"""
gateway = test.gateway(CONFIG, environment={"WATCHDOG_USEC": "300000"})
told = gateway.notifications
test.check_equal(told.count("READY=1"), 1, "READY=1 once")
before = told.count("WATCHDOG=1")
test.wait(lambda: told.count("WATCHDOG=1") >= before + 3, "watchdog beats", 3)
test.check(True, "WATCHDOG=1 comes steadily")
test.wait(lambda: any(line.startswith("STATUS=") for line in told.received), "a status line")
test.check(True, "STATUS= tells the state: " + next(line for line in told.received if line.startswith("STATUS=")))

gateway.signal(signal.SIGSTOP)
time.sleep(0.2)
before = told.count("WATCHDOG=1")
time.sleep(0.6)
test.check_equal(told.count("WATCHDOG=1"), before, "a loop that stands still feeds no watchdog")
gateway.signal(signal.SIGCONT)
test.wait(lambda: told.count("WATCHDOG=1") > before, "the beats to come back")

gateway.configure(CONFIG + "# changed\n")
test.check(gateway.reload(), "the reload is taken")
test.wait(lambda: told.count("READY=1") == 2, "READY=1 after the reload")
test.check_equal(told.count("RELOADING=1"), 1, "RELOADING=1 and then READY=1")
stamp = [line for line in told.received if line.startswith("MONOTONIC_USEC=")]
test.check(stamp and abs(int(stamp[0].split("=")[1]) / 1e6 - time.clock_gettime(time.CLOCK_MONOTONIC)) < 30,
           "with the time that Type=notify-reload wants")
gateway.configure("nonsense: {}\n")
test.check(not gateway.reload(), "a wrong reload is refused")
test.wait(lambda: told.count("READY=1") == 3, "READY=1 after the refused reload")
test.check(True, "the service manager is not left waiting by a refused reload")
gateway.configure(CONFIG)

test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.check_equal(told.count("STOPPING=1"), 1, "STOPPING=1")

# Ready although no broker answers: a dead broker must not keep a machine from booting.
broker.kill()
gateway.start()
test.wait(lambda: "READY=1" in told.received, "readiness without a broker", 5)
test.check(True, "READY=1 comes although no broker answers")
test.wait(lambda: any(line.startswith("STATUS=degraded") for line in told.received), "the status to say degraded", 5)
broker.start()
gateway.wait_subscribed()
test.check_equal(gateway.status()["state"], "ok", "and it is ok when the broker comes")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
