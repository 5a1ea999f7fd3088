import { invalid } from './errors.js';
import type { DeviceFacts } from './facts.js';
import { absolute, oneOf, onlyKnown } from './fields.js';
import { preferences, prices, risk } from './preferences.js';
import { type PrivacyRules, privacyRules } from './privacy-rules.js';
import {
  type EvidenceData,
  type EvidenceOptions,
  evidenceOptions,
  keyOptions,
  type ListedKeys,
  type SignedKeys,
} from './trust-options.js';
import type {
  Doubt,
  MaskEdits,
  Mode,
  OnDoubt,
  Overflow,
  Patience,
  Policy as PolicyData,
  Preferences,
  Preview,
  Price,
  PrivacyLevel,
  Risk,
  Traffic,
} from './types.gen.js';

/**
 * Which model answers in the page: the URL of a manifest (`….json`), the URL of a GGUF file, a GGUF file that
 * the person chose, `'auto'`, or `'none'` when only the cloud should answer.
 *
 * A manifest is `{ name, license, contextLength, url, bytes, sha256 }`, or has `variants: [{ url, bytes, sha256 }]`,
 * the best first, of which the first is taken that fits the device's memory, storage and GPU; this is found out
 * before any weights are fetched. `url` is relative to the manifest. Only a manifest lets Tidegate check that the
 * file is the one that was meant; `chunks: { bytes, sha256: [hash, …] }` beside `sha256`, the hashes of the file's
 * parts of `bytes` bytes each, lets it fetch a part that came damaged again, and no more.
 *
 * `'auto'` is the manifest `models/auto.json` beside the page.
 */
export type ModelRef = string | URL | File | 'auto' | 'none';

/** Where model files are kept between visits: the origin private file system, or nowhere. */
export type StorageKind = 'opfs' | 'memory';

/** What computes: `auto` takes a hardware WebGPU adapter if there is one, else the CPU. */
export type DeviceChoice = 'auto' | 'webgpu' | 'cpu';

/** The sealed path to a larger model. */
export interface CloudOptions {
  /**
   * Relays, first one first: where one cannot be reached, the next is taken, and one that failed twice is left alone for a
   * while. They see the address of the page's visitor and no content.
   */
  relays: string[];
  /**
   * The keys that questions are sealed to, and no others: the gateway's `application/ohttp-keys`, in base64, which the
   * page pins; or whose signed lists of keys it believes, where the same list comes by two or more paths.
   */
  keys: string | SignedKeys;
  /** Lets what is `restricted` leave, if the gateway's hardware proves that software of this list holds its key. */
  evidence?: EvidenceOptions;
  /** The model that the gateway should ask for. */
  model?: string;
  /**
   * How answers travel, so that whoever sees the sealed bytes go by learns little from their lengths and times:
   * `balanced` in chunks of one size, ten a second, as many as the next of a few numbers; `strict` with fewer and
   * larger ones; `off` as they come. Default: `balanced`.
   */
  traffic?: Traffic;
  /** What models cost, by name, for a million tokens, in any currency that `preferences.fairPrice` is in too. */
  prices?: Record<string, Price>;
  /** Where tokens come from, for a gateway that takes one with each request: `openTokenWallet` of `tidegate/tokens`. */
  tokens?: TokenSource;
}

/** Gives tokens that say that this page may ask, and not who it is. */
export interface TokenSource {
  /** A token (RFC 9577 §2.2) in base64 for URLs, which it gives nobody else. */
  take(): Promise<string>;
}

/** What the app allows. */
export interface Policy {
  /** Who may answer. Default: `local-only` without a cloud, `prefer-local` with one. */
  mode?: Mode;
  /** How carefully personal data is handled: a preset, or rules over one. Default: `balanced`. */
  privacy?: PrivacyLevel | PrivacyRules;
  /**
   * What to do with a conversation that is longer than the local model's context. Default: `cloud`, where `mode`
   * and privacy allow it, else an error.
   */
  overflow?: Overflow;
  /** How well the answer can wait. Default: `normal`, and `patient` for calls of priority `background`. */
  patience?: Patience;
  /**
   * What counts how much where both places may answer: `quality`, `cost`, `latency` and `device` (its battery and
   * heat), each 0 to 4, 1 as usual; `fairPrice`, what one answer may fairly cost, 0.01 unless said otherwise.
   */
  preferences?: Partial<Preferences>;
  /**
   * What to do with a local answer that is doubtful. Default: `escalate`, so that the cloud answers instead, where
   * `mode` and privacy allow it and nothing of the answer was shown; else it is marked in the receipt.
   */
  onDoubt?: OnDoubt;
  /**
   * How many local answers that are not doubtful may be worse than the cloud's: at most the share `alpha`, but for a
   * chance of `delta`. It holds for questions like those of the calibration; where no threshold holds it, every local
   * answer is doubtful. Default: none, and an answer is doubtful if it rather does not stand.
   */
  risk?: Risk;
  /**
   * With `onDoubt: 'ask'`: whether the cloud is to answer instead of the page. Nothing of the page's answer was shown
   * yet. Without it, doubtful answers are marked.
   */
  whenDoubtful?: WhenDoubtful;
  /**
   * Asked before each request that would leave, with exactly what would leave. `false` keeps it here. With edits to
   * the masks it is masked anew, checked again and sent; they count for the rest of the conversation.
   */
  beforeCloud?(preview: Preview): boolean | MaskEdits | Promise<boolean | MaskEdits>;
}

/** Whether the cloud is to answer instead of the page, whose answer is doubtful. */
export type WhenDoubtful = (doubt: Doubt) => boolean | Promise<boolean>;

/** A step of getting ready. `loaded` and `total` are bytes in `download`, `verify` and `upload`, else steps. */
export interface Progress {
  phase: 'manifest' | 'download' | 'verify' | 'upload' | 'compile' | 'selftest';
  loaded: number;
  total: number;
}

export interface TidegateOptions {
  /** Default: `'none'`. */
  model?: ModelRef;
  policy?: Policy;
  cloud?: CloudOptions;
  /** Default: `'opfs'`, and `'memory'` where the browser has no origin private file system. */
  storage?: StorageKind;
  /** Default: `'auto'`. `'webgpu'` also takes a software adapter, and fails where there is none. */
  device?: DeviceChoice;
  /**
   * How many threads compute where the CPU does. More than one needs a page that is cross-origin isolated and a
   * browser with relaxed SIMD; elsewhere it is one, which needs nothing. Default: `'auto'`, half of what the browser
   * counts as cores, from two to eight. Answers are the same with any number.
   */
  threads?: number | 'auto';
  /** The folder that holds the package's wasm files, `tagger.bin` and `router.bin` (`dist/wasm`). Default: beside the worker. */
  wasmUrl?: string | URL;
  /** The worker's script. Default: beside this module. */
  workerUrl?: string | URL;
  /** For tests. */
  dangerous?: DangerousOptions;
  /**
   * How likely the model's answers stand: what `tidegate calibrate` wrote for its very file, parsed. Default: what
   * Tidegate knows of the file that a manifest names. Without one, only the form of an answer can make it doubtful.
   */
  calibration?: object;
  /** Stops getting ready; what was downloaded so far is kept. */
  signal?: AbortSignal;
  onProgress?(progress: Progress): void;
}

/** What no app should need. */
export interface DangerousOptions {
  /** Pretends that the device has other figures than the browser tells. */
  facts?: Partial<DeviceFacts>;
}

/** Options of one call. */
export interface CallOptions {
  signal?: AbortSignal;
  /** Overrides the policy that Tidegate was created with, field by field. */
  policy?: Policy;
  /** Default: `'foreground'`. */
  priority?: Priority;
}

/**
 * `background` is for an answer that nobody waits for: the local model works on it in shorter pieces, and gives way
 * to every other call in between. It goes on where it stopped. A cloud answer is as fast as ever.
 */
export type Priority = 'foreground' | 'background';

/** Options after checking: what the worker needs, and nothing that cannot be copied to it. */
export interface EngineOptions {
  model: { kind: 'manifest' | 'gguf'; url: string } | { kind: 'file'; file: File } | { kind: 'none' };
  cloud: CloudData | null;
  evidence: EvidenceData | null;
  storage: StorageKind;
  device: DeviceChoice;
  threads: number | 'auto';
  wasmUrl: string | null;
  /** JSON. */
  calibration: string | null;
  facts: Partial<DeviceFacts>;
}

/** The sealed path as the engine takes it. */
export interface CloudData extends Omit<CloudOptions, 'keys' | 'evidence' | 'tokens'> {
  keys: string | ListedKeys;
}

/** The manifest of `'auto'`, relative to the page. */
const AUTO = 'models/auto.json';

const MODES: readonly Mode[] = ['local-only', 'prefer-local', 'prefer-cloud', 'cloud-only'];
const OVERFLOW: readonly Overflow[] = ['error', 'drop-oldest', 'summarise', 'cloud'];
const PATIENCE: readonly Patience[] = ['urgent', 'normal', 'patient'];
const ON_DOUBT: readonly OnDoubt[] = ['ship', 'mark', 'escalate', 'ask'];
const TRAFFIC: readonly Traffic[] = ['off', 'balanced', 'strict'];
const PRIORITIES: readonly Priority[] = ['foreground', 'background'];

/** Checks options; `base` resolves relative URLs. */
export function engineOptions(o: TidegateOptions, base: string | undefined): EngineOptions {
  onlyKnown('options', o, [
    'model',
    'policy',
    'cloud',
    'storage',
    'device',
    'threads',
    'wasmUrl',
    'workerUrl',
    'dangerous',
    'calibration',
    'signal',
    'onProgress',
  ]);
  return {
    model: modelRef(o.model ?? 'none', base),
    cloud: o.cloud ? cloudOptions(o.cloud, base) : null,
    evidence: o.cloud?.evidence ? evidenceOptions(o.cloud.evidence, base) : null,
    storage: oneOf('options.storage', o.storage ?? 'opfs', ['opfs', 'memory']),
    device: oneOf('options.device', o.device ?? 'auto', ['auto', 'webgpu', 'cpu']),
    threads: threadCount(o.threads ?? 'auto'),
    wasmUrl: o.wasmUrl === undefined ? null : absolute('options.wasmUrl', o.wasmUrl, base),
    calibration: calibrationJson(o.calibration),
    facts: dangerousFacts(o.dangerous),
  };
}

/** Whether nobody waits for a call. */
export function isBackground({ priority = 'foreground' }: CallOptions): boolean {
  return oneOf('options.priority', priority, PRIORITIES) === 'background';
}

function calibrationJson(calibration: object | undefined): string | null {
  if (calibration === undefined) return null;
  if (typeof calibration !== 'object' || calibration === null) {
    throw invalid('options.calibration: expected what `tidegate calibrate` wrote, parsed');
  }
  return JSON.stringify(calibration);
}

/** More threads than that are a slip. */
const MOST_THREADS = 64;

function threadCount(threads: number | 'auto'): number | 'auto' {
  if (threads === 'auto' || (Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS)) {
    return threads;
  }
  throw invalid(`options.threads: expected 'auto' or a whole number from 1 to ${MOST_THREADS}`);
}

function dangerousFacts(dangerous: DangerousOptions | undefined): Partial<DeviceFacts> {
  if (dangerous === undefined) return {};
  onlyKnown('options.dangerous', dangerous, ['facts']);
  const facts = dangerous.facts ?? {};
  onlyKnown('options.dangerous.facts', facts, ['memory', 'storage', 'relaxedSimd', 'threads', 'gpu']);
  return facts;
}

/** Where a model reference points. A URL whose path ends in `.gguf` is the file itself, any other a manifest. */
export function modelRef(model: ModelRef, base: string | undefined): EngineOptions['model'] {
  if (model === 'none') return { kind: 'none' };
  if (model === 'auto') return { kind: 'manifest', url: absolute('options.model', AUTO, base) };
  if (typeof File !== 'undefined' && model instanceof File) return { kind: 'file', file: model };
  if (typeof model !== 'string' && !(model instanceof URL)) {
    throw invalid("options.model: expected a URL, a File, 'auto' or 'none'");
  }
  const url = absolute('options.model', model, base);
  return { kind: new URL(url).pathname.toLowerCase().endsWith('.gguf') ? 'gguf' : 'manifest', url };
}

/** The policy of a call: its own fields over those of the instance, defaults for the rest. */
export function policyData(hasCloud: boolean, ...policies: (Policy | undefined)[]): PolicyData {
  const merged: Policy = {};
  for (const policy of policies) {
    if (policy === undefined) continue;
    onlyKnown('policy', policy, [
      'mode',
      'privacy',
      'overflow',
      'patience',
      'preferences',
      'onDoubt',
      'risk',
      'whenDoubtful',
      'beforeCloud',
    ]);
    if (policy.mode !== undefined) merged.mode = policy.mode;
    if (policy.privacy !== undefined) merged.privacy = policy.privacy;
    if (policy.overflow !== undefined) merged.overflow = policy.overflow;
    if (policy.patience !== undefined) merged.patience = policy.patience;
    if (policy.preferences !== undefined) merged.preferences = policy.preferences;
    if (policy.onDoubt !== undefined) merged.onDoubt = policy.onDoubt;
    if (policy.risk !== undefined) merged.risk = policy.risk;
  }
  return {
    mode: oneOf('policy.mode', merged.mode ?? (hasCloud ? 'prefer-local' : 'local-only'), MODES),
    privacy: privacyRules('policy.privacy', merged.privacy ?? 'balanced'),
    overflow: oneOf('policy.overflow', merged.overflow ?? 'cloud', OVERFLOW),
    patience: oneOf('policy.patience', merged.patience ?? 'normal', PATIENCE),
    preferences: preferences('policy.preferences', merged.preferences ?? {}),
    onDoubt: oneOf('policy.onDoubt', merged.onDoubt ?? 'escalate', ON_DOUBT),
    risk: merged.risk === undefined ? null : risk('policy.risk', merged.risk),
  };
}

/** Without the tokens, which stay in the page. */
function cloudOptions(cloud: CloudOptions, base: string | undefined): CloudData {
  onlyKnown('options.cloud', cloud, ['relays', 'keys', 'evidence', 'model', 'traffic', 'prices', 'tokens']);
  if (cloud.tokens !== undefined && typeof cloud.tokens?.take !== 'function') {
    throw invalid('options.cloud.tokens: expected what openTokenWallet() of tidegate/tokens resolves to');
  }
  if (!Array.isArray(cloud.relays) || cloud.relays.length === 0) {
    throw invalid('options.cloud.relays: expected at least one relay URL');
  }
  const relays = cloud.relays.map((relay, i) => absolute(`options.cloud.relays[${i}]`, relay, base));
  return {
    relays,
    keys: keyOptions(cloud.keys, relays, base),
    ...(cloud.model === undefined ? {} : { model: cloud.model }),
    ...(cloud.traffic === undefined
      ? {}
      : { traffic: oneOf('options.cloud.traffic', cloud.traffic, TRAFFIC) }),
    ...(cloud.prices === undefined ? {} : { prices: prices('options.cloud.prices', cloud.prices) }),
  };
}
