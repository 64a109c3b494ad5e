#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import json

from harness import HttpServer, Test

test = Test("dead letters can be listed, shown, retried once the cause is mended, and purged; nothing is lost on the way")
broker = test.broker()
broken = True
down = False


def answer(request):
    if down:
        return 503, {}
    bad = broken and any(record.get("bad") for record in request.records())
    return (400, {}, b"bad is not allowed") if bad else (200, {})


server = HttpServer(test, answer)
other = HttpServer(test)
gateway = test.gateway(f"""
brokers:
  local: {{ url: {broker.url} }}
upstreams:
  strict: {{ http: {{ url: {server.url}/in, batch: {{ messages: 1, wait: 1ms, format: single }} }} }}
  other: {{ http: {{ url: {other.url}/in, batch: {{ messages: 1, wait: 1ms, format: single }} }} }}
routes:
  readings:
    from: {{ broker: local, topics: ["readings/{{device}}"] }}
    decode: json
    to: [strict, other]
""")
publisher = broker.publisher()
published = 0


def publish(first, count):
    global published
    published += count
    accepted = gateway.target("readings", "strict")["accepted"] + count
    for i in range(first, first + count):
        publisher.send(f"readings/{i}", json.dumps({"n": i, "bad": i % 2 == 1}).encode(), key=i)
    publisher.wait_confirmed(published)
    test.wait(lambda: gateway.target("readings", "strict")["accepted"] >= accepted, "the messages to arrive")
    gateway.wait_idle()


def call(method, path):
    code, text = gateway.request(path, method)
    return code, json.loads(text) if text.startswith("{") else text


def letters(query=""):
    return call("GET", f"/dead-letters{query}")[1]


def balanced(when):
    test.check_equal(gateway.imbalance(), [], f"the counters balance {when}")


publish(0, 20)
listed = letters()
test.check_equal((listed["open"], len(listed["letters"])), (10, 10), "every rejected message is listed")
first = listed["letters"][0]
test.check_equal((first["route"], first["target"], first["topic"], first["sequence"]),
                 ("readings", "strict", "readings/1", 2), "with the route and target it failed in, and what it was")
test.check_in("bad is not allowed", first["reason"], "and the reason of the upstream")
page = letters("?limit=4")
test.check_equal([letter["number"] for letter in page["letters"]], [1, 2, 3, 4], "a list can be cut")
test.check_equal(letters(f"?limit=100&from={page['next']}")["letters"][0]["number"], 5, "and continued")
test.check_equal(letters("?route=nothing")["letters"], [], "the filter by route is exact")
code, shown = call("GET", "/dead-letters/1")
test.check_equal((code, json.loads(shown["message"]["payload"])), (200, {"n": 1, "bad": True}), "a letter shows its payload")
test.check_equal(call("GET", "/dead-letters/99")[0], 404, "a number that is none answers 404")
balanced("with dead letters")

code, result = call("POST", "/dead-letters/1/retry")
test.check_equal((code, result["dead_lettered"]), (200, 1), "what fails again is a dead letter again")
numbers = [letter["number"] for letter in letters()["letters"]]
test.check(1 not in numbers and len(numbers) == 10, "the old letter is gone, a new one took its place")
balanced("after a retry that failed")

broken = False
others = len(other.requests)
before = len(server.accepted())
retried = numbers[0]
code, result = call("POST", f"/dead-letters/{retried}/retry")
test.check_equal((code, result["delivered"]), (200, 1), "after the cause is mended a retry delivers")
test.check_equal(len(server.accepted()), before + 1, "the upstream got it")
test.check_equal(server.accepted()[-1]["n"], 3, "it is the message that had failed")
test.check_equal(call("POST", f"/dead-letters/{retried}/retry")[0], 404, "a letter is retried once")

code, result = call("POST", "/dead-letters/retry?route=readings&target=strict")
test.check_equal((code, result["retried"], result["delivered"]), (200, 9, 9), "a whole route is retried at once")
test.check_equal(letters()["letters"], [], "none is left")
test.check_equal(sorted(record["n"] for record in server.accepted()), list(range(20)), "the upstream has every message once")
test.check_equal(len(other.requests), others, "the other target got nothing a second time")
test.check_equal(gateway.target("readings", "strict")["retried"], 11, "retries are counted")
test.check_equal(gateway.metric("forebay_dead_letters_retired_total", reason="retried"), 11, "and in the metrics")
balanced("after all retries")
gateway.kill()
gateway.restart()
test.wait(lambda: isinstance(letters(), dict), "the store to be read after the kill")
test.check_equal(letters()["letters"], [], "after kill -9 the retried letters stay retired")
gateway.wait_idle()

broken = True
publish(100, 10)
test.check_equal(call("DELETE", "/dead-letters")[0], 400, "a purge without saying what is refused")
code, result = call("DELETE", "/dead-letters?older_than=1h")
test.check_equal((code, result["purged"]), (200, 0), "nothing is an hour old")
number = letters()["letters"][0]["number"]
test.check_equal(call("DELETE", f"/dead-letters/{number}")[0], 200, "one letter is purged")
test.check_equal(call("GET", f"/dead-letters/{number}")[0], 404, "and is gone")
code, result = call("DELETE", "/dead-letters?route=readings")
test.check_equal((code, result["purged"]), (200, 4), "the rest is purged by route")
test.check_equal(gateway.metric("forebay_dead_letters"), 0, "the gauge says that none is left")
balanced("after the purge")
broken = False  # what is delivered again after the kill must not fail again
gateway.kill()
gateway.restart()
test.wait(lambda: isinstance(letters(), dict), "the store to be read")
gateway.wait_idle()
test.check_equal(letters()["open"], 0, "the purge survives kill -9")
broken = True

# A retry that cannot end: the answer comes all the same, and the letter stays.
publish(200, 2)
down = True
code, result = call("POST", "/dead-letters/retry?all=1")
test.check_equal((code, result["state"]), (202, "under way"), "with a dead upstream the answer is 202")
number = letters()["letters"][0]["number"]
test.check_equal(letters()["retrying"], 1, "the list says that it is being retried")
test.check_equal(call("POST", f"/dead-letters/{number}/retry")[0], 409, "and it cannot be retried twice at a time")
balanced("during a retry")
gateway.kill()
gateway.restart()
test.wait(lambda: isinstance(letters(), dict), "the store to be read")
test.check_in(number, [letter["number"] for letter in letters()["letters"]], "a kill in the middle of a retry leaves the letter where it was")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
