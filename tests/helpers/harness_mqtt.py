# SPDX-License-Identifier: Apache-2.0
"""Brokers and clients that are not ours, for system tests: Debian's mosquitto and paho-mqtt."""

import getpass
import itertools
import json
import os
import shutil
import socket
import threading

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from harness import Failed, Process, free_port


_numbers = itertools.count(1)


class Broker(Process):
    """A private mosquitto. It keeps what it has over stop() and start(), as a broker in the field does.
    `extra` goes to its configuration, `listener` behind the listener line (TLS, passwords)."""

    def __init__(self, test, name, extra="", listener=""):
        program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if not program:
            test.skip("mosquitto is not installed")
        self.port = free_port()
        self.directory = test.path(name)
        os.makedirs(self.directory, exist_ok=True)
        self.extra, self.listener = extra, listener
        self.config = test.path(f"{name}.conf")
        super().__init__(test, name, [program, "-c", self.config])

    def start(self):
        access = "" if "allow_anonymous" in self.listener + self.extra else "allow_anonymous true\n"
        self.test.write(os.path.basename(self.config), (
            f"listener {self.port} 127.0.0.1\n{self.listener}\n{access}"
            f"persistence true\npersistence_location {self.directory}/\nautosave_interval 1\n"
            f"max_queued_messages 0\nset_tcp_nodelay true\nuser {getpass.getuser()}\n{self.extra}\n"))
        super().start()
        self.test.wait(lambda: self.answers() or not self.is_running(), f"{self.name} to listen")
        if not self.is_running():
            raise Failed(f"{self.name} ended: {self.log()}")

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 0.5).close()
            return True
        except OSError:
            return False

    def kick(self, client_id):
        """End the connection of another client by taking its session over for a moment."""
        name = client_id.encode()
        body = b"\0\4MQTT\4\0\0\x0a" + len(name).to_bytes(2, "big") + name
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(bytes([0x10, len(body)]) + body)
            connection.recv(4)

    @property
    def url(self):
        return f"mqtt://127.0.0.1:{self.port}"

    def publisher(self, **options):
        return Publisher(self.test, self, **options)

    def subscriber(self, topics="#", **options):
        return Subscriber(self.test, self, topics, **options)


class Client:
    """A paho client of MQTT v5 with its own thread."""

    def __init__(self, test, broker, client_id="", username=None, password=None, tls=None):
        self.test, self.broker = test, broker
        self.connected = threading.Event()
        # A session of its own that outlives connections, so that a broker's restart loses nothing for the test.
        # (mosquitto 2.0 saves only sessions that did not ask for a clean start.)
        client_id = client_id or f"test-{os.getpid()}-{next(_numbers)}"
        self.client = paho.Client(client_id=client_id, protocol=paho.MQTTv5)
        self.client.max_inflight_messages_set(200)
        self.client.max_queued_messages_set(0)
        self.client.reconnect_delay_set(1, 1)
        if username:
            self.client.username_pw_set(username, password)
        if tls:
            self.client.tls_set(**tls)
        self.client.on_connect = self._handle_connect
        self.client.on_disconnect = lambda *_args: self.connected.clear()

    def connect(self):
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        self.client.connect("127.0.0.1", self.broker.port, keepalive=30, clean_start=False, properties=properties)
        self.client.loop_start()
        self.test.servers.append(self)
        if not self.connected.wait(10):
            raise Failed("the test's own MQTT client could not connect")
        return self

    def _handle_connect(self, _client, _userdata, _flags, reason, _properties):
        if reason.value == 0:
            self.connected.set()

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()


class Publisher(Client):
    """Publishes with QoS 1 and remembers which messages the broker has confirmed."""

    def __init__(self, test, broker, **options):
        super().__init__(test, broker, **options)
        self.lock = threading.Lock()
        self.keys = {}
        self.early = set()
        self.confirmed = set()
        self.client.on_publish = self._handle_publish
        self.connect()

    def send(self, topic, payload, key=None, qos=1, retain=False, properties=None):
        """`key` becomes a member of `confirmed` when the broker has the message."""
        info = self.client.publish(topic, payload, qos=qos, retain=retain, properties=properties)
        with self.lock:
            if info.mid in self.early:
                self.early.discard(info.mid)
                self.confirmed.add(key)
            else:
                self.keys[info.mid] = key
        return info

    def _handle_publish(self, _client, _userdata, mid):
        with self.lock:
            if mid in self.keys:
                self.confirmed.add(self.keys.pop(mid))
            else:
                self.early.add(mid)

    def wait_confirmed(self, count, seconds=30):
        self.test.wait(lambda: len(self.confirmed) >= count, f"{count} confirmed publishes", seconds)


class Subscriber(Client):
    """Collects what comes: `messages` holds paho messages in order."""

    def __init__(self, test, broker, topics, qos=1, **options):
        super().__init__(test, broker, **options)
        self.messages = []
        self.topics = [topics] if isinstance(topics, str) else list(topics)
        self.qos = qos
        self.subscribed = threading.Event()
        self.client.on_message = lambda _client, _userdata, message: self.messages.append(message)
        self.client.on_subscribe = lambda *_args: self.subscribed.set()
        self.connect()
        if not self.subscribed.wait(10):
            raise Failed("the test's own MQTT client could not subscribe")

    def _handle_connect(self, client, userdata, flags, reason, properties):
        super()._handle_connect(client, userdata, flags, reason, properties)
        client.subscribe([(topic, self.qos) for topic in self.topics])

    def json(self):
        return [json.loads(message.payload) for message in list(self.messages)]

    def wait_count(self, count, seconds=15):
        self.test.wait(lambda: len(self.messages) >= count,
                       f"{count} messages (there are {len(self.messages)} at the start)", seconds)
        return self.messages


def publish_properties(**values):
    """MQTT v5 properties of a PUBLISH, by paho's names: UserProperty=[("a", "b")], ContentType="…"."""
    properties = Properties(PacketTypes.PUBLISH)
    for name, value in values.items():
        setattr(properties, name, value)
    return properties
