// Generated from crate `query`. Do not edit: TIDEGATE_UPDATE=1 cargo test -p query --features typescript

/**
 * Who speaks.
 */
export type Role = "system" | "user" | "assistant" | "tool";

/**
 * One turn of the conversation.
 */
export type Message = { 
/**
 * Who speaks.
 */
role: Role, 
/**
 * What they said; empty where an answer is nothing but calls of tools.
 */
content: string, 
/**
 * The calls that an earlier answer asked for.
 */
tool_calls?: Array<ToolCall>, 
/**
 * The call that a message of role `tool` answers.
 */
tool_call_id?: string, };

/**
 * A chat completion request. A field that is not listed here is refused, not ignored; one that is not given
 * is not sent.
 */
export type ChatRequest = { 
/**
 * The conversation, oldest first; the last message is the question.
 */
messages: Array<Message>, 
/**
 * The cloud model's name; the local model is chosen when Tidegate is created.
 */
model?: string, 
/**
 * Deliver the answer in pieces.
 */
stream?: boolean, 
/**
 * Options of a streamed answer.
 */
stream_options?: StreamOptions, 
/**
 * OpenAI's older name for `max_completion_tokens`, which counts if both are given.
 */
max_tokens?: number, 
/**
 * Most tokens to generate; default 512.
 */
max_completion_tokens?: number, 
/**
 * 0 is greedy; default 0.7.
 */
temperature?: number, 
/**
 * Nucleus: sample from the smallest set of tokens with this share of the probability; default 0.95.
 */
top_p?: number, 
/**
 * Sample from the `top_k` most likely tokens; 0 is all; default 40.
 */
top_k?: number, 
/**
 * Sample only from tokens at least this many times as likely as the most likely one; default 0 (off). Local only.
 */
min_p?: number, 
/**
 * Divides the positive and multiplies the negative scores of the last 64 tokens, prompt included; default 1
 * (off). Local only.
 */
repetition_penalty?: number, 
/**
 * Subtracted from a token's score for each time that the answer has it, -2 to 2; default 0.
 */
frequency_penalty?: number, 
/**
 * Subtracted from the score of each token that the answer has, -2 to 2; default 0.
 */
presence_penalty?: number, 
/**
 * Added to tokens' scores, -100 to 100, by the local model's token ids. Local only.
 */
logit_bias?: Record<number, number>, 
/**
 * Tell each token's log-probability in the model's own distribution. Local only.
 */
logprobs?: boolean, 
/**
 * The most likely tokens to tell beside each, 0 to 20; needs `logprobs`. Local only.
 */
top_logprobs?: number, 
/**
 * Answers to give, 1 to 16, one after the other from one prompt; default 1. More than one: local only.
 */
n?: number, 
/**
 * What the answer must look like; default `text`. Anything else: local only, and not together with `stop`.
 */
response_format?: ResponseFormat, 
/**
 * Functions that the model may ask the app to call. Needs a model whose chat template knows tools. Local only.
 */
tools?: Array<Tool>, 
/**
 * Whether it calls one; default `auto`. Where it must, name and arguments are held to the schemas.
 */
tool_choice?: ToolChoice, 
/**
 * Same seed, same request, same tokens (local answers). Answer `i` of `n` is that of seed + `i`.
 */
seed?: number, 
/**
 * Texts that end the answer; they are not part of it.
 */
stop?: Stop, };

/**
 * A function is the only kind of tool.
 */
export type ToolType = "function";

/**
 * Something that the model may ask the app to do.
 */
export type Tool = { 
/**
 * `function`.
 */
type: ToolType, 
/**
 * The function.
 */
function: FunctionDefinition, };

/**
 * A function's name, purpose and arguments.
 */
export type FunctionDefinition = { 
/**
 * Its name.
 */
name: string, 
/**
 * What it is for: the model reads it.
 */
description?: string, 
/**
 * A JSON Schema of its arguments, an object; default: no arguments.
 */
parameters?: Record<string, unknown>, 
/**
 * Arguments are always kept to the schema where a call is required.
 */
strict?: boolean, };

/**
 * Whether the model calls a tool.
 */
export type ToolChoice = ToolChoiceMode | NamedToolChoice;

/**
 * Whether the model calls a tool.
 */
export type ToolChoiceMode = "none" | "auto" | "required";

/**
 * One tool that must be called.
 */
export type NamedToolChoice = { 
/**
 * `function`.
 */
type: ToolType, 
/**
 * The function.
 */
function: FunctionName, };

/**
 * A function by its name.
 */
export type FunctionName = { 
/**
 * The name.
 */
name: string, };

/**
 * A call that the model asks for.
 */
export type ToolCall = { 
/**
 * What the app's `tool` message refers to.
 */
id: string, 
/**
 * `function`.
 */
type: ToolType, 
/**
 * The function and its arguments.
 */
function: FunctionCall, };

/**
 * A function and its arguments.
 */
export type FunctionCall = { 
/**
 * The function's name.
 */
name: string, 
/**
 * A JSON object, as text.
 */
arguments: string, };

/**
 * The form of the answer, in OpenAI's shape; `regex` is our own.
 */
export type ResponseFormat = { "type": "text" } | { "type": "json_object" } | { "type": "json_schema", 
/**
 * The schema.
 */
json_schema: JsonSchemaFormat, } | { "type": "regex", 
/**
 * The expression: literals, classes, groups, alternatives and repetitions, as JavaScript writes them.
 */
pattern: string, };

/**
 * A JSON Schema and its name.
 */
export type JsonSchemaFormat = { 
/**
 * A name for the schema.
 */
name: string, 
/**
 * What it is for.
 */
description?: string, 
/**
 * The schema (2020-12). A keyword that cannot be kept is an error that names it.
 */
schema: Record<string, unknown> | boolean, 
/**
 * The schema is always kept to: `false` is refused.
 */
strict?: boolean, };

/**
 * One stop text or several.
 */
export type Stop = string | Array<string>;

/**
 * Options of a streamed answer.
 */
export type StreamOptions = { 
/**
 * End the stream with a chunk that holds `usage`.
 */
include_usage?: boolean, };

/**
 * Why the answer ended.
 */
export type FinishReason = "stop" | "length" | "tool_calls" | "content_filter";

/**
 * Tokens in and out.
 */
export type Usage = { 
/**
 * Tokens of the prompt.
 */
prompt_tokens: number, 
/**
 * Tokens of the answer, or of all `n` answers.
 */
completion_tokens: number, 
/**
 * Both.
 */
total_tokens: number, 
/**
 * Where the prompt's tokens came from, where that is known.
 */
prompt_tokens_details?: PromptTokensDetails, };

/**
 * Where the prompt's tokens came from.
 */
export type PromptTokensDetails = { 
/**
 * Tokens that an earlier turn had left in the cache, and that were not computed again.
 */
cached_tokens: number, };

/**
 * A token of an answer, in OpenAI's shape.
 */
export type TokenLogprob = { 
/**
 * Its text; what is no whole character shows as U+FFFD.
 */
token: string, 
/**
 * Natural logarithm of its probability.
 */
logprob: number, 
/**
 * Its bytes.
 */
bytes: Array<number>, 
/**
 * The most likely tokens in its place.
 */
top_logprobs: Array<TopLogprob>, };

/**
 * A token that might have been chosen.
 */
export type TopLogprob = { 
/**
 * Its text; what is no whole character shows as U+FFFD.
 */
token: string, 
/**
 * Natural logarithm of its probability.
 */
logprob: number, 
/**
 * Its bytes.
 */
bytes: Array<number>, };

/**
 * What kind of personal data was found. The name is also the placeholder's: `[EMAIL_1]`.
 */
export type EntityKind = "EMAIL" | "PHONE" | "CARD" | "IBAN" | "BANK_ACCOUNT" | "CRYPTO_ADDRESS" | "SSN" | "NATIONAL_ID" | "TAX_ID" | "PASSPORT" | "DRIVER_LICENSE" | "MEDICAL_RECORD" | "LICENSE_NUMBER" | "IP_ADDRESS" | "MAC_ADDRESS" | "DEVICE_ID" | "VEHICLE_ID" | "COORDINATES" | "PERSON" | "USER_NAME" | "ORGANIZATION" | "LOCATION" | "ADDRESS" | "GROUP" | "DATE_OF_BIRTH" | "DATE" | "AGE" | "DOMAIN" | "URL_CREDENTIAL" | "API_KEY" | "AMOUNT" | "PRIVATE";

/**
 * How far a piece of text may go. Ordered: greater is stricter.
 */
export type PrivacyClass = "public" | "prefer-not" | "restricted" | "never-leaves";

/**
 * A topic of a request.
 */
export type TopicFinding = { 
/**
 * What it is about.
 */
topic: Topic, 
/**
 * How far the request may go for that.
 */
class: PrivacyClass, };

/**
 * Who may answer.
 */
export type Mode = "local-only" | "prefer-local" | "prefer-cloud" | "cloud-only";

/**
 * How carefully personal data is handled.
 */
export type PrivacyLevel = "careful" | "balanced";

/**
 * What a text is about that calls for care, whether or not it names anybody.
 *
 * From `RacialOrEthnicOrigin` on, and `Health`: the special categories of GDPR, Article 9.
 */
export type Topic = "health" | "finance" | "legal" | "minors" | "racial-or-ethnic-origin" | "political-opinions" | "beliefs" | "trade-union" | "genetic" | "biometric" | "sex-life";

/**
 * What leaves in the place of a value.
 */
export type ReplaceWith = "placeholder" | "surrogate" | "shift" | "generalise";

/**
 * A text that the app itself knows to be sensitive: a project's name, a customer's number.
 */
export type Term = { 
/**
 * As it is written, whatever the case; found where it stands as whole words.
 */
text: string, 
/**
 * What it is.
 */
kind: EntityKind, 
/**
 * How far it may go.
 */
class: PrivacyClass, };

/**
 * How personal data is handled. What is not named is as the preset says.
 */
export type PrivacyRules = { 
/**
 * What these rules start from.
 */
preset: PrivacyLevel, 
/**
 * How far values of a kind may go.
 */
kinds: { [key in EntityKind]?: PrivacyClass }, 
/**
 * How far a whole request may go that is about a topic.
 */
topics: { [key in Topic]?: PrivacyClass }, 
/**
 * The app's own sensitive texts.
 */
terms: Array<Term>, 
/**
 * What leaves in the place of values of a kind.
 */
replace: { [key in EntityKind]?: ReplaceWith }, };

/**
 * What to do with a conversation that is longer than the local model's context.
 */
export type Overflow = "error" | "drop-oldest" | "summarise" | "cloud";

/**
 * How well an answer can wait.
 */
export type Patience = "urgent" | "normal" | "patient";

/**
 * What counts how much where more than one place may answer.
 */
export type Preferences = { 
/**
 * A better answer: 0 for not at all, 1 as usual, 4 at most.
 */
quality: number, 
/**
 * Money, 0 to 4.
 */
cost: number, 
/**
 * Waiting, 0 to 4.
 */
latency: number, 
/**
 * What an answer in the page takes from the device: battery, heat. 0 to 4.
 */
device: number, 
/**
 * What one answer may fairly cost, in the currency of the prices; more than 0.
 */
fairPrice: number, };

/**
 * What to do with a local answer that is doubtful: less likely to stand than [`Policy::risk`] asks for, or of a
 * form that no right answer has.
 */
export type OnDoubt = "ship" | "mark" | "escalate" | "ask";

/**
 * How often an answer of the page may be worse than the cloud's.
 */
export type Risk = { 
/**
 * The share of local answers that may be worse, more than 0 and less than 1.
 */
alpha: number, 
/**
 * How probable it may be that the share is exceeded all the same, more than 0 and less than 1.
 */
delta: number, };

/**
 * What somebody did with an answer that came from the device.
 */
export type Reaction = "thumbs-up" | "thumbs-down" | "retry" | "edit" | "escalate" | "kept";

/**
 * What was noticed to have changed on a device.
 */
export type Drift = "confidence" | "complaints";

/**
 * What the app allows.
 */
export type Policy = { 
/**
 * Who may answer.
 */
mode: Mode, 
/**
 * How carefully personal data is handled.
 */
privacy: PrivacyRules, 
/**
 * What to do with a conversation that is too long for the page.
 */
overflow: Overflow, 
/**
 * How well the answer can wait.
 */
patience: Patience, 
/**
 * What counts how much where more than one place may answer.
 */
preferences: Preferences, 
/**
 * What to do with a local answer that is doubtful.
 */
onDoubt: OnDoubt, 
/**
 * How often an answer of the page that is not doubtful may be worse than the cloud's, by the calibration of the model
 * file. If absent, an answer is doubtful if it rather does not stand.
 */
risk: Risk | null, };

/**
 * The local model, as far as a decision needs it.
 */
export type LocalState = { "state": "ready", 
/**
 * Tokens.
 */
contextLength: number, } | { "state": "loading" } | { "state": "unavailable" };

/**
 * How hard a processor works, as W3C's Compute Pressure tells it.
 */
export type Pressure = "nominal" | "fair" | "serious" | "critical";

/**
 * What a device says of itself. What it does not say is `null`, and changes nothing.
 */
export type DeviceSignals = { 
/**
 * Charge of the battery, 0 to 1.
 */
battery: number | null, 
/**
 * Whether it is being charged.
 */
charging: boolean | null, 
/**
 * How hard the processor works already (Compute Pressure).
 */
pressure: Pressure | null, 
/**
 * The person asked for less data.
 */
dataSaver: boolean | null, 
/**
 * Round trip to the network's servers, in ms.
 */
roundTrip: number | null, };

/**
 * What an answer in the page takes from the device now, without what only just crossed a threshold.
 */
export type Strain = { 
/**
 * The battery is low and not being charged.
 */
batteryLow: boolean, 
/**
 * The processor is warm from work.
 */
hot: boolean, 
/**
 * The processor is about to slow down.
 */
tooHot: boolean, 
/**
 * The local model is much slower than it used to be on this device.
 */
slowed: boolean, 
/**
 * The person asked for less data.
 */
dataSaver: boolean, 
/**
 * The network's servers are far away.
 */
far: boolean, };

/**
 * How fast the local model is, in µs a token.
 */
export type LocalSpeed = { 
/**
 * For a token of the prompt.
 */
prefill: number, 
/**
 * For a token of the answer.
 */
decode: number, };

/**
 * The device: the local model and the network.
 */
export type DeviceState = { 
/**
 * The local model.
 */
local: LocalState, 
/**
 * Whether the device has a network.
 */
online: boolean, 
/**
 * Tokens of the prompt as the local model counts them; 0 if it is not loaded.
 */
promptTokens: number, 
/**
 * How many of them are in its key/value cache.
 */
cachedTokens: number, 
/**
 * How fast it was of late; unknown before its first answers.
 */
speed: LocalSpeed | null, 
/**
 * What an answer takes from the device.
 */
strain: Strain, };

/**
 * How fast the cloud's answers come, measured here.
 */
export type CloudSpeed = { 
/**
 * Until the first text, in ms: half of the answers were faster.
 */
first: number, 
/**
 * Until the first text, in ms: nineteen of twenty were faster.
 */
firstAtMost: number, 
/**
 * For a token after that, in µs.
 */
token: number, };

/**
 * What a model costs, for a million tokens, in the app's currency.
 */
export type Price = { 
/**
 * Of the prompt.
 */
input: number, 
/**
 * Of the answer.
 */
output: number, };

/**
 * The cloud path, as far as a decision needs it.
 */
export type CloudState = { 
/**
 * A relay and a verified key are configured.
 */
configured: boolean, 
/**
 * What finds names and addresses in a question is there: nothing leaves without it.
 */
detectorReady: boolean, 
/**
 * Evidence of the hardware behind that key was verified, too. Nothing verifies any yet.
 */
attested: boolean, 
/**
 * How fast it was of late; unknown before its first answer.
 */
speed: CloudSpeed | null, 
/**
 * How short its rate limit is: 0 while there is plenty, 1 where there is nothing left.
 */
scarcity: number, 
/**
 * It failed again and again, only just now.
 */
failing: boolean, 
/**
 * What it costs, if the app said.
 */
price: Price | null, };

/**
 * Where.
 */
export type Target = "local" | "cloud";

/**
 * Why, as a code that code can match on.
 */
export type ReasonCode = "mode-local-only" | "mode-cloud-only" | "mode-prefer-local" | "mode-prefer-cloud" | "never-leaves" | "needs-attestation" | "prefer-not" | "cloud-not-configured" | "offline" | "detector-not-ready" | "local-not-ready" | "local-context-too-small" | "only-local-can" | "overflow-is-an-error" | "looks-hard" | "looks-easy" | "unfamiliar" | "cloud-slow" | "local-slow" | "cloud-expensive" | "cloud-limited" | "cloud-failing" | "battery-low" | "device-hot" | "data-saver" | "warm-cache" | "local-context-short" | "local-confident" | "local-doubtful" | "escalation-failed" | "escalation-declined";

/**
 * One reason, with a sentence that a person understands.
 */
export type Reason = { 
/**
 * The code.
 */
code: ReasonCode, 
/**
 * The sentence.
 */
text: string, };

/**
 * What is asked for.
 */
export type Intent = "classification" | "extraction" | "summarization" | "rewriting" | "translation" | "facts" | "writing" | "reasoning" | "mathematics" | "code" | "planning" | "chat";

/**
 * What is probably asked for.
 */
export type Guess = { 
/**
 * The likeliest intent.
 */
intent: Intent, 
/**
 * How probable it is, 0 to 1.
 */
probability: number, };

/**
 * What the cloud is expected to do better, from the question alone.
 */
export type Estimate = { 
/**
 * How much better the cloud's answer is expected to be than the local model's: the difference of two grades of
 * 0 to 1, so -1 to 1.
 */
gain: number, 
/**
 * How unlike what the estimate was learned from the question is: 0 if it knows many like it, 1 if none.
 */
novelty: number, };

/**
 * What a place is worth for a query: `gain` less the others. Each is a share of the best that can be gained (an
 * answer that is right instead of wrong), already weighted by the policy.
 */
export type Utility = { 
/**
 * What it is expected to answer better than the page, and what the mode adds for it.
 */
gain: number, 
/**
 * Money.
 */
cost: number, 
/**
 * Waiting.
 */
latency: number, 
/**
 * What it takes from the device, or from the person: a low battery, something that should rather stay.
 */
burden: number, 
/**
 * All of it.
 */
total: number, };

/**
 * What a decision was made from. None of it can undo a rule: where something may not leave, or a place cannot
 * answer, the scores decide nothing.
 */
export type Scores = { 
/**
 * What is probably asked for; `null` without the router's weights.
 */
guess: Guess | null, 
/**
 * What the cloud is expected to do better; `null` without the router's weights.
 */
estimate: Estimate | null, 
/**
 * How well the answer can wait, 0 to 1.
 */
tolerance: number, 
/**
 * How much rather it should stay, 0 to 1; 1 is that it has to.
 */
sensitivity: number, 
/**
 * How dear the cloud's answer is, 0 to 1; half where it costs what the policy calls fair.
 */
cost: number, 
/**
 * What the page is worth.
 */
local: Utility, 
/**
 * What the cloud is worth.
 */
cloud: Utility, };

/**
 * What would have to be otherwise, as a code that code can match on.
 */
export type ChangeCode = "without-findings" | "mode-prefer-local" | "mode-prefer-cloud" | "online" | "cloud-configured" | "detector-ready" | "local-ready" | "shorter-conversation" | "without-local-only" | "easier-question" | "harder-question" | "can-wait" | "free-cloud" | "faster-cloud" | "cloud-available" | "faster-local" | "device-rested";

/**
 * One thing that would have changed the decision, and what would have come of it.
 */
export type Change = { 
/**
 * The code.
 */
code: ChangeCode, 
/**
 * Where it would be answered then.
 */
target: Target, 
/**
 * The sentence.
 */
text: string, };

/**
 * A decision.
 */
export type Route = { 
/**
 * Where.
 */
target: Target, 
/**
 * Why: the reason that decided comes first.
 */
reasons: Array<Reason>, 
/**
 * What it was made from.
 */
scores: Scores, 
/**
 * What would have changed it, each alone, the nearest first.
 */
changes: Array<Change>, };

/**
 * Where an answer came from.
 */
export type Source = "local" | "cloud" | "both";

/**
 * Exactly what left the device.
 */
export type Sent = { 
/**
 * The plaintext that was sealed: the request body as the upstream gets it.
 */
text: string, 
/**
 * Bytes on the wire, sealed and padded, of all attempts together.
 */
bytes: number, 
/**
 * How often it was sealed and sent: more than once where a relay or a gateway did not answer, the gateway had other
 * keys by then, or the device's clock was wrong.
 */
attempts: number, 
/**
 * The relay that carried it, at the last attempt.
 */
relay: string, 
/**
 * The gateway key it was sealed to: the hex SHA-256 of its key config.
 */
keyId: string, 
/**
 * The gateway showed another key by one path only, which may have been made to recognize this person: a sentence
 * that names it and the path. Nothing was sealed to that one.
 */
targeted?: string, };

/**
 * A placeholder that stood in for a value. The value itself is not recorded.
 */
export type Replaced = { 
/**
 * `[EMAIL_1]`.
 */
placeholder: string, 
/**
 * What it stands for.
 */
kind: EntityKind, };

/**
 * Tokens by tier.
 */
export type UsageByTier = { 
/**
 * In the page.
 */
local: Usage, 
/**
 * In the cloud, as the upstream counted.
 */
cloud: Usage, };

/**
 * Milliseconds since the call.
 */
export type Timing = { 
/**
 * Until the first piece of text.
 */
first: number, 
/**
 * Until the end.
 */
total: number, };

/**
 * Why a local answer is doubtful.
 */
export type DoubtCause = "unsure" | "empty" | "loop" | "cut-off" | "other-script" | "refusal" | "no-json";

/**
 * That a local answer may be wrong.
 */
export type Doubt = { 
/**
 * Why.
 */
cause: DoubtCause, 
/**
 * How likely it stands, 0 to 1; absent without a calibration of the model file.
 */
probability?: number, 
/**
 * Whether mode and privacy allow the cloud to answer instead.
 */
cloud: boolean, };

/**
 * What happened to one query.
 */
export type Receipt = { 
/**
 * Where the answer came from.
 */
source: Source, 
/**
 * Why there: the reason that decided comes first.
 */
reasons: Array<Reason>, 
/**
 * How likely the local answer stands, 0 to 1, if it is `calibrated`; else the mean probability of its tokens (the
 * exponential of the mean log-probability), which promises nothing. With `both`: of what the page began.
 */
confidence?: number, 
/**
 * Of so many answers of this `confidence`, that share stood when the model file was calibrated.
 */
calibrated: boolean, 
/**
 * The answer is the page's, and may be wrong.
 */
doubt?: Doubt, 
/**
 * What left the device; absent when nothing did.
 */
sent?: Sent, 
/**
 * Placeholders that left in place of values.
 */
replaced: Array<Replaced>, 
/**
 * How many placeholders of the answer were turned back into values.
 */
restored: number, 
/**
 * How many of the answer may have been meant for one that left (`Person 1`); they stay as they came.
 */
uncertain: number, 
/**
 * How many stood in an address (a URL, a link's target, an HTML attribute), which could have carried the
 * value away; they stay as they came.
 */
withheld: number, 
/**
 * How many looked like placeholders but never left; they stay as they came.
 */
invented: number, 
/**
 * Placeholders that left and did not come back.
 */
dropped: Array<string>, 
/**
 * Tokens by tier.
 */
usage: UsageByTier, 
/**
 * How long it took, in ms.
 */
ms: Timing, };

/**
 * What would leave, message by message.
 */
export type Preview = { 
/**
 * The messages that would leave, in order.
 */
messages: Array<PreviewMessage>, 
/**
 * Placeholders and what they stand for.
 */
replaced: Array<Replaced>, 
/**
 * What it is about that calls for care, each topic once.
 */
topics: Array<TopicFinding>, 
/**
 * Something in it may not leave, or not to where it would go: sending it would be refused.
 */
blocked: boolean, };

/**
 * One message as it would leave.
 */
export type PreviewMessage = { 
/**
 * Who speaks.
 */
role: Role, 
/**
 * The text with placeholders.
 */
text: string, 
/**
 * What was found in the original, in order of place. The original with each of these replaced is `text`.
 */
findings: Array<PreviewFinding>, };

/**
 * A piece of personal data in a message, and what leaves in its place.
 */
export type PreviewFinding = { 
/**
 * Start of the span in the original, in UTF-16 code units: an index of a JavaScript string.
 */
start: number, 
/**
 * End of the span (exclusive), in UTF-16 code units.
 */
end: number, 
/**
 * What it is.
 */
kind: EntityKind, 
/**
 * How far it may go.
 */
class: PrivacyClass, 
/**
 * How sure it is found, 0 to 1.
 */
score: number, 
/**
 * What leaves in its place: `[EMAIL_1]`; the text itself if it is public.
 */
leavesAs: string, };

/**
 * Masks to add and to take away, for the rest of the conversation. Of two edits of one text the later one counts.
 */
export type MaskEdits = { 
/**
 * Texts that leave no more, wherever they stand as whole words.
 */
hide?: Array<HiddenText>, 
/**
 * Texts that leave as they are, where that is theirs to allow: what is restricted or never leaves stays
 * masked.
 */
show?: Array<string>, };

/**
 * A text that is to be masked.
 */
export type HiddenText = { 
/**
 * As it is written, whatever the case and the white space.
 */
text: string, 
/**
 * What it is; `PRIVATE` if that is not said.
 */
kind?: EntityKind, };

/**
 * What came of edits.
 */
export type MasksEdited = { 
/**
 * Of the texts to show, those that stay masked: they are restricted or never leave.
 */
refused: Array<string>, };

/**
 * A piece of an answer.
 */
export type Piece = { 
/**
 * Which of `n` answers, from 0.
 */
index: number, 
/**
 * The text; may be empty when `logprobs` come for a token that is no whole character yet.
 */
text: string, 
/**
 * The tokens since the last piece, if the request asks for them.
 */
logprobs?: Array<TokenLogprob>, 
/**
 * Calls that the model asks for, whole.
 */
tool_calls?: Array<ToolCall>, 
/**
 * The answer was cut off before it was what `response_format` asks for: why.
 */
refusal?: string, };

/**
 * What an answer is made of, in order: one `Route`, any number of `Text`, one `Done`. Before the first `Text`, other
 * `Route`s may follow: the answer that was begun did not get far, and another place goes on.
 */
export type AnswerEvent = { "type": "route", 
/**
 * The decision.
 */
route: Route, } | { "type": "text" } & Piece | { "type": "done", 
/**
 * Why it ended: one for each of `n` answers.
 */
finish_reasons: Array<FinishReason>, 
/**
 * What happened.
 */
receipt: Receipt, };

/**
 * How the cloud's answer travels. The page asks for it inside the seal, the gateway grants it within its bounds.
 */
export type Traffic = "off" | "balanced" | "strict";

/**
 * What went wrong. Closed: a new code is a change of the interface.
 */
export type ErrorCode = "invalid-request" | "context-overflow" | "model-corrupt" | "model-hash-mismatch" | "model-unsupported" | "tools-unsupported" | "download-failed" | "quota-exceeded" | "no-adapter" | "device-limit" | "device-lost" | "local-unavailable" | "no-route" | "privacy-blocked" | "detector-unavailable" | "consent-declined" | "relay-unavailable" | "relay-rate-limited" | "gateway-unavailable" | "key-mismatch" | "key-list-refused" | "key-list-expired" | "key-targeted" | "key-too-young" | "evidence-refused" | "evidence-stale" | "evidence-unbound" | "software-unknown" | "platform-outdated" | "seal-broken" | "clock-skewed" | "replayed" | "token-required" | "token-unavailable" | "token-refused" | "token-spent" | "upstream-unauthorized" | "upstream-rate-limited" | "upstream-failed" | "upstream-interrupted" | "offline" | "disposed" | "internal";

/**
 * An error as the page sees it.
 *
 * The message names the thing, the place and the way out, and never holds text of the query.
 */
export type ErrorData = { 
/**
 * What went wrong.
 */
code: ErrorCode, 
/**
 * A sentence for a developer: the thing, the place, the way out.
 */
message: string, 
/**
 * The same call may succeed later or after a change that `message` names.
 */
recoverable: boolean, };
