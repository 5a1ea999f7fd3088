import 'fake-indexeddb/auto';
import { expect, test } from 'vitest';
import { openSealedStore } from '../src/sealed-store.js';

const SECRET = 'Rachel Zheng lives at 12 Harbour Lane.';

let names = 0;
/** A name that no other test uses. */
function fresh(): string {
  names += 1;
  return `test-${names}`;
}

/** What lies in the database of the store of that name. */
async function raw(name: string): Promise<{ keys: Map<string, never>; entries: Map<string, never> }> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const opening = indexedDB.open(`tidegate.${name}`);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  const all = async (store: string) => {
    const objects = database.transaction(store).objectStore(store);
    const [keys, values] = [objects.getAllKeys(), objects.getAll()];
    await new Promise((resolve) => {
      values.onsuccess = resolve;
    });
    return new Map(keys.result.map((key, i) => [String(key), values.result[i] as never]));
  };
  const found = { keys: await all('keys'), entries: await all('entries') };
  database.close();
  return found;
}

/** Writes past the store, as a person with the developer tools might. */
async function plant(name: string, entries: Map<string, unknown>): Promise<void> {
  await new Promise((resolve, reject) => {
    const opening = indexedDB.open(`tidegate.${name}`);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const transaction = database.transaction('entries', 'readwrite');
      for (const [key, value] of entries) transaction.objectStore('entries').put(value, key);
      transaction.oncomplete = () => {
        database.close();
        resolve(undefined);
      };
    };
  });
}

test('a text comes back as it was, until it is replaced or deleted', async () => {
  const store = await openSealedStore(fresh());
  expect(await store.get('a')).toBeUndefined();
  await store.put('a', `${SECRET} 🜁`);
  await store.put('b', '');
  expect(await store.get('a')).toBe(`${SECRET} 🜁`);
  expect(await store.get('b')).toBe('');
  await store.put('a', 'another');
  await store.delete('b');
  expect([await store.get('a'), await store.get('b')]).toEqual(['another', undefined]);
});

test('what lies in storage is sealed, anew each time, with a key that cannot be taken out', async () => {
  const name = fresh();
  const store = await openSealedStore(name);
  await store.put('a', SECRET);
  const { keys, entries } = await raw(name);
  const first = entries.get('a') as unknown as { iv: Uint8Array; sealed: ArrayBuffer };
  await store.put('a', SECRET);
  const second = (await raw(name)).entries.get('a') as unknown as typeof first;

  expect(new TextDecoder('latin1').decode(first.sealed)).not.toContain('Rachel');
  expect(first.sealed.byteLength).toBe(SECRET.length + 16);
  expect(first.iv).toHaveLength(12);
  expect(first.iv).not.toEqual(second.iv);
  expect(new Uint8Array(first.sealed)).not.toEqual(new Uint8Array(second.sealed));
  const { key } = keys.get('current') as unknown as { key: CryptoKey };
  expect(key.algorithm).toEqual({ name: 'AES-GCM', length: 256 });
  await expect(crypto.subtle.exportKey('raw', key)).rejects.toThrow('not extractable');
});

test('a sealed text opens nowhere but in its place', async () => {
  const name = fresh();
  const store = await openSealedStore(name);
  await store.put('a', SECRET);
  const { entries } = await raw(name);
  await plant(name, new Map([['b', entries.get('a')]]));
  await expect(store.get('b')).rejects.toMatchObject({ name: 'SealedStoreError', code: 'damaged' });
  expect(await store.get('a')).toBe(SECRET);
});

test('after forgetting, a copy of what was kept cannot be opened any more, and the store goes on', async () => {
  const name = fresh();
  const store = await openSealedStore(name);
  await store.put('a', SECRET);
  const { entries } = await raw(name);
  await store.forget();
  expect(await raw(name)).toEqual({ keys: new Map(), entries: new Map() });
  expect(await store.get('a')).toBeUndefined();

  await plant(name, entries);
  await expect(store.get('a')).rejects.toMatchObject({ code: 'key-gone' });
  await store.put('b', 'after');
  expect(await store.get('b')).toBe('after');
  await expect(store.get('a')).rejects.toMatchObject({ code: 'key-gone' });
});

test('calls take effect in the order in which they are made', async () => {
  const store = await openSealedStore(fresh());
  const long = 'x'.repeat(1_000_000);
  void store.put('a', long);
  void store.put('a', 'short');
  expect(await store.get('a')).toBe('short');
  void store.put('a', long);
  void store.forget();
  expect(await store.get('a')).toBeUndefined();
});

test('two pages share a store: its key, its texts, and its end', async () => {
  const name = fresh();
  const [one, other] = await Promise.all([openSealedStore(name), openSealedStore(name)]);
  await Promise.all([one.put('a', 'of one'), other.put('b', 'of the other')]);
  expect([await other.get('a'), await one.get('b')]).toEqual(['of one', 'of the other']);
  await one.forget();
  expect(await other.get('b')).toBeUndefined();
  await other.put('b', 'anew');
  expect(await one.get('b')).toBe('anew');
});

test('stores of other names do not see each other', async () => {
  const [one, other] = [await openSealedStore(fresh()), await openSealedStore(fresh())];
  await one.put('a', SECRET);
  expect(await other.get('a')).toBeUndefined();
  await other.forget();
  expect(await one.get('a')).toBe(SECRET);
});
