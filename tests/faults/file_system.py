# SPDX-License-Identifier: Apache-2.0
"""File systems of one kind in an image, mounted by a loop device. Use it inside own_mounts."""

import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

from harness import run  # noqa: E402

KINDS = ("ext4", "xfs")
SIZES = {"ext4": 64 << 20, "xfs": 320 << 20}
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}


def make_image(kind, path, size=None):
    """False: this machine has no program for it."""
    if not shutil.which(MAKE[kind][0]):
        return False
    with open(path, "wb") as file:
        file.truncate(size or SIZES[kind])
    return run([*MAKE[kind], path]).returncode == 0


def mount(kind, image, path):
    """What is wrong, as text; empty when it is mounted."""
    os.makedirs(path, exist_ok=True)
    result = run(["mount", "-o", "loop", "-t", kind, image, path])
    return result.stderr.strip() or f"mount ends with {result.returncode}" if result.returncode else ""


def unmount(path):
    for _tries in range(50):
        if run(["umount", path]).returncode == 0:
            return True
        time.sleep(0.1)
    return False


def unmount_below(path):
    """Whatever is mounted there, also when it is in use: for the end of a test that was cut short."""
    with open("/proc/self/mounts", encoding="utf-8") as file:
        places = [line.split()[1] for line in file]
    for place in reversed(places):
        if place.startswith(path + "/"):
            run(["umount", "-l", place])


def copy_image(source, target):
    """Only what is written; holes stay holes."""
    with open(source, "rb") as reader, open(target, "wb") as writer:
        end = os.fstat(reader.fileno()).st_size
        writer.truncate(end)
        at = 0
        while at < end:
            try:
                at = os.lseek(reader.fileno(), at, os.SEEK_DATA)
            except OSError:  # only a hole is left
                return
            stop = os.lseek(reader.fileno(), at, os.SEEK_HOLE)
            while at < stop:
                data = os.pread(reader.fileno(), min(stop - at, 1 << 20), at)
                os.pwrite(writer.fileno(), data, at)
                at += len(data)
