import { expect, test, vi } from 'vitest';
import { createTidegate } from '../src/testing.js';

test('what an app’s listeners throw is reported, and nothing else comes of it', async () => {
  const reported = vi.spyOn(console, 'error').mockImplementation(() => {});
  const fails = (what: string) => () => {
    throw new Error(what);
  };
  const tidegate = await createTidegate({ model: '/model.json', onProgress: fails('progress') });
  const heard: string[] = [];
  for (const event of ['route', 'receipt'] as const) {
    tidegate.on(event, fails(event));
    tidegate.on(event, () => heard.push(event));
  }
  const stream = await tidegate.chat.completions.create({
    messages: [{ role: 'user', content: 'to be' }],
    stream: true,
  });
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  expect(text).toBe('to be');
  expect((await stream.receipt).source).toBe('local');
  expect(heard).toEqual(['route', 'receipt']);
  const messages = reported.mock.calls.map(([thrown]) => (thrown as Error).message);
  expect(messages.filter((message) => message !== 'progress')).toEqual(['route', 'receipt']);
  expect(messages).toContain('progress');
  reported.mockRestore();
});
