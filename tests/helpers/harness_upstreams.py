# SPDX-License-Identifier: Apache-2.0
"""Upstreams that behave as a script says: an HTTP server on a bare socket, which can also be no HTTP server at all, and
an MQTT 5 broker that answers each publish with the reason code that it is asked for."""

import socket
import threading
import time

from harness import free_port


class Server:
    """Listens on loopback; every connection is served by a thread of its own."""

    def __init__(self, test, receive_bytes=0):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_bytes:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.port = free_port()
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(16)
        self.lock = threading.Lock()
        test.servers.append(self)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                connection, _address = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                self.serve(connection)
            except (OSError, EOFError):
                pass  # the daemon has hung up

    def stop(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


class HttpScript(Server):
    """`behave(server, connection, body)` answers a request with bytes, or None to close. After heal() every request is
    accepted. `accepted` holds the bodies that were answered with 2xx, in order."""

    def __init__(self, test, behave, read_slowly=False):
        self.behave, self.read_slowly = behave, read_slowly
        self.healed = threading.Event()
        self.requests = 0
        self.accepted = []
        super().__init__(test, receive_bytes=2048 if read_slowly else 0)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def heal(self):
        self.healed.set()

    def serve(self, connection):
        buffer = b""
        while True:
            while b"\r\n\r\n" not in buffer:
                piece = connection.recv(1 if self._is_slow() else 65536)
                if not piece:
                    return
                buffer += piece
                if self._is_slow():
                    time.sleep(1)
            head, _blank, buffer = buffer.partition(b"\r\n\r\n")
            length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                          if line.lower().startswith(b"content-length:"))
            buffer += read_exactly(connection, max(0, length - len(buffer)))
            body, buffer = buffer[:length], buffer[length:]
            if not self._answer(connection, body):
                return

    def _is_slow(self):
        return self.read_slowly and not self.healed.is_set()

    def _answer(self, connection, body):
        with self.lock:
            self.requests += 1
        data = make_answer(200) if self.healed.is_set() else self.behave(self, connection, body)
        if data is None:
            return False
        if data.startswith((b"HTTP/1.1 200", b"HTTP/1.1 204")):
            with self.lock:
                self.accepted.append(body)
        connection.sendall(data)
        return True


def make_answer(status, headers=(), body=b""):
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class MqttScript(Server):
    """A broker of MQTT 5 for publishers: `decide(topic, tries)` gives the reason code of the PUBACK. `accepted` holds the
    (topic, payload) that were answered with a code below 0x80, in order."""

    def __init__(self, test, decide):
        self.decide = decide
        self.tries = {}
        self.accepted = []
        self.denied = 0
        super().__init__(test)

    @property
    def url(self):
        return f"mqtt://127.0.0.1:{self.port}"

    def serve(self, connection):
        while True:
            kind, body = self._read_packet(connection)
            if kind >> 4 == 1:
                connection.sendall(b"\x20\x03\0\0\0")
            elif kind >> 4 == 3:
                self._take(connection, kind, body)
            elif kind >> 4 == 12:
                connection.sendall(b"\xd0\0")
            elif kind >> 4 == 14:
                return

    @staticmethod
    def _read_packet(connection):
        kind = read_exactly(connection, 1)[0]
        length, shift = 0, 0
        while True:
            byte = read_exactly(connection, 1)[0]
            length |= (byte & 0x7f) << shift
            shift += 7
            if not byte & 0x80:
                return kind, read_exactly(connection, length)

    def _take(self, connection, kind, body):
        size = int.from_bytes(body[:2], "big")
        topic, rest = body[2:2 + size].decode(), body[2 + size:]
        if not kind & 6:
            return
        packet_id, rest = rest[:2], rest[2:]
        payload = rest[1 + rest[0]:]     # properties of less than 128 bytes
        with self.lock:
            self.tries[topic] = self.tries.get(topic, 0) + 1
            code = self.decide(topic, self.tries[topic])
            if code < 0x80:
                self.accepted.append((topic, payload))
            else:
                self.denied += 1
        connection.sendall(b"\x40\x03" + packet_id + bytes([code]))
