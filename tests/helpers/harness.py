# SPDX-License-Identifier: Apache-2.0
"""What every system test stands on: a directory and ports of its own, processes that are always ended, waits
with a bound, and results in TAP. A test is a program:

    test = Test("what it proves", seconds=60)
    broker = test.broker()
    gateway = test.gateway(YAML)
    ...
    test.check(condition, "what must be true")
    test.finish()
"""

import atexit
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

SOURCE = os.environ.get("top_srcdir") or os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("top_builddir") or SOURCE
SHORT = bool(os.environ.get("FOREBAY_TEST_SHORT"))
SKIP_EXIT = 77
CONFIG_EXIT = 78
LOCKED_EXIT = 75


class Failed(Exception):
    """A wait that was too long or a process that ended: the test cannot go on."""


class Test:
    """One test program. Everything that it starts is ended and removed when it ends, however it ends."""

    def __init__(self, proves, seconds=120):
        self.proves = proves
        self.number = 0
        self.failures = 0
        self.processes = []
        self.servers = []
        self.directories = []
        self.directory = tempfile.mkdtemp(prefix="forebay-test-")
        self.seed = int(os.environ.get("FOREBAY_TEST_SEED") or random.randrange(1 << 32))
        self.random = random.Random(self.seed)
        atexit.register(self._clean_up)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._handle_signal)
        signal.signal(signal.SIGALRM, self._handle_alarm)
        signal.alarm(seconds * (4 if is_sanitized() else 1))
        sys.excepthook = self._handle_exception
        print(f"# {proves}", flush=True)

    # ---- Results -------------------------------------------------------------------------------------------

    def check(self, condition, text):
        self.number += 1
        print(f"{'ok' if condition else 'not ok'} {self.number} - {text}", flush=True)
        if not condition:
            self.failures += 1
        return bool(condition)

    def check_equal(self, actual, expected, text):
        if not self.check(actual == expected, text):
            print(f"#   is       {shorten(actual)}\n#   expected {shorten(expected)}", flush=True)
        return actual == expected

    def check_sequence(self, actual, count, text):
        """The numbers 0 to count - 1, each once and in order; else what is missing, repeated or out of order."""
        actual = list(actual)
        if not self.check(actual == list(range(count)), text):
            missing = sorted(set(range(count)) - set(actual))
            seen, repeated = set(), []
            for number in actual:
                (repeated.append if number in seen else seen.add)(number)
            disorder = sum(1 for a, b in zip(actual, actual[1:]) if b < a)
            print(f"#   missing {len(missing)}: {missing[:10]}  repeated {len(repeated)}: {repeated[:10]}  "
                  f"out of order {disorder}", flush=True)

    def check_in(self, part, whole, text):
        if not self.check(part in whole, text):
            print(f"#   no {part!r} in {shorten(whole)}", flush=True)

    def note(self, text):
        for line in str(text).splitlines():
            print(f"# {line}", flush=True)

    def skip(self, reason):
        print(f"1..0 # SKIP {reason}", flush=True)
        sys.exit(SKIP_EXIT)

    def skip_case(self, text, reason):
        self.number += 1
        print(f"ok {self.number} - {text} # SKIP {reason}", flush=True)

    def finish(self):
        for process in self.processes:
            process.check_sanitizer(self)
        print(f"1..{self.number}", flush=True)
        if self.failures:
            self.show_logs()
        sys.exit(1 if self.failures or not self.number else 0)

    def show_logs(self, lines=40):
        for process in self.processes:
            self.note(f"---- log of {process.name}")
            self.note("\n".join(process.log().splitlines()[-lines:]))

    # ---- Waiting -------------------------------------------------------------------------------------------

    def wait(self, condition, what, seconds=10.0, step=0.02):
        """The first true value of condition(); Failed when there is none in time."""
        seconds *= 4 if is_sanitized() else 1
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                raise Failed(f"waited {seconds:g} s for: {what}")
            time.sleep(step)

    # ---- Parts ---------------------------------------------------------------------------------------------

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def write(self, name, text, mode=None):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb" if isinstance(text, bytes) else "w") as file:
            file.write(text)
        if mode is not None:
            os.chmod(path, mode)
        return path

    def broker(self, name="broker", extra="", listener="", start=True):
        from harness_mqtt import Broker
        broker = Broker(self, name, extra, listener)
        if start:
            broker.start()
        return broker

    def gateway(self, text, name="gateway", start=True, wait=True, **options):
        from harness_gateway import Gateway
        gateway = Gateway(self, name, text, **options)
        if start:
            gateway.start()
            if wait:
                gateway.wait_ready()
        return gateway

    def spawn(self, name, command, **options):
        process = Process(self, name, command, **options)
        process.start()
        return process

    # ---- The end -------------------------------------------------------------------------------------------

    def _handle_signal(self, number, _frame):
        print(f"Bail out! signal {number}", flush=True)
        sys.exit(1)

    def _handle_alarm(self, _number, _frame):
        print("not ok - the test ran out of its time", flush=True)
        self.show_logs()
        self._clean_up()
        os._exit(1)

    def _handle_exception(self, kind, error, trace):
        import traceback
        self.number += 1
        print(f"not ok {self.number} - {kind.__name__}: {error}", flush=True)
        for line in traceback.format_exception(kind, error, trace):
            self.note(line)
        self.show_logs()

    def _clean_up(self):
        signal.alarm(0)
        for process in self.processes:
            process.kill()
        for server in self.servers:
            server.stop()
        if os.environ.get("FOREBAY_TEST_KEEP"):
            print(f"# kept: {self.directory}", flush=True)
            return
        for directory in [*self.directories, self.directory]:
            shutil.rmtree(directory, ignore_errors=True)


class Process:
    """A child process with its output in a file."""

    def __init__(self, test, name, command, environment=None, cwd=None):
        self.test = test
        self.name = name
        self.command = command
        self.environment = environment or {}
        self.cwd = cwd
        self.child = None
        self.log_path = test.path(f"{name}.log")
        test.processes.append(self)

    @property
    def pid(self):
        return self.child.pid

    def start(self):
        environment = dict(os.environ)
        environment.update(self.environment)
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env=environment, cwd=self.cwd, start_new_session=True)

    def is_running(self):
        return self.child is not None and self.child.poll() is None

    def signal(self, number):
        if self.is_running():
            self.child.send_signal(number)

    def stop(self, seconds=10.0):
        """SIGTERM; returns the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait_exit(seconds)

    def kill(self):
        if self.child is None:
            return
        if self.is_running():
            self.child.send_signal(signal.SIGCONT)
            self.child.kill()
        self.child.wait()

    def wait_exit(self, seconds=10.0):
        seconds *= 4 if is_sanitized() else 1
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} did not end within {seconds:g} s") from None

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def wait_log(self, text, seconds=10.0):
        self.test.wait(lambda: text in self.log(), f"{text!r} in the log of {self.name}", seconds)

    def check_sanitizer(self, test):
        log = self.log()
        for word in ("ERROR: AddressSanitizer", "runtime error:", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer"):
            if word in log:
                test.check(False, f"{self.name}: {word}")


def run(command, seconds=30, **options):
    """Run to the end; the result has returncode, stdout and stderr as text."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=seconds, text=True, errors="replace", check=False, **options)


_given_ports = set()


def free_port():
    """A loopback port that nobody listens on, outside the range from which the kernel gives out its own."""
    generator = random.SystemRandom()
    while True:
        port = generator.randrange(10000, 30000)
        if port in _given_ports:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given_ports.add(port)
        return port


def is_sanitized():
    """Whether the daemon under test was built with a sanitizer: everything takes longer then."""
    global _sanitized
    if _sanitized is None:
        try:
            with open(os.path.join(BUILD, "Makefile"), encoding="utf-8") as file:
                _sanitized = any(line.startswith("FBY_SANITIZE = -f") for line in file)
        except FileNotFoundError:
            _sanitized = False
    return _sanitized


_sanitized = None


def shorten(value, limit=400):
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


class HttpServer:
    """A real HTTP server that records requests. `answer(request)` returns (status, headers) or (status, headers,
    body); requests have .path, .headers (lower-case names) and .body."""

    class Request:
        def __init__(self, path, headers, body):
            self.path, self.headers, self.body = path, headers, body
            self.time = time.monotonic()
            self.status = None

        def records(self):
            """The JSON messages of the body, an array or lines."""
            text = self.body.decode()
            if text.lstrip().startswith("["):
                return json.loads(text)
            return [json.loads(line) for line in text.splitlines() if line]

    def __init__(self, test, answer=None):
        import http.server
        self.answer = answer or (lambda request: (200, {}))
        self.requests = []
        self.connections = []
        self.lock = threading.Lock()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                owner.connections.append(self.connection)

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                request = HttpServer.Request(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                status, headers, *rest = owner.answer(request)
                request.status = status
                with owner.lock:
                    owner.requests.append(request)
                answer = rest[0] if rest else b""
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_PUT = do_POST

            def log_message(self, *_args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_args):
                pass

        self.port = free_port()
        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        test.servers.append(self)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def accepted(self):
        """Messages of the requests that were answered 2xx, in order."""
        with self.lock:
            return [record for request in self.requests if 200 <= request.status < 300 for record in request.records()]

    def stop(self):
        """Gone, with the connections that were kept open."""
        self.server.shutdown()
        self.server.server_close()
        self.hang_up()

    def hang_up(self):
        """End every connection; new ones are welcome."""
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.connections.clear()
