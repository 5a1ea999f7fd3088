import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as ohttp from '../harness/ohttp.ts';
import { places } from '../harness/places.ts';
import { Process } from '../harness/process.ts';

const hex = (text: string) => Buffer.from(text, 'hex');

// RFC 9458, Appendix A.
const RFC = {
  label: ohttp.labels.whole,
  secretKey: '3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a',
  config: '01002031e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e79815500080001000100010003',
  request:
    '010020000100014b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec96c208b4726374e469135906992e1268c594d2a10c695d858c40a026e7965e7d86b83dd440b2c0185204b4d63525',
  reply: 'c789e7151fcba46158ca84b04464910d86f9013e404feea014e7be4a441f234f857fbd',
};
// draft-ietf-ohai-chunked-ohttp-06, Appendix A.
const DRAFT = {
  label: ohttp.labels.chunked,
  secretKey: '1c190d72acdbe4dbc69e680503bb781a932c70a12c8f3754434c67d8640d8698',
  config: '010020668eb21aace159803974a4c67f08b4152d29bed10735fd08f98ccdd6fe09570800080001000100010003',
  request:
    '010020000100018811eb457e100811c40a0aa71340a1b81d804bb986f736f2f566a7199761a0321c2ad24942d4d692563012f2980c8fef437a336b9b2fc938ef77a5834f1d2e33d8fd25577afe31bd1c79d094f76b6250ae6549b473ecd950501311001c6c1395d0ef7c1022297966307b8a7f',
  reply:
    'bcce7f4cb921309ba5d62edf1769ef091179bf1cc87fa0e2c02de4546945aa3d1e4812b348b5bd4c594c16b6170b07b475845d1f3200ed9d8a796617a5b27265f4d73247f639',
};
// Of both: GET https://example.com/, and 200.
const REQUEST = '00034745540568747470730b6578616d706c652e636f6d012f';
const REPLY = '0140c8';

/** What an upstream that says "It costs $40." sends. */
const ANSWER = [
  '{"choices":[{"index":0,"delta":{"role":"assistant","content":"It costs"}}]}',
  '{"choices":[{"index":0,"delta":{"content":" $40."}}]}',
  '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
  '[DONE]',
];

let folder: string;
let upstream: Server;
let gateway: Process;
let url: string;
const asked: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidegate-'));
  upstream = createServer(async (incoming, outgoing) => {
    const pieces: Buffer[] = [];
    for await (const piece of incoming) pieces.push(piece as Buffer);
    asked.push(Buffer.concat(pieces).toString());
    outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
    outgoing.end(ANSWER.map((data) => `data: ${data}\n\n`).join(''));
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const port = (upstream.address() as AddressInfo).port;
  gateway = new Process(places.binary, [
    ...['gateway', '--listen', '127.0.0.1:0', '--seed', join(folder, 'seed')],
    ...['--upstream-url', `http://127.0.0.1:${port}/v1`],
  ]);
  url = (await gateway.printed(/^gateway\s+(http:\S+)$/m))[1] ?? '';
});

afterAll(async () => {
  await gateway?.stop();
  await new Promise((resolve) => upstream?.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

/** A question as any client would put it. */
const question = (fields: Record<string, string> = { date: new Date().toUTCString() }) =>
  ohttp.binaryRequest('/v1/chat/completions', fields, '{"messages":[{"role":"user","content":"How much?"}]}');

async function key(kem: number): Promise<ohttp.KeyConfig> {
  const list = Buffer.from(await (await fetch(new URL('ohttp-keys', url))).arrayBuffer());
  const found = ohttp.keyConfigs(list).find((config) => config.kem === kem);
  if (found === undefined) throw new Error(`the gateway offers no key of KEM ${kem}`);
  return found;
}

function post(bytes: Buffer, type = 'message/ohttp-chunked-req'): Promise<Response> {
  const body = new Uint8Array(bytes);
  return fetch(new URL('gateway', url), { method: 'POST', headers: { 'content-type': type }, body });
}

async function answer(request: ohttp.SealedRequest): Promise<ohttp.Response> {
  const reply = await post(request.bytes);
  expect(reply.headers.get('content-type')).toBe('message/ohttp-chunked-res');
  return ohttp.binaryResponse(await ohttp.open(request, Buffer.from(await reply.arrayBuffer())));
}

test.each([
  ['RFC 9458', RFC],
  ['the chunked draft', DRAFT],
])('this client reproduces the example of %s', async (_, example) => {
  const hpke = ohttp.suite(ohttp.X25519);
  const [request, reply] = [hex(example.request), hex(example.reply)];
  const [start, encapsulated] = [request.subarray(0, 7), request.subarray(7, 39)];
  const configs = ohttp.keyConfigs(Buffer.concat([Buffer.from([0, 45]), hex(example.config)]));
  expect(ohttp.header(configs[0]?.keyId ?? 0, ohttp.X25519)).toEqual(start);
  const context = await hpke.createRecipientContext({
    recipientKey: await hpke.kem.deserializePrivateKey(ohttp.arrayBuffer(hex(example.secretKey))),
    enc: ohttp.arrayBuffer(encapsulated),
    info: ohttp.arrayBuffer(ohttp.info(example.label[0], start)),
  });
  const whole = example === RFC;
  const sealed = request.subarray(39);
  const opened: Buffer[] = [];
  for (const [chunk, isFinal] of whole ? [[sealed, false] as const] : ohttp.chunks(sealed)) {
    const aad = ohttp.arrayBuffer(Buffer.from(isFinal ? 'final' : ''));
    opened.push(Buffer.from(await context.open(ohttp.arrayBuffer(chunk), aad)));
  }
  expect(Buffer.concat(opened).toString('hex')).toBe(REQUEST);
  const exported = await context.export(ohttp.arrayBuffer(Buffer.from(example.label[1])), 16);
  const [replyKey, nonce] = ohttp.replySecrets(Buffer.from(exported), encapsulated, reply.subarray(0, 16));
  const body = reply.subarray(16);
  const plaintext = whole
    ? ohttp.openOne(body, replyKey, nonce, Buffer.alloc(0))
    : ohttp.openChunks(body, replyKey, nonce);
  expect(plaintext.toString('hex')).toBe(REPLY);
});

test.each([
  ['X-Wing', ohttp.X_WING],
  ['X25519', ohttp.X25519],
])('it is answered through the gateway with %s', async (_, kem) => {
  const count = asked.length;
  const fields = { date: new Date().toUTCString(), 'tidegate-traffic': 'off' };
  const {
    status,
    fields: given,
    content,
  } = await answer(await ohttp.seal(await key(kem), question(fields), 100));
  expect([status, given['content-type'], given['tidegate-traffic']]).toEqual([
    200,
    'text/event-stream',
    'off',
  ]);
  expect(ohttp.eventData(content)).toEqual(ANSWER);
  expect(asked).toHaveLength(count + 1);
  expect(JSON.parse(asked.at(-1) ?? '')).toMatchObject({
    messages: [{ content: 'How much?' }],
    stream: true,
  });
});

test('in cells, where it does not say how answers should travel', async () => {
  const { fields, content } = await answer(await ohttp.seal(await key(ohttp.X_WING), question()));
  expect(fields['tidegate-traffic']).toBe('balanced');
  const text = ohttp
    .eventData(content)
    .filter((data) => data !== '[DONE]')
    .map(
      (data) => (JSON.parse(data) as { choices: [{ delta: { content?: string } }] }).choices[0].delta.content,
    );
  expect(text.join('')).toBe('It costs $40.');
});

test('a request that comes again is not answered again', async () => {
  const fields = { date: new Date().toUTCString(), 'tidegate-traffic': 'off' };
  const request = await ohttp.seal(await key(ohttp.X25519), question(fields));
  expect((await answer(request)).status).toBe(200);
  const count = asked.length;
  const { status, content } = await answer(request);
  expect([status, JSON.parse(content)]).toEqual([
    400,
    { error: expect.objectContaining({ code: 'replayed' }) },
  ]);
  expect(asked).toHaveLength(count);
});

test('a request without a date or with a wrong one is told the right one', async () => {
  const count = asked.length;
  for (const fields of [{}, { date: 'yesterday' }, { date: 'Sun, 06 Nov 1994 08:49:37 GMT' }]) {
    const refused = await answer(
      await ohttp.seal(await key(ohttp.X_WING), question(fields as Record<string, string>)),
    );
    expect([refused.status, refused.fields['content-type']]).toEqual([400, 'application/problem+json']);
    const type = 'https://iana.org/assignments/http-problem-types#date';
    expect(JSON.parse(refused.content)).toMatchObject({ type, error: { code: 'clock-skewed' } });
    expect(asked).toHaveLength(count);
    const date = refused.fields.date ?? '';
    const corrected = question({ date, 'tidegate-traffic': 'off' });
    expect((await answer(await ohttp.seal(await key(ohttp.X_WING), corrected))).status).toBe(200);
    asked.pop();
  }
});

test('what is damaged, sealed to another key or not chunked is refused in the clear', async () => {
  const count = asked.length;
  const config = await key(ohttp.X25519);
  const { bytes } = await ohttp.seal(config, question());
  const changed = (at: number) => {
    const copy = Buffer.from(bytes);
    copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
    return copy;
  };
  const other = await ohttp.seal({ ...config, publicKey: Buffer.alloc(32, 9) }, question());
  const keyProblem = 'https://iana.org/assignments/http-problem-types#ohttp-key';
  for (const [name, body, type] of [
    ['a changed chunk', changed(bytes.length - 40), keyProblem],
    ['a changed key', changed(20), keyProblem],
    ['another key id', changed(0), keyProblem],
    ['another key', other.bytes, keyProblem],
    ['cut off', bytes.subarray(0, -1), 'about:blank'],
    ['cut between chunks', bytes.subarray(0, -17), 'about:blank'],
    ['a chunk more', Buffer.concat([bytes, bytes.subarray(-17)]), keyProblem],
  ] as const) {
    const refused = await post(body);
    expect([name, refused.status, refused.headers.get('content-type')]).toEqual([
      name,
      400,
      'application/problem+json',
    ]);
    expect([name, ((await refused.json()) as { type: string }).type]).toEqual([name, type]);
  }
  expect((await post(bytes, 'message/ohttp-req')).status).toBe(415);
  expect(asked).toHaveLength(count);
});
