/**
 * What every wasm module exports, as crate `browser` declares it. Texts named `…Json` hold the types of
 * `types.gen.ts`; rejections are `ErrorData` objects.
 */

/** Loads the module. `onPanic` is told of a defect; the module is unusable from then on. */
export default function init(options: { module_or_path: URL | string }): Promise<unknown>;

export function setPanicHandler(onPanic: (message: string) => void): void;

export class EngineHandle {
  /** `cloudJson`: `CloudData` or undefined. */
  constructor(cloudJson: string | undefined);
  /**
   * `modelJson`: `{ kind: 'manifest' | 'gguf', url } | { kind: 'file' }`, the file itself as `file`; `factsJson`:
   * `DeviceFacts`.
   */
  load(
    call: number,
    modelJson: string,
    file: File | undefined,
    storage: 'opfs' | 'memory',
    backend: 'webgpu' | 'cpu',
    onProgress: (phase: string, loaded: number, total: number) => void,
    factsJson: string,
  ): Promise<void>;
  /** `journalJson`: `Journal`, whose tokens are not sampled again; `onToken` is told of each new one before its text. */
  answer(
    call: number,
    requestJson: string,
    policyJson: string,
    onEvent: (eventJson: string) => void,
    /** Resolves to whether it may leave, or to `MaskEdits` as JSON. */
    onConsent: ((previewJson: string) => Promise<boolean | string>) | undefined,
    /** Resolves to whether the cloud is to answer instead of the page; `Doubt` as JSON. */
    onDoubt: ((doubtJson: string) => Promise<boolean>) | undefined,
    /** Resolves to a token for one request, or why there is none, as JSON. */
    takeToken: (() => Promise<string>) | undefined,
    journalJson: string,
    onToken: (id: number, logProbability: number) => void,
    background: boolean,
  ): Promise<void>;
  /** Throws if it is no calibration. Of the model that is loaded next. */
  setCalibration(json: string): void;
  route(requestJson: string, policyJson: string): string;
  preview(requestJson: string, policyJson: string): string;
  /** Fetches and compares the gateway's lists of keys, if what is at hand is old. */
  refreshKeys(): Promise<void>;
  /** Whether the gateway has to prove something before this may go to the cloud. */
  needsEvidence(requestJson: string, policyJson: string): boolean;
  /** `{ key, nonce, evidence }`: what was asked and what came; undefined if what was verified earlier holds. */
  evidence(): Promise<string | undefined>;
  /** What was verified of the evidence that was asked for last: `Attestation` of crate `query`. */
  attest(statementJson: string): void;
  /** Nothing restricted leaves; `ErrorData` is told to who asks. */
  setNotAttested(errorJson: string): void;
  /** Throws what is wrong with the bytes. Nothing leaves before. */
  setTagger(weights: Uint8Array): void;
  /** Nothing leaves; `why` is told to who asks. */
  setNoTagger(why: string): void;
  /** Throws what is wrong with the bytes. Without them no question is judged before it is answered. */
  setRouter(weights: Uint8Array): void;
  /** `MasksEdited`. */
  editMasks(editsJson: string, policyJson: string): string;
  /** `FeedbackChange` in, `Learned` out. */
  feedback(changeJson: string): string;
  saveVault(): string;
  loadVault(saved: string): void;
  /** `promptJson`: messages, or token ids. */
  greedy(call: number, promptJson: string, maxTokens: number): Promise<string>;
  /** `[issueMs, totalMs]`. */
  dispatchCost(operations: number): Promise<Float64Array>;
  /** In ms, without the search for what is personal. */
  decisionCost(requestJson: string, policyJson: string): number;
  /** Ends the conversation: wipes which placeholder stood for which value, and how masks were edited. */
  forget(): void;
  /** Whether someone sees the page: then its frames come before answers. */
  seen(seen: boolean): void;
  /** `DeviceSignals`. */
  setSignals(signalsJson: string): void;
  /** How the last request was decided: a `Record` of crate `router`. */
  lastRecord(): string | undefined;
  /** Stops a call of that number; unknown numbers are ignored. */
  abort(call: number): void;
  /** `Stats`, without `device` but with its `adapter` and `threads`. */
  stats(): string;
  free(): void;
}
