import type { ChatRequest, Preview, PreviewFinding, PreviewMessage } from 'tidegate';

/** A stretch of a message as its author wrote it. */
export interface Part {
  text: string;
  /** What was recognized there, and what leaves in its place; undefined where nothing was. */
  finding?: PreviewFinding;
}

/** Whether something else leaves in the place of what is written there. */
export function isMasked(part: Part): part is Part & { finding: PreviewFinding } {
  return part.finding !== undefined && part.finding.leavesAs !== part.text;
}

/**
 * A message cut at what was recognized in it: with each of these replaced it is what leaves. Undefined where that
 * is not so, because the two do not belong together; a diff of them would show something that is not true.
 */
export function partsOf(original: string, { text, findings }: PreviewMessage): Part[] | undefined {
  const parts: Part[] = [];
  let at = 0;
  for (const finding of findings) {
    const { start, end } = finding;
    if (start < at || end > original.length) return undefined;
    if (start > at) parts.push({ text: original.slice(at, start) });
    parts.push({ text: original.slice(start, end), finding });
    at = end;
  }
  if (at < original.length) parts.push({ text: original.slice(at) });
  const leaves = parts.map((part) => part.finding?.leavesAs ?? part.text).join('');
  return leaves === text ? parts : undefined;
}

/** What leaves, of a preview. */
type Leaving = Pick<Preview, 'messages'>;

/** What would leave in two previews is the same. */
export function leavesTheSame(one: Leaving, other: Leaving): boolean {
  return JSON.stringify(one.messages.map(texts)) === JSON.stringify(other.messages.map(texts));
}

/** Whether the messages of a request body, as a receipt has it, are those of a preview. */
export function isWhatLeft(preview: Leaving, body: string): boolean {
  let left: Partial<ChatRequest>;
  try {
    left = JSON.parse(body) as Partial<ChatRequest>;
  } catch {
    return false;
  }
  const messages = left.messages?.map(({ role, content }) => ({ role, text: content }));
  return JSON.stringify(messages) === JSON.stringify(preview.messages.map(texts));
}

function texts({ role, text }: PreviewMessage): Pick<PreviewMessage, 'role' | 'text'> {
  return { role, text };
}
