/// Weights that the engine gets from files beside its wasm modules.

import { asErrorData } from './errors.js';
import { inWasmFolder } from './module.js';

type Handle = InstanceType<typeof import('./wasm/glue.js')['EngineHandle']>;

/** What to do with a file, and without it. */
interface Use {
  give(handle: Handle, bytes: Uint8Array): void;
  /** `why` names the file. */
  lack(handle: Handle, why: string): void;
}

/** A file beside the wasm modules: fetched at once, and handed to the engine when it takes part. */
export class WeightsFile {
  readonly #url: URL;
  readonly #use: Use;
  /** On its way; undefined where it failed, and once the engine has it. */
  #bytes: Promise<Uint8Array> | undefined;
  #given: Promise<void> | undefined;
  #isThere = false;

  constructor(url: URL, use: Use) {
    this.#url = url;
    this.#use = use;
    this.#bytes = fetchBytes(url, 'default');
    this.#bytes.catch(() => {}); // told to who needs it
  }

  /** The engine has it. */
  get isThere(): boolean {
    return this.#isThere;
  }

  /** Hands the weights to the engine as soon as they are there, or tells it why they cannot be had; then the next call tries again. */
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
      this.#use.give(handle, await bytes);
      this.#isThere = true;
    } catch (thrown) {
      this.#use.lack(handle, `${this.#url.href}: ${asErrorData(thrown).message}`);
    }
  }
}

/** Finds names, addresses and organisations. Nothing leaves the page without it. */
export function taggerFile(wasmUrl: string | null): WeightsFile {
  // The literal form is what bundlers look for.
  const beside = new URL('./wasm/tagger.bin', import.meta.url);
  return new WeightsFile(inWasmFolder('tagger.bin', beside, wasmUrl), {
    give: (handle, bytes) => handle.setTagger(bytes),
    lack: (handle, why) =>
      handle.setNoTagger(
        `${why}. Without this file names and addresses are not found, so nothing leaves; serve it beside the package's wasm files, or set wasmUrl.`,
      ),
  });
}

/** Expects how much better the cloud would answer. Without it only rules and the running answer decide. */
export function routerFile(wasmUrl: string | null): WeightsFile {
  const beside = new URL('./wasm/router.bin', import.meta.url);
  return new WeightsFile(inWasmFolder('router.bin', beside, wasmUrl), {
    give: (handle, bytes) => handle.setRouter(bytes),
    lack: (_, why) =>
      console.warn(
        `tidegate: ${why}. Without this file no question is judged before it is answered; serve it beside the package's wasm files, or set wasmUrl.`,
      ),
  });
}

async function fetchBytes(url: URL, cache: RequestCache): Promise<Uint8Array> {
  const response = await fetch(url, { cache });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
