import { expect, test } from 'vitest';
import { AnswerStream, Choices } from '../src/stream.js';
import type { Receipt } from '../src/types.gen.js';

const envelope = { id: 'x', created: 0, model: 'm' };

test('half of a constrained answer is refused, not handed out', async () => {
  const choices = new Choices();
  choices.push({ index: 0, text: '{"a": 1' });
  choices.push({ index: 0, text: '', refusal: 'cut off' });
  choices.push({ index: 1, text: '{}' });
  expect(choices.finish(['length', 'stop'])).toEqual([
    {
      index: 0,
      message: { role: 'assistant', content: '', refusal: 'cut off' },
      finish_reason: 'length',
      logprobs: null,
    },
    {
      index: 1,
      message: { role: 'assistant', content: '{}', refusal: null },
      finish_reason: 'stop',
      logprobs: null,
    },
  ]);

  const stream = new AnswerStream(envelope, false, () => {});
  stream.event({ type: 'text', index: 0, text: '{"a"' });
  stream.event({ type: 'text', index: 0, text: '', refusal: 'cut off' });
  stream.event({ type: 'done', finish_reasons: ['length'], receipt: {} as Receipt });
  const seen = [];
  for await (const { choices } of stream) seen.push([choices[0]?.delta, choices[0]?.finish_reason]);
  expect(seen).toEqual([
    [{ role: 'assistant', content: '' }, null],
    [{ content: '{"a"' }, null],
    [{ refusal: 'cut off' }, null],
    [{}, 'length'],
  ]);
});

test('an answer without text has a beginning and an end', async () => {
  const stream = new AnswerStream(envelope, false, () => {});
  stream.event({ type: 'done', finish_reasons: ['stop', 'stop'], receipt: {} as Receipt });
  const seen = [];
  for await (const { choices } of stream) seen.push([choices[0]?.index, choices[0]?.delta]);
  expect(seen).toEqual([
    [0, { role: 'assistant', content: '' }],
    [0, {}],
    [1, { role: 'assistant', content: '' }],
    [1, {}],
  ]);
});
