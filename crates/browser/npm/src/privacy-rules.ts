import { invalid } from './errors.js';
import { oneOf, onlyKnown } from './fields.js';
import type {
  EntityKind,
  PrivacyClass,
  PrivacyLevel,
  PrivacyRules as PrivacyRulesData,
  ReplaceWith,
  Term,
  Topic,
} from './types.gen.js';

/** How personal data is handled. What is not named is as the preset says. */
export interface PrivacyRules {
  /** What these rules start from. Default: `balanced`. */
  preset?: PrivacyLevel;
  /** How far values of a kind may go. `API_KEY` and `URL_CREDENTIAL` never leave, whatever else is said here. */
  kinds?: Partial<Record<EntityKind, PrivacyClass>>;
  /** How far a whole request may go that is about a topic. */
  topics?: Partial<Record<Topic, PrivacyClass>>;
  /** The app's own sensitive texts, to be found as whole words whatever the case. */
  terms?: Term[];
  /** What leaves in the place of values of a kind. Default: a placeholder. */
  replace?: Partial<Record<EntityKind, ReplaceWith>>;
}

/** The least strict first. */
const CLASSES: readonly PrivacyClass[] = ['public', 'prefer-not', 'restricted', 'never-leaves'];
const PRESETS: readonly PrivacyLevel[] = ['careful', 'balanced'];
const REPLACEMENTS: readonly ReplaceWith[] = ['placeholder', 'surrogate', 'shift', 'generalise'];

/** The least strict class that a kind can have. A record, so that a kind that is missing here does not compile. */
const KINDS: Record<EntityKind, PrivacyClass> = {
  EMAIL: 'public',
  PHONE: 'public',
  CARD: 'public',
  IBAN: 'public',
  BANK_ACCOUNT: 'public',
  CRYPTO_ADDRESS: 'public',
  SSN: 'public',
  NATIONAL_ID: 'public',
  TAX_ID: 'public',
  PASSPORT: 'public',
  DRIVER_LICENSE: 'public',
  MEDICAL_RECORD: 'public',
  LICENSE_NUMBER: 'public',
  IP_ADDRESS: 'public',
  MAC_ADDRESS: 'public',
  DEVICE_ID: 'public',
  VEHICLE_ID: 'public',
  COORDINATES: 'public',
  PERSON: 'public',
  USER_NAME: 'public',
  ORGANIZATION: 'public',
  LOCATION: 'public',
  ADDRESS: 'public',
  GROUP: 'public',
  DATE_OF_BIRTH: 'public',
  DATE: 'public',
  AGE: 'public',
  DOMAIN: 'public',
  URL_CREDENTIAL: 'never-leaves',
  API_KEY: 'never-leaves',
  AMOUNT: 'public',
  PRIVATE: 'prefer-not',
};

const TOPICS: Record<Topic, PrivacyClass> = {
  health: 'public',
  finance: 'public',
  legal: 'public',
  minors: 'public',
  'racial-or-ethnic-origin': 'public',
  'political-opinions': 'public',
  beliefs: 'public',
  'trade-union': 'public',
  genetic: 'public',
  biometric: 'public',
  'sex-life': 'public',
};

/** Rules after checking, with nothing missing. `name` is what errors call them; no error holds a term's text. */
export function privacyRules(name: string, given: PrivacyLevel | PrivacyRules): PrivacyRulesData {
  const rules = typeof given === 'object' ? given : { preset: oneOf(name, given, PRESETS) };
  onlyKnown(name, rules, ['preset', 'kinds', 'topics', 'terms', 'replace']);
  return {
    preset: oneOf(`${name}.preset`, rules.preset ?? 'balanced', PRESETS),
    kinds: classes(`${name}.kinds`, 'kind', rules.kinds ?? {}, KINDS),
    topics: classes(`${name}.topics`, 'topic', rules.topics ?? {}, TOPICS),
    terms: terms(`${name}.terms`, rules.terms ?? []),
    replace: replacements(`${name}.replace`, rules.replace ?? {}),
  };
}

function classes<K extends string>(
  name: string,
  what: string,
  given: Partial<Record<K, PrivacyClass>>,
  least: Record<K, PrivacyClass>,
): Partial<Record<K, PrivacyClass>> {
  const checked: Partial<Record<K, PrivacyClass>> = {};
  for (const [key, value] of fields(name, what, given, least)) {
    checked[key] = classOf(`${name}.${key}`, value, least[key]);
  }
  return checked;
}

function replacements(
  name: string,
  given: Partial<Record<EntityKind, ReplaceWith>>,
): Partial<Record<EntityKind, ReplaceWith>> {
  const checked: Partial<Record<EntityKind, ReplaceWith>> = {};
  for (const [kind, value] of fields(name, 'kind', given, KINDS)) {
    checked[kind] = oneOf(`${name}.${kind}`, value, REPLACEMENTS);
  }
  return checked;
}

function terms(name: string, given: Term[]): Term[] {
  if (!Array.isArray(given)) throw invalid(`${name}: expected an array`);
  return given.map((term, i) => {
    const at = `${name}[${i}]`;
    onlyKnown(at, term, ['text', 'kind', 'class']);
    if (typeof term.text !== 'string' || term.text.trim() === '') {
      throw invalid(`${at}.text: expected a text to look for`);
    }
    if (!Object.hasOwn(KINDS, term.kind)) throw invalid(`${at}.kind: ${unknown(term.kind, 'kind', KINDS)}`);
    return { text: term.text, kind: term.kind, class: classOf(`${at}.class`, term.class, KINDS[term.kind]) };
  });
}

/** A class that is not laxer than what always holds: a rule that is ignored is a leak that nobody sees. */
function classOf(name: string, value: PrivacyClass, least: PrivacyClass): PrivacyClass {
  const allowed = CLASSES.slice(CLASSES.indexOf(least));
  return oneOf(name, value, allowed);
}

/** The fields that are given, all of which are known. */
function fields<K extends string, V>(
  name: string,
  what: string,
  given: Partial<Record<K, V>>,
  known: Record<K, PrivacyClass>,
): [K, V][] {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid(`${name}: expected an object, { ${what}: … }`);
  }
  const entries = Object.entries(given) as [K, V | undefined][];
  for (const [key] of entries) {
    if (!Object.hasOwn(known, key)) throw invalid(`${name}.${key}: ${unknown(key, what, known)}`);
  }
  return entries.filter((entry): entry is [K, V] => entry[1] !== undefined);
}

function unknown(key: unknown, what: string, known: object): string {
  return `${JSON.stringify(key)} is no ${what}; ${what}s are ${Object.keys(known).join(', ')}`;
}
