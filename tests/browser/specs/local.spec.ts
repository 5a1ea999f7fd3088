import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { useParties } from '../harness/parties.ts';
import { places } from '../harness/places.ts';
import { Pwa } from '../harness/pwa.ts';

const parties = useParties();

test('after the first visit the page answers by itself, without any network', async () => {
  const first = new Pwa(await parties.browser.open(parties.stack.page));
  await first.downloadModel();
  await first.page.evaluate(() => navigator.serviceWorker.ready);
  await first.page.close();

  // Not only the browser is offline: there is nobody left to answer.
  await parties.stack.stop();
  await parties.browser.context.setOffline(true);
  const page = new Pwa(await parties.browser.open(parties.stack.page));
  await page.ready();
  await page.ask('What is the capital of France?');
  const answer = await page.answer('done');

  expect(await answer.getByTestId('answer-text').innerText()).toContain('Paris');
  expect(await answer.getAttribute('data-source')).toBe('local');
  // The page is cross-origin isolated, so that threads compute where there are cores for them.
  const cores = await page.page.evaluate(() => navigator.hardwareConcurrency);
  const status = await page.page.getByTestId('status').innerText();
  expect(status).toMatch(cores > 1 && existsSync(places.threadsModule) ? /CPU\s*\d threads/ : /CPU/);
  await answer.getByTestId('left').locator('summary').click();
  expect(await answer.getByTestId('sent-nothing').innerText()).toBe('Nothing. 0 bytes sent.');
  expect(parties.upstream.requests).toEqual([]);
});
