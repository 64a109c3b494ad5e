#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Repeats the fault campaigns with the numbers of a long run and new seeds, and the fuzz targets behind them, until the
time is over. The time that is left is shared out among those that are still to come in a round, so that none takes
another's; nothing ends the run but its time. Exits with 1 when anything has failed, and says how to repeat it.

  long_run.py --seconds 3600 [--each 600] [--faults N] --results FILE --logs FOLDER CAMPAIGN..."""

import argparse
import glob
import os
import re
import signal
import subprocess
import sys
import time

SOURCE = os.environ.get("top_srcdir") or os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SKIP_EXIT = 77
LEAST_SECONDS = 20      # less is not worth a start
FUZZ = "fuzz"


class Run:
    def __init__(self, options):
        self.options = options
        self.end = time.monotonic() + options.seconds
        self.failed, self.skipped = [], {}
        self.child = None
        os.makedirs(options.logs, exist_ok=True)

    def left(self):
        return self.end - time.monotonic()

    def command_of(self, name, seconds):
        """(command, its variables, seconds after which it hangs)"""
        variables = {"FOREBAY_TEST_LONG": "1", "FOREBAY_FAULT_COUNT": self.options.faults or "",
                     "FOREBAY_FAULT_SECONDS": str(int(seconds)), "FOREBAY_CAMPAIGN_RESULTS": self.options.results}
        if name != FUZZ:
            # What comes behind the faults (everything delivered, counters compared) has its own waits.
            return [os.path.join(SOURCE, name)], variables, seconds * 2 + 900
        targets = len(glob.glob(os.path.join(SOURCE, "tests", "fuzz", "fuzz_*.c"))) or 1
        each = max(1, int(seconds * 2 / targets))       # two run beside each other
        command = [os.path.join(SOURCE, "tests", "fuzz", "run.sh"), "--build", FUZZ, "--seconds", str(each)]
        return command, variables, seconds * 4 + 900

    def run_one(self, name, seconds, number):
        command, variables, limit = self.command_of(name, seconds)
        base = os.path.splitext(os.path.basename(name))[0]
        path = os.path.join(self.options.logs, f"{base}-{number}.log")
        began = time.monotonic()
        with open(path, "wb") as log:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env={**os.environ, **variables})
            try:
                status = self.child.wait(limit)
            except subprocess.TimeoutExpired:
                self.stop_child()
                status = 124
        self.child = None
        with open(path, encoding="utf-8", errors="replace") as log:
            text = log.read()
        seed = re.search(r"seed (\d+)", text)
        word = {0: "ok", SKIP_EXIT: "skipped"}.get(status, f"FAILED with {status}")
        print(f"{base}: {word} ({time.monotonic() - began:.0f} of {seconds:.0f} s{', seed ' + seed[1] if seed else ''})",
              flush=True)
        if status == SKIP_EXIT:
            reason = re.search(r"# SKIP (.*)", text) or re.search(r"(.*)\n?$", text)
            self.skipped[base] = reason[1]
        elif status:
            self.failed.append(f"{base}: {path}; FOREBAY_TEST_SEED={seed[1] if seed else '?'} FOREBAY_TEST_LONG=1 repeats it")
            print("\n".join(line for line in text.splitlines() if line.startswith(("not ok", "Bail", "#")))[-3000:], flush=True)
        else:
            os.unlink(path)

    def stop_child(self):
        if self.child and self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(60)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()

    def run(self):
        names = [*self.options.campaigns, FUZZ]
        number = 0
        while True:
            number += 1
            for done, name in enumerate(names):
                share = self.left() / (len(names) - done)
                if share < LEAST_SECONDS:
                    if number == 1:
                        self.skipped.update({os.path.splitext(os.path.basename(name))[0]: "there was no time for it"
                                             for name in names[done:]})
                    return
                self.run_one(name, min(share, self.options.each), number)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--each", type=float, default=600)
    parser.add_argument("--faults", default="")
    parser.add_argument("--results", required=True)
    parser.add_argument("--logs", required=True)
    parser.add_argument("campaigns", nargs="+")
    run = Run(parser.parse_args())

    def handle_signal(_number, _frame):
        run.stop_child()
        sys.exit(1)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, handle_signal)
    run.run()
    for name, reason in run.skipped.items():
        print(f"SKIPPED {name}: {reason}")
    for text in run.failed:
        print(f"FAILED {text}")
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
