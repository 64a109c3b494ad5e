# SPDX-License-Identifier: Apache-2.0
"""A limit on the memory of a process and of its page cache: a control group of its own. Needs root and a memory
controller (version 1 or 2); where there is none only the process's own memory is limited, by prlimit."""

import os
import shutil
import signal

PREFIX = "forebay-test-"
# Where the hierarchy is, how this process's group is found in /proc/self/cgroup, the file with the limit.
KINDS = (("/sys/fs/cgroup/memory", ":memory:", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "0::", "memory.max"))


def _own_groups():
    with open("/proc/self/cgroup", encoding="ascii") as file:
        lines = file.read().splitlines()
    for root, mark, limit in KINDS:
        for line in lines:
            if mark in line and os.path.isdir(root):
                yield root + line.split(":", 2)[2].rstrip("/"), limit


def _is_gone(name):
    try:
        os.kill(int(name[len(PREFIX):]), 0)
    except ProcessLookupError:
        return True
    except (ValueError, PermissionError):
        pass
    return False


class MemoryLimit:
    """`kind` says what was to be had: "cgroup", "prlimit" or "". Its stop() comes after the end of the processes."""

    def __init__(self, test, mib):
        self.mib, self.path, self.kind = mib, None, "prlimit" if shutil.which("prlimit") else ""
        for parent, limit in _own_groups():
            try:
                self._make(parent, limit)
            except OSError:
                self.stop()
                continue
            self.kind = "cgroup"
            break
        test.servers.append(self)

    def _make(self, parent, limit):
        for name in os.listdir(parent):   # of a test that was killed
            if name.startswith(PREFIX) and _is_gone(name):
                os.rmdir(os.path.join(parent, name))
        path = os.path.join(parent, f"{PREFIX}{os.getpid()}")
        os.mkdir(path)
        self.path = path
        with open(os.path.join(path, limit), "w", encoding="ascii") as file:
            file.write(str(self.mib << 20))
        if not os.access(os.path.join(path, "cgroup.procs"), os.W_OK):
            raise OSError("no process can be moved")

    def wrap(self, command):
        if self.kind == "cgroup":
            return ["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', os.path.join(self.path, "cgroup.procs"), *command]
        return ["prlimit", f"--data={self.mib << 20}", *command] if self.kind else command

    def stop(self):
        if not self.path:
            return
        try:
            with open(os.path.join(self.path, "cgroup.procs"), encoding="ascii") as file:
                for pid in file.read().split():
                    os.kill(int(pid), signal.SIGKILL)
        except (OSError, ValueError):
            pass
        try:
            os.rmdir(self.path)
            self.path = None
        except OSError:
            pass  # the next one takes it away
