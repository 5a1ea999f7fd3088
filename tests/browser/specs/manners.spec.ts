import type { ChatRequest } from 'tidegate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Browser } from '../harness/chromium.ts';
import { ask, create, question } from '../harness/package.ts';
import { useModelSite } from '../harness/parties.ts';

const offered = useModelSite();
let browser: Browser;

beforeAll(async () => {
  browser = await Browser.start();
});
afterAll(() => browser?.stop());

const CAPITAL: ChatRequest = {
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'What is the capital of France?' },
  ],
  temperature: 0,
  max_tokens: 16,
};

/**
 * Tells what the worker hears, and how many turns it had given its event loop by then; `turns`, too, once twenty of
 * a long prompt are over. It says `ready` to whoever says something: from then on they hear everything.
 */
const TELLS_TURNS = `
const told = new BroadcastChannel('turns');
told.onmessage = () => told.postMessage(['ready', 0]);
const post = MessagePort.prototype.postMessage;
let turns = 0;
let twentieth = Infinity;
MessagePort.prototype.postMessage = function (...message) {
  turns += 1;
  if (turns === twentieth) told.postMessage(['turns', turns]);
  return post.apply(this, message);
};
self.addEventListener('message', ({ data }) => {
  if (data.type === 'answer') twentieth = turns + 20;
  told.postMessage([data.type, turns]);
});
`;

test('a long prompt that nobody wants any more is not read on', async () => {
  const page = await browser.open(offered.site.url);
  const workerUrl = offered.site.faultyWorker(TELLS_TURNS);
  expect(await create(page, { model: offered.model, workerUrl })).toBeUndefined();
  const told = await page.evaluate(
    async (long) => {
      const told: [what: string, turns: number][] = [];
      const controller = new AbortController();
      const channel = new BroadcastChannel('turns');
      await new Promise((resolve) => {
        channel.onmessage = resolve;
        channel.postMessage('hello');
      });
      const routed = new Promise<void>((resolve) => {
        channel.onmessage = ({ data }) => {
          told.push(data);
          if (data[0] === 'turns') controller.abort();
          if (data[0] === 'route') resolve();
        };
      });
      const answered = window.instance.chat.completions.create(long, { signal: controller.signal });
      const thrown = await answered.catch((error: Error) => error.name);
      await window.instance.route(long);
      await routed;
      return [...told, [thrown]];
    },
    question('word '.repeat(4000), { max_tokens: 4 }),
  );
  const at = new Map(told as [string, number][]);
  expect([...at.keys()]).toEqual(['answer', 'turns', 'abort', 'route', 'AbortError']);
  // Up to the abort the prompt was read; from then on not one more piece of it.
  expect(at.get('abort')).toBeGreaterThanOrEqual(at.get('turns') ?? 0);
  expect(at.get('route')).toBe(at.get('abort'));
  expect((await ask(page, CAPITAL)).text).toContain('Paris');
  await page.close();
});

test('an answer that nobody waits for gives way to others, and goes on where it stopped', async () => {
  const page = await browser.open(offered.site.url);
  expect(await create(page, { model: offered.model })).toBeUndefined();
  const story = question('Tell me about the sea.', { max_tokens: 64, temperature: 0.8, seed: 7 });
  const alone = await ask(page, story);
  expect(alone.error).toBeUndefined();
  const { ended, text, capital } = await page.evaluate(
    async ([story, question]) => {
      const { completions } = window.instance.chat;
      const ended: string[] = [];
      const stream = await completions.create({ ...story, stream: true }, { priority: 'background' });
      let text = '';
      let urgent: Promise<string> | undefined;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? '';
        if (text === '') continue;
        urgent ??= completions.create({ ...question, stream: false }).then(({ choices }) => {
          ended.push('urgent');
          return choices[0].message.content;
        });
      }
      ended.push('background');
      return { ended, text, capital: await urgent };
    },
    [story, CAPITAL] as const,
  );
  expect(ended).toEqual(['urgent', 'background']);
  expect(capital).toContain('Paris');
  expect(text).toBe(alone.text);
  await page.close();
});

test('an app’s listener that throws breaks no answer', async () => {
  const page = await browser.open(offered.site.url);
  expect(await create(page, { model: offered.model })).toBeUndefined();
  await page.evaluate(() => {
    for (const event of ['route', 'receipt'] as const) {
      window.instance.on(event, () => {
        throw new Error(`the app fails at ${event}`);
      });
    }
  });
  const answer = await ask(page, CAPITAL);
  expect(answer.error).toBeUndefined();
  expect(answer.text).toContain('Paris');
  expect(browser.console).toContain('uncaught: the app fails at route');
  expect(browser.console).toContain('uncaught: the app fails at receipt');
  await page.close();
});

/** Script and module of two versions: what one says the other does not understand. */
const MISMATCHES = {
  'an event without its fields': `
const post = self.postMessage.bind(self);
self.postMessage = (message) =>
  post(message.event?.type === 'done' ? { ...message, event: { type: 'done' } } : message);
`,
  'an event that never comes': `
const post = self.postMessage.bind(self);
self.postMessage = (message) => { if (message.event?.type !== 'done') post(message); };
`,
  'an event that cannot be read': `
const parse = JSON.parse;
JSON.parse = (text) => {
  const value = parse(text);
  if (value?.type === 'text') throw new SyntaxError('not JSON');
  return value;
};
`,
};

test.for(Object.entries(MISMATCHES))('%s is an error, and no answer without an end', async ([, fault]) => {
  const page = await browser.open(offered.site.url);
  const workerUrl = offered.site.faultyWorker(fault);
  expect(await create(page, { model: offered.model, workerUrl })).toBeUndefined();
  const { error } = await ask(page, CAPITAL);
  expect(error).toMatchObject({ name: 'TidegateError', code: 'internal' });
  await page.close();
});
