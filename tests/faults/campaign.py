# SPDX-License-Identifier: Apache-2.0
"""What the campaigns share beside the oracle: how large they are."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import SHORT, is_sanitized  # noqa: E402


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
