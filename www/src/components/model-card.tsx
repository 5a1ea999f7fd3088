import type { Progress } from 'tidegate';
import {
  cancelDownload,
  card,
  download,
  hasCloud,
  type ModelState,
  model,
  online,
  retryModel,
} from '../session.ts';
import { bytes, ERRORS, PHASES } from '../words.ts';

/** The model before it is here: what it is, what it costs to fetch, and how far it is. */
export function ModelCard() {
  const state = model.value;
  if (state.kind === 'ready' || state.kind === 'checking' || (state.kind === 'loading' && !state.fetching)) {
    return null;
  }
  const share = state.kind === 'loading' ? shareOf(state.progress) : 0;
  return (
    <section class="card" aria-labelledby="card-title" data-testid="model-card" data-state={state.kind}>
      <div class="tide" style={{ height: `${share * 100}%` }} aria-hidden="true">
        <svg class="wave" viewBox="0 0 240 12" preserveAspectRatio="none" aria-hidden="true">
          <path d="M0 6c10-8 20-8 30 0s20 8 30 0 20-8 30 0 20 8 30 0 20-8 30 0 20 8 30 0 20-8 30 0 20 8 30 0v6H0Z" />
        </svg>
      </div>
      <p class="eyebrow">The model</p>
      <h2 id="card-title">{card.value?.name ?? 'Not reachable'}</h2>
      {card.value !== undefined && (
        <dl>
          <div>
            <dt>Size</dt>
            <dd>{bytes(card.value.bytes)}</dd>
          </div>
          <div>
            <dt>Licence</dt>
            <dd>{card.value.license}</dd>
          </div>
          <div>
            <dt>Kept in</dt>
            <dd>this browser</dd>
          </div>
        </dl>
      )}
      <Bottom state={state} />
    </section>
  );
}

function Bottom({ state }: { state: ModelState }) {
  if (state.kind === 'loading') return <Loading progress={state.progress} />;
  if (state.kind === 'failed') {
    const words = ERRORS[state.error.code];
    return (
      <div class="card-error" role="alert" data-testid="error" data-code={state.error.code}>
        <p>
          <strong>{words.title}</strong> {words.wayOut}
        </p>
        <p class="detail">{state.error.message}</p>
        <button type="button" class="button primary" onClick={retryModel}>
          {state.fetching ? 'Continue' : 'Try again'}
        </button>
      </div>
    );
  }
  const missing = state.kind === 'absent' ? state.bytes : undefined;
  const total = card.value?.bytes;
  const resumes = missing !== undefined && total !== undefined && missing > 0 && missing < total;
  return (
    <div class="card-actions">
      <button type="button" class="button primary" disabled={!online.value} onClick={download}>
        {resumes ? 'Continue: ' : ''}Download model
        {missing !== undefined && missing > 0 && <span class="amount">{bytes(missing)}</span>}
      </button>
      <p class="detail">
        {!online.value
          ? 'You are offline. The download needs a network, once.'
          : hasCloud.value
            ? 'Fetched once, then it works offline. Until then, you can choose the cloud below.'
            : 'Fetched once, then it works offline.'}
      </p>
    </div>
  );
}

function Loading({ progress }: { progress: Progress | undefined }) {
  const phase = progress?.phase ?? 'manifest';
  const share = shareOf(progress);
  return (
    <div class="card-progress">
      <p class="phase">
        <label for="progress">{PHASES[phase]}</label>
        <span class="numbers">
          {progress !== undefined && countsBytes(phase) && progress.total > 0
            ? `${bytes(progress.loaded)} of ${bytes(progress.total)}`
            : ''}
        </span>
      </p>
      <progress id="progress" max={1} value={share} />
      <button type="button" class="button plain" onClick={cancelDownload}>
        Cancel download
      </button>
    </div>
  );
}

function countsBytes(phase: Progress['phase']): boolean {
  return phase === 'download' || phase === 'verify' || phase === 'upload';
}

function shareOf(progress: Progress | undefined): number {
  return progress === undefined || progress.total === 0 ? 0 : Math.min(1, progress.loaded / progress.total);
}
