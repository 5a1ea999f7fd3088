import { expect, test } from 'vitest';
import { GpuRecord } from '../src/gpu-record.js';

/** Local storage that outlives the page. */
function storage() {
  const items = new Map<string, string>();
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
  };
}

test('two visits that end in the middle, and the GPU is left alone', () => {
  const kept = storage();
  for (let visit = 0; visit < 2; visit += 1) {
    const record = new GpuRecord(kept);
    expect(record.refusal('a')).toBeUndefined();
    record.begin('a');
  }
  const record = new GpuRecord(kept);
  expect(record.refusal('a')).toContain('the page ended 2 times while the GPU was in use');
  expect(record.refusal('another adapter, or a new version')).toBeUndefined();
  record.forget('a');
  expect(record.refusal('a')).toBeUndefined();
});

test('a whole answer in between, and nothing is held against it', () => {
  const kept = storage();
  for (let visit = 0; visit < 5; visit += 1) {
    const record = new GpuRecord(kept);
    expect(record.refusal('a')).toBeUndefined();
    record.begin('a');
    if (visit % 2 === 0) record.end('a');
  }
});

test('a GPU that computes wrongly is not tried again until it is asked for', () => {
  const kept = storage();
  new GpuRecord(kept).fail('a', 'all scores were equal');
  const record = new GpuRecord(kept);
  expect(record.refusal('a')).toContain('self-test on an earlier visit: all scores were equal');
  record.end('a');
  expect(record.refusal('a')).toBeDefined();
  record.forget('a');
  expect(record.refusal('a')).toBeUndefined();
});

test('without storage, or with rubbish in it, nothing is remembered', () => {
  const rubbish = { getItem: () => '{', setItem: () => expect.fail('full') };
  for (const record of [new GpuRecord(undefined), new GpuRecord(rubbish)]) {
    record.begin('a');
    record.begin('a');
    expect(record.refusal('a')).toBeUndefined();
  }
});
