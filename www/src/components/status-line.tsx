import { turns } from '../chat.ts';
import { worksOffline } from '../offline.ts';
import { card, model, stats } from '../session.ts';
import { PHASES, rate, threadWords, tokensPerSecond } from '../words.ts';

/** The line under the composer: which model, on what, how fast. */
export function StatusLine() {
  return (
    <p class="status-line" data-testid="status">
      {parts().map((part) => (
        <span key={part}>{part}</span>
      ))}
    </p>
  );
}

function parts(): string[] {
  const { value } = model;
  if (value.kind === 'checking') return ['Looking for the model'];
  if (value.kind === 'loading' && !value.fetching) {
    const { progress } = value;
    const share =
      progress === undefined || progress.total === 0 ? '' : percent(progress.loaded / progress.total);
    return [`${PHASES[progress?.phase ?? 'upload']} ${share}`.trim()];
  }
  if (value.kind !== 'ready') return ['No model in this page yet'];
  const device = stats.value?.device;
  const speed = lastSpeed();
  return [
    card.value?.name ?? stats.value?.model?.name ?? '',
    device === undefined ? '' : device.backend === 'webgpu' ? 'WebGPU' : 'CPU',
    device === undefined ? '' : threadWords(device),
    speed === undefined ? '' : rate(speed),
    worksOffline.value ? 'Works offline' : '',
  ].filter((part) => part !== '');
}

/** Of the last answer that was made in this page. */
function lastSpeed(): number | undefined {
  const speeds = turns.value.map(({ answer: { receipt } }) => receipt && tokensPerSecond(receipt));
  return speeds.findLast((speed) => speed !== undefined);
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
