import type { Preview, PreviewFinding } from 'tidegate';
import { expect, test } from 'vitest';
import { isMasked, isWhatLeft, leavesTheSame, partsOf } from './diff.ts';

const finding = (start: number, end: number, leavesAs: string): PreviewFinding => ({
  start,
  end,
  kind: 'PERSON',
  class: 'prefer-not',
  score: 0.9,
  leavesAs,
});
const user = (text: string, ...findings: PreviewFinding[]) => ({ role: 'user' as const, text, findings });

test('a message is cut at what was recognized, also at its ends and side by side', () => {
  const [ann, bob] = [finding(0, 3, '[PERSON_1]'), finding(3, 6, '[PERSON_2]')];
  const tom = finding(11, 14, 'Tom');
  const parts = partsOf('AnnBob met Tom', user('[PERSON_1][PERSON_2] met Tom', ann, bob, tom));
  expect(parts).toEqual([
    { text: 'Ann', finding: ann },
    { text: 'Bob', finding: bob },
    { text: ' met ' },
    { text: 'Tom', finding: tom },
  ]);
  expect(parts?.map(isMasked)).toEqual([true, true, false, false]);
  expect(partsOf('nothing', user('nothing'))).toEqual([{ text: 'nothing' }]);
  expect(partsOf('', user(''))).toEqual([]);
});

test('offsets count as JavaScript does', () => {
  const ann = finding(3, 6, '[PERSON_1]');
  expect(partsOf('🜁 Ann', user('🜁 [PERSON_1]', ann))).toEqual([
    { text: '🜁 ' },
    { text: 'Ann', finding: ann },
  ]);
});

test.each([
  ['another text', 'Eve left', user('[PERSON_1] met', finding(0, 3, '[PERSON_1]'))],
  ['spans beyond the text', 'Ann', user('[PERSON_1]', finding(0, 4, '[PERSON_1]'))],
  ['spans over each other', 'Ann', user('[A][B]', finding(0, 2, '[A]'), finding(1, 3, '[B]'))],
])('no diff of what does not belong together: %s', (_, original, message) =>
  expect(partsOf(original, message)).toBeUndefined(),
);

test('a preview is what left only if every message is', () => {
  const preview: Pick<Preview, 'messages'> = {
    messages: [user('Be brief.'), user('[PERSON_1] met', finding(0, 3, '[PERSON_1]'))],
  };
  const body = (...messages: string[]) =>
    JSON.stringify({ model: 'm', messages: messages.map((content) => ({ role: 'user', content })) });
  expect(isWhatLeft(preview, body('Be brief.', '[PERSON_1] met'))).toBe(true);
  expect(isWhatLeft(preview, body('Be brief.', 'Ann met'))).toBe(false);
  expect(isWhatLeft(preview, body('Be brief.'))).toBe(false);
  expect(isWhatLeft(preview, '{}')).toBe(false);
  expect(isWhatLeft(preview, 'no JSON')).toBe(false);
  expect(leavesTheSame(preview, structuredClone(preview))).toBe(true);
  expect(leavesTheSame(preview, { messages: [user('Be brief.'), user('Ann met')] })).toBe(false);
});
