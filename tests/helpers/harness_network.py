# SPDX-License-Identifier: Apache-2.0
"""Networks of a test's own. The test runs in a network namespace of its own and the daemon in a second one, with one
cable between them that can be cut, bent and narrowed. Everything ends with the processes: nothing is named in /run.

    own_network()                       first thing in the program: starts it again, inside
    cable = Cable(test)                 skips the test where this machine cannot
    gateway = test.gateway(...); cable.attach(gateway)
"""

import os
import socket
import struct
import subprocess
import sys
import threading
import time

from harness import Process, run

HERE, THERE = "10.77.0.1", "10.77.0.2"     # our end of the cable, the daemon's
_MARK = "FOREBAY_TEST_OWN_NETWORK"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def own_network():
    """Go on in a new network and mount namespace; where that cannot be had, return."""
    if os.environ.get(_MARK) or os.geteuid() != 0:
        return
    if run(["unshare", "-n", "-m", "true"]).returncode == 0:
        os.environ[_MARK] = "1"
        os.execvp("unshare", ["unshare", "-n", "-m", "--propagation", "private", sys.executable,
                              os.path.abspath(sys.argv[0])])


def call(*command):
    """Run a command that must succeed."""
    result = run(list(command), env={**os.environ, "PATH": _PATH})
    if result.returncode:
        raise OSError(f"{' '.join(command)}: {result.stderr.strip()}")


class Cable:
    """A pair of network devices, one of them in a second network namespace."""

    DEVICE, OTHER = "cable0", "cable1"

    def __init__(self, test):
        self.test = test
        if not os.environ.get(_MARK):
            test.skip("needs root and network namespaces")
        self.holder = Process(test, "namespace", ["setpriv", "--pdeathsig", "KILL", "unshare", "-n", "sleep",
                                                 "100000"])
        self.holder.start()
        test.wait(self._has_own_namespace, "a second network namespace")
        try:
            self._lay()
        except (OSError, subprocess.SubprocessError) as error:
            test.skip(f"this machine has no such network: {error}")

    def _has_own_namespace(self):
        return os.readlink(f"/proc/{self.holder.pid}/ns/net") != os.readlink("/proc/self/ns/net")

    def _lay(self):
        pid = str(self.holder.pid)
        call("ip", "link", "set", "lo", "up")
        call("ip", "link", "add", self.DEVICE, "type", "veth", "peer", "name", self.OTHER, "netns", pid)
        call("ip", "address", "add", f"{HERE}/24", "dev", self.DEVICE)
        call("ip", "link", "set", self.DEVICE, "up")
        self.call_there("ip", "link", "set", "lo", "up")
        self.call_there("ip", "address", "add", f"{THERE}/24", "dev", self.OTHER)
        self.call_there("ip", "link", "set", self.OTHER, "up")
        call("nft", "add table inet cable")
        for hook in ("input", "output"):
            call("nft", f"add chain inet cable {hook} {{ type filter hook {hook} priority 0; policy accept; }}")

    def call_there(self, *command):
        call("nsenter", "-t", str(self.holder.pid), "-n", *command)

    def attach(self, gateway):
        """Let the daemon run at the other end; before its start."""
        gateway.command = ["nsenter", "-t", str(self.holder.pid), "-n", "--", *gateway.command]

    # ---- Faults: each lasts until mend() ---------------------------------------------------------------------

    def _rule(self, text):
        call("nft", f"add rule inet cable input iifname {self.DEVICE} {text}")
        call("nft", f"add rule inet cable output oifname {self.DEVICE} {text}")

    def silence(self):
        """Nothing gets through, and nobody is told."""
        self._rule("drop")

    def reset(self):
        """Every connection is reset as soon as it says something."""
        self._rule("tcp flags & rst != rst reject with tcp reset")

    def lose(self, percent=20):
        self._rule(f"numgen random mod 100 < {percent} drop")

    def forget_connections(self):
        """The connections of this moment are silent for ever; new ones are not. Their ends are not told."""
        ports = run(["ss", "-Htn", "state", "established", f"src {HERE}"], env={**os.environ, "PATH": _PATH}).stdout
        peers = sorted({line.split()[3].rsplit(":", 1)[1] for line in ports.splitlines()})
        if not peers:
            return
        several = "{ " + ", ".join(peers) + " }"
        call("nft", f"add rule inet cable input iifname {self.DEVICE} tcp sport {several} drop")
        call("nft", f"add rule inet cable output oifname {self.DEVICE} tcp dport {several} drop")

    def narrow(self, rate="64kbit"):
        shape = ("root", "tbf", "rate", rate, "burst", "4kb", "latency", "1s")
        call("tc", "qdisc", "replace", "dev", self.DEVICE, *shape)
        self.call_there("tc", "qdisc", "replace", "dev", self.OTHER, *shape)

    def mend(self):
        for hook in ("input", "output"):
            call("nft", f"flush chain inet cable {hook}")
        for target, device in ((call, self.DEVICE), (self.call_there, self.OTHER)):
            try:
                target("tc", "qdisc", "del", "dev", device, "root")
            except OSError:
                pass  # it was not narrowed


class NameServer:
    """The name server of a test: it knows every name that ends with .test as 127.0.0.1, or behaves otherwise. The
    files of the resolver are replaced in the mount namespace of this test alone."""

    def __init__(self, test):
        self.test = test
        if not os.environ.get(_MARK):
            test.skip("needs root and network namespaces")
        self.mode, self.count = "right", 0
        call("ip", "link", "set", "lo", "up")
        files = {"resolv.conf": "nameserver 127.0.0.1\noptions timeout:5 attempts:2\n", "hosts": "127.0.0.1 localhost\n",
                 "nsswitch.conf": "hosts: files dns\n"}
        for name, text in files.items():
            if not os.path.exists(f"/etc/{name}"):
                test.skip(f"there is no /etc/{name} to stand in for")
            call("mount", "--bind", test.write(name, text), os.path.realpath(f"/etc/{name}"))
        self.socket = None
        self.behave("right")
        test.servers.append(self)

    def behave(self, mode):
        """right; silent: no answer; slow: the right one after 2 s; nxdomain: no such name; gone: nobody listens."""
        self.mode = mode
        if mode == "gone":
            self.stop()
        elif not self.socket:
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(("127.0.0.1", 53))
            threading.Thread(target=self._run, args=(self.socket,), daemon=True).start()

    def _run(self, own):
        while True:
            try:
                question, address = own.recvfrom(512)
            except OSError:
                return
            if not question:
                return
            self.count += 1
            threading.Thread(target=self._answer, args=(own, question, address, self.mode), daemon=True).start()

    def _answer(self, own, question, address, mode):
        if mode == "silent":
            return
        if mode == "slow":
            time.sleep(2)
        end = question.index(0, 12) + 5
        kind = struct.unpack(">H", question[end - 4:end - 2])[0]
        known = kind == 1 and mode != "nxdomain"
        flags = 0x8183 if mode == "nxdomain" else 0x8180
        answer = question[:2] + struct.pack(">HHHHH", flags, 1, int(known), 0, 0) + question[12:end]
        if known:
            answer += b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + bytes([127, 0, 0, 1])
        try:
            own.sendto(answer, address)
        except OSError:
            pass  # it is gone

    def stop(self):
        own, self.socket = self.socket, None
        if own:
            try:
                own.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # wakes the reader all the same
            own.close()
