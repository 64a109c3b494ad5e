#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Line and branch coverage of a folder of daemon/, from a build with --enable-coverage, by the tests that are named:
`coverage.py FOLDER TEST...`. Branches of lines with assert() are left out, because the other way would be a bug of ours.
`--missing` lists the lines of which a branch was never taken. Exit 1 when branches are below $COVERAGE_LEAST percent."""

from collections import defaultdict
import glob
import json
import os
import subprocess
import sys

SOURCE = os.environ.get("top_srcdir") or os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
BUILD = os.environ.get("top_builddir") or SOURCE
LEAST = float(os.environ.get("COVERAGE_LEAST") or 0)
SKIP_EXIT = 77


def forget_counts():
    """Of earlier runs: they would hide what is not taken any more, and programs complain of those of older builds."""
    for data in glob.glob(os.path.join(BUILD, "**", "*.gcda"), recursive=True):
        os.remove(data)


def run_tests(tests):
    """False when one of them fails."""
    right = True
    for test in tests:
        path = os.path.join(SOURCE if test.endswith((".py", ".sh")) else BUILD, test)
        environment = dict(os.environ, FOREBAY_TEST_SHORT="1", FOREBAY_TEST_COVERAGE="1")
        result = subprocess.run([path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                env=environment, check=False, text=True, errors="replace")
        if result.returncode not in (0, SKIP_EXIT):
            print(f"{test} failed with {result.returncode}\n{result.stdout[-2000:]}")
            right = False
    return right


def read_counts(folder):
    """{file: {line: [count of each branch]}} and {file: {line: count}}, added up over the objects."""
    branches, lines = defaultdict(dict), defaultdict(lambda: defaultdict(int))
    for data in sorted(glob.glob(os.path.join(BUILD, "daemon", folder, "*.gcda"))):
        text = subprocess.run(["gcov", "-b", "--json-format", "--stdout", data], check=True, cwd=BUILD,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        for file in json.loads(text)["files"]:
            name = os.path.relpath(os.path.join(BUILD, file["file"]), SOURCE)
            if not name.startswith(f"daemon/{folder}/"):
                continue
            for line in file["lines"]:
                number, counts = line["line_number"], [one["count"] for one in line["branches"]]
                lines[name][number] += line["count"]
                before = branches[name].get(number, [])
                if counts and len(counts) == len(before):
                    counts = [a + b for a, b in zip(before, counts)]
                if counts:
                    branches[name][number] = counts
    return branches, lines


def main():
    missing = "--missing" in sys.argv
    folder, *tests = [argument for argument in sys.argv[1:] if argument != "--missing"]
    forget_counts()
    right = run_tests(tests)
    branches, lines = read_counts(folder)
    if not lines:
        print("no counters: configure with --enable-coverage and build")
        return 1
    taken = possible = run = code = left_out = 0
    print(f"{'file':44} {'lines':>7} {'branches':>9}")
    for name in sorted(lines):
        with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
            text = [""] + file.read().splitlines()
        asserts = {number for number in branches[name] if "assert(" in text[number]}
        left_out += sum(len(branches[name][number]) for number in asserts)
        counted = {number: counts for number, counts in branches[name].items() if number not in asserts}
        all_branches = [count for counts in counted.values() for count in counts]
        hit, hit_lines = sum(map(bool, all_branches)), sum(map(bool, lines[name].values()))
        taken, possible = taken + hit, possible + len(all_branches)
        run, code = run + hit_lines, code + len(lines[name])
        print(f"{name:44} {100 * hit_lines / len(lines[name]):6.1f}% {100 * hit / max(len(all_branches), 1):8.1f}%")
        for number, counts in sorted(counted.items()) if missing else ():
            if not all(counts):
                print(f"    {number}: {text[number].strip()}   {counts}")
    percent = 100 * taken / max(possible, 1)
    print(f"{folder}: {100 * run / code:.1f}% of {code} lines, {percent:.1f}% of {possible} branches "
          f"({left_out} branches of asserts left out)")
    if percent < LEAST:
        print(f"{folder}: less than {LEAST:g}% of branches; COVERAGE_OPTIONS=--missing lists those that are not taken")
    return 0 if right and percent >= LEAST else 1


sys.exit(main())
