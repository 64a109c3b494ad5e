# SPDX-License-Identifier: Apache-2.0
"""A DaemonCampaign that believes the brokers' own logs: what the devices' broker has lost before Forebay acknowledged it
is no loss of Forebay's, and what the upstream broker has lost after it took it is none either. So "acknowledged" is a
PUBACK in the one log, and "received" a PUBLISH in the other. Every topic names its message."""

import json
import os
import re

from daemon_campaign import CONFIG, WINDOW, DaemonCampaign, Target, make_text
from harness import Failed

SENDING = re.compile(r"Sending PUBLISH to (\S+) \(d\d, q1, r\d, m(\d+), 'raw/(\d+)/(\d+)'")
PUBACK = re.compile(r"Received PUBACK from (\S+) \(Mid: (\d+), RC:0\)")
RECEIVED = re.compile(r"Received PUBLISH from (\S+) \(d\d, q1, r\d, m\d+, 'out/(\d+)/(\d+)/(\d+)'")
LOGGED = CONFIG.replace("raw/{{stream}}", "raw/{{stream}}/{{number}}").replace(
    "out/{{stream}}/{{sequence}}", "out/{{stream}}/{{number}}/{{sequence}}")


class Log:
    """The lines that were added to a log since the last look."""

    def __init__(self, path):
        self.path, self.offset = path, 0

    def lines(self):
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self.offset += end
        return data[:end].decode(errors="replace").splitlines()


class BrokerCampaign(DaemonCampaign):
    """`windows`: how many messages may come again for each fault, at the file and at the broker; None: any number."""

    def __init__(self, test, name, rate=300, config=LOGGED, windows=(WINDOW, WINDOW), devices_extra="", cloud_extra="",
                 **options):
        logged = [f"log_type all\n{extra}" for extra in (devices_extra, cloud_extra)]
        super().__init__(test, name, rate=rate, config=config, broker_extra=logged, **options)
        self.client_id = f"forebay-{self.gateway.gateway_id}"
        self.devices_log, self.cloud_log = Log(self.devices.log_path), Log(self.cloud.log_path)
        self.sending = {}          # packet id -> message, of the connection between the broker and Forebay
        self.acknowledged = {}     # message -> when, in order
        self.offered = {}          # message -> when the broker first sent it to Forebay
        self.targets[1] = Target("cloud", self.targets[1].oracle)
        self.wrong_payloads = []
        self.windows = windows

    def topic_of(self, stream, number):
        return f"raw/{stream}/{number}"

    def _handle_message(self, _client, _userdata, message):
        """Only the bytes are of interest here: the log has the rest."""
        _out, stream, number, _sequence = message.topic.split("/")
        if message.payload.decode() != json.dumps(json.loads(make_text(int(stream), int(number))), separators=(",", ":")):
            self.wrong_payloads.append(message.topic)

    def look(self):
        super().look()
        for line in self.devices_log.lines():
            if (found := SENDING.search(line)) and found[1] == self.client_id:
                self.sending[found[2]] = int(found[3]), int(found[4])
                self.offered.setdefault(self.sending[found[2]], len(self.offered))
            elif (found := PUBACK.search(line)) and found[1] == self.client_id and found[2] in self.sending:
                self.acknowledged.setdefault(self.sending.pop(found[2]), len(self.acknowledged))
        cloud = self.targets[1]
        for line in self.cloud_log.lines():
            if (found := RECEIVED.search(line)) and found[1] == self.client_id:
                key = int(found[2]), int(found[3])
                cloud.oracle.receive(*key, True, found[4])
                cloud.distinct.add(key)

    def has_all(self, missing=0):
        """The newest message of each stream is there, and so is everything that was acknowledged."""
        self.look()
        newest = {(stream, number - 1) for stream, number in enumerate(self.numbers) if number}
        return all((newest | self.acknowledged.keys()) <= target.distinct for target in self.targets)

    def settle(self, seconds=60, missing=0):
        """With messages behind the last fault, which nobody loses."""
        loaded = self.thread is not None
        self.stop_load()
        self.test.wait(self.publisher.connected.is_set, "the publisher to be back", seconds)
        self.gateway.wait_subscribed(seconds)
        for _ in self.numbers if loaded else ():
            self.send_one()
        super().settle(seconds, missing)

    def disorder(self, oracle, rank):
        """First arrivals that come after one of their stream that stands behind them."""
        newest, wrong = {}, set()
        for key in dict.fromkeys(oracle.arrivals):
            if key in rank and rank[key] < newest.get(key[0], -1):
                wrong.add(key)
            newest[key[0]] = max(rank.get(key, -1), newest.get(key[0], -1))
        return wrong

    def judge(self, faults, excused=()):
        self.look()
        verdicts = []
        for target, window in zip(self.targets, self.windows):
            target.oracle.acknowledged = set(self.acknowledged)
            target.oracle.excused = set(excused)
            target.oracle.faults = faults
            verdict = target.oracle.judge(window=window)
            # The broker may send in another order than the publisher did, and again in another after its restart.
            broker_order = self.disorder(target.oracle, self.offered) & self.disorder(target.oracle, self.acknowledged)
            verdict.wrong["reordered"] = sorted(broker_order & set(verdict.wrong["reordered"]))
            verdicts.append(verdict)
        self.test.check_equal(self.wrong_payloads, [], f"{self.name}: every payload arrived as it was sent")
        lost_before = len(self.publisher.confirmed - self.acknowledged.keys())
        self.test.note(f"{self.name}: {lost_before} messages were lost by the devices' broker before they were taken")
        return verdicts

    def gaps(self):
        return self.gateway.metric("forebay_source_possible_gaps_total", broker="devices")


def restart_broker(broker, forget=False):
    if forget:
        path = os.path.join(broker.directory, "mosquitto.db")
        if os.path.exists(path):
            os.unlink(path)
    for _ in range(50):
        try:
            broker.start()
            return
        except Failed:
            continue
    raise Failed(f"{broker.name} does not start")
