import { expect, test } from 'vitest';
import { type CloudOptions, engineOptions } from '../src/options.js';

const base = 'https://page.test/app/';
const key = `${'A'.repeat(43)}=`;
const relays = ['https://a.example/', 'https://b.example/relay?x=1'];

function checked(cloud: object) {
  return engineOptions({ cloud: { relays, keys: { signedBy: [key] }, ...cloud } as CloudOptions }, base);
}

test('lists come through all relays, and keys are an hour old, unless the app says otherwise', () => {
  expect(checked({}).cloud?.keys).toEqual({
    signedBy: [key],
    paths: ['https://a.example/key-directory', 'https://b.example/relay/key-directory?x=1'],
    leastAgeS: 3600,
  });
  const keys = { signedBy: [key], paths: ['/list', new URL('https://g.example/list')], leastAgeMinutes: 0.5 };
  expect(checked({ keys }).cloud?.keys).toEqual({
    signedBy: [key],
    paths: ['https://page.test/list', 'https://g.example/list'],
    leastAgeS: 30,
  });
});

test('what the gateway has to prove crosses beside the cloud', () => {
  expect(checked({}).evidence).toBeNull();
  const evidence = { allowed: { payload: '' }, signedBy: [key], moduleUrl: 'a.wasm' };
  const options = checked({ evidence });
  expect(options.evidence).toEqual({
    allowed: '{"payload":""}',
    signedBy: [key],
    moduleUrl: 'https://page.test/app/a.wasm',
  });
  expect(options.cloud).not.toHaveProperty('evidence');
});

const keys = 'options.cloud.keys';
const twoPaths = `${keys}.paths: expected two or more URLs, each of another origin`;
const evidence = 'options.cloud.evidence';

test.each<[object, string]>([
  [{ relays: ['https://a.example/'] }, twoPaths],
  [{ relays: ['https://a.example/1', 'https://a.example/2'] }, twoPaths],
  [{ keys: { signedBy: [key], paths: [] } }, twoPaths],
  [{ keys: { signedBy: [key], paths: ['https://a.example/', 'https://b.example/', '/a', '/b'] } }, twoPaths],
  [{ keys: { signedBy: [key], paths: 'https://a.example/' } }, `${keys}.paths: expected an array of URLs`],
  [{ keys: { signedBy: [key], path: [] } }, `${keys}.path is not supported`],
  [{ keys: { signedBy: [] } }, `${keys}.signedBy: expected one or more Ed25519 keys`],
  [{ keys: { signedBy: [key.slice(1)] } }, `${keys}.signedBy: expected one or more Ed25519 keys`],
  [{ keys: { signedBy: key } }, `${keys}.signedBy: expected one or more Ed25519 keys`],
  [{ keys: { signedBy: [key], leastAgeMinutes: -1 } }, `${keys}.leastAgeMinutes: expected 0 or more`],
  [{ keys: null }, `${keys}: expected the gateway's application/ohttp-keys in base64, or`],
  [{ evidence: { signedBy: [key] } }, `${evidence}.allowed: expected a signed list`],
  [{ evidence: { allowed: '', signedBy: ['x'] } }, `${evidence}.signedBy: expected one or more Ed25519 keys`],
  [{ evidence: { allowed: '', signedBy: [key], module: '' } }, `${evidence}.module is not supported`],
])('%j', (cloud, message) => {
  expect(() => checked(cloud)).toThrow(message);
});
