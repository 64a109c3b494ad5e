#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# A mount namespace of its own: whatever happens, the mounts end with this process.
if os.geteuid() == 0 and not os.environ.get("FAULT_OWN_MOUNTS"):
    os.environ["FAULT_OWN_MOUNTS"] = "1"
    try:
        os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, os.path.abspath(__file__)])
    except OSError:
        pass

import atexit
import fcntl
import shutil
import struct
import subprocess
import time

from campaign import fault_count
from journal_case import JournalCase, make_workspace
from harness import Test, run

# The file system under a journal at work is shut down without flushing its log: what was not made durable by a call
# is gone, as after a power cut. What the driver was told is durable must be there after the next mount.
test = Test("power cuts on ext4 and XFS: nothing acknowledged is lost, none is read wrong", seconds=1800)
SHUTDOWN = 0x8004587d            # EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN
WITHOUT_LOG_FLUSH = struct.pack("I", 2)
CUTS = fault_count(100, 5000, 20)
SECONDS = 40 * max(1, CUTS // 100)   # for each file system; then it is enough
SIZES = {"ext4": 64 << 20, "xfs": 320 << 20}
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}
if not os.environ.get("FAULT_OWN_MOUNTS"):
    test.skip("power cuts need root, a mount namespace and loop devices")


class FileSystem:
    def __init__(self, kind, workspace):
        self.kind = kind
        self.image = os.path.join(workspace, f"{kind}.img")
        self.path = os.path.join(workspace, kind)
        os.makedirs(self.path)
        with open(self.image, "wb") as file:
            file.truncate(SIZES[kind])

    def make(self):
        """False: this machine cannot."""
        if not shutil.which(MAKE[self.kind][0]):
            return False
        return run([*MAKE[self.kind], self.image]).returncode == 0 and self.mount()

    def mount(self):
        self.error = run(["mount", "-o", "loop", "-t", self.kind, self.image, self.path]).stderr
        return not self.error

    def unmount(self):
        for _tries in range(50):
            if run(["umount", self.path]).returncode == 0:
                return True
            time.sleep(0.1)
        return False

    def cut(self):
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, WITHOUT_LOG_FLUSH)
        finally:
            os.close(fd)


def cut_power(system, case, number):
    child = case.start("-f", number * 1000000, "-n", 900000, "-b", test.random.choice((1, 4, 20)), "-l",
                       test.random.choice((0, 30, 200)), "-k", test.random.choice((0, 40)), "-m", 8192)
    children[:] = [child]
    time.sleep(0.004 + 0.06 * test.random.random())
    # A call that is under way during the shutdown may still say 0 to a driver that, in truth, has no power any more.
    size = os.path.getsize(case.log) if os.path.exists(case.log) else 0
    system.cut()
    child.kill()
    _output, text = child.communicate()
    case.void.append((size, os.path.getsize(case.log) if os.path.exists(case.log) else 0))
    case.text = (case.text + text.decode(errors="replace"))[-20000:]
    assert system.unmount(), "umount"
    assert system.mount(), system.error


def run_campaign(kind):
    system = FileSystem(kind, workspace)
    if not system.make():
        test.skip_case(f"{kind}", "this file system or loop devices are not to be had here")
        return
    case = JournalCase(workspace, f"case-{kind}", directory=os.path.join(system.path, "journal"))
    end = time.monotonic() + SECONDS
    cuts = 0
    while cuts < CUTS and time.monotonic() < end:
        cut_power(system, case, cuts + 1)
        cuts += 1
    status = case.run("-f", (cuts + 1) * 1000000, "-n", 10)
    test.check_equal(status, 0, f"{kind}: the last start succeeds")
    _oracle, verdict = case.judge()
    test.check(verdict, f"{kind}: {cuts} cuts: {verdict}")
    if not verdict or status:
        test.note(case.text[-3000:])
    system.unmount()


os.environ["PATH"] += ":/usr/sbin:/sbin"
workspace = make_workspace(test)


def leave_nothing():
    """Before the harness removes the directory, also when a signal ends this in the middle."""
    for child in children:
        if child.poll() is None:
            child.kill()
            child.wait()
    for kind in SIZES:
        run(["umount", "-l", os.path.join(workspace, kind)])


children = []
atexit.register(leave_nothing)
test.note(f"seed {test.seed}")
for name in SIZES:
    run_campaign(name)
test.finish()
