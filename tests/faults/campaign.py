# SPDX-License-Identifier: Apache-2.0
"""What the campaigns share beside the oracle: how large they are."""

from collections import Counter
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import SHORT, SKIP_EXIT, Failed, is_sanitized  # noqa: E402


def fault_count(gate, long, short=None):
    """How many faults: `gate` in `make check`, `long` in `make check-long`, `short` where time is scarce.
    $FOREBAY_FAULT_COUNT says another number."""
    asked = os.environ.get("FOREBAY_FAULT_COUNT")
    if asked:
        return int(asked)
    if os.environ.get("FOREBAY_TEST_LONG"):
        return long
    if SHORT or is_sanitized():
        return max(1, gate // 10) if short is None else short
    return gate


SEEDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "seeds")
REPEATING = "FOREBAY_FAULT_REPEATING"
NAMESPACES = ("FAULT_OWN_MOUNTS", "FOREBAY_TEST_OWN_NETWORK")   # each run makes its own


class Repetition:
    """A run of this campaign with another seed, which ends in order when the test is stopped."""

    def __init__(self, test, seed, count):
        environment = {key: value for key, value in os.environ.items() if key not in NAMESPACES}
        environment.update({"FOREBAY_TEST_SEED": seed, "FOREBAY_FAULT_COUNT": count, REPEATING: "1",
                            "FOREBAY_CAMPAIGN_RESULTS": "", "FOREBAY_TEST_LONG": "", "FOREBAY_FAULT_CASE": ""})
        self.child = subprocess.Popen([sys.executable, os.path.abspath(sys.argv[0])], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
        test.servers.append(self)

    def result(self):
        """(exit status, text)"""
        text = self.child.communicate()[0].decode(errors="replace")
        return self.child.returncode, text

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            self.child.wait()


def repeat_known_seeds(test):
    """The seeds of this campaign that have shown a bug once, before others."""
    if os.environ.get(REPEATING) or os.environ.get("FOREBAY_TEST_SEED"):
        return
    with open(SEEDS, encoding="utf-8") as file:
        rows = [line.split(None, 3) for line in file if line.strip() and not line.startswith("#")]
    for name, seed, count, what in rows:
        if name != os.path.basename(sys.argv[0]):
            continue
        status, text = Repetition(test, seed, count).result()
        if status == SKIP_EXIT:
            test.skip_case(f"seed {seed}", "it is skipped here")
        elif not test.check(status == 0, f"seed {seed}, {count} faults, again: {what.strip()}"):
            test.note(text[-4000:])


class Watch:
    """The time of a campaign: $FOREBAY_FAULT_SECONDS, or what it asks for itself. In a long run a campaign that runs out
    of it ends with what it has, and reports that; the gate wants all its faults."""

    BEHIND_SECONDS = 900    # what comes behind the faults
    LEAST_SECONDS = 10      # of a part, also when those before it took longer than theirs

    def __init__(self, seconds, limit=None):
        self.start = time.monotonic()
        self.limit = float(os.environ.get("FOREBAY_FAULT_SECONDS") or seconds) if limit is None else limit
        left = signal.alarm(0)      # of the test
        if left:
            signal.alarm(int(max(left, self.limit + self.BEHIND_SECONDS)))

    def part(self, parts):
        """A watch for the next of `parts` that are still to come."""
        return Watch(0, max(self.LEAST_SECONDS, (self.limit - self.seconds()) / parts))

    def check(self, test, done, wanted, what):
        """In the gate fewer faults than it asks for are a failure: it would be a smaller gate than it says."""
        limited = os.environ.get("FOREBAY_FAULT_SECONDS") or os.environ.get("FOREBAY_TEST_LONG")
        test.check(done >= (1 if limited else wanted), f"{done} of {wanted} {what}")

    def seconds(self):
        return time.monotonic() - self.start

    def is_over(self):
        return self.seconds() > self.limit


class Stalls:
    """For how long the loops of the daemons were held up, as they say themselves: each turn, and each turn without the
    time for which the kernel ran something else (`own`). Only the second is judged: a test runs beside others."""

    P99_MS, MAX_MS = 10.0, 50.0

    def __init__(self):
        self.processes = {}     # pid -> ({upper bound of a bucket, in seconds: own turns}, loop of the status)

    def note(self, gateway):
        """Take over what this process has counted; one that is not there yet or any more has nothing to say."""
        try:
            turns = {dict(labels)["le"]: value for (name, labels), value in gateway.metrics().items()
                     if name == "forebay_loop_own_seconds_bucket"}
            loop = gateway.status()["loop"]
        except (OSError, Failed):
            return
        self.processes[gateway.pid] = turns, loop

    def _longest_ms(self, key):
        return max((loop[key] for _turns, loop in self.processes.values()), default=0) / 1000

    def figures(self):
        """The daemon's own p99 (the upper bound of its bucket, or the longest) and longest turn, and the longest turn of
        all, in ms."""
        turns = Counter()
        for counts, _loop in self.processes.values():
            turns.update(counts)
        total, longest_ms = turns.pop("+Inf", 0), self._longest_ms("own_max_us")
        bounds = sorted((float(bound), count) for bound, count in turns.items())
        p99 = next((bound for bound, count in bounds if count >= 0.99 * total), 50.0)
        return {"stall_p99_ms": round(min(p99 * 1000, longest_ms), 1), "stall_max_ms": round(longest_ms, 1),
                "turn_max_ms": round(self._longest_ms("turn_max_us"), 1)}

    def check(self, test, name):
        """The figures, within the bounds. A sanitizer makes everything slower than it is."""
        figures = self.figures()
        right = is_sanitized() or (figures["stall_p99_ms"] <= self.P99_MS and figures["stall_max_ms"] <= self.MAX_MS)
        test.check(self.processes and right,
                   f"{name}: the daemon held its loop up for {figures['stall_p99_ms']} ms (p99), {figures['stall_max_ms']} ms "
                   f"(max); with what the kernel ran instead {figures['turn_max_ms']} ms (max)")
        return figures
