import { expect, test } from 'vitest';
import { LOCAL_ONLY, parseConfig, parseModelCard } from './config.ts';

const cloud = { relays: ['https://relay.example/'], keys: 'AAAA' };

test('a configuration without a cloud is local only', () => {
  expect(parseConfig({})).toEqual(LOCAL_ONLY);
  expect(parseConfig({ model: '/m.json', cloud: null })).toEqual({ model: '/m.json' });
});

test('a cloud is read whole', () => {
  expect(parseConfig({ cloud })).toEqual({ ...LOCAL_ONLY, cloud });
  expect(parseConfig({ cloud: { ...cloud, model: 'large', more: 1 } }).cloud).toEqual({
    ...cloud,
    model: 'large',
  });
});

test('signed lists and evidence are handed on as they are: the package checks them', () => {
  const trusting = { ...cloud, keys: { signedBy: ['K'] }, evidence: { allowed: {}, signedBy: ['K'] } };
  expect(parseConfig({ cloud: trusting }).cloud).toEqual(trusting);
});

test('a calibration is handed on as it is', () => {
  const calibration = { model: { sha256: '00' } };
  expect(parseConfig({ calibration, cloud })).toEqual({ ...LOCAL_ONLY, calibration, cloud });
});

test.each([
  [{ calibration: '{}' }, 'tidegate.json: calibration must be an object'],
  [[], 'tidegate.json must be an object'],
  [{ model: 1 }, 'tidegate.json: model must be a text'],
  [{ cloud: { ...cloud, relays: [] } }, 'cloud.relays must list at least one relay URL'],
  [{ cloud: { ...cloud, relays: [1] } }, 'cloud.relays must be a text'],
  [{ cloud: { relays: cloud.relays } }, 'cloud.keys must be a text'],
  [{ cloud: { ...cloud, keys: [] } }, 'cloud.keys must be an object'],
  [{ cloud: { ...cloud, evidence: 'yes' } }, 'cloud.evidence must be an object'],
])('a wrong configuration is refused and not taken for local only: %j', (json, message) => {
  expect(() => parseConfig(json)).toThrow(message);
});

test('a manifest must tell what a person is told', () => {
  const card = { name: 'm', bytes: 5, license: 'MIT' };
  expect(parseModelCard({ ...card, sha256: '' })).toEqual(card);
  expect(() => parseModelCard({ ...card, bytes: '5' })).toThrow('bytes must be a number');
});
