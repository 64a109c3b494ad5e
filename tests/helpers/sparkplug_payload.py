# SPDX-License-Identifier: Apache-2.0
"""Sparkplug B payloads written byte by byte, so that a test decides what is in them, also what no library would
send; and a reader that is enough for commands and births."""

import struct

INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, FLOAT, DOUBLE, BOOLEAN, STRING, DATETIME = range(1, 14)
BYTES = 17


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def data(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def fixed(field, value, double=False):
    return varint(field << 3 | (1 if double else 5)) + struct.pack("<d" if double else "<f", value)


def scalar(kind, value, first):
    """The oneof of a value: int, long, float, double, boolean, string are `first` and the five behind it."""
    if kind in (INT8, INT16, INT32, UINT8, UINT16, UINT32):
        return number(first, value & 0xffffffff)
    if kind in (INT64, UINT64, DATETIME):
        return number(first + 1, value)
    if kind == FLOAT:
        return fixed(first + 2, value)
    if kind == DOUBLE:
        return fixed(first + 3, value, double=True)
    if kind == BOOLEAN:
        return number(first + 4, int(value))
    if kind == BYTES:
        return data(first + 6, value)
    return data(first + 5, value)


def metric(name=None, value=None, kind=0, alias=None, timestamp=None, declare=True, historical=False, transient=False,
           properties=None):
    """`kind` says how the value is written; `declare`: whether the datatype goes with it."""
    out = b""
    if name is not None:
        out += data(1, name)
    if alias is not None:
        out += number(2, alias)
    if timestamp is not None:
        out += number(3, timestamp)
    if kind and declare:
        out += number(4, kind)
    if historical:
        out += number(5, 1)
    if transient:
        out += number(6, 1)
    if value is None:
        out += number(7, 1)
    if properties:
        keys = b"".join(data(1, key) for key in properties)
        values = b"".join(data(2, number(1, kind_) + scalar(kind_, value_, 3)) for kind_, value_ in properties.values())
        out += data(9, keys + values)
    if value is not None:
        out += scalar(kind, value, 10)
    return out


def payload(*metrics, seq=None, timestamp=1700000000000):
    out = b"" if timestamp is None else number(1, timestamp)
    out += b"".join(data(2, one) for one in metrics)
    return out if seq is None else out + number(3, seq)


def envelope(body, algorithm=None):
    """A compressed payload as the specification wraps it."""
    out = data(2, metric("algorithm", algorithm, STRING)) if algorithm else b""
    return out + data(4, "SPBV1.0_COMPRESSED") + data(5, body)


def fields(message):
    """[(field number, value)]; varints as int, the rest as bytes."""
    at, out = 0, []

    def take():
        nonlocal at
        shift = result = 0
        while True:
            byte = message[at]
            at += 1
            result |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return result
    while at < len(message):
        key = take()
        if key & 7 == 0:
            value = take()
        else:
            size = {1: 8, 5: 4}.get(key & 7)
            if size is None:
                size = take()
            value = message[at:at + size]
            at += size
        out.append((key >> 3, value))
    return out


def metrics_of(message):
    """{name: [(field number, value)]} of a payload."""
    found = {}
    for field, value in fields(message):
        if field == 2:
            parts = fields(value)
            found[dict(parts).get(1, b"").decode()] = parts
    return found
