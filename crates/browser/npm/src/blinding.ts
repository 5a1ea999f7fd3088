/**
 * The page's half of issuing tokens: what to blind, what to ask, what comes of the answer (RFC 9578 §6, RFC 9577 §2).
 * The blinding itself is Cloudflare's (`@cloudflare/blindrsa-ts`, RFC 9474).
 */

import { RSABSSA } from '@cloudflare/blindrsa-ts';

/** What asks for `count` tokens, and how their answer becomes tokens. */
export interface Batch {
  /** Media type `application/private-token-generic-batch-request`. */
  request: Uint8Array<ArrayBuffer>;
  /**
   * Takes `application/private-token-generic-batch-response`.
   *
   * @throws Error if the answer is malformed, or not signed with the key.
   */
  finish(response: Uint8Array): Promise<string[]>;
}

/** An issuer's public key, ready to blind for. */
export interface TokenKey {
  /** SHA-256 of `encoded`. */
  id: Uint8Array<ArrayBuffer>;
  key: CryptoKey;
}

/** Publicly verifiable tokens of blind RSA with 2048 bits. */
const TYPE = 2;
/** Bytes of a signature, blinded or not. */
const SIGNATURE = 256;
/** RSABSSA-SHA384-PSS-Deterministic. */
const SUITE = RSABSSA.SHA384.PSS.Deterministic();
/** What stands before the 270 bytes of an RSAPublicKey of 2048 bits as RFC 9578 §6.5 encodes it, and as browsers read it. */
const PSS_PREFIX =
  '30820152303d06092a864886f70d01010a3030a00d300b0609608648016503040202a11a301806092a864886f70d010108300b0609608648016503040202a2030201300382010f00';
const RSA_PREFIX = '30820122300d06092a864886f70d01010105000382010f00';

/**
 * Reads a key in base64 for URLs, as directories have it.
 *
 * @throws TypeError if it is no key of type 2.
 */
export async function readTokenKey(text: string): Promise<TokenKey> {
  const encoded = fromBase64(text);
  const bare = encoded.subarray(PSS_PREFIX.length / 2);
  if (!toHex(encoded).startsWith(PSS_PREFIX) || bare.length !== 270) {
    throw new TypeError('expected an RSA key of 2048 bits in the form of RFC 9578 §6.5');
  }
  const spki = joined(fromHex(RSA_PREFIX), bare);
  // The library reads the modulus out of it.
  const key = await crypto.subtle.importKey('spki', spki, { name: 'RSA-PSS', hash: 'SHA-384' }, true, [
    'verify',
  ]);
  return { id: await sha256(encoded), key };
}

/** The digest of the challenge that a gateway of that name gives, for tokens of that issuer. */
export function challengeDigest(issuer: string, origin: string): Promise<Uint8Array<ArrayBuffer>> {
  const name = (text: string) => joined(uint16(text.length), encoder.encode(text));
  // No redemption context: tokens are fetched ahead.
  return sha256(joined(uint16(TYPE), name(issuer), Uint8Array.of(0), name(origin)));
}

/** Blinds `count` fresh tokens for a challenge. */
export async function blindBatch(key: TokenKey, challenge: Uint8Array, count: number): Promise<Batch> {
  const blinded: { signed: Uint8Array; blindedMsg: Uint8Array; inv: Uint8Array }[] = [];
  for (let i = 0; i < count; i += 1) {
    const nonce = crypto.getRandomValues(new Uint8Array(32));
    const signed = SUITE.prepare(joined(uint16(TYPE), nonce, challenge, key.id));
    blinded.push({ signed, ...(await SUITE.blind(key.key, signed)) });
  }
  const truncatedId = key.id.subarray(31);
  const requests = blinded.flatMap(({ blindedMsg }) => [uint16(TYPE), truncatedId, blindedMsg]);
  return {
    request: withLength(joined(...requests)),
    async finish(response) {
      const signatures = readResponse(response, count);
      const tokens: string[] = [];
      for (const [i, { signed, inv }] of blinded.entries()) {
        const signature = await SUITE.finalize(key.key, signed, signatures[i] as Uint8Array, inv);
        tokens.push(toBase64(joined(signed, signature)));
      }
      return tokens;
    },
  };
}

/** Behind the length, for each request: 1, the type, the signature. */
function readResponse(response: Uint8Array, count: number): Uint8Array[] {
  const each = 1 + 2 + SIGNATURE;
  const start = withLength(new Uint8Array(count * each)).length - count * each;
  if (response.length !== start + count * each) {
    throw new TypeError(`the issuer's answer has ${response.length} bytes, not those of ${count} tokens`);
  }
  return Array.from({ length: count }, (_, i) => {
    const one = response.subarray(start + i * each, start + (i + 1) * each);
    if (one[0] !== 1 || one[1] !== 0 || one[2] !== TYPE) throw new TypeError('the issuer left a token out');
    return one.slice(3);
  });
}

/** With its length before it, as QUIC writes it (RFC 9000 §16). */
function withLength(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = bytes;
  if (length < 0x40) return joined(Uint8Array.of(length), bytes);
  if (length < 0x4000) return joined(uint16(length | 0x4000), bytes);
  return joined(uint16((length >>> 16) | 0x8000), uint16(length & 0xffff), bytes);
}

const encoder = new TextEncoder();

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

function toBase64(bytes: Uint8Array): string {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_');
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const decoded = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(decoded, (character) => character.charCodeAt(0));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
