/// Which keys of the gateway's an app trusts, and what it asks of whoever holds them.

import { invalid } from './errors.js';
import { absolute, onlyKnown } from './fields.js';

/** Keys that signed lists name: the same list has to come by every path. */
export interface SignedKeys {
  /** Ed25519 keys as `tidegate keys` prints them. One of them has to have signed each list. */
  signedBy: string[];
  /**
   * URLs by which the list comes, of two or more origins: better of relays, which hide who asks, than of the gateway.
   * Default: `key-directory` of each relay. A key that one of them alone shows is not sealed to.
   */
  paths?: (string | URL)[];
  /** For how long a key has to have been public. Default: 60. */
  leastAgeMinutes?: number;
}

/** What the gateway's hardware has to prove before anything `restricted` leaves. */
export interface EvidenceOptions {
  /** The software that may hold the gateway's key: a signed list of measurements (a DSSE envelope), parsed or as text. */
  allowed: object | string;
  /** Ed25519 keys as `tidegate keys` prints them. One of them has to have signed the list. */
  signedBy: string[];
  /** The module that verifies evidence, fetched when it is first needed. Default: beside the other wasm files. */
  moduleUrl?: string | URL;
}

/** `SignedKeys` after checking. */
export interface ListedKeys {
  signedBy: string[];
  paths: string[];
  leastAgeS: number;
}

/** `EvidenceOptions` after checking. */
export interface EvidenceData {
  allowed: string;
  signedBy: string[];
  moduleUrl: string | null;
}

/** Checks where the gateway's key comes from; `relays` are absolute. */
export function keyOptions(
  keys: string | SignedKeys,
  relays: readonly string[],
  base: string | undefined,
): string | ListedKeys {
  const name = 'options.cloud.keys';
  if (typeof keys === 'string' && keys !== '') return keys;
  if (typeof keys !== 'object' || keys === null) {
    throw invalid(
      `${name}: expected the gateway's application/ohttp-keys in base64, or { signedBy } to take keys from signed lists`,
    );
  }
  onlyKnown(name, keys, ['signedBy', 'paths', 'leastAgeMinutes']);
  const given = keys.paths ?? relays.map(directoryOf);
  if (!Array.isArray(given)) throw invalid(`${name}.paths: expected an array of URLs`);
  const paths = given.map((path, i) => absolute(`${name}.paths[${i}]`, path, base));
  const origins = new Set(paths.map((path) => new URL(path).origin));
  if (origins.size < 2 || origins.size < paths.length) {
    throw invalid(
      `${name}.paths: expected two or more URLs, each of another origin, so that lists can be compared; name another relay`,
    );
  }
  const minutes = keys.leastAgeMinutes ?? 60;
  if (typeof minutes !== 'number' || !(minutes >= 0 && Number.isFinite(minutes))) {
    throw invalid(`${name}.leastAgeMinutes: expected 0 or more`);
  }
  return { signedBy: signers(name, keys.signedBy), paths, leastAgeS: Math.ceil(minutes * 60) };
}

/** Checks what the gateway has to prove. */
export function evidenceOptions(evidence: EvidenceOptions, base: string | undefined): EvidenceData {
  const name = 'options.cloud.evidence';
  onlyKnown(name, evidence, ['allowed', 'signedBy', 'moduleUrl']);
  const { allowed, moduleUrl } = evidence;
  if (allowed === null || (typeof allowed !== 'object' && typeof allowed !== 'string')) {
    throw invalid(`${name}.allowed: expected a signed list of measurements`);
  }
  return {
    allowed: typeof allowed === 'string' ? allowed : JSON.stringify(allowed),
    signedBy: signers(name, evidence.signedBy),
    moduleUrl: moduleUrl === undefined ? null : absolute(`${name}.moduleUrl`, moduleUrl, base),
  };
}

/** 32 bytes in base64. */
const ED25519_KEY = /^[A-Za-z0-9+/]{43}=$/;

function signers(name: string, keys: string[]): string[] {
  const isKey = (key: unknown) => typeof key === 'string' && ED25519_KEY.test(key);
  if (!Array.isArray(keys) || keys.length === 0 || !keys.every(isKey)) {
    throw invalid(
      `${name}.signedBy: expected one or more Ed25519 keys in base64, as \`tidegate keys\` prints them`,
    );
  }
  return [...keys];
}

/** Where a relay hands out the gateway's list. */
function directoryOf(relay: string): string {
  const url = new URL(relay);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/key-directory`;
  return url.href;
}
