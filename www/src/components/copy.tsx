import { useState } from 'preact/hooks';
import { CopyIcon } from './icons.tsx';

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [said, say] = useState('');
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => say('Copied'),
      () => say('Not allowed to copy'),
    );
  };
  return (
    <button type="button" class="button quiet" onClick={copy} onBlur={() => say('')}>
      <CopyIcon /> <span aria-live="polite">{said === '' ? label : said}</span>
    </button>
  );
}
