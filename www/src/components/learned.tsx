import { announcement } from '../chat.ts';
import { forgetLearned, learned } from '../session.ts';
import { DRIFTED, DRIFTS } from '../words.ts';
import { focusComposer } from './composer.tsx';

/** That something has changed since this page began to learn from people's reactions. */
export function DriftNote() {
  const drift = learned.value?.drift ?? undefined;
  if (drift === undefined) return null;
  return (
    <div class="drift" data-testid="drift" data-drift={drift} role="status">
      <p>
        {DRIFTS[drift]} {DRIFTED}
      </p>
      <LearnedActions forget="Start afresh" />
    </div>
  );
}

/** What this page has learned, wherever things stand. */
export function LearnedView() {
  if (learned.value === undefined) return null;
  return (
    <div class="learned" data-testid="learned">
      <p>
        What you say of answers moves, slowly, how sure this page has to be of the next ones. It stays on this
        device: figures, and nothing of what was said.
      </p>
      <LearnedActions forget="Forget what was learned" />
    </div>
  );
}

function LearnedActions({ forget }: { forget: string }) {
  const file = `data:application/json;charset=utf-8,${encodeURIComponent(learned.value?.saved ?? '')}`;
  return (
    <p class="learned-actions">
      <button
        type="button"
        class="button plain"
        onClick={async () => {
          await forgetLearned();
          announcement.value = 'Forgotten: this page learns from the beginning.';
          focusComposer();
        }}
      >
        {forget}
      </button>
      <a class="button quiet" href={file} download="tidegate-learned.json">
        Save as a file
      </a>
    </p>
  );
}
