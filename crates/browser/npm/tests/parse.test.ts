import { expect, test } from 'vitest';
import {
  type CallOptions,
  type CloudOptions,
  engineOptions,
  isBackground,
  type Policy,
  policyData,
  type TidegateOptions,
} from '../src/options.js';
import { parseRequest } from '../src/request.js';
import type { ChatRequest, Risk } from '../src/types.gen.js';

const messages = [{ role: 'user', content: 'secret' }];
const tool = { type: 'function', function: { name: 'weather' } };
const base = 'https://page.test/app/';

test.each<[unknown, string]>([
  [{ messages, functions: [] }, 'request.functions is not supported; supported: messages, model,'],
  [{ messages: [] }, 'request.messages: expected at least one message'],
  [
    { messages: [{ role: 'developer', content: 'secret' }] },
    'request.messages[0].role: expected one of system, user, assistant, tool',
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
  [{ messages, min_p: 1.5 }, 'request.min_p: expected a number from 0 to 1'],
  [{ messages, repetition_penalty: 0 }, 'request.repetition_penalty: expected a number from 0.01 to 10'],
  [{ messages, frequency_penalty: 3 }, 'request.frequency_penalty: expected a number from -2 to 2'],
  [{ messages, presence_penalty: '1' }, 'request.presence_penalty: expected a number from -2 to 2'],
  [{ messages, logit_bias: { secret: 1 } }, 'request.logit_bias: token id: expected a whole number'],
  [{ messages, logit_bias: { 5: 101 } }, 'request.logit_bias: expected a number from -100 to 100'],
  [{ messages, top_logprobs: 2 }, 'request.top_logprobs needs logprobs: true'],
  [{ messages, logprobs: true, top_logprobs: 21 }, 'request.top_logprobs: expected a whole number from 0'],
  [{ messages, n: 0 }, 'request.n: expected a whole number from 1 to 16'],
  [{ messages, response_format: { type: 'yaml' } }, 'request.response_format.type: expected one of text,'],
  [
    { messages, response_format: { type: 'json_object', schema: {} } },
    'request.response_format.schema is not supported',
  ],
  [
    { messages, response_format: { type: 'json_schema', json_schema: { name: 'x', schema: 'secret' } } },
    'request.response_format.json_schema.schema: expected a JSON Schema',
  ],
  [
    {
      messages,
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: {}, strict: false } },
    },
    'strict: false is not supported',
  ],
  [{ messages, response_format: { type: 'regex' } }, 'request.response_format.pattern: expected a string'],
  [{ messages, response_format: { type: 'json_object' }, stop: 'x' }, 'not together with stop'],
  [{ messages, tools: [] }, 'request.tools: expected at least one'],
  [{ messages, tools: [{ type: 'code' }] }, 'request.tools[0].type: expected function'],
  [{ messages, tools: [tool, tool] }, 'two functions have the same name'],
  [{ messages, tools: [tool], response_format: { type: 'json_object' } }, 'not together with tools'],
  [{ messages, tool_choice: 'auto' }, 'request.tool_choice needs tools'],
  [{ messages, tools: [tool], tool_choice: 'always' }, 'request.tool_choice: expected none, auto,'],
  [
    { messages, tools: [tool], tool_choice: { type: 'function', function: { name: 'secret' } } },
    'request.tool_choice: names no function of tools',
  ],
  [{ messages, tools: [tool], tool_choice: 'required', stop: 'x' }, 'not possible together with stop'],
  [{ messages: [{ role: 'tool', content: 'secret' }] }, 'request.messages[0].tool_call_id: expected in'],
  [
    { messages: [{ role: 'user', content: '', tool_calls: [] }] },
    'request.messages[0].tool_calls: expected a list, in a message of role assistant',
  ],
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

test('tools and what came of them are copied; a call without text may have null', () => {
  const call = { id: 'c1', type: 'function', function: { name: 'weather', arguments: '{}' } };
  const request = {
    messages: [
      { role: 'user', content: 'x' },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', content: '7°', tool_call_id: 'c1' },
    ],
    tools: [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }],
    tool_choice: { type: 'function', function: { name: 'weather' } },
  };
  const expected = structuredClone(request);
  const parsed = parseRequest(request as unknown as ChatRequest);
  (expected.messages[1] as { content: unknown }).content = '';
  expect(parsed).toEqual(expected);
  expect(parsed.tools).not.toBe(request.tools);
});

test.each<[unknown, string]>([
  [{ modle: 'x' }, 'options.modle is not supported'],
  [{ model: 7 }, 'options.model: expected a URL'],
  [{ model: 'http://[' }, 'options.model: "http://[" is not a URL'],
  [{ model: 'ftp://x/y.gguf' }, 'ftp: URLs are not supported'],
  [{ dangerous: { fact: {} } }, 'options.dangerous.fact is not supported'],
  [{ device: 'gpu' }, `options.device: "gpu" is not one of 'auto', 'webgpu', 'cpu'`],
  [{ calibration: '{}' }, 'options.calibration: expected what `tidegate calibrate` wrote, parsed'],
  [{ threads: 0 }, "options.threads: expected 'auto' or a whole number from 1 to 64"],
  [{ threads: 1.5 }, "options.threads: expected 'auto' or a whole number"],
  [{ cloud: { relays: [], keys: 'x' } }, 'options.cloud.relays: expected at least one'],
  [{ cloud: { relays: ['/r'], keys: '' } }, "options.cloud.keys: expected the gateway's"],
])('options %j', (options, message) => {
  expect(() => engineOptions(options as TidegateOptions, base)).toThrow(message);
});

test('options resolve against the page', () => {
  expect(engineOptions({ model: 'm.GGUF', cloud: { relays: ['/relay'], keys: 'x' } }, base)).toEqual({
    model: { kind: 'gguf', url: 'https://page.test/app/m.GGUF' },
    cloud: { relays: ['https://page.test/relay'], keys: 'x' },
    evidence: null,
    storage: 'opfs',
    device: 'auto',
    threads: 'auto',
    wasmUrl: null,
    calibration: null,
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

test('priority: foreground unless said otherwise', () => {
  expect(
    [{}, { priority: 'foreground' }, { priority: 'background' }].map((o) => isBackground(o as CallOptions)),
  ).toEqual([false, false, true]);
  expect(() => isBackground({ priority: 'low' } as unknown as CallOptions)).toThrow(
    `options.priority: "low" is not one of 'foreground', 'background'`,
  );
});

test("privacy rules: what is not given is empty, and the app's object is not kept", () => {
  const privacy = {
    kinds: { EMAIL: 'restricted', PHONE: undefined },
    topics: { 'sex-life': 'never-leaves' },
    terms: [{ text: 'Project Falcon', kind: 'ORGANIZATION', class: 'prefer-not' }],
    replace: { DATE: 'shift' },
  };
  const parsed = policyData(true, { privacy } as unknown as Policy).privacy;
  expect(parsed).toEqual({
    preset: 'balanced',
    kinds: { EMAIL: 'restricted' },
    topics: { 'sex-life': 'never-leaves' },
    terms: [{ text: 'Project Falcon', kind: 'ORGANIZATION', class: 'prefer-not' }],
    replace: { DATE: 'shift' },
  });
  privacy.terms.length = 0;
  expect(parsed.terms).toHaveLength(1);
  expect(policyData(true, { privacy: {} }).privacy).toEqual(policyData(true).privacy);
  // A call's rules are all of them, not some more.
  const call = policyData(true, { privacy: 'careful' }, { privacy: { kinds: { DATE: 'public' } } });
  expect(call.privacy).toMatchObject({ preset: 'balanced', kinds: { DATE: 'public' } });
});

test.each<[unknown, string]>([
  ['strict', `policy.privacy: "strict" is not one of 'careful', 'balanced'`],
  [7, `policy.privacy: 7 is not one of 'careful', 'balanced'`],
  [{ level: 'careful' }, 'policy.privacy.level is not supported; supported: preset, kinds,'],
  [{ preset: 'strict' }, `policy.privacy.preset: "strict" is not one of`],
  [{ kinds: { EMIAL: 'public' } }, 'policy.privacy.kinds.EMIAL: "EMIAL" is no kind; kinds are EMAIL, PHONE,'],
  [
    { kinds: { EMAIL: 'secret' } },
    `policy.privacy.kinds.EMAIL: "secret" is not one of 'public', 'prefer-not',`,
  ],
  [
    { kinds: { API_KEY: 'restricted' } },
    `policy.privacy.kinds.API_KEY: "restricted" is not one of 'never-leaves'`,
  ],
  [{ kinds: { PRIVATE: 'public' } }, `policy.privacy.kinds.PRIVATE: "public" is not one of 'prefer-not',`],
  [{ kinds: ['EMAIL'] }, 'policy.privacy.kinds: expected an object, { kind: … }'],
  [{ topics: { money: 'public' } }, 'policy.privacy.topics.money: "money" is no topic; topics are health,'],
  [{ terms: 'falcon' }, 'policy.privacy.terms: expected an array'],
  [{ terms: ['falcon'] }, 'policy.privacy.terms[0]: expected an object'],
  [
    { terms: [{ text: ' ', kind: 'PRIVATE', class: 'prefer-not' }] },
    'policy.privacy.terms[0].text: expected a text to look for',
  ],
  [
    { terms: [{ text: 'falcon', kind: 'NAME', class: 'prefer-not' }] },
    'policy.privacy.terms[0].kind: "NAME" is no kind',
  ],
  [
    { terms: [{ text: 'falcon', kind: 'API_KEY', class: 'prefer-not' }] },
    `policy.privacy.terms[0].class: "prefer-not" is not one of 'never-leaves'`,
  ],
  [{ replace: { DATE: 'move' } }, `policy.privacy.replace.DATE: "move" is not one of 'placeholder',`],
])('privacy rules %j', (privacy, message) => {
  let thrown: Error | undefined;
  try {
    policyData(true, { privacy } as unknown as Policy);
  } catch (error) {
    thrown = error as Error;
  }
  expect(thrown).toMatchObject({ code: 'invalid-request', recoverable: false });
  expect(thrown?.message).toContain(message);
  expect(thrown?.message).not.toContain('falcon');
});

test('policy: defaults, and a call over the instance', () => {
  const privacy = (preset: string) => ({ preset, kinds: {}, topics: {}, terms: [], replace: {} });
  const usual = {
    privacy: privacy('balanced'),
    overflow: 'cloud',
    patience: 'normal',
    preferences: { quality: 1, cost: 1, latency: 1, device: 1, fairPrice: 0.01 },
    onDoubt: 'escalate',
    risk: null,
  };
  expect(policyData(false)).toEqual({ ...usual, mode: 'local-only' });
  expect(policyData(true)).toEqual({ ...usual, mode: 'prefer-local' });
  expect(policyData(true, { mode: 'cloud-only', privacy: 'careful' }, { mode: 'local-only' })).toEqual({
    ...usual,
    mode: 'local-only',
    privacy: privacy('careful'),
  });
  const choice: Policy = { patience: 'urgent', preferences: { cost: 0 }, risk: { alpha: 0.1, delta: 0.05 } };
  expect(policyData(true, { patience: 'patient', preferences: { latency: 2 } }, choice)).toEqual({
    ...usual,
    mode: 'prefer-local',
    patience: 'urgent',
    preferences: { ...usual.preferences, cost: 0 },
    risk: { alpha: 0.1, delta: 0.05 },
  });
  expect(policyData(true, { overflow: 'summarise' }).overflow).toBe('summarise');
  expect(() => policyData(true, { overflow: 'shorten' } as unknown as Policy)).toThrow(
    `policy.overflow: "shorten" is not one of 'error', 'drop-oldest', 'summarise', 'cloud'`,
  );
  expect(() => policyData(true, { mode: 'local' } as unknown as Policy)).toThrow(
    `policy.mode: "local" is not one of 'local-only', 'prefer-local', 'prefer-cloud', 'cloud-only'`,
  );
  expect(() => policyData(true, { modes: 'local-only' } as Policy)).toThrow('policy.modes is not supported');
});

test.each<[Policy, string]>([
  [{ patience: 'hasty' as 'urgent' }, `policy.patience: "hasty" is not one of 'urgent', 'normal', 'patient'`],
  [{ preferences: { cost: -1 } }, 'policy.preferences.cost: expected a number from 0 to 4'],
  [{ preferences: { quality: Number.NaN } }, 'policy.preferences.quality: expected a number from 0 to 4'],
  [{ preferences: { fairPrice: 0 } }, 'policy.preferences.fairPrice: expected a number greater than 0'],
  [{ preferences: { speed: 1 } as object }, 'policy.preferences.speed is not supported; supported: quality,'],
  [{ risk: { alpha: 0, delta: 0.1 } }, 'policy.risk.alpha: expected a number between 0 and 1'],
  [{ risk: { alpha: 0.1 } as Risk }, 'policy.risk.delta: expected a number between 0 and 1'],
])('what cannot be weighed is refused: %j', (policy, message) => {
  expect(() => policyData(true, policy)).toThrow(message);
});

test('prices: by model, for a million tokens', () => {
  const cloud = { relays: ['/relay'], keys: 'AAAA' };
  const parsed = (prices: unknown) =>
    engineOptions({ cloud: { ...cloud, prices } as CloudOptions }, 'https://page.test/').cloud?.prices;
  expect(parsed(undefined)).toBeUndefined();
  expect(parsed({ large: { input: 3, output: 15 } })).toEqual({ large: { input: 3, output: 15 } });
  expect(() => parsed([])).toThrow('options.cloud.prices: expected an object, { model: { input, output } }');
  expect(() => parsed({ large: { input: 3 } })).toThrow(
    'options.cloud.prices["large"].output: expected what a million tokens cost, a number from 0 on',
  );
  expect(() => parsed({ large: { in: 3 } })).toThrow('options.cloud.prices["large"].in is not supported');
});
