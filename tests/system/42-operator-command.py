#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import json

from harness import BUILD, HttpServer, Test, run

test = Test("forebay dead and forebay bench-disk: what an operator types, and what the exit codes say")
broker = test.broker()
refusing = True
server = HttpServer(test, lambda request: (400, {}, b"no thanks\x1b[31m") if refusing else (200, {}))
gateway = test.gateway(f"""
brokers:
  local: {{ url: {broker.url} }}
upstreams:
  strict: {{ http: {{ url: {server.url}/, batch: {{ messages: 1, wait: 1ms, format: single }} }} }}
routes:
  "odd-name_1":
    from: {{ broker: local, topics: ["t/{{n}}"] }}
    decode: json
    to: [strict]
""")
FOREBAY = os.path.join(BUILD, "daemon", "cli", "forebay")


def forebay(*arguments, socket=os.path.join(gateway.runtime, "control.sock")):
    return run([FOREBAY, "--socket", socket, *arguments])


publisher = broker.publisher()
for n in range(8):
    publisher.send(f"t/{n}", json.dumps({"n": n}).encode(), key=n)
publisher.wait_confirmed(8)
test.wait(lambda: gateway.target("odd-name_1", "strict")["dead_lettered"] == 8, "8 dead letters")

result = forebay("dead", "list")
test.check_equal(result.returncode, 0, "dead list")
test.check_in("8 dead letters", result.stdout, "says how many there are")
test.check_equal(len([line for line in result.stdout.splitlines() if "odd-name_1" in line]), 8, "and shows each in a line")
test.check("\x1b" not in result.stdout, "what an upstream sent cannot play with the terminal")
test.check_in("--limit", forebay("dead", "list", "--limit=3").stdout, "a list that was cut says so")
test.check_equal(len(json.loads(forebay("dead", "list", "--json").stdout)["letters"]), 8, "as JSON")
shown = json.loads(forebay("dead", "show", "3").stdout)
test.check_equal((shown["number"], shown["message"]["topic"]), (3, "t/2"), "dead show")
test.check_equal(forebay("dead", "show", "77").returncode, 66, "a letter that is not there: 66")
result = forebay("dead", "retry", "3")
test.check_equal(result.returncode, 75, "a retry that fails again is not success")
test.check_in("1 became dead letters again", result.stdout, "and says so")
refusing = False
result = forebay("dead", "retry", "2")
test.check_equal((result.returncode, result.stdout), (0, "1 retried, 1 delivered\n"), "dead retry N")
result = forebay("dead", "purge", "--older-than", "1d")
test.check_equal((result.returncode, result.stdout), (0, "0 purged: there is none to purge\n"), "dead purge --older-than")
result = forebay("dead", "purge", "1")
test.check_equal((result.returncode, result.stdout), (0, "1 purged\n"), "dead purge N")
result = forebay("dead", "retry", "--route=odd-name_1", "--target=strict")
test.check_equal((result.returncode, result.stdout), (0, "6 retried, 6 delivered\n"), "dead retry --route")
test.check_in("0 dead letters", forebay("dead", "list").stdout, "none is left")
for wrong in (["dead"], ["dead", "retry"], ["dead", "purge", "1", "--all"], ["dead", "list", "--frob"],
              ["dead", "eat", "1"], ["dead", "show"], ["dead", "purge", "--all", "--limit=1"], ["dead", "list", "1"],
              ["dead", "retry", "--all", "--route=odd-name_1"], ["dead", "retry", "--target=strict"], ["dead", "show", "x"],
              ["dead", "list", "--older-than=soon"], ["dead", "list", "--limit=0"], ["status", "more"], ["reload", "--now"],
              ["check", "a", "b"], ["metrics", "--json"], ["help", "nothing"], ["nothing"], ["--nothing"]):
    result = forebay(*wrong)
    test.check_equal(result.returncode, 64, f"{' '.join(wrong)}: wrong use")
    test.check(result.stderr and not result.stdout, "and it is said")
test.check_in('"--frob"', forebay("dead", "list", "--frob").stderr, "the word that is wrong is named")
listed = [line.split()[0] for line in forebay("help").stdout.splitlines() if line.startswith("  ") and line[2] != " "]
commands = [word for word in listed if not word.startswith("-")]
test.check("dead" in commands and "journal" in commands and len(commands) > 10, "help lists the commands")
for name in commands:
    result = forebay(name, "--help")
    test.check_equal((result.returncode, result.stdout), (0, forebay("help", name).stdout), f"{name} --help is help {name}")
    test.check_in(f"usage: forebay {name}", result.stdout, "with the usage")
test.check_equal(forebay("dead", "list", socket="/nonexistent/socket").returncode, 69, "without a daemon: 69")

result = forebay("bench-disk", test.directory, "20")
test.check_equal(result.returncode, 0, "bench-disk")
test.check_in("20 appends of 4096 bytes", result.stdout, "says what it did")
test.check_in("window", result.stdout, "and what follows for a connection")
test.check(not [name for name in os.listdir(test.directory) if "bench" in name], "it leaves nothing behind")
test.check_equal(forebay("bench-disk", "/nonexistent").returncode, 73, "a directory that cannot be written: 73")
test.check_equal(gateway.imbalance(), [], "the counters balance")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
