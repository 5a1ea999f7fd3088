import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import type { ChatRequest } from 'tidegate';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Browser } from '../harness/chromium.ts';
import { ask, create, question } from '../harness/package.ts';
import { places } from '../harness/places.ts';
import { Site } from '../harness/site.ts';
import { freePort, Stack } from '../harness/stack.ts';
import { Upstream } from '../harness/upstream.ts';

const MODEL = readFileSync(places.model);
const MB = 1_000_000;

const FRANCE: ChatRequest = {
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'What is the capital of France?' },
  ],
  temperature: 0,
  max_tokens: 16,
};

let upstream: Upstream;
let stack: Stack;
let site: Site;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  upstream = await Upstream.start();
  stack = await Stack.start(upstream);
});
afterAll(async () => {
  await stack?.stop();
  await upstream?.stop();
});
beforeEach(async () => {
  site = await Site.start();
  browser = await Browser.start();
  page = await browser.open(site.url);
});
afterEach(async () => {
  await browser?.stop();
  await site?.stop();
  upstream.answerWith = undefined;
});

test('a damaged model file is named so', async () => {
  const damaged = Buffer.from(MODEL.subarray(0, 20 * MB));
  damaged.write('XXXX');
  const error = await create(page, { model: site.offer('damaged', damaged) });
  expect(error).toMatchObject({ name: 'TidegateError', code: 'model-corrupt' });
});

test('a truncated model file is named so', async () => {
  const error = await create(page, { model: site.offer('truncated', MODEL.subarray(0, 50 * MB)) });
  expect(error).toMatchObject({ name: 'TidegateError', code: 'model-corrupt' });
});

test('a file that is not the manifest’s is refused by its hash, and not kept', async () => {
  const sha256 = '0'.repeat(64);
  const model = site.offer('other', MODEL, { sha256 });
  for (let visit = 0; visit < 2; visit += 1) {
    expect(await create(page, { model })).toMatchObject({ code: 'model-hash-mismatch', recoverable: true });
  }
  expect(site.askedOf('other').filter((range) => range.startsWith('from 0 '))).toHaveLength(2);
});

test('a download that was cut off goes on where it stopped', async () => {
  const model = site.offer('smollm2', MODEL, { cutAt: 60 * MB });
  const first = create(page, { model });
  // More than the header, which is asked for before the rest.
  const reported = await page.waitForFunction(
    (header) => (window.progress?.loaded ?? 0) > header && window.progress?.loaded,
    4 * MB,
  );
  const loaded = Number(await reported.jsonValue());
  site.cut();
  const error = await first;
  expect(error).toMatchObject({ code: 'download-failed', recoverable: true });
  expect(await create(page, { model })).toBeUndefined();
  // What the person saw arrive is kept, and what the error says is what is asked for next.
  const kept = Number(/cut off at (\d+) /.exec(error?.message ?? '')?.[1]);
  expect(kept).toBeGreaterThanOrEqual(loaded);
  expect(kept).toBeLessThanOrEqual(60 * MB);
  expect(site.askedOf('smollm2').at(-1)).toBe(`from ${kept}`);
});

test('a part that came damaged is fetched again, and no other', async () => {
  const chunk = 4 << 20;
  const damage = { at: 50 * MB, times: 1 };
  const model = site.offer('damaged', MODEL, { chunk, damage });
  expect(await create(page, { model })).toBeUndefined();
  const start = Math.floor(damage.at / chunk) * chunk;
  expect(site.askedOf('damaged').at(-1)).toBe(`from ${start}`);
});

test('a part that comes damaged every time is named', async () => {
  const chunk = 4 << 20;
  const damage = { at: 50 * MB, times: 99 };
  const error = await create(page, { model: site.offer('damaged', MODEL, { chunk, damage }) });
  expect(error).toMatchObject({ code: 'model-hash-mismatch', recoverable: true });
  const start = Math.floor(damage.at / chunk) * chunk;
  expect(error?.message).toContain(`the bytes from ${start} to ${start + chunk} came damaged`);
  expect(site.askedOf('damaged').filter((range) => range === `from ${start}`)).toHaveLength(2);
});

test('a model that does not exist is a failed download', async () => {
  const model = new URL('models/none.json', site.url).href;
  expect(await create(page, { model })).toMatchObject({ code: 'download-failed' });
});

test('storage that is too small is told before the model is lost in it', async () => {
  const devtools = await browser.context.newCDPSession(page);
  await devtools.send('Storage.overrideQuotaForOrigin', {
    origin: new URL(site.url).origin,
    quotaSize: 10 * MB,
  });
  const error = await create(page, { model: site.offer('smollm2', MODEL) });
  expect(error).toMatchObject({ code: 'quota-exceeded', recoverable: true });
});

test('WebGPU that is asked for and not there is named so', async () => {
  const error = await create(page, { model: site.offer('smollm2', MODEL), device: 'webgpu' });
  expect(error).toMatchObject({ code: 'no-adapter', recoverable: false });
});

test('a prompt longer than the context is refused, and the next one answered', async () => {
  expect(await create(page, { model: site.offer('smollm2', MODEL) })).toBeUndefined();
  const long = await ask(page, question('word '.repeat(20_000)));
  expect(long.error).toMatchObject({ name: 'TidegateError', code: 'context-overflow', recoverable: true });
  const short = await ask(page, FRANCE);
  expect(short.text).toContain('Paris');
});

test('leaving an answer is an AbortError, within a second', async () => {
  expect(await create(page, { model: site.offer('smollm2', MODEL) })).toBeUndefined();
  const ending = await ask(page, question('Write a long story.', { max_tokens: 400 }), 3);
  expect(ending.error?.name).toBe('AbortError');
  expect(ending.ms).toBeLessThan(1000);
});

test('leaving while a long prompt is read is an AbortError at once, and the engine is free', async () => {
  expect(await create(page, { model: site.offer('smollm2', MODEL) })).toBeUndefined();
  const long = question('word '.repeat(4000), { max_tokens: 4 });
  const { name, ms } = await page.evaluate(async (request) => {
    const controller = new AbortController();
    let left = 0;
    // After this event the prompt goes through the model, slice by slice.
    window.instance.on('route', () => {
      left = performance.now();
      controller.abort();
    });
    const ended = window.instance.chat.completions.create(request, { signal: controller.signal });
    const error = await ended.then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    return { name: error?.name, ms: performance.now() - left };
  }, long);
  expect(name).toBe('AbortError');
  expect(ms).toBeLessThan(1000);
  const short = await ask(page, FRANCE);
  expect(short.text).toContain('Paris');
  // Nobody read the rest of the long prompt in between.
  expect(short.ms).toBeLessThan(10_000);
});

test.for([
  { status: 401, code: 'upstream-unauthorized' },
  { status: 429, code: 'upstream-rate-limited' },
  { status: 500, code: 'upstream-failed' },
])('an upstream that answers $status is $code', async ({ status, code }) => {
  upstream.answerWith = { status, body: '{"error":{"message":"no"}}' };
  const site = { cloud: await stack.cloud(), policy: { mode: 'cloud-only' } as const };
  expect(await create(page, site)).toBeUndefined();
  const { error } = await ask(page, question('Hello?'));
  expect(error).toMatchObject({ name: 'TidegateError', code });
});

test('a relay that is not there is named so', async () => {
  const away = { ...(await stack.cloud()), relays: [`http://127.0.0.1:${await freePort()}/`] };
  expect(await create(page, { cloud: away, policy: { mode: 'cloud-only' } })).toBeUndefined();
  const { error } = await ask(page, question('Hello?'));
  expect(error).toMatchObject({ code: 'relay-unavailable', recoverable: true });
});

test('a gateway key that the gateway does not have is named so', async () => {
  const { keys, ...rest } = await stack.cloud();
  const config = Buffer.from(keys, 'base64');
  // Bytes 0 and 1 are the first configuration's length, byte 2 is its key's id (RFC 9458, section 3).
  config.writeUInt8(config.readUInt8(2) ^ 0xff, 2);
  const wrong = { ...rest, keys: config.toString('base64') };
  expect(await create(page, { cloud: wrong, policy: { mode: 'cloud-only' } })).toBeUndefined();
  const { error } = await ask(page, question('Hello?'));
  expect(error).toMatchObject({ code: 'key-mismatch' });
});

test('nothing answers what the policy does not allow', async () => {
  expect(await create(page, { cloud: await stack.cloud(), policy: { mode: 'local-only' } })).toBeUndefined();
  const before = upstream.requests.length;
  const { error } = await ask(page, question('Hello?'));
  expect(error).toMatchObject({ name: 'TidegateError', code: 'local-unavailable' });
  expect(upstream.requests).toHaveLength(before);
});
