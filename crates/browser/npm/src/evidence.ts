/// What the gateway's hardware proves, asked for and verified when a text may leave only with it.

import { asErrorData, TidegateError } from './errors.js';
import { attestationModule, inWasmFolder } from './module.js';
import type { EvidenceData } from './trust-options.js';
import type { ChatRequest, ErrorData, Policy } from './types.gen.js';

type Handle = InstanceType<typeof import('./wasm/glue.js')['EngineHandle']>;
type Verifier = typeof import('./wasm/attestation.js');

/** What `handle.evidence()` gives: what was asked, and the gateway's answer. */
interface Given {
  key: string;
  nonce: string;
  evidence: string;
}

/** Asks for evidence, one question after the other, and tells the engine what came of it. */
export class Evidence {
  readonly #options: EvidenceData;
  readonly #wasmUrl: string | null;
  #verifier: Promise<Verifier> | undefined;
  #asking: Promise<void> | undefined;

  constructor(options: EvidenceData, wasmUrl: string | null) {
    this.#options = options;
    this.#wasmUrl = wasmUrl;
  }

  /** Resolves once the engine knows whether this request may leave as far as evidence goes; why not, the engine tells. */
  async ready(handle: Handle, request: ChatRequest, policy: Policy): Promise<void> {
    if (!handle.needsEvidence(JSON.stringify(request), JSON.stringify(policy))) return;
    this.#asking ??= this.#ask(handle).finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  async #ask(handle: Handle): Promise<void> {
    try {
      const [given, verifier] = await Promise.all([handle.evidence(), this.#load()]);
      if (given === undefined) return; // what was verified earlier holds
      handle.attest(this.#verify(verifier, JSON.parse(given) as Given));
    } catch (thrown) {
      handle.setNotAttested(JSON.stringify(asErrorData(thrown)));
    }
  }

  #verify(verifier: Verifier, { evidence, key, nonce }: Given): string {
    const { allowed, signedBy } = this.#options;
    try {
      return verifier.verifyEvidence(evidence, allowed, signedBy, key, nonce, Date.now());
    } catch (thrown) {
      throw typeof thrown === 'string' ? new TidegateError(JSON.parse(thrown) as ErrorData) : thrown;
    }
  }

  #load(): Promise<Verifier> {
    this.#verifier ??= this.#fetch().catch((thrown) => {
      this.#verifier = undefined; // the next question tries again
      throw thrown;
    });
    return this.#verifier;
  }

  async #fetch(): Promise<Verifier> {
    const { glue, file, url: beside } = await attestationModule();
    const { moduleUrl } = this.#options;
    const url = moduleUrl === null ? inWasmFolder(file, beside, this.#wasmUrl) : new URL(moduleUrl);
    try {
      await glue.default({ module_or_path: url });
      return glue;
    } catch (thrown) {
      throw new TidegateError({
        code: 'evidence-refused',
        message: `${url.href} could not be loaded, so no evidence can be verified: ${asErrorData(thrown).message}`,
        recoverable: true,
      });
    }
  }
}
