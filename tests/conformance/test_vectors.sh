#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves the wire format and the JSON mapping, clause by clause, through the conformance testee.
set -u
command -v python3 >/dev/null || exit 77
exec timeout 120 python3 "${top_srcdir:-.}/tests/conformance/vectors.py" \
    "${top_builddir:-.}/tests/conformance/testee"
