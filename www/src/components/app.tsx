import { announcement, isKept, opened, trouble, turns, vault } from '../chat.ts';
import { EDITS_LOST, TROUBLE } from '../words.ts';
import { Composer } from './composer.tsx';
import { Header } from './header.tsx';
import { Thread } from './thread.tsx';
import { Welcome } from './welcome.tsx';

export function App() {
  return (
    <>
      <Header />
      <main data-kept={isKept.value}>
        {opened.value && <Conversation />}
        <p class="unseen" role="status" aria-live="polite">
          {announcement.value}
        </p>
      </main>
      <Composer />
    </>
  );
}

function Conversation() {
  return (
    <>
      <Trouble />
      {turns.value.length === 0 ? (
        <Welcome />
      ) : (
        <>
          <h1 class="unseen">Conversation</h1>
          <Thread />
        </>
      )}
    </>
  );
}

/** What a person should know about how their conversation is kept. */
function Trouble() {
  const words = [
    ...(trouble.value === undefined ? [] : [TROUBLE[trouble.value]]),
    ...(vault.editsLost.value ? [EDITS_LOST] : []),
  ];
  if (words.length === 0) return null;
  return (
    <p class="trouble" role="status" data-testid="trouble">
      {words.join(' ')}
    </p>
  );
}
