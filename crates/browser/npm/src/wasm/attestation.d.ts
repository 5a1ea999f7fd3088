// The file beside this one is made by wasm-bindgen; these are the types that it promises, as crate `attestation` declares
// them.

/** Loads the module. */
export default function init(options: { module_or_path: URL | string }): Promise<unknown>;

/** An `Attestation` of crate `query` as JSON; throws a text, the JSON of an `ErrorData`. */
export function verifyEvidence(
  evidenceJson: string,
  /** A signed list of measurements. */
  allowed: string,
  /** Ed25519 keys in base64. */
  signedBy: string[],
  /** SHA-256 of the key config, hex. */
  key: string,
  /** Hex. */
  nonce: string,
  nowMs: number,
): string;
