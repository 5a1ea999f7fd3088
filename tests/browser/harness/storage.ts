import type { Page } from 'playwright-core';

/** What a page's origin keeps, as whoever can run a script there may read it. */
export interface Stored {
  /** All of local storage and of every database; bytes as characters, once each and in pairs. */
  text: string;
  /** How many records the databases hold, by object store. */
  records: Record<string, number>;
  /** How often an encryption key was found that a script could take away. */
  keysToTakeAway: number;
}

/** Reads everything that the page's origin keeps. */
export async function dumpStorage(page: Page): Promise<Stored> {
  return page.evaluate(async () => {
    const settled = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const pieces = [JSON.stringify(localStorage)];
    let keysToTakeAway = 0;
    const read = async (value: unknown): Promise<void> => {
      if (value instanceof CryptoKey) {
        const taken = await crypto.subtle.exportKey('raw', value).catch(() => undefined);
        if (taken !== undefined) keysToTakeAway += 1;
      } else if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
        const buffer = value instanceof ArrayBuffer ? value : value.buffer;
        for (const encoding of ['latin1', 'utf-16le', 'utf-16be']) {
          pieces.push(new TextDecoder(encoding).decode(buffer));
        }
      } else if (typeof value === 'object' && value !== null) {
        for (const field of Object.values(value)) await read(field);
      } else {
        pieces.push(String(value));
      }
    };
    const records: Record<string, number> = {};
    for (const { name } of await indexedDB.databases()) {
      if (name === undefined) continue;
      pieces.push(name);
      const database = await settled(indexedDB.open(name));
      for (const store of database.objectStoreNames) {
        const objects = database.transaction(store).objectStore(store);
        const [keys, values] = await Promise.all([settled(objects.getAllKeys()), settled(objects.getAll())]);
        records[store] = (records[store] ?? 0) + values.length;
        for (const value of [...keys, ...values]) await read(value);
      }
      database.close();
    }
    return { text: pieces.join('\n'), records, keysToTakeAway };
  });
}
