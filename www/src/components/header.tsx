import { useEffect, useState } from 'preact/hooks';
import { newConversation, turns } from '../chat.ts';
import { keep, kept, type Theme } from '../kept.ts';
import { mode, online } from '../session.ts';
import { focusComposer } from './composer.tsx';
import { Gate } from './gate.tsx';
import { MoonIcon, NewIcon, SunIcon } from './icons.tsx';

export function Header() {
  return (
    <header class="header">
      <p class="brand">
        <Gate open={mode.value !== 'local-only'} size={26} />
        <span>Tidegate</span>
      </p>
      {!online.value && (
        <p class="offline" role="status">
          Offline
        </p>
      )}
      <div class="header-tools">
        <button
          type="button"
          class="button quiet new"
          disabled={turns.value.length === 0}
          onClick={() => {
            newConversation();
            focusComposer();
          }}
        >
          <NewIcon />
          <span>New conversation</span>
        </button>
        <ThemeButton />
      </div>
    </header>
  );
}

const systemIsDark = matchMedia('(prefers-color-scheme: dark)');

function ThemeButton() {
  const [chosen, choose] = useState<Theme | undefined>(kept.theme());
  const [system, setSystem] = useState<Theme>(systemIsDark.matches ? 'dark' : 'light');
  useEffect(() => {
    const onChange = () => setSystem(systemIsDark.matches ? 'dark' : 'light');
    systemIsDark.addEventListener('change', onChange);
    return () => systemIsDark.removeEventListener('change', onChange);
  }, []);
  const next: Theme = (chosen ?? system) === 'dark' ? 'light' : 'dark';
  return (
    <button
      type="button"
      class="button icon"
      aria-label={`Switch to ${next} colours`}
      onClick={() => {
        document.documentElement.dataset.theme = next;
        keep.theme(next);
        choose(next);
      }}
    >
      {next === 'dark' ? <MoonIcon /> : <SunIcon />}
    </button>
  );
}
