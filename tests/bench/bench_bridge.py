#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What one message costs on its way from one broker to another, QoS 1 on both sides: Forebay with durable
acknowledgements beside mosquitto's own bridge (which keeps messages in memory only), in turn, in one run.

  bench_bridge.py [--rounds N] [--count N] [--size BYTES] [--build DIR]

CPU is the scheduler's own account of every thread of the process in the middle (/proc/PID/task/*/schedstat).
Nothing here is a test: it prints figures.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port):
    for _ in range(200):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit(f"nothing listens on port {port}")


def cpu_us(pid):
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1000


def rss_kib(pid, key="VmRSS"):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    return 0


class Processes:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.running = []

    def start(self, name, command, **more):
        log = open(self.directory / f"{name}.log", "wb")
        p = subprocess.Popen(command, stdout=log, stderr=log, **more)
        self.running.append(p)
        return p

    def stop(self, p):
        p.send_signal(signal.SIGTERM)
        try:
            p.wait(10)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
        self.running.remove(p)

    def stop_all(self):
        for p in list(self.running):
            self.stop(p)


BROKER = """listener {port} 127.0.0.1
allow_anonymous true
max_inflight_messages {window}
max_queued_messages 1000000
persistence false
"""

BRIDGE = """
connection devices
address 127.0.0.1:{devices}
topic bench/# in 1
cleansession false
bridge_protocol_version mqttv311
connection cloud
address 127.0.0.1:{cloud}
topic bench/# out 1
cleansession false
bridge_protocol_version mqttv311
"""

FOREBAY = """gateway: {{ id: bench, state_directory: {dir}/state, runtime_directory: {dir}/run }}
brokers:
  devices: {{ url: "mqtt://127.0.0.1:{devices}" }}
  cloud: {{ url: "mqtt://127.0.0.1:{cloud}" }}
routes:
  all:
    from: {{ broker: devices, topics: ["bench/#"] }}
    to: [cloud]
"""


def start_broker(run, name, window, more=""):
    port = free_port()
    conf = run.directory / f"{name}.conf"
    conf.write_text(BROKER.format(port=port, window=window) + more)
    p = run.start(name, [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(conf)])
    wait_for_port(port)
    return p, port


def start_forebay(run, build, devices, cloud):
    directory = tempfile.mkdtemp(dir=run.directory)
    conf = run.directory / "forebay.yaml"
    conf.write_text(FOREBAY.format(dir=directory, devices=devices, cloud=cloud))
    p = run.start("forebayd", [str(build / "daemon/forebayd"), "--config", str(conf)])
    for _ in range(200):
        if os.path.exists(f"{directory}/run/control.sock"):
            break
        time.sleep(0.02)
    return p


def start_bridge(run, devices, cloud, window):
    return start_broker(run, "bridge", window, BRIDGE.format(devices=devices, cloud=cloud))[0]


def load(build, devices, cloud, args, **more):
    command = [str(build / "tests/bench/load_gen"), "--publish-port", str(devices), "--receive-port", str(cloud)]
    for key, value in {"count": args.count, "size": args.size, **more}.items():
        command += [f"--{key}", str(value)]
    out = subprocess.run(command, stdout=subprocess.PIPE, timeout=300, check=False)
    return json.loads(out.stdout)


def measure(run, what, args, build):
    devices_process, devices = start_broker(run, "devices", 1000)
    cloud_process, cloud = start_broker(run, "cloud", 1000)
    middle = start_forebay(run, build, devices, cloud) if what == "forebay" else start_bridge(run, devices, cloud, 1000)
    time.sleep(1.5)
    result = {"idle_kib": rss_kib(middle.pid)}
    before = cpu_us(middle.pid)
    full = load(build, devices, cloud, args)
    time.sleep(0.3)
    result["cpu_us"] = (cpu_us(middle.pid) - before) / max(1, full["received"])
    result["per_second"] = full["per_second"]
    result["complete"] = full["received"] == args.count
    result["peak_kib"] = rss_kib(middle.pid, "VmHWM")
    slow = load(build, devices, cloud, args, count=4000, rate=2000)
    result["p50_us"], result["p99_us"] = slow["p50_us"], slow["p99_us"]
    for p in (middle, cloud_process, devices_process):
        run.stop(p)
    return result


def median(values):
    values = sorted(values)
    return values[len(values) // 2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=100000)
    parser.add_argument("--size", type=int, default=150)
    parser.add_argument("--build", default=".")
    args = parser.parse_args()
    build = pathlib.Path(args.build).resolve()
    results = {"forebay": [], "bridge": []}
    directory = tempfile.mkdtemp(prefix="forebay-bench-")
    run = Processes(directory)
    try:
        for i in range(args.rounds):
            for what in results:
                r = measure(run, what, args, build)
                results[what].append(r)
                print(f"round {i + 1} {what}: {json.dumps(r)}", file=sys.stderr)
    finally:
        run.stop_all()
        shutil.rmtree(directory, ignore_errors=True)
    ratio = median([f["cpu_us"] / b["cpu_us"] for f, b in zip(results["forebay"], results["bridge"])])
    print(f"{args.count} messages of {args.size} bytes, QoS 1 on both sides, medians of {args.rounds} rounds in turn\n")
    print("| | CPU us per message | messages/s | p50 / p99 at 2,000/s | RSS idle / peak |")
    print("|---|---|---|---|---|")
    names = {"forebay": "Forebay, acknowledged after fdatasync", "bridge": "mosquitto's bridge, in memory"}
    for what, name in names.items():
        m = {k: median([r[k] for r in results[what]]) for k in results[what][0]}
        print(f"| {name} | {m['cpu_us']:.1f} | {m['per_second']:,.0f} | {m['p50_us'] / 1000:.2f} / "
              f"{m['p99_us'] / 1000:.2f} ms | {m['idle_kib'] / 1024:.1f} / {m['peak_kib'] / 1024:.1f} MiB |")
    print(f"\nCPU per message, Forebay / bridge: {ratio:.2f} (median of the pairs)")
    return 0 if all(r["complete"] for rs in results.values() for r in rs) else 1


if __name__ == "__main__":
    sys.exit(main())
