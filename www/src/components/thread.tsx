import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { turns } from '../chat.ts';
import { requestFor } from '../conversation.ts';
import { AnswerView } from './answer.tsx';
import { DriftNote } from './learned.tsx';
import { ModelCard } from './model-card.tsx';
import { Question } from './question.tsx';

/** The conversation. It follows a growing answer for as long as the reader stays at the end. */
export function Thread() {
  const follow = useRef(true);
  useEffect(() => {
    const onScroll = () => {
      const { scrollHeight, clientHeight, scrollTop } = document.documentElement;
      follow.current = scrollHeight - clientHeight - scrollTop < 80;
    };
    addEventListener('scroll', onScroll, { passive: true });
    return () => removeEventListener('scroll', onScroll);
  }, []);

  const count = turns.value.length;
  useLayoutEffect(() => {
    if (count > 0) follow.current = true;
  }, [count]);
  useLayoutEffect(() => {
    if (follow.current) scrollTo({ top: document.documentElement.scrollHeight });
  }, [turns.value]);

  return (
    <div class="thread">
      {turns.value.map((turn, i) => (
        <article class="turn" key={turn.id}>
          <Question text={turn.question} last={i === count - 1} />
          <AnswerView
            id={turn.id}
            answer={turn.answer}
            last={i === count - 1}
            asked={() => requestFor(turns.value.slice(0, i + 1)).messages}
          />
        </article>
      ))}
      <DriftNote />
      <ModelCard />
    </div>
  );
}
