// SPDX-License-Identifier: Apache-2.0
//
// Telemetry to JSON text with protobufjs. Usage: decode_protobufjs.js PROTO PAYLOAD TIMES, with NODE_PATH set; prints the
// CPU microseconds of each, warm, and the text of one.
'use strict'
const fs = require('fs')
const protobuf = require('protobufjs')

const [proto, payload, times] = process.argv.slice(2)
const type = protobuf.loadSync(proto).lookupType('bench.Telemetry')
const bytes = fs.readFileSync(payload)

function run (count) {
  let length = 0
  for (let i = 0; i < count; i++) length += JSON.stringify(type.decode(bytes)).length
  return length
}

run(Number(times) / 4) // until it is compiled
const before = process.cpuUsage()
run(Number(times))
const used = process.cpuUsage(before)
console.log(JSON.stringify({ us: (used.user + used.system) / Number(times), text: JSON.stringify(type.decode(bytes)) }))
