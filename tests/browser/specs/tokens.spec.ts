/** Who may ask: a page's wallet, an issuer behind the app's back end, a gateway that takes one token with each question. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { CloudOptions, ErrorCode, TokenSource } from 'tidegate';
import type { TokenWallet, TokenWalletOptions } from 'tidegate/tokens';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Browser } from '../harness/chromium.ts';
import { places } from '../harness/places.ts';
import { Process } from '../harness/process.ts';
import { Site } from '../harness/site.ts';

declare global {
  interface Window {
    /** The app's back end: base64 in, base64 out. */
    forward(batch: string): Promise<string>;
    /** The site's: an import that stands here would be the test runner's. */
    importTokens(): Promise<typeof import('tidegate/tokens')>;
    wallet: TokenWallet;
  }
}

const ANSWER = ['{"choices":[{"index":0,"delta":{"content":"In nests."},"finish_reason":"stop"}]}', '[DONE]'];
const NAMES = { issuer: 'issuer.example', origin: 'gateway.example' };

let folder: string;
let upstream: Server;
let asked = 0;
const processes: Process[] = [];
let issuer: string;
let appKey: string;
let keys: TokenWalletOptions['keys'];
let cloud: Omit<CloudOptions, 'tokens'>;
let site: Site;
let browser: Browser;
let page: Page;

function tidegate(...words: string[]): string {
  const { status, stdout, stderr } = spawnSync(places.binary, words, { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return stdout.trim();
}

/** Starts a server on a free port; its URL. */
async function serve(name: string, ...words: string[]): Promise<string> {
  const server = new Process(places.binary, [name, '--listen', '127.0.0.1:0', ...words]);
  processes.push(server);
  return (await server.printed(new RegExp(`^${name}\\s+(http:\\S+)$`, 'm')))[1] ?? '';
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidegate-tokens-'));
  const file = (name: string) => join(folder, name);
  upstream = createServer((incoming, outgoing) => {
    asked += 1;
    incoming.resume();
    outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
    outgoing.end(ANSWER.map((data) => `data: ${data}\n\n`).join(''));
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));

  tidegate('tokens', 'generate', '--keys', file('issuer.json'));
  const allow = ['tokens', 'allow', '--apps', file('apps.json'), '--name', 'an app', '--daily-tokens', '100'];
  appKey = tidegate(...allow);
  tidegate('tokens', 'directory', '--keys', file('issuer.json'), '--out', file('directory.json'));
  keys = JSON.parse(readFileSync(file('directory.json'), 'utf8'));
  issuer = await serve('issuer', '--keys', file('issuer.json'), '--apps', file('apps.json'));
  const { port } = upstream.address() as AddressInfo;
  const gateway = await serve(
    'gateway',
    ...['--seed', file('seed'), '--upstream-url', `http://127.0.0.1:${port}/v1`],
    ...['--issuer-keys', file('directory.json'), '--spent', file('spent')],
    ...['--issuer', NAMES.issuer, '--origin', NAMES.origin],
  );
  const relay = await serve('relay', '--gateway', gateway);
  const configs = await (await fetch(new URL('ohttp-keys', gateway))).arrayBuffer();
  cloud = { relays: [relay], keys: Buffer.from(configs).toString('base64'), model: 'any' };

  site = await Site.start();
  browser = await Browser.start();
  // As the app's back end: it knows its user, adds its key and forwards the bytes.
  await browser.context.exposeFunction('forward', async (batch: string) => {
    const answer = await fetch(new URL('token-request', issuer), {
      method: 'POST',
      headers: {
        'content-type': 'application/private-token-generic-batch-request',
        authorization: `Bearer ${appKey}`,
      },
      body: Buffer.from(batch, 'base64'),
    });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    return Buffer.from(await answer.arrayBuffer()).toString('base64');
  });
});

beforeEach(async () => {
  page = await browser.open(site.url);
  await page.waitForFunction(() => 'tidegate' in window);
});

afterAll(async () => {
  await browser?.stop();
  await site?.stop();
  for (const server of processes) await server.stop();
  await new Promise((resolve) => upstream?.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

/** What the page's tokens are: of a wallet for this gateway or another, or one token again and again; or none. */
type Tokens = { origin: string; fails?: boolean } | 'the same' | undefined;

/** Asks so many questions; their answers or the codes of their errors. */
function ask(tokens: Tokens, questions: number): Promise<(string | ErrorCode)[]> {
  return page.evaluate(
    async ({ cloud, keys, issuer, tokens, questions }) => {
      const toBase64 = (bytes: Uint8Array) =>
        btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
      const open = async (origin: string, fails: boolean) => {
        const { openTokenWallet } = await window.importTokens();
        const issue = async (batch: Uint8Array) => {
          if (fails) throw new Error('the back end is down');
          const answer = await window.forward(toBase64(batch));
          return Uint8Array.from(atob(answer), (character) => character.charCodeAt(0));
        };
        window.wallet = await openTokenWallet({ issue, issuer, origin, keys, batch: 4 });
        return window.wallet;
      };
      let source: TokenSource | undefined;
      if (tokens === 'the same') {
        const token = await (await open('gateway.example', false)).take();
        source = { take: async () => token };
      } else if (tokens !== undefined) {
        source = await open(tokens.origin, tokens.fails === true);
      }
      const instance = await window.tidegate.createTidegate({
        cloud: { ...cloud, ...(source === undefined ? {} : { tokens: source }) },
        policy: { mode: 'cloud-only' },
      });
      const endings: string[] = [];
      for (let i = 0; i < questions; i += 1) {
        try {
          const messages = [{ role: 'user' as const, content: 'Where do storks sleep?' }];
          const { choices } = await instance.chat.completions.create({ messages });
          endings.push(choices[0]?.message.content ?? '');
        } catch (thrown) {
          endings.push((thrown as { code: ErrorCode }).code);
        }
      }
      await instance.dispose();
      return endings;
    },
    { cloud, keys, issuer: NAMES.issuer, tokens, questions },
  );
}

test('each question takes a token from the wallet, and the gateway answers', async () => {
  const before = asked;
  expect(await ask({ origin: NAMES.origin }, 2)).toEqual(['In nests.', 'In nests.']);
  expect(asked).toBe(before + 2);
  expect(await page.evaluate(() => window.wallet.count())).toBe(2);
});

test('a page without tokens is told that the gateway takes them, and downloads nothing of them', async () => {
  const before = { asked, files: site.asked.length };
  expect(await ask(undefined, 1)).toEqual(['token-required']);
  expect(asked).toBe(before.asked);
  const files = site.asked.slice(before.files);
  expect(files.filter((path) => /tokens|blinding|blindrsa/.test(path))).toEqual([]);
});

test('a token for another gateway is refused', async () => {
  expect(await ask({ origin: 'another.example' }, 1)).toEqual(['token-refused']);
});

test('a token pays for one question', async () => {
  const before = asked;
  expect(await ask('the same', 2)).toEqual(['In nests.', 'token-spent']);
  expect(asked).toBe(before + 1);
});

test('an empty wallet whose back end is down says so', async () => {
  expect(await ask({ origin: 'a-third.example', fails: true }, 1)).toEqual(['token-unavailable']);
});
