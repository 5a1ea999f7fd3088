import { signal } from '@preact/signals';
import { openSealedStore, type SealedStore, SealedStoreError } from 'tidegate/sealed-store';
import { type Conversation, restore, save } from './conversation.ts';

/**
 * Why the conversation is not kept: storage is switched off, or full. Or that the one that was kept is lost: the
 * key that sealed it is gone, or it was changed.
 */
export type Trouble = 'off' | 'full' | 'lost';

const STORE = 'conversation';
const ENTRY = 'conversation';
/** Where earlier versions of this page kept it, in plaintext. */
const PLAINTEXT = 'tidegate.conversation';
/** How long a piece of a growing answer may wait until it is kept, in ms. */
const SOON = 500;

/**
 * Keeps the conversation in this browser, sealed. One write at a time: what changes meanwhile is in the next one.
 *
 * Nothing can be awaited while a page goes away, so everything that a person did is written at once, and what
 * comes by itself, the pieces of an answer, soon. With storage switched off or full the page works and forgets.
 */
export class ConversationStore {
  /** What a person should know; undefined while all is well. */
  readonly trouble = signal<Trouble | undefined>(undefined);
  /** Storage holds the newest of what was said, or nothing if that was forgotten. */
  readonly isKept = signal(true);
  readonly #plaintext: Pick<Storage, 'getItem' | 'removeItem'> | undefined;
  #opened: Promise<SealedStore> | undefined;
  /** What is to be written. */
  #newest: Conversation | undefined;
  /** What was written until now is to be forgotten first. */
  #forget = false;
  #isWriting = false;
  #written = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(plaintext: Pick<Storage, 'getItem' | 'removeItem'> | undefined = localStorageOf()) {
    this.#plaintext = plaintext;
  }

  /** The conversation that was kept, or an empty one. */
  async open(): Promise<Conversation> {
    const plaintext = this.#readPlaintext();
    try {
      const kept = await (await this.#store()).get(ENTRY);
      const moved = restore(plaintext);
      if (kept === undefined && moved.turns.length > 0) {
        this.keep(moved);
        await this.flush(); // removes the plaintext once this is sealed
        return moved;
      }
      this.#removePlaintext();
      return restore(kept ?? null);
    } catch (thrown) {
      this.trouble.value = troubleOf(thrown);
      // What cannot be opened is of no use to anybody; the next conversation gets a new key.
      if (this.trouble.value === 'lost') this.#forget = true;
      return restore(plaintext);
    }
  }

  /** Writes a conversation at once. */
  keep(conversation: Conversation): void {
    this.#newest = conversation;
    this.isKept.value = false;
    void this.flush();
  }

  /** Writes a conversation soon, unless a newer one comes. */
  keepSoon(conversation: Conversation): void {
    this.#newest = conversation;
    this.isKept.value = false;
    this.#timer ??= setTimeout(() => void this.flush(), SOON);
  }

  /** Forgets what was kept, and the key that sealed it. */
  forget(): void {
    this.#newest = undefined;
    this.#forget = true;
    this.isKept.value = false;
    void this.flush();
  }

  /** Writes what waits; resolves when nothing does. Failures are told by `trouble`. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#isWriting) this.#written = this.#write();
    return this.#written;
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#forget || this.#newest !== undefined) {
        if (!(await this.#writeOnce())) return;
      }
      this.isKept.value = true;
    } finally {
      this.#isWriting = false;
    }
  }

  /** Whether it went well. */
  async #writeOnce(): Promise<boolean> {
    const forget = this.#forget;
    const conversation = this.#newest;
    this.#forget = false;
    this.#newest = undefined;
    try {
      if (forget) this.#removePlaintext();
      const store = await this.#store();
      if (forget) await store.forget();
      if (conversation !== undefined) {
        await store.put(ENTRY, save(conversation));
        this.#removePlaintext();
      }
      this.trouble.value = undefined;
      return true;
    } catch (thrown) {
      this.trouble.value = troubleOf(thrown);
      this.#forget ||= forget; // the next change tries again
      return false;
    }
  }

  #store(): Promise<SealedStore> {
    if (this.#opened === undefined) {
      this.#opened = openSealedStore(STORE);
      this.#opened.catch(() => {
        this.#opened = undefined; // storage may be switched on again
      });
    }
    return this.#opened;
  }

  #readPlaintext(): string | null {
    return this.#plaintext?.getItem(PLAINTEXT) ?? null;
  }

  #removePlaintext(): void {
    this.#plaintext?.removeItem(PLAINTEXT);
  }
}

function troubleOf(thrown: unknown): Trouble {
  if (!(thrown instanceof SealedStoreError)) throw thrown;
  if (thrown.code === 'storage-unavailable') return 'off';
  return thrown.code === 'quota-exceeded' ? 'full' : 'lost';
}

/** Where a person blocks storage, asking for it throws. */
function localStorageOf(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}
