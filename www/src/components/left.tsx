import { useState } from 'preact/hooks';
import type { Message, Preview, Receipt, Sent } from 'tidegate';
import type { Answer } from '../conversation.ts';
import { isWhatLeft } from '../diff.ts';
import { bytes, cameBack, KINDS, pretty, TARGETED } from '../words.ts';
import { CopyButton } from './copy.tsx';
import { PreviewDiff } from './diff.tsx';
import { Placeholders } from './placeholders.tsx';

/** The panel under every answer: exactly what left the device for it. `asked` are the messages as they were written. */
export function Left({ answer, asked }: { answer: Answer; asked(): readonly Message[] }) {
  const [open, setOpen] = useState(false);
  const { receipt } = answer;
  const mayHaveLeft = receipt === undefined && answer.preview !== undefined;
  // A reply came, so the request had left.
  const hasLeft = mayHaveLeft && answer.text !== '';
  return (
    <details class="left" data-testid="left" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        What left this device
        <span class="amount">
          {receipt?.sent !== undefined
            ? `${bytes(receipt.sent.bytes)}, sealed`
            : mayHaveLeft
              ? 'Perhaps this'
              : 'Nothing'}
        </span>
      </summary>
      {!open ? null : receipt?.sent !== undefined ? (
        <SentView sent={receipt.sent} receipt={receipt} preview={answer.preview} asked={asked()} />
      ) : mayHaveLeft && answer.preview !== undefined ? (
        <div class="left-body">
          <p>
            This answer broke off before its receipt.{' '}
            {hasLeft
              ? 'This left, sealed:'
              : 'If the request was already on its way, this was in it, sealed:'}
          </p>
          <PreviewDiff asked={asked()} preview={answer.preview} />
        </div>
      ) : (
        <div class="left-body">
          <p data-testid="sent-nothing">Nothing. 0 bytes sent.</p>
        </div>
      )}
    </details>
  );
}

interface SentProps {
  sent: Sent;
  receipt: Receipt;
  preview: Preview | undefined;
  asked: readonly Message[];
}

function SentView({ sent, receipt, preview, asked }: SentProps) {
  const { replaced } = receipt;
  return (
    <div class="left-body">
      {preview !== undefined && isWhatLeft(preview, sent.text) && (
        <>
          <h3>Your words, and what left in their place</h3>
          <PreviewDiff asked={asked} preview={preview} />
          <h3>The exact text</h3>
        </>
      )}
      <p>
        This text left, encrypted to the gateway’s key and padded. Line breaks are added for reading; the copy
        is exact.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long text scrolls, and scrolling needs the focus */}
      <pre class="sent" data-testid="sent" tabIndex={0}>
        <Placeholders text={pretty(sent.text)} replaced={replaced} />
      </pre>
      <CopyButton text={sent.text} label="Copy exact text" />
      {replaced.length > 0 && (
        <>
          <h3>Stayed here</h3>
          <ul class="replaced" data-testid="replaced">
            {replaced.map(({ placeholder, kind }) => (
              <li class="stayed" key={placeholder}>
                <mark>{placeholder}</mark> {KINDS[kind]}
              </li>
            ))}
          </ul>
          <p class="detail">{cameBack(receipt)}</p>
        </>
      )}
      {sent.targeted === undefined ? null : (
        <p class="detail" data-testid="targeted">
          {TARGETED}
        </p>
      )}
      <dl class="facts">
        <div>
          <dt>On the wire</dt>
          <dd>
            {sent.bytes.toLocaleString('en')} bytes
            {sent.attempts > 1 && `, in ${sent.attempts} attempts`}
          </dd>
        </div>
        <div>
          <dt>Carried by</dt>
          <dd>{sent.relay}</dd>
        </div>
        <div>
          <dt>Sealed to key</dt>
          <dd>
            <code>{sent.keyId}</code>
          </dd>
        </div>
      </dl>
    </div>
  );
}
