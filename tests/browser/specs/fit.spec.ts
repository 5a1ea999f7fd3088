import { existsSync, readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Browser } from '../harness/chromium.ts';
import { ask, create, question } from '../harness/package.ts';
import { places } from '../harness/places.ts';
import { Site } from '../harness/site.ts';

const MODEL = readFileSync(places.model);
const MB = 1_000_000;

/** The engine gets so many bytes of memory, whatever the browser says that there is. */
function hasMemory(bytes: number): string {
  return `const Whole = WebAssembly.Memory;
WebAssembly.Memory = function (limits) {
  return new Whole({ ...limits, maximum: ${Math.floor(bytes / 65_536)} });
};`;
}

let site: Site;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  site = await Site.start();
  browser = await Browser.start();
});
beforeEach(async () => {
  page = await browser.open(site.url);
});
afterAll(async () => {
  await browser?.stop();
  await site?.stop();
});

test('too little memory is said with figures, and no more than the header was fetched', async () => {
  const model = site.offer('heavy', MODEL);
  const error = await create(page, { model, dangerous: { facts: { memory: 180 * MB } } });
  expect(error).toMatchObject({ code: 'device-limit' });
  expect(error?.message).toContain(
    'heavy.gguf: it needs 192 MB of memory (weights 101 MB, cache of 512 tokens 24 MB, the rest 68 MB) and may take 180 MB',
  );
  const ranges = site.askedOf('heavy').map((range) => /^from (\d+) to (\d+)$/.exec(range));
  expect(ranges.length).toBeGreaterThan(0);
  for (const range of ranges) expect(Number(range?.[2])).toBeLessThan(5 * MB);
});

test('a file that storage or memory cannot hold is refused by its length, and nothing is fetched', async () => {
  const model = site.offer('huge', MODEL, { bytes: 9_000 * MB });
  const error = await create(page, {
    model,
    dangerous: { facts: { memory: 64_000 * MB, storage: 100 * MB } },
  });
  expect(error?.message).toContain('it needs 9,000 MB more of storage and there is room for 100 MB');
  expect(error?.message).toContain('it needs 9,428 MB of memory');
  expect(site.askedOf('huge')).toEqual([]);
});

test('‘auto’ takes the first variant that fits, with as much context as there is memory for', async () => {
  site.offer('large', MODEL, { bytes: 9_000 * MB });
  site.offer('small', MODEL);
  site.offerVariants('auto', ['large', 'small']);
  expect(await create(page, { model: 'auto', dangerous: { facts: { memory: 204 * MB } } })).toBeUndefined();
  expect(site.askedOf('large')).toEqual([]);
  expect(await page.evaluate(() => window.instance.stats().model?.contextLength)).toBe(768);
  const long = await ask(page, question('word '.repeat(1000)));
  expect(long.error).toMatchObject({ code: 'context-overflow' });
  // No byte was fetched twice: the file goes on where its header ended.
  const ends = site.askedOf('small').map((range) => /^from (\d+)(?: to (\d+))?$/.exec(range));
  expect(ends.map((end) => Number(end?.[1]))).toEqual([
    0,
    ...ends.slice(0, -1).map((end) => Number(end?.[2]) + 1),
  ]);
});

// Only the memory of a module with threads is made by JavaScript, where it can be made too small.
test.runIf(existsSync(places.threadsModule))(
  'memory that runs out is named, and what fits goes on',
  async () => {
    const model = site.offer('smollm2', MODEL);
    const tooLittle = site.faultyWorker(hasMemory(60 * MB));
    expect(await create(page, { model, threads: 2, workerUrl: tooLittle })).toMatchObject({
      code: 'device-limit',
      message: expect.stringMatching(/^tensor .*: no memory for \d+ bytes/),
    });
    await page.close();

    page = await browser.open(site.url);
    const enough = site.faultyWorker(hasMemory(180 * MB));
    expect(await create(page, { model, threads: 2, workerUrl: enough })).toBeUndefined();
    const long = await ask(page, question('word '.repeat(4000), { max_tokens: 4 }));
    expect(long.error).toMatchObject({
      code: 'device-limit',
      message: expect.stringMatching(/^key\/value cache of \d+ positions: no memory for \d+ bytes/),
    });
    const short = await ask(
      page,
      question('What is the capital of France?', { temperature: 0, max_tokens: 8 }),
    );
    expect(short.error).toBeUndefined();
    expect(short.text).not.toBe('');
  },
);
