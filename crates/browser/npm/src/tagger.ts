/// The weights of what finds names, addresses and organisations. Nothing leaves the page without them.

import { asErrorData } from './errors.js';
import { inWasmFolder } from './module.js';

type Handle = InstanceType<typeof import('./wasm/glue.js')['EngineHandle']>;

/** The file beside the wasm modules: fetched at once, and handed to the engine when something is about to leave. */
export class TaggerFile {
  readonly #url: URL;
  /** On its way; undefined where it failed, and once the engine has it. */
  #bytes: Promise<Uint8Array> | undefined;
  #given: Promise<void> | undefined;
  #isThere = false;

  constructor(wasmUrl: string | null) {
    // The literal form is what bundlers look for.
    this.#url = inWasmFolder('tagger.bin', new URL('./wasm/tagger.bin', import.meta.url), wasmUrl);
    this.#bytes = fetchBytes(this.#url, 'default');
    this.#bytes.catch(() => {}); // told to who needs it
  }

  /** The engine has it. */
  get isThere(): boolean {
    return this.#isThere;
  }

  /**
   * Hands the weights to the engine as soon as they are there, or tells it why they cannot be had; then nothing
   * leaves, and the next call tries again.
   */
  give(handle: Handle): Promise<void> {
    this.#given ??= this.#give(handle).finally(() => {
      this.#given = undefined;
    });
    return this.#given;
  }

  async #give(handle: Handle): Promise<void> {
    if (this.#isThere) return;
    // What failed may have come out of a cache.
    const bytes = this.#bytes ?? fetchBytes(this.#url, 'reload');
    this.#bytes = undefined;
    try {
      handle.setTagger(await bytes);
      this.#isThere = true;
    } catch (thrown) {
      const { message } = asErrorData(thrown);
      handle.setNoTagger(
        `${this.#url.href}: ${message}. Without this file names and addresses are not found, so nothing leaves; serve it beside the package's wasm files, or set wasmUrl.`,
      );
    }
  }
}

async function fetchBytes(url: URL, cache: RequestCache): Promise<Uint8Array> {
  const response = await fetch(url, { cache });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
