#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import concurrent.futures
import random
import shutil

from campaign import fault_count
from journal_case import JournalCase, make_workspace
from journal_files import RECORD_HEADER, SLOT, read_segments
from harness import Test

# Each case is a journal at rest, one or two random damages, a start, and the oracle: only the records whose bytes were
# touched may be missing, nothing that is read may be wrong, new messages are taken under numbers that are new.
test = Test("a damaged journal: only what was touched is lost, nothing wrong is read, the start succeeds", seconds=1800)
CASES = fault_count(1000, 10000)
workspace = make_workspace(test)
TEMPLATES = []
for variant, arguments in enumerate((("-u",), ("-l", "150", "-k", "20", "-u"), ("-l", "400", "-b", "17", "-u"))):
    template = JournalCase(workspace, f"template-{variant}")
    assert template.run("-n", 600, *arguments) == 0, template.text
    TEMPLATES.append(template)
whole = JournalCase(workspace, "template-whole")
assert whole.run("-n", 600, "-l", 9999) == 0
shutil.copytree(whole.directory, os.path.join(workspace, "sealed"))
TEMPLATES.append(whole)


class Damage:
    """One journal to be damaged: `touched` are the contents that may be lost."""

    def __init__(self, directory, generator):
        self.directory, self.random = directory, generator
        self.segments = read_segments(directory)
        self.touched = set()
        self.done = []
        self.newest_deleted = False

    def pick(self):
        return self.random.choice(self.segments)

    def say(self, text):
        self.done.append(text)

    def write(self, segment, at, data):
        size = os.path.getsize(segment.path)
        data = data[:max(0, size - at)]
        with open(segment.path, "r+b") as file:
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
        self.say(f"{size} bytes of {source.name}:{at} at {target.name}:{to}")
        self.write(target, to, source.bytes[at:at + size])

    def truncate(self):
        segment = self.pick()
        at = self.place(segment)
        self.say(f"{segment.name} cut at {at}")
        os.truncate(segment.path, min(at, os.path.getsize(segment.path)))
        self.touched |= segment.touched(at, len(segment.bytes))

    def extend(self):
        segment = self.pick()
        self.say(f"{segment.name} got longer")
        with open(segment.path, "ab") as file:
            file.write(self.random.randbytes(self.random.randrange(1, 9000)))

    def delete_segment(self):
        segment = self.pick()
        self.say(f"{segment.name} deleted")
        if os.path.exists(segment.path):
            os.unlink(segment.path)
        self.touched |= segment.contents()
        self.newest_deleted |= segment is self.segments[-1]

    def duplicate_segment(self):
        segment = self.pick()
        name = f"{segment.base + self.random.randrange(0, 900):020d}-{segment.serial:016x}.seg"
        self.say(f"{segment.name} also as {name}")
        target = os.path.join(self.directory, name)
        if os.path.exists(segment.path) and not os.path.exists(target):
            shutil.copy(segment.path, target)

    def swap_segments(self):
        a, b = self.pick(), self.pick()
        self.say(f"{a.name} and {b.name} swapped")
        if a is b or not os.path.exists(a.path) or not os.path.exists(b.path):
            return
        os.rename(a.path, a.path + "-")
        os.rename(b.path, a.path)
        os.rename(a.path + "-", b.path)

    def cursor_slots(self):
        path = os.path.join(self.directory, "cursors")
        slots = self.random.choice(((0,), (1,), (0, 1)))
        self.say(f"slots {slots} of the cursors")
        with open(path, "r+b") as file:
            for slot in slots:
                file.seek(slot * SLOT + self.random.randrange(0, 60))
                file.write(self.random.randbytes(self.random.choice((1, 4, 64))))

    def cursor_file(self):
        path = os.path.join(self.directory, "cursors")
        self.say("the cursors cut or deleted")
        if self.random.random() < 0.5:
            os.unlink(path)
        else:
            os.truncate(path, self.random.randrange(0, 200))

    KINDS = (flip_bit, garbage, zeros, swap_blocks, repeat_block, truncate, extend, delete_segment, duplicate_segment,
             swap_segments, cursor_slots, cursor_file)
    FILE_KINDS = (swap_segments, delete_segment, duplicate_segment, cursor_file)


def damage(directory, generator):
    result = Damage(directory, generator)
    first = generator.choice(Damage.KINDS)
    first(result)
    # A second damage where the map of the files is still right.
    if first not in Damage.FILE_KINDS and generator.random() < 0.3:
        generator.choice((Damage.flip_bit, Damage.garbage, Damage.zeros, Damage.cursor_slots))(result)
    return result


def run_one(number):
    generator = random.Random(f"{test.seed}/{number}")
    template = generator.choice(TEMPLATES)
    case = JournalCase(workspace, f"case-{number}")
    shutil.copytree(template.directory, case.directory)
    shutil.copy(template.log, case.log)
    done = damage(case.directory, generator)
    found = []
    for first, arguments in ((5000, ("-n", 20)), (6000, ("-n", 4))):
        status = case.run("-f", first, *arguments)
        if status:
            found.append(f"start ended with {status}")
    oracle, _verdict = case.judge()
    oracle.excused = {("journal", content) for content in done.touched}
    verdict = oracle.judge()
    if done.newest_deleted:  # what it held beyond the positions is known to nobody
        verdict.wrong["reused"] = []
    if not verdict:
        found.append(str(verdict))
    if ("journal", 5019) not in oracle.acknowledged or ("journal", 6003) not in oracle.acknowledged:
        found.append("new messages are not taken")
    if found:
        return f"case {number} ({template.path[-1]}; {'; '.join(done.done)}): {'; '.join(found)}\n{case.text[-1500:]}"
    case.remove()
    return ""


test.note(f"seed {test.seed} (FOREBAY_TEST_SEED repeats it)")
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    failed = [result for result in pool.map(run_one, range(CASES)) if result]
test.check(not failed, f"{CASES} damaged journals, {len(failed)} wrong (seed {test.seed})")
for result in failed[:4]:
    test.note(result)
if failed:
    test.note("\n".join(result.splitlines()[0][:300] for result in failed[4:60]))
test.finish()
