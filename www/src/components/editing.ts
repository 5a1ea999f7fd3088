import { useState } from 'preact/hooks';
import type { MaskEdits, Preview } from 'tidegate';
import { leavesTheSame } from '../diff.ts';
import { asFailure } from '../session.ts';
import type { Edited } from '../vault.ts';
import type { Editing } from './diff.tsx';

/** Changes to the masks of `preview` through `edit`, and what came of the last one in words. */
export function useEditing(preview: Preview, edit: (change: MaskEdits) => Promise<Edited>): Editing {
  const [said, say] = useState('');
  const run = (change: MaskEdits, done: string, text: string) => {
    edit(change).then(
      (edited) => say(whatCame(edited, preview, done, text)),
      (thrown: unknown) => say(`That could not be done: ${asFailure(thrown, 'internal').message}`),
    );
  };
  return {
    said,
    show: (text) =>
      run({ show: [text] }, `“${text}” leaves as it is, from now on in this conversation.`, text),
    hide: (text) =>
      run({ hide: [{ text }] }, `“${text}” stays here, from now on in this conversation.`, text),
  };
}

function whatCame({ refused, preview }: Edited, before: Preview, done: string, text: string): string {
  if (refused.length > 0) return `“${text}” always stays masked.`;
  if (leavesTheSame(before, preview)) {
    return `Nothing changed here: “${text}” does not stand in it as a word of its own.`;
  }
  return done;
}
