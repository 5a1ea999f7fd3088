import { expect, test } from 'vitest';
import { engineOptions, type Policy, policyData, type TidegateOptions } from '../src/options.js';
import { parseRequest } from '../src/request.js';
import type { ChatRequest } from '../src/types.gen.js';

const messages = [{ role: 'user', content: 'secret' }];
const base = 'https://page.test/app/';

test.each<[unknown, string]>([
  [{ messages, tools: [] }, 'request.tools is not supported; supported: messages, model,'],
  [{ messages: [] }, 'request.messages: expected at least one message'],
  [
    { messages: [{ role: 'tool', content: 'secret' }] },
    'request.messages[0].role: expected one of system, user, assistant',
  ],
  [
    { messages: [{ role: 'user', content: [{ text: 'secret' }] }] },
    'request.messages[0].content: expected a string',
  ],
  [
    { messages: [{ role: 'user', content: 'secret\ud800' }] },
    'request.messages[0].content: holds half a surrogate pair',
  ],
  [{ messages: [{ ...messages[0], name: 'x' }] }, 'request.messages[0].name is not supported'],
  [{ messages, temperature: 3 }, 'request.temperature: expected a number from 0 to 2'],
  [{ messages, temperature: Number.NaN }, 'request.temperature: expected a number from 0 to 2'],
  [{ messages, max_tokens: 1.5 }, 'request.max_tokens: expected a whole number from 1'],
  [{ messages, max_tokens: 0 }, 'request.max_tokens: expected a whole number from 1'],
  [{ messages, max_tokens: 5, max_completion_tokens: 5 }, 'are the same thing'],
  [{ messages, stop: ['a', ''] }, 'request.stop: expected a text'],
  [{ messages, stream_options: {} }, 'request.stream_options needs stream: true'],
  [{ messages, stream: 'yes' }, 'request.stream: expected true or false'],
])('request %j', (request, message) => {
  let thrown: Error | undefined;
  try {
    parseRequest(request as ChatRequest);
  } catch (error) {
    thrown = error as Error;
  }
  expect(thrown).toMatchObject({ code: 'invalid-request', recoverable: false });
  expect(thrown?.message).toContain(message);
  expect(thrown?.message).not.toContain('secret');
});

test('a request is copied, with one name for the limit and one shape for stops', () => {
  const request: ChatRequest = {
    messages: [{ role: 'user', content: 'x' }],
    max_completion_tokens: 7,
    stop: 'END',
    temperature: 0,
  };
  const parsed = parseRequest(request);
  request.messages.length = 0;
  expect(parsed).toEqual({
    messages: [{ role: 'user', content: 'x' }],
    max_tokens: 7,
    stop: ['END'],
    temperature: 0,
  });
});

test.each<[unknown, string]>([
  [{ modle: 'x' }, 'options.modle is not supported'],
  [{ model: 7 }, 'options.model: expected a URL'],
  [{ model: 'http://[' }, 'options.model: "http://[" is not a URL'],
  [{ model: 'ftp://x/y.gguf' }, 'ftp: URLs are not supported'],
  [{ dangerous: { fact: {} } }, 'options.dangerous.fact is not supported'],
  [{ device: 'gpu' }, `options.device: "gpu" is not one of 'auto', 'webgpu', 'cpu'`],
  [{ cloud: { relays: [], keys: 'x' } }, 'options.cloud.relays: expected at least one'],
  [{ cloud: { relays: ['/r'], keys: '' } }, "options.cloud.keys: expected the gateway's"],
])('options %j', (options, message) => {
  expect(() => engineOptions(options as TidegateOptions, base)).toThrow(message);
});

test('options resolve against the page', () => {
  expect(engineOptions({ model: 'm.GGUF', cloud: { relays: ['/relay'], keys: 'x' } }, base)).toEqual({
    model: { kind: 'gguf', url: 'https://page.test/app/m.GGUF' },
    cloud: { relays: ['https://page.test/relay'], keys: 'x' },
    storage: 'opfs',
    device: 'auto',
    wasmUrl: null,
    facts: {},
  });
  expect(engineOptions({ model: 'auto' }, base).model).toEqual({
    kind: 'manifest',
    url: 'https://page.test/app/models/auto.json',
  });
  expect(engineOptions({ model: '/m.json?v=1' }, base).model).toEqual({
    kind: 'manifest',
    url: 'https://page.test/m.json?v=1',
  });
});

test('policy: defaults, and a call over the instance', () => {
  expect(policyData(false)).toEqual({ mode: 'local-only', privacy: 'balanced' });
  expect(policyData(true)).toEqual({ mode: 'prefer-local', privacy: 'balanced' });
  expect(policyData(true, { mode: 'cloud-only', privacy: 'careful' }, { mode: 'local-only' })).toEqual({
    mode: 'local-only',
    privacy: 'careful',
  });
  expect(() => policyData(true, { mode: 'local' } as unknown as Policy)).toThrow(
    `policy.mode: "local" is not one of 'local-only', 'prefer-local', 'prefer-cloud', 'cloud-only'`,
  );
  expect(() => policyData(true, { modes: 'local-only' } as Policy)).toThrow('policy.modes is not supported');
});
