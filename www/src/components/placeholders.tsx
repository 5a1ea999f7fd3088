import type { Replaced } from 'tidegate';
import { KINDS, splitAt } from '../words.ts';

/** A text with its placeholders marked, so that it shows at a glance what stayed. */
export function Placeholders({ text, replaced }: { text: string; replaced: readonly Replaced[] }) {
  const kinds = new Map(replaced.map(({ placeholder, kind }) => [placeholder, KINDS[kind]]));
  return (
    <>
      {splitAt(text, [...kinds.keys()]).map((part, i) => {
        const kind = kinds.get(part);
        return kind === undefined ? (
          part
        ) : (
          <mark key={i} title={`${kind}: stayed here`}>
            {part}
          </mark>
        );
      })}
    </>
  );
}
