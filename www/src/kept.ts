import type { Mode } from 'tidegate';
import { MODES } from './words.ts';

// What this browser remembers of the person's settings; what they say is kept sealed, see conversation-store.ts.
// With storage switched off or full the page works and forgets.

export type Theme = 'light' | 'dark';

export const kept = {
  mode: (): Mode => MODES.find(({ mode }) => mode === read('mode'))?.mode ?? 'prefer-local',
  /** Undefined: the system's. */
  theme: (): Theme | undefined => {
    const theme = read('theme');
    return theme === 'light' || theme === 'dark' ? theme : undefined;
  },
  askFirst: (): boolean => read('ask-first') === 'yes',
  /** What was learned of people's reactions to answers of this model: figures, and nothing of what was said. */
  feedback: (model: string): string | undefined =>
    (read('feedback-of') === model ? read('feedback') : null) ?? undefined,
};

export const keep = {
  mode: (mode: Mode): void => write('mode', mode),
  theme: (theme: Theme): void => write('theme', theme),
  askFirst: (ask: boolean): void => write('ask-first', ask ? 'yes' : 'no'),
  feedback: (model: string, saved: string): void => {
    write('feedback-of', model);
    write('feedback', saved);
  },
};

function read(name: string): string | null {
  try {
    return localStorage.getItem(`tidegate.${name}`);
  } catch {
    return null;
  }
}

function write(name: string, value: string): void {
  try {
    localStorage.setItem(`tidegate.${name}`, value);
  } catch {
    // Storage is switched off or full: see above.
  }
}
