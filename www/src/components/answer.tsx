import { useMemo } from 'preact/hooks';
import type { Doubt, Message, Reason } from 'tidegate';
import { again, consent, newConversation, rate } from '../chat.ts';
import type { Answer, Failure } from '../conversation.ts';
import { Markdown } from '../markdown.tsx';
import { model } from '../session.ts';
import { type Action, badge, doubtWords, ERRORS, figures, why } from '../words.ts';
import { focusComposer } from './composer.tsx';
import { ConsentView } from './consent.tsx';
import { CopyButton } from './copy.tsx';
import { Gate } from './gate.tsx';
import { AgainIcon, ThumbDownIcon, ThumbUpIcon } from './icons.tsx';
import { Left } from './left.tsx';
import { openModes } from './modes.tsx';

interface AnswerProps {
  /** Of its turn. */
  id: string;
  answer: Answer;
  last: boolean;
  /** The messages that were asked about, as they were written. */
  asked(): readonly Message[];
}

/** One answer: where it came from, its text, and what left the device for it. */
export function AnswerView({ id, answer, last, asked }: AnswerProps) {
  const { text, state } = answer;
  // The same element for the same text: Preact then leaves settled answers alone while another one grows.
  const body = useMemo(() => <Markdown text={text} />, [text]);
  const source = answer.receipt?.source ?? answer.route?.target;
  return (
    <div
      class="answer"
      data-testid="answer"
      data-state={state}
      data-source={source}
      data-doubt={answer.receipt?.doubt?.cause}
      aria-busy={state === 'running'}
    >
      <Badge answer={answer} />
      {text !== '' && (
        <div class="prose" data-testid="answer-text">
          {body}
        </div>
      )}
      {state === 'running' && text === '' && consent.value === undefined && (
        <p class="waiting">
          <span>Reading what was said</span>
        </p>
      )}
      {state === 'running' && text !== '' && <Figures answer={answer} />}
      {state === 'running' && last && consent.value !== undefined && <ConsentView {...consent.value} />}
      {state === 'stopped' && <p class="aside">Stopped.</p>}
      {answer.finish === 'length' && <p class="aside">The answer reached its length limit.</p>}
      {answer.finish === 'content_filter' && <p class="aside">The cloud model left a part out.</p>}
      {answer.receipt?.doubt !== undefined && (
        <DoubtView doubt={answer.receipt.doubt} reasons={answer.receipt.reasons} last={last} />
      )}
      {answer.error !== undefined && <ErrorView error={answer.error} last={last} />}
      {state !== 'running' && source !== undefined && <Left answer={answer} asked={asked} />}
      {state !== 'running' && (
        <div class="tools">
          {text !== '' && <CopyButton text={text} label="Copy answer" />}
          {last && answer.error === undefined && (
            <button type="button" class="button quiet" onClick={() => void again()}>
              <AgainIcon /> Ask again
            </button>
          )}
          {state === 'done' && answer.receipt?.source === 'local' && <Rating id={id} answer={answer} />}
          <Figures answer={answer} />
        </div>
      )}
    </div>
  );
}

/** Whether an answer of this page is good: what is learned from that stays on the device. */
function Rating({ id, answer: { reaction } }: { id: string; answer: Answer }) {
  return (
    <>
      <button
        type="button"
        class="button quiet"
        aria-pressed={reaction === 'thumbs-up'}
        disabled={reaction !== undefined}
        onClick={() => rate(id, 'thumbs-up')}
      >
        <ThumbUpIcon /> Good
      </button>
      <button
        type="button"
        class="button quiet"
        aria-pressed={reaction === 'thumbs-down'}
        disabled={reaction !== undefined}
        onClick={() => rate(id, 'thumbs-down')}
      >
        <ThumbDownIcon /> Not good
      </button>
    </>
  );
}

function Badge({ answer }: { answer: Answer }) {
  const source = answer.receipt?.source ?? answer.route?.target;
  if (source === undefined) return null;
  return (
    <p class="badge">
      <span class="where" data-testid="badge">
        <Gate open={source !== 'local'} size={16} />
        {badge(source)}
      </span>
      <span class="why" data-testid="why">
        {why(answer.receipt?.reasons ?? answer.route?.reasons ?? [])}
      </span>
    </p>
  );
}

/** That an answer may be wrong, and the way to another one. */
function DoubtView({ doubt, reasons, last }: { doubt: Doubt; reasons: readonly Reason[]; last: boolean }) {
  return (
    <div class="doubt" data-testid="doubt" role="note">
      <p>{doubtWords(doubt, reasons)}</p>
      {last && doubt.cloud && (
        <button type="button" class="button plain" onClick={() => void again('cloud-only')}>
          Ask the cloud
        </button>
      )}
    </div>
  );
}

/** How fast, and on what: beside the answer while it grows, and after. */
function Figures({ answer }: { answer: Answer }) {
  const words = figures({ ...answer, source: answer.receipt?.source ?? answer.route?.target });
  if (words.length === 0) return null;
  return (
    <p class="figures" data-testid="figures">
      {words.map((word) => (
        <span key={word.replace(/[\d.]+/g, '')}>{word}</span>
      ))}
    </p>
  );
}

const ACTIONS: Record<Action, { name: string; run(): void }> = {
  here: { name: 'Let this page answer', run: () => void again('local-only') },
  'new-conversation': {
    name: 'New conversation',
    run: () => {
      newConversation();
      focusComposer();
    },
  },
  mode: { name: 'Choose who may answer', run: openModes },
  reload: { name: 'Reload the page', run: () => location.reload() },
};

function ErrorView({ error, last }: { error: Failure; last: boolean }) {
  const words = ERRORS[error.code];
  const action = words.action === 'here' && model.value.kind !== 'ready' ? 'mode' : words.action;
  return (
    <div class="error" data-testid="error" data-code={error.code}>
      <p>
        <strong>{words.title}</strong> {words.wayOut}
      </p>
      <details>
        <summary>Details</summary>
        <p class="detail">
          <code>{error.code}</code> {error.message}
        </p>
      </details>
      {last && (
        <p class="error-actions">
          <button type="button" class="button plain" onClick={() => void again()}>
            Try again
          </button>
          {action !== undefined && (
            <button type="button" class="button plain" onClick={ACTIONS[action].run}>
              {ACTIONS[action].name}
            </button>
          )}
        </p>
      )}
    </div>
  );
}
