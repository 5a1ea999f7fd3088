import { expect, test } from 'vitest';
import { type Answer, requestFor, restore, save, type Turn } from './conversation.ts';

const turn = (question: string, answer: Partial<Answer>): Turn => ({
  id: question,
  question,
  answer: { state: 'done', text: '', ...answer },
});

test('a request holds what was said, without questions that got no answer', () => {
  const turns = [
    turn('one?', { text: 'One.' }),
    turn('lost?', { state: 'failed' }),
    turn('half?', { state: 'stopped', text: 'Hal' }),
    turn('now?', { state: 'running', text: 'of no interest' }),
  ];
  expect(requestFor(turns)).toEqual({
    messages: [
      { role: 'system', content: 'You are an expert who gives short, correct answers.' },
      { role: 'user', content: 'one?' },
      { role: 'assistant', content: 'One.' },
      { role: 'user', content: 'half?' },
      { role: 'assistant', content: 'Hal' },
      { role: 'user', content: 'now?' },
    ],
  });
});

test('a conversation survives storage; an answer cut off by closing the page is a stopped one', () => {
  const turns = [turn('one?', { text: 'One.' }), turn('two?', { state: 'running', text: 'Tw' })];
  const stopped = turn('two?', { state: 'stopped', text: 'Tw' });
  expect(restore(save({ turns }))).toEqual({ turns: [turns[0], stopped] });
  expect(restore(save({ turns, vault: '[]' }))).toEqual({ turns: [turns[0], stopped], vault: '[]' });
});

test('what an earlier version of this page kept is understood', () => {
  const turns = [turn('one?', { text: 'One.' })];
  expect(restore(JSON.stringify({ version: 1, turns }))).toEqual({ turns });
});

test.each([
  [null],
  ['not JSON'],
  ['[]'],
  ['{"version":2,"turns":[]}'],
  ['{"version":1,"turns":[{"id":"1"}]}'],
  ['{"version":1,"turns":[{"id":"1","question":"?","answer":{"text":"","state":"odd"}}]}'],
])('storage that holds %s is an empty conversation', (stored) =>
  expect(restore(stored)).toEqual({ turns: [] }),
);
