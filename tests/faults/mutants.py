#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that the tests see: each deliberate bug that a build with --enable-mutants can be given (daemon/base/mutant.h)
must make a test of the gate fail, and without any the same tests pass. Prints a table; exits with 0 when all are
caught. `mutants.py --list` prints the names; with names as arguments only those are tried."""

import concurrent.futures
import os
import subprocess
import sys
import time

SOURCE = os.environ.get("top_srcdir") or os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("top_builddir") or SOURCE
SKIP_EXIT = 77
SECONDS = 300

ORDER = "tests/unit/journal/test_journal_order"
JOURNAL_FAULTS = "tests/unit/journal/test_journal_faults"
RETENTION = "tests/unit/journal/test_journal_retention"
RECORD = "tests/unit/journal/test_journal_record"
CURSOR_FILE = "tests/unit/journal/test_journal_cursor_file"
DAMAGE, CUTS = "tests/faults/20-journal-damage.py", "tests/faults/30-power-cuts.py"
CALLS = "tests/faults/10-journal-calls.py"

# What is wrong, and the tests of which one must fail. The first that fails is enough.
MUTANTS = {
    "ack_before_sync": ("acknowledges without fdatasync", (CUTS, ORDER)),
    "retry_sync": ("calls fdatasync again after it failed", (JOURNAL_FAULTS,)),
    "no_directory_sync": ("a new segment's name is not made durable", (ORDER,)),
    "unlink_before_cursors": ("removes segments before the cursors are durable", (ORDER,)),
    "one_cursor_slot": ("writes the cursors over the only copy", (CURSOR_FILE,)),
    "short_writes_are_whole": ("a short write counts as a whole one", (JOURNAL_FAULTS,)),
    "trust_length": ("believes a record's header without its checksum", (RECORD,)),
    "skip_crc": ("delivers a payload without its checksum", (RECORD,)),
    "stop_at_damage": ("gives up a segment at its first damaged record", (DAMAGE,)),
    "keep_abandoned_records": ("counts records that were given again elsewhere", (JOURNAL_FAULTS,)),
    "reuse_numbers": ("gives numbers again that a torn tail may have had", (DAMAGE, CALLS)),
    "note_before_commit": ("writes counts of records that are not durable", (RETENTION,)),
    "drop_on_reload": ("a reload confirms what is in flight", ("tests/flow/test_reload",)),
    "cursor_on_submit": ("confirms what was sent, not what was taken", ("tests/flow/test_delivery",)),
    "uncounted_drops": ("does not count what the full journal drops", ("tests/flow/test_limits",)),
}
# Smaller than in the gate: each of these faults is hit by a few cases in a hundred at least.
FAULT_COUNTS = {DAMAGE: "200", CUTS: "40"}


def run_test(test, mutant=""):
    """The exit status; the output goes to a file beside the build's logs."""
    environment = dict(os.environ, FOREBAY_MUTANT=mutant, FOREBAY_FAULT_COUNT=FAULT_COUNTS.get(test, ""),
                       FOREBAY_TEST_SHORT="1", FOREBAY_CAMPAIGN_RESULTS="")
    path = os.path.join(SOURCE if test.endswith(".py") else BUILD, test)
    folder = os.path.join(BUILD, "mutants")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f"{mutant or 'none'}-{os.path.basename(test)}.log"), "wb") as log:
        with subprocess.Popen([path], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment) as child:
            try:
                return child.wait(SECONDS)
            except subprocess.TimeoutExpired:
                child.terminate()
                child.wait()
                return 124


def is_skip(test, status):
    return test.endswith(".py") and status == SKIP_EXIT


def try_mutant(name):
    """(name, by which test it was caught or "", seconds)"""
    start = time.monotonic()
    for test in MUTANTS[name][1]:
        status = run_test(test, name)
        if status != 0 and not is_skip(test, status):
            return name, test, time.monotonic() - start
    return name, "", time.monotonic() - start


def main():
    if "--list" in sys.argv:
        print("\n".join(MUTANTS))
        return 0
    chosen = sys.argv[1:] or list(MUTANTS)
    tests = sorted({test for name in chosen for test in MUTANTS[name][1]})
    with open(os.path.join(BUILD, "Makefile"), encoding="utf-8") as file:
        if "\nFBY_MUTANTS = -DFBY_MUTANTS" not in file.read():
            print("this build has no mutants: configure one with --enable-mutants")
            return 1
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        healthy = dict(zip(tests, pool.map(run_test, tests)))
        sick = [test for test, status in healthy.items() if status != 0 and not is_skip(test, status)]
        for test in sick:
            print(f"{test} fails without a mutant (exit {healthy[test]})")
        results = list(pool.map(try_mutant, chosen))
    width = max(map(len, MUTANTS))
    print(f"| {'mutant':{width}} | {'the bug':52} | caught by |\n|{'-' * (width + 2)}|{'-' * 54}|---|")
    for name, test, seconds in results:
        print(f"| {name:{width}} | {MUTANTS[name][0]:52} | {test or 'NOTHING'} ({seconds:.1f} s) |")
    missed = [name for name, test, _seconds in results if not test]
    print(f"{len(results) - len(missed)} of {len(results)} mutants caught")
    return 1 if missed or sick else 0


sys.exit(main())
