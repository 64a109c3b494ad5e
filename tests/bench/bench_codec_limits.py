#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# What the worst payloads cost each codec, in instructions counted by callgrind, so the same on every machine; as time at
# RATE instructions per microsecond. A message is charged for each KiB of its payload and as for one KiB more for itself;
# what unpacks, for the KiB that come out. Usage: bench_codec_limits.py [--build DIR] [--size BYTES]... [--gate | --all];
# --gate fails over BOUND_US per KiB, --all shows every case and not only the worst of each codec.
import argparse
import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile

RATE = 6000        # instructions per microsecond; the machine of the README's figures does 10,000 to 14,000
BOUND_US = 50
OWN_BYTES = 1024   # what a message is charged for beside its payload
UNPACKERS = {"gzip", "zstd"}
MAX_RATIO, MAX_OUTPUT, FREE_OF_RATIO = 100, 4 << 20, 64 << 10   # defaults of forebay/unpack.h
MEASURED = "measured_conversion"

Row = collections.namedtuple("Row", "codec name size per_kib status")


def charged_bytes(codec, name, size, out, status, asked):
    """The bytes that a case is charged for; it was asked to make so many."""
    if codec == "sparkplug" and name == "compressed":  # what comes out is not seen; it was made of so many
        return max(size, asked)
    if codec not in UNPACKERS:
        return size
    if status != "ok":  # it was unpacked up to the limit
        out = min(max(size * MAX_RATIO, FREE_OF_RATIO), MAX_OUTPUT)
    return max(size, out)


def measure(build, size):
    """All cases of one size."""
    with tempfile.TemporaryDirectory() as scratch:
        counts = os.path.join(scratch, "counts")
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counts}", "--collect-atstart=no",
             f"--toggle-collect={MEASURED}", f"--dump-after={MEASURED}",
             os.path.join(build, "tests/bench/bench_codec_limits"), os.path.join(build, "plugins"), str(size)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=900)
        if run.returncode != 0:
            sys.exit(f"bench_codec_limits failed:\n{run.stderr[-2000:]}")
        for number, line in enumerate(run.stdout.splitlines(), 1):
            codec, name, taken, out, status = line.split("\t")
            with open(f"{counts}.{number}", encoding="utf-8") as part:
                instructions = int(re.search(r"^totals: (\d+)", part.read(), re.MULTILINE)[1])
            charged = OWN_BYTES + charged_bytes(codec, name, int(taken), int(out), status, size)
            yield Row(codec, name, int(taken), instructions * 1024 / charged, status)


def show(rows, everything):
    shown = collections.Counter()
    print(f"{'codec':12} {'case':30} {'bytes':>7} {'instr/KiB':>10} {'us/KiB':>7}  status")
    for row in sorted(rows, key=lambda r: (r.codec, -r.per_kib)):
        shown[row.codec] += 1
        if everything or shown[row.codec] <= 2:
            print(f"{row.codec:12} {row.name:30} {row.size:7} {row.per_kib:10.0f} {row.per_kib / RATE:7.1f}  {row.status}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.environ.get("top_builddir", "."))
    parser.add_argument("--size", type=int, action="append")
    parser.add_argument("--gate", action="store_true")
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        print("valgrind is missing")
        return 77
    sizes = options.size or [1024, 16384, 200000]
    rows = [row for size in sizes for row in measure(options.build, size)]
    show(rows, options.all)
    worst = max(rows, key=lambda r: r.per_kib)
    print(f"{len(rows)} cases; the worst, {worst.codec}: {worst.name}, takes {worst.per_kib / RATE:.1f} us per KiB "
          f"at {RATE} instructions per us; {BOUND_US} are allowed")
    return int(worst.per_kib > BOUND_US * RATE) if options.gate else 0


if __name__ == "__main__":
    sys.exit(main())
