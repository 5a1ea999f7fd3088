import { signal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Mode } from 'tidegate';
import { askFirst, setAskFirst } from '../chat.ts';
import { chooseMode, hasCloud, mode } from '../session.ts';
import { MODES, modeWords } from '../words.ts';
import { Gate } from './gate.tsx';
import { ChevronIcon } from './icons.tsx';
import { LearnedView } from './learned.tsx';

const isOpen = signal(false);

/** Opens the menu, wherever the way to it was. */
export function openModes(): void {
  isOpen.value = true;
}

/** Who may answer: a button that names the mode, and a menu that explains all four. */
export function Modes() {
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const open = isOpen.value;

  // Layout: the focus moves before the next key can come.
  useLayoutEffect(() => {
    if (!open) return undefined;
    root.current?.querySelector<HTMLInputElement>('input:checked')?.focus();
    const onPointer = (event: PointerEvent) => {
      if (event.target instanceof Node && root.current?.contains(event.target) === false)
        isOpen.value = false;
    };
    // Before the page's own Escape, which stops an answer.
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      close();
    };
    document.addEventListener('pointerdown', onPointer);
    document.addEventListener('keydown', onKey, { capture: true });
    return () => {
      document.removeEventListener('pointerdown', onPointer);
      document.removeEventListener('keydown', onKey, { capture: true });
    };
  }, [open]);

  const close = () => {
    isOpen.value = false;
    button.current?.focus();
  };

  return (
    <div class="modes" ref={root}>
      <button
        ref={button}
        type="button"
        class="button quiet mode"
        aria-expanded={open}
        aria-controls="modes"
        onClick={() => {
          isOpen.value = !open;
        }}
      >
        <Gate open={mode.value !== 'local-only'} size={18} />
        <span class="unseen">Mode: </span>
        {modeWords(mode.value).name}
        <ChevronIcon />
      </button>
      <fieldset id="modes" class="mode-menu" hidden={!open}>
        <legend>Who may answer</legend>
        {MODES.map((words) => (
          <Option key={words.mode} {...words} onPick={close} />
        ))}
        {hasCloud.value ? (
          <label class="ask-first">
            <input
              type="checkbox"
              checked={askFirst.value}
              onChange={(event) => setAskFirst(event.currentTarget.checked)}
            />
            <span>Show me the text before anything leaves</span>
          </label>
        ) : (
          <p class="no-cloud">This site has no relay configured, so nothing can leave the page.</p>
        )}
        <LearnedView />
      </fieldset>
    </div>
  );
}

function Option(props: { mode: Mode; name: string; meaning: string; onPick(): void }) {
  const id = `mode-${props.mode}`;
  return (
    <div class="option">
      <input
        type="radio"
        id={id}
        name="mode"
        checked={mode.value === props.mode}
        disabled={props.mode !== 'local-only' && !hasCloud.value}
        aria-describedby={`${id}-meaning`}
        // Not onChange: what onClick changes is rendered before that, and would turn the choice back.
        // Arrow keys look through the options; a pointer or Enter picks one. A key's click has no detail.
        onClick={(event) => {
          chooseMode(props.mode);
          if (event.detail > 0) props.onPick();
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') props.onPick();
        }}
      />
      <label for={id}>
        {props.name}
        <small id={`${id}-meaning`}>{props.meaning}</small>
      </label>
    </div>
  );
}
