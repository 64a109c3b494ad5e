# SPDX-License-Identifier: Apache-2.0
"""The judge of every fault campaign. It knows what was acknowledged and what was received, and nothing of the code
that it judges: lost, reordered, phantom and corrupt must be 0, and duplicates bounded for each fault.

A message is known by (stream, number); numbers ascend in each stream. `sent` and `acknowledged` are told by who
publishes, `received` by who is at the end, both outside the faulted file system."""

from collections import Counter, defaultdict
import json
import os
import sys


class Verdict:
    """What is wrong, by kind; falsy when something is."""

    KINDS = ("lost", "reordered", "phantom", "corrupt", "reused", "duplicated")

    def __init__(self):
        self.wrong = defaultdict(list)
        self.acknowledged = self.received = self.duplicates = 0

    def __bool__(self):
        return not any(self.wrong.values())

    def add(self, other):
        """Take over what another one counted and found."""
        for kind, found in other.wrong.items():
            self.wrong[kind] += found
        self.acknowledged += other.acknowledged
        self.received += other.received
        self.duplicates += other.duplicates

    def __str__(self):
        parts = [f"{kind}: {len(self.wrong[kind])} ({', '.join(map(str, self.wrong[kind][:5]))})"
                 for kind in self.KINDS if self.wrong[kind]]
        return "; ".join(parts) or (f"{self.acknowledged} acknowledged, {self.received} received, "
                                    f"{self.duplicates} of them again")


def report(campaign, verdict=None, faults=0, seed=0, seconds=0.0, messages=0, **more):
    """Append the outcome of a campaign to the file that $FOREBAY_CAMPAIGN_RESULTS names, if it does: one line of JSON,
    from which report.py makes the table of README.md. `verdict`: one or a list of them, to be added up; `messages`:
    how many acknowledged messages were looked for, when no verdict knows it. `more`: lost, reordered, phantom, corrupt,
    duplicates where there is no verdict, stall_p99_ms, stall_max_ms and turn_max_ms where a daemon was running."""
    path = os.environ.get("FOREBAY_CAMPAIGN_RESULTS")
    if not path:
        return
    verdicts = verdict if isinstance(verdict, (list, tuple)) else [verdict] if verdict is not None else []
    row = {"campaign": campaign, "test": os.path.basename(sys.argv[0]), "faults": faults,
           "messages": messages or sum(one.acknowledged for one in verdicts)}
    for kind in ("lost", "reordered", "phantom", "corrupt"):
        row[kind] = sum(len(one.wrong[kind]) for one in verdicts)
    row["corrupt"] += sum(len(one.wrong["reused"]) for one in verdicts)
    row["duplicates"] = sum(one.duplicates for one in verdicts)
    row.update(more, seed=seed, seconds=round(seconds, 1))
    line = json.dumps(row) + "\n"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(fd, line.encode())  # one call: campaigns run beside each other
    finally:
        os.close(fd)


class Oracle:
    def __init__(self):
        self.sent = set()
        self.acknowledged = set()
        self.arrivals = []       # (stream, number) in order
        self.excused = set()     # may be lost: touched by damage, or dropped by a policy that was asked for
        self.corrupt = []
        self.faults = 0
        self.ids = {}            # id -> (stream, number): an id must never name two messages
        self.reused = []

    def send(self, stream, number):
        self.sent.add((stream, number))

    def acknowledge(self, stream, number):
        self.acknowledged.add((stream, number))

    def receive(self, stream, number, right=True, identity=None):
        key = (stream, number)
        self.arrivals.append(key)
        if not right:
            self.corrupt.append(key)
        elif identity is not None and self.ids.setdefault(identity, key) != key:
            self.reused.append((identity, self.ids[identity], key))

    def judge(self, window=None):
        """`window`: how many messages may come again for each fault; None: any number."""
        verdict = Verdict()
        counts = Counter(self.arrivals)
        verdict.acknowledged, verdict.received = len(self.acknowledged), len(self.arrivals)
        verdict.duplicates = len(self.arrivals) - len(counts)
        verdict.wrong["lost"] = sorted(self.acknowledged - counts.keys() - self.excused)
        verdict.wrong["phantom"] = sorted(key for key in counts.keys() - self.sent if key not in self.corrupt)
        verdict.wrong["corrupt"] = self.corrupt
        verdict.wrong["reused"] = self.reused
        verdict.wrong["reordered"] = self._reordered()
        if window is not None and verdict.duplicates > window * max(self.faults, 0):
            verdict.wrong["duplicated"] = [f"{verdict.duplicates} after {self.faults} faults, window {window}"]
        return verdict

    def _reordered(self):
        """First arrivals that come after a later one of their stream."""
        newest, wrong = {}, []
        for stream, number in dict.fromkeys(self.arrivals):
            if number < newest.get(stream, -1):
                wrong.append((stream, number))
            newest[stream] = max(number, newest.get(stream, -1))
        return wrong

    # ---- The log of journal_driver ---------------------------------------------------------------------------

    def read_log(self, path, stream="journal", void=()):
        """Take over every run that the log has. Returns the runs as lists of (letter, words). `void`: ranges of bytes
        that were written when the power may have been gone: what was acknowledged or numbered there does not count."""
        runs, last, at = [], 0, 0
        with open(path, encoding="ascii") as file:
            for line in file:
                start, at = at, at + len(line)
                if not line.endswith("\n"):
                    continue
                letter, *words = line.split()
                unsure = any(begin <= start < end for begin, end in void)
                if letter == "A" and unsure:
                    continue
                if letter in "ON":
                    runs.append([])
                    last = 0
                runs[-1].append((letter, words))
                if letter == "S":
                    self.send(stream, int(words[0]))
                elif letter == "A":
                    self.acknowledge(stream, int(words[0]))
                elif letter == "D":
                    content, sequence = int(words[0]), int(words[1])
                    self.receive(stream, content, words[2] == "ok", None if unsure else sequence)
                    if sequence <= last:
                        self.corrupt.append((stream, f"number {sequence} after {last}"))
                    last = sequence
        self.faults = max(len(runs) - 1, 0)
        return runs
