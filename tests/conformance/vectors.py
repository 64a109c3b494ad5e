#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#
# Drives the testee as protobuf's conformance runner does, with vectors of our own: for each clause of the wire
# format and of the JSON mapping one named case. Usage: vectors.py TESTEE
import json
import math
import os
import struct
import subprocess
import sys

P2 = "protobuf_test_messages.proto2.TestAllTypesProto2"
P3 = "protobuf_test_messages.proto3.TestAllTypesProto3"
E23 = "protobuf_test_messages.editions.TestAllTypesEdition2023"
E_P2, E_P3 = "protobuf_test_messages.editions.proto2.TestAllTypesProto2", "protobuf_test_messages.editions.proto3.TestAllTypesProto3"
PARSE_ERROR, SERIALIZE_ERROR, SKIPPED = "parse_error", "serialize_error", "skipped"
RESULTS = {1: PARSE_ERROR, 2: "runtime_error", 3: "protobuf", 4: "json", 5: SKIPPED, 6: SERIALIZE_ERROR}


def varint(n):
    n &= 2**64 - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def tag(number, wire):
    return varint(number << 3 | wire)


def v(number, value):
    return tag(number, 0) + varint(value)


def b(number, data):
    data = data.encode() if isinstance(data, str) else data
    return tag(number, 2) + varint(len(data)) + data


def d(number, value):
    return tag(number, 1) + struct.pack("<d", value)


def f(number, value):
    return tag(number, 5) + struct.pack("<f", value)


def group(number, content):
    return tag(number, 3) + content + tag(number, 4)


def entry(number, key, value):
    return b(number, key + value)


def time(seconds, nanos=0):
    return v(1, seconds) + v(2, nanos)


def item(number, content):
    """One message of a message set."""
    return group(1, v(2, number) + b(3, content))


# A value tree holds an Any as the message in it.
NEEDS_TYPE = ("unknown_any_type_is_no_matter",)
LONG_1 = b"\x81" + b"\x80" * 8 + b"\x00"
NESTED, RECURSIVE = 18, 27

# (name, type, payload, the JSON it means or the kind of failure)
TO_JSON = [
    ("empty", P3, b"", {}),
    ("int32.negative_is_ten_bytes", P3, v(1, -1), {"optionalInt32": -1}),
    ("int32.upper_bits_are_ignored", P3, v(1, 2**40 + 7), {"optionalInt32": 7}),
    ("int64.is_text", P3, v(2, -2**63), {"optionalInt64": "-9223372036854775808"}),
    ("uint32.upper_bits_are_ignored", P3, v(3, 2**33 + 1), {"optionalUint32": 1}),
    ("uint64.max", P3, v(4, 2**64 - 1), {"optionalUint64": "18446744073709551615"}),
    ("sint32.zigzag", P3, v(5, 3), {"optionalSint32": -2}),
    ("sint64.zigzag", P3, v(6, 2**64 - 1), {"optionalSint64": "-9223372036854775808"}),
    ("fixed32", P3, tag(7, 5) + b"\x01\x02\x03\x04", {"optionalFixed32": 0x04030201}),
    ("fixed64", P3, tag(8, 1) + b"\x01" + bytes(7), {"optionalFixed64": "1"}),
    ("sfixed32", P3, tag(9, 5) + b"\xff" * 4, {"optionalSfixed32": -1}),
    ("sfixed64", P3, tag(10, 1) + b"\xff" * 8, {"optionalSfixed64": "-1"}),
    ("float.shortest", P3, f(11, 1.1), {"optionalFloat": 1.1}),
    ("float.nan", P3, f(11, math.nan), {"optionalFloat": "NaN"}),
    ("float.infinity", P3, f(11, -math.inf), {"optionalFloat": "-Infinity"}),
    ("double.shortest", P3, d(12, 0.1), {"optionalDouble": 0.1}),
    ("double.denormal", P3, d(12, 5e-324), {"optionalDouble": 5e-324}),
    ("double.negative_zero_is_not_the_default", P3, d(12, -0.0), {"optionalDouble": -0.0}),
    ("double.zero_is_the_default", P3, d(12, 0.0), {}),
    ("bool.any_nonzero_is_true", P3, v(13, 2**63), {"optionalBool": True}),
    ("string.escapes", P3, b(14, 'a"\\\n\x01/'), {"optionalString": 'a"\\\n\x01/'}),
    ("string.nul_stays", P3, b(14, "a\0b"), {"optionalString": "a\0b"}),
    ("string.not_utf8", P3, b(14, b"\xff"), PARSE_ERROR),
    ("string.overlong_utf8", P3, b(14, b"\xc0\x80"), PARSE_ERROR),
    ("string.surrogate", P3, b(14, b"\xed\xa0\x80"), PARSE_ERROR),
    ("string.proto2_is_repaired", P2, b(14, b"a\xffb"), {"optionalString": "a\ufffdb"}),
    ("bytes.base64", P3, b(15, b"\x01\x02"), {"optionalBytes": "AQI="}),
    ("enum.name", P3, v(21, 1), {"optionalNestedEnum": "BAR"}),
    ("enum.negative", P3, v(21, -1), {"optionalNestedEnum": "NEG"}),
    ("enum.open_keeps_numbers", P3, v(21, 1234), {"optionalNestedEnum": 1234}),
    ("enum.closed_drops_numbers", P2, v(21, 1234), {}),
    ("enum.closed_in_list", P2, v(51, 1) + v(51, 77) + v(51, 2), {"repeatedNestedEnum": ["BAR", "BAZ"]}),
    ("enum.closed_packed_all_unknown", P2, b(51, b"\x4d\x4e"), {}),
    ("enum.closed_in_map_drops_the_entry", P2, entry(73, b(1, "k"), v(2, 77)), {}),
    ("enum.closed_in_oneof_leaves_the_other", P2, v(111, 5) + v(119, 77), {"oneofUint32": 5}),
    ("edition.zero_is_set", E23, v(1, 0), {"optionalInt32": 0}),
    ("edition.implicit_zero_is_not", E_P3, v(1, 0), {}),
    ("edition.delimited", E23, group(201, v(202, 5)), {"groupliketype": {"groupInt32": 5}}),
    ("edition.delimited_empty", E23, group(201, b""), {"groupliketype": {}}),
    ("edition.delimited_merged", E23, group(202, v(202, 5)) + v(1, 1) + group(202, v(203, 6)),
     {"optionalInt32": 1, "delimitedField": {"groupInt32": 5, "groupUint32": 6}}),
    ("edition.delimited_with_a_length", E23, b(201, v(202, 5)), {}),
    ("edition.prefixed_as_group", E23, group(NESTED, v(1, 5)), {}),
    ("edition.delimited_cut", E23, group(201, v(202, 5))[:-2], PARSE_ERROR),
    ("edition.delimited_other_end", E23, tag(201, 3) + tag(202, 4), PARSE_ERROR),
    ("edition.map_has_a_length", E23, entry(71, b(1, "k"), b(2, v(1, 5))), {"mapStringNestedMessage": {"k": {"a": 5}}}),
    ("edition.enum_is_open", E23, v(21, 1234), {"optionalNestedEnum": 1234}),
    ("edition.enum_closed_by_feature", E_P2, v(21, 1234), {}),
    ("edition.not_utf8", E23, b(14, b"\xff"), PARSE_ERROR),
    ("edition.not_utf8_repaired_by_feature", E_P2, b(14, b"a\xff"), {"optionalString": "a\ufffd"}),
    ("edition.extension", E23, group(122, v(1, 5)), {"[protobuf_test_messages.editions.delimited_ext]": {"c": 5}}),
    ("varint.ten_bytes", P3, tag(1, 0) + LONG_1, {"optionalInt32": 1}),
    ("varint.eleven_bytes", P3, tag(1, 0) + b"\x80" * 10 + b"\x00", PARSE_ERROR),
    ("varint.bits_above_64", P3, tag(4, 0) + b"\xff" * 9 + b"\x7f", {"optionalUint64": str(2**64 - 1)}),
    ("tag.long_form", P3, b"\x88\x80\x00\x05", {"optionalInt32": 5}),
    ("tag.six_bytes", P3, b"\x88\x80\x80\x80\x80\x00\x05", PARSE_ERROR),
    ("tag.33_bits", P3, varint(2**32 + 8) + b"\x01", PARSE_ERROR),
    ("tag.largest_number", P3, v(2**29 - 1, 1), {}),
    ("tag.zero", P3, b"\x00\x01", PARSE_ERROR),
    ("tag.field_zero", P3, b"\x02\x01\x41", PARSE_ERROR),
    ("tag.wire_types_6_and_7", P3, b"\x0e\x00", PARSE_ERROR),
    ("tag.end_group_alone", P3, tag(1, 4), PARSE_ERROR),
    ("cut.varint", P3, b"\x08\x80", PARSE_ERROR),
    ("cut.tag", P3, b"\x80", PARSE_ERROR),
    ("cut.fixed32", P3, tag(7, 5) + b"\0\0", PARSE_ERROR),
    ("cut.fixed64", P3, tag(8, 1) + b"\0" * 7, PARSE_ERROR),
    ("cut.string", P3, b"\x72\x05ab", PARSE_ERROR),
    ("cut.unknown", P3, tag(9999, 2) + b"\x05ab", PARSE_ERROR),
    ("cut.packed_varint", P3, b(31, b"\x80"), PARSE_ERROR),
    ("cut.packed_fixed", P3, b(37, b"\x01\x02\x03"), PARSE_ERROR),
    ("cut.submessage", P3, b(NESTED, b"\x08"), PARSE_ERROR),
    ("single.last_wins", P3, v(1, 1) + v(1, 2), {"optionalInt32": 2}),
    ("single.default_wins", P3, v(1, 1) + v(1, 0), {}),
    ("order.any", P3, b(14, "x") + v(1, 1), {"optionalInt32": 1, "optionalString": "x"}),
    ("message.empty_is_present", P3, b(NESTED, b""), {"optionalNestedMessage": {}}),
    ("message.merged", P3, b(NESTED, v(1, 1)) + v(1, 5) + b(NESTED, b(2, v(1, 7))),
     {"optionalInt32": 5, "optionalNestedMessage": {"a": 1, "corecursive": {"optionalInt32": 7}}}),
    ("message.merged_lists_grow", P3, b(RECURSIVE, v(31, 1)) + b(RECURSIVE, b(31, b"\x02\x03")),
     {"recursiveMessage": {"repeatedInt32": [1, 2, 3]}}),
    ("message.merged_deeper", P3, b(RECURSIVE, b(RECURSIVE, v(1, 1))) + b(RECURSIVE, b(RECURSIVE, v(2, 2))),
     {"recursiveMessage": {"recursiveMessage": {"optionalInt32": 1, "optionalInt64": "2"}}}),
    ("list.packed", P3, b(31, b"\x01\x02"), {"repeatedInt32": [1, 2]}),
    ("list.unpacked", P3, v(31, 1) + v(31, 2), {"repeatedInt32": [1, 2]}),
    ("list.mixed", P3, v(31, 1) + b(31, b"\x02\x03") + v(31, 4), {"repeatedInt32": [1, 2, 3, 4]}),
    ("list.scattered", P3, v(31, 1) + v(1, 9) + v(31, 2), {"optionalInt32": 9, "repeatedInt32": [1, 2]}),
    ("list.empty_run_is_absent", P3, b(31, b""), {}),
    ("list.zeros_stay", P3, b(31, b"\x00\x00"), {"repeatedInt32": [0, 0]}),
    ("list.packed_fixed", P3, b(41, struct.pack("<ff", 1.5, -0.0)), {"repeatedFloat": [1.5, -0.0]}),
    ("list.packed_bool", P3, b(43, b"\x00\x02"), {"repeatedBool": [False, True]}),
    ("list.strings", P3, b(44, "a") + b(44, ""), {"repeatedString": ["a", ""]}),
    ("map.int", P3, entry(56, v(1, -1), v(2, 5)), {"mapInt32Int32": {"-1": 5}}),
    ("map.bool", P3, entry(68, v(1, 1), v(2, 0)), {"mapBoolBool": {"true": False}}),
    ("map.last_wins", P3, entry(69, b(1, "k"), b(2, "a")) + entry(69, b(1, "k"), b(2, "b")),
     {"mapStringString": {"k": "b"}}),
    ("map.same_key_in_other_bits", P3, entry(56, v(1, 1), v(2, 5)) + entry(56, v(1, 2**32 + 1), v(2, 6)),
     {"mapInt32Int32": {"1": 6}}),
    ("map.missing_key", P3, b(69, b(2, "v")), {"mapStringString": {"": "v"}}),
    ("map.missing_value", P3, b(69, b(1, "k")), {"mapStringString": {"k": ""}}),
    ("map.missing_message", P3, b(71, b(1, "k")), {"mapStringNestedMessage": {"k": {}}}),
    ("map.value_before_key", P3, b(56, v(2, 5) + v(1, 1)), {"mapInt32Int32": {"1": 5}}),
    ("map.key_twice", P3, b(56, v(1, 1) + v(1, 2) + v(2, 5)), {"mapInt32Int32": {"2": 5}}),
    ("map.value_merged", P3, b(71, b(1, "k") + b(2, v(1, 1)) + b(2, b(2, b""))),
     {"mapStringNestedMessage": {"k": {"a": 1, "corecursive": {}}}}),
    ("map.unknown_in_entry", P3, b(56, v(1, 1) + v(3, 9) + v(2, 5)), {"mapInt32Int32": {"1": 5}}),
    ("map.key_not_utf8", P3, entry(69, b(1, b"\xff"), b(2, "")), PARSE_ERROR),
    ("map.64_bit_keys", P3, entry(57, v(1, -2), v(2, 3)), {"mapInt64Int64": {"-2": "3"}}),
    ("oneof.default_is_set", P3, v(111, 0), {"oneofUint32": 0}),
    ("oneof.last_wins", P3, v(111, 1) + b(113, "x"), {"oneofString": "x"}),
    ("oneof.message_merged", P3, b(112, v(1, 1)) + b(112, b(2, b"")),
     {"oneofNestedMessage": {"a": 1, "corecursive": {}}}),
    ("oneof.message_not_merged_over_another", P3, b(112, v(1, 1)) + v(111, 1) + b(112, b(2, b"")),
     {"oneofNestedMessage": {"corecursive": {}}}),
    ("oneof.lost_message_must_be_valid", P3, b(112, b"\x08") + v(111, 1), PARSE_ERROR),
    ("oneof.null_value", P3, v(120, 0), {"oneofNullValue": None}),
    ("wire.other_type_is_unknown", P3, b(1, "abc") + v(14, 5), {}),
    ("wire.bool_as_string_is_unknown", P3, b(13, "x"), {}),
    ("unknown.all_wire_types", P3, v(9999, 1) + d(9999, 1) + b(9999, "x") + group(9999, v(1, 1)) + f(9999, 1), {}),
    ("unknown.group_mismatch", P3, tag(9999, 3) + tag(9998, 4), PARSE_ERROR),
    ("unknown.group_open", P3, tag(9999, 3) + v(1, 1), PARSE_ERROR),
    ("unknown.groups_in_groups", P3, group(9999, group(1, group(2, v(3, 3))) + b(4, "x")) + v(1, 2),
     {"optionalInt32": 2}),
    ("group.known", P2, group(201, v(202, 5)), {"data": {"groupInt32": 5}}),
    ("group.merged", P2, group(201, v(202, 5)) + group(201, v(203, 6)), {"data": {"groupInt32": 5, "groupUint32": 6}}),
    ("group.with_nested_unknown_group", P2, group(201, group(7, group(8, b"")) + v(202, 5)),
     {"data": {"groupInt32": 5}}),
    ("group.field_as_message_is_unknown", P2, b(201, v(202, 5)), {}),
    ("proto2.default_is_present", P2, v(1, 0), {"optionalInt32": 0}),
    ("extension", P2, v(120, 5), {"[protobuf_test_messages.proto2.extension_int32]": 5}),
    ("names.camel", P3, v(401, 1) + v(402, 2) + v(407, 7), {"fieldname1": 1, "fieldName2": 2, "fieldName7": 7}),
    ("names.underscores", P3, v(403, 3) + v(404, 4) + v(413, 13), {"FieldName3": 3, "fieldName4": 4, "FieldName13": 13}),
    ("timestamp", P3, b(302, time(1700000000, 5000000)), {"optionalTimestamp": "2023-11-14T22:13:20.005Z"}),
    ("timestamp.first", P3, b(302, time(-62135596800)), {"optionalTimestamp": "0001-01-01T00:00:00Z"}),
    ("timestamp.last", P3, b(302, time(253402300799, 999999999)),
     {"optionalTimestamp": "9999-12-31T23:59:59.999999999Z"}),
    ("timestamp.too_early", P3, b(302, time(-62135596801)), SERIALIZE_ERROR),
    ("timestamp.too_late", P3, b(302, time(253402300800)), SERIALIZE_ERROR),
    ("timestamp.negative_nanos", P3, b(302, time(1, -1)), SERIALIZE_ERROR),
    ("duration", P3, b(301, time(-1, -500000000)), {"optionalDuration": "-1.500s"}),
    ("duration.below_a_second", P3, b(301, time(0, -1)), {"optionalDuration": "-0.000000001s"}),
    ("duration.too_large", P3, b(301, time(315576000001)), SERIALIZE_ERROR),
    ("duration.signs_differ", P3, b(301, time(1, -1)), SERIALIZE_ERROR),
    ("field_mask", P3, b(303, b(1, "foo") + b(1, "bar_baz.q_x")), {"optionalFieldMask": "foo,barBaz.qX"}),
    ("field_mask.upper_case", P3, b(303, b(1, "fooBar")), SERIALIZE_ERROR),
    ("field_mask.number_after_underscore", P3, b(303, b(1, "foo_3_bar")), SERIALIZE_ERROR),
    ("field_mask.two_underscores", P3, b(303, b(1, "foo__bar")), SERIALIZE_ERROR),
    ("struct", P3, b(304, entry(1, b(1, "k"), b(2, v(4, 1)))), {"optionalStruct": {"k": True}}),
    ("value.null", P3, b(306, v(1, 0)), {"optionalValue": None}),
    ("value.number", P3, b(306, d(2, 1.5)), {"optionalValue": 1.5}),
    ("value.list", P3, b(306, b(6, b(1, b(3, "x")) + b(1, v(1, 0)))), {"optionalValue": ["x", None]}),
    ("value.nan", P3, b(306, d(2, math.nan)), SERIALIZE_ERROR),
    ("value.infinity", P3, b(306, d(2, math.inf)), SERIALIZE_ERROR),
    ("wrapper", P3, b(203, v(1, 7)), {"optionalInt64Wrapper": "7"}),
    ("any.message", P3, b(305, b(1, "type.googleapis.com/" + P3) + b(2, v(1, 12345))),
     {"optionalAny": {"@type": "type.googleapis.com/" + P3, "optionalInt32": 12345}}),
    ("any.well_known", P3, b(305, b(1, "type.googleapis.com/google.protobuf.Duration") + b(2, time(1))),
     {"optionalAny": {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}}),
    ("any.empty", P3, b(305, b""), {"optionalAny": {}}),
    ("any.unknown_type", P3, b(305, b(1, "type.googleapis.com/no.Such") + b(2, b"")), SERIALIZE_ERROR),
    ("any.broken_value", P3, b(305, b(1, "x/" + P3) + b(2, b"\x08")), SERIALIZE_ERROR),
]

# (name, type, payload, the payload in canonical form)
TO_PROTOBUF = [
    ("order", P3, b(14, "x") + v(1, 1), v(1, 1) + b(14, "x")),
    ("default_left_out", P3, v(1, 0) + b(14, ""), b""),
    ("proto2_default_kept", P2, v(1, 0), v(1, 0)),
    ("packed", P3, v(31, 1) + v(31, 2), b(31, b"\x01\x02")),
    ("proto2_unpacked", P2, b(31, b"\x01\x02"), v(31, 1) + v(31, 2)),
    ("packed_option", P2, v(75, 1) + v(75, 2), b(75, b"\x01\x02")),
    ("unpacked_option", P3, b(89, b"\x01\x02"), v(89, 1) + v(89, 2)),
    ("canonical_varint", P3, tag(4, 0) + LONG_1, v(4, 1)),
    ("int32_is_sign_extended", P3, tag(1, 0) + b"\xff\xff\xff\xff\x0f", v(1, -1)),
    ("merged", P3, b(NESTED, v(1, 1)) + b(NESTED, b(2, b"")), b(NESTED, v(1, 1) + b(2, b""))),
    ("map_entry_is_complete", P3, b(56, b""), b(56, v(1, 0) + v(2, 0))),
    ("unknown_kept", P3, v(9999, 1) + group(9998, v(1, 1)) + v(1, 5), v(1, 5) + v(9999, 1) + group(9998, v(1, 1))),
    ("unknown_enum_kept", P2, v(21, 1234) + v(1, 5), v(1, 5) + v(21, 1234)),
    ("unknown_in_submessage_kept", P3, b(NESTED, v(99, 1)), b(NESTED, v(99, 1))),
    ("edition.packed", E23, v(31, 1) + v(31, 2) + v(89, 1) + b(89, b"\x02"), b(31, b"\x01\x02") + v(89, 1) + v(89, 2)),
    ("edition.expanded_by_feature", E_P2, b(31, b"\x01\x02"), v(31, 1) + v(31, 2)),
    ("edition.delimited", E23, group(201, v(203, 1) + v(202, 0)), group(201, v(202, 0) + v(203, 1))),
    ("group", P2, group(201, v(203, 1) + v(202, 2)), group(201, v(202, 2) + v(203, 1))),
    ("extension", P2, v(120, 5), v(120, 5)),
    ("oneof", P3, b(113, "x") + v(111, 0), v(111, 0)),
    ("unknown_any_type_is_no_matter", P3, b(305, b(1, "a/b.C") + b(2, b"\xff")), b(305, b(1, "a/b.C") + b(2, b"\xff"))),
    ("message_set", P2 + ".MessageSetCorrect", group(1, b(3, b(25, "x")) + v(2, 1547769)), item(1547769, b(25, "x"))),
    ("message_set.unknown_item", P2 + ".MessageSetCorrect", item(99, b""), item(99, b"")),
]

# (name, type, JSON, the payload or PARSE_ERROR)
FROM_JSON = [
    ("empty", P3, "{}", b""),
    ("int32", P3, '{"optionalInt32": -7}', v(1, -7)),
    ("int32.text", P3, '{"optionalInt32": "2147483647"}', v(1, 2**31 - 1)),
    ("int32.exponent", P3, '{"optionalInt32": 1e5}', v(1, 100000)),
    ("int32.whole_fraction", P3, '{"optionalInt32": 100000.000}', v(1, 100000)),
    ("int32.fraction", P3, '{"optionalInt32": 0.5}', PARSE_ERROR),
    ("int32.too_large", P3, '{"optionalInt32": 2147483648}', PARSE_ERROR),
    ("int32.too_small", P3, '{"optionalInt32": -2147483649}', PARSE_ERROR),
    ("int32.leading_zero", P3, '{"optionalInt32": 01}', PARSE_ERROR),
    ("int32.plus", P3, '{"optionalInt32": +1}', PARSE_ERROR),
    ("int32.text_with_space", P3, '{"optionalInt32": " 1"}', PARSE_ERROR),
    ("int32.text_with_space_behind", P3, '{"optionalInt32": "1 "}', PARSE_ERROR),
    ("int32.text_not_numeric", P3, '{"optionalInt32": "12abc"}', PARSE_ERROR),
    ("int32.text_empty", P3, '{"optionalInt32": ""}', PARSE_ERROR),
    ("int32.bool", P3, '{"optionalInt32": true}', PARSE_ERROR),
    ("uint32.negative", P3, '{"optionalUint32": -1}', PARSE_ERROR),
    ("int32.text_plus", P3, '{"optionalInt32": "+1"}', PARSE_ERROR),
    ("int32.text_hexadecimal", P3, '{"optionalInt32": "0x10"}', PARSE_ERROR),
    ("int32.text_exponent", P3, '{"optionalInt32": "1e5"}', v(1, 100000)),
    ("int32.negative_zero", P3, '{"optionalInt32": -0}', b""),
    ("int32.text_negative_zero", P3, '{"optionalInt32": "-0"}', b""),
    ("int32.text_too_large", P3, '{"optionalInt32": "2147483648"}', PARSE_ERROR),
    ("int32.text_too_small", P3, '{"optionalInt32": "-2147483649"}', PARSE_ERROR),
    ("int32.nearly_whole", P3, '{"optionalInt32": 1.00000000000000000001}', PARSE_ERROR),
    ("uint32.max", P3, '{"optionalUint32": 4294967295}', v(3, 2**32 - 1)),
    ("uint32.too_large", P3, '{"optionalUint32": "4294967296"}', PARSE_ERROR),
    ("uint32.negative_zero", P3, '{"optionalUint32": "-0"}', b""),
    ("int64.max", P3, '{"optionalInt64": "9223372036854775807"}', v(2, 2**63 - 1)),
    ("int64.too_large", P3, '{"optionalInt64": "9223372036854775808"}', PARSE_ERROR),
    ("int64.too_small", P3, '{"optionalInt64": "-9223372036854775809"}', PARSE_ERROR),
    ("int64.too_small_number", P3, '{"optionalInt64": -9223372036854775809}', PARSE_ERROR),
    ("int64.too_small_with_point", P3, '{"optionalInt64": -9223372036854775809.0}', PARSE_ERROR),
    ("int64.too_small_with_exponent", P3, '{"optionalInt64": "-9.223372036854775809e18"}', PARSE_ERROR),
    ("int64.min_with_exponent", P3, '{"optionalInt64": -9.223372036854775808e18}', v(2, -2**63)),
    ("int64.fraction_below_min", P3, '{"optionalInt64": -9223372036854775808.5}', PARSE_ERROR),
    ("int64.between_doubles", P3, '{"optionalInt64": 9007199254740993.0}', v(2, 2**53 + 1)),
    ("int64.exponent_19", P3, '{"optionalInt64": 1e19}', PARSE_ERROR),
    ("int64.map_key_too_small", P3, '{"mapInt64Int64": {"-9223372036854775809": "1"}}', PARSE_ERROR),
    ("int64.map_value_too_small", P3, '{"mapInt64Int64": {"1": "-9223372036854775809"}}', PARSE_ERROR),
    ("int64.wrapper_too_small", P3, '{"optionalInt64Wrapper": "-9223372036854775809"}', PARSE_ERROR),
    ("sfixed64.too_small", P3, '{"optionalSfixed64": "-9223372036854775809"}', PARSE_ERROR),
    ("sint64.too_small", P3, '{"optionalSint64": "-9223372036854775809"}', PARSE_ERROR),
    ("uint64.exponent_19", P3, '{"optionalUint64": 1e19}', v(4, 10**19)),
    ("uint64.text_too_large", P3, '{"optionalUint64": "18446744073709551616"}', PARSE_ERROR),
    ("uint64.fraction_above_max", P3, '{"optionalUint64": 18446744073709551615.5}', PARSE_ERROR),
    ("fixed64.max", P3, '{"optionalFixed64": 18446744073709551615}', tag(8, 1) + b"\xff" * 8),
    ("enum.exponent", P3, '{"optionalNestedEnum": 1e0}', v(21, 1)),
    ("enum.too_large", P3, '{"optionalNestedEnum": 18446744073709551617}', PARSE_ERROR),
    ("double.big_integer", P3, '{"optionalDouble": 123456789012345678901234567890}', d(12, 123456789012345678901234567890)),
    ("double.long", P3, '{"optionalDouble": 0.30000000000000004}', d(12, 0.30000000000000004)),
    ("double.long_text", P3, '{"optionalDouble": "%s"}' % ("0." + "1" * 5000), d(12, 1 / 9)),
    ("double.text_too_large", P3, '{"optionalDouble": "1e309"}', PARSE_ERROR),
    ("string.big_number", P3, '{"optionalString": 123456789012345678901234567890}', PARSE_ERROR),
    ("bytes.big_number", P3, '{"optionalBytes": 123456789012345678901234}', PARSE_ERROR),
    ("field_mask.big_number", P3, '{"optionalFieldMask": 123456789012345678901234}', PARSE_ERROR),
    ("value.big_number", P3, '{"optionalValue": 123456789012345678901234567890}',
     b(306, d(2, 123456789012345678901234567890))),
    ("value.exponent", P3, '{"optionalValue": -1e0}', b(306, d(2, -1.0))),
    ("value.too_large", P3, '{"optionalValue": 1e309}', PARSE_ERROR),
    ("int64.number", P3, '{"optionalInt64": -9223372036854775808}', v(2, -2**63)),
    ("uint64.text", P3, '{"optionalUint64": "18446744073709551615"}', v(4, 2**64 - 1)),
    ("uint64.too_large", P3, '{"optionalUint64": 18446744073709551616}', PARSE_ERROR),
    ("sint32", P3, '{"optionalSint32": -2}', v(5, 3)),
    ("sint64", P3, '{"optionalSint64": "-9223372036854775808"}', v(6, 2**64 - 1)),
    ("float", P3, '{"optionalFloat": 1.1}', f(11, 1.1)),
    ("float.nan", P3, '{"optionalFloat": "NaN"}', tag(11, 5) + b"\x00\x00\xc0\x7f"),
    ("float.nan_unquoted", P3, '{"optionalFloat": NaN}', PARSE_ERROR),
    ("float.text", P3, '{"optionalFloat": "-1.5e2"}', f(11, -150)),
    ("float.too_large", P3, '{"optionalFloat": 3.502823e+38}', PARSE_ERROR),
    ("float.largest", P3, '{"optionalFloat": 3.402823e+38}', f(11, 3.402823e38)),
    ("double.too_large", P3, '{"optionalDouble": 1.89769e+308}', PARSE_ERROR),
    ("double.infinity", P3, '{"optionalDouble": "-Infinity"}', d(12, -math.inf)),
    ("double.negative_zero", P3, '{"optionalDouble": -0.0}', d(12, -0.0)),
    ("bool.text", P3, '{"optionalBool": "true"}', PARSE_ERROR),
    ("bool.capital", P3, '{"optionalBool": True}', PARSE_ERROR),
    ("string.escapes", P3, r'{"optionalString": "\"\\\/\b\f\n\r\té"}', b(14, '"\\/\b\f\n\r\té')),
    ("string.surrogate_pair", P3, r'{"optionalString": "\uD83D\uDE01"}', b(14, "\U0001f601")),
    ("string.surrogate_alone", P3, r'{"optionalString": "\uD83D"}', PARSE_ERROR),
    ("string.surrogates_in_wrong_order", P3, r'{"optionalString": "\uDE01\uD83D"}', PARSE_ERROR),
    ("string.number", P3, '{"optionalString": 12345}', PARSE_ERROR),
    ("bytes", P3, '{"optionalBytes": "AQI="}', b(15, b"\x01\x02")),
    ("bytes.url_alphabet", P3, '{"optionalBytes": "-_"}', b(15, b"\xfb")),
    ("bytes.no_padding", P3, '{"optionalBytes": "AQI"}', b(15, b"\x01\x02")),
    ("bytes.wrong", P3, '{"optionalBytes": "!"}', PARSE_ERROR),
    ("enum.name", P3, '{"optionalNestedEnum": "NEG"}', v(21, -1)),
    ("enum.number", P3, '{"optionalNestedEnum": 1}', v(21, 1)),
    ("enum.unknown_number", P3, '{"optionalNestedEnum": 123}', v(21, 123)),
    ("enum.unknown_name", P3, '{"optionalNestedEnum": "NO"}', PARSE_ERROR),
    ("enum.alias", P3, '{"optionalAliasedEnum": "MOO"}', v(23, 2)),
    ("name.original", P3, '{"optional_int32": 1}', v(1, 1)),
    ("name.twice", P3, '{"optionalInt32": 1, "optionalInt32": 2}', PARSE_ERROR),
    ("name.twice_in_two_forms", P3, '{"optionalInt32": 1, "optional_int32": 2}', PARSE_ERROR),
    ("name.unknown", P3, '{"noSuchField": 1}', PARSE_ERROR),
    ("name.extension", P2, '{"[protobuf_test_messages.proto2.extension_int32]": 1}', v(120, 1)),
    ("null.is_unset", P3, '{"optionalInt32": null, "repeatedInt32": null, "mapInt32Int32": null}', b""),
    ("null.in_list", P3, '{"repeatedInt32": [1, null]}', PARSE_ERROR),
    ("null.in_map", P3, '{"mapInt32Int32": {"1": null}}', PARSE_ERROR),
    ("null.wrapper", P3, '{"optionalInt32Wrapper": null}', b""),
    ("list", P3, '{"repeatedInt32": [1, 2]}', b(31, b"\x01\x02")),
    ("list.trailing_comma", P3, '{"repeatedInt32": [1,]}', PARSE_ERROR),
    ("list.wrong_element", P3, '{"repeatedInt32": [1, "x"]}', PARSE_ERROR),
    ("list.scalar", P3, '{"repeatedInt32": 1}', PARSE_ERROR),
    ("list.wrapper", P3, '{"repeatedInt32Wrapper": [0, 1]}', b(212, b"") + b(212, v(1, 1))),
    ("message", P3, '{"optionalNestedMessage": {"a": 1}}', b(NESTED, v(1, 1))),
    ("message.empty", P3, '{"optionalNestedMessage": {}}', b(NESTED, b"")),
    ("message.not_a_map", P3, '{"optionalNestedMessage": 1}', PARSE_ERROR),
    ("map", P3, '{"mapInt32Int32": {"1": 2}}', entry(56, v(1, 1), v(2, 2))),
    ("map.bool", P3, '{"mapBoolBool": {"false": true}}', entry(68, v(1, 0), v(2, 1))),
    ("map.bool_wrong", P3, '{"mapBoolBool": {"1": true}}', PARSE_ERROR),
    ("map.key_not_numeric", P3, '{"mapInt32Int32": {"x": 1}}', PARSE_ERROR),
    ("oneof", P3, '{"oneofUint32": 0}', v(111, 0)),
    ("oneof.twice", P3, '{"oneofUint32": 0, "oneofString": ""}', PARSE_ERROR),
    ("oneof.null_and_value", P3, '{"oneofUint32": null, "oneofString": "x"}', b(113, "x")),
    ("oneof.null_value", P3, '{"oneofNullValue": null}', v(120, 0)),
    ("oneof.null_value_by_name", P3, '{"oneofNullValue": "NULL_VALUE"}', v(120, 0)),
    ("timestamp", P3, '{"optionalTimestamp": "2023-11-14T22:13:20.005Z"}', b(302, v(1, 1700000000) + v(2, 5000000))),
    ("timestamp.offset", P3, '{"optionalTimestamp": "1970-01-01T00:00:00-08:00"}', b(302, v(1, 28800))),
    ("timestamp.lower_case", P3, '{"optionalTimestamp": "1970-01-01t00:00:00z"}', PARSE_ERROR),
    ("timestamp.no_zone", P3, '{"optionalTimestamp": "1970-01-01T00:00:00"}', PARSE_ERROR),
    ("timestamp.year_zero", P3, '{"optionalTimestamp": "0000-01-01T00:00:00Z"}', PARSE_ERROR),
    ("timestamp.no_such_day", P3, '{"optionalTimestamp": "2023-02-29T00:00:00Z"}', PARSE_ERROR),
    ("duration", P3, '{"optionalDuration": "-0.5s"}', b(301, v(2, -500000000))),
    ("duration.no_unit", P3, '{"optionalDuration": "1"}', PARSE_ERROR),
    ("duration.too_large", P3, '{"optionalDuration": "315576000001.000000000s"}', PARSE_ERROR),
    ("duration.ten_digits", P3, '{"optionalDuration": "1.0000000001s"}', PARSE_ERROR),
    ("field_mask", P3, '{"optionalFieldMask": "foo,barBaz"}', b(303, b(1, "foo") + b(1, "bar_baz"))),
    ("field_mask.empty", P3, '{"optionalFieldMask": ""}', b(303, b"")),
    ("field_mask.underscore", P3, '{"optionalFieldMask": "foo,bar_bar"}', PARSE_ERROR),
    ("struct", P3, '{"optionalStruct": {"k": null}}', b(304, entry(1, b(1, "k"), b(2, v(1, 0))))),
    ("value.null", P3, '{"optionalValue": null}', b(306, v(1, 0))),
    ("value.list", P3, '{"optionalValue": [0, "x"]}', b(306, b(6, b(1, d(2, 0.0)) + b(1, b(3, "x"))))),
    ("any", P3, '{"optionalAny": {"optionalInt32": 5, "@type": "x/%s"}}' % P3, b(305, b(1, "x/" + P3) + b(2, v(1, 5)))),
    ("any.well_known", P3, '{"optionalAny": {"@type": "x/google.protobuf.Value", "value": [1]}}',
     b(305, b(1, "x/google.protobuf.Value") + b(2, b(6, b(1, d(2, 1.0)))))),
    ("any.no_type", P3, '{"optionalAny": {"value": 1}}', PARSE_ERROR),
    ("any.empty", P3, '{"optionalAny": {}}', b(305, b"")),
    ("group", P2, '{"data": {"groupInt32": 5}}', group(201, v(202, 5))),
    ("edition.delimited", E23, '{"groupliketype": {"groupInt32": 5}, "delimitedField": {}}', group(201, v(202, 5)) + group(202, b"")),
    ("edition.zero_is_set", E23, '{"optionalInt32": 0, "repeatedInt32": [0]}', v(1, 0) + b(31, b"\x00")),
    ("edition.implicit_zero_is_not", E_P3, '{"optionalInt32": 0}', b""),
    ("json.nothing", P3, "", PARSE_ERROR),
    ("json.two_values", P3, "{} {}", PARSE_ERROR),
    ("json.list", P3, "[]", PARSE_ERROR),
    ("json.single_quotes", P3, "{'optionalInt32': 1}", PARSE_ERROR),
    ("json.comment", P3, "{/**/}", PARSE_ERROR),
]


class Testee:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, type_name, payload, output, category=1):
        """payload: bytes or JSON text; output: 1 protobuf, 2 JSON. Gives (kind of result, content)."""
        field = b(1, payload) if isinstance(payload, bytes) else b(2, payload)
        request = field + v(3, output) + b(4, type_name) + v(5, category)
        self.process.stdin.write(struct.pack("<I", len(request)) + request)
        self.process.stdin.flush()
        answer = self.process.stdout.read(struct.unpack("<I", self.process.stdout.read(4))[0])
        number, at, length, shift = answer[0] >> 3, 1, 0, 0
        while True:
            length |= (answer[at] & 127) << shift
            shift += 7
            at += 1
            if answer[at - 1] < 128:
                break
        assert len(answer) == at + length, "an answer is one field"
        return RESULTS[number], answer[at:]


def same(a, b_):
    if isinstance(a, float) and isinstance(b_, float) and a == b_:
        return math.copysign(1, a) == math.copysign(1, b_)
    if isinstance(a, dict) and isinstance(b_, dict):
        return a.keys() == b_.keys() and all(same(a[k], b_[k]) for k in a)
    if isinstance(a, list) and isinstance(b_, list):
        return len(a) == len(b_) and all(map(same, a, b_))
    return type(a) is type(b_) and a == b_


class Run:
    def __init__(self, program):
        self.testee, self.passed, self.failed = Testee(program), 0, 0

    def check(self, name, ok, got, wanted):
        self.passed += ok
        self.failed += not ok
        if not ok:
            print(f"{name}\n  got    {got}\n  wanted {wanted}")

    def run_to_json(self):
        for name, type_name, payload, wanted in TO_JSON:
            kind, content = self.testee.ask(type_name, payload, 2)
            ok = kind == wanted if isinstance(wanted, str) else kind == "json" and same(json.loads(content), wanted)
            self.check(f"to_json.{name}", ok, (kind, content), wanted)
            # The same again by way of JSON, where nothing is lost on it.
            if ok and kind == "json" and "repaired" not in name and "enum.closed" not in name:
                again = self.testee.ask(type_name, content.decode(), 2)
                self.check(f"round_trip.{name}", again == (kind, content), again, (kind, content))

    def run_to_protobuf(self):
        for name, type_name, payload, wanted in TO_PROTOBUF:
            kind, content = self.testee.ask(type_name, payload, 1)
            if name in NEEDS_TYPE and os.environ.get("FOREBAY_TESTEE_WAY") == "tree":
                self.check(f"to_protobuf.{name}", kind == PARSE_ERROR, (kind, content), PARSE_ERROR)
                continue
            self.check(f"to_protobuf.{name}", (kind, content) == ("protobuf", wanted), (kind, content), wanted)

    def run_from_json(self):
        for name, type_name, text, wanted in FROM_JSON:
            kind, content = self.testee.ask(type_name, text, 1, 2)
            ok = kind == wanted if isinstance(wanted, str) else (kind, content) == ("protobuf", wanted)
            self.check(f"from_json.{name}", ok, (kind, content), wanted)

    def run_special(self):
        ask, category = self.testee.ask, 3
        got = ask("conformance.FailureSet", b"", 1)
        self.check("first_request", got == ("protobuf", b""), got, "an empty payload")
        for text, wanted in (('{"no": {"a": [1]}}', b""), ('{"optionalNestedEnum": "NO"}', b""),
                             ('{"repeatedNestedEnum": ["NO", "BAR"]}', b(51, b"\x01")),
                             ('{"mapStringNestedEnum": {"a": "NO", "b": "BAR"}}', entry(73, b(1, "b"), v(2, 1)))):
            got = ask(P3, text, 1, category)
            self.check(f"ignore_unknown {text}", got == ("protobuf", wanted), got, wanted)
        for type_name, output in ((P3, 4), (P3, 3), ("no.Such", 1)):
            got = ask(type_name, b"", output)
            self.check(f"skipped {type_name} {output}", got[0] == SKIPPED, got, SKIPPED)

    def run(self):
        self.run_special()
        self.run_to_json()
        self.run_to_protobuf()
        self.run_from_json()
        self.testee.process.stdin.close()
        status = self.testee.process.wait()
        self.check("ends with its input", status == 0, status, 0)
        print(f"{self.passed} passed, {self.failed} failed")
        return self.failed == 0


if __name__ == "__main__":
    sys.exit(0 if Run(sys.argv[1]).run() else 1)
