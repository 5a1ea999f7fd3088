import type {
  Doubt,
  DoubtCause,
  Drift,
  EntityKind,
  ErrorCode,
  Mode,
  Preview,
  PreviewFinding,
  PrivacyClass,
  Progress,
  Reason,
  Receipt,
  Role,
  Route,
  Stats,
  Topic,
} from 'tidegate';
import type { Answer } from './conversation.ts';
import type { Trouble } from './conversation-store.ts';

/** What a person is told about an error, and what they can do about it. */
export interface ErrorWords {
  title: string;
  wayOut: string;
  action?: Action;
}

/** What the button beside “Try again” does; `here` asks the model in this page. */
export type Action = 'here' | 'new-conversation' | 'mode' | 'reload';

export const ERRORS: Record<ErrorCode, ErrorWords> = {
  'invalid-request': {
    title: 'This question could not be understood as a request.',
    wayOut: 'That is a defect of this page. Reloading it may help.',
    action: 'reload',
  },
  'context-overflow': {
    title: 'The conversation is longer than the model can read at once.',
    wayOut: 'Start a new conversation, or ask with a shorter text.',
    action: 'new-conversation',
  },
  'model-corrupt': {
    title: 'The stored model file is damaged.',
    wayOut: 'Reload the page to fetch it again.',
    action: 'reload',
  },
  'model-hash-mismatch': {
    title: 'The model that arrived is not the one that was promised.',
    wayOut: 'It was thrown away. Try again later; if it stays so, tell whoever runs this site.',
  },
  'model-unsupported': {
    title: 'This page cannot run that model.',
    wayOut: 'Whoever runs this site has to offer another one.',
  },
  'tools-unsupported': {
    title: 'The model in this page cannot use tools.',
    wayOut: 'Whoever runs this site has to offer another model, or ask without tools.',
  },
  'download-failed': {
    title: 'The model could not be fetched.',
    wayOut: 'What has arrived is kept. Check the connection and continue.',
  },
  'quota-exceeded': {
    title: 'This browser has no room for the model.',
    wayOut: 'Free some disk space, or clear the data of sites that you no longer need, and continue.',
  },
  'no-adapter': {
    title: 'No usable graphics adapter was found.',
    wayOut: 'Turn on WebGPU or hardware acceleration in the browser, then reload.',
    action: 'reload',
  },
  'device-limit': {
    title: 'This device has too little memory for the model.',
    wayOut: 'Close other tabs and reload, or let the cloud answer.',
    action: 'reload',
  },
  'device-lost': {
    title: 'The graphics adapter stopped working.',
    wayOut: 'That happens after sleep or a driver update. Ask again.',
  },
  'local-unavailable': {
    title: 'The model is not in this page yet.',
    wayOut: 'Download it, or allow the cloud to answer.',
    action: 'mode',
  },
  'no-route': {
    title: 'Nothing is allowed to answer this.',
    wayOut: 'Choose another mode below.',
    action: 'mode',
  },
  'privacy-blocked': {
    title: 'This holds something that may not leave your device.',
    wayOut: 'Take it out of the question, or let this page answer.',
    action: 'here',
  },
  'detector-unavailable': {
    title: 'Names and addresses cannot be found right now, so nothing was sent.',
    wayOut: 'Check the connection and try again, or let this page answer.',
    action: 'here',
  },
  'consent-declined': {
    title: 'You kept it here.',
    wayOut: 'Nothing was sent. Change the question, or let this page answer.',
    action: 'here',
  },
  'relay-unavailable': {
    title: 'The relay does not answer.',
    wayOut: 'Try again in a moment, or let this page answer.',
    action: 'here',
  },
  'relay-rate-limited': {
    title: 'Too many questions came from this address.',
    wayOut:
      'The relay counts them by network address, perhaps with others behind yours. Wait a minute, or let this page answer.',
    action: 'here',
  },
  'gateway-unavailable': {
    title: 'The gateway behind the relay does not answer.',
    wayOut: 'Try again in a moment, or let this page answer.',
    action: 'here',
  },
  'key-mismatch': {
    title: 'The gateway does not hold the key that this page trusts.',
    wayOut:
      'So it could not read the question. Reload the page; if it stays so, tell whoever runs this site.',
    action: 'here',
  },
  'key-list-refused': {
    title: 'The gateway’s list of keys is not signed by whom this page trusts.',
    wayOut: 'So nothing was sent. If it stays so, tell whoever runs this site.',
    action: 'here',
  },
  'key-list-expired': {
    title: 'The gateway’s list of keys has expired.',
    wayOut:
      'An old key could be anybody’s, so nothing was sent. Check this device’s clock, or try again later.',
    action: 'here',
  },
  'key-targeted': {
    title: 'The gateway showed you a key that others do not get.',
    wayOut:
      'It may have been made to recognize you, so nothing was sent. Tell whoever runs this site, or let this page answer.',
    action: 'here',
  },
  'key-too-young': {
    title: 'The gateway’s key is too new to be trusted.',
    wayOut: 'Others have to be able to see it for a while first. Nothing was sent; try again later.',
    action: 'here',
  },
  'evidence-refused': {
    title: 'The gateway’s hardware could not prove what it runs.',
    wayOut: 'This question needs that proof, so nothing was sent. Let this page answer.',
    action: 'here',
  },
  'evidence-stale': {
    title: 'The gateway showed an old proof of what it runs.',
    wayOut: 'It may run something else by now, so nothing was sent. Try again, or let this page answer.',
    action: 'here',
  },
  'evidence-unbound': {
    title: 'The gateway’s proof is for another key than the one it gives out.',
    wayOut: 'Somebody else could read the question, so nothing was sent. Let this page answer.',
    action: 'here',
  },
  'software-unknown': {
    title: 'The gateway runs software that this site does not know.',
    wayOut: 'So nothing was sent. Let this page answer, or tell whoever runs this site.',
    action: 'here',
  },
  'platform-outdated': {
    title: 'The gateway’s hardware has known security holes.',
    wayOut: 'Its operator has to update it. Nothing was sent; this page can answer.',
    action: 'here',
  },
  'seal-broken': {
    title: 'The sealed reply was damaged on its way.',
    wayOut: 'Somebody or something changed it, so it was thrown away. Try again.',
    action: 'here',
  },
  'clock-skewed': {
    title: 'This device’s clock is wrong.',
    wayOut:
      'So the gateway could not tell your question from an old one that somebody repeats. Set the clock.',
    action: 'here',
  },
  replayed: {
    title: 'The gateway got the same sealed question twice.',
    wayOut:
      'Something on the way repeated it, and it was answered once at most. Try again: it is sealed anew.',
    action: 'here',
  },
  'token-required': {
    title: 'The gateway answers only those who may ask.',
    wayOut:
      'This page has nothing that says so. Whoever runs this site has to set that up; this page can still answer.',
    action: 'here',
  },
  'token-unavailable': {
    title: 'There are no tokens left to ask the cloud with.',
    wayOut:
      'Each question takes one, and new ones come after a while. Try again later, or let this page answer.',
    action: 'here',
  },
  'token-refused': {
    title: 'The gateway did not accept this page’s token.',
    wayOut: 'It may have expired. Try again: the next question takes another one.',
    action: 'here',
  },
  'token-spent': {
    title: 'The token for this question was used before.',
    wayOut: 'A token pays for one question. Try again: the next one takes another.',
    action: 'here',
  },
  'upstream-unauthorized': {
    title: 'The cloud model refused the gateway.',
    wayOut: 'Whoever runs the gateway has to renew its access. This page can still answer.',
    action: 'here',
  },
  'upstream-rate-limited': {
    title: 'The cloud model is busy.',
    wayOut: 'Wait a little and try again, or let this page answer.',
    action: 'here',
  },
  'upstream-failed': {
    title: 'The cloud model failed.',
    wayOut: 'Try again, or let this page answer.',
    action: 'here',
  },
  'upstream-interrupted': {
    title: 'The answer broke off.',
    wayOut: 'What had arrived is kept above. Try again for all of it.',
    action: 'here',
  },
  offline: {
    title: 'You are offline.',
    wayOut: 'This page can answer without a network. The cloud has to wait.',
    action: 'here',
  },
  disposed: {
    title: 'The model was shut down.',
    wayOut: 'Reload the page.',
    action: 'reload',
  },
  internal: {
    title: 'Something in this page broke.',
    wayOut: 'That is a defect. Your conversation is kept; reload the page.',
    action: 'reload',
  },
};

/** What a person is told where one path alone showed another key, which nothing was sealed to. */
export const TARGETED =
  'The gateway also showed a key by one path only. It may have been made to recognize you, so nothing was sealed to it.';

export interface ModeWords {
  mode: Mode;
  name: string;
  meaning: string;
}

export const MODES: readonly ModeWords[] = [
  { mode: 'local-only', name: 'Only this page', meaning: 'Nothing you write leaves this device.' },
  {
    mode: 'prefer-local',
    name: 'Prefer this page',
    meaning: 'The cloud is asked only where it should do much better.',
  },
  {
    mode: 'prefer-cloud',
    name: 'Prefer the cloud',
    meaning: 'Recognized personal details become placeholders; what must not leave stays.',
  },
  {
    mode: 'cloud-only',
    name: 'Only the cloud',
    meaning: 'The model in this page is never used. What must not leave is refused.',
  },
];

/** The words of a mode. */
export function modeWords(mode: Mode): ModeWords {
  const words = MODES.find((each) => each.mode === mode);
  if (words === undefined) throw new Error(`mode ${mode} has no words`);
  return words;
}

export const KINDS: Record<EntityKind, string> = {
  EMAIL: 'e-mail address',
  PHONE: 'phone number',
  CARD: 'card number',
  IBAN: 'bank account number',
  BANK_ACCOUNT: 'bank account',
  CRYPTO_ADDRESS: 'wallet address',
  SSN: 'social security number',
  NATIONAL_ID: 'identity number',
  TAX_ID: 'tax number',
  PASSPORT: 'passport number',
  DRIVER_LICENSE: 'driver’s licence',
  MEDICAL_RECORD: 'medical record',
  LICENSE_NUMBER: 'licence number',
  IP_ADDRESS: 'IP address',
  MAC_ADDRESS: 'hardware address',
  DEVICE_ID: 'device number',
  VEHICLE_ID: 'vehicle number',
  COORDINATES: 'position',
  PERSON: 'name',
  USER_NAME: 'user name',
  ORGANIZATION: 'organisation',
  LOCATION: 'place',
  ADDRESS: 'address',
  GROUP: 'group',
  DATE_OF_BIRTH: 'birth date',
  DATE: 'date',
  AGE: 'age',
  DOMAIN: 'web address',
  URL_CREDENTIAL: 'password in a link',
  API_KEY: 'access key',
  AMOUNT: 'amount of money',
  PRIVATE: 'private text',
};

export const PHASES: Record<Progress['phase'], string> = {
  manifest: 'Asking for the model',
  download: 'Downloading',
  verify: 'Checking every byte',
  upload: 'Loading into memory',
  compile: 'Preparing the kernels',
  selftest: 'Testing them',
};

/** The badge over an answer. */
export function badge(source: Receipt['source'] | Route['target']): string {
  if (source === 'local') return 'In this page';
  // Of what the page began, nothing was shown.
  return 'Through the relay';
}

const DOUBTS: Record<DoubtCause, string> = {
  unsure: 'This answer may be wrong: the model on this device was unsure.',
  empty: 'The model on this device had no answer.',
  loop: 'This answer may be wrong: it repeats itself.',
  'cut-off': 'This answer may not be whole: it breaks off.',
  'other-script': 'This answer may be wrong: it is not written as the question is.',
  refusal: 'The model on this device would not answer.',
  'no-json': 'This answer may be wrong: JSON was asked for, and there is none.',
};

/** What a person is told of a doubtful answer, and why nobody else answered. */
export function doubtWords(doubt: Doubt, reasons: readonly Reason[]): string {
  const after = reasons.slice(reasons.findIndex(({ code }) => code === 'local-doubtful') + 1);
  // What the person chose, or whoever runs this site, they know.
  const told = after.filter(({ code }) => code !== 'mode-local-only' && code !== 'cloud-not-configured');
  // The receipt also says how it failed.
  const failed = told[0]?.code === 'escalation-failed';
  const whyHere = failed ? 'The cloud was asked instead and could not answer.' : why(told);
  return whyHere === '' ? DOUBTS[doubt.cause] : `${DOUBTS[doubt.cause]} ${whyHere}`;
}

/** What a person is told when something has changed since this page began to learn from them. */
export const DRIFTS: Record<Drift, string> = {
  confidence: 'The model on this device has become less sure of its answers.',
  complaints: 'You find fault with more answers of this page than before.',
};

/** Why that may be, and what follows. */
export const DRIFTED =
  'Perhaps you ask other things now. Until you start afresh, this page is at least as careful as at first.';

/** The reason that decided, as a sentence. */
export function why(reasons: readonly Reason[]): string {
  const first = reasons[0]?.text.trim() ?? '';
  if (first === '') return '';
  const sentence = first.charAt(0).toUpperCase() + first.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

/** 98362432 is "98.4 MB": decimal, as browsers and download dialogs count. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} ${count === 1 ? 'byte' : 'bytes'}`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = count / 1000;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(1).replace(/\.0$/, '')} ${units[unit]}`;
}

/** 840 is "840 ms", 2140 is "2.1 s". */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** So many tokens may be held back until it is known whether the answer will stand; they are then shown at once. */
const HELD_BACK = 8;

/**
 * Tokens per second after the first; undefined where there is no span to measure. Of an answer that may have been held
 * back only the tokens after those count, so that it is never said to be faster than it was.
 */
export function tokensPerSecond(receipt: Receipt): number | undefined {
  const tokens = receipt.source === 'local' ? receipt.usage.local.completion_tokens : 0;
  const timed = tokens - (receipt.calibrated ? HELD_BACK : 1);
  const seconds = (receipt.ms.total - receipt.ms.first) / 1000;
  return timed > 0 && seconds > 0 ? timed / seconds : undefined;
}

/** 7.26 is "7.3 tokens/s", 42.1 is "42 tokens/s". */
export function rate(tokensPerSecond: number): string {
  return `${tokensPerSecond.toFixed(tokensPerSecond < 10 ? 1 : 0)} tokens/s`;
}

/** "CPU, simd128, 2 threads" or "WebGPU, Apple M2": as the engine and the adapter call themselves. */
export function deviceWords(device: Stats['device']): string {
  if (device === undefined) return '';
  const name = device.backend === 'webgpu' ? 'WebGPU' : 'CPU';
  return [name, device.adapter ?? '', threadWords(device)].filter((part) => part !== '').join(', ');
}

/** "2 threads"; one is nothing to tell of. */
export function threadWords({ threads = 1 }: NonNullable<Stats['device']>): string {
  return threads > 1 ? `${threads} threads` : '';
}

/** Pieces before a rate is shown: one or two are no rate. */
const PIECES = 4;

/**
 * How fast an answer came, or is coming, and from what. While it grows, its pieces of text stand for tokens; at
 * its end the engine has counted. What the cloud sends is pieces of any length, so it gets no rate.
 */
export function figures({ state, source, receipt, pace, device }: FiguresOf): string[] {
  const words: string[] = [];
  const local = source === 'local';
  if (receipt !== undefined) {
    const speed = tokensPerSecond(receipt);
    if (speed !== undefined) words.push(rate(speed));
  } else if (local && pace !== undefined && pace.pieces >= PIECES && pace.spanMs > 0) {
    words.push(rate(((pace.pieces - 1) * 1000) / pace.spanMs));
  }
  const first = receipt?.ms.first ?? pace?.firstMs;
  // Of a doubtful answer more is said than a figure; and below one half the figure says more of the hard questions that the
  // model was calibrated with than of this one.
  if (
    local &&
    receipt?.calibrated === true &&
    receipt.confidence !== undefined &&
    receipt.confidence >= 0.5 &&
    receipt.doubt === undefined
  ) {
    words.push(`${Math.round(receipt.confidence * 100)}% sure`);
  }
  if (first !== undefined) words.push(`first word after ${duration(first)}`);
  if (receipt !== undefined && state !== 'running') words.push(`${duration(receipt.ms.total)} in all`);
  if (local && device !== undefined) words.push(deviceWords(device));
  return words;
}

type FiguresOf = Pick<Answer, 'state' | 'receipt' | 'pace' | 'device'> & {
  source: Receipt['source'] | undefined;
};

/** "2 e-mail addresses and 1 card number". */
export function countKinds(kinds: readonly EntityKind[]): string {
  const counts = new Map<EntityKind, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return listed([...counts].map(([kind, n]) => `${n} ${n === 1 ? KINDS[kind] : plural(KINDS[kind])}`));
}

/** "a, b and c". */
function listed(parts: readonly string[]): string {
  const last = parts.at(-1) ?? '';
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(', ')} and ${last}`;
}

function plural(words: string): string {
  if (words.startsWith('password')) return words.replace('password', 'passwords').replace('a link', 'links');
  if (words.startsWith('amount')) return words.replace('amount', 'amounts');
  return words.endsWith('address') ? `${words}es` : `${words}s`;
}

const TOPICS: Record<Topic, string> = {
  health: 'health',
  finance: 'money',
  legal: 'law',
  minors: 'a child',
  'racial-or-ethnic-origin': 'origin',
  'political-opinions': 'politics',
  beliefs: 'belief',
  'trade-union': 'a trade union',
  genetic: 'genes',
  biometric: 'biometric features',
  'sex-life': 'sex life',
};

/** "It seems to be about personal matters: health and money." Empty without a topic. */
export function aboutTopics(topics: Preview['topics']): string {
  if (topics.length === 0) return '';
  return `It seems to be about personal matters: ${listed(topics.map(({ topic }) => TOPICS[topic]))}.`;
}

/** What of a request may not leave: "1 access key and what it says of health". */
export function whatMayNotLeave({ messages, topics }: Pick<Preview, 'messages' | 'topics'>): string {
  const stays = ({ class: privacy }: { class: PrivacyClass }) =>
    privacy === 'never-leaves' || privacy === 'restricted';
  const kinds = messages.flatMap(({ findings }) => findings.filter(stays)).map(({ kind }) => kind);
  const parts = [
    countKinds(kinds),
    ...topics.filter(stays).map(({ topic }) => `what it says of ${TOPICS[topic]}`),
  ];
  return listed(parts.filter((part) => part !== '')) || 'Something in it';
}

/** Who wrote a message. */
export const ROLES: Record<Role, string> = {
  system: 'Instructions of this page',
  user: 'You',
  assistant: 'Answer',
  tool: 'Tool',
};

/** Why a mask cannot be taken off; undefined where the person may. */
export function whyMasked({ class: privacy }: Pick<PreviewFinding, 'class'>): string | undefined {
  if (privacy === 'never-leaves') return 'never leaves, not even behind a placeholder';
  return privacy === 'restricted' ? 'leaves only masked, and only to hardware that was verified' : undefined;
}

/** What a person is told when their conversation cannot be kept, or was lost. */
export const TROUBLE: Record<Trouble, string> = {
  off: 'This browser keeps nothing for this page: the conversation ends when the page is closed.',
  full: 'This browser has no room to keep the conversation: what is new is gone when the page is closed.',
  lost: 'The last conversation is lost: the key that could open it is gone, or what was kept was changed.',
};

/** When what the person hid or showed by hand could not be taken over. */
export const EDITS_LOST =
  'This conversation was kept by another version of this page: what you hid by hand has to be hidden again.';

/** What became of the placeholders in an answer. */
export function cameBack({
  restored,
  withheld,
  uncertain,
  invented,
  dropped,
}: Pick<Receipt, 'restored' | 'withheld' | 'uncertain' | 'invented' | 'dropped'>): string {
  const places = (count: number) => `${count} ${count === 1 ? 'place' : 'places'}`;
  const sentences = [
    restored === 0
      ? 'None of them came back in the answer.'
      : `Put back into the answer in ${places(restored)}.`,
  ];
  if (withheld > 0)
    sentences.push(`Kept out of a link, which could carry them away, in ${places(withheld)}.`);
  if (uncertain > 0) sentences.push(`The answer may mean one of them in ${places(uncertain)} more.`);
  if (invented > 0) sentences.push(`It names some that never left in ${places(invented)}.`);
  if (dropped.length > 0) sentences.push(`The answer left out ${dropped.join(', ')}.`);
  return sentences.join(' ');
}

/** Cuts a text before and after every one of `parts`; joined again it is the text. */
export function splitAt(text: string, parts: readonly string[]): string[] {
  if (parts.length === 0) return [text];
  const escaped = parts.map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return text.split(new RegExp(`(${escaped.join('|')})`)).filter((part) => part !== '');
}

/** JSON with line breaks; any other text as it is. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
