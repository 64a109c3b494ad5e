#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import base64
import glob
import json
import shutil

from harness import BUILD, LOCKED_EXIT, HttpServer, Test, run

DAMAGED_EXIT = 65
test = Test("forebay journal reads a journal at rest, finds every damage, changes nothing, and salvages what is whole")
broker = test.broker()
server = HttpServer(test, lambda request: (503, {}))
CONFIG = f"""
journal: {{ segment_size: 64 KiB, max_size: 64 MiB }}
brokers:
  local: {{ url: {broker.url} }}
upstreams:
  dead: {{ http: {{ url: {server.url}/ }} }}
routes:
  all:
    from: {{ broker: local, topics: ["t/{{n}}"] }}
    to: [dead]
"""
gateway = test.gateway(CONFIG)
journal = os.path.join(gateway.state, "journal")
COUNT = 2000
payloads = {n: (b"\xff\x00%06d" % n if n % 2 else b"text %06d" % n) * 10 for n in range(1, COUNT + 1)}


def tool(*arguments):
    return run([os.path.join(BUILD, "daemon", "cli", "forebay"), "journal", *arguments])


publisher = broker.publisher()
for n in range(1, COUNT + 1):
    publisher.send(f"t/{n}", payloads[n], key=n)
publisher.wait_confirmed(COUNT)
test.wait(lambda: gateway.target("all", "dead")["accepted"] == COUNT, "the messages to arrive")
test.check_equal(tool("verify", journal).returncode, LOCKED_EXIT, "a journal in use is refused")
test.check_in("Stop it first", tool("verify", journal).stderr, "with what to do")
test.check_equal(tool("stat", "--live", journal).returncode, 0, "unless --live is given")
gateway.stop()


def contents(directory):
    found = {}
    for path in sorted(glob.glob(os.path.join(directory, "**"), recursive=True)):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                found[os.path.relpath(path, directory)] = file.read()
    return found


def exported(directory, *options):
    result = tool("export", directory, *options)
    return result, {record["sequence"]: record for record in map(json.loads, result.stdout.splitlines())}


def payload(record):
    return base64.b64decode(record["payload_base64"]) if "payload_base64" in record else record["payload"].encode()


def sequence_to_payload(records):
    return {number: payload(record) for number, record in records.items()}


before = contents(journal)
result = tool("verify", journal)
test.check_equal(result.returncode, 0, "a journal at rest is whole")
test.check_in(f"ok: {COUNT} records", result.stdout, "and verify counts its records")
result, records = exported(journal)
test.check_equal(sequence_to_payload(records), payloads, "export has every payload as it was, text or base64")
test.check_equal(records[7]["topic"], "t/7", "and the topic")
test.check_equal(min(exported(journal, "--from=1990")[1]), 1990, "export can begin later")
status = json.loads(tool("stat", "--json", journal).stdout)
test.check_equal((status["records"], status["oldest"], status["head"], status["lost_records"]), (COUNT, 1, COUNT, 0),
                 "stat says the same")
test.check_in("all:dead", status["cursors"], "and shows the cursors")
test.check_equal(json.loads(tool("dump", journal, "42").stdout)["sequence"], 42, "dump shows one record")
raw = run([os.path.join(BUILD, "daemon", "cli", "forebay"), "journal", "dump", "--raw", journal, "42"])
test.check_equal(raw.stdout.encode(), payloads[42], "or its bare payload")
test.check_equal(tool("dump", journal, "99999").returncode, 66, "a number that is not there is said")
segments = sorted(glob.glob(os.path.join(journal, "*.seg")))
test.check_equal(len(tool("list", journal).stdout.splitlines()), len(segments) + 1, "list has a line for each segment")
test.check_equal(len(tool("list", "--records", journal).stdout.splitlines()), COUNT + 1, "or for each record")
test.check(contents(journal) == before, "nothing of this has changed a byte")

# Damage of each kind, on copies.
copy = test.path("copy")


def damaged(name, change):
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(journal, copy)
    change()
    as_damaged = contents(copy)
    verified = tool("verify", copy)
    test.check_equal(verified.returncode, DAMAGED_EXIT, f"{name}: verify exits 65")
    for action in ("stat", "list", "export"):
        test.check_equal(tool(action, copy).returncode, DAMAGED_EXIT, f"{name}: so does {action}")
    test.check_in("damage:", verified.stderr, f"{name}: and says where")
    _, kept = exported(copy)
    lost = set(payloads) - set(kept)
    test.check(all(payload(record) == payloads[number] for number, record in kept.items()),
               f"{name}: no record is shown wrong")
    target = test.path("salvaged")
    shutil.rmtree(target, ignore_errors=True)
    salvaged = tool("salvage", copy, target)
    test.check_equal(salvaged.returncode, 0, f"{name}: salvage")
    test.check_equal(tool("verify", target).returncode, 65 if name == "both cursor slots" else 0,
                     f"{name}: the salvaged journal is whole")
    test.check_equal(sequence_to_payload(exported(target)[1]), sequence_to_payload(kept), f"{name}: with every record")
    test.check(contents(copy) == as_damaged, f"{name}: the damaged one is as it was")
    return lost


def overwrite(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def copied(index):
    return os.path.join(copy, os.path.basename(segments[index]))


first = open(segments[0], "rb").read()
place = first.index(payloads[100])
lost = damaged("one bit", lambda: overwrite(copied(0), place, bytes([first[place] ^ 1])))
test.check_equal(lost, {100}, "one bit: only the record that it hit is lost")
lost = damaged("zeroed block", lambda: overwrite(copied(1), 8192, bytes(4096)))
test.check(0 < len(lost) < 60, "zeroed block: a few records are lost")
lost = damaged("header", lambda: overwrite(copied(1), 0, b"garbage"))
test.check_equal(lost, set(), "header: the name stands in for it, nothing is lost")
lost = damaged("segment deleted", lambda: os.unlink(copied(1)))
test.check(len(lost) > 100, "segment deleted: its records are reported as lost")
lost = damaged("oldest segment deleted", lambda: os.unlink(copied(0)))
test.check(lost == set(range(1, max(lost) + 1)), "oldest segment deleted: nobody has confirmed its records, so they are lost")
lost = damaged("garbage throughout", lambda: overwrite(copied(0), 0, os.urandom(len(first))))
test.check(lost == set(range(1, max(lost) + 1)), "garbage throughout: the records of that segment are lost")
lost = damaged("all segments deleted", lambda: [os.unlink(copied(i)) for i in range(len(segments))])
test.check_equal(lost, set(payloads), "all segments deleted: every record is reported as lost")
lost = damaged("both cursor slots", lambda: [overwrite(os.path.join(copy, "cursors"), at, b"x" * 64)
                                             for at in (0, 1 << 20)])
test.check_equal(lost, set(), "both cursor slots: no record is lost")
lost = damaged("last segment deleted", lambda: os.unlink(copied(-1)))
test.check(lost and max(lost) == COUNT, "last segment deleted: the cursors know that it was there")

# A daemon goes on with what was salvaged.
shutil.rmtree(copy, ignore_errors=True)
shutil.copytree(journal, copy)
overwrite(copied(0), place, bytes([first[place] ^ 1]))
shutil.rmtree(test.path("salvaged"), ignore_errors=True)
tool("salvage", copy, test.path("salvaged"))
test.check_equal(tool("salvage", copy, test.path("salvaged")).returncode, 74, "salvage never writes into what is there")
shutil.rmtree(journal)
shutil.move(test.path("salvaged"), journal)
server.answer = lambda request: (200, {})
gateway.start()
gateway.wait_ready()
gateway.wait_idle(30)
counts = gateway.target("all", "dead")
test.check_equal(counts["delivered"], COUNT - 1, "a daemon delivers every salvaged record")
test.check_equal(gateway.imbalance(), [], "and its counters balance")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.check_equal(tool("verify", "/nonexistent").returncode, 66, "a directory that is not there: 66")
test.check_equal(tool("verify", __file__).returncode, 66, "a file in its place: 66")
os.makedirs(test.path("empty"))
test.check_equal(tool("verify", test.path("empty")).returncode, 66, "an empty directory: 66")
result = tool("verify", gateway.state)
test.check_equal(result.returncode, 66, "the state directory is no journal: 66")
test.check_in(f"Did you mean {journal}?", result.stderr, "and the journal in it is named")
for wrong, why in ((["frobnicate", journal], "expected verify"), (["verify"], "needs the folder"),
                   (["dump", journal], "number of a record"), (["dump", journal, "x"], "number of a record"),
                   (["salvage", journal], "new folder"), (["verify", journal, "more"], "too many"),
                   (["verify", "--raw", journal], "for another action"), (["stat", "--frob", journal], "no such option"),
                   (["export", "--from=x", journal], "number of a record"), (["dump", "--live", journal, "1"], "another action")):
    result = tool(*wrong)
    test.check_equal(result.returncode, 64, f"{' '.join(wrong[:1] + wrong[2:])}: wrong use")
    test.check_in(why, result.stderr, "with what is wrong")
if os.getuid() == 0:
    os.chmod(journal, 0o700)
    result = run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", os.path.join(BUILD, "daemon", "cli", "forebay"),
                  "journal", "verify", journal])
    if "Permission denied" in result.stderr:
        test.check_equal(result.returncode, 77, "no right to read it: 77")
        test.check_in("as root", result.stderr, "with what to do")
    os.chown(journal, 65534, 65534)
    tool("salvage", journal, test.path("given"))
    owners = {os.stat(path).st_uid for path in [test.path("given"), *glob.glob(test.path("given", "*"))]}
    test.check_equal(owners, {65534}, "what root salvages belongs to the owner of the original")
    os.chown(journal, 0, 0)

# A crash leaves numbers out, which is no damage: neither at once nor later.
gateway.start()
gateway.wait_ready()
for n in (1, 2):
    publisher.send(f"t/again{n}", b"x", key=COUNT + n)
    publisher.wait_confirmed(COUNT + n)
    test.wait(lambda: gateway.target("all", "dead")["delivered"] >= 1, "the message to be delivered")
    gateway.kill()
    result = tool("verify", journal)
    test.check_equal((result.returncode, result.stderr), (0, ""), "after a crash nothing is damaged")
    gateway.restart()
    gateway.wait_ready()
test.check(gateway.status()["journal"]["records"] < 10, "the status counts records, not numbers")
gateway.stop()
result = tool("verify", journal)
test.check_equal((result.returncode, result.stderr), (0, ""), "nor when it went on")
test.finish()
