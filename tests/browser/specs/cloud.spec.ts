import { expect, test } from 'vitest';
import { useParties } from '../harness/parties.ts';
import { Pwa } from '../harness/pwa.ts';

const EMAIL = 'ada.lovelace@example.org';
const CARD = '4111 1111 1111 1111';
// A question that the small model answers with both, with the page's settings.
const QUESTION = `My e-mail address is ${EMAIL} and my card number is ${CARD}. What are my e-mail address and my card number?`;

/** Words of the question that no program would log by chance (four digits stand in many a time or port). */
const WORDS = [
  'my e-mail',
  'card number',
  'lovelace',
  'example.org',
  '4111 1111',
  '41111111',
  'EMAIL_1',
  'CARD_1',
];

const parties = useParties();

test('a question with personal data leaves behind placeholders and comes back with the real values', async () => {
  const page = new Pwa(await parties.browser.open(parties.stack.page));
  await page.choose('prefer-cloud');
  await page.ask(QUESTION);
  const answer = await page.answer('done');

  // What the model was asked: placeholders, and neither value.
  const [asked] = parties.upstream.requests;
  expect(parties.upstream.requests).toHaveLength(1);
  expect(asked?.path).toBe('/v1/chat/completions');
  expect(asked?.headers.authorization).toBe('Bearer a-key-of-the-gateway');
  const sent = JSON.parse(asked?.body ?? '') as { messages: { role: string; content: string }[] };
  expect(sent.messages.at(-1)).toEqual({
    role: 'user',
    content: QUESTION.replace(EMAIL, '[EMAIL_1]').replace(CARD, '[CARD_1]'),
  });
  expect(asked?.body).not.toContain(EMAIL);
  expect(asked?.body).not.toContain('4111');

  // What the person sees: their own words.
  const shown = await answer.getByTestId('answer-text').innerText();
  expect(shown).toContain(EMAIL);
  expect(shown).toContain(CARD);
  expect(await answer.getAttribute('data-source')).toBe('cloud');

  // What the receipt says left is what left.
  await answer.getByTestId('left').locator('summary').click();
  const left = (await answer.getByTestId('sent').innerText()).replace(/\s+/g, ' ');
  expect(left).toContain(sent.messages.at(-1)?.content);
  expect(left).not.toContain(EMAIL);
  expect(await answer.getByTestId('replaced').locator('mark').allInnerTexts()).toEqual([
    '[EMAIL_1]',
    '[CARD_1]',
  ]);
  expect(await answer.getByTestId('left').innerText()).toContain(parties.stack.relay);

  expect(parties.stack.logs.serve).toContain('gateway::record: answered status=200');
  // Who carried it wrote nothing of it down, not even at their most talkative.
  for (const log of [parties.stack.logs.serve, parties.stack.logs.relay]) {
    for (const word of WORDS) expect(log.toLowerCase()).not.toContain(word.toLowerCase());
  }
});
