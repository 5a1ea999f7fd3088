import type { Page } from 'playwright-core';
import type { ChatRequest, Stats } from 'tidegate';
import { expect, test } from 'vitest';
import { withBrowser } from '../harness/chromium.ts';
import { ask, create, question } from '../harness/package.ts';
import { useModelSite } from '../harness/parties.ts';

/** The software adapter says that it is a GPU: else it would not be taken by itself. */
const LOOKS_LIKE_HARDWARE = `
const info = { vendor: 'acme', architecture: 'one', device: '', description: '', isFallbackAdapter: false };
Object.defineProperty(GPUAdapter.prototype, 'info', { get: () => info });
`;

/** `change` is done to `bytes` that are read back from the GPU. */
function readBack(change: string): string {
  return `
const map = GPUBuffer.prototype.getMappedRange;
GPUBuffer.prototype.getMappedRange = function (...range) {
  const bytes = map.apply(this, range);
  if (this.usage & GPUBufferUsage.MAP_READ) {
    ${change}
  }
  return bytes;
};
`;
}

/** Whatever is read back from the GPU is zero. */
const READS_ZEROS = readBack('new Uint8Array(bytes).fill(0);');

/** What is read back from the GPU is not what it computed, but for results as small as the choice of a token. */
const READS_OTHERS = readBack(`
  if (bytes.byteLength >= 1024) {
    const values = new Float32Array(bytes);
    for (let index = 0; index < values.length; index += 3) values[index] *= 1.5;
  }`);

/** The adapter says that its buffers may be larger than they may. */
const BOASTS = `
const { get } = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, 'limits');
const larger = ['maxBufferSize', 'maxStorageBufferBindingSize'];
Object.defineProperty(GPUAdapter.prototype, 'limits', {
  get() {
    const real = get.call(this);
    return new Proxy(real, {
      get: (limits, name) => (larger.includes(name) ? 2 ** 40 : Reflect.get(limits, name)),
    });
  },
});
`;

/** The GPU has no room for more than a few of the weights. */
const HAS_NO_ROOM = `
const create = GPUDevice.prototype.createBuffer;
let room = 40e6;
GPUDevice.prototype.createBuffer = function (descriptor) {
  room -= descriptor.size;
  return create.call(this, room < 0 ? { ...descriptor, size: 2 ** 50 } : descriptor);
};
`;

/** `then` is done when the engine has told of so many tokens. */
function afterTokens(count: number, then: string): string {
  return `
const post = self.postMessage.bind(self);
let tokens = 0;
self.postMessage = (message) => {
  post(message);
  if (message.type !== 'token') return;
  tokens += 1;
  if (tokens === ${count}) ${then}
};
`;
}

/** The device is lost after two tokens. */
const LOSES_DEVICE = `
const request = GPUAdapter.prototype.requestDevice;
let device;
GPUAdapter.prototype.requestDevice = async function (...how) {
  device = await request.apply(this, how);
  return device;
};
${afterTokens(2, 'device.destroy();')}`;

/** The engine breaks after so many tokens. */
function breaksAfter(tokens: number): string {
  return afterTokens(tokens, `queueMicrotask(() => { throw new WebAssembly.RuntimeError('unreachable'); });`);
}

const offered = useModelSite();

function device(page: Page): Promise<Stats['device']> {
  return page.evaluate(() => window.instance.stats().device);
}

test('an engine that breaks in mid-answer goes on from the same token', async () => {
  await withBrowser({}, async (browser) => {
    const story = question('Tell me about the sea.', { max_tokens: 24, temperature: 0.8, seed: 7 });
    const page = await browser.open(offered.site.url);
    expect(await create(page, { model: offered.model })).toBeUndefined();
    const whole = await ask(page, story);
    expect(whole.receipt?.usage.local.completion_tokens).toBe(24);
    await page.close();

    const again = await browser.open(offered.site.url);
    const workerUrl = offered.site.faultyWorker(breaksAfter(8), 1);
    expect(await create(again, { model: offered.model, workerUrl })).toBeUndefined();
    const rescued = await ask(again, story);
    expect(rescued.text).toBe(whole.text);
    expect(rescued.receipt?.usage.local).toEqual(whole.receipt?.usage.local);
    expect(offered.site.asked.filter((path) => path === new URL(workerUrl).pathname)).toHaveLength(2);
  });
});

test('an engine that always breaks is an error in the end', async () => {
  await withBrowser({}, async (browser) => {
    const page = await browser.open(offered.site.url);
    const workerUrl = offered.site.faultyWorker(breaksAfter(2));
    expect(await create(page, { model: offered.model, workerUrl })).toBeUndefined();
    const { error } = await ask(page, question('Tell me about the sea.', { max_tokens: 24 }));
    expect(error).toMatchObject({ name: 'TidegateError', code: 'internal' });
    expect(error?.message).toContain('unreachable');
  });
});

test('a software adapter is recognised, and the CPU computes', async () => {
  await withBrowser({ webgpu: true }, async (browser) => {
    const page = await browser.open(offered.site.url);
    expect(await create(page, { model: offered.model })).toBeUndefined();
    expect(await device(page)).toMatchObject({
      backend: 'cpu',
      reason: expect.stringContaining('is software'),
    });
  });
});

test('a GPU that computes wrongly is found out, and not tried again on the next visit', async () => {
  await withBrowser({ webgpu: true }, async (browser) => {
    const page = await browser.open(offered.site.url);
    const workerUrl = offered.site.faultyWorker(LOOKS_LIKE_HARDWARE + READS_ZEROS);
    expect(await create(page, { model: offered.model, workerUrl })).toBeUndefined();
    expect(await device(page)).toMatchObject({
      backend: 'cpu',
      reason: expect.stringContaining('self-test'),
    });
    await page.close();

    const next = await browser.open(offered.site.url);
    expect(await create(next, { model: offered.model, workerUrl })).toBeUndefined();
    expect(await device(next)).toMatchObject({
      backend: 'cpu',
      reason: expect.stringContaining('on an earlier visit'),
    });
    const counting = question('Count from 1 to 20.', { temperature: 0, max_tokens: 24 });
    expect((await ask(next, counting)).text).toContain('3. 3');
  });
});

test.for([
  { what: 'that computes other numbers', fault: READS_OTHERS, reason: 'self-test' },
  { what: 'that boasts of its limits', fault: BOASTS, reason: 'the GPU failed' },
  { what: 'without room for the weights', fault: HAS_NO_ROOM, reason: 'the GPU failed' },
])('a GPU $what gives way to the CPU before it answers', async ({ fault, reason }) => {
  await withBrowser({ webgpu: true }, async (browser) => {
    const page = await browser.open(offered.site.url);
    const workerUrl = offered.site.faultyWorker(LOOKS_LIKE_HARDWARE + fault);
    expect(await create(page, { model: offered.model, workerUrl })).toBeUndefined();
    expect(await device(page)).toMatchObject({ backend: 'cpu', reason: expect.stringContaining(reason) });
  });
});

test('an answer whose GPU is lost goes on from the same token, here on the CPU', {
  timeout: 600_000,
}, async () => {
  await withBrowser({ webgpu: true }, async (browser) => {
    const page = await browser.open(offered.site.url);
    // The next worker knows the adapter for what it is, and takes the CPU.
    const workerUrl = offered.site.faultyWorker(LOOKS_LIKE_HARDWARE + LOSES_DEVICE, 1);
    expect(await create(page, { model: offered.model, workerUrl })).toBeUndefined();
    expect(await device(page)).toMatchObject({ backend: 'webgpu' });
    // The model is sure of each token of this answer, so that GPU and CPU choose alike.
    const capital: ChatRequest = {
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'What is the capital of France?' },
      ],
      temperature: 0,
      max_tokens: 16,
    };
    const rescued = await ask(page, capital);
    expect(rescued.error).toBeUndefined();
    expect(await device(page)).toMatchObject({ backend: 'cpu' });
    const whole = await ask(page, capital);
    expect(rescued.text).toBe(whole.text);
    const tokens = ({ receipt }: typeof whole) => receipt?.usage.local.completion_tokens;
    expect(tokens(rescued)).toBe(tokens(whole));
  });
});

test('a page that goes down twice with the GPU in use stays off it', async () => {
  await withBrowser({ webgpu: true }, async (browser) => {
    const workerUrl = offered.site.faultyWorker(LOOKS_LIKE_HARDWARE);
    for (let visit = 0; visit < 2; visit += 1) {
      const page = await browser.open(offered.site.url);
      expect(await create(page, { model: offered.model, workerUrl })).toBeUndefined();
      expect(await device(page)).toMatchObject({ backend: 'webgpu' });
      const devtools = await browser.context.newCDPSession(page);
      const crashed = new Promise((resolve) => page.once('crash', resolve));
      devtools.send('Page.crash').catch(() => {}); // nobody is left to answer
      await crashed;
      await page.close();
    }
    const page = await browser.open(offered.site.url);
    expect(await create(page, { model: offered.model, workerUrl })).toBeUndefined();
    expect(await device(page)).toMatchObject({
      backend: 'cpu',
      reason: expect.stringContaining('the page ended 2 times while the GPU was in use'),
    });
  });
});
