#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# One telemetry message of twelve fields to JSON text: Forebay, protobufjs (decode and JSON.stringify) and python3-protobuf
# (MessageToJson), in turn in the same run, each at its best of several rounds. CPU time only. Ends with 1 when Forebay
# is less than 6 times as fast as the one and 30 times as the other. Usage: bench_decode_peers.py [--build DIR]
# [--rounds N] [--into README.md]; the last puts the table between the two marks of that file.
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))
import marked_table  # noqa: E402

PROTOBUFJS = "7.6.6"  # from npm, into the build directory
HERE = os.path.dirname(os.path.abspath(__file__))
PROTO = os.path.join(HERE, "bench_decode.proto")
FEW, MANY = 20_000, 1_000_000
BEGIN, END = "<!-- decoding: made by `make decode-table` -->", "<!-- end of decoding -->"


def run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout


def cpu_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def node_path(build):
    """Where protobufjs is, fetched when it is not there yet; None: it cannot be had."""
    home = os.path.join(build, "node")
    modules = os.path.join(home, "node_modules")
    if not os.path.exists(os.path.join(modules, "protobufjs", "package.json")):
        os.makedirs(home, exist_ok=True)
        try:
            subprocess.run(["npm", "install", "--loglevel=error", "--no-audit", "--no-fund", "--no-save",
                            f"protobufjs@{PROTOBUFJS}"], cwd=home, check=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as problem:
            print(f"protobufjs cannot be installed: {problem}", file=sys.stderr)
            return None
    return modules


class Peers:
    def __init__(self, build, scratch):
        self.bench = os.path.join(build, "tests/bench/bench_decode")
        self.set = os.path.join(scratch, "bench.desc")
        self.payload = os.path.join(scratch, "payload")
        self.modules = node_path(build)
        run(["protoc", "-I", HERE, "-o", self.set, "bench_decode.proto"])
        with open(self.payload, "wb") as file:
            file.write(run([self.bench, self.set, "payload", "1"]))

    def forebay(self, operation="json"):
        """Start and schema are in both runs, and so in neither."""
        many, few = (cpu_seconds([self.bench, self.set, operation, str(times)]) for times in (MANY, FEW))
        return (many - few) * 1e6 / (MANY - FEW)

    def protobufjs(self):
        answer = run(["node", os.path.join(HERE, "decode_protobufjs.js"), PROTO, self.payload, "200000"],
                     env=dict(os.environ, NODE_PATH=self.modules))
        return json.loads(answer)["us"]

    def python(self):
        return json.loads(run([sys.executable, os.path.join(HERE, "decode_python.py"), self.set, self.payload, "5000"]))["us"]


def measure(peers, rounds):
    """{who: microseconds}, the best of the rounds."""
    who = {"Forebay, to JSON text": peers.forebay, "Forebay, to a value tree": lambda: peers.forebay("value"),
           "protobufjs": peers.protobufjs, "python3-protobuf": peers.python}
    if not peers.modules:
        del who["protobufjs"]
    best = {}
    for _ in range(rounds):
        for name, call in who.items():
            best[name] = min(best.get(name, float("inf")), call())
    return best


def format_table(best):
    own = best["Forebay, to JSON text"]
    words = {"protobufjs": f"protobufjs {PROTOBUFJS}, decode and JSON.stringify", "python3-protobuf": "python3-protobuf, MessageToJson"}
    lines = ["| one message of 12 fields, 189 bytes | CPU µs | times as much |", "|---|--:|--:|"]
    lines += [f"| {words.get(name, name)} | {us:.2f} | {us / own:.1f} |" for name, us in best.items()]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.environ.get("top_builddir", "."))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--into", metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        best = measure(Peers(os.path.abspath(options.build), scratch), options.rounds)
    table = format_table(best)
    print(table, end="")
    if options.into:
        marked_table.replace(options.into, BEGIN, END, table)
    own = best["Forebay, to JSON text"]
    slow = [f"{name}: {best[name] / own:.1f} times, {wanted} are wanted"
            for name, wanted in (("protobufjs", 6), ("python3-protobuf", 30)) if name in best and best[name] / own < wanted]
    print("\n".join(slow), end="\n" if slow else "")
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
