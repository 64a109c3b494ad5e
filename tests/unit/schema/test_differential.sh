#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves that the decoder answers as python3-protobuf does, on random schemas and random wire bytes. Set
# SCHEMA_SEED, SCHEMA_COUNT and SCHEMA_MESSAGES to repeat a run or to make a longer one: 10,000 messages by default.
set -u
schemas=100
[ -z "${FOREBAY_TEST_SHORT:-}" ] || schemas=10
[ -x /usr/bin/python3 ] || exit 77
if [ "$(getconf LONG_BIT)" -lt 64 ]; then
    echo "python3-protobuf shows uint32 as negative numbers on 32-bit machines: it is no reference there"
    exit 77
fi
# The reference logs every string that it refuses.
exec timeout 900 /usr/bin/python3 "${top_srcdir:-.}/tests/unit/schema/differential.py" \
    "${top_builddir:-.}/tests/unit/schema/schema_lines" "${SCHEMA_SEED:-}" "${SCHEMA_COUNT:-$schemas}" \
    "${SCHEMA_MESSAGES:-100}" 2> >(grep -v '^\[libprotobuf' >&2)
