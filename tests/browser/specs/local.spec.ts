import { afterAll, beforeAll, expect, test } from 'vitest';
import { Browser } from '../harness/chromium.ts';
import { Pwa } from '../harness/pwa.ts';
import { Stack } from '../harness/stack.ts';
import { Upstream } from '../harness/upstream.ts';

let upstream: Upstream;
let stack: Stack;
let browser: Browser;

beforeAll(async () => {
  upstream = await Upstream.start();
  stack = await Stack.start(upstream);
  browser = await Browser.start();
});
afterAll(async () => {
  await browser?.stop();
  await stack?.stop();
  await upstream?.stop();
});

test('after the first visit the page answers by itself, without any network', async () => {
  const first = new Pwa(await browser.open(stack.page));
  await first.downloadModel();
  await first.page.evaluate(() => navigator.serviceWorker.ready);
  await first.page.close();

  // Not only the browser is offline: there is nobody left to answer.
  await stack.stop();
  await browser.context.setOffline(true);
  const page = new Pwa(await browser.open(stack.page));
  await page.ready();
  await page.ask('What is the capital of France?');
  const answer = await page.answer('done');

  expect(await answer.getByTestId('answer-text').innerText()).toContain('Paris');
  expect(await answer.getAttribute('data-source')).toBe('local');
  await answer.getByTestId('left').locator('summary').click();
  expect(await answer.getByTestId('sent-nothing').innerText()).toBe('Nothing. 0 bytes sent.');
  expect(upstream.requests).toEqual([]);
});
