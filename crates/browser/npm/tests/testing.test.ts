import { describe, expect, test } from 'vitest';
import { type Mode, type OnDoubt, type PrivacyClass, type Source, TidegateError } from '../src/index.js';
import { createTidegate } from '../src/testing.js';

const ask = (content: string) => ({ messages: [{ role: 'user' as const, content }] });
const model = '/model.json';
const cloud = { relays: ['https://relay.test/'], keys: 'AAAA' };

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail('did not reject'),
    (error: Error) => error,
  );
}

describe('chat.completions.create', () => {
  test('whole answer', async () => {
    const tidegate = await createTidegate({ model });
    const answer = await tidegate.chat.completions.create(ask('to be or not'));
    expect(answer).toMatchObject({
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'to be or not' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 4, completion_tokens: 4, total_tokens: 8 },
      receipt: { source: 'local', replaced: [] },
    });
    expect(answer.receipt.sent).toBeUndefined();
  });

  test('streamed answer', async () => {
    const tidegate = await createTidegate({ model });
    const stream = await tidegate.chat.completions.create({
      ...ask('to be'),
      stream: true,
      stream_options: { include_usage: true },
    });
    const seen = [];
    for await (const chunk of stream)
      seen.push([chunk.choices[0]?.delta, chunk.choices[0]?.finish_reason, chunk.usage]);
    expect(seen).toEqual([
      [{ role: 'assistant', content: '' }, null, null],
      [{ content: 'to' }, null, null],
      [{ content: ' be' }, null, null],
      [{}, 'stop', null],
      [undefined, undefined, { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 }],
    ]);
    expect((await stream.receipt).source).toBe('local');
  });

  test('several answers, each with its tokens', async () => {
    let asked = 0;
    const tidegate = await createTidegate({ model, answer: () => `answer ${++asked}` });
    const request = { ...ask('x'), n: 2, logprobs: true };
    const { choices, usage } = await tidegate.chat.completions.create(request);
    expect(
      choices.map(({ index, message, finish_reason, logprobs }) => [
        index,
        message.content,
        finish_reason,
        logprobs?.content.map(({ token, bytes }) => [token, bytes.length]),
      ]),
    ).toEqual([
      [
        0,
        'answer 1',
        'stop',
        [
          ['answer', 6],
          [' 1', 2],
        ],
      ],
      [
        1,
        'answer 2',
        'stop',
        [
          ['answer', 6],
          [' 2', 2],
        ],
      ],
    ]);
    expect(usage).toMatchObject({ prompt_tokens: 1, completion_tokens: 4 });

    const stream = await tidegate.chat.completions.create({ ...request, stream: true });
    const seen = [];
    for await (const { choices } of stream)
      seen.push([
        choices[0]?.index,
        choices[0]?.delta,
        choices[0]?.finish_reason,
        choices[0]?.logprobs?.content.length,
      ]);
    expect(seen).toEqual([
      [0, { role: 'assistant', content: '' }, null, undefined],
      [0, { content: 'answer' }, null, 1],
      [0, { content: ' 3' }, null, 1],
      [1, { role: 'assistant', content: '' }, null, undefined],
      [1, { content: 'answer' }, null, 1],
      [1, { content: ' 4' }, null, 1],
      [0, {}, 'stop', undefined],
      [1, {}, 'stop', undefined],
    ]);
  });

  test('calls of tools, whole and streamed', async () => {
    const call = { id: 'c1', type: 'function' as const, function: { name: 'now', arguments: '{}' } };
    const tidegate = await createTidegate({ model, answer: () => ({ tool_calls: [call] }) });
    const tools = [{ type: 'function' as const, function: { name: 'now' } }];
    const request = { ...ask('what time is it?'), tools };
    const { choices } = await tidegate.chat.completions.create(request);
    expect(choices).toEqual([
      {
        index: 0,
        message: { role: 'assistant', content: '', refusal: null, tool_calls: [call] },
        finish_reason: 'tool_calls',
        logprobs: null,
      },
    ]);
    const stream = await tidegate.chat.completions.create({ ...request, stream: true });
    const deltas = [];
    for await (const { choices } of stream) deltas.push(choices[0]?.delta);
    expect(deltas).toEqual([{ role: 'assistant', content: '' }, { tool_calls: [{ index: 0, ...call }] }, {}]);
  });

  test('readable stream', async () => {
    const tidegate = await createTidegate({ model });
    const stream = await tidegate.chat.completions.create({ ...ask('to be'), stream: true });
    let text = '';
    for await (const chunk of stream.toReadableStream()) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe('to be');
    expect(() => stream[Symbol.asyncIterator]()).toThrow('already being read');
  });

  test('abort keeps the reason, and what came before it', async () => {
    const tidegate = await createTidegate({ model });
    const controller = new AbortController();
    const stream = await tidegate.chat.completions.create(
      { ...ask('to be or not'), stream: true },
      { signal: controller.signal },
    );
    let text = '';
    const error = await rejection(
      (async () => {
        for await (const chunk of stream) {
          text += chunk.choices[0]?.delta.content ?? '';
          if (text === 'to') controller.abort('enough');
        }
      })(),
    );
    expect(error).toMatchObject({ name: 'AbortError', reason: 'enough' });
    expect(text).toBe('to');
    expect(await rejection(stream.receipt)).toBe(error);
  });

  test('leaving the loop stops the engine', async () => {
    let steps = 0;
    const pace = () =>
      new Promise<void>((resolve) => {
        steps += 1;
        setTimeout(resolve, 0);
      });
    const tidegate = await createTidegate({ model, pace });
    const stream = await tidegate.chat.completions.create({ ...ask('a b c d e f g h'), stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content === 'a') break;
    await rejection(stream.receipt);
    const then = steps;
    await tidegate.chat.completions.create(ask('x'));
    expect(steps - then).toBeLessThanOrEqual(2);
  });

  test('what left is in the receipt, and consent is asked with the same text', async () => {
    const previews: string[] = [];
    const tidegate = await createTidegate({ cloud, policy: { mode: 'cloud-only' } });
    const { receipt } = await tidegate.chat.completions.create(ask('write to a@b.example'), {
      policy: {
        beforeCloud: (preview) => {
          previews.push(...preview.messages.map((message) => message.text));
          return true;
        },
      },
    });
    expect(previews).toEqual(['write to [EMAIL_1]']);
    expect(receipt).toMatchObject({
      source: 'cloud',
      replaced: [{ placeholder: '[EMAIL_1]', kind: 'EMAIL' }],
    });
    expect(JSON.parse(receipt.sent?.text ?? '')).toEqual({
      messages: [{ role: 'user', content: 'write to [EMAIL_1]' }],
    });
  });

  test('rules keep a request here, or show it as it is', async () => {
    const email = async (kind: PrivacyClass, mode: Mode) => {
      const tidegate = await createTidegate({
        model,
        cloud,
        policy: { mode, privacy: { kinds: { EMAIL: kind } } },
      });
      const { receipt } = await tidegate.chat.completions.create(ask('write to a@b.example'));
      return [receipt.source, receipt.reasons[0]?.code, receipt.sent?.text.includes('a@b.example')];
    };
    expect(await email('public', 'prefer-cloud')).toEqual(['cloud', 'mode-prefer-cloud', true]);
    expect(await email('prefer-not', 'prefer-cloud')).toEqual(['cloud', 'mode-prefer-cloud', false]);
    expect(await email('restricted', 'prefer-cloud')).toEqual(['local', 'needs-attestation', undefined]);
    expect(await email('never-leaves', 'prefer-cloud')).toEqual(['local', 'never-leaves', undefined]);
    expect(await rejection(email('never-leaves', 'cloud-only'))).toMatchObject({ code: 'privacy-blocked' });
  });

  test.each<[OnDoubt, PrivacyClass, boolean, Source, string]>([
    ['ship', 'public', true, 'local', 'no mark'],
    ['mark', 'public', true, 'local', 'the cloud could'],
    ['escalate', 'public', true, 'both', 'no mark'],
    ['escalate', 'never-leaves', true, 'local', 'nothing else could'],
    ['ask', 'public', true, 'both', 'no mark'],
    ['ask', 'public', false, 'local', 'the cloud could'],
  ])('a doubtful answer: %s, %s, asked %s', async (onDoubt, EMAIL, asked, source, mark) => {
    const tidegate = await createTidegate({
      model,
      cloud,
      policy: { mode: 'prefer-local', onDoubt, whenDoubtful: () => asked, privacy: { kinds: { EMAIL } } },
      answer: (_, from) => (from === 'cloud' ? 'Paris' : { content: 'perhaps Rome', doubt: 'unsure' }),
    });
    const { choices, receipt } = await tidegate.chat.completions.create(ask('where is a@b.example'));
    expect(choices[0].message.content).toBe(source === 'both' ? 'Paris' : 'perhaps Rome');
    expect(receipt.source).toBe(source);
    const { doubt } = receipt;
    expect(doubt === undefined ? 'no mark' : doubt.cloud ? 'the cloud could' : 'nothing else could').toBe(
      mark,
    );
  });

  test('a declined consent and a missing route are coded errors', async () => {
    const tidegate = await createTidegate({
      cloud,
      policy: { mode: 'cloud-only', beforeCloud: () => false },
    });
    expect(await rejection(tidegate.chat.completions.create(ask('x')))).toMatchObject({
      code: 'consent-declined',
    });
    const local = await createTidegate({});
    const error = await rejection(local.chat.completions.create({ ...ask('x'), stream: true }));
    expect(error).toBeInstanceOf(TidegateError);
    expect(error).toMatchObject({ code: 'local-unavailable', recoverable: true });
  });

  test('dispose ends calls in flight', async () => {
    const tidegate = await createTidegate({
      model,
      pace: () => new Promise((resolve) => setTimeout(resolve, 0)),
    });
    const answer = tidegate.chat.completions.create(ask('a b c'));
    await tidegate.dispose();
    expect(await rejection(answer)).toMatchObject({ code: 'disposed' });
    expect(await rejection(tidegate.chat.completions.create(ask('x')))).toMatchObject({ code: 'disposed' });
  });
});

test('reactions are noted, kept and forgotten', async () => {
  const tidegate = await createTidegate({ model });
  await tidegate.feedback.note('thumbs-down');
  const { saved, drift } = await tidegate.feedback.note('kept');
  expect(drift).toBeNull();
  await tidegate.feedback.reset();
  expect(await tidegate.feedback.look()).not.toEqual({ saved, drift });
  expect(await tidegate.feedback.load(saved)).toEqual({ saved, drift });
  expect(await rejection(tidegate.feedback.load('no'))).toMatchObject({ code: 'invalid-request' });
  expect(() => tidegate.feedback.note('like' as 'kept')).toThrow('"like" is not one of');
});

test('events', async () => {
  const tidegate = await createTidegate({ model });
  const seen: string[] = [];
  const off = tidegate.on('route', (route) => seen.push(`route ${route.target}`));
  tidegate.on('receipt', (receipt) => seen.push(`receipt ${receipt.source}`));
  await tidegate.chat.completions.create(ask('x'));
  off();
  await tidegate.chat.completions.create(ask('x'));
  expect(seen).toEqual(['route local', 'receipt local', 'receipt local']);
});
