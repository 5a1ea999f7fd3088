import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { everyAnswerStands } from '../harness/calibration.ts';
import { type Browser, withBrowser } from '../harness/chromium.ts';
import { create, question } from '../harness/package.ts';
import { useParties } from '../harness/parties.ts';
import { places } from '../harness/places.ts';
import { Pwa } from '../harness/pwa.ts';
import { Site } from '../harness/site.ts';

declare global {
  interface Window {
    /** Every text that an answer has shown, in order. */
    shown: string[];
  }
}

const EMAIL = 'ada.lovelace@example.org';
const QUESTION = `I am ${EMAIL}. What is the capital of France?`;
const UNSURE = 'This answer may be wrong: the model on this device was unsure.';

const parties = useParties();

beforeEach(() => {
  parties.upstream.echo = true;
  parties.upstream.requests.length = 0;
});
afterEach(() => {
  parties.upstream.answerWith = undefined;
});

/** The page with its model, by whose calibration every answer stands with this probability. */
async function open(browser: Browser, probability: number): Promise<Pwa> {
  const page = await browser.context.newPage();
  browser.listen(page);
  await page.route('**/tidegate.json', async (route) => {
    const response = await route.fetch();
    const config = (await response.json()) as { model: string };
    const manifest = await fetch(new URL(config.model, parties.stack.page));
    const { sha256 } = (await manifest.json()) as { sha256: string };
    const calibration = everyAnswerStands(probability, sha256);
    await route.fulfill({ response, json: { ...config, calibration } });
  });
  await page.goto(parties.stack.page);
  const pwa = new Pwa(page);
  await pwa.downloadModel();
  await pwa.choose('prefer-local');
  await page.evaluate(() => {
    window.shown = [];
    new MutationObserver(() => {
      const text = [...document.querySelectorAll('[data-testid="answer-text"]')].at(-1)?.textContent ?? '';
      if (text !== window.shown.at(-1)) window.shown.push(text);
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  return pwa;
}

test('an answer whose beginning is doubtful is never shown, and the cloud answers', async () => {
  await withBrowser({}, async (browser) => {
    const pwa = await open(browser, 0.1);
    await pwa.ask(QUESTION);
    const answer = await pwa.answer('done');

    // The cloud says the question back.
    expect((await answer.getByTestId('answer-text').innerText()).trim()).toBe(QUESTION);
    const shown = await pwa.page.evaluate(() => window.shown);
    expect(shown.filter((text) => !QUESTION.startsWith(text.trim()))).toEqual([]);
    expect(await answer.getAttribute('data-source')).toBe('both');
    expect(await answer.getByTestId('badge').innerText()).toBe('Through the relay');
    expect(await answer.getByTestId('why').innerText()).toBe(
      'The model on this device was unsure of its answer.',
    );
    expect(await answer.getByTestId('doubt').count()).toBe(0);

    // By the same way out as any other question.
    expect(parties.upstream.requests).toHaveLength(1);
    expect(parties.upstream.requests[0]?.body).toContain('I am [EMAIL_1].');
    expect(parties.upstream.requests[0]?.body).not.toContain(EMAIL);
    await answer.getByTestId('left').locator('summary').click();
    expect(await answer.getByTestId('sent').innerText()).toContain('[EMAIL_1]');
  });
});

test('where the cloud does not answer the page goes on, says so, and offers the way again', async () => {
  await withBrowser({}, async (browser) => {
    const pwa = await open(browser, 0.1);
    parties.upstream.answerWith = { status: 500, body: '{"error":{"message":"no"}}' };
    await pwa.ask('What is the capital of France?');
    await pwa.page.getByTestId('doubt').waitFor();
    const kept = await pwa.answer('done');
    expect(await kept.getByTestId('answer-text').innerText()).toContain('Paris');
    expect(await kept.getAttribute('data-source')).toBe('local');
    const note = kept.getByTestId('doubt');
    expect(await note.innerText()).toContain(`${UNSURE} The cloud was asked instead and could not answer.`);
    parties.upstream.answerWith = undefined;
    await note.getByRole('button', { name: 'Ask the cloud' }).click();
    await pwa.page.locator('[data-testid="answer"][data-state="done"][data-source="cloud"]').waitFor();

    // Who lets nothing leave is told, and offered nothing that they do not want.
    await pwa.choose('local-only');
    const before = parties.upstream.requests.length;
    await pwa.ask('What is the capital of Italy?');
    await pwa.page.getByTestId('doubt').waitFor();
    const alone = await pwa.answer('done');
    expect(await alone.getByTestId('doubt').innerText()).toBe(UNSURE);
    expect(await alone.getByRole('button', { name: 'Ask the cloud' }).count()).toBe(0);
    expect(parties.upstream.requests).toHaveLength(before);
  });
});

test('an answer that will stand is kept, and nothing leaves', async () => {
  await withBrowser({}, async (browser) => {
    const pwa = await open(browser, 0.9);
    await pwa.ask('What is the capital of France?');
    const answer = await pwa.answer('done');
    expect(await answer.getByTestId('answer-text').innerText()).toContain('Paris');
    expect(await answer.getAttribute('data-source')).toBe('local');
    expect(await answer.getByTestId('doubt').count()).toBe(0);
    expect(await answer.getByTestId('figures').innerText()).toContain('90% sure');

    // What the person thinks of it is learned from, here.
    const good = answer.getByRole('button', { name: 'Good', exact: true });
    await good.click();
    const learned = await pwa.page.waitForFunction(() => {
      const kept = JSON.parse(localStorage.getItem('tidegate.feedback') ?? '{}');
      return kept.reactions === 1 ? kept : undefined;
    });
    expect(await learned.jsonValue()).toMatchObject({ reactions: 1, drift: null });
    expect([await good.getAttribute('aria-pressed'), await good.isDisabled()]).toEqual(['true', true]);
    expect(parties.upstream.requests).toEqual([]);
  });
});

test('who is asked decides whether the cloud answers instead', async () => {
  const site = await Site.start();
  try {
    const model = site.offer('smollm2', readFileSync(places.model));
    const manifest = (await (await fetch(model)).json()) as { sha256: string };
    const calibration = everyAnswerStands(0.1, manifest.sha256);
    const page = await parties.browser.open(site.url);
    const cloud = await parties.stack.cloud();
    expect(await create(page, { model, cloud, calibration })).toBeUndefined();
    const asked = question('What is the capital of France?', { temperature: 0, max_tokens: 24 });
    const [yes, no] = await page.evaluate(async (request) => {
      const ask = async (cloud: boolean) => {
        const doubts: unknown[] = [];
        const targets: string[] = [];
        const off = window.instance.on('route', ({ target }) => targets.push(target));
        const { choices, receipt } = await window.instance.chat.completions.create(
          { ...request, stream: false },
          {
            policy: {
              mode: 'prefer-local',
              // How fast both were before is not what this is about.
              preferences: { latency: 0 },
              onDoubt: 'ask',
              whenDoubtful: (doubt) => {
                doubts.push(doubt);
                return cloud;
              },
            },
          },
        );
        off();
        return { text: choices[0].message.content, receipt, doubts, targets };
      };
      return [await ask(true), await ask(false)] as const;
    }, asked);

    const doubt = { cause: 'unsure', probability: expect.closeTo(0.1, 5), cloud: true };
    expect(yes.doubts).toEqual([doubt]);
    expect(yes.targets).toEqual(['local', 'cloud']);
    expect(yes.text).toBe('What is the capital of France?');
    expect(yes.receipt).toMatchObject({ source: 'both', calibrated: true });
    expect(yes.receipt.usage.local.completion_tokens).toBe(8);

    expect(no.doubts).toEqual([doubt]);
    expect(no.targets).toEqual(['local']);
    // Of the page's own model, whatever it says.
    expect(no.text).toMatch(/\S/);
    expect(no.text).not.toBe(yes.text);
    expect(no.receipt).toMatchObject({ source: 'local', doubt, calibrated: true });
    expect(no.receipt.reasons.at(-1)?.code).toBe('escalation-declined');
    expect(parties.upstream.requests).toHaveLength(1);
    await page.close();

    const wrong = await parties.browser.open(site.url);
    const other = everyAnswerStands(0.1, '0'.repeat(64));
    const error = await create(wrong, { model, calibration: other });
    expect(error).toMatchObject({ code: 'invalid-request' });
    expect(error?.message).toContain(manifest.sha256);
    await wrong.close();
  } finally {
    await site.stop();
  }
});
