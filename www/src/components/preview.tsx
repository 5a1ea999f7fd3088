import { effect, signal } from '@preact/signals';
import type { ChatRequest, MaskEdits, Preview } from 'tidegate';
import { draft, running, turns, vault } from '../chat.ts';
import { requestFor } from '../conversation.ts';
import { canAsk, hasCloud, mode, model } from '../session.ts';
import type { Edited } from '../vault.ts';
import { countKinds, whatMayNotLeave } from '../words.ts';
import { EditableDiff, maskedIn } from './diff.tsx';
import { useEditing } from './editing.ts';

/** What of the draft would leave, beside what it was made from; undefined where nothing could leave. */
const found = signal<{ request: ChatRequest; preview: Preview } | undefined>(undefined);

/** Keeps the preview in step with the draft; calls made meanwhile are overtaken by the latest one. */
export function watchDraft(): () => void {
  let latest = 0;
  return effect(() => {
    const question = draft.value.trim();
    const possible = mode.value !== 'local-only' && hasCloud.value && canAsk.value && !running.value;
    vault.edits.value; // what a person hides or shows changes what leaves
    latest += 1;
    const mine = latest;
    if (question === '' || !possible) {
      found.value = undefined;
      return;
    }
    const draftTurn = { id: '', question, answer: { state: 'running' as const, text: '' } };
    const request = requestFor([...turns.peek(), draftTurn]);
    previewOf(request)
      // Without a preview the question can still be asked: sending checks again, and reports what fails.
      .catch(() => undefined)
      .then((preview) => {
        if (mine === latest) found.value = preview && { request, preview };
      });
  });
}

async function previewOf(request: ChatRequest): Promise<Preview> {
  return (await vault.engine()).preview(request, { policy: { mode: mode.peek() } });
}

/** The line over the composer: how much of the draft stays, and on demand what would leave, to be changed. */
export function DraftPreview() {
  return found.value === undefined ? null : <DraftDiff {...found.value} />;
}

function DraftDiff({ request, preview }: { request: ChatRequest; preview: Preview }) {
  const edit = async (change: MaskEdits): Promise<Edited> => {
    const { refused } = await vault.edit(change);
    return { refused, preview: await previewOf(request) };
  };
  const editing = useEditing(preview, edit);
  const last = preview.messages.at(-1);
  if (last === undefined) return null;
  return (
    <details class="draft-preview" data-testid="draft-preview">
      <summary>{preview.blocked ? <Blocked preview={preview} /> : <Stays preview={preview} />}</summary>
      <EditableDiff
        original={request.messages.at(-1)?.content}
        message={last}
        preview={preview}
        editing={editing}
      />
    </details>
  );
}

function Stays({ preview }: { preview: Preview }) {
  const kinds = preview.messages
    .slice(-1)
    .flatMap(maskedIn)
    .map(({ kind }) => kind);
  if (kinds.length === 0) return <>If this leaves, all of it leaves as you wrote it.</>;
  return (
    <>
      If this leaves, <strong>{countKinds(kinds)}</strong> {kinds.length === 1 ? 'stays' : 'stay'} here.
    </>
  );
}

function Blocked({ preview }: { preview: Preview }) {
  const what = whatMayNotLeave(preview);
  return (
    <>
      <strong>{what.charAt(0).toUpperCase() + what.slice(1)}</strong> may not leave.{' '}
      {mode.value !== 'cloud-only' && model.value.kind === 'ready'
        ? 'This page will answer.'
        : 'This would be refused.'}
    </>
  );
}
