#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import concurrent.futures
import random
import shutil
import struct
import threading

from campaign import Watch, fault_count, repeat_known_seeds
from journal_case import JournalCase, make_workspace
from journal_files import RECORD_HEADER, RECORD_LENGTH, SLOT, read_segments
from harness import Test
from oracle import Verdict, report

# Each case is a journal at rest, one or two random damages, a start, and the oracle: only the records whose bytes were
# touched may be missing, nothing that is read may be wrong, new messages are taken under numbers that are new.
# Most cases are small journals, where a block hits many records and the end of a segment is near; one in LARGE_EVERY
# is a journal of 64 MiB with segments of the usual size. To read that back takes ten times as long, and what can be
# wrong with it and not with a small one (long indexes, offsets, large records) does not need each place to be hit.
watch = Watch(seconds=900)
test = Test("a damaged journal: only what was touched is lost, nothing wrong is read, the start succeeds",
            seconds=int(watch.limit) + 300)
CASES = fault_count(1000, 100000)
LARGE_EVERY = 10
LARGE_SIZE = 64 << 20
LARGE_SETTINGS = ("-s", 8 << 10, "-m", 256 << 10, "-p", 64)
FIRST_NEW, FIRST_NEWER = 50000, 60000   # contents of the messages after the damage
WORKERS = 2
workspace = make_workspace(test, room_mib=512)


class Template:
    """A journal at rest that cases start from. A case has links to its segments instead of copies, so that damage to
    64 MiB costs as much as what it touches; each worker links to a set of its own, and mends that when a start wrote
    to a file that it was not expected to write to."""

    def __init__(self, name, *arguments, settings=()):
        self.settings = settings
        self.case = JournalCase(workspace, f"template-{name}")
        self.name = name
        assert self.case.run(*settings, *arguments) == 0, self.case.text
        self.segments = read_segments(self.case.directory)
        self.local = threading.local()
        self.window = 0
        self.window = self._count_repeated()

    def size(self):
        return sum(len(segment.bytes) for segment in self.segments)

    def _count_repeated(self):
        """How many messages come again after this end, if nothing is damaged: what was in flight."""
        case = self.open_case(f"undamaged-{self.name}")
        assert case.run("-f", FIRST_NEW, "-n", 20, *self.settings) == 0, case.text
        verdict = case.judge()[1]
        assert verdict, verdict
        case.remove()
        return verdict.duplicates

    def open_case(self, name):
        """A case with this journal. The newest segment and the small files are its own: each start writes to them."""
        case = JournalCase(workspace, name)
        shutil.copy(self.case.log, case.log)
        os.mkdir(case.directory)
        linked = {segment.name for segment in self.segments[:-1]}
        self._mend(linked)
        for file in os.listdir(self.case.directory):
            if file in linked:
                os.link(os.path.join(self.local.directory, file), os.path.join(case.directory, file))
            else:
                shutil.copy(os.path.join(self.case.directory, file), case.directory)
        return case

    def _mend(self, names):
        """Make this worker's segments those of the template. The time of a file says whether it was written to."""
        if not hasattr(self.local, "directory"):
            self.local.directory = os.path.join(self.case.path, f"worker-{threading.get_ident()}")
            os.mkdir(self.local.directory)
        for name in names:
            path, original = (os.path.join(place, name) for place in (self.local.directory, self.case.directory))
            if os.path.exists(path):
                found = os.stat(path)
                if found.st_mtime_ns == 0 and found.st_size == os.path.getsize(original):
                    continue
                os.unlink(path)  # a case that failed keeps what it has
            shutil.copy(original, path)
            os.utime(path, ns=(0, 0))


SMALL = [Template("unread", "-n", 600, "-u"),
         Template("confirmed", "-n", 600, "-l", 150, "-k", 20, "-u"),
         Template("lagging", "-n", 600, "-l", 400, "-b", 17, "-u"),
         Template("closed", "-n", 600, "-l", 9999)]
LARGE = Template("large", "-n", 7900, "-b", 20, "-l", 7300, "-k", 100, "-u", settings=LARGE_SETTINGS)
test.check(LARGE.size() >= LARGE_SIZE, f"the large journal has {LARGE.size() >> 20} MiB in {len(LARGE.segments)} segments")


class Damage:
    """One journal to be damaged: `touched` are the contents that may be lost."""

    def __init__(self, directory, segments, generator):
        self.directory, self.random = directory, generator
        self.segments = segments    # as they were; their files are path_of()
        self.touched = set()
        self.done = []
        self.newest_deleted = self.positions_touched = False

    def pick(self):
        return self.random.choice(self.segments)

    def say(self, text):
        self.done.append(text)

    def path_of(self, segment):
        return os.path.join(self.directory, segment.name)

    def own(self, segment):
        """The path of a file that may be changed: no other name stands for it any more."""
        path = self.path_of(segment)
        if os.stat(path).st_nlink > 1:
            shutil.copy(path, path + "-")
            os.rename(path + "-", path)
        return path

    def write(self, segment, at, data):
        path = self.own(segment)
        data = data[:max(0, os.path.getsize(path) - at)]
        with open(path, "r+b") as file:
            file.seek(at)
            before = file.read(len(data))
            if before == data:
                return
            file.seek(at)
            file.write(data)
        self.touched |= segment.touched(at, at + len(data))

    def place(self, segment):
        """Somewhere in the file, mostly where records are."""
        if self.random.random() < 0.15:
            return self.random.randrange(len(segment.bytes))
        if self.random.random() < 0.3 and segment.records:
            return self.random.choice(segment.records).offset + self.random.randrange(RECORD_HEADER)
        return self.random.randrange(max(segment.end, 1))

    def flip_bit(self):
        segment = self.pick()
        at = self.place(segment)
        self.say(f"bit at {segment.name}:{at}")
        self.write(segment, at, bytes([segment.bytes[at] ^ 1 << self.random.randrange(8)]))

    def wrong_length(self):
        """A header that claims other bytes than those of its record."""
        segment = self.pick()
        if not segment.records:
            return
        record = self.random.choice(segment.records)
        at = record.offset + RECORD_LENGTH
        word, = struct.unpack_from("<I", segment.bytes, at)
        change = self.random.choice((-8, 8, 100, 2000, 20000))
        self.say(f"length at {segment.name}:{at} changed by {change}")
        self.write(segment, at, struct.pack("<I", max(word + change, 0)))

    def garbage(self):
        segment, size = self.pick(), self.random.choice((1, 8, 100, 4096, 20000))
        at = self.place(segment)
        self.say(f"{size} bytes of garbage at {segment.name}:{at}")
        self.write(segment, at, self.random.randbytes(size))

    def zeros(self):
        segment, size = self.pick(), self.random.choice((512, 4096, 16384))
        at = self.place(segment) // 512 * 512
        self.say(f"{size} zeros at {segment.name}:{at}")
        self.write(segment, at, bytes(size))

    def swap_blocks(self):
        segment = self.pick()
        a, b = (self.place(segment) // 512 * 512 for _ in range(2))
        self.say(f"blocks {a} and {b} of {segment.name} swapped")
        first, second = segment.bytes[a:a + 512], segment.bytes[b:b + 512]
        size = min(len(first), len(second))
        self.write(segment, a, second[:size])
        self.write(segment, b, first[:size])

    def repeat_block(self):
        """A write that went to the wrong place: whole records that stand where others should."""
        source, target = self.pick(), self.pick()
        size = self.random.choice((512, 4096, 12288))
        at, to = (self.place(segment) // 512 * 512 for segment in (source, target))
        if self.random.random() < 0.1:
            at = to = 0     # a right header of another segment
        self.say(f"{size} bytes of {source.name}:{at} at {target.name}:{to}")
        self.write(target, to, source.bytes[at:at + size])

    def truncate(self):
        segment = self.pick()
        at = self.place(segment)
        self.say(f"{segment.name} cut at {at}")
        path = self.own(segment)
        os.truncate(path, min(at, os.path.getsize(path)))
        self.touched |= segment.touched(at, len(segment.bytes))

    def extend(self):
        segment = self.pick()
        self.say(f"{segment.name} got longer")
        with open(self.own(segment), "ab") as file:
            file.write(self.random.randbytes(self.random.randrange(1, 9000)))

    def delete_segment(self):
        segment = self.pick()
        self.say(f"{segment.name} deleted")
        os.unlink(self.path_of(segment))
        self.touched |= segment.contents()
        self.newest_deleted |= segment is self.segments[-1]

    def duplicate_segment(self):
        segment = self.pick()
        name = f"{segment.base + self.random.randrange(0, 900):020d}-{segment.serial:016x}.seg"
        self.say(f"{segment.name} also as {name}")
        target = os.path.join(self.directory, name)
        if not os.path.exists(target):
            shutil.copy(self.path_of(segment), target)

    def swap_segments(self):
        a, b = self.pick(), self.pick()
        self.say(f"{a.name} and {b.name} swapped")
        first, second = self.path_of(a), self.path_of(b)
        if a is not b:
            os.rename(first, first + "-")
            os.rename(second, first)
            os.rename(first + "-", second)

    def cursor_slots(self):
        path = os.path.join(self.directory, "cursors")
        slots = self.random.choice(((0,), (1,), (0, 1)))
        self.say(f"slots {slots} of the cursors")
        self.positions_touched = True
        with open(path, "r+b") as file:
            for slot in slots:
                file.seek(slot * SLOT + self.random.randrange(0, 60))
                file.write(self.random.randbytes(self.random.choice((1, 4, 64))))

    def cursor_file(self):
        path = os.path.join(self.directory, "cursors")
        self.say("the cursors cut or deleted")
        self.positions_touched = True
        if self.random.random() < 0.5:
            os.unlink(path)
        else:
            os.truncate(path, self.random.randrange(0, 200))

    KINDS = (flip_bit, wrong_length, garbage, zeros, swap_blocks, repeat_block, truncate, extend, delete_segment,
             duplicate_segment, swap_segments, cursor_slots, cursor_file)
    FILE_KINDS = (swap_segments, delete_segment, duplicate_segment, cursor_file)


def damage(directory, segments, first, generator):
    result = Damage(directory, segments, generator)
    first(result)
    # A second damage where the map of the files is still right.
    if first not in Damage.FILE_KINDS and generator.random() < 0.3:
        generator.choice((Damage.flip_bit, Damage.garbage, Damage.zeros, Damage.cursor_slots))(result)
    return result


def judge(case, done, window):
    """The oracle and its verdict, with what the damage excuses. Without positions everything may come again."""
    oracle, _verdict = case.judge()
    oracle.excused = {("journal", content) for content in done.touched}
    verdict = oracle.judge()
    verdict.acknowledged -= len(oracle.acknowledged & oracle.excused)  # those are not looked for
    if not done.positions_touched and verdict.duplicates > window:
        verdict.wrong["duplicated"] = [f"{verdict.duplicates}, where {window} were in flight"]
    if done.newest_deleted:  # what it held beyond the positions is known to nobody
        verdict.wrong["reused"] = []
    return oracle, verdict


def run_one(number):
    """What is wrong with a case, as text, and the verdict; None when there is no time left."""
    if watch.is_over():
        return None
    generator = random.Random(f"{test.seed}/{number}")
    if number % LARGE_EVERY == 0:  # these are few: each kind in its turn
        template, first = LARGE, Damage.KINDS[number // LARGE_EVERY % len(Damage.KINDS)]
    else:
        template, first = generator.choice(SMALL), generator.choice(Damage.KINDS)
    case = template.open_case(f"case-{number}")
    done = damage(case.directory, template.segments, first, generator)
    found = []
    for first, messages in ((FIRST_NEW, 20), (FIRST_NEWER, 4)):
        status = case.run("-f", first, "-n", messages, *template.settings)
        if status:
            found.append(f"start ended with {status}")
    oracle, verdict = judge(case, done, template.window)
    if not verdict:
        found.append(str(verdict))
    if not {("journal", FIRST_NEW + 19), ("journal", FIRST_NEWER + 3)} <= oracle.acknowledged:
        found.append("new messages are not taken")
    if found:
        what = f"case {number} ({template.name}; {'; '.join(done.done)}): {'; '.join(found)}"
        return f"{what}\n{case.text[-1500:]}", verdict
    case.remove()
    return "", verdict


test.note(f"seed {test.seed} (FOREBAY_TEST_SEED repeats it)")
repeat_known_seeds(test)
# $FOREBAY_FAULT_CASE repeats one case of a seed.
order = [int(os.environ["FOREBAY_FAULT_CASE"])] if os.environ.get("FOREBAY_FAULT_CASE") else range(CASES)
CASES = len(order)
total, count, failed = Verdict(), 0, []
with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
    for result in pool.map(run_one, order):
        if result is None:
            continue
        count += 1
        total.add(result[1])
        if result[0]:
            failed.append(result[0])
test.check(not failed, f"{count} damaged journals, {total.acknowledged} untouched messages looked for, {len(failed)} wrong "
           f"({watch.seconds():.0f} s, seed {test.seed})")
watch.check(test, count, CASES, "damaged journals")
for text in failed[:4]:
    test.note(text)
if failed:
    test.note("\n".join(text.splitlines()[0][:300] for text in failed[4:60]))
report("damaged journal files", total, faults=count, seed=test.seed, seconds=watch.seconds())
test.finish()
