import { signal } from '@preact/signals';
import { type MaskEdits, type MasksEdited, type Preview, type Tidegate, TidegateError } from 'tidegate';
import { engine, forget } from './session.ts';

// Which placeholder stands for which value in this conversation, and what the person hides or shows by hand. The
// engine knows it; this page keeps it with the conversation, and hands it on where another engine answers.

/** Counts the person's edits, for whoever shows what comes of them. */
export const edits = signal(0);
/** What the person hid or showed by hand is not known any more: another version of this page kept it. */
export const editsLost = signal(false);

/** What came of an edit: the texts that stay masked all the same, and what would leave now. */
export interface Edited {
  refused: string[];
  preview: Preview;
}

/** As the engine gave it away last. */
let saved: string | undefined;
/** The engine that knows it. */
let holder: { tidegate: Tidegate; ready: Promise<void> } | undefined;
/** Changes to the masks that are on their way, or failed and nobody was told. */
let pending: Promise<unknown> = Promise.resolve();
/** Which conversation: what comes late may be another one's. */
let conversation = 0;

/** Whoever answers now, knowing the placeholders of this conversation. */
export async function engineWithVault(): Promise<Tidegate> {
  const tidegate = await engine();
  if (holder?.tidegate !== tidegate) holder = { tidegate, ready: handOver(tidegate) };
  await holder.ready;
  return tidegate;
}

async function handOver(tidegate: Tidegate): Promise<void> {
  if (saved === undefined) return;
  try {
    await tidegate.loadVault(saved);
  } catch (thrown) {
    if (thrown instanceof TidegateError && thrown.code === 'invalid-request') {
      editsLost.value = true;
      return;
    }
    // Not to be asked without what the person hid.
    holder = undefined;
    throw thrown;
  }
}

/** Adds masks and takes masks away, for the rest of the conversation; one change after the other. */
export function editMasks(change: MaskEdits, tidegate?: Tidegate): Promise<MasksEdited> {
  const edit = pending
    .catch(() => {})
    .then(async () => {
      const where = tidegate ?? (await engineWithVault());
      const edited = await where.editMasks(change);
      await saveVault(where);
      edits.value += 1;
      return edited;
    });
  pending = Promise.all([pending, edit]);
  pending.catch(() => {}); // told by `edit`, and to whoever sends next
  return edit;
}

/** To be waited for before anything leaves. Rejects, once, if a change failed: it may have been meant to hide something. */
export async function editsDone(): Promise<void> {
  const waiting = pending;
  pending = Promise.resolve();
  await waiting;
}

/** The vault as an engine gave it away last. */
export function savedVault(): string | undefined {
  return saved;
}

/** Gets the vault from the engine that may have changed it. Any other one gets it from here before it answers. */
export async function saveVault(tidegate: Tidegate): Promise<void> {
  const mine = conversation;
  const text = await tidegate.saveVault();
  if (mine !== conversation) return;
  saved = text;
  if (holder?.tidegate !== tidegate) holder = { tidegate, ready: Promise.resolve() };
}

/** Takes over the vault of a conversation that was kept. */
export function useVault(text: string | undefined): void {
  conversation += 1;
  saved = text;
  holder = undefined;
  pending = Promise.resolve();
  editsLost.value = false;
}

/** Ends the conversation for the engines too: they wipe their vaults. */
export function forgetVault(): void {
  useVault(undefined);
  void forget();
}
