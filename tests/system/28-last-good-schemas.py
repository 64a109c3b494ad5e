#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import glob
import json

from harness import BUILD, Test, run

test = Test("a start with schema files that are broken, gone or of another content runs with the schemas as they were loaded "
            "last, and says so; so does one with a broken file in conf.d")
if run(["protoc", "--version"]).returncode:
    test.skip("protoc is not installed")
folder = test.path("schemas")
os.makedirs(folder)


def write_alarm(message, field):
    """A descriptor set."""
    test.write("schemas/alarm.proto", f'syntax = "proto3"; package acme; message {message} {{ string {field} = 1; }}')
    made = run(["protoc", f"-I{folder}", "--include_imports", "-o", f"{folder}/alarm.desc", "alarm.proto"])
    test.check_equal((made.returncode, made.stderr), (0, ""), f"protoc makes a set with {message}.{field}")


def write_place(field):
    """What a .proto file imports."""
    test.write("schemas/place.proto", f'syntax = "proto3"; package acme; message Place {{ string {field} = 1; }}')


def write_event():
    test.write("schemas/event.proto",
               'syntax = "proto3"; package acme; import "place.proto"; message Event { Place place = 1; }')


broker = test.broker()


def config(extra="", suffix=""):
    return f"""{extra}
schemas:
  - {folder}/alarm.desc
  - {{ proto: [{folder}/event.proto], include: [{folder}] }}
brokers:
  local: {{ url: {broker.url} }}
routes:
  alarms:
    from: {{ broker: local, topics: ["alarms/#"] }}
    decode: {{ protobuf: {{ message: acme.Alarm }} }}
    to:
      - local: {{ topic: out{suffix}/alarms }}
  events:
    from: {{ broker: local, topics: ["events/#"] }}
    decode: {{ protobuf: {{ message: acme.Event }} }}
    to:
      - local: {{ topic: out{suffix}/events }}
"""


write_alarm("Alarm", "text")
write_place("city")
write_event()
gateway = test.gateway(config())
received = broker.subscriber(["out/#", "out2/#"])
publisher = broker.publisher()
count = 0


def decoded():
    """What comes of one alarm and one event, which have a number in them: a start may repeat what was before."""
    global count
    count += 1
    mark = b"%04d" % count
    publisher.send("alarms/1", b"\x0a\x04" + mark, key=("alarm", count))
    publisher.send("events/1", b"\x0a\x06\x0a\x04" + mark, key=("event", count))

    def found():
        return {message.topic: json.loads(message.payload.replace(mark, b"b")) for message in received.messages
                if mark in message.payload}

    test.wait(lambda: len(found()) == 2, "an alarm and an event")
    return found()


def sets():
    return sorted(glob.glob(os.path.join(gateway.state, "last-good-*")))


def broken():
    return [state["text"] for state in gateway.status()["states"] if state["state"] == "CONFIG_BROKEN"]


def shown():
    return run([os.path.join(BUILD, "daemon", "cli", "forebay"), "--socket",
                os.path.join(gateway.runtime, "control.sock"), "status"]).stdout


AS_LOADED = {"out/alarms": {"text": "b"}, "out/events": {"place": {"city": "b"}}}
test.check_equal(decoded(), AS_LOADED, "both kinds of schemas decode")
test.check_equal(len(sets()), 2, "the sets of both are kept")
for path in sets():
    test.check_equal(os.stat(path).st_mode & 0o777, 0o600, "for nobody else to read")
kept = {path: os.stat(path).st_ino for path in sets()}
test.check_equal(gateway.metric("forebay_state", state="config_broken"), 0, "no state is on")


def start_broken(what, words):
    """Start with files that are not right."""
    start = len(gateway.log())
    gateway.restart()
    test.check_equal(decoded(), AS_LOADED, f"{what}: the start decodes with the schemas as they were")
    status = gateway.status()
    test.check_equal(status["state"], "degraded", f"{what}: status says degraded")
    for word in words:
        test.check_in(word, status["text"], f"{what}: and why")
        test.check_in(word, broken()[0], f"{what}: among the states, too")
        test.check_in(word, gateway.log()[start:], f"{what}: and in the log")
    test.check_in("CONFIG_BROKEN", shown(), f"{what}: forebay status shows it")
    test.check_equal(gateway.metric("forebay_state", state="config_broken"), 1, f"{what}: it is in the metrics")
    test.check(not gateway.reload(), f"{what}: a reload of the same is refused")
    test.check_equal(decoded(), AS_LOADED, f"{what}: and changes nothing")
    test.check_equal({path: os.stat(path).st_ino for path in sets()}, kept, f"{what}: what is kept is untouched")


def mend(what):
    test.check(gateway.reload(), f"{what}: mended files are taken by a reload")
    test.wait(lambda: gateway.status()["state"] == "ok", "status to say ok")
    test.check_equal((broken(), gateway.metric("forebay_state", state="config_broken")), ([], 0), f"{what}: it is over")
    test.check_equal(gateway.imbalance(), [], f"{what}: the counters balance")


gateway.stop()
with open(f"{folder}/alarm.desc", "r+b") as file:
    file.truncate(20)
start_broken("a broken set", ["alarm.desc", "not a protobuf descriptor set"])
write_alarm("Alarm", "text")
mend("a broken set")
test.check_equal(decoded(), AS_LOADED, "a broken set: and decode")
gateway.stop()

os.unlink(f"{folder}/place.proto")
os.unlink(f"{folder}/alarm.desc")
start_broken("files that are gone", ["alarm.desc", "No such file"])
write_alarm("Alarm", "text")
test.check(not gateway.reload(), "one of two mended files is not enough")
test.check_in("place.proto", broken()[0], "the status says what is wrong now")
write_place("city")
mend("files that are gone")
gateway.stop()

write_alarm("Alert", "text")
start_broken("another message", ["type acme.Alarm is not in the schemas"])
gateway.kill()
start_broken("another message, after a kill", ["type acme.Alarm is not in the schemas"])

# What the mended files say is new is taken, also where the configuration is as it was.
write_alarm("Alarm", "words")
write_place("town")
mend("new schemas")
NEW = {"out/alarms": {"words": "b"}, "out/events": {"place": {"town": "b"}}}
test.check_equal(decoded(), NEW, "new schemas: and decode")
test.wait(lambda: len(sets()) == 2 and not set(sets()) & set(kept), "the new sets to be kept and the old ones to go")
gateway.kill()

# A part of what is kept is lost: the files that the configuration names are the next best.
for path in sets()[:1]:
    with open(path, "r+b") as file:
        file.truncate(10)
gateway.configure(config(extra="rutes: {}"))
gateway.restart()
test.check_equal(decoded(), NEW, "a kept set that is damaged is read from its file")
test.check_in("gone or damaged", gateway.log(), "the log says so")
gateway.configure(config(suffix="2"))
mend("a broken main file")
test.check_equal(decoded(), {"out2/alarms": NEW["out/alarms"], "out2/events": NEW["out/events"]},
                 "the new configuration is in use")
gateway.stop()

# conf.d
test.write(os.path.join(os.path.dirname(gateway.config), "conf.d", "10-more.yaml"), "routes: [")
gateway.restart()
test.check_equal(gateway.status()["state"], "degraded", "a broken file in conf.d: the last right configuration runs")
test.check_in("10-more.yaml", broken()[0], "and the state names it")
os.unlink(os.path.join(os.path.dirname(gateway.config), "conf.d", "10-more.yaml"))
mend("a broken file in conf.d")
gateway.stop()

# Where the state is stands in a file that is no YAML any more.
with open(gateway.config, "a", encoding="utf-8") as file:
    file.write("  - }\n")
gateway.restart()
test.check_equal(gateway.status()["state"], "degraded", "a file that is no YAML: the last right configuration runs")
gateway.configure(config(suffix="2"))
mend("a file that is no YAML")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")

# Secrets, certificates and plugins are not kept: without them there is no start, and it is said why.
test.write("secret", "s3cr3t\n")
gateway.configure(config().replace(f"url: {broker.url}", f"url: {broker.url}, username: u, password: '${{file:{test.path('secret')}}}'"))
gateway.restart()
gateway.stop()
with open(os.path.join(gateway.state, "last-good.yaml"), encoding="utf-8") as file:
    test.check("s3cr3t" not in file.read(), "the content of a ${file:...} is not copied into the state directory")
os.unlink(test.path("secret"))
start = len(gateway.log())
gateway.start()
test.check_equal(gateway.wait_exit(20), 78, "without it there is no start")
test.check_in("cannot be used either", gateway.log()[start:], "the log says that the last configuration needs it as well")
test.finish()
