# SPDX-License-Identifier: Apache-2.0
"""forebayd between two brokers under load, for the campaigns that break it: a publisher that knows what the devices'
broker has confirmed, two targets (a broker and a file) that record every receipt, one oracle for each target, and the
daemon's own counters beside them.

    campaign = DaemonCampaign(test, "kill -9")
    campaign.start_load()
    for _ in range(20):
        campaign.sleep_a_little()
        campaign.kill()
    campaign.settle()
    campaign.finish(faults=20)
"""

import json
import os
import re
import threading
import time
import zlib

from campaign import Stalls, Watch
import oracle as judge
from harness import Failed

STREAMS = 5
WINDOW = 100            # messages of each target that may be on their way
RECEIVE = 50            # messages that the devices' broker sends before it needs an acknowledgement
PROBE = 200

CONFIG = """
journal: {{ {journal} }}
brokers:
  devices: {{ url: {devices}, reconnect_min: 20ms, reconnect_max: 100ms, receive_maximum: {receive} }}
  cloud: {{ url: {cloud}, reconnect_min: 20ms, reconnect_max: 100ms }}
upstreams:
  archive:
    file: {{ path: {lines} }}
routes:
  raw:
    from: {{ broker: devices, topics: ["raw/{{stream}}"] }}
    decode: json
    to:
      - archive: {{ window: {window}, retry: {{ min: 50ms, max: 200ms }} }}
      - cloud: {{ topic: "out/{{stream}}/{{sequence}}", window: {window}, retry: {{ min: 50ms, max: 200ms }} }}
"""


def make_text(stream, number):
    """A payload whose every byte follows from who sends it: 0 to 2,000 characters of filling."""
    seed = zlib.crc32(b"%d/%d" % (stream, number))
    size = seed % 2000 if seed % 7 == 0 else seed % 100
    return json.dumps({"stream": stream, "number": number, "fill": (f"{seed:08x}" * (size // 8 + 1))[:size]},
                      separators=(",", ":"))


class Target:
    """What has arrived at one target, told to an oracle of its own."""

    def __init__(self, name, oracle):
        self.name, self.oracle = name, oracle
        self.lock = threading.Lock()
        self.distinct = set()

    def receive(self, text, identity=None):
        try:
            record = json.loads(text)
            key = record["stream"], record["number"]
            right = json.loads(make_text(*key)) == record
        except (ValueError, KeyError, TypeError):
            key, right = (-1, len(self.oracle.corrupt)), False
        with self.lock:
            self.oracle.receive(*key, right, identity)
            self.distinct.add(key)


class FileTarget(Target):
    """Reads what was appended since the last look. A line that a kill cut is not a receipt."""

    def __init__(self, path, oracle):
        super().__init__("archive", oracle)
        self.path, self.offset = path, 0

    def look(self):
        if not os.path.exists(self.path):
            return
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self.offset += end
        for line in data[:end].splitlines():
            self.receive(line)


class DaemonCampaign:
    def __init__(self, test, name, journal="segment_size: 1 MiB", rate=1200, config=CONFIG, broker_extra=("", ""),
                 **gateway):
        self.test, self.name, self.rate = test, name, rate
        folder = re.sub(r"\W+", "-", name)
        self.watch = Watch(seconds=1e9)
        self.devices = test.broker(f"{folder}-devices", extra=f"max_inflight_messages {RECEIVE}\n{broker_extra[0]}")
        self.cloud = test.broker(f"{folder}-cloud", extra=broker_extra[1])
        self.lines = test.path(f"{folder}.jsonl")
        text = config.format(devices=self.devices.url, cloud=self.cloud.url, lines=self.lines, journal=journal,
                             window=WINDOW, receive=RECEIVE)
        self.gateway = test.gateway(text, name=folder, start=False, **gateway)
        self.targets = [FileTarget(self.lines, judge.Oracle()), Target("cloud", judge.Oracle())]
        self.receiver = self.cloud.subscriber("out/#")
        self.receiver.client.on_message = self._handle_message
        self.publisher = self.devices.publisher()
        self.sent = 0
        self.numbers = [0] * STREAMS
        self.stalls = Stalls()
        self.bounded = True    # the number of repetitions is judged
        self.stopping = threading.Event()
        self.thread = None

    def _handle_message(self, _client, _userdata, message):
        self.targets[1].receive(message.payload, message.topic.rsplit("/", 1)[-1])

    # ---- Load ------------------------------------------------------------------------------------------------

    def topic_of(self, stream, _number):
        return f"raw/{stream}"

    def send_one(self):
        stream = self.sent % STREAMS
        number = self.numbers[stream]
        self.numbers[stream] += 1
        for target in self.targets:
            target.oracle.send(stream, number)
        self.publisher.send(self.topic_of(stream, number), make_text(stream, number), key=(stream, number))
        self.sent += 1

    def _publish(self):
        start, first = time.monotonic(), self.sent
        while not self.stopping.is_set():
            while (self.sent - first < (time.monotonic() - start) * self.rate
                   and self.sent - len(self.publisher.confirmed) < 2000):
                self.send_one()
            time.sleep(0.002)

    def start_load(self):
        self.stopping.clear()
        self.thread = threading.Thread(target=self._publish, daemon=True)
        self.thread.start()

    def stop_load(self):
        self.stopping.set()
        if self.thread:
            self.thread.join()
        self.thread = None

    def send(self, count):
        for _ in range(count):
            self.send_one()
        self.publisher.wait_confirmed(self.sent, 60)

    def sleep_a_little(self):
        """Most moments are in full work, some in the start."""
        time.sleep(self.test.random.choice((0.02, 0.1, 0.2, 0.35)) * self.test.random.random() + 0.01)

    # ---- The daemon ------------------------------------------------------------------------------------------

    def note_stalls(self):
        self.stalls.note(self.gateway)

    def kill(self):
        self.gateway.kill()
        self.gateway.start()

    # ---- Rest ------------------------------------------------------------------------------------------------

    def look(self):
        self.targets[0].look()

    def has_all(self, missing=0):
        self.look()
        return all(len(target.distinct) + missing >= self.sent for target in self.targets)

    def settle(self, seconds=60, missing=0):
        """No more load; wait until everything that was confirmed has come out and nothing is queued. `missing`: how
        many messages may have ended otherwise."""
        self.stop_load()
        self.publisher.wait_confirmed(self.sent, seconds)
        try:
            self.test.wait(lambda: self.has_all(missing), "every confirmed message to come out", seconds, step=0.1)
        except Failed as error:
            self.test.note(error)
        try:
            self.gateway.wait_idle(seconds)
        except Failed:
            self.test.note(json.dumps(self.gateway.status(), indent=1))
            raise

    def outcomes(self, target):
        """(accepted, delivered, all the other ends, queued) of a target, as the daemon says."""
        counts = self.gateway.target("raw", target)
        others = counts["filtered"] + counts["aggregated"] + counts["dead_lettered"] + sum(counts["dropped"].values())
        return counts["accepted"], counts["delivered"], others, counts["queued"]

    def check_totals(self):
        """Of a daemon that was started once, so that its counters are of all its messages: each record has an id, which
        the target that is told ids has seen; both targets were offered the same records, and what was accepted and did
        not come out is counted under a reason."""
        if self.gateway.log().count(" starts with ") > 1:
            return
        known = len(self.targets[1].oracle.ids)
        accepted = [self.outcomes(target.name)[0] for target in self.targets]
        _accepted, delivered, others, _queued = self.outcomes(self.targets[1].name)
        self.test.check_equal((accepted, delivered), ([known + others] * 2, known),
                              f"{self.name}: of {known} records the daemon says accepted, and delivered, {others} ended otherwise")

    def check_counters(self, missing=0):
        """At rest the daemon's counters are the oracle's: they add up, nothing is queued that the oracle knows to have
        arrived, and of a known number of messages exactly that number is accepted and delivered."""
        before = {target.name: (self.outcomes(target.name), len(target.oracle.arrivals)) for target in self.targets}
        self.send(PROBE)
        self.settle(missing=missing)
        self.test.check_equal(self.gateway.imbalance(), [], f"{self.name}: the counters of every target add up")
        for target in self.targets:
            (accepted, delivered, others, _queued), arrived = before[target.name]
            now = self.outcomes(target.name)
            counted = now[0] - accepted, now[1] - delivered, now[2] - others, now[3]
            self.test.check_equal(counted, (PROBE, len(target.oracle.arrivals) - arrived, 0, 0),
                                  f"{self.name}: {target.name}: the daemon counts what the oracle counts")

    def judge(self, faults, excused=()):
        """A verdict for each target; what was confirmed is known to the publisher alone."""
        self.look()
        verdicts = []
        for target in self.targets:
            target.oracle.acknowledged = set(self.publisher.confirmed)
            target.oracle.excused = set(excused)
            target.oracle.faults = faults
            verdicts.append(target.oracle.judge(window=WINDOW + RECEIVE if self.bounded else None))
        return verdicts

    def finish(self, faults, row=None, excused=(), **more):
        """Counters, verdicts, the line of the report, the end of the daemon. `row`: its name in the report."""
        self.settle(missing=len(excused))
        self.check_counters(len(excused))
        self.check_totals()
        self.note_stalls()
        verdicts = self.judge(faults, excused)
        for target, verdict in zip(self.targets, verdicts):
            self.test.check(verdict, f"{self.name}: {target.name}: {faults} faults: {verdict} (seed {self.test.seed})")
        stalls = self.stalls.check(self.test, self.name)
        judge.report(row or self.name, verdicts, faults=faults, seed=self.test.seed, seconds=self.watch.seconds(),
                     **stalls, **more)
        self.test.check_equal(self.gateway.stop(30), 0, f"{self.name}: SIGTERM ends it with 0")
        return verdicts
