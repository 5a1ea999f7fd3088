import type { Preview, PreviewFinding, Reason, Receipt } from 'tidegate';
import { expect, test } from 'vitest';
import {
  aboutTopics,
  bytes,
  cameBack,
  countKinds,
  doubtWords,
  duration,
  figures,
  pretty,
  splitAt,
  tokensPerSecond,
  whatMayNotLeave,
  why,
} from './words.ts';

test.each([
  [0, '0 bytes'],
  [1, '1 byte'],
  [999, '999 bytes'],
  [1000, '1 kB'],
  [98_362_432, '98.4 MB'],
  [999_949_999, '999.9 MB'],
  [999_950_000, '1 GB'],
])('%i bytes are %s', (count, words) => expect(bytes(count)).toBe(words));

const doubtful = {
  code: 'local-doubtful' as const,
  text: 'The model on this device was unsure of its answer.',
};

test.each<[Reason[], string]>([
  [[doubtful], ''],
  [[{ code: 'mode-prefer-local', text: 'You prefer it.' }, doubtful], ''],
  [[doubtful, { code: 'mode-local-only', text: 'You chose to keep it.' }], ''],
  [
    [doubtful, { code: 'escalation-failed', text: 'It could not: the cloud model failed (HTTP 502).' }],
    ' The cloud was asked instead and could not answer.',
  ],
  [[doubtful, { code: 'offline', text: 'this device is offline' }], ' This device is offline.'],
])('a doubtful answer is told as such: %j', (reasons, more) => {
  expect(doubtWords({ cause: 'unsure', cloud: false }, reasons)).toBe(
    `This answer may be wrong: the model on this device was unsure.${more}`,
  );
});

test('durations', () => expect([duration(840.4), duration(2140)]).toEqual(['840 ms', '2.1 s']));

test('kinds are counted, joined and put into the plural', () => {
  expect(countKinds([])).toBe('');
  expect(countKinds(['EMAIL', 'CARD', 'EMAIL'])).toBe('2 e-mail addresses and 1 card number');
  expect(countKinds(['URL_CREDENTIAL', 'URL_CREDENTIAL', 'IP_ADDRESS', 'SSN'])).toBe(
    '2 passwords in links, 1 IP address and 1 social security number',
  );
  expect(countKinds(['AMOUNT', 'AMOUNT', 'PRIVATE', 'PRIVATE'])).toBe(
    '2 amounts of money and 2 private texts',
  );
});

test('topics are told, and what may not leave', () => {
  const topics: Preview['topics'] = [
    { topic: 'health', class: 'restricted' },
    { topic: 'finance', class: 'prefer-not' },
    { topic: 'minors', class: 'prefer-not' },
  ];
  expect(aboutTopics(topics)).toBe('It seems to be about personal matters: health, money and a child.');
  expect(aboutTopics([])).toBe('');
  const finding = { start: 0, end: 1, score: 1, leavesAs: '' };
  const findings: PreviewFinding[] = [
    { ...finding, kind: 'API_KEY', class: 'never-leaves' },
    { ...finding, kind: 'EMAIL', class: 'prefer-not' },
  ];
  const messages = [{ role: 'user' as const, text: '', findings }];
  expect(whatMayNotLeave({ messages, topics })).toBe('1 access key and what it says of health');
  expect(whatMayNotLeave({ messages: [], topics: [] })).toBe('Something in it');
});

test('a placeholder is found whole, also beside its longer sibling', () => {
  expect(splitAt('to [EMAIL_1], not [EMAIL_12]', ['[EMAIL_1]', '[EMAIL_12]'])).toEqual([
    'to ',
    '[EMAIL_1]',
    ', not ',
    '[EMAIL_12]',
  ]);
  expect(splitAt('nothing', [])).toEqual(['nothing']);
});

test('a reason becomes a sentence', () => {
  expect(why([{ code: 'looks-easy', text: 'the question looks easy' }])).toBe('The question looks easy.');
  expect(why([])).toBe('');
});

test('what became of the placeholders', () => {
  const none = { restored: 0, withheld: 0, uncertain: 0, invented: 0, dropped: [] };
  expect(cameBack(none)).toBe('None of them came back in the answer.');
  expect(
    cameBack({ restored: 2, withheld: 1, uncertain: 3, invented: 1, dropped: ['[EMAIL_1]', '[CARD_2]'] }),
  ).toBe(
    'Put back into the answer in 2 places. Kept out of a link, which could carry them away, in 1 place. ' +
      'The answer may mean one of them in 3 places more. It names some that never left in 1 place. ' +
      'The answer left out [EMAIL_1], [CARD_2].',
  );
});

test('JSON gets line breaks, other text stays', () => {
  expect(pretty('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(pretty('{"a":')).toBe('{"a":');
});

test('speed counts the tokens after the first, and only local ones', () => {
  const none = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
  const some = { prompt_tokens: 9, completion_tokens: 21, total_tokens: 30 };
  const receipt: Receipt = {
    source: 'local',
    reasons: [],
    calibrated: false,
    replaced: [],
    restored: 0,
    uncertain: 0,
    withheld: 0,
    invented: 0,
    dropped: [],
    usage: { local: some, cloud: none },
    ms: { first: 500, total: 2500 },
  };
  expect(tokensPerSecond(receipt)).toBe(10);
  expect(
    tokensPerSecond({ ...receipt, source: 'cloud', usage: { local: none, cloud: some } }),
  ).toBeUndefined();
  expect(tokensPerSecond({ ...receipt, ms: { first: 500, total: 500 } })).toBeUndefined();
  // The first eight came all at once.
  expect(tokensPerSecond({ ...receipt, calibrated: true })).toBe(6.5);
  const short = { ...some, completion_tokens: 8 };
  expect(
    tokensPerSecond({ ...receipt, calibrated: true, usage: { local: short, cloud: none } }),
  ).toBeUndefined();
});

test('figures while an answer grows, and after', () => {
  const device = { backend: 'cpu', adapter: 'simd128' } as const;
  const growing = { state: 'running', source: 'local', device } as const;
  const pace = { firstMs: 210, pieces: 3, spanMs: 100 };
  expect(figures({ ...growing, pace })).toEqual(['first word after 210 ms', 'CPU, simd128']);
  expect(figures({ ...growing, pace: { ...pace, pieces: 11 } })).toEqual([
    '100 tokens/s',
    'first word after 210 ms',
    'CPU, simd128',
  ]);
  expect(figures({ ...growing, source: 'cloud', pace: { ...pace, pieces: 11 } })).toEqual([
    'first word after 210 ms',
  ]);
  expect(figures({ state: 'running', source: undefined })).toEqual([]);
  expect(figures({ ...growing, device: { ...device, threads: 1 } })).toEqual(['CPU, simd128']);
  expect(figures({ ...growing, device: { ...device, threads: 4 } })).toEqual(['CPU, simd128, 4 threads']);
});
