import { expect, test } from 'vitest';
import { useParties } from '../harness/parties.ts';
import { Pwa } from '../harness/pwa.ts';

/** A small model does not end this soon. */
const LONG = 'Write a very long story about a lighthouse keeper, with many chapters.';
const SOON = 1000;

const parties = useParties();

/** How long `work` takes, in ms. */
async function timed(work: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work;
  return performance.now() - start;
}

test('stop ends a cloud answer within a second, up to the model', async () => {
  const page = new Pwa(await parties.browser.open(parties.stack.page));
  await page.choose('cloud-only');
  await page.ask(LONG);
  await page.streaming();
  const asked = await parties.upstream.request(parties.upstream.requests.length - 1);
  await page.page.getByRole('button', { name: 'Stop' }).click();

  expect(await timed(Promise.all([page.answer('stopped'), asked.aborted]))).toBeLessThan(SOON);
  expect(await page.page.getByTestId('answer-text').innerText()).not.toBe('');
  await page.page.close();
});

test('stop ends a local answer within a second', async () => {
  const page = new Pwa(await parties.browser.open(parties.stack.page));
  await page.downloadModel();
  await page.choose('local-only');
  await page.page.getByRole('button', { name: 'New conversation' }).click();
  const before = parties.upstream.requests.length;
  await page.ask(LONG);
  await page.streaming();
  await page.page.getByRole('button', { name: 'Stop' }).click();

  expect(await timed(page.answer('stopped'))).toBeLessThan(SOON);
  expect(parties.upstream.requests).toHaveLength(before);
  // The engine is free again: the next question is answered.
  await page.ask('What is the capital of France?');
  const answer = await page.answer('done');
  expect(await answer.getByTestId('answer-text').innerText()).toContain('Paris');
  await page.page.close();
});

test('an upstream that dies in mid-answer is an error within a second, and the conversation stays', async () => {
  const page = new Pwa(await parties.browser.open(parties.stack.page));
  await page.choose('cloud-only');
  await page.page.getByRole('button', { name: 'New conversation' }).click();
  await page.ask(LONG);
  await page.streaming();
  const died = parties.upstream.kill();

  expect(await timed(Promise.all([died, page.answer('failed')]))).toBeLessThan(SOON);
  const answer = page.page.getByTestId('answer').last();
  expect(await answer.getByTestId('error').getAttribute('data-code')).toBe('upstream-interrupted');
  expect(await answer.getByTestId('answer-text').innerText()).not.toBe('');
  await page.page.reload();
  expect(await page.page.getByTestId('question').last().innerText()).toBe(LONG);
});
