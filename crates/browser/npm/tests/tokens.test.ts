import 'fake-indexeddb/auto';
import { createPrivateKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { blindBatch, challengeDigest, readTokenKey } from '../src/blinding.js';
import { openTokenWallet, type TokenWallet, type TokenWalletOptions } from '../src/tokens.js';

/** What the Rust crate `privacy-pass` is held against as well. `TIDEGATE_UPDATE=1` writes it anew. */
const RECORDED = new URL('../../../privacy-pass/recorded/wallet.json', import.meta.url);
const VECTORS = new URL('../../../privacy-pass/recorded/rfc9578.json', import.meta.url);
const VECTOR: { skS: string; pkS: string } = JSON.parse(readFileSync(VECTORS, 'utf8'))[0];
const KEY = Buffer.from(VECTOR.pkS, 'hex').toString('base64url');

/** A library without the machine's own numbers takes 30 ms to blind a token, much more on a busy machine. */
vi.setConfig({ testTimeout: 60_000 });
const SOON = { timeout: 50_000 };

const opened: TokenWallet[] = [];
afterEach(() => {
  for (const wallet of opened.splice(0)) wallet.close();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const PRIVATE = createPrivateKey({ key: Buffer.from(VECTOR.skS, 'hex'), format: 'der', type: 'pkcs8' });
const [N, D] = ['n', 'd'].map((part) => {
  const bytes = Buffer.from(String(PRIVATE.export({ format: 'jwk' })[part]), 'base64url');
  return BigInt(`0x${bytes.toString('hex')}`);
}) as [bigint, bigint];

/** The issuer's half: the response to a batch. */
async function sign(request: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const count = Math.floor(request.length / 259);
  const parts = Array.from({ length: count }, (_, i) => {
    const start = request.length - (count - i) * 259 + 3;
    let base = BigInt(`0x${Buffer.from(request.slice(start, start + 256)).toString('hex')}`);
    let signature = 1n;
    for (let exponent = D; exponent > 0n; exponent >>= 1n) {
      if (exponent & 1n) signature = (signature * base) % N;
      base = (base * base) % N;
    }
    return `010002${signature.toString(16).padStart(512, '0')}`;
  });
  const length = (0x4000 | (count * 259)).toString(16);
  return Uint8Array.from(Buffer.from(length + parts.join(''), 'hex'));
}

/** The same numbers each time. */
function seeded(): void {
  let state = 0x9e3779b9;
  vi.spyOn(crypto, 'getRandomValues').mockImplementation((array) => {
    const bytes = array as unknown as Uint8Array;
    for (let i = 0; i < bytes.length; i += 1) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      bytes[i] = state & 255;
    }
    return array;
  });
}

/** Pages of one origin share them. */
function locks(): LockManager {
  const last = new Map<string, Promise<unknown>>();
  const request = (name: string, work: () => Promise<unknown>) => {
    const result = (last.get(name) ?? Promise.resolve()).then(work);
    last.set(
      name,
      result.catch(() => {}),
    );
    return result;
  };
  return { request } as unknown as LockManager;
}

let names = 0;
/** An issuer that no other test has, and how often it was asked. */
function options(
  more: Partial<TokenWalletOptions> = {},
): TokenWalletOptions & { issue: ReturnType<typeof vi.fn> } {
  vi.stubGlobal('navigator', { locks: locks() });
  names += 1;
  const key = { 'token-type': 2, 'token-key': KEY };
  return {
    issuer: `issuer-${names}.example`,
    origin: 'gateway.example',
    keys: { 'token-keys': [key] },
    batch: 4,
    issue: vi.fn(sign),
    ...more,
  } as TokenWalletOptions & { issue: ReturnType<typeof vi.fn> };
}

async function open(o: TokenWalletOptions): Promise<TokenWallet> {
  const wallet = await openTokenWallet(o);
  opened.push(wallet);
  return wallet;
}

test('the wallet asks and unblinds as the Rust issuer signs', async () => {
  seeded();
  const challenge = await challengeDigest('issuer.example', 'gateway.example');
  const batch = await blindBatch(await readTokenKey(KEY), challenge, 2);
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  if (process.env.TIDEGATE_UPDATE !== undefined) {
    const response = await sign(batch.request);
    const tokens = await batch.finish(response);
    const recorded = { privateKey: VECTOR.skS, request: hex(batch.request), response: hex(response), tokens };
    writeFileSync(RECORDED, `${JSON.stringify(recorded, null, 1)}\n`);
  }
  const recorded = JSON.parse(readFileSync(RECORDED, 'utf8'));
  expect(hex(batch.request)).toBe(recorded.request);
  expect(await batch.finish(Buffer.from(recorded.response, 'hex'))).toEqual(recorded.tokens);
});

test('an answer that is short, or signed with another key, makes no token', async () => {
  const challenge = await challengeDigest('issuer.example', 'gateway.example');
  const batch = await blindBatch(await readTokenKey(KEY), challenge, 1);
  const response = await sign(batch.request);
  await expect(batch.finish(response.subarray(1))).rejects.toThrow('not those of 1 tokens');
  const changed = response.slice();
  changed[100] = (changed[100] ?? 0) ^ 1;
  await expect(batch.finish(changed)).rejects.toThrow('invalid signature');
});

test('no token is given twice, whoever takes them, and the wallet is filled at random times', async () => {
  const o = options();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  const pages = [await open(o), await open(o)];
  const taken = await Promise.all([0, 1, 0, 1].map((page) => pages[page]?.take()));
  expect(new Set(taken).size).toBe(4);
  for (const token of taken) expect(token).toMatch(/^AA[I-L][\w-]{469}$/);
});

test('a batch is fetched when the wallet is opened empty, and none while there are enough', async () => {
  const o = options();
  const wallet = await open(o);
  await vi.waitFor(async () => expect(await wallet.count()).toBe(4), SOON);
  await wallet.take();
  expect(o.issue).toHaveBeenCalledTimes(1);
  // Another page of the origin, and the next visit.
  expect(await (await open(o)).count()).toBe(3);
  expect(o.issue).toHaveBeenCalledTimes(1);
});

test('more are fetched at a random time once half are left, and not when one is taken', async () => {
  const o = options({ withinSeconds: 1000 });
  const wallet = await open(o);
  await vi.waitFor(async () => expect(await wallet.count()).toBe(4), SOON);
  vi.spyOn(Math, 'random').mockReturnValue(0.25);
  const later = vi.spyOn(globalThis, 'setTimeout');
  await wallet.take();
  await wallet.take();
  expect(o.issue).toHaveBeenCalledTimes(1);
  const planned = later.mock.calls.filter(([, ms]) => ms === 250_000);
  expect(planned).toHaveLength(1);
  planned[0]?.[0]();
  await vi.waitFor(async () => expect(await wallet.count()).toBe(6), SOON);
});

test('an empty wallet whose issuer refuses says so, and asks again the next time', async () => {
  const refuse = vi.fn(() => Promise.reject(new Error('HTTP 429')));
  const o = options({ issue: refuse });
  const wallet = await open(o);
  const error = { code: 'token-unavailable', recoverable: true };
  await expect(wallet.take()).rejects.toMatchObject(error);
  await expect(wallet.take()).rejects.toThrow('HTTP 429');
  refuse.mockImplementation(sign as never);
  await expect(wallet.take()).resolves.toMatch(/^AA[I-L]/);
});

test('tokens lie encrypted, and are gone when the wallet is forgotten or their key expires', async () => {
  const until = Math.floor(Date.now() / 1000) + 1000;
  const key = { 'token-type': 2, 'token-key': KEY, 'not-after': until };
  const o = options({ keys: { 'token-keys': [key] } });
  const wallet = await open(o);
  await vi.waitFor(async () => expect(await wallet.count()).toBe(4), SOON);
  const now = vi.spyOn(Date, 'now').mockReturnValue(1000 * until);
  expect(await wallet.count()).toBe(0);
  await expect(wallet.take()).rejects.toThrow('none of options.keys is valid now');
  now.mockRestore();
  expect(await wallet.count()).toBe(4);
  await wallet.forget();
  expect(await wallet.count()).toBe(0);
});

test('a URL is posted to with the batch, and its status told', async () => {
  const o = options({ issue: 'https://app.example/tokens' });
  const answer = vi.fn(
    async (_: string, init: RequestInit) => new Response(await sign(init.body as Uint8Array)),
  );
  vi.stubGlobal('fetch', answer);
  const wallet = await open(o);
  await expect(wallet.take()).resolves.toMatch(/^AA[I-L]/);
  const body = expect.objectContaining({ length: 2 + 4 * 259 });
  const headers = { 'content-type': 'application/private-token-generic-batch-request' };
  expect(answer.mock.calls).toEqual([
    ['https://app.example/tokens', { method: 'POST', headers, body, cache: 'no-store' }],
  ]);
});

test.each([
  [{ batch: 1 }, 'options.batch'],
  [{ batch: 65 }, 'options.batch'],
  [{ withinSeconds: -1 }, 'options.withinSeconds'],
  [{ issuer: '' }, 'options.issuer'],
  [{ origin: 'a b' }, 'options.origin'],
  [{ keys: { 'token-keys': [] } }, 'options.keys'],
])('%j is refused', async (wrong, name) => {
  await expect(open(options(wrong))).rejects.toMatchObject({
    code: 'invalid-request',
    message: expect.stringContaining(name),
  });
});
