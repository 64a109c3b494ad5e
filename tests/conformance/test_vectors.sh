#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves the wire format and the JSON mapping, clause by clause, through the conformance testee and by each of its ways.
set -u
command -v python3 >/dev/null || exit 77
result=0
for way in normal straight tree; do
    echo "$way:"
    FOREBAY_TESTEE_WAY=$way timeout 120 python3 "${top_srcdir:-.}/tests/conformance/vectors.py" \
        "${top_builddir:-.}/tests/conformance/testee" || result=1
done
exit $result
