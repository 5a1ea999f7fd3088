import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ask, create, type Options, question } from '../harness/package.ts';
import { useParties } from '../harness/parties.ts';
import { places } from '../harness/places.ts';
import { Site } from '../harness/site.ts';

const TAGGER = 'wasm/tagger.bin';
const NAME = 'Rachel Zheng';
const ADDRESS = '12 Baker Street, London';
const ORGANISATION = 'Acme Logistics GmbH';
const INTRODUCTION = `My name is ${NAME}, I work for ${ORGANISATION} and I live at ${ADDRESS}.`;

const parties = useParties();
let site: Site;

beforeAll(async () => {
  site = await Site.start();
});
afterAll(() => site?.stop());
beforeEach(() => {
  parties.upstream.echo = true;
  site.serveWhole();
});

async function open(more: Options = {}): Promise<Page> {
  const page = await parties.browser.open(site.url);
  const cloud = await parties.stack.cloud();
  expect(await create(page, { cloud, policy: { mode: 'cloud-only' }, ...more })).toBeUndefined();
  return page;
}

/** What the cloud's model was asked last. */
function asked(): string {
  const { body } = parties.upstream.requests.at(-1) ?? { body: '{}' };
  return (JSON.parse(body) as { messages: { content: string }[] }).messages.at(-1)?.content ?? '';
}

test('a name, an address and an organisation leave behind placeholders and come back', async () => {
  const page = await open();
  const { text, receipt, error } = await ask(page, question(INTRODUCTION));
  expect(error).toBeUndefined();
  expect(text).toBe(INTRODUCTION);
  const kinds = receipt?.replaced.map(({ kind }) => kind);
  expect(kinds).toEqual(expect.arrayContaining(['PERSON', 'ORGANIZATION', 'ADDRESS']));
  expect(parties.upstream.requests.at(-1)?.body).toBe(receipt?.sent?.text);
  for (const word of `${NAME} Acme Logistics Baker Street`.split(' ')) {
    expect(receipt?.sent?.text).not.toContain(word);
  }

  // Offsets are those of the page's own text, and each span says what leaves in its place.
  const [message] = await page.evaluate(
    async (request) => (await window.instance.preview(request)).messages,
    question(`🦀 ${INTRODUCTION}`),
  );
  let diff = '';
  let end = 0;
  for (const finding of message?.findings ?? []) {
    diff += `🦀 ${INTRODUCTION}`.slice(end, finding.start) + finding.leavesAs;
    end = finding.end;
  }
  expect(diff + `🦀 ${INTRODUCTION}`.slice(end)).toBe(message?.text);
  expect(message?.text).toBe(`🦀 ${asked()}`);
});

test.for([
  { what: 'is missing', file: () => undefined, why: 'the server answered 404' },
  {
    what: 'is damaged',
    file: () => {
      const bytes = readFileSync(join(places.packageDist, TAGGER));
      bytes.writeUInt8(bytes.readUInt8(9999) ^ 1, 9999);
      return bytes;
    },
    why: 'damaged',
  },
])('nothing leaves while the tagger $what, and all goes on once it is there', async ({ file, why }) => {
  site.serveInstead(TAGGER, file());
  const page = await open();
  const before = parties.upstream.requests.length;
  const { error } = await ask(page, question(INTRODUCTION));
  expect(error).toMatchObject({ code: 'detector-unavailable', recoverable: true });
  expect(error?.message).toContain(`${site.url}tidegate/${TAGGER}`);
  expect(error?.message).toContain(why);
  const preview = await page.evaluate(
    (request) => window.instance.preview(request).catch(({ code }: { code: string }) => code),
    question(INTRODUCTION),
  );
  expect(preview).toBe('detector-unavailable');
  expect(parties.upstream.requests).toHaveLength(before);

  site.serveWhole();
  const again = await ask(page, question(INTRODUCTION));
  expect(again.text).toBe(INTRODUCTION);
  expect(asked()).not.toContain(NAME);
});

test('where the page can answer it does while the tagger is missing, and says why', async () => {
  site.serveInstead(TAGGER, undefined);
  const model = site.offer('smollm2', readFileSync(places.model));
  const page = await open({ model, policy: { mode: 'prefer-cloud' } });
  const before = parties.upstream.requests.length;
  const { receipt } = await ask(page, question('Say yes.', { max_tokens: 2, temperature: 0 }));
  // What else it says is about the words that came: the model may doubt them.
  expect(receipt?.source).toBe('local');
  expect(receipt?.reasons[0]).toMatchObject({ code: 'detector-not-ready' });
  expect(parties.upstream.requests).toHaveLength(before);
});

test('masks that a person edits are what leaves, for the rest of the conversation', async () => {
  const page = await open();
  const text = `${NAME} wrote to ada@example.com about Project Nightjar.`;
  const refused = await page.evaluate(async (text) => {
    const { instance } = window;
    const edits = { hide: [{ text: 'project nightjar' }], show: ['ada@example.com'] };
    const { receipt } = await instance.chat.completions.create(
      { messages: [{ role: 'user', content: text }] },
      { policy: { beforeCloud: () => edits } },
    );
    const url = 'https://ada:hunter2@example.com';
    const { refused } = await instance.editMasks({ show: [url] });
    return { sent: receipt.sent?.text, refused };
  }, text);
  expect(asked()).toBe('[PERSON_1] wrote to ada@example.com about [PRIVATE_1].');
  expect(refused.sent).toBe(parties.upstream.requests.at(-1)?.body);
  expect(refused.refused).toEqual(['https://ada:hunter2@example.com']);

  await ask(page, question('Project Nightjar: bob@example.com, ada@example.com'));
  expect(asked()).toBe('[PRIVATE_1]: [EMAIL_2], ada@example.com');
  await page.evaluate(() => window.instance.forget());
  await ask(page, question('Project Nightjar: bob@example.com, ada@example.com'));
  expect(asked()).toBe('Project Nightjar: [EMAIL_1], [EMAIL_2]');
});

test('a saved vault goes on after a reload', async () => {
  const page = await open();
  await ask(page, question('ada@example.com, bob@example.com'));
  const saved = await page.evaluate(() => window.instance.saveVault());
  await page.close();

  const next = await open();
  const error = await next.evaluate(async (saved) => {
    await window.instance.loadVault(saved);
    const newer = saved.replace('"version":1', '"version":99');
    return window.instance.loadVault(newer).catch(({ code, message }) => ({ code, message }));
  }, saved);
  expect(error).toMatchObject({ code: 'invalid-request', message: expect.stringContaining('version 99') });
  const { text } = await ask(next, question('eve@example.com, bob@example.com'));
  expect(asked()).toBe('[EMAIL_3], [EMAIL_2]');
  expect(text).toBe('eve@example.com, bob@example.com');
});

test('an engine that breaks takes no placeholder along', async () => {
  const breaks = `self.addEventListener('message', ({ data }) => {
    if (data.type === 'greedy') throw new WebAssembly.RuntimeError('unreachable');
  });`;
  const page = await open({ workerUrl: site.faultyWorker(breaks, 1) });
  await ask(page, question('ada@example.com, bob@example.com'));
  const broken = await page.evaluate(() =>
    window.instance.diagnostics.greedy([1], 1).catch(({ message }: Error) => message),
  );
  expect(broken).toContain('unreachable');
  await ask(page, question('bob@example.com'));
  expect(asked()).toBe('[EMAIL_2]');
});
