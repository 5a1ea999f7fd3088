import { batch, computed, signal } from '@preact/signals';
import {
  availability,
  createTidegate,
  type ErrorCode,
  type Learned,
  type Mode,
  type Progress,
  type Reaction,
  type Stats,
  type Tidegate,
  TidegateError,
} from 'tidegate';
import { LOCAL_ONLY, loadConfig, loadModelCard, type ModelCard, type SiteConfig } from './config.ts';
import type { Failure } from './conversation.ts';
import { keep, kept } from './kept.ts';

/** The model in this page, from nothing to ready. */
export type ModelState =
  | { kind: 'checking' }
  /** `bytes` are still to be fetched. */
  | { kind: 'absent'; bytes: number | undefined }
  /** `fetching`: over the network, because the person asked for it; else from this browser's own storage. */
  | { kind: 'loading'; fetching: boolean; progress: Progress | undefined }
  | { kind: 'ready' }
  | { kind: 'failed'; fetching: boolean; error: Failure };

export const config = signal<SiteConfig>(LOCAL_ONLY);
export const card = signal<ModelCard | undefined>(undefined);
export const model = signal<ModelState>({ kind: 'checking' });
export const stats = signal<Stats | undefined>(undefined);
export const online = signal(navigator.onLine);
/** What was learned of people's reactions to this model's answers; undefined without a model. */
export const learned = signal<Learned | undefined>(undefined);
export const hasCloud = computed(() => config.value.cloud !== undefined);

const chosenMode = signal<Mode>(kept.mode());

/** Who may answer. A choice for the cloud is remembered, and waits while the site has none. */
export const mode = computed<Mode>(() => (hasCloud.value ? chosenMode.value : 'local-only'));

export function chooseMode(next: Mode): void {
  chosenMode.value = next;
  keep.mode(next);
}

/**
 * Something may answer: the model is here or about to be, or the person chose the cloud. To prefer the page is
 * no such choice: until the model is here, that mode waits for it.
 */
export const canAsk = computed(() => {
  const { value } = model;
  const local = value.kind === 'ready' || (value.kind === 'loading' && !value.fetching);
  return local || mode.value === 'prefer-cloud' || mode.value === 'cloud-only';
});

let withModel: Promise<Tidegate> | undefined;
let withoutModel: Promise<Tidegate> | undefined;
let fetching: AbortController | undefined;

/** Reads the site's configuration, and loads the model if this browser already has it. */
export async function start(): Promise<void> {
  addEventListener('online', () => {
    online.value = true;
  });
  addEventListener('offline', () => {
    online.value = false;
  });
  await prepare();
}

async function prepare(): Promise<void> {
  model.value = { kind: 'checking' };
  try {
    config.value = await loadConfig();
    card.value = await loadModelCard(config.value);
    await look();
  } catch (thrown) {
    model.value = { kind: 'failed', fetching: false, error: asFailure(thrown, 'download-failed') };
  }
}

/** After a failure: goes on where it failed. */
export function retryModel(): void {
  const { value } = model;
  void (value.kind === 'failed' && value.fetching ? load(true) : prepare());
}

async function look(): Promise<void> {
  const found = await availability(config.value.model);
  if (found.status === 'available') await load(false);
  else if (found.status === 'unavailable') {
    const { storage, memory } = found.fit;
    const code = !storage ? 'quota-exceeded' : !memory ? 'device-limit' : 'download-failed';
    const message = found.reason ?? 'this browser cannot run the model';
    model.value = { kind: 'failed', fetching: false, error: { code, message, recoverable: true } };
  } else model.value = { kind: 'absent', bytes: found.bytesToDownload };
}

/** Fetches the model; what an earlier attempt left is continued. */
export function download(): void {
  void load(true);
}

/** Stops fetching. What has arrived is kept. */
export function cancelDownload(): void {
  fetching?.abort();
}

async function load(overNetwork: boolean): Promise<void> {
  if (model.value.kind === 'loading') return;
  const abort = new AbortController();
  fetching = abort;
  model.value = { kind: 'loading', fetching: overNetwork, progress: undefined };
  const { cloud, calibration } = config.value;
  const created = createTidegate({
    model: config.value.model,
    ...(cloud === undefined ? {} : { cloud }),
    ...(calibration === undefined ? {} : { calibration }),
    signal: abort.signal,
    onProgress: (progress) => {
      model.value = { kind: 'loading', fetching: overNetwork, progress };
    },
  });
  withModel = created;
  try {
    const tidegate = await created;
    const saved = kept.feedback(config.value.model);
    // What an older version kept may be of another form: then it begins anew.
    if (saved !== undefined) await tidegate.feedback.load(saved).catch(() => {});
    const look = await tidegate.feedback.look();
    batch(() => {
      learned.value = look;
      stats.value = tidegate.stats();
      model.value = { kind: 'ready' };
    });
  } catch (thrown) {
    withModel = undefined;
    if (abort.signal.aborted) await look();
    else model.value = { kind: 'failed', fetching: overNetwork, error: asFailure(thrown, 'internal') };
  }
}

/** Whoever answers now: the instance with the model, or one for the cloud alone until the model is here. */
export async function engine(): Promise<Tidegate> {
  const { value } = model;
  if (withModel !== undefined && (value.kind === 'ready' || (value.kind === 'loading' && !value.fetching))) {
    return withModel;
  }
  const { cloud } = config.value;
  if (cloud === undefined) {
    const message = 'the model is not in this page and no cloud is configured; download the model';
    throw new TidegateError({ code: 'local-unavailable', message, recoverable: true });
  }
  withoutModel ??= createTidegate({ model: 'none', cloud });
  return withoutModel;
}

/** Notes what the person did with an answer of this page: it moves, slowly, which answers are doubtful here. */
export function react(reaction: Reaction): Promise<void> {
  return learn(({ feedback }) => feedback.note(reaction, { policy: { mode: mode.value } }));
}

/** After an answer of this page: how sure the model was of it counts too. */
export function lookAtLearned(): Promise<void> {
  return learn(({ feedback }) => feedback.look());
}

/** Forgets what was learned of people's reactions. */
export function forgetLearned(): Promise<void> {
  return learn(({ feedback }) => feedback.reset());
}

async function learn(change: (tidegate: Tidegate) => Promise<Learned>): Promise<void> {
  try {
    const tidegate = await withModel;
    if (tidegate === undefined) return;
    learned.value = await change(tidegate);
    keep.feedback(config.value.model, learned.value.saved);
  } catch {
    // A broken engine learns nothing; the next question says what is wrong with it.
  }
}

/** Ends the conversation for the engines too: they wipe which placeholder stood for which value. */
export async function forget(): Promise<void> {
  // One that never came to be, or is broken, has nothing to forget.
  await Promise.allSettled(
    [withModel, withoutModel].map((each) => each?.then((tidegate) => tidegate.forget())),
  );
}

/** Any thrown value as what the page shows; `code` for what is not Tidegate's own. */
export function asFailure(thrown: unknown, code: ErrorCode): Failure {
  if (thrown instanceof TidegateError) {
    return { code: thrown.code, message: thrown.message, recoverable: thrown.recoverable };
  }
  return { code, message: thrown instanceof Error ? thrown.message : String(thrown), recoverable: true };
}
