import { invalid } from './errors.js';
import type {
  ChatRequest,
  EntityKind,
  MaskEdits,
  MasksEdited,
  Policy,
  Preview,
  PreviewFinding,
  Replaced,
} from './types.gen.js';

const EMAIL = String.raw`[\w.+-]+@[\w-]+(?:\.[\w-]+)+`;

interface Saved {
  version: 1;
  values: { value: string; kind: EntityKind; placeholder: string }[];
  /** In lower case. */
  hidden: [text: string, kind: EntityKind][];
  /** In lower case. */
  shown: string[];
}

/**
 * What the stand-in for tests masks: e-mail addresses, of the class that a policy gives them, and what was hidden by
 * hand. No topics and no terms. Enough to show what a preview looks like, and what edits do to it.
 */
export class TestVault {
  #saved: Saved = { version: 1, values: [], hidden: [], shown: [] };

  /** What would leave. */
  preview(request: ChatRequest, policy: Policy): Preview {
    return this.#mask(request, policy, [...this.#saved.values]);
  }

  /** What leaves: from now on its values keep their placeholders. */
  release(request: ChatRequest, policy: Policy): Preview {
    return this.#mask(request, policy, this.#saved.values);
  }

  edit({ hide = [], show = [] }: MaskEdits): MasksEdited {
    const { hidden, shown } = this.#saved;
    const edited = new Set([...hide.map(({ text }) => text), ...show].map((text) => text.toLowerCase()));
    this.#saved.hidden = hidden.filter(([text]) => !edited.has(text));
    this.#saved.shown = shown.filter((text) => !edited.has(text));
    for (const { text, kind = 'PRIVATE' } of hide) this.#saved.hidden.push([text.toLowerCase(), kind]);
    this.#saved.shown.push(...show.map((text) => text.toLowerCase()));
    return { refused: [] };
  }

  save(): string {
    return JSON.stringify(this.#saved);
  }

  load(text: string): void {
    let saved: Partial<Saved> | undefined;
    try {
      saved = JSON.parse(text);
    } catch {
      // Said below.
    }
    if (saved?.version !== 1) throw invalid('loadVault: not a vault that this stand-in saved');
    this.#saved = saved as Saved;
  }

  forget(): void {
    this.#saved = { version: 1, values: [], hidden: [], shown: [] };
  }

  #mask(request: ChatRequest, { privacy }: Policy, values: Saved['values']): Preview {
    const emailClass = privacy.kinds.EMAIL ?? 'prefer-not';
    const mayLeave = emailClass === 'public' || emailClass === 'prefer-not';
    let blocked = false;
    const used = new Map<string, Replaced>();
    const messages = request.messages.map(({ role, content }) => {
      const findings: PreviewFinding[] = [];
      const text = content.replace(this.#pattern(), (value, start: number) => {
        const lower = value.toLowerCase();
        const kind = this.#saved.hidden.find(([text]) => text === lower)?.[1];
        const span = { start, end: start + value.length, kind: kind ?? ('EMAIL' as const), score: 1 };
        const shown = emailClass === 'public' || (mayLeave && this.#saved.shown.includes(lower));
        if (kind === undefined && shown) {
          findings.push({ ...span, class: 'public', leavesAs: value });
          return value;
        }
        const placeholder = placeholderOf(value, span.kind, values);
        const spanClass = span.kind === 'EMAIL' && emailClass !== 'public' ? emailClass : 'prefer-not';
        blocked ||= spanClass !== 'prefer-not';
        findings.push({ ...span, class: spanClass, leavesAs: placeholder });
        used.set(placeholder, { placeholder, kind: span.kind });
        return placeholder;
      });
      return { role, text, findings };
    });
    return { messages, replaced: [...used.values()], topics: [], blocked };
  }

  #pattern(): RegExp {
    const hidden = this.#saved.hidden.map(([text]) => text).sort((a, b) => b.length - a.length);
    const words = hidden.map((text) => `(?<![\\p{L}\\p{N}])${escaped(text)}(?![\\p{L}\\p{N}])`);
    return new RegExp([...words, EMAIL].join('|'), 'giu');
  }
}

function placeholderOf(value: string, kind: EntityKind, values: Saved['values']): string {
  const known = values.find((each) => each.value === value && each.kind === kind);
  if (known !== undefined) return known.placeholder;
  const placeholder = `[${kind}_${values.filter((each) => each.kind === kind).length + 1}]`;
  values.push({ value, kind, placeholder });
  return placeholder;
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
