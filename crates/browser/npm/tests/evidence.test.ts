import { beforeEach, expect, test, vi } from 'vitest';
import { Evidence } from '../src/evidence.js';
import type { ChatRequest, Policy } from '../src/types.gen.js';

const STALE = { code: 'evidence-stale', message: 'it is old', recoverable: true };
const request = {} as ChatRequest;
const policy = {} as Policy;

/** The module, whose file is there only once it is built; it believes what says `good`. */
const verifier = vi.hoisted(() => ({ default: vi.fn(), verifyEvidence: vi.fn() }));
vi.mock('../src/module.js', async (original) => ({
  ...(await original<object>()),
  attestationModule: async () => ({
    glue: verifier,
    file: 'm.wasm',
    url: new URL('https://beside.example/'),
  }),
}));

beforeEach(() => {
  verifier.default.mockReset();
  verifier.verifyEvidence.mockReset().mockImplementation((evidence: string, ...rest: unknown[]) => {
    if (evidence !== 'good') throw JSON.stringify(STALE);
    return JSON.stringify(rest.slice(0, 4));
  });
});

/** An engine whose gateway gives this evidence; what it is told. */
function engine(evidence: string | undefined, needed = true) {
  const told: unknown[] = [];
  const given = evidence && JSON.stringify({ key: 'k', nonce: 'n', evidence });
  const handle = {
    needsEvidence: () => needed,
    evidence: vi.fn(async () => given),
    attest: (statement: string) => told.push(JSON.parse(statement)),
    setNotAttested: (error: string) => told.push(JSON.parse(error)),
  };
  return { handle: handle as never, asked: handle.evidence, told };
}

function evidence() {
  return new Evidence({ allowed: 'list', signedBy: ['s'], moduleUrl: 'https://m.example/m.wasm' }, null);
}

test('what was verified is told to the engine, and the module is loaded once', async () => {
  const { handle, asked, told } = engine('good');
  const asking = evidence();
  await Promise.all([asking.ready(handle, request, policy), asking.ready(handle, request, policy)]);
  expect(asked).toHaveBeenCalledTimes(1);
  await asking.ready(handle, request, policy);
  const statement = ['list', ['s'], 'k', 'n'];
  expect(told).toEqual([statement, statement]);
  expect(verifier.default.mock.calls).toEqual([[{ module_or_path: new URL('https://m.example/m.wasm') }]]);
});

test('nothing is asked for what needs no evidence, and nothing verified while evidence holds', async () => {
  const unneeded = engine('good', false);
  await evidence().ready(unneeded.handle, request, policy);
  expect(unneeded.asked).not.toHaveBeenCalled();
  const holds = engine(undefined);
  await evidence().ready(holds.handle, request, policy);
  expect(holds.told).toEqual([]);
});

test('the engine hears why evidence is refused, and the next question asks again', async () => {
  const { handle, told } = engine('old');
  const asking = evidence();
  await asking.ready(handle, request, policy);
  verifier.default.mockRejectedValueOnce(new Error('404'));
  await evidence().ready(handle, request, policy);
  await asking.ready(handle, request, policy);
  const missing = expect.stringMatching(/^https:\/\/m.example\/m.wasm could not be loaded.*404/);
  expect(told).toEqual([STALE, { code: 'evidence-refused', message: missing, recoverable: true }, STALE]);
});
