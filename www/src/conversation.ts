import type { ChatRequest, ErrorCode, FinishReason, Message, Preview, Receipt, Route, Stats } from 'tidegate';

/** An error as it is shown and stored. */
export interface Failure {
  code: ErrorCode;
  message: string;
  recoverable: boolean;
}

/** A question and what became of it. */
export interface Turn {
  id: string;
  question: string;
  answer: Answer;
}

/** How fast an answer comes, by this page's clock. */
export interface Pace {
  /** From the question to the first piece of text, in ms. */
  firstMs: number;
  /** Pieces of text so far. This page's model makes one with nearly every token. */
  pieces: number;
  /** From the first piece to the last, in ms. */
  spanMs: number;
}

/** An answer as it grows. */
export interface Answer {
  state: 'running' | 'done' | 'stopped' | 'failed';
  text: string;
  route?: Route;
  /** What was allowed to leave: known before sending, so also where an answer broke off without a receipt. */
  preview?: Preview;
  receipt?: Receipt;
  pace?: Pace;
  /** What computed, if this page did. */
  device?: Stats['device'];
  finish?: FinishReason;
  /** What the person said of it, and only once. */
  reaction?: 'thumbs-up' | 'thumbs-down';
  error?: Failure;
}

/** A conversation as it is kept. */
export interface Conversation {
  turns: Turn[];
  /**
   * Which placeholder stands for which value, and what the person hides or shows by hand: the engine's, as it gave
   * it away. Undefined until there is something.
   */
  vault?: string | undefined;
}

/** A small model strays less, and stays in the language of the question, when it is told to be brief. */
const SYSTEM: Message = { role: 'system', content: 'You are an expert who gives short, correct answers.' };

/** The request for the last turn: everything said before it, without turns that got no answer. */
export function requestFor(turns: readonly Turn[]): ChatRequest {
  const messages: Message[] = [SYSTEM];
  for (const [i, turn] of turns.entries()) {
    const last = i === turns.length - 1;
    if (!last && turn.answer.text === '') continue;
    messages.push({ role: 'user', content: turn.question });
    if (!last) messages.push({ role: 'assistant', content: turn.answer.text });
  }
  return { messages };
}

const VERSION = 1;

/** A conversation as text for storage. */
export function save({ turns, vault }: Conversation): string {
  return JSON.stringify({ version: VERSION, turns, vault });
}

/**
 * A stored conversation. What another version of this page wrote, or something else, is an empty one:
 * the page must open. An answer that ran when the page was closed is a stopped one.
 */
export function restore(stored: string | null): Conversation {
  if (stored === null) return { turns: [] };
  let value: unknown;
  try {
    value = JSON.parse(stored);
  } catch {
    return { turns: [] };
  }
  if (!isRecord(value) || value.version !== VERSION || !Array.isArray(value.turns)) return { turns: [] };
  if (!value.turns.every(isTurn)) return { turns: [] };
  const turns = settled(value.turns);
  return typeof value.vault === 'string' ? { turns, vault: value.vault } : { turns };
}

/** Turns of which no answer runs any more. */
export function settled(turns: readonly Turn[]): Turn[] {
  return turns.map((turn) =>
    turn.answer.state === 'running' ? { ...turn, answer: { ...turn.answer, state: 'stopped' } } : turn,
  );
}

function isTurn(value: unknown): value is Turn {
  return (
    isRecord(value) &&
    typeof value.id === 'string' &&
    typeof value.question === 'string' &&
    isRecord(value.answer) &&
    typeof value.answer.text === 'string' &&
    ['running', 'done', 'stopped', 'failed'].includes(String(value.answer.state))
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
