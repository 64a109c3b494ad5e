// SPDX-License-Identifier: Apache-2.0
//
// A host application with mqtt.js that reads with npm's sparkplug-payload: writes each message of the edge nodes as a line
// of JSON, asks an edge node for its births when a line on stdin names it ("GROUP/EDGE_NODE"), and ends with stdin.
// Usage: sparkplug_host.js PORT
'use strict';
const mqtt = require('mqtt');
const readline = require('readline');
const sparkplug = require('sparkplug-payload').get('spBv1.0');

const client = mqtt.connect(`mqtt://127.0.0.1:${process.argv[2]}`, { protocolVersion: 4 });

function plain(value) {
    if (typeof value === 'bigint') return Number(value);
    if (value && typeof value === 'object' && typeof value.toNumber === 'function') return value.toNumber();
    return value;
}

client.on('message', (topic, bytes) => {
    const [, group, type, edgeNode, device] = topic.split('/');
    if (type === 'NCMD' || group === 'STATE') return;
    const payload = sparkplug.decodePayload(bytes);
    const metrics = (payload.metrics || []).map((m) => ({
        name: m.name, type: m.type, value: plain(m.value), timestamp: plain(m.timestamp), properties: m.properties,
    }));
    console.log(JSON.stringify({ type, group, edgeNode, device: device || '', seq: plain(payload.seq), metrics }));
});
client.subscribe('spBv1.0/#', { qos: 0 }, (error) => {
    if (error) throw error;
    console.log(JSON.stringify({ type: 'ready' }));
});

readline.createInterface({ input: process.stdin }).on('line', (line) => {
    const [group, edgeNode] = line.split('/');
    const command = { timestamp: Date.now(), metrics: [{ name: 'Node Control/Rebirth', type: 'Boolean', value: true }] };
    client.publish(`spBv1.0/${group}/NCMD/${edgeNode}`, Buffer.from(sparkplug.encodePayload(command)));
}).on('close', () => client.end(true, () => process.exit(0)));
