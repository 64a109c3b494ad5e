#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the table of what the fault campaigns found, from the lines of JSON that oracle.report() wrote. Ends with 1
when anything was lost, reordered, phantom or corrupt.

  report.py RESULTS                     prints the table
  report.py RESULTS --into README.md    puts it between the two marks of that file
"""

import argparse
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))
import marked_table

WRONG = ("lost", "reordered", "phantom", "corrupt")
SUMS = ("faults", "messages", *WRONG, "duplicates", "seconds")
STALLS = ("stall_p99_ms", "stall_max_ms", "turn_max_ms")
BEGIN, END = "<!-- campaigns: made by `make campaign-table` -->", "<!-- end of campaigns -->"


def read_rows(path):
    """{campaign: row}; runs of the same campaign are added up. In the order of the tests, and within a test in that in
    which they were first seen."""
    rows, tests = {}, {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            run = json.loads(line)
            row = rows.setdefault(run["campaign"], dict.fromkeys(SUMS, 0))
            tests.setdefault(run["campaign"], run.get("test", "~"))
            for key in SUMS:
                row[key] += run.get(key, 0)
            for key in STALLS:
                if key in run:
                    row[key] = max(row.get(key, 0), run[key])
    return dict(sorted(rows.items(), key=lambda item: tests[item[0]]))


def format_stall(row):
    if "stall_p99_ms" not in row:
        return ""
    return f"{row['stall_p99_ms']:g} / {row['stall_max_ms']:g} / {row.get('turn_max_ms', 0):g}"


def format_table(rows):
    lines = ["| fault | faults | messages looked for | lost | reordered | phantom | corrupt | came again "
             "| loop held up, ms (p99 / max / max with the time of others) |", "|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    total = {key: sum(row[key] for row in rows.values()) for key in SUMS}
    total.update({key: max(row[key] for row in rows.values() if key in row)
                  for key in STALLS if any(key in row for row in rows.values())})
    for name, row in [*rows.items(), ("**all**", total)]:
        cells = [f"{row[key]:,}" for key in ("faults", "messages", *WRONG, "duplicates")]
        lines.append(f"| {' | '.join([name, *cells, format_stall(row)])} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results")
    parser.add_argument("--into", metavar="FILE")
    options = parser.parse_args()
    rows = read_rows(options.results)
    if not rows:
        sys.exit(f"{options.results}: no campaign has reported")
    table = format_table(rows)
    if options.into:
        marked_table.replace(options.into, BEGIN, END, table)
    else:
        print(table, end="")
    return any(row[key] for row in rows.values() for key in WRONG)


if __name__ == "__main__":
    sys.exit(main())
