# SPDX-License-Identifier: Apache-2.0
"""Runs of journal_driver, one after the other on one directory and with one log, and the oracle's verdict."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import BUILD, is_sanitized  # noqa: E402
from oracle import Oracle  # noqa: E402

FOLDER = os.path.join(BUILD, "tests", "faults")
DRIVER = os.path.join(FOLDER, "journal_driver")
SHIM = os.path.join(FOLDER, "fault_shim.so")
MEMORY_SHIM = os.path.join(FOLDER, "fault_memory_shim.so")
RUN_SECONDS = 60


def make_workspace(test, room_mib=16):
    """A directory in memory where that can be had, with room for `room_mib`: thousands of short runs that nobody has to
    flush."""
    base = "/dev/shm"
    if not os.access(base, os.W_OK) or shutil.disk_usage(base).free < room_mib << 20:
        base = None
    path = tempfile.mkdtemp(prefix="forebay-faults-", dir=base)
    test.directories.append(path)
    return path


class JournalCase:
    def __init__(self, workspace, name="case", directory=None):
        self.path = os.path.join(workspace, name)
        os.makedirs(self.path, exist_ok=True)
        self.directory = directory or os.path.join(self.path, "journal")
        self.log = os.path.join(self.path, "log")
        self.report = os.path.join(self.path, "report")
        self.text = ""
        self.void = []

    def run(self, *arguments, fault=None, shim=SHIM):
        """Returns the exit status (negative: a signal). `fault`: variables of the shim without FAULT_."""
        process = self.start(*arguments, fault=fault, shim=shim)
        try:
            _output, text = process.communicate(timeout=RUN_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            text = b"did not end\n" + process.communicate()[1]
        self.text += text.decode(errors="replace")
        return process.returncode

    def start(self, *arguments, fault=None, shim=SHIM):
        environment = dict(os.environ)
        if fault is not None:
            environment.update({f"FAULT_{key.upper()}": str(value) for key, value in fault.items()})
            environment.update(LD_PRELOAD=shim, FAULT_DIRECTORY=self.directory, FAULT_REPORT=self.report)
            if is_sanitized():
                options = environment.get("ASAN_OPTIONS", "")
                environment["ASAN_OPTIONS"] = f"{options}:verify_asan_link_order=0:detect_leaks=0"
        return subprocess.Popen([DRIVER, *map(str, arguments), self.directory, self.log], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)

    def calls(self):
        """How many calls the shim of the last run has seen."""
        with open(self.report, encoding="ascii") as file:
            return int(file.read())

    def judge(self, window=None):
        oracle = Oracle()
        self.runs = oracle.read_log(self.log, void=self.void)
        return oracle, oracle.judge(window)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)
