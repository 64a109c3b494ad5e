#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves that CBOR, MessagePack, JSON, gzip and zstd mean to the codecs what they mean to Python's, on random payloads of
# every form and on damaged ones. CODEC_SEED and CODEC_COUNT repeat a run or make a longer one: 2,000 payloads of each
# format by default, with the seed of the day: whoever runs it today sees the same. CODEC_SEED= draws one.
set -u
count=2000
[ -z "${FOREBAY_TEST_SHORT:-}" ] || count=200
[ -x /usr/bin/python3 ] || exit 77
source=$(cd "${top_srcdir:-.}" && pwd)
cd "${top_builddir:-.}" || exit 99
exec timeout 900 /usr/bin/python3 "$source/tests/unit/pipeline/codec_differential.py" \
    tests/unit/pipeline/codec_lines "${CODEC_COUNT:-$count}" "${CODEC_SEED-$(date -u +%Y%m%d)}"
