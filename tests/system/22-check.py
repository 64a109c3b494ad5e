#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helpers"))

from harness import CONFIG_EXIT, SOURCE, Test, run
from harness_gateway import PROGRAM

test = Test("forebayd --check tells all that is wrong with a file in one pass, with the place and what to do")
broker = test.broker(start=False)
GOOD = f"""
brokers:
  local: {{ url: {broker.url} }}
routes:
  raw:
    from: {{ broker: local, topics: ["a/#"] }}
    to:
      - local: {{ topic: out }}
"""
gateway = test.gateway(GOOD, start=False)
result = gateway.check_config()
test.check_equal((result.returncode, result.stderr), (0, ""), "a good file: 0 and no complaint")

result = run([PROGRAM, "--check", os.path.join(SOURCE, "conf", "quickstart.yaml")],
             env={**os.environ, **gateway.environment})
test.check_equal((result.returncode, result.stderr), (0, ""), "conf/quickstart.yaml is a good file")


def check(name, text, *words, raw=False):
    """The configuration is refused with 78, and its report has all the words."""
    if raw:
        gateway.config = test.write("raw.yaml", text)
    else:
        gateway.config = test.path("gateway", "forebay.yaml")
        gateway.configure(text)
    answer = gateway.check_config()
    report = answer.stdout + answer.stderr
    ok = answer.returncode == CONFIG_EXIT and all(word.lower() in report.lower() for word in words)
    if not test.check(ok, f"{name}: 78 and {', '.join(repr(word) for word in words)}"):
        test.note(f"exit {answer.returncode}")
        test.note(report)


def with_line(old, new):
    assert old in GOOD
    return GOOD.replace(old, new)


check("an unknown key", with_line("broker: local,", "brokr: local,"), "forebay.yaml:10:", "brokr", "broker", "^")
check("an unknown section", GOOD + "jurnal: {}\n", "jurnal", "journal")
check("a wrong type", with_line("routes:\n  raw:", "journal: { max_size: plenty }\nroutes:\n  raw:"), "max_size", "plenty")
check("a size without a unit we know", with_line("routes:\n  raw:", "journal: { max_size: 5 XB }\nroutes:\n  raw:"), "max_size")
check("a broker that is not there", with_line("broker: local,", "broker: locl,"), "locl", "local")
check("a target that is not there", with_line("- local: { topic: out }", "- lokal"), "lokal", "local")
check("an invalid topic filter", with_line('"a/#"', '"a/#/b"'), "a/#/b", "#")
check("QoS 2", with_line('["a/#"]', '["a/#"], qos: 2'), "qos", "2")
check("a capture that is not there", with_line("topic: out", 'topic: "out/{nobody}"'), "nobody")
check("a wildcard in a target's topic", with_line("topic: out", 'topic: "out/+"'), "out/+")
check("an unknown plugin", with_line("    to:", "    process:\n      - filtr: { keep: 'true' }\n    to:"), "filtr", "filter")
check("a wrong expression", with_line("    to:", "    process:\n      - filter: { keep: 'a ==' }\n    to:"), "filter")
check("an unknown option of a plugin", with_line("    to:", "    process:\n      - filter: { kep: 'true' }\n    to:"),
      "kep", "keep")
check("a missing schema file", "schemas: [/nowhere/acme.desc]\n" + GOOD, "/nowhere/acme.desc")
check("a message type without schema", with_line("    to:", "    decode: { protobuf: { message: a.B } }\n    to:"), "a.B")
check("a plugin file that is not there", "plugins: { mine: { path: /nowhere/mine.so } }\n" +
      with_line("    to:", "    process: [mine]\n    to:"), "/nowhere/mine.so")
check("a variable that is not set", with_line("topic: out", 'topic: "${FOREBAY_NO_SUCH_VARIABLE}"'),
      "FOREBAY_NO_SUCH_VARIABLE")
check("a secret file that is not there", with_line("url:", 'password: "${file:/nowhere/secret}", url:'), "/nowhere/secret")
check("a URL without scheme", with_line("url: mqtt://", "url: "), "mqtt://")
check("a duplicate key", GOOD + "routes: {}\n", "routes")
check("no YAML at all", "routes: [\n", "raw.yaml:", raw=True)
check("an empty file", "", "routes", raw=True)
check("a tab", "routes:\n\traw: {}\n", "raw.yaml:2", raw=True)
check("200 kB of brackets", "[" * 200000, "raw.yaml:1", raw=True)
check("several at once", with_line("broker: local,", "brokr: local,") + "jurnal: {}\n", "brokr", "jurnal")

# An import that the descriptor set does not carry: protoc without --include_imports.
test.write("proto/common.proto", 'syntax = "proto3"; package c; message Unit { string name = 1; }')
test.write("proto/main.proto", 'syntax = "proto3"; package m; import "common.proto"; message Main { c.Unit unit = 1; }')
run(["protoc", f"-I{test.path('proto')}", f"-o{test.path('main.desc')}", test.path("proto", "main.proto")])
check("a descriptor set without its imports", f"schemas: [{test.path('main.desc')}]\n" +
      with_line("    to:", "    decode: { protobuf: { message: m.Main } }\n    to:"), "common.proto", "--include_imports")
test.write("proto/wrong.proto", 'syntax = "proto3"; message Wrong { strin name = 1; }')
check("a .proto with an error", f"schemas: [{{ proto: [{test.path('proto', 'wrong.proto')}] }}]\n" + GOOD, "wrong.proto:1:", "strin")

answer = run([PROGRAM, "--check", "/nowhere/forebay.yaml"])
test.check_equal(answer.returncode, CONFIG_EXIT, "a missing configuration: 78")
test.check_in("/nowhere/forebay.yaml", answer.stdout + answer.stderr, "and its name")
answer = run([PROGRAM, "--no-such-option"])
test.check_equal(answer.returncode, 64, "a wrong argument: 64")
test.check_in("usage", answer.stderr, "and the usage")
answer = run([PROGRAM, "--version"])
test.check_equal((answer.returncode, answer.stdout.split()[0]), (0, "forebayd"), "--version")

# A daemon with a wrong file ends with the same report and the same status.
gateway.config = test.path("gateway", "forebay.yaml")
gateway.configure(with_line("broker: local,", "brokr: local,"))
gateway.command = [PROGRAM, "--config", gateway.config]
gateway.start()
test.check_equal(gateway.wait_exit(), CONFIG_EXIT, "forebayd with a wrong file ends with 78")
test.check_in("brokr", gateway.log(), "and the same report")
test.finish()
