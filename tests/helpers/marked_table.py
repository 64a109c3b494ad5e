# SPDX-License-Identifier: Apache-2.0
"""Tables of README.md that a command makes: each stands between two marks of its own."""

import sys


def replace(path, begin, end, table):
    """Put `table` between the marks `begin` and `end` of the file."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    before, found_begin, rest = text.partition(begin)
    _old, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        sys.exit(f"{path}: the two marks of the table are not there")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{begin}\n{table}{end}{after}")
