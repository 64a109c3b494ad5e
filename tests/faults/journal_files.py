# SPDX-License-Identifier: Apache-2.0
"""The journal's files seen from outside: a second reader of the format, written from its description, that knows
which bytes belong to which record. So a campaign can say which records a damage touched."""

import os
import struct

HEADER = 64
RECORD_HEADER = 32
RECORD_LENGTH = 4   # place of its length, in the header
SLOT = 1 << 20


class Record:
    def __init__(self, sequence, offset, size, content):
        self.sequence, self.offset, self.size, self.content = sequence, offset, size, content


class Segment:
    """`records` in the order of the file; the bytes behind `end` are index, footer or unused."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)
        with open(path, "rb") as file:
            self.bytes = file.read()
        magic, self.base, self.serial, self.follows = struct.unpack_from("<8sQQQ", self.bytes)
        assert magic == b"FBYSEG01", path
        self.records = list(self._walk())
        self.end = self.records[-1].offset + self.records[-1].size if self.records else HEADER

    def _walk(self):
        at, expect = HEADER, self.base
        while at + RECORD_HEADER <= len(self.bytes):
            word, _payload_crc, mark, sequence = struct.unpack_from("<IIIQ", self.bytes, at + 4)
            length = word & (1 << 28) - 1
            if mark != (self.serial + at // 8) & 0xffffffff or sequence != expect:
                return
            size = RECORD_HEADER + (length + 7 & ~7)
            content, = struct.unpack_from("<Q", self.bytes, at + RECORD_HEADER)
            yield Record(sequence, at, size, content)
            at, expect = at + size, expect + 1

    def touched(self, start, end):
        """Contents of the records that have a byte in [start, end)."""
        return {record.content for record in self.records
                if record.offset < end and start < record.offset + record.size}

    def contents(self):
        return {record.content for record in self.records}


def read_segments(directory):
    return [Segment(os.path.join(directory, name)) for name in sorted(os.listdir(directory)) if name.endswith(".seg")]
