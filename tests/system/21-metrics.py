#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import shutil
import subprocess

from harness import Test

test = Test("/metrics is accepted by promtool, agrees with /status, and the promise's sum holds at every moment")
devices, cloud = test.broker("devices"), test.broker("cloud")
gateway = test.gateway(f"""
brokers:
  devices: {{ url: {devices.url}, reconnect_min: 50ms, reconnect_max: 200ms }}
  cloud: {{ url: {cloud.url}, reconnect_min: 50ms, reconnect_max: 200ms }}
upstreams:
  nowhere: {{ "null": {{}} }}
routes:
  raw:
    from: {{ broker: devices, topics: ["raw/{{kind}}/#"] }}
    decode: json
    process:
      - filter: {{ drop: "kind == 'noise'" }}
    to:
      - cloud
      - nowhere
  odd-name.2:
    from: {{ broker: devices, topics: ["odd/#"] }}
    to: [nowhere]
""")
publisher = devices.publisher()
sent = {"data": 0, "noise": 0, "bad": 0}
imbalance = []


def send(count):
    for i in range(count):
        kind = ("data", "noise", "data", "bad")[i % 4]
        sent[kind] += 1
        publisher.send(f"raw/{kind}/{i}", b"{" if kind == "bad" else b'{"n": %d}' % i)
        if i % 200 == 0:
            imbalance.extend(gateway.imbalance())


send(2000)
cloud.kill()
send(1000)
imbalance.extend(gateway.imbalance())
test.wait(lambda: gateway.target("raw", "nowhere")["accepted"] == 3000, "everything to be taken")
cloud.start()
send(1000)
test.wait(lambda: all(gateway.target("raw", t)["accepted"] == 4000 for t in ("cloud", "nowhere")), "everything to be taken")
gateway.wait_idle(30)
imbalance.extend(gateway.imbalance())
test.check_equal(imbalance, [], "accepted = delivered + queued + filtered + aggregated + dead_lettered + dropped, always")

text = gateway.metrics_text()
if shutil.which("promtool"):
    result = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, timeout=30,
                            check=False)
    test.check_equal((result.returncode, result.stdout + result.stderr), (0, ""), "promtool finds nothing to criticise")
else:
    test.skip_case("promtool", "promtool is not installed (Debian package prometheus)")

for target in ("cloud", "nowhere"):
    status = gateway.target("raw", target)
    for name in ("accepted", "delivered", "filtered", "dead_lettered", "aggregated"):
        test.check_equal(gateway.metric(f"forebay_route_{name}_total", route="raw", target=target), status[name],
                         f"{target}: {name} is the same in /metrics and /status")
    test.check_equal(gateway.metric("forebay_route_queued", route="raw", target=target), status["queued"],
                     f"{target}: queued, too")
    test.check_equal((status["delivered"], status["filtered"], status["dead_lettered"]),
                     (sent["data"], sent["noise"], sent["bad"]), f"{target}: the numbers are those of what was sent")
test.check('route="odd-name.2"' in text, "a name is shown as it is")
for line in text.splitlines():
    if line.startswith("# HELP") and len(line.split(" ", 3)[3]) < 10:
        test.check(False, f"a help text that helps: {line}")
test.check("raw/data" not in text and "sensor" not in text, "no topic and no device is a label")
code, text = gateway.request("/nothing-here")
test.check_equal(code, 404, "an unknown path is 404")
test.check_in("/metrics", text, "and tells the paths there are")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
