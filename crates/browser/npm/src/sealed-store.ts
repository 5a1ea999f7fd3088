/**
 * Keeps texts in this browser, encrypted with a key that no script can read out.
 *
 * AES-GCM with 256 bits. The key is made in the browser as one that cannot be exported, and lies in IndexedDB
 * beside what it sealed: a script may use it while it runs on the page's origin, and cannot take it away. Without
 * the key the texts are noise, so that forgetting is to delete the key.
 *
 * Plain IndexedDB: the package's files are served as they are, so that they can import no other package.
 */

/** Texts that are kept sealed, by key. Calls take effect in the order in which they are made. */
export interface SealedStore {
  /** The text under `key`; undefined if there is none. */
  get(key: string): Promise<string | undefined>;
  /** Keeps `text` under `key`, in place of what was there. Keys themselves are not sealed: name nobody in them. */
  put(key: string, text: string): Promise<void>;
  /** Removes what is kept under `key`. */
  delete(key: string): Promise<void>;
  /** Deletes the encryption key and all that it sealed. The next `put` makes a new one. */
  forget(): Promise<void>;
}

/** Why a text cannot be kept, or not be had. */
export type SealedStoreErrorCode =
  /** The browser keeps nothing for this page: storage is switched off, or the context is not secure. */
  | 'storage-unavailable'
  /** There is no room. What was kept before is still there. */
  | 'quota-exceeded'
  /** The encryption key is gone, and with it the text. */
  | 'key-gone'
  /** What is kept there is not what was sealed under that key. */
  | 'damaged';

/** Everything that a `SealedStore` rejects with. Its message holds nothing of a text. */
export class SealedStoreError extends Error {
  override readonly name = 'SealedStoreError';
  readonly code: SealedStoreErrorCode;

  constructor(code: SealedStoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Opens the store of that name, of which each origin has its own. Pages and workers that open the same one share it.
 *
 * @throws SealedStoreError `storage-unavailable` where the browser keeps nothing for this page.
 */
export async function openSealedStore(name: string): Promise<SealedStore> {
  const store = new IndexedDbStore(name);
  await store.open();
  return store;
}

const KEYS = 'keys';
const ENTRIES = 'entries';
/** A store has one encryption key at a time. */
const CURRENT = 'current';
const CIPHER = 'AES-GCM';
/** 96 bits, random for each write: far fewer than 2³² writes with one key (NIST SP 800-38D, 8.3). */
const IV_BYTES = 12;

interface StoredKey {
  id: string;
  key: CryptoKey;
}

interface Entry {
  /** The `StoredKey` that sealed it. */
  keyId: string;
  iv: Uint8Array<ArrayBuffer>;
  sealed: ArrayBuffer;
}

class IndexedDbStore implements SealedStore {
  readonly #name: string;
  #database: Promise<IDBDatabase> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(name: string) {
    this.#name = name;
  }

  open(): Promise<void> {
    return this.#inTurn(async () => void (await this.#connect()));
  }

  get(key: string): Promise<string | undefined> {
    return this.#inTurn(() => this.#get(key));
  }

  put(key: string, text: string): Promise<void> {
    return this.#inTurn(() => this.#put(key, text));
  }

  delete(key: string): Promise<void> {
    return this.#inTurn(() => this.#transact('readwrite', (_, entries) => void entries.delete(key)));
  }

  forget(): Promise<void> {
    return this.#inTurn(() =>
      this.#transact('readwrite', (keys, entries) => {
        keys.clear();
        entries.clear();
      }),
    );
  }

  async #get(name: string): Promise<string | undefined> {
    const [entry, stored] = await this.#transact('readonly', (keys, entries) =>
      Promise.all([
        resultOf<Entry | undefined>(entries.get(name)),
        resultOf<StoredKey | undefined>(keys.get(CURRENT)),
      ]),
    );
    if (entry === undefined) return undefined;
    if (stored?.id !== entry.keyId) {
      const what = `the key that sealed ${JSON.stringify(name)} is gone, and the text with it; forget() clears the rest`;
      throw this.#error('key-gone', what);
    }
    try {
      return decoder.decode(
        await crypto.subtle.decrypt(this.#cipher(name, entry.iv), stored.key, entry.sealed),
      );
    } catch (cause) {
      const what = `what is kept under ${JSON.stringify(name)} was changed, and cannot be opened; delete() it`;
      throw this.#error('damaged', what, cause);
    }
  }

  async #put(name: string, text: string): Promise<void> {
    for (;;) {
      const { id, key } = await this.#key();
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const sealed = await crypto.subtle.encrypt(this.#cipher(name, iv), key, encoder.encode(text));
      // No transaction lasts while something is encrypted: another page may have forgotten the key meanwhile.
      const isKept = await this.#transact('readwrite', async (keys, entries) => {
        const current = await resultOf<StoredKey | undefined>(keys.get(CURRENT));
        if (current?.id !== id) return false;
        entries.put({ keyId: id, iv, sealed } satisfies Entry, name);
        return true;
      });
      if (isKept) return;
    }
  }

  /** The key there is, or a new one. */
  async #key(): Promise<StoredKey> {
    const there = await this.#transact('readonly', (keys) =>
      resultOf<StoredKey | undefined>(keys.get(CURRENT)),
    );
    if (there !== undefined) return there;
    const made: StoredKey = {
      id: crypto.randomUUID(),
      key: await crypto.subtle.generateKey({ name: CIPHER, length: 256 }, false, ['encrypt', 'decrypt']),
    };
    return this.#transact('readwrite', async (keys) => {
      const other = await resultOf<StoredKey | undefined>(keys.get(CURRENT));
      if (other === undefined) keys.put(made, CURRENT);
      return other ?? made;
    });
  }

  /** What is sealed belongs to its place: elsewhere it does not open. */
  #cipher(name: string, iv: Uint8Array<ArrayBuffer>): AesGcmParams {
    const additionalData = encoder.encode(JSON.stringify(['tidegate sealed store', 1, this.#name, name]));
    return { name: CIPHER, iv, additionalData };
  }

  async #transact<T>(
    mode: IDBTransactionMode,
    work: (keys: IDBObjectStore, entries: IDBObjectStore) => T | Promise<T>,
  ): Promise<T> {
    const database = await this.#connect();
    // Strict: what is forgotten, or said to be kept, has reached the disk.
    const transaction = database.transaction([KEYS, ENTRIES], mode, { durability: 'strict' });
    const completed = completionOf(transaction);
    const [result] = await Promise.all([
      work(transaction.objectStore(KEYS), transaction.objectStore(ENTRIES)),
      completed,
    ]);
    return result;
  }

  #connect(): Promise<IDBDatabase> {
    if (this.#database === undefined) {
      const onGone = () => {
        this.#database = undefined; // the next call opens it again
      };
      this.#database = openDatabase(`tidegate.${this.#name}`, onGone);
      this.#database.catch(onGone);
    }
    return this.#database;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work).catch((thrown: unknown) => {
      throw this.#asError(thrown);
    });
    this.#last = result.catch(() => {});
    return result;
  }

  #asError(thrown: unknown): SealedStoreError {
    if (thrown instanceof SealedStoreError) return thrown;
    if ((thrown as Partial<Error> | null)?.name === 'QuotaExceededError') {
      return this.#error('quota-exceeded', 'there is no room for it; free some disk space', thrown);
    }
    const why = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
    const what = `the browser keeps nothing for this page (${why}); allow its data to be stored`;
    return this.#error('storage-unavailable', what, thrown);
  }

  #error(code: SealedStoreErrorCode, what: string, cause?: unknown): SealedStoreError {
    return new SealedStoreError(code, `sealed store ${JSON.stringify(this.#name)}: ${what}`, { cause });
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** `onGone` is called when the connection has ended by itself: the person cleared the site's data. */
function openDatabase(name: string, onGone: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    if (globalThis.crypto?.subtle === undefined) throw new TypeError('this context is not secure');
    if (globalThis.indexedDB === undefined) throw new TypeError('there is no IndexedDB');
    const opening = indexedDB.open(name, 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore(KEYS);
      opening.result.createObjectStore(ENTRIES);
    };
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      database.onclose = onGone;
      database.onversionchange = () => {
        database.close(); // somebody wants to delete it
        onGone();
      };
      resolve(database);
    };
  });
}

function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function completionOf(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () =>
      reject(transaction.error ?? new DOMException('the transaction was aborted', 'AbortError'));
  });
}
