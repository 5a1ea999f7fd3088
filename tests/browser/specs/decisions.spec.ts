import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { create, question } from '../harness/package.ts';
import { useParties } from '../harness/parties.ts';
import { places } from '../harness/places.ts';
import { Site } from '../harness/site.ts';

/** Of kinds that are judged by different parts of the router. */
const PROMPTS = [
  'What is the capital of France?',
  'Natalia sold 48 clips in April and half as many in May. She paid $12.50 for each. How many did she sell?',
  'Which of these is a noble gas?\nA. Neon\nB. Iron\nC. Chlorine\nD. Sulfur\nAnswer:',
  'Translate to German: "the storks sleep in their nests – all of them"',
  "fn main() { let words: Vec<&str> = text.split(' ').collect(); } // why does this not compile?",
  '東京の人口は何人ですか？ Ответьте кратко.',
  `Summarise this:\n${'The tide comes in, and the gate is shut; the tide goes out. '.repeat(40)}`,
];

const parties = useParties();
let site: Site;
beforeAll(async () => {
  site = await Site.start();
});
afterAll(() => site.stop());

test('a decision of a page is made again by the command, bit for bit', async () => {
  const page = await parties.browser.open(site.url);
  expect(await create(page, { cloud: await parties.stack.cloud() })).toBeUndefined();
  const { records, ms } = await page.evaluate(
    async (requests) => {
      const { diagnostics } = window.instance;
      const records: (string | undefined)[] = [];
      let ms = 0;
      for (const request of requests) {
        await window.instance.route(request, { policy: { mode: 'prefer-local' } });
        records.push(await diagnostics.lastRecord());
        ms += (await diagnostics.decisionCost(request)).ms;
      }
      return { records, ms };
    },
    PROMPTS.map((prompt) => question(prompt)),
  );
  await page.close();
  // A number, however a browser rounds times.
  expect(ms).toBeGreaterThanOrEqual(0);

  const replayed = lines(tidegate('replay', records.join('\n')));
  expect(replayed.map(({ same }) => same)).toEqual(PROMPTS.map(() => true));

  // The judgement, too, is the same in wasm and natively.
  const prompts = PROMPTS.map((prompt) => JSON.stringify({ prompt })).join('\n');
  const natively = lines(tidegate('route', prompts)).map(
    ({ intent, intent_probability, expected_gain, novelty }) => ({
      guess: { intent, probability: intent_probability },
      estimate: { gain: expected_gain, novelty },
    }),
  );
  const inPage = records.map((record) => JSON.parse(record ?? '').inputs.judgement);
  expect(inPage).toEqual(natively);
});

function tidegate(command: string, input: string): string {
  return execFileSync(places.binary, [command], { input, encoding: 'utf8' });
}

function lines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}
