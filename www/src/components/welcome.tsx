import type { Mode } from 'tidegate';
import { ask, bringBack, putAway } from '../chat.ts';
import { canAsk, mode, model } from '../session.ts';
import { focusComposer } from './composer.tsx';
import { ModelCard } from './model-card.tsx';

const WORDS: Record<Mode, { title: string; text: string }> = {
  'local-only': {
    title: 'Nothing leaves this page.',
    text: 'The model runs right here, on your device. The gate is shut.',
  },
  'prefer-local': {
    title: 'Answered here, if it can be.',
    text: 'The gate opens only for a question that needs more. Your details stay behind as placeholders.',
  },
  'prefer-cloud': {
    title: 'Out through the gate, without your details.',
    text: 'They stay here as placeholders. The rest is sealed, and carried by a relay that cannot read it.',
  },
  'cloud-only': {
    title: 'Out through the gate, without your details.',
    text: 'They stay here as placeholders. The rest is sealed, and carried by a relay that cannot read it.',
  },
};

const EXAMPLES: Record<'local' | 'cloud', readonly string[]> = {
  local: [
    'What is the capital of France?',
    'Explain the tides to a ten-year-old.',
    'Write a polite note that moves a meeting to Thursday.',
  ],
  cloud: [
    'Write to anna.berg@example.com that her order has shipped.',
    'My card 4111 1111 1111 1111 was charged twice. Draft a complaint.',
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
              It runs inside this page, on your device. A question leaves only if you open the gate: without
              your details, sealed, and carried by a relay that cannot read it.
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
            The conversation is forgotten.
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
