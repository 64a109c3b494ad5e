#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import subprocess

from harness import Test
from harness_gateway import make_certificates

test = Test("TLS, mutual TLS and passwords towards brokers, and what is said when they are wrong")
tls = make_certificates(test)
passwords = test.path("passwords")
subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "gw", "open sesame"], check=True, timeout=10,
               stderr=subprocess.DEVNULL)
os.chmod(passwords, 0o644)
server_tls = f"cafile {tls}/ca.crt\ncertfile {tls}/server.crt\nkeyfile {tls}/server.key\n"
devices = test.broker("devices", listener=f"{server_tls}require_certificate true\nuse_identity_as_username true\n",
                      start=False)
cloud = test.broker("cloud", listener=server_tls,
                    extra=f"allow_anonymous false\npassword_file {passwords}\n", start=False)
devices.start()
cloud.start()
secret = test.write("secret", "open sesame\n", mode=0o600)


def config(password="${file:" + secret + "}", certificate=True, ca=f"{tls}/ca.crt", name=""):
    own = f", certificate: {tls}/client.crt, key: {tls}/client.key" if certificate else ""
    own += f", server_name: {name}" if name else ""
    return f"""
brokers:
  devices:
    url: mqtts://127.0.0.1:{devices.port}
    tls: {{ ca: {ca}{own} }}
    reconnect_min: 100ms
  cloud:
    url: mqtts://127.0.0.1:{cloud.port}
    username: gw
    password: "{password}"
    tls: {{ ca: {tls}/ca.crt }}
    reconnect_min: 100ms
routes:
  raw:
    from: {{ broker: devices, topics: ["raw/#"] }}
    to:
      - cloud
"""


gateway = test.gateway(config())
device = devices.publisher(tls={"ca_certs": f"{tls}/ca.crt", "certfile": f"{tls}/client.crt",
                                "keyfile": f"{tls}/client.key"})
reader = cloud.subscriber("raw/#", username="gw", password="open sesame", tls={"ca_certs": f"{tls}/ca.crt"})
for i in range(200):
    device.send(f"raw/{i}", b"x" * 500, key=i)
reader.wait_count(200)
test.check_sequence([int(m.topic[4:]) for m in reader.messages], 200, "200 messages over mutual TLS, in order")
gateway.wait_idle()
test.check("open sesame" not in gateway.log() + gateway.request("/status")[1],
           "the password is in neither the log nor the status")
gateway.stop()

for name, options, words, broker in (
        ("a wrong password", {"password": "guess"}, ("not authori", "refused", "password"), "cloud"),
        ("no client certificate", {"certificate": False}, ("certificate", "handshake", "tls", "closed"), "devices"),
        ("another CA", {"ca": "/etc/ssl/certs/ca-certificates.crt"}, ("certificate",), "devices"),
        ("another host name", {"name": "elsewhere.test"}, ("hostname mismatch",), "devices")):
    if name == "another CA" and not os.path.exists("/etc/ssl/certs/ca-certificates.crt"):
        test.skip_case(name, "no system CA bundle")
        continue
    wrong = test.gateway(config(**options), name=name.replace(" ", "-"), gateway_id="wrong", wait=False)
    test.wait(lambda: "READY=1" in wrong.notifications.received, f"readiness with {name}")

    def reason():
        status = wrong.status()
        if broker == "devices":
            source = status["sources"]["devices"]
            return not source["connected"] and source["text"]
        upstream = status["upstreams"]["cloud"]
        return not upstream["connected"] and upstream["reason"]

    text = test.wait(lambda: (found := reason()) and any(word in found.lower() for word in words) and found,
                     f"the status to tell the reason with {name}: {reason()}")
    test.check(True, f"{name}: {text}")
    test.check_equal(wrong.stop(), 0, f"{name}: still ends in order")
test.finish()
