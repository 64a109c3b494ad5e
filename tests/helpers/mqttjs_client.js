// SPDX-License-Identifier: Apache-2.0
//
// A device and a reader with mqtt.js: publishes COUNT messages to the devices' broker and waits until they have all
// come out at the upstream broker, in order. Usage: mqttjs_client.js DEVICES_PORT UPSTREAM_PORT COUNT
'use strict';
const mqtt = require('mqtt');
const [devicesPort, upstreamPort, count] = process.argv.slice(2).map(Number);

setTimeout(() => {
    console.error('mqttjs_client: out of time');
    process.exit(2);
}, 45000).unref();

const reader = mqtt.connect(`mqtt://127.0.0.1:${upstreamPort}`, { protocolVersion: 5 });
const seen = [];

reader.on('message', (topic, payload) => {
    seen.push(JSON.parse(payload).number);
    if (seen.length < count) return;
    const ordered = seen.every((number, index) => number === index);
    console.log(`${seen.length} messages, ${ordered ? 'in order' : 'OUT OF ORDER'}`);
    process.exit(ordered ? 0 : 1);
});
reader.subscribe('raw/mqttjs', { qos: 1 }, (error) => {
    if (error) throw error;
    const device = mqtt.connect(`mqtt://127.0.0.1:${devicesPort}`, { protocolVersion: 5 });
    const properties = { userProperties: { client: 'mqtt.js' }, contentType: 'application/json' };
    for (let number = 0; number < count; number++)
        device.publish('raw/mqttjs', JSON.stringify({ number }), { qos: 1, properties });
});
