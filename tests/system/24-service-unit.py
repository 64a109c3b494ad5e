#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

import re
import shutil

from harness import BUILD, Test, run
from harness_gateway import PROGRAM

test = Test("the unit file is one that systemd takes, names programs that exist, and is locked down")
if not shutil.which("systemd-analyze"):
    test.skip("systemd-analyze is not installed")
with open(os.path.join(BUILD, "systemd", "forebayd.service"), encoding="utf-8") as file:
    unit = file.read()
test.check(not re.search(r"@[a-z]+@", unit), "every path is filled in")
for name in ("Type=notify", "WatchdogSec=", "StateDirectory=forebay", "RuntimeDirectory=forebay", "ExecReload="):
    test.check_in(name, unit, f"the unit says {name}")

# Verified as it will be installed, with the programs of this build.
unit = re.sub(r"^ExecStart=\S+", f"ExecStart={PROGRAM}", unit, flags=re.M)
unit = re.sub(r"^ExecReload=\S+", f"ExecReload={os.path.join(BUILD, 'daemon', 'cli', 'forebay')}", unit, flags=re.M)
unit = re.sub(r"^Documentation=.*$", "", unit, flags=re.M)
path = test.write("forebayd.service", unit)
result = run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", path])
mine = [line for line in result.stderr.splitlines() if "forebayd.service" in line]
test.check_equal(mine, [], "systemd-analyze verify finds nothing")
result = run(["systemd-analyze", "security", "--offline=yes", "--no-pager", path])
match = re.search(r"Overall exposure level for \S+: (\d+\.\d)", result.stdout)
if match:
    test.check(float(match[1]) <= 2.0, f"systemd-analyze security says {match[1]} (at most 2.0)")
    worst = [line.strip() for line in result.stdout.splitlines() if "✗" in line]
    test.note("\n".join(worst))
else:
    test.skip_case("the exposure level", f"systemd-analyze cannot tell here: {result.stderr.strip()[:200]}")
test.finish()
