#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves that the decoder and protobuf-c's own unpacking agree on random wire bytes, as far as protobuf-c can. Set
# SCHEMA_SEED and SCHEMA_MESSAGES to repeat a run or to make a longer one: 10,000 messages by default.
set -u
/usr/bin/python3 -c 'import google.protobuf' 2>/dev/null || { echo "python3-protobuf is not installed"; exit 77; }
command -v protoc >/dev/null || { echo "protoc is not installed"; exit 77; }
messages=10000
[ -z "${FOREBAY_TEST_SHORT:-}" ] || messages=1000
here=${top_srcdir:-.}/tests/unit/schema built=${top_builddir:-.}/tests/unit/schema
PYTHONDONTWRITEBYTECODE=1 exec timeout 600 /usr/bin/python3 "$here/second_opinion.py" "$built/schema_lines" \
    "$built/second_opinion_lines" "$here/second_opinion.proto" "${SCHEMA_SEED:-}" "${SCHEMA_MESSAGES:-$messages}"
