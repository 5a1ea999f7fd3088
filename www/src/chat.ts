import { computed, signal } from '@preact/signals';
import type { ChatRequest, Mode, Preview } from 'tidegate';
import { type Answer, type Pace, requestFor, type Turn } from './conversation.ts';
import { keep, kept } from './kept.ts';
import { asFailure, engine, forget, mode } from './session.ts';
import { badge, ERRORS } from './words.ts';

export const turns = signal<Turn[]>(kept.turns());
/** What the person is writing. */
export const draft = signal('');
/** Said aloud to screen readers: whole answers and errors, not tokens. */
export const announcement = signal('');
/** A conversation that was just put away, until the next question. */
export const putAway = signal<Turn[] | undefined>(undefined);
/** The person wants to see what would leave before it does. */
export const askFirst = signal(kept.askFirst());
/** A question to the person: may this leave? */
export const consent = signal<{ preview: Preview; decide(allow: boolean): void } | undefined>(undefined);

export const running = computed(() => turns.value.at(-1)?.answer.state === 'running');

/**
 * Near the likeliest tokens, because a small model strays soon, but not quite: at temperature 0 it falls into
 * loops. The same question gets the same answer; asked again after that, it may say it otherwise.
 */
const STEADY = { temperature: 0.2, top_p: 0.9, seed: 1 };
const VARIED = { temperature: 0.7, top_p: 0.9 };

let work: AbortController | undefined;

/** Asks. */
export async function ask(question: string): Promise<void> {
  if (running.value || question.trim() === '') return;
  putAway.value = undefined;
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
  const turn: Turn = { ...last, answer: { state: 'running', text: '' } };
  await answer([...turns.value.slice(0, -1), turn], once, last.answer.state === 'done' ? VARIED : STEADY);
}

/** Stops the answer that runs. */
export function stop(): void {
  work?.abort();
}

/** Forgets the conversation; `bringBack` undoes it until the next question. */
export function newConversation(): void {
  stop();
  putAway.value = turns.value.length === 0 ? undefined : settled(turns.value);
  turns.value = [];
  keep.turns([]);
  void forget();
}

export function bringBack(): void {
  turns.value = putAway.value ?? turns.value;
  putAway.value = undefined;
  keep.turns(turns.value);
}

export function setAskFirst(ask: boolean): void {
  askFirst.value = ask;
  keep.askFirst(ask);
}

async function answer(asked: Turn[], allowed: Mode, sampling: Partial<ChatRequest>): Promise<void> {
  const abort = new AbortController();
  work = abort;
  turns.value = asked;
  keep.turns(asked);
  const id = asked.at(-1)?.id;
  const change = (fields: Partial<Answer>): void => {
    turns.value = turns.value.map((turn) =>
      turn.id === id ? { ...turn, answer: { ...turn.answer, ...fields } } : turn,
    );
  };

  let off = (): void => {};
  const asking = performance.now();
  try {
    const tidegate = await engine();
    off = tidegate.on('route', (route) => change({ route }));
    const beforeCloud = async (preview: Preview): Promise<boolean> => {
      const allow = !askFirst.value || (await askPerson(preview, abort.signal));
      if (allow) change({ preview });
      return allow;
    };
    const stream = await tidegate.chat.completions.create(
      { ...requestFor(asked), ...sampling, stream: true },
      { signal: abort.signal, policy: { mode: allowed, beforeCloud } },
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
    announcement.value = `${badge(receipt.source)}: ${text}`;
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
    if (turns.value.at(-1)?.id === id) keep.turns(turns.value);
  }
}

/** With one piece more, which came `ms` after the question. */
function next(pace: Pace | undefined, ms: number): Pace {
  if (pace === undefined) return { firstMs: ms, pieces: 1, spanMs: 0 };
  return { ...pace, pieces: pace.pieces + 1, spanMs: ms - pace.firstMs };
}

function askPerson(preview: Preview, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const decide = (allow: boolean): void => {
      consent.value = undefined;
      resolve(allow);
    };
    signal.addEventListener('abort', () => decide(false), { once: true });
    consent.value = { preview, decide };
  });
}

function settled(some: readonly Turn[]): Turn[] {
  return some.map((turn) =>
    turn.answer.state === 'running' ? { ...turn, answer: { ...turn.answer, state: 'stopped' } } : turn,
  );
}

// An answer that runs when the page is closed is kept as far as it came.
addEventListener('pagehide', () => keep.turns(turns.value));
