# SPDX-License-Identifier: Apache-2.0
"""What the campaigns share beside the oracle: how large they are."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import SHORT, Failed, is_sanitized  # noqa: E402


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


class Watch:
    """The time of a campaign: $FOREBAY_FAULT_SECONDS, or what it asks for itself. A campaign that runs out of it ends
    with what it has, and reports that."""

    def __init__(self, seconds):
        self.start = time.monotonic()
        self.limit = float(os.environ.get("FOREBAY_FAULT_SECONDS") or seconds)

    def seconds(self):
        return time.monotonic() - self.start

    def is_over(self):
        return self.seconds() > self.limit


class Stalls:
    """For how long the loops of the daemons were held up, as they say themselves."""

    def __init__(self):
        self.turns = {}     # upper bound of a bucket, in seconds -> turns
        self.longest_us = 0

    def note(self, gateway):
        """Add what this process has counted; one that is not there yet or any more has nothing to add."""
        try:
            turns = {dict(labels)["le"]: value for (name, labels), value in gateway.metrics().items()
                     if name == "forebay_loop_turn_seconds_bucket"}
            longest = gateway.status()["loop"]["turn_max_us"]
        except (OSError, Failed):
            return
        for bound, count in turns.items():
            self.turns[bound] = self.turns.get(bound, 0) + count
        self.longest_us = max(self.longest_us, longest)

    def figures(self):
        """p99 (the upper bound of its bucket, or the longest) and the longest turn, in ms."""
        total = self.turns.get("+Inf", 0)
        bounds = sorted((float(bound), count) for bound, count in self.turns.items() if bound != "+Inf")
        p99 = next((bound for bound, count in bounds if count >= 0.99 * total), 50.0)
        return {"stall_p99_ms": round(min(p99 * 1000, self.longest_us / 1000), 1),
                "stall_max_ms": round(self.longest_us / 1000, 1)}
