#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import shutil
import subprocess

from harness import SOURCE, Test, run
from harness_mqtt import publish_properties

test = Test("clients that are not ours: mosquitto_pub and _sub, paho, mqtt.js; with the properties of MQTT v5")
devices, cloud = test.broker("devices"), test.broker("cloud")
gateway = test.gateway(f"""
brokers:
  devices: {{ url: {devices.url} }}
  cloud: {{ url: {cloud.url} }}
routes:
  raw:
    from: {{ broker: devices, topics: ["raw/#"] }}
    to:
      - cloud
""")
received = cloud.subscriber("raw/#")


def next_message(text):
    before = len(received.messages)

    def take():
        return received.messages[before] if len(received.messages) > before else None
    return lambda: test.wait(take, text)


def user_properties(message):
    return dict(getattr(message.properties, "UserProperty", []))


# mosquitto_pub, once for each version of the protocol.
for version in ("mqttv31", "mqttv311", "mqttv5"):
    take = next_message(f"the message of mosquitto_pub {version}")
    result = run(["mosquitto_pub", "-V", version, "-h", "127.0.0.1", "-p", str(devices.port), "-q", "1",
                  "-t", f"raw/{version}", "-m", f"hello {version}"])
    test.check_equal(result.returncode, 0, f"mosquitto_pub -V {version} is content")
    test.check_equal(take().payload, f"hello {version}".encode(), f"mosquitto_pub -V {version}: payload as sent")

take = next_message("the message with properties of mosquitto_pub")
run(["mosquitto_pub", "-V", "mqttv5", "-h", "127.0.0.1", "-p", str(devices.port), "-q", "1", "-t", "raw/p", "-m", "{}",
     "-D", "publish", "user-property", "site", "berlin", "-D", "publish", "content-type", "application/json"])
message = take()
test.check_equal(user_properties(message).get("site"), "berlin", "user properties travel")
test.check_equal(message.properties.ContentType, "application/json", "the content type travels")

# paho with everything that v5 can carry.
publisher = devices.publisher()
take = next_message("the message with properties of paho")
publisher.send("raw/paho", b"\x00\x01\xff", properties=publish_properties(
    UserProperty=[("a", "1"), ("a", "2"), ("ä", "ö")], ContentType="application/x-binary",
    ResponseTopic="answers/here", CorrelationData=b"\x01\x02\x00"))
message = take()
test.check_equal(message.payload, b"\x00\x01\xff", "paho: bytes that are no text arrive as they are")
have = [pair for pair in message.properties.UserProperty if pair[0] in ("a", "ä")]
test.check_equal(have, [("a", "1"), ("a", "2"), ("ä", "ö")], "repeated user properties keep their order")
test.check_equal(message.properties.ContentType, "application/x-binary", "content type")
test.check_equal(message.properties.ResponseTopic, "answers/here", "response topic")
test.check_equal(message.properties.CorrelationData, b"\x01\x02\x00", "correlation data")

take = next_message("the empty message")
publisher.send("raw/empty", b"")
test.check_equal(take().payload, b"", "an empty payload is a message too")

take = next_message("the QoS 0 message")
publisher.send("raw/qos0", b"zero", qos=0)
test.check_equal(take().payload, b"zero", "QoS 0 comes through when nothing is wrong")

# mosquitto_sub reads what we send upstream.
listener = subprocess.Popen(["mosquitto_sub", "-V", "mqttv311", "-h", "127.0.0.1", "-p", str(cloud.port), "-q", "1",
                             "-t", "raw/listen", "-C", "1", "-W", "10"], stdout=subprocess.PIPE, text=True)
test.wait(lambda: cloud.log().count("mosqsub") or cloud.log().count("auto-"), "mosquitto_sub to connect", 5)
test.wait(lambda: (publisher.send("raw/listen", b"heard"), listener.poll() is not None)[1], "mosquitto_sub to hear", 10,
          step=0.2)
test.check_equal(listener.stdout.read().strip(), "heard", "mosquitto_sub with 3.1.1 reads what we publish")

# mqtt.js from npm, the client of most Node.js devices.
modules = os.environ.get("FOREBAY_NODE_PATH", "")
if not shutil.which("node"):
    test.skip_case("mqtt.js", "node is not installed")
elif not os.path.exists(os.path.join(modules, "mqtt", "package.json")):
    test.skip_case("mqtt.js", "FOREBAY_NODE_PATH has no mqtt.js; ./quickstart test installs it")
else:
    before = len(received.messages)
    result = run(["node", os.path.join(SOURCE, "tests", "helpers", "mqttjs_client.js"), str(devices.port),
                  str(cloud.port), "200"], seconds=60, env={**os.environ, "NODE_PATH": modules})
    test.note(result.stdout + result.stderr)
    test.check_equal(result.returncode, 0, "mqtt.js published 200 messages and read them all back upstream, in order")
    received.wait_count(before + 200)
    mine = [m for m in received.messages[before:] if m.topic == "raw/mqttjs"]
    test.check_equal(user_properties(mine[0]).get("client"), "mqtt.js", "user properties of mqtt.js travel")

gateway.wait_idle()
test.check_equal(gateway.imbalance(), [], "accepted is what became of it")
test.check_equal(gateway.stop(), 0, "SIGTERM ends it with 0")
test.finish()
