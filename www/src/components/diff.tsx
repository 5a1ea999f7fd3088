import { useEffect, useRef, useState } from 'preact/hooks';
import type { Message, Preview, PreviewFinding, PreviewMessage } from 'tidegate';
import { isMasked, type Part, partsOf } from '../diff.ts';
import { aboutTopics, countKinds, KINDS, ROLES, whyMasked } from '../words.ts';
import { HideIcon, LockIcon, ShowIcon } from './icons.tsx';
import { Placeholders } from './placeholders.tsx';

/** How a person changes what leaves. Absent where it has left. */
export interface Editing {
  /** Lets a text leave as it is. */
  show(text: string): void;
  /** Keeps a text here, wherever it stands. */
  hide(text: string): void;
  /** What came of the last change, as a sentence. */
  said: string;
}

/** What leaves, message by message: what the author wrote, what of it stays, and what leaves in its place. */
export function PreviewDiff(props: { asked: readonly Message[]; preview: Preview; editing?: Editing }) {
  const { asked, preview, editing } = props;
  const earlier = preview.messages.slice(0, -1);
  const last = preview.messages.at(-1);
  if (last === undefined) return null;
  const masked = earlier.flatMap((message) => maskedIn(message));
  return (
    <div class="diff-messages">
      {earlier.length > 0 && (
        <details class="earlier">
          <summary>
            {earlier.length === 1 ? 'The message' : `The ${earlier.length} messages`} before it
            {masked.length > 0 && `, without ${countKinds(masked.map(({ kind }) => kind))}`}
          </summary>
          <dl>
            {earlier.map((message, i) => (
              <div key={i}>
                <dt>{ROLES[message.role]}</dt>
                <dd>
                  <Diff original={asked[i]?.content} message={message} preview={preview} editing={editing} />
                </dd>
              </div>
            ))}
          </dl>
        </details>
      )}
      <EditableDiff
        original={asked[earlier.length]?.content}
        message={last}
        preview={preview}
        editing={editing}
      />
    </div>
  );
}

interface DiffProps {
  /** As it was written; undefined where that is not known any more. */
  original: string | undefined;
  message: PreviewMessage;
  preview: Preview;
  editing?: Editing | undefined;
}

/** One message, with the way to hide more of it. */
export function EditableDiff(props: DiffProps) {
  const { message } = props;
  const text = useRef<HTMLParagraphElement>(null);
  const editing = props.editing && keepingFocus(props.editing, text);
  const fixed = new Map(
    maskedIn(message).map((finding) => [KINDS[finding.kind], whyMasked(finding)] as const),
  );
  const about = editing === undefined ? '' : aboutTopics(props.preview.topics);
  const reasons = [...fixed].flatMap(([kind, why]) => (why === undefined ? [] : [`${kind}: ${why}`]));
  return (
    <>
      <p class="diff" data-testid="diff" ref={text} tabIndex={-1}>
        <Diff {...props} editing={editing} />
      </p>
      {about !== '' && <p class="detail">{about}</p>}
      {editing !== undefined && reasons.length > 0 && <p class="detail">{`${reasons.join('; ')}.`}</p>}
      {props.editing !== undefined && <HideMore editing={props.editing} near={text} />}
    </>
  );
}

/** The button that was pressed goes away with its mask; the focus stays with the text. */
function keepingFocus(editing: Editing, text: { current: HTMLElement | null }): Editing {
  const focus = () => text.current?.focus();
  return {
    ...editing,
    show: (shown) => {
      editing.show(shown);
      focus();
    },
    hide: (hidden) => {
      editing.hide(hidden);
      focus();
    },
  };
}

/** One message: what stays struck through, and beside it what leaves in its place. */
function Diff({ original, message, preview, editing }: DiffProps) {
  const parts = original === undefined ? undefined : partsOf(original, message);
  // What was written is not known, so only what leaves can be shown.
  if (parts === undefined) return <Placeholders text={message.text} replaced={preview.replaced} />;
  return parts.map((part, i) => {
    if (part.finding === undefined) return part.text;
    return isMasked(part) ? (
      <Masked key={i} text={part.text} finding={part.finding} editing={editing} />
    ) : (
      <Shown key={i} part={part} editing={editing} />
    );
  });
}

interface MaskedProps {
  text: string;
  finding: PreviewFinding;
  editing: Editing | undefined;
}

function Masked({ text, finding, editing }: MaskedProps) {
  const fixed = whyMasked(finding);
  return (
    <span class="masked" data-testid="masked" data-class={finding.class}>
      <del>
        <span class="unseen">stays here: </span>
        {text}
      </del>
      {finding.class !== 'never-leaves' && (
        <ins>
          <span class="unseen">leaves as: </span>
          {finding.leavesAs}
        </ins>
      )}
      <span class="about">
        <small>{KINDS[finding.kind]}</small>
        {editing !== undefined &&
          (fixed === undefined ? (
            <button
              type="button"
              class="button edit-mask"
              aria-label={`Show “${text}”`}
              title="Show this: let it leave as it is"
              onClick={() => editing.show(text)}
            >
              <ShowIcon />
            </button>
          ) : (
            <span class="edit-mask" title={fixed}>
              <LockIcon />
              <span class="unseen">{fixed}</span>
            </span>
          ))}
      </span>
    </span>
  );
}

/** Recognized, and leaves as it is: because the person wants it so, or the site. */
function Shown({ part, editing }: { part: Part; editing: Editing | undefined }) {
  if (part.finding === undefined) return null;
  return (
    <span class="shown" data-testid="shown">
      <span>{part.text}</span>
      <span class="about">
        <small>
          {KINDS[part.finding.kind]}
          <span class="unseen">, leaves as it is</span>
        </small>
        {editing !== undefined && (
          <button
            type="button"
            class="button edit-mask"
            aria-label={`Hide “${part.text}”`}
            title="Hide this"
            onClick={() => editing.hide(part.text)}
          >
            <HideIcon />
          </button>
        )}
      </span>
    </span>
  );
}

/** Takes a text that the person selected in `near`, or typed: a selection alone could not be made with keys. */
function HideMore({ editing, near }: { editing: Editing; near: { current: HTMLElement | null } }) {
  const [text, setText] = useState('');
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onSelection = () => {
      const selected = selectedIn(near.current);
      if (selected !== '') setText(selected);
    };
    document.addEventListener('selectionchange', onSelection);
    return () => document.removeEventListener('selectionchange', onSelection);
  }, [near]);
  const hide = () => {
    if (text.trim() === '') return;
    editing.hide(text.trim());
    setText('');
    box.current?.focus();
  };
  return (
    <div class="hide-more">
      <input
        ref={box}
        type="text"
        aria-label="Hide more"
        placeholder="Select what else to hide, or type it"
        autocomplete="off"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.isComposing) return;
          event.preventDefault(); // Enter in a form sends it
          hide();
        }}
      />
      <button type="button" class="button plain" disabled={text.trim() === ''} onClick={hide}>
        Hide selection
      </button>
      <p class="detail" role="status">
        {editing.said}
      </p>
    </div>
  );
}

/** What is selected there of the person's own text, without what the page added to it. */
function selectedIn(element: HTMLElement | null): string {
  const selection = getSelection();
  if (element === null || selection === null || selection.isCollapsed) return '';
  if (!element.contains(selection.anchorNode) || !element.contains(selection.focusNode)) return '';
  const copy = selection.getRangeAt(0).cloneContents();
  for (const added of copy.querySelectorAll('ins, .about, .unseen')) added.remove();
  return (copy.textContent ?? '').trim().replace(/\s+/g, ' '); // a line of input would drop a line break
}

/** What stays here of a message. */
export function maskedIn({ findings }: PreviewMessage): PreviewFinding[] {
  return findings.filter((finding) => finding.class !== 'public');
}
