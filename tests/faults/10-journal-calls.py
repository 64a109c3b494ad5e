#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import concurrent.futures
import shutil

from campaign import Watch, repeat_known_seeds
from journal_case import DRIVER, MEMORY_SHIM, SHIM, JournalCase, make_workspace
from journal_files import RECORD_HEADER, read_segments
from harness import SHORT, Test, is_sanitized
from oracle import Verdict, report

# The driver starts on a journal that was left in the middle, so the calls of recovery are among those that fail.
# Every call is hit, once and from there on; then a clean start reads the rest and takes new messages.
test = Test("every system call of the journal fails, or is the last one: nothing acknowledged is lost", seconds=900)
ERRORS = {
    "pwritev": ("EIO", "ENOSPC", "EINTR", "SHORT"),
    "fdatasync": ("EIO", "ENOSPC", "EINTR"),
    "fsync": ("EIO", "ENOSPC", "EINTR"),
    "fallocate": ("EIO", "ENOSPC", "EINTR"),
    "ftruncate": ("EIO", "ENOSPC", "EINTR"),
    "unlink": ("EIO", "ENOSPC", "EINTR"),
    "rename": ("EIO", "ENOSPC", "EINTR"),
    "open": ("EIO", "EMFILE", "ENOSPC", "EINTR"),
    "pread": ("EIO", "SHORT", "EINTR"),
    "mkdir": ("EIO", "ENOSPC"),
    "flock": ("EIO", "EINTR"),
    "close": ("EIO", "EINTR"),
    "lseek": ("EIO",),
    "statvfs": ("EIO", "EINTR"),
    "readdir": ("EIO",),
    "any": ("KILL",),
}
STEP = 7 if SHORT or is_sanitized() else 1
MEMORY_SAMPLES = 40 if SHORT or is_sanitized() else 200
FIRST_RUN = ("-n", 150, "-b", 6, "-l", 90, "-k", 10, "-u")
FAULTED_RUN = ("-f", 1000, "-n", 210, "-b", 6, "-l", 15, "-k", 10)
CLEAN_RUN = ("-f", 5000, "-n", 12, "-b", 4)
REPAIRED = {"pwritev", "fdatasync", "fallocate", "ftruncate", "unlink", "rename", "fsync"}
TIMES = {1: "once", 3: "thrice", 0: "on"}    # what is tried again patiently fails the third time
WINDOW = 65     # 10 unconfirmed, five turns of 6 whose confirmation is not written yet, what was read ahead
workspace = make_workspace(test)
watch = Watch(seconds=900)
template = JournalCase(workspace, "template")
assert template.run(*FIRST_RUN) == 0


def damage(directory):
    """What makes recovery rename and keep files: a copy of a segment, and a damaged record that was not confirmed yet.
    Returns the contents of that record."""
    segments = read_segments(directory)
    copied = segments[0]
    shutil.copy(copied.path, os.path.join(directory, f"{copied.base + 1:020d}-{copied.serial:016x}.seg"))
    record = next(record for record in segments[-1].records if record.content > 100)
    with open(segments[-1].path, "r+b") as file:
        file.seek(record.offset + RECORD_HEADER + 12)
        file.write(bytes([segments[-1].bytes[record.offset + RECORD_HEADER + 12] ^ 1]))
    return {record.content}


damaged = damage(template.directory)


def fresh_case(name):
    case = JournalCase(workspace, name)
    shutil.copytree(template.directory, case.directory)
    shutil.copy(template.log, case.log)
    return case


def count_calls(call, shim=SHIM):
    case = fresh_case(f"count-{call}")
    assert case.run(*FAULTED_RUN, fault={"call": call, "at": 0}, shim=shim) == 0, case.text
    return case.calls()


def has_kept_files(case):
    """What a disk does not give for good is damage: set aside, so that it can be looked at when the disk can."""
    kept = os.path.join(case.directory, "quarantine")
    return os.path.isdir(kept) and any(name.endswith(".seg") for name in os.listdir(kept))


def judge(case, contents):
    """The oracle and its verdict; what was damaged need not be there, and is not looked for."""
    oracle, _verdict = case.judge()
    oracle.excused = {("journal", content) for content in contents}
    verdict = oracle.judge(WINDOW)
    verdict.acknowledged -= len(oracle.acknowledged & oracle.excused)
    return oracle, verdict


def problems_of(case, call, fault, status):
    """What is wrong with a case, as texts, and the oracle's verdict."""
    found = []
    killed = fault.get("with") == "KILL"
    memory = call == "malloc"
    if status not in ((-9, 0) if killed else (0, 3, -6, 1, 70) if memory else (0, 3)):
        found.append(f"the faulted run ended with {status}")
    if case.run(*CLEAN_RUN):
        found.append("the clean run does not work")
    oracle, verdict = judge(case, damaged)
    if call in ("open", "pread") and fault["count"] != 1 and has_kept_files(case):
        verdict.wrong["lost"] = []
    if not verdict:
        found.append(str(verdict))
    stream = [number for _stream, number in oracle.acknowledged]
    if call in REPAIRED and not killed and fault["count"] == 1 and status == 0 and 1209 not in stream:
        found.append("one failure was not repaired")
    if 5011 not in stream:
        found.append("no messages are taken after the fault")
    return found, verdict


def run_one(call, at, count, error):
    name = f"{call}-{error}-{at}-{TIMES[count]}"
    case = fresh_case(name)
    fault = {"call": call, "at": at, "count": count, "with": error}
    status = case.run(*FAULTED_RUN, fault=fault, shim=MEMORY_SHIM if call == "malloc" else SHIM)
    found, verdict = problems_of(case, call, fault, status)
    if found:
        return f"{name}: {'; '.join(found)}\n{case.text[-1500:]}", verdict
    case.remove()
    return "", verdict


def run_campaign(text, work, jobs):
    """`work` is called with each of the jobs. Returns the sum of the verdicts."""
    total, failed = Verdict(), []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for problem, verdict in pool.map(lambda job: work(*job), jobs):
            total.add(verdict)
            if problem:
                failed.append(problem)
    test.check(not failed, f"{text}: {len(jobs)} runs, {len(failed)} wrong")
    for problem in failed[:3]:
        test.note(problem)
    return total


test.note(f"seed {test.seed} (FOREBAY_TEST_SEED repeats it)")
repeat_known_seeds(test)
assert os.path.exists(DRIVER)
verdicts, faults = [], 0
for called, errors in ERRORS.items():
    total = count_calls(called)
    test.check(total > 0, f"{called} is called")
    offset = test.random.randrange(STEP)
    jobs = [(called, at, count, error) for error in errors for at in range(1 + offset, total + 1, STEP)
            for count in ((1,) if error == "KILL" else (1, 3, 0))]
    verdicts.append(run_campaign(f"{called} ({total} calls)", run_one, jobs))
    faults += len(jobs)


def cut_tail(directory):
    """Take the second half of the newest segment away, as damage does. Returns what it held."""
    newest = read_segments(directory)[-1]
    first = newest.records[len(newest.records) // 2]
    os.truncate(newest.path, first.offset)
    return newest.touched(first.offset, len(newest.bytes))


def run_cut(at):
    """The journal lost records that were read, and the start that finds it is killed at call `at`."""
    name = f"cut-{at}"
    case = JournalCase(workspace, name)
    shutil.copytree(cut_template.directory, case.directory)
    shutil.copy(cut_template.log, case.log)
    case.run(*CUT_RUN, fault={"call": "any", "at": at, "count": 1, "with": "KILL"})
    status = case.run(*CLEAN_RUN)
    _oracle, verdict = judge(case, cut_contents)
    if status or not verdict:
        return f"{name}: {status} {verdict}\n{case.text[-1500:]}", verdict
    case.remove()
    return "", verdict


# A number that somebody has seen is never given to another message, wherever the start is cut short that leaves it out.
CUT_RUN = ("-f", 1000, "-n", 12, "-b", 6)
cut_template = JournalCase(workspace, "cut-template")
assert cut_template.run("-n", 150, "-b", 6, "-u") == 0
cut_contents = cut_tail(cut_template.directory)
probe = JournalCase(workspace, "cut-probe")
shutil.copytree(cut_template.directory, probe.directory)
assert probe.run(*CUT_RUN, fault={"call": "any", "at": 0}) == 0
total = probe.calls()
verdicts.append(run_campaign(f"a tail that was read is gone, and the next start is killed ({total} calls)", run_cut,
                             [(at,) for at in range(1, total + 1)]))
report("a system call of the journal fails, or is the last one", verdicts, faults=faults + total, seed=test.seed,
       seconds=watch.seconds())

if is_sanitized():  # brings an allocator of its own
    test.skip_case("memory", "a sanitizer has its own allocator")
    test.finish()
if os.environ.get("FOREBAY_TEST_COVERAGE"):
    test.skip_case("memory", "the counters of a coverage build allocate as well")
    test.finish()
total = count_calls("malloc", MEMORY_SHIM)
places = sorted(test.random.sample(range(1, total + 1), min(MEMORY_SAMPLES, total)))   # all there are, unless it is short
jobs = [("malloc", at, count, "ENOMEM") for at in places for count in (1, 0)]
watch = Watch(seconds=900)
verdict = run_campaign(f"memory ({total} allocations)", run_one, jobs)
report("malloc fails in the journal", verdict, faults=len(jobs), seed=test.seed, seconds=watch.seconds())
test.finish()
