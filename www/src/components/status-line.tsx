import { worksOffline } from '../offline.ts';
import { card, model, stats } from '../session.ts';
import { PHASES } from '../words.ts';

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
  const { device, last } = stats.value ?? {};
  const speed =
    last !== undefined && last.decodeMs > 0 && last.completionTokens > 1
      ? (last.completionTokens - 1) / (last.decodeMs / 1000)
      : undefined;
  return [
    stats.value?.model?.name ?? card.value?.name ?? '',
    device === undefined ? '' : device.backend === 'webgpu' ? 'WebGPU' : 'CPU',
    speed === undefined ? '' : `${speed.toFixed(speed < 10 ? 1 : 0)} tokens/s`,
    worksOffline.value ? 'Works offline' : '',
  ].filter((part) => part !== '');
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
