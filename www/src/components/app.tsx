import { announcement, turns } from '../chat.ts';
import { Composer } from './composer.tsx';
import { Header } from './header.tsx';
import { Thread } from './thread.tsx';
import { Welcome } from './welcome.tsx';

export function App() {
  return (
    <>
      <Header />
      <main>
        {turns.value.length === 0 ? (
          <Welcome />
        ) : (
          <>
            <h1 class="unseen">Conversation</h1>
            <Thread />
          </>
        )}
        <p class="unseen" role="status" aria-live="polite">
          {announcement.value}
        </p>
      </main>
      <Composer />
    </>
  );
}
