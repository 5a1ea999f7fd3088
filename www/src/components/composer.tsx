import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { ask, draft, opened, running, stop } from '../chat.ts';
import { canAsk, model } from '../session.ts';
import { SendIcon, StopIcon } from './icons.tsx';
import { Modes } from './modes.tsx';
import { DraftPreview, watchDraft } from './preview.tsx';
import { StatusLine } from './status-line.tsx';

const ID = 'message';

export function focusComposer(): void {
  document.getElementById(ID)?.focus();
}

/** Where the person writes; stays at the bottom of the window. */
export function Composer() {
  const box = useRef<HTMLTextAreaElement>(null);
  useEffect(watchDraft, []);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && running.value) stop();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  useLayoutEffect(() => grow(box.current), [draft.value]);
  const ready = canAsk.value && opened.value;
  useEffect(() => {
    if (ready && document.activeElement === document.body) focusComposer();
  }, [ready]);

  const submit = () => {
    if (!ready || running.value || draft.value.trim() === '') return;
    void ask(draft.value);
    draft.value = '';
    focusComposer();
  };

  return (
    <form
      class="composer"
      aria-label="Ask"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <DraftPreview />
      <div class="composer-box">
        <label class="unseen" for={ID}>
          Message
        </label>
        <textarea
          ref={box}
          id={ID}
          rows={1}
          placeholder={placeholder(ready)}
          value={draft.value}
          enterkeyhint="send"
          onInput={(event) => {
            draft.value = event.currentTarget.value;
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
              event.preventDefault();
              submit();
            }
          }}
        />
        <div class="composer-row">
          <Modes />
          {running.value ? (
            <button
              type="button"
              class="button primary send"
              aria-label="Stop"
              onClick={() => {
                stop();
                focusComposer();
              }}
            >
              <StopIcon />
            </button>
          ) : (
            <button
              type="submit"
              class="button primary send"
              aria-label="Send"
              disabled={!ready || draft.value.trim() === ''}
            >
              <SendIcon />
            </button>
          )}
        </div>
      </div>
      <StatusLine />
    </form>
  );
}

function placeholder(ready: boolean): string {
  if (ready) return 'Ask something';
  return model.value.kind === 'loading' ? 'The model is on its way' : 'The model comes first';
}

/** As high as its text, up to a third of the window. */
export function grow(box: HTMLTextAreaElement | null): void {
  if (box === null) return;
  box.style.height = 'auto';
  box.style.height = `${Math.min(box.scrollHeight, innerHeight / 3)}px`;
}
