import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { reword, running } from '../chat.ts';
import { canAsk } from '../session.ts';
import { focusComposer, grow } from './composer.tsx';
import { EditIcon } from './icons.tsx';

/** A question. The last one can be put in other words. */
export function Question({ text, last }: { text: string; last: boolean }) {
  const [isEdited, setEdited] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const wasEdited = useRef(false);
  const canEdit = last && !running.value && canAsk.value;
  const editing = isEdited && canEdit;
  // Back to where the way in was.
  useLayoutEffect(() => {
    if (wasEdited.current && !editing) button.current?.focus();
    wasEdited.current = editing;
  }, [editing]);

  if (editing) return <Rewording text={text} close={() => setEdited(false)} />;
  return (
    <div class="asked">
      <h2 class="question">
        <span class="unseen">You asked: </span>
        <span data-testid="question">{text}</span>
      </h2>
      {canEdit && (
        <button
          ref={button}
          type="button"
          class="button quiet edit"
          aria-label="Edit question"
          onClick={() => setEdited(true)}
        >
          <EditIcon />
        </button>
      )}
    </div>
  );
}

function Rewording({ text, close }: { text: string; close(): void }) {
  const box = useRef<HTMLTextAreaElement>(null);
  const [words, setWords] = useState(text);
  useLayoutEffect(() => {
    box.current?.focus();
    box.current?.setSelectionRange(text.length, text.length);
  }, []);
  useLayoutEffect(() => grow(box.current), [words]);

  const submit = () => {
    if (words.trim() === '') return;
    close();
    void reword(words);
    focusComposer();
  };

  return (
    <form
      class="rewording"
      aria-label="Edit question"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <textarea
        ref={box}
        rows={1}
        aria-label="Question"
        value={words}
        enterkeyhint="send"
        onInput={(event) => setWords(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.isComposing) return;
          if (event.key === 'Escape') close();
          if (event.key !== 'Enter' || event.shiftKey) return;
          event.preventDefault();
          submit();
        }}
      />
      <div class="rewording-row">
        <button type="submit" class="button plain" disabled={words.trim() === ''}>
          Ask
        </button>
        <button type="button" class="button quiet" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}
