import type { Mode } from 'tidegate';
import { ask, bringBack, putAway } from '../chat.ts';
import { canAsk, mode, model } from '../session.ts';
import { focusComposer } from './composer.tsx';
import { ModelCard } from './model-card.tsx';

const OUT = {
  title: 'Out through the gate, sealed.',
  text: 'Personal details that are recognized stay here as placeholders. The rest goes encrypted, carried by a relay that cannot read it to a gateway that does not know you.',
};

const WORDS: Record<Mode, { title: string; text: string }> = {
  'local-only': {
    title: 'Nothing leaves this page.',
    text: 'The model runs right here, on your device. The gate is shut.',
  },
  'prefer-local': {
    title: 'Answered here, if it can be.',
    text: 'The gate opens only for a question that needs more. Personal details that are recognized stay behind as placeholders.',
  },
  'prefer-cloud': OUT,
  'cloud-only': OUT,
};

const EXAMPLES: Record<'local' | 'cloud', readonly string[]> = {
  local: [
    'What is the capital of France?',
    'Explain the tides to a ten-year-old.',
    'Give me three names for a boat.',
  ],
  cloud: [
    'My e-mail address is ada.lovelace@example.org and my card number is 4111 1111 1111 1111. What are my e-mail address and my card number?',
    'Rachel Zheng works for Northwind Bank and her e-mail address is rachel@northwind.example. What is her e-mail address?',
    'Why is there a tide on both sides of the Earth?',
  ],
};

/** An empty conversation. */
export function Welcome() {
  const first = model.value.kind !== 'ready' && (model.value.kind !== 'loading' || model.value.fetching);
  const words = WORDS[mode.value];
  const examples = EXAMPLES[mode.value === 'prefer-cloud' || mode.value === 'cloud-only' ? 'cloud' : 'local'];
  return (
    <div class={first && model.value.kind !== 'checking' ? 'welcome first' : 'welcome'}>
      <div class="statement">
        {first && model.value.kind !== 'checking' ? (
          <>
            <h1>A language model on your side of the gate.</h1>
            <p>
              It runs inside this page, on your device. Where you allow it, a question may leave: without the
              personal details that are recognized, sealed, and carried by a relay that cannot read it.
            </p>
          </>
        ) : (
          <>
            <h1>{words.title}</h1>
            <p>{words.text}</p>
          </>
        )}
        {canAsk.value && (
          <ul class="examples" aria-label="Examples">
            {examples.map((example) => (
              <li key={example}>
                <button
                  type="button"
                  onClick={() => {
                    void ask(example);
                    focusComposer();
                  }}
                >
                  {example}
                </button>
              </li>
            ))}
          </ul>
        )}
        {putAway.value !== undefined && (
          <p class="put-away" role="status">
            The conversation is forgotten. Until you ask again, this page can still bring it back.
            <button type="button" class="button quiet" onClick={bringBack}>
              Bring it back
            </button>
          </p>
        )}
      </div>
      <ModelCard />
    </div>
  );
}
