import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Conversation, Turn } from './conversation.ts';
import { ConversationStore } from './conversation-store.ts';

beforeEach(() => {
  vi.stubGlobal('indexedDB', new IDBFactory());
});

const turn = (question: string, text: string): Turn => ({
  id: question,
  question,
  answer: { state: 'done', text },
});
const ONE: Conversation = { turns: [turn('Who is Ann?', 'A friend.')], vault: '{"of":"Ann"}' };
const TWO: Conversation = { turns: [...ONE.turns, turn('And Bob?', 'Another.')], vault: ONE.vault };
const NONE: Conversation = { turns: [] };

/** What a page finds that is opened now. */
async function reopened(plaintext?: Storage): Promise<Conversation> {
  return new ConversationStore(plaintext).open();
}

/** Local storage with what an earlier version of the page kept. */
function withPlaintext(text: string): Storage {
  const kept = new Map([['tidegate.conversation', text]]);
  return {
    getItem: (name: string) => kept.get(name) ?? null,
    removeItem: (name: string) => void kept.delete(name),
  } as Storage;
}

/** Changes the database of the sealed store, past it. */
async function change(work: (transaction: IDBTransaction) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    const opening = indexedDB.open('tidegate.conversation');
    opening.onsuccess = () => {
      const transaction = opening.result.transaction(['keys', 'entries'], 'readwrite');
      work(transaction);
      transaction.oncomplete = () => {
        opening.result.close();
        resolve();
      };
    };
  });
}

test('of many changes the newest is kept', async () => {
  const store = new ConversationStore();
  expect(await store.open()).toEqual(NONE);
  store.keep(ONE);
  store.keepSoon({ turns: [] });
  store.keepSoon(TWO);
  await store.flush();
  expect(await reopened()).toEqual(TWO);
  expect(store.trouble.value).toBeUndefined();
});

test('what is forgotten is gone, also while it is written, and what comes after it stays', async () => {
  const store = new ConversationStore();
  store.keep(ONE);
  store.forget();
  await store.flush();
  expect(await reopened()).toEqual(NONE);

  store.keep(ONE);
  store.forget();
  store.keep(TWO);
  await store.flush();
  expect(await reopened()).toEqual(TWO);
});

test('a conversation in plaintext is moved once, and its plaintext removed', async () => {
  const plaintext = withPlaintext(JSON.stringify({ version: 1, turns: ONE.turns }));
  expect(await reopened(plaintext)).toEqual({ turns: ONE.turns });
  expect(plaintext.getItem('tidegate.conversation')).toBeNull();
  expect(await reopened()).toEqual({ turns: ONE.turns });

  // What is sealed already is not written over by what an old page left behind.
  const late = withPlaintext(JSON.stringify({ version: 1, turns: TWO.turns }));
  expect(await reopened(late)).toEqual({ turns: ONE.turns });
  expect(late.getItem('tidegate.conversation')).toBeNull();
});

test('plaintext that is no conversation is removed', async () => {
  const plaintext = withPlaintext('no JSON');
  expect(await reopened(plaintext)).toEqual(NONE);
  expect(plaintext.getItem('tidegate.conversation')).toBeNull();
});

test('without its key a conversation is lost, which is said, and the next one is kept', async () => {
  const first = new ConversationStore();
  first.keep(ONE);
  await first.flush();
  await change((transaction) => transaction.objectStore('keys').clear());

  const store = new ConversationStore();
  expect(await store.open()).toEqual(NONE);
  expect(store.trouble.value).toBe('lost');
  store.keep(TWO);
  await store.flush();
  expect(store.trouble.value).toBeUndefined();
  expect(await reopened()).toEqual(TWO);
});

test('with storage switched off the page goes on, keeps plaintext where it is, and says so', async () => {
  vi.stubGlobal('indexedDB', undefined);
  const plaintext = withPlaintext(JSON.stringify({ version: 1, turns: ONE.turns }));
  const store = new ConversationStore(plaintext);
  expect(await store.open()).toEqual({ turns: ONE.turns });
  expect(store.trouble.value).toBe('off');
  store.keep(TWO);
  await store.flush();
  expect(store.trouble.value).toBe('off');
  expect(plaintext.getItem('tidegate.conversation')).not.toBeNull();
  store.forget();
  await store.flush();
  expect(plaintext.getItem('tidegate.conversation')).toBeNull();

  vi.stubGlobal('indexedDB', new IDBFactory());
  store.keep(TWO);
  await store.flush();
  expect(store.trouble.value).toBeUndefined();
  expect(await reopened()).toEqual(TWO);
});
