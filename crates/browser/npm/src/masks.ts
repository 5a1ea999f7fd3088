import { invalid } from './errors.js';
import { onlyKnown } from './fields.js';
import type { HiddenText, MaskEdits, Preview } from './types.gen.js';

/** Who is asked before something leaves: whether it may, or with which masks. */
export type Consent = (preview: Preview) => boolean | MaskEdits | Promise<boolean | MaskEdits>;

/** What was answered, checked: anything but `true` and edits keeps it here. */
export function consentData(answer: unknown): boolean | MaskEdits {
  if (typeof answer === 'object' && answer !== null) return parseEdits(answer as MaskEdits);
  return answer === true;
}

/**
 * Checks edits and copies them. Messages name the field and never its value, which is what the person wants hidden.
 */
export function parseEdits(edits: MaskEdits): Required<MaskEdits> {
  onlyKnown('edits', edits, ['hide', 'show']);
  return {
    hide: list('edits.hide', edits.hide).map((hidden, at) => parseHidden(`edits.hide[${at}]`, hidden)),
    show: list('edits.show', edits.show).map((shown, at) => text(`edits.show[${at}]`, shown)),
  };
}

function parseHidden(name: string, hidden: HiddenText): HiddenText {
  onlyKnown(name, hidden, ['text', 'kind']);
  const parsed: HiddenText = { text: text(`${name}.text`, hidden.text) };
  if (hidden.kind !== undefined) parsed.kind = hidden.kind;
  return parsed;
}

function list<T>(name: string, value: T[] | undefined): T[] {
  if (value !== undefined && !Array.isArray(value)) throw invalid(`${name}: expected a list`);
  return value ?? [];
}

function text(name: string, value: string): string {
  if (typeof value !== 'string' || value.trim() === '') {
    throw invalid(`${name}: expected a text that is not blank`);
  }
  if (!value.isWellFormed()) {
    throw invalid(`${name}: holds half a surrogate pair; use String.prototype.toWellFormed()`);
  }
  return value;
}
