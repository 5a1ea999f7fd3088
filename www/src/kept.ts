import type { Mode } from 'tidegate';
import { restore, save, type Turn } from './conversation.ts';
import { MODES } from './words.ts';

// What this browser remembers. With storage switched off or full the page works and forgets.

export type Theme = 'light' | 'dark';

export const kept = {
  mode: (): Mode => MODES.find(({ mode }) => mode === read('mode'))?.mode ?? 'prefer-local',
  /** Undefined: the system's. */
  theme: (): Theme | undefined => {
    const theme = read('theme');
    return theme === 'light' || theme === 'dark' ? theme : undefined;
  },
  askFirst: (): boolean => read('ask-first') === 'yes',
  turns: (): Turn[] => restore(read('conversation')),
};

export const keep = {
  mode: (mode: Mode): void => write('mode', mode),
  theme: (theme: Theme): void => write('theme', theme),
  askFirst: (ask: boolean): void => write('ask-first', ask ? 'yes' : 'no'),
  turns: (turns: readonly Turn[]): void =>
    write('conversation', turns.length === 0 ? undefined : save(turns)),
};

function read(name: string): string | null {
  try {
    return localStorage.getItem(`tidegate.${name}`);
  } catch {
    return null;
  }
}

function write(name: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(`tidegate.${name}`);
    else localStorage.setItem(`tidegate.${name}`, value);
  } catch {
    // Storage is switched off or full: see above.
  }
}
