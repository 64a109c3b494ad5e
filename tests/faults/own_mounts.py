# SPDX-License-Identifier: Apache-2.0
"""A mount namespace of its own for a campaign that mounts: whatever happens, the mounts end with its processes."""

import os
import subprocess
import sys

UNSHARE = ["unshare", "-m", "--propagation", "private"]
MARK = "FAULT_OWN_MOUNTS"


def enter():
    """Begins the program again inside a namespace. Where that is not to be had it goes on as it is; has_own() tells."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if os.geteuid() != 0 or os.environ.get(MARK):
        return
    try:
        possible = subprocess.run([*UNSHARE, "true"], check=False, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return
    if possible:
        os.environ[MARK] = "1"
        os.execvp(UNSHARE[0], [*UNSHARE, sys.executable, os.path.abspath(sys.argv[0])])


def has_own():
    return bool(os.environ.get(MARK))
