// SPDX-License-Identifier: Apache-2.0
//
// An edge node with npm's sparkplug-client: publishes its births when it is connected and when it is asked to, and does
// what the lines on its stdin say (data, compressed, death, gap, stop). Usage: sparkplug_client.js PORT
'use strict';
const readline = require('readline');
const sparkplug = require('sparkplug-client');

const client = sparkplug.newClient({
    serverUrl: `mqtt://127.0.0.1:${process.argv[2]}`,
    username: '', password: '', groupId: 'Works', edgeNode: 'js', clientId: 'js-edge-node', version: 'spBv1.0',
    publishDeath: true,
});
client.on('error', (error) => console.log(`error ${error.message}`));

const now = () => Date.now();
const metric = (name, type, value, more) => ({ name, type, value, timestamp: now(), ...more });

function publishBirths() {
    client.publishNodeBirth({
        timestamp: now(),
        metrics: [
            metric('Node Control/Rebirth', 'Boolean', false),
            metric('pressure', 'Float', 1.5, { properties: { engUnit: { type: 'String', value: 'bar' } } }),
        ],
    });
    client.publishDeviceBirth('pump', {
        timestamp: now(),
        metrics: [
            metric('i8', 'Int8', -8), metric('i16', 'Int16', -16), metric('i32', 'Int32', -32), metric('i64', 'Int64', -64),
            metric('u8', 'UInt8', 200), metric('u16', 'UInt16', 60000), metric('u32', 'UInt32', 4000000000),
            metric('text', 'String', 'größer'), metric('on', 'Boolean', true), metric('double', 'Double', 0.1),
            metric('at', 'DateTime', 1700000000000),
            metric('table', 'DataSet', {
                numOfColumns: 2, columns: ['name', 'count'], types: ['String', 'Int32'], rows: [['a', 1], ['b', -2]],
            }),
            metric('motor', 'Template', {
                version: '1.0', templateRef: 'Motor', isDefinition: false,
                metrics: [metric('rpm', 'Int32', -5), metric('on', 'Boolean', true)],
                parameters: [{ name: 'index', type: 'String', value: '7' }],
            }),
        ],
    });
    console.log('births');
}
client.on('birth', publishBirths);
client.on('ncmd', (payload) => {
    if (!payload.metrics.some((m) => m.name === 'Node Control/Rebirth' && m.value === true)) return;
    console.log('asked');
    publishBirths();
});

const steps = {
    data: () => client.publishNodeData({ timestamp: now(), metrics: [metric('pressure', 'Float', 2.5)] }),
    compressed: () => client.publishDeviceData('pump', { timestamp: now(), metrics: [metric('i32', 'Int32', -33)] },
        { compress: true, algorithm: 'GZIP' }),
    death: () => client.publishDeviceDeath('pump', { timestamp: now(), metrics: [] }),
    gap: () => {
        client.seq += 3;
        steps.data();
    },
    stop: () => client.stop(),
};
readline.createInterface({ input: process.stdin }).on('line', (line) => {
    steps[line]();
    console.log(line);
}).on('close', () => process.exit(0));
