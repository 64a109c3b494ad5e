#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import own_mounts
own_mounts.enter()

import atexit
import bisect
import shutil
import struct
import subprocess

import file_system
from campaign import Watch, fault_count, repeat_known_seeds
from journal_case import FOLDER, JournalCase, make_workspace
from harness import Test
from oracle import report

# A disk may keep any part of what was written since its last flush, in any order, cut anywhere between sectors. The
# journal works on a disk that remembers every write and flush; then, for random moments, the disk is made as a power
# cut could have left it, mounted, and the journal started on it. Some of these disks are worked on further, so that
# cuts also fall into the recovery from a cut.
test = Test("power cuts with reordered and torn sectors: nothing acknowledged is lost, none is read wrong", seconds=2400)
SECTOR = 512
PAGE = 4096
EVENT = struct.Struct("<QQII")
WRITE, FLUSH = 1, 2
CUTS = fault_count(200, 10000, 24)       # on both file systems together
CUTS_EACH = 25                           # from one recording
WINDOW = 160                             # of 30-power-cuts.py
watch = Watch(seconds=900)
if not own_mounts.has_own():
    test.skip("power cuts need root and a mount namespace of their own")
if not os.access("/dev/fuse", os.R_OK | os.W_OK):
    test.skip("power cuts need /dev/fuse")
workspace = make_workspace(test)
children = []


class Recording:
    """What was written between the image `base` and the end. `events` are (kind, offset, place of the data, size);
    `log_sizes` how long the driver's log was when each began."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = file.read()
        self.events, self.log_sizes = [], []
        at = 0
        while at + EVENT.size <= len(self.bytes):
            offset, log_size, size, kind = EVENT.unpack_from(self.bytes, at)
            at += EVENT.size
            self.events.append((kind, offset, at, size))
            self.log_sizes.append(log_size)
            at += size

    def data(self, event):
        _kind, _offset, at, size = event
        return self.bytes[at:at + size]


class Disk:
    """The image of a file system at rest, and the log of what was acknowledged and read on it."""

    def __init__(self, kind, name):
        self.kind = kind
        self.path = os.path.join(workspace, name)
        os.makedirs(self.path, exist_ok=True)
        self.image = os.path.join(self.path, "image")
        self.log = os.path.join(self.path, "log")

    def copy(self, name):
        other = Disk(self.kind, name)
        file_system.copy_image(self.image, other.image)
        if os.path.exists(self.log):
            shutil.copy(self.log, other.log)
        return other

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


def start_disk(disk, events):
    """Serve the image as <returned directory>/disk."""
    place = os.path.join(disk.path, "served")
    os.makedirs(place, exist_ok=True)
    child = subprocess.Popen([os.path.join(FOLDER, "power_disk"), place, disk.image, events, disk.log],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    children.append(child)
    if child.stdout.readline() != b"ready\n":
        test.skip(f"power cuts need FUSE: {child.stderr.read().decode(errors='replace').strip()}")
    return child, place


def end_disk(child, place):
    assert file_system.unmount(place), "unmounting the disk"
    child.wait(20)
    children.remove(child)


def record(disk, number):
    """Work on the disk for a while. Returns the recording and the first event of the journal's work."""
    events = os.path.join(disk.path, "events")
    open(disk.log, "a", encoding="ascii").close()
    server, place = start_disk(disk, events)
    mounted = os.path.join(disk.path, "mounted")
    problem = file_system.mount(disk.kind, os.path.join(place, "disk"), mounted)
    if problem:
        end_disk(server, place)
        test.skip(f"no loop device can be mounted here: {problem}")
    case = JournalCase(disk.path, "work", directory=os.path.join(mounted, "journal"))
    case.log = disk.log
    before = os.path.getsize(events)
    child = case.start("-f", number * 1000000, "-n", test.random.choice((150, 900)), "-b", test.random.choice((1, 4, 20)),
                       "-l", test.random.choice((0, 0, 30, 200)), "-k", test.random.choice((0, 40)), "-m", 8192, "-u")
    children.append(child)
    _output, text = child.communicate(timeout=120)
    children.remove(child)
    assert child.returncode == 0, text
    after = os.path.getsize(events)
    assert file_system.unmount(mounted), "unmounting the file system"
    end_disk(server, place)
    recording = Recording(events)
    os.unlink(events)
    starts = [event[2] - EVENT.size for event in recording.events]
    return recording, bisect.bisect_left(starts, before), bisect.bisect_left(starts, after)


def write_event(image, recording, event):
    os.pwrite(image, recording.data(event), event[1])


def scatter(image, recording, pending):
    """Some of what was not flushed reaches the disk: of each sector no version, or any of those written. A page is
    kept or lost as a whole, but for the torn ones."""
    versions = {}
    for event in pending:
        data = recording.data(event)
        for at in range(0, len(data), SECTOR):
            versions.setdefault(event[1] + at, []).append(data[at:at + SECTOR])
    kept = test.random.choice((0.0, 0.03, 0.3, 0.7, 0.97, 1.0))
    torn = test.random.choice((0.0, 0.1, 1.0))
    pages = {}
    for offset, written in sorted(versions.items()):
        page = pages.setdefault(offset // PAGE, (test.random.random() < kept, test.random.random() < torn))
        if test.random.random() < kept if page[1] else page[0]:
            data = written[-1] if test.random.random() < 0.7 else test.random.choice(written)
            os.pwrite(image, data, offset)


def cut_log(source, target, sure, possible):
    """What had been said when the power went, and what may have been sent by then."""
    with open(source, "rb") as file:
        said, later = file.read(sure), file.read(max(possible - sure, 0))
    with open(target, "wb") as file:
        file.write(said)
        file.write(b"".join(line for line in later.splitlines(True) if line[:2] in (b"O ", b"S ")))


def make_cuts(base, recording, first, end, log, count):
    """Yields disks as power cuts between the events `first` and `end` would have left them, in the order of time.
    `base`: the image before the recording; it is changed on the way."""
    flushed = at = 0
    moments = sorted(test.random.randrange(first, end + 1) for _ in range(count))
    base_fd = os.open(base.image, os.O_RDWR)
    try:
        for number, moment in enumerate(moments):
            while at < moment:
                if recording.events[at][0] == FLUSH:
                    for event in recording.events[flushed:at]:
                        if event[0] == WRITE:
                            write_event(base_fd, recording, event)
                    flushed = at
                at += 1
            disk = Disk(base.kind, f"cut-{base.kind}-{number}")
            file_system.copy_image(base.image, disk.image)
            fd = os.open(disk.image, os.O_RDWR)
            scatter(fd, recording, [event for event in recording.events[flushed:moment] if event[0] == WRITE])
            os.close(fd)
            cut_log(log, disk.log, recording.log_sizes[moment - 1], recording.log_sizes[min(moment, end - 1)])
            yield disk
    finally:
        os.close(base_fd)


class NotMountable(Exception):
    """The kernel's own file system cannot make sense of the disk: nothing that a journal on it could do about."""


def check_cut(disk, number):
    """What is wrong with the journal on it, as text, and the verdict."""
    mounted = os.path.join(disk.path, "mounted")
    problem = file_system.mount(disk.kind, disk.image, mounted)
    if problem:
        raise NotMountable(problem)
    case = JournalCase(disk.path, "check", directory=os.path.join(mounted, "journal"))
    case.log = disk.log
    status = case.run("-f", number * 1000000, "-n", 6, "-b", 3)
    assert file_system.unmount(mounted), "unmounting a cut"
    oracle, verdict = case.judge(WINDOW)
    if status:
        return f"the start ended with {status}: {case.text[-1500:]}", verdict
    if ("journal", number * 1000000 + 5) not in oracle.acknowledged:
        return "no new messages are taken", verdict
    return ("" if verdict else f"{verdict}\n{case.text[-1500:]}"), verdict


def run_campaign(kind, cuts):
    own = watch.part(len(file_system.KINDS) - file_system.KINDS.index(kind))
    disk = Disk(kind, f"{kind}-0")
    if not file_system.make_image(kind, disk.image):
        test.skip_case(kind, "no program makes this file system here")
        return
    done, generation, wrong, given_up, verdicts = 0, 0, [], [], []
    while done < cuts and not own.is_over():
        generation += 1
        base = disk.copy(f"{kind}-base")
        recording, first, end = record(disk, 2 * generation)
        chosen = None
        for cut in make_cuts(base, recording, first, end, disk.log, min(CUTS_EACH, cuts - done)):
            # What is worked on further is kept as the cut has left it: the next recording begins with its recovery.
            copy = cut.copy(f"{kind}-{generation}-{done}") if chosen is None or test.random.random() < 0.2 else None
            try:
                problem, verdict = check_cut(cut, 2 * generation + 1)
            except NotMountable as error:
                given_up.append(f"recording {generation}, cut {done}: {error}")
                problem, verdict = "", None
                if copy:
                    copy.remove()
                copy = None
            if copy:
                if chosen:
                    chosen.remove()
                chosen = copy
            verdicts += [verdict] if verdict else []
            if problem:
                wrong.append(f"recording {generation}, cut {done}: {problem}")
            cut.remove()
            done += 1
        disk.remove()
        base.remove()
        disk = chosen
        if chosen is None or generation % 6 == 0:
            if chosen:
                chosen.remove()
            disk = Disk(kind, f"{kind}-new{generation}")
            assert file_system.make_image(kind, disk.image)
    own.check(test, done, cuts, f"cuts on {kind}")
    messages = sum(verdict.acknowledged for verdict in verdicts)
    test.check(not wrong, f"{kind}: {done} cuts from {generation} recordings, {messages} acknowledged messages looked for, "
               f"{len(wrong)} cuts wrong (seed {test.seed})")
    for text in wrong[:3]:
        test.note(text)
    # XFS once in 5,000 cuts. Many would be a fault of these disks, and hide what they are made for.
    test.check(len(given_up) <= 1 + done // 1000,
               f"{kind}: {len(given_up)} of {done} cuts left a file system that cannot be mounted")
    for text in given_up[:3]:
        test.note(text)
    report(f"power cut, reordered and torn sectors, {kind}", verdicts, faults=done - len(given_up), seed=test.seed,
           seconds=own.seconds(), messages=messages)


def leave_nothing():
    """Before the harness removes the directory, also when a signal ends this in the middle."""
    file_system.unmount_below(workspace)
    for child in children:
        if child.poll() is None:
            child.kill()
            child.wait()


atexit.register(leave_nothing)
test.note(f"seed {test.seed} (FOREBAY_TEST_SEED repeats it)")
repeat_known_seeds(test)
for name in file_system.KINDS:
    run_campaign(name, CUTS // len(file_system.KINDS))
test.finish()
