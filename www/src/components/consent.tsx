import { useEffect, useRef } from 'preact/hooks';
import type { Preview } from 'tidegate';
import { PreviewText } from './preview.tsx';

/** Asks the person, with exactly what would leave. */
export function ConsentView({ preview, decide }: { preview: Preview; decide(allow: boolean): void }) {
  const send = useRef<HTMLButtonElement>(null);
  useEffect(() => send.current?.focus(), []);
  return (
    <section class="consent" aria-label="Before it leaves">
      <p>
        <strong>This would leave your device,</strong> sealed, through the relay:
      </p>
      <PreviewText preview={preview} />
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
