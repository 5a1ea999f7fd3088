import { effect, signal } from '@preact/signals';
import type { Preview } from 'tidegate';
import { draft, running, turns } from '../chat.ts';
import { requestFor } from '../conversation.ts';
import { canAsk, engine, hasCloud, mode, model } from '../session.ts';
import { countKinds } from '../words.ts';
import { Placeholders } from './placeholders.tsx';

/** What of the draft would leave; undefined where nothing could. */
export const preview = signal<Preview | undefined>(undefined);

/** Keeps `preview` in step with the draft; calls made meanwhile are overtaken by the latest one. */
export function watchDraft(): () => void {
  let latest = 0;
  return effect(() => {
    const question = draft.value.trim();
    const asked = mode.value;
    latest += 1;
    const mine = latest;
    if (question === '' || asked === 'local-only' || !hasCloud.value || !canAsk.value || running.value) {
      preview.value = undefined;
      return;
    }
    const draftTurn = { id: '', question, answer: { state: 'running' as const, text: '' } };
    const request = requestFor([...turns.peek(), draftTurn]);
    engine()
      .then((tidegate) => tidegate.preview(request, { policy: { mode: asked } }))
      // Without a preview the question can still be asked: sending checks again, and reports what fails.
      .catch(() => undefined)
      .then((found) => {
        if (mine === latest) preview.value = found;
      });
  });
}

/** The line over the composer: how much of the draft stays, and on demand the text that would leave. */
export function DraftPreview() {
  const found = preview.value;
  const last = found?.messages.at(-1);
  if (found === undefined || last === undefined) return null;
  const kinds = last.findings.map(({ kind }) => kind);
  if (found.blocked) {
    return (
      <p class="draft-preview" data-testid="draft-preview">
        <strong>
          {countKinds(
            last.findings.filter((finding) => finding.class === 'never-leaves').map(({ kind }) => kind),
          ) || 'Something in it'}
        </strong>{' '}
        may not leave. {answersHere() ? 'This page will answer.' : 'This would be refused.'}
      </p>
    );
  }
  if (kinds.length === 0) return null;
  return (
    <details class="draft-preview" data-testid="draft-preview">
      <summary>
        If this leaves, <strong>{countKinds(kinds)}</strong> {kinds.length === 1 ? 'stays' : 'stay'} here.
      </summary>
      <p class="preview-text">
        <Placeholders text={last.text} replaced={found.replaced} />
      </p>
    </details>
  );
}

function answersHere(): boolean {
  return mode.value !== 'cloud-only' && model.value.kind === 'ready';
}

/** The whole text that would leave, message by message. */
export function PreviewText({ preview: { messages, replaced } }: { preview: Preview }) {
  return (
    <dl class="preview-text">
      {messages.map((message, i) => (
        <div key={i}>
          <dt>{message.role}</dt>
          <dd>
            <Placeholders text={message.text} replaced={replaced} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
