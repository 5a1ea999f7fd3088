import type { CallOptions } from './options.js';
import type { Drift, Policy, Reaction } from './types.gen.js';

/** What was learned on this device from what people did with the page's answers. */
export interface Learned {
  /** All of it, as text for `load`: figures, and nothing of what was asked. */
  saved: string;
  /** What changed so much that the model's calibration should be made anew, if something did. */
  drift: Drift | null;
}

/** What people do with the page's answers moves, slowly, which of them are doubtful. It stays on the device. */
export interface Feedback {
  /** Somebody did this with an answer whose receipt says `local`. */
  note(reaction: Reaction, options?: Pick<CallOptions, 'policy'>): Promise<Learned>;
  /** Goes on with what was saved. It is of one model file: with another one, do not. */
  load(saved: string): Promise<Learned>;
  /** Forgets what was learned. */
  reset(): Promise<Learned>;
  /** What was learned so far. */
  look(): Promise<Learned>;
}

/** What an engine is told. */
export type FeedbackChange =
  | { kind: 'note'; reaction: Reaction; policy: Policy }
  | { kind: 'load'; saved: string }
  | { kind: 'reset' }
  | { kind: 'look' };
