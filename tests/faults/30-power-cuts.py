#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import own_mounts
own_mounts.enter()

import atexit
import fcntl
import struct
import time

import file_system
from campaign import Watch, fault_count, repeat_known_seeds
from journal_case import JournalCase, make_workspace
from harness import Test
from oracle import report

# The file system under a journal at work is shut down without flushing its log: what was not made durable by a call
# is gone, as after a power cut. What the driver was told is durable must be there after the next mount.
test = Test("power cuts on ext4 and XFS: nothing acknowledged is lost, none is read wrong", seconds=1800)
SHUTDOWN = 0x8004587d            # EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN
WITHOUT_LOG_FLUSH = struct.pack("I", 2)
CUTS = fault_count(300, 10000, 40)   # on both file systems together
WINDOW = 160    # 40 unconfirmed, and the bursts of 20 of which the confirmations are written together, twice a second
watch = Watch(seconds=900)
if not own_mounts.has_own():
    test.skip("power cuts need root and a mount namespace of their own")


class FileSystem:
    def __init__(self, kind):
        self.kind = kind
        self.image = os.path.join(workspace, f"{kind}.img")
        self.path = os.path.join(workspace, kind)

    def mount(self):
        self.error = file_system.mount(self.kind, self.image, self.path)
        return not self.error

    def make(self):
        """False: this machine cannot."""
        return file_system.make_image(self.kind, self.image) and self.mount()

    def unmount(self):
        return file_system.unmount(self.path)

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


def run_campaign(kind, wanted):
    system = FileSystem(kind)
    if not system.make():
        test.skip_case(f"{kind}", "this file system or loop devices are not to be had here")
        return
    case = JournalCase(workspace, f"case-{kind}", directory=os.path.join(system.path, "journal"))
    own = watch.part(len(file_system.KINDS) - file_system.KINDS.index(kind))
    cuts = 0
    while cuts < wanted and not own.is_over():
        cut_power(system, case, cuts + 1)
        cuts += 1
    status = case.run("-f", (cuts + 1) * 1000000, "-n", 10)
    own.check(test, cuts, wanted, f"cuts on {kind}")
    test.check_equal(status, 0, f"{kind}: the last start succeeds")
    _oracle, verdict = case.judge(WINDOW)
    test.check(verdict, f"{kind}: {cuts} cuts: {verdict} (seed {test.seed})")
    if not verdict or status:
        test.note(case.text[-3000:])
    report(f"power cut, ordered writes, {kind}", verdict, faults=cuts, seed=test.seed, seconds=own.seconds())
    system.unmount()


workspace = make_workspace(test)


def leave_nothing():
    """Before the harness removes the directory, also when a signal ends this in the middle."""
    for child in children:
        if child.poll() is None:
            child.kill()
            child.wait()
    file_system.unmount_below(workspace)


children = []
atexit.register(leave_nothing)
test.note(f"seed {test.seed}")
repeat_known_seeds(test)
for name in file_system.KINDS:
    run_campaign(name, CUTS // len(file_system.KINDS))
test.finish()
