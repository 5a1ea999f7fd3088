/**
 * A language model inside the page, and a private way out when it is not enough.
 *
 * Importing this does nothing: no network, no worker, no browser object is touched until a function is called.
 */

export type { GpuLimits } from './adapter.js';
export { type Availability, availability } from './availability.js';
export type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatRequestStreaming,
  ChatRequestWhole,
  ChatStream,
  Choice,
  ChoiceLogprobs,
} from './chat.js';
export { createTidegate } from './create.js';
export type { Diagnostics } from './engine.js';
export { AbortError, TidegateError } from './errors.js';
export type { DeviceFacts } from './facts.js';
export type { Feedback, Learned } from './feedback.js';
export type {
  CallOptions,
  CloudOptions,
  DangerousOptions,
  DeviceChoice,
  ModelRef,
  Policy,
  Priority,
  Progress,
  StorageKind,
  TidegateOptions,
  TokenSource,
  WhenDoubtful,
} from './options.js';
export type { PrivacyRules } from './privacy-rules.js';
export type { Stats } from './stats.js';
export type { Events, Tidegate } from './tidegate.js';
export type { EvidenceOptions, SignedKeys } from './trust-options.js';
export type {
  Change,
  ChangeCode,
  ChatRequest,
  Doubt,
  DoubtCause,
  Drift,
  EntityKind,
  ErrorCode,
  Estimate,
  FinishReason,
  FunctionCall,
  FunctionDefinition,
  Guess,
  HiddenText,
  Intent,
  JsonSchemaFormat,
  MaskEdits,
  MasksEdited,
  Message,
  Mode,
  OnDoubt,
  Overflow,
  Patience,
  Preferences,
  Preview,
  PreviewFinding,
  PreviewMessage,
  Price,
  PrivacyClass,
  PrivacyLevel,
  PromptTokensDetails,
  Reaction,
  Reason,
  ReasonCode,
  Receipt,
  Replaced,
  ReplaceWith,
  ResponseFormat,
  Risk,
  Role,
  Route,
  Scores,
  Sent,
  Source,
  Stop,
  StreamOptions,
  Target,
  Term,
  Timing,
  TokenLogprob,
  Tool,
  ToolCall,
  ToolChoice,
  Topic,
  TopicFinding,
  TopLogprob,
  Traffic,
  Usage,
  UsageByTier,
  Utility,
} from './types.gen.js';
