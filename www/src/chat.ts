import { batch, computed, signal } from '@preact/signals';
import type { ChatRequest, MaskEdits, Message, Mode, Policy, Preview, Tidegate } from 'tidegate';
import { type Answer, type Conversation, type Pace, requestFor, settled, type Turn } from './conversation.ts';
import { ConversationStore } from './conversation-store.ts';
import { keep, kept } from './kept.ts';
import { asFailure, engine, forget, lookAtLearned, mode, react } from './session.ts';
import { ConversationVault, type Edited } from './vault.ts';
import { badge, doubtWords, ERRORS } from './words.ts';

const store = new ConversationStore();
export const vault = new ConversationVault(engine);

/** Whether this browser keeps the conversation as it is now, and why not if it cannot. */
export const { isKept, trouble } = store;
/** What this browser had kept is here: from now on it may be written over. */
export const opened = signal(false);
export const turns = signal<Turn[]>([]);
/** What the person is writing. */
export const draft = signal('');
/** Said aloud to screen readers: whole answers and errors, not tokens. */
export const announcement = signal('');
/** A conversation that was just forgotten: this page still has it, in memory, until the next question. */
export const putAway = signal<Conversation | undefined>(undefined);
/** The person wants to see what would leave before it does. */
export const askFirst = signal(kept.askFirst());
/** A question to the person: may this leave? */
export interface ConsentQuestion {
  /** The messages as they were written. */
  asked: readonly Message[];
  preview: Preview;
  /** Changes what would leave. */
  edit(change: MaskEdits): Promise<Edited>;
  decide(allow: boolean): void;
}
export const consent = signal<ConsentQuestion | undefined>(undefined);

export const running = computed(() => turns.value.at(-1)?.answer.state === 'running');

/**
 * Near the likeliest tokens, because a small model strays soon, but not quite: at temperature 0 it falls into
 * loops. The same question gets the same answer; asked again after that, it may say it otherwise.
 */
const STEADY = { temperature: 0.2, top_p: 0.9, seed: 1 };
const VARIED = { temperature: 0.7, top_p: 0.9 };

let work: AbortController | undefined;

/** Brings back the conversation that this browser kept. */
export async function openConversation(): Promise<void> {
  const conversation = await store.open();
  batch(() => {
    vault.use(conversation.vault);
    turns.value = conversation.turns;
    opened.value = true;
  });
}

/** Asks. */
export async function ask(question: string): Promise<void> {
  if (!opened.value || running.value || question.trim() === '') return;
  putAway.value = undefined;
  if (isOfThisPage(turns.value.at(-1))) void react('kept');
  const turn: Turn = {
    id: crypto.randomUUID(),
    question: question.trim(),
    answer: { state: 'running', text: '' },
  };
  await answer([...turns.value, turn], mode.value, STEADY);
}

/** Asks the last question again, in another mode if one is given; its earlier answer is replaced. */
export async function again(once: Mode = mode.value): Promise<void> {
  const last = turns.value.at(-1);
  if (last === undefined || running.value) return;
  if (isOfThisPage(last)) void react(once === 'cloud-only' && mode.value !== once ? 'escalate' : 'retry');
  const turn: Turn = { ...last, answer: { state: 'running', text: '' } };
  await answer([...turns.value.slice(0, -1), turn], once, last.answer.state === 'done' ? VARIED : STEADY);
}

/** Asks the last question in other words; in the same ones, again. Its earlier answer is replaced. */
export async function reword(words: string): Promise<void> {
  const last = turns.value.at(-1);
  const question = words.trim();
  if (last === undefined || running.value || question === '') return;
  if (question === last.question) return again();
  if (isOfThisPage(last)) void react('edit');
  const turn: Turn = { ...last, question, answer: { state: 'running', text: '' } };
  await answer([...turns.value.slice(0, -1), turn], mode.value, STEADY);
}

/** Says of an answer of this page whether it is good. */
export function rate(id: string, reaction: 'thumbs-up' | 'thumbs-down'): void {
  turns.value = turns.value.map((turn) =>
    turn.id === id ? { ...turn, answer: { ...turn.answer, reaction } } : turn,
  );
  store.keep(conversation());
  void react(reaction);
}

/** A whole answer of this page, of which the person has said nothing yet. */
function isOfThisPage(turn: Turn | undefined): boolean {
  const { state, receipt, reaction } = turn?.answer ?? {};
  return state === 'done' && receipt?.source === 'local' && reaction === undefined;
}

/** Stops the answer that runs. */
export function stop(): void {
  work?.abort();
}

/** Forgets the conversation, here and in storage; `bringBack` undoes it until the next question. */
export function newConversation(): void {
  stop();
  putAway.value = turns.value.length === 0 ? undefined : { turns: settled(turns.value), vault: vault.saved };
  turns.value = [];
  store.forget();
  vault.use(undefined);
  void forget();
}

export function bringBack(): void {
  if (putAway.value === undefined) return;
  vault.use(putAway.value.vault);
  turns.value = putAway.value.turns;
  putAway.value = undefined;
  store.keep(conversation());
}

export function setAskFirst(ask: boolean): void {
  askFirst.value = ask;
  keep.askFirst(ask);
}

async function answer(asked: Turn[], allowed: Mode, sampling: Partial<ChatRequest>): Promise<void> {
  const abort = new AbortController();
  work = abort;
  turns.value = asked;
  store.keep(conversation());
  const id = asked.at(-1)?.id;
  const isHere = (): boolean => turns.value.at(-1)?.id === id;
  const change = (fields: Partial<Answer>): void => {
    turns.value = turns.value.map((turn) =>
      turn.id === id ? { ...turn, answer: { ...turn.answer, ...fields } } : turn,
    );
    if (isHere()) store.keepSoon(conversation());
  };

  let off = (): void => {};
  let keepVault = async (): Promise<void> => {};
  const asking = performance.now();
  try {
    await vault.edited();
    const tidegate = await vault.engine();
    keepVault = () => vault.save(tidegate);
    off = tidegate.on('route', (route) => change({ route }));
    const request = { ...requestFor(asked), ...sampling };
    const policy = { mode: allowed };
    const beforeCloud = async (preview: Preview): Promise<boolean | MaskEdits> => {
      const decision = askFirst.value
        ? await askPerson({ tidegate, request, policy, preview }, abort.signal)
        : { answer: true, preview };
      if (decision.answer !== false) change({ preview: decision.preview });
      return decision.answer;
    };
    const stream = await tidegate.chat.completions.create(
      { ...request, stream: true },
      { signal: abort.signal, policy: { ...policy, beforeCloud } },
    );
    let text = '';
    let pace: Pace | undefined;
    for await (const chunk of stream) {
      const choice = chunk.choices[0];
      const piece = choice?.delta.content ?? '';
      if (piece !== '') pace = next(pace, performance.now() - asking);
      text += piece;
      change({
        text,
        ...(pace === undefined ? {} : { pace, device: tidegate.stats().device }),
        ...(choice?.finish_reason ? { finish: choice.finish_reason } : {}),
      });
    }
    const receipt = await stream.receipt;
    change({ state: 'done', receipt });
    if (receipt.source !== 'cloud') void lookAtLearned();
    const { doubt, reasons } = receipt;
    const mark = doubt === undefined ? '' : ` ${doubtWords(doubt, reasons)}`;
    announcement.value = `${badge(receipt.source)}: ${text}${mark}`;
  } catch (thrown) {
    if (abort.signal.aborted) {
      change({ state: 'stopped' });
      announcement.value = 'Stopped.';
    } else {
      const error = asFailure(thrown, 'internal');
      change({ state: 'failed', error });
      announcement.value = `${ERRORS[error.code].title} ${ERRORS[error.code].wayOut}`;
    }
  } finally {
    off();
    if (isHere()) {
      store.keep(conversation());
      // What left may have got new placeholders.
      await keepVault().catch(() => {}); // then it stays as it was last kept
      if (isHere()) store.keep(conversation());
    }
  }
}

/** With one piece more, which came `ms` after the question. */
function next(pace: Pace | undefined, ms: number): Pace {
  if (pace === undefined) return { firstMs: ms, pieces: 1, spanMs: 0 };
  return { ...pace, pieces: pace.pieces + 1, spanMs: ms - pace.firstMs };
}

/** What a person is asked about. */
interface Leaving {
  tidegate: Tidegate;
  request: ChatRequest;
  policy: Policy;
  preview: Preview;
}

/** What the person decided, and what leaves if they allowed it. */
interface Decision {
  answer: boolean | MaskEdits;
  preview: Preview;
}

function askPerson({ tidegate, request, policy, preview }: Leaving, signal: AbortSignal): Promise<Decision> {
  return new Promise((resolve) => {
    let shown = preview;
    // Edits are kept by the engine already; an empty one has it look again before it sends.
    let yes: true | MaskEdits = true;
    let changed = Promise.resolve();
    const end = (answer: boolean | MaskEdits): void => {
      consent.value = undefined;
      resolve({ answer, preview: shown });
    };
    const decide = (allow: boolean): void => {
      if (!allow) end(false);
      // Without a change that failed it would not be what the person wants: they are told, and asked on.
      else
        vault
          .edited()
          .then(() => changed)
          .then(
            () => end(yes),
            () => {},
          );
    };
    const change = async (masks: MaskEdits): Promise<Edited> => {
      yes = {};
      const { refused } = await vault.edit(masks, tidegate);
      store.keep(conversation());
      shown = await tidegate.preview(request, { policy });
      if (consent.value !== undefined) consent.value = { ...consent.value, preview: shown };
      return { refused, preview: shown };
    };
    const edit = (masks: MaskEdits): Promise<Edited> => {
      const edited = change(masks);
      changed = edited.then(
        () => {},
        () => {},
      );
      return edited;
    };
    signal.addEventListener('abort', () => end(false), { once: true });
    consent.value = { asked: request.messages, preview, edit, decide };
  });
}

function conversation(): Conversation {
  return { turns: turns.value, vault: vault.saved };
}

// Nothing can be awaited once a page goes away, so what waits is written as soon as nobody sees it any more.
addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') void store.flush();
});
