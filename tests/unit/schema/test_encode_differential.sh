#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves that encoding makes of random JSON text what python3-protobuf makes of it, and refuses what that refuses. Set
# SCHEMA_SEED, SCHEMA_COUNT and SCHEMA_MESSAGES to repeat a run or to make a longer one: 10,000 texts
# by default, with the seed of the day: whoever runs it today sees the same. SCHEMA_SEED= draws one.
set -u
schemas=100
[ -z "${FOREBAY_TEST_SHORT:-}" ] || schemas=10
[ -x /usr/bin/python3 ] || exit 77
exec timeout 900 /usr/bin/python3 "${top_srcdir:-.}/tests/unit/schema/encode_differential.py" \
    "${top_builddir:-.}/tests/unit/schema/schema_lines" "${SCHEMA_SEED-$(date -u +%Y%m%d)}" "${SCHEMA_COUNT:-$schemas}" "${SCHEMA_MESSAGES:-100}"
