import type { Adapter } from './adapter.js';

/** Where the record lies. */
const KEY = 'tidegate.gpu';

/** So many beginnings without an end, one after the other, and the GPU is left alone. */
const LIMIT = 2;

/** The part of local storage that is used. */
type Kept = Pick<Storage, 'getItem' | 'setItem'>;

/** How it went with one adapter in one version of one browser. */
interface Entry {
  /** Times that the GPU was opened since it last gave a whole answer. */
  unfinished: number;
  /** Why it may not be used: it computed something wrong. */
  failed?: string;
}

/**
 * Remembers across reloads which GPU brought the page down, or computes wrongly. Kept in local storage, because a
 * page that goes down writes nothing any more: what is written before has to be there at once.
 */
export class GpuRecord {
  readonly #storage: Kept | undefined;

  constructor(storage: Kept | undefined = localStorageOf()) {
    this.#storage = storage;
  }

  /** Why the adapter should not be used; undefined if nothing speaks against it. */
  refusal(adapter: string): string | undefined {
    const { failed, unfinished } = this.#entry(adapter);
    if (failed !== undefined) return `the GPU failed its self-test on an earlier visit: ${failed}`;
    if (unfinished >= LIMIT) {
      return `the page ended ${unfinished} times while the GPU was in use; device 'webgpu' tries it again`;
    }
    return undefined;
  }

  /** It is about to be opened, or was lost. */
  begin(adapter: string): void {
    const entry = this.#entry(adapter);
    this.#write(adapter, { ...entry, unfinished: entry.unfinished + 1 });
  }

  /** It gave a whole answer, or the page ended in order. */
  end(adapter: string): void {
    const { unfinished, ...rest } = this.#entry(adapter);
    if (unfinished > 0) this.#write(adapter, { ...rest, unfinished: 0 });
  }

  /** It computed something wrong. */
  fail(adapter: string, reason: string): void {
    this.#write(adapter, { unfinished: 0, failed: reason });
  }

  /** The app wants it tried again. */
  forget(adapter: string): void {
    this.#write(adapter, { unfinished: 0 });
  }

  #entry(adapter: string): Entry {
    return this.#all()[adapter] ?? { unfinished: 0 };
  }

  #all(): Record<string, Entry> {
    try {
      return JSON.parse(this.#storage?.getItem(KEY) ?? '{}') as Record<string, Entry>;
    } catch {
      return {}; // somebody else wrote there: begin anew
    }
  }

  #write(adapter: string, entry: Entry): void {
    try {
      // Other adapters and versions are of the past.
      this.#storage?.setItem(KEY, JSON.stringify({ [adapter]: entry }));
    } catch {
      // No room, or not allowed: then nothing is remembered.
    }
  }
}

/** The name of an adapter in this version of this browser. */
export function recordKey({ info }: Pick<Adapter, 'info'>): string {
  const { vendor, architecture, device, description } = info;
  return [vendor, architecture, device, description, globalThis.navigator?.userAgent ?? ''].join('|');
}

/** Workers have none, and where a person blocks storage, asking for it throws. */
function localStorageOf(): Storage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}
