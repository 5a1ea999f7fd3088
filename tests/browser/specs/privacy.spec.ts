import type { Locator } from 'playwright-core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withBrowser } from '../harness/chromium.ts';
import { useParties } from '../harness/parties.ts';
import { Pwa } from '../harness/pwa.ts';
import { dumpStorage } from '../harness/storage.ts';

const NAME = 'Rachel Zheng';
const COMPANY = 'Northwind Bank';
const ADDRESS = '12 Harbour Lane';
const DRAFT = `My name is ${NAME} and I work for ${COMPANY}. I live at ${ADDRESS}. My hobby is pottery.`;
/** With the company shown and the hobby hidden by hand. */
const LEAVES =
  'My name is [PERSON_1] and I work for Northwind Bank. I live at [ADDRESS_1]. My hobby is [PRIVATE_1].';

const parties = useParties();

beforeEach(() => {
  parties.upstream.echo = true;
});
afterEach(async () => {
  parties.upstream.answerWith = undefined;
  for (const page of parties.browser.context.pages()) await page.close();
});

async function open(): Promise<Pwa> {
  const page = new Pwa(await parties.browser.open(parties.stack.page));
  await page.choose('cloud-only');
  return page;
}

/** What a diff shows: the texts that stay, and what leaves in the place of each. */
async function masks(diff: Locator): Promise<[stays: string, leaves: string][]> {
  await diff.getByTestId('masked').first().waitFor();
  return diff
    .getByTestId('masked')
    .evaluateAll((masked) =>
      masked.map((mask): [string, string] => [
        mask.querySelector('del')?.lastChild?.textContent ?? '',
        mask.querySelector('ins')?.lastChild?.textContent ?? '',
      ]),
    );
}

/** Selects a word as a person does, by a double click on it. */
async function select(page: Pwa, diff: Locator, word: string): Promise<void> {
  await diff.scrollIntoViewIfNeeded();
  const [x, y] = await diff.evaluate((element, word) => {
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
      const at = text.textContent?.indexOf(word) ?? -1;
      if (at < 0) continue;
      const range = document.createRange();
      range.setStart(text, at);
      range.setEnd(text, at + word.length);
      const box = range.getBoundingClientRect();
      return [box.x + box.width / 2, box.y + box.height / 2] as const;
    }
    throw new Error(`${word} is not in the text`);
  }, word);
  await page.page.mouse.dblclick(x, y);
}

/** The last message as the cloud model got it. */
async function asked(index: number): Promise<string | undefined> {
  const { body } = await parties.upstream.request(index);
  const { messages } = JSON.parse(body) as { messages: { content: string }[] };
  return messages.at(-1)?.content;
}

test('names, addresses and organisations stay, masks can be edited, and the conversation is kept sealed', async () => {
  const page = await open();
  await page.page.getByRole('textbox', { name: 'Message' }).fill(DRAFT);
  const preview = page.page.getByTestId('draft-preview');
  await preview.getByText('1 name, 1 organisation and 1 address stay here.').click();
  const draft = preview.getByTestId('diff');
  expect(await masks(draft)).toEqual([
    [NAME, '[PERSON_1]'],
    [COMPANY, '[ORGANIZATION_1]'],
    [ADDRESS, '[ADDRESS_1]'],
  ]);

  await draft.getByRole('button', { name: `Show “${COMPANY}”` }).click();
  await preview.getByText('1 name and 1 address stay here.').waitFor();
  await select(page, draft, 'pottery');
  await preview.getByRole('button', { name: 'Hide selection' }).click();
  await preview.getByText('1 name, 1 address and 1 private text stay here.').waitFor();
  const masked = [
    [NAME, '[PERSON_1]'],
    [ADDRESS, '[ADDRESS_1]'],
    ['pottery', '[PRIVATE_1]'],
  ];
  expect(await masks(draft)).toEqual(masked);

  await page.page.getByRole('button', { name: 'Send' }).click();
  const answer = await page.answer('done');
  expect(await asked(0)).toBe(LEAVES);
  expect(parties.upstream.requests[0]?.body).not.toMatch(/Rachel|Zheng|Harbour|pottery/);
  // The cloud model says back what it got.
  expect(await answer.getByTestId('answer-text').innerText()).toBe(DRAFT);
  await answer.getByTestId('left').locator('summary').first().click();
  expect(await masks(answer.getByTestId('diff'))).toEqual(masked);
  expect((await answer.getByTestId('sent').innerText()).replace(/\s+/g, ' ')).toContain(LEAVES);

  // What is kept is there after a reload, sealed; so are the placeholders and what was hidden by hand.
  await page.kept();
  await page.page.reload();
  expect(await page.page.getByTestId('question').innerText()).toBe(DRAFT);
  expect(await page.page.getByTestId('answer-text').innerText()).toBe(DRAFT);
  const kept = await dumpStorage(page.page);
  expect(kept).toMatchObject({ records: { entries: 1, keys: 1 }, keysToTakeAway: 0 });
  expect(kept.text).not.toMatch(/Rachel|Zheng|Harbour|pottery|Northwind|PERSON_1/i);
  await page.page
    .getByRole('textbox', { name: 'Message' })
    .fill(`Tell ${NAME} at ${COMPANY} about the pottery.`);
  await preview.locator('summary').click();
  expect(await masks(draft)).toEqual([
    [NAME, '[PERSON_1]'],
    ['pottery', '[PRIVATE_1]'],
  ]);

  // A new conversation leaves nothing behind, and what is not asked over can be brought back.
  const fresh = page.page.getByRole('button', { name: 'New conversation' });
  await fresh.click();
  await page.kept();
  expect((await dumpStorage(page.page)).records).toEqual({ entries: 0, keys: 0 });
  await page.page.getByRole('button', { name: 'Bring it back' }).click();
  await page.kept();
  await page.page.reload();
  expect(await page.page.getByTestId('question').innerText()).toBe(DRAFT);
  await fresh.click();
  await page.kept();
  expect((await dumpStorage(page.page)).records).toEqual({ entries: 0, keys: 0 });
  await page.page.reload();
  await page.page.getByRole('heading', { name: 'A language model on your side of the gate.' }).waitFor();
  expect(await page.page.getByTestId('question').count()).toBe(0);
});

test('the person who is asked first may change the masks, and what they saw is what leaves', async () => {
  const page = await open();
  await page.page.getByRole('button', { name: /^Mode: / }).click();
  await page.page.getByRole('checkbox', { name: 'Show me the text before anything leaves' }).check();
  await page.page.keyboard.press('Escape');
  const before = parties.upstream.requests.length;
  await page.ask(DRAFT);

  const consent = page.page.getByTestId('consent');
  await consent.getByRole('button', { name: `Show “${COMPANY}”` }).click();
  // With keys alone.
  await consent.getByRole('textbox', { name: 'Hide more' }).focus();
  await page.page.keyboard.type('POTTERY');
  await page.page.keyboard.press('Enter');
  await consent.getByText('“POTTERY” stays here').waitFor();
  expect(await masks(consent.getByTestId('diff'))).toEqual([
    [NAME, '[PERSON_1]'],
    [ADDRESS, '[ADDRESS_1]'],
    ['pottery', '[PRIVATE_1]'],
  ]);
  expect(parties.upstream.requests).toHaveLength(before);
  await consent.getByRole('button', { name: 'Send it' }).click();
  await page.answer('done');
  expect(await asked(before)).toBe(LEAVES);

  await page.page.getByRole('button', { name: 'New conversation' }).click();
  await page.page
    .getByRole('textbox', { name: 'Message' })
    .fill('The key is AKIAIOSFODNN7EXAMPLE, is it not?');
  const preview = page.page.getByTestId('draft-preview');
  await preview.getByText('1 access key may not leave.').click();
  await preview.getByText('access key: never leaves, not even behind a placeholder.').waitFor();
  expect(await preview.getByRole('button', { name: /^Show/ }).count()).toBe(0);
});

test('a conversation that cannot be kept, or not be opened, is no surprise', async () => {
  const page = await open();
  const trouble = page.page.getByTestId('trouble');
  // What an earlier version of the page kept in plaintext is sealed.
  await page.page.evaluate(() => {
    const turns = [{ id: '1', question: 'Who is Rachel?', answer: { state: 'done', text: 'A friend.' } }];
    localStorage.setItem('tidegate.conversation', JSON.stringify({ version: 1, turns }));
    localStorage.removeItem('tidegate.ask-first');
  });
  await page.page.reload();
  await page.page.getByText('Who is Rachel?').waitFor();
  await page.kept();
  const moved = await dumpStorage(page.page);
  expect(moved.records).toEqual({ entries: 1, keys: 1 });
  expect(moved.text).not.toContain('Rachel');

  // No room.
  parties.upstream.answerWith = { status: 401, body: '{}' };
  const put = await page.page.evaluateHandle(() => {
    const { put } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.put = () => {
      throw new DOMException('the disk is full', 'QuotaExceededError');
    };
    return put;
  });
  await page.ask('And who is Tom?');
  await page.answer('failed');
  await trouble.filter({ hasText: 'This browser has no room to keep the conversation' }).waitFor();
  await put.evaluate((put) => {
    IDBObjectStore.prototype.put = put;
  });
  await page.ask('And who is Ann?');
  await trouble.waitFor({ state: 'detached' });
  await page.kept();
  await page.page.reload();
  await page.page.getByText('And who is Ann?').waitFor();
  expect(await page.page.getByTestId('question').allInnerTexts()).toEqual([
    'Who is Rachel?',
    'And who is Tom?',
    'And who is Ann?',
  ]);

  // No key.
  await page.page.evaluate(
    () =>
      new Promise((resolve) => {
        const opening = indexedDB.open('tidegate.conversation');
        opening.onsuccess = () => {
          const transaction = opening.result.transaction('keys', 'readwrite');
          transaction.objectStore('keys').clear();
          transaction.oncomplete = resolve;
        };
      }),
  );
  await page.page.reload();
  await trouble.filter({ hasText: 'The last conversation is lost' }).waitFor();
  expect(await page.page.getByTestId('question').count()).toBe(0);
});

test('with storage blocked the page answers, forgets, and says so', async () => {
  const preferences = { profile: { default_content_setting_values: { cookies: 2 } } };
  await withBrowser({ preferences }, async (browser) => {
    const page = new Pwa(await browser.open(parties.stack.page));
    await page.choose('cloud-only');
    parties.upstream.answerWith = { status: 401, body: '{}' };
    await page.ask('Who is Tom?');
    await page.answer('failed');
    const trouble = page.page.getByTestId('trouble');
    expect(await trouble.innerText()).toContain('This browser keeps nothing for this page');
    await page.page.reload();
    await page.page.getByRole('heading', { name: 'A language model on your side of the gate.' }).waitFor();
    expect(await page.page.getByTestId('question').count()).toBe(0);
  });
});
