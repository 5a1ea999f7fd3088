import { useEffect, useRef } from 'preact/hooks';
import type { ConsentQuestion } from '../chat.ts';
import { PreviewDiff } from './diff.tsx';
import { useEditing } from './editing.ts';

/** Asks the person, with exactly what would leave, which they may change first. */
export function ConsentView({ asked, preview, edit, decide }: ConsentQuestion) {
  const send = useRef<HTMLButtonElement>(null);
  useEffect(() => send.current?.focus(), []);
  const editing = useEditing(preview, edit);
  return (
    <section class="consent" aria-label="Before it leaves" data-testid="consent">
      <p>
        <strong>This would leave your device,</strong> sealed, through the relay:
      </p>
      <PreviewDiff asked={asked} preview={preview} editing={editing} />
      <p class="error-actions">
        <button ref={send} type="button" class="button primary" onClick={() => decide(true)}>
          Send it
        </button>
        <button type="button" class="button plain" onClick={() => decide(false)}>
          Keep it here
        </button>
      </p>
    </section>
  );
}
