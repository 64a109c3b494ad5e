#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import time

from harness import HttpServer, Test

test = Test("what an HTTP service answers decides: taken, try again, split and dead-letter")
broker = test.broker()
down = False


def is_poison(record):
    return isinstance(record, dict) and record.get("poison")


busy_until = 0.0
busy_times = []


def answer(request):
    global busy_until
    if down:
        return 503, {}
    if request.path == "/later":
        if not busy_times:
            busy_until = time.monotonic() + 2.0
            busy_times.append(request.time)
            return 429, {"Retry-After": "2"}
        busy_times.append(request.time)
        return 200, {}
    if any(is_poison(record) for record in request.records()):
        return 422, {}, b"there is poison in it"
    return 200, {}


server = HttpServer(test, answer)
CONFIG = f"""
brokers:
  local: {{ url: {broker.url} }}
upstreams:
  lake:
    http: {{ url: {server.url}/in, batch: {{ messages: 50, wait: 100ms, format: json_array }} }}
  later:
    http: {{ url: {server.url}/later, batch: {{ messages: 1 }} }}
routes:
  data:
    from: {{ broker: local, topics: ["data/#"] }}
    decode: json
    to:
      - lake: {{ retry: {{ min: 50ms, max: 200ms }} }}
  patient:
    from: {{ broker: local, topics: ["patient/#"] }}
    decode: json
    to: [later]
"""
gateway = test.gateway(CONFIG)
publisher = broker.publisher()
POISON = (7, 60, 61, 148)
for i in range(150):
    publisher.send("data/x", '{"number": %d, "poison": %s}' % (i, "true" if i in POISON else "false"))
gateway.wait_delivered("data", "lake", 150 - len(POISON))
gateway.wait_idle()
numbers = [record["number"] for record in server.accepted()]
test.check_equal(numbers, [i for i in range(150) if i not in POISON], "a 422 is split until only the bad ones are left out")
counts = gateway.target("data", "lake")
test.check_equal(counts["dead_lettered"], len(POISON), "exactly the poisoned records are dead letters")
test.check_equal(gateway.imbalance(), [], "the counters balance")
test.check_in("422", counts["last_problem"] + gateway.log(), "the answer of the service is told")

# A service that is down for a while: every try carries the same key, so that it can deduplicate.
down = True
mark = len(server.requests)
publisher.send("data/x", '{"number": 1000}')
test.wait(lambda: len(server.requests) >= mark + 3, "three tries")
down = False
test.wait(lambda: any(r["number"] == 1000 for r in server.accepted()), "the message after the outage")
tries = server.requests[mark:]
test.check_equal(len({request.headers["idempotency-key"] for request in tries}), 1,
                 f"{len(tries)} tries of one batch carry one Idempotency-Key")
test.check_equal([r.status for r in tries[:-1]], [503] * (len(tries) - 1), "503 is tried again")
test.check_equal(gateway.target("data", "lake")["dead_lettered"], len(POISON), "an outage makes no dead letters")

# Retry-After is honoured.
publisher.send("patient/x", "1")
test.wait(lambda: len(busy_times) >= 2, "the try after Retry-After", 15)
test.check(busy_times[1] - busy_times[0] >= 1.9, f"Retry-After: 2 is honoured ({busy_times[1] - busy_times[0]:.2f} s)")

# A server that is not there at all.
server.stop()
test.servers.remove(server)
publisher.send("data/x", '{"number": 2000}')
test.wait(lambda: not gateway.status()["upstreams"]["lake"]["connected"], "the missing server to be noticed")
test.check(gateway.status()["upstreams"]["lake"]["reason"], "the status says why: "
           + gateway.status()["upstreams"]["lake"]["reason"])
test.check_equal(gateway.target("data", "lake")["queued"], 1, "the message waits")
gateway.configure(CONFIG.replace("max: 200ms", "max: 300ms"))
test.check(gateway.reload(), "a reload that changes the route to it is taken")
test.check("still had messages in flight" not in gateway.log(), "and does not wait for the dead target")
test.check_equal(gateway.target("data", "lake")["queued"], 1, "the message waits on")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0 although a target is dead")
test.finish()
