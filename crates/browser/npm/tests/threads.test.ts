import { afterEach, expect, test, vi } from 'vitest';
import { threadsFor } from '../src/threads.js';

afterEach(() => vi.unstubAllGlobals());

/** A page on a device. */
function page(crossOriginIsolated: boolean, hardwareConcurrency: number) {
  vi.stubGlobal('crossOriginIsolated', crossOriginIsolated);
  vi.stubGlobal('navigator', { hardwareConcurrency });
  vi.stubGlobal('Atomics', { waitAsync: () => {} });
}

test.each<[number, number]>([
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 2],
  [8, 4],
  [64, 8],
])('of %i cores, an isolated page takes %i threads', (cores, count) => {
  page(true, cores);
  expect(threadsFor('auto', true).count).toBe(count);
});

test('an app may ask for any number', () => {
  page(true, 1);
  expect(threadsFor(3, true)).toEqual({ count: 3 });
  expect(threadsFor(1, true)).toEqual({ count: 1, reason: 'the app asked for one' });
});

test('what threads need, and the reason where it is missing', () => {
  page(false, 4);
  expect(threadsFor(2, true)).toEqual({ count: 1, reason: 'the page is not cross-origin isolated' });
  page(true, 4);
  expect(threadsFor(2, false)).toEqual({ count: 1, reason: 'the browser has no relaxed SIMD' });
  vi.stubGlobal('Atomics', {});
  expect(threadsFor(2, true)).toEqual({ count: 1, reason: 'the browser has no Atomics.waitAsync' });
});
