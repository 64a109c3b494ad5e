# SPDX-License-Identifier: Apache-2.0
"""forebayd under test: its configuration, readiness, control socket and counters; and protobuf payloads for it."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading

from harness import BUILD, SOURCE, Failed, Process, run

PROGRAM = os.path.join(BUILD, "daemon", "forebayd")
PROTO = os.path.join(SOURCE, "conf", "quickstart.proto")


def plugin_directories():
    """In a build tree every plugin is in a folder of its own."""
    found = set()
    for folder, _folders, files in os.walk(os.path.join(BUILD, "plugins")):
        if any(name.endswith(".so") for name in files):
            found.add(folder)
    return ":".join(sorted(found))


class Notifications:
    """The service manager's end of sd_notify."""

    def __init__(self, path):
        self.path = path
        self.received = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                text = self.socket.recv(4096).decode()
            except OSError:
                return
            self.received.extend(text.splitlines())

    def count(self, line):
        return sum(1 for received in list(self.received) if received == line)

    def stop(self):
        self.socket.close()


class Gateway(Process):
    """`text` is the configuration behind the section `gateway`, which the harness writes; $NAME in it is replaced
    from `values`. The state survives kill() and start()."""

    def __init__(self, test, name, text, gateway_id=None, gateway_extra="", state=None, environment=None, values=None):
        if not os.access(PROGRAM, os.X_OK):
            raise Failed(f"{PROGRAM} is not built")
        self.directory = test.path(name)
        self.state = state or os.path.join(self.directory, "state")
        # A socket's path is at most 107 bytes: keep it short whatever TMPDIR is.
        self.runtime = tempfile.mkdtemp(prefix="fby-", dir="/tmp")
        test.directories.append(self.runtime)
        self.config = os.path.join(self.directory, "forebay.yaml")
        self.gateway_id = gateway_id or name
        self.gateway_extra = gateway_extra
        os.makedirs(self.directory, exist_ok=True)
        os.makedirs(self.state, exist_ok=True)
        self.notifications = Notifications(os.path.join(self.runtime, "notify"))
        variables = {"NOTIFY_SOCKET": self.notifications.path, "FOREBAY_PLUGIN_PATH": plugin_directories()}
        variables.update(environment or {})
        super().__init__(test, name, [PROGRAM, "--config", self.config], environment=variables)
        test.servers.append(self.notifications)
        self.values = values or {}
        self.configure(text)

    def configure(self, text):
        for key, value in self.values.items():
            text = text.replace(f"${key}", str(value))
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"gateway:\n  id: {self.gateway_id}\n  state_directory: {self.state}\n"
                       f"  runtime_directory: {self.runtime}\n{self.gateway_extra}{text}")

    # ---- Running -------------------------------------------------------------------------------------------

    def start(self):
        self.notifications.received.clear()
        super().start()

    def wait_ready(self, seconds=10.0):
        """READY=1 was told and every broker that a route reads is subscribed."""
        self.test.wait(lambda: "READY=1" in self.notifications.received or not self.is_running(),
                       f"{self.name} to be ready", seconds)
        if not self.is_running():
            raise Failed(f"{self.name} ended with {self.child.returncode}: {self.log()}")
        self.wait_subscribed(seconds)

    def wait_subscribed(self, seconds=10.0):
        def is_subscribed():
            try:
                return all(source["subscribed"] for source in self.status()["sources"].values())
            except OSError:  # the READY=1 of a process that was killed can come late
                return False

        self.test.wait(is_subscribed, f"{self.name} to be subscribed everywhere", seconds)

    def restart(self):
        self.start()
        self.wait_ready()

    def reload(self):
        """SIGHUP, and wait until it is over; true when the new configuration was taken."""
        def counts():
            status = self.status()
            return status["reloads"], status["reload_failures"]

        before = counts()
        self.signal(signal.SIGHUP)
        after = self.test.wait(lambda: (now := counts()) != before and now, "the reload to end")
        return after[0] > before[0]

    # ---- The control socket --------------------------------------------------------------------------------

    def request(self, path, method="GET", body=None):
        """(status, text) of a request to the control socket."""
        connection = UnixConnection(os.path.join(self.runtime, "control.sock"))
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def status(self):
        code, text = self.request("/status")
        if code != 200:
            raise Failed(f"/status answers {code}: {text}")
        return json.loads(text)

    def target(self, route, target):
        return self.status()["routes"][route]["targets"][target]

    def metrics_text(self):
        code, text = self.request("/metrics")
        if code != 200:
            raise Failed(f"/metrics answers {code}: {text}")
        return text

    def metrics(self):
        """{(name, frozenset of (label, value))} -> number"""
        result = {}
        for line in self.metrics_text().splitlines():
            match = re.fullmatch(r'([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)', line)
            if match and not line.startswith("#"):
                labels = frozenset(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
                result[match[1], labels] = float(match[3])
        return result

    def metric(self, name, **labels):
        """The sum of the rows of a family that carry these labels."""
        wanted = set(labels.items())
        return sum(value for (key, have), value in self.metrics().items() if key == name and wanted <= have)

    def imbalance(self):
        """Targets for which accepted = delivered + queued + filtered + aggregated + dead_lettered + dropped is
        wrong, with their numbers; empty when the promise holds."""
        wrong = []
        for route, content in self.status()["routes"].items():
            for target, count in content["targets"].items():
                out = sum(count[key] for key in ("delivered", "queued", "filtered", "aggregated", "dead_lettered"))
                out += sum(count["dropped"].values())
                if out != count["accepted"]:
                    wrong.append((route, target, count))
        return wrong

    def wait_delivered(self, route, target, count, seconds=20.0):
        self.test.wait(lambda: self.target(route, target)["delivered"] >= count,
                       f"{count} deliveries of {route} to {target}", seconds)

    def wait_idle(self, seconds=20.0):
        """Nothing is queued for any target."""
        self.test.wait(lambda: all(target["queued"] == 0 for route in self.status()["routes"].values()
                                   for target in route["targets"].values()),
                       f"{self.name} to have nothing queued", seconds)

    def check_config(self, path=None):
        """`forebayd --check`: returncode and output."""
        environment = dict(os.environ)
        environment.update(self.environment)
        return run([PROGRAM, "--check", path or self.config], env=environment)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("forebay", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


# ---- Protobuf, by Google's own library ---------------------------------------------------------------------


def message_classes(test, proto=PROTO):
    """{full name: class} of a .proto file; the descriptor set is left in descriptors.desc."""
    from google.protobuf import descriptor_pb2, message_factory
    path = test.path("descriptors.desc")
    result = run(["protoc", f"-I{os.path.dirname(proto)}", "--include_imports", f"-o{path}", proto])
    if result.returncode:
        raise Failed(f"protoc: {result.stderr}")
    files = descriptor_pb2.FileDescriptorSet()
    with open(path, "rb") as file:
        files.ParseFromString(file.read())
    return message_factory.GetMessages(files.file)


def telemetry(test):
    """A function that makes the payload of one acme.v1.Telemetry from its fields."""
    kind = message_classes(test)["acme.v1.Telemetry"]
    return lambda **fields: kind(**fields).SerializeToString()


def make_certificates(test, directory="tls"):
    """A throw-away CA with a server and a client certificate; returns the directory."""
    path = test.path(directory)
    os.makedirs(path, exist_ok=True)

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=path, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=30)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
            "-out", "ca.crt", "-subj", "/CN=test ca", "-days", "2")
    for name, subject in (("server", "localhost"), ("client", "gateway-1")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
                "-out", f"{name}.csr", "-subj", f"/CN={subject}")
        with open(os.path.join(path, f"{name}.ext"), "w", encoding="ascii") as file:
            file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n" if name == "server"
                       else "extendedKeyUsage=clientAuth\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.crt", "-days", "2", "-extfile", f"{name}.ext")
    return path
