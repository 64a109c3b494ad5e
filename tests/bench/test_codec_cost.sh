#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves that no payload of the adversarial corpus costs its codec more than is allowed per KiB, at any size: what grows
# faster than the payload would be seen at 200,000 bytes. Instructions are counted, so the machine and its load do not
# matter.
if [ "$(getconf LONG_BIT)" -lt 64 ]; then
    echo "the limits are in instructions of 64-bit machines"
    exit 77
fi
sizes="--size 1024 --size 16384 --size 200000"
[ -z "${FOREBAY_TEST_SHORT:-}" ] || sizes="--size 4096"
# shellcheck disable=SC2086
exec /usr/bin/python3 "${top_srcdir:-.}/tests/bench/bench_codec_limits.py" --gate $sizes
