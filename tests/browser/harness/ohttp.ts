import { createDecipheriv, hkdfSync } from 'node:crypto';
import { Aes128Gcm, CipherSuite, HkdfSha256, type SenderContext } from '@hpke/core';
import { DhkemX25519HkdfSha256 } from '@hpke/dhkem-x25519';
import { XWing } from '@hpke/hybridkem-x-wing';

/*
 * A client of chunked Oblivious HTTP that shares no line with Tidegate: RFC 9458 and
 * draft-ietf-ohai-chunked-ohttp as read from the text, over somebody else's HPKE (RFC 9180).
 */

/** KEM ids of the HPKE registry. */
export const X_WING = 0x647a;
export const X25519 = 0x0020;

export const labels = {
  chunked: ['message/bhttp chunked request', 'message/bhttp chunked response'],
  whole: ['message/bhttp request', 'message/bhttp response'],
} as const;

const FINAL = Buffer.from('final');
const NONE = Buffer.alloc(0);

/** One config of an `application/ohttp-keys` list. */
export interface KeyConfig {
  keyId: number;
  kem: number;
  publicKey: Buffer;
}

/** RFC 9458, section 3. */
export function keyConfigs(list: Buffer): KeyConfig[] {
  const configs: KeyConfig[] = [];
  for (let at = 0; at < list.length; ) {
    const config = list.subarray(at + 2, at + 2 + list.readUInt16BE(at));
    at += 2 + config.length;
    const kem = config.readUInt16BE(1);
    configs.push({
      keyId: config.readUInt8(0),
      kem,
      publicKey: config.subarray(3, 3 + (kem === X_WING ? 1216 : 32)),
    });
  }
  return configs;
}

/** HPKE with HKDF-SHA256 and AES-128-GCM. */
export function suite(kem: number): CipherSuite {
  return new CipherSuite({
    kem: kem === X_WING ? new XWing() : new DhkemX25519HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: new Aes128Gcm(),
  });
}

/** Key id, KEM, KDF and AEAD as a request begins with them. */
export function header(keyId: number, kem: number): Buffer {
  return Buffer.from([keyId, kem >> 8, kem & 0xff, 0, 1, 0, 1]);
}

/** The HPKE `info` of a request. */
export function info(label: string, requestHeader: Buffer): Buffer {
  return Buffer.concat([Buffer.from(label), Buffer.from([0]), requestHeader]);
}

/** A sealed request, and what opens its reply. */
export interface SealedRequest {
  bytes: Buffer;
  context: SenderContext;
}

/** Seals a binary HTTP request in chunks of at most `size` bytes. */
export async function seal(config: KeyConfig, request: Buffer, size = 1000): Promise<SealedRequest> {
  const hpke = suite(config.kem);
  const start = header(config.keyId, config.kem);
  const context = await hpke.createSenderContext({
    recipientPublicKey: await hpke.kem.deserializePublicKey(arrayBuffer(config.publicKey)),
    info: arrayBuffer(info(labels.chunked[0], start)),
  });
  const pieces = [start, Buffer.from(context.enc)];
  for (let at = 0; at < request.length; at += size) {
    const sealed = await context.seal(arrayBuffer(request.subarray(at, at + size)), arrayBuffer(NONE));
    pieces.push(varint(sealed.byteLength), Buffer.from(sealed));
  }
  pieces.push(varint(0), Buffer.from(await context.seal(arrayBuffer(NONE), arrayBuffer(FINAL))));
  return { bytes: Buffer.concat(pieces), context };
}

/** Key and nonce of a reply: RFC 9458, section 4.4. */
export function replySecrets(exported: Buffer, encapsulated: Buffer, nonce: Buffer): [Buffer, Buffer] {
  const salt = Buffer.concat([encapsulated, nonce]);
  const derive = (what: string, length: number) =>
    Buffer.from(hkdfSync('sha256', exported, salt, Buffer.from(what), length));
  return [derive('key', 16), derive('nonce', 12)];
}

/** The plaintext of a whole reply; throws if anything is wrong with it. */
export async function open(request: SealedRequest, reply: Buffer): Promise<Buffer> {
  const exported = await request.context.export(arrayBuffer(Buffer.from(labels.chunked[1])), 16);
  const encapsulated = Buffer.from(request.context.enc);
  const [key, nonce] = replySecrets(Buffer.from(exported), encapsulated, reply.subarray(0, 16));
  return openChunks(reply.subarray(16), key, nonce);
}

/** The plaintexts of a reply's chunks, joined. */
export function openChunks(sealed: Buffer, key: Buffer, nonce: Buffer): Buffer {
  const plaintexts = chunks(sealed).map(([chunk, isFinal], counter) =>
    openOne(chunk, key, counted(nonce, counter), isFinal ? FINAL : NONE),
  );
  return Buffer.concat(plaintexts);
}

/** Chunks of a message, and whether each is the final one. */
export function chunks(message: Buffer): [Buffer, boolean][] {
  const found: [Buffer, boolean][] = [];
  for (let at = 0; ; ) {
    const [length, after] = readVarint(message, at);
    const isFinal = length === 0;
    const end = isFinal ? message.length : after + length;
    if (end > message.length) throw new Error('the message is cut off');
    found.push([message.subarray(after, end), isFinal]);
    if (isFinal) return found;
    at = end;
  }
}

/** AES-128-GCM. */
export function openOne(sealed: Buffer, key: Buffer, nonce: Buffer, aad: Buffer): Buffer {
  const cipher = createDecipheriv('aes-128-gcm', key, nonce);
  cipher.setAAD(aad).setAuthTag(sealed.subarray(-16));
  return Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]);
}

function counted(nonce: Buffer, counter: number): Buffer {
  const own = Buffer.from(nonce);
  own.writeUInt32BE((own.readUInt32BE(8) ^ counter) >>> 0, 8);
  return own;
}

/** RFC 9292, section 3.1: a request of known length. */
export function binaryRequest(path: string, fields: Record<string, string>, content: string): Buffer {
  const section = Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [text(name), text(value)]));
  const control = [text('POST'), text('https'), text(''), text(path)];
  return Buffer.concat([varint(0), ...control, varint(section.length), section, text(content), varint(0)]);
}

/** A binary HTTP response of indeterminate length, read whole. */
export interface Response {
  status: number;
  fields: Record<string, string>;
  content: string;
}

/** RFC 9292, section 3.2; informational responses are skipped. */
export function binaryResponse(message: Buffer): Response {
  let at = 0;
  const next = () => {
    const [value, after] = readVarint(message, at);
    at = after;
    return value;
  };
  const take = () => {
    const length = next();
    at += length;
    if (at > message.length) throw new Error('the response is cut off');
    return message.subarray(at - length, at);
  };
  if (next() !== 3) throw new Error('not a response of indeterminate length');
  for (;;) {
    const status = next();
    const fields: Record<string, string> = {};
    for (let name = take(); name.length > 0; name = take()) fields[name.toString()] = take().toString();
    if (status < 200) continue;
    const content: Buffer[] = [];
    for (let piece = take(); piece.length > 0; piece = take()) content.push(piece);
    return { status, fields, content: Buffer.concat(content).toString() };
  }
}

/** The data of the events of an event stream. */
export function eventData(content: string): string[] {
  return content.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(bytes.length), bytes]);
}

/** RFC 9000, section 16. */
function varint(value: number): Buffer {
  if (value < 0x40) return Buffer.from([value]);
  const bytes = Buffer.alloc(value < 0x4000 ? 2 : 4);
  if (bytes.length === 2) bytes.writeUInt16BE(value | 0x4000);
  else bytes.writeUInt32BE((value | 0x80000000) >>> 0);
  return bytes;
}

/** The number, and where the rest begins. */
function readVarint(bytes: Buffer, at: number): [number, number] {
  const first = bytes.readUInt8(at);
  const length = 1 << (first >> 6);
  let value = first & 0x3f;
  for (let i = 1; i < length; i++) value = value * 256 + bytes.readUInt8(at + i);
  return [value, at + length];
}

/** A copy that `@hpke` takes. */
export function arrayBuffer(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
