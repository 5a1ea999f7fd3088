import type { Page } from 'playwright-core';
import type { ChatRequest, ErrorCode, Policy, Progress, Receipt, TidegateOptions } from 'tidegate';

declare global {
  interface Window {
    /** Put there by the site's page. */
    tidegate: typeof import('tidegate');
    /** The instance that `create` made. */
    instance: import('tidegate').Tidegate;
    /** The last step of getting ready that `create` was told of. */
    progress: Progress | undefined;
  }
}

/** Options that can be sent into a page. */
export type Options = Pick<
  TidegateOptions,
  'calibration' | 'cloud' | 'dangerous' | 'device' | 'storage' | 'threads'
> & {
  model?: string;
  policy?: Pick<Policy, 'mode' | 'privacy'>;
  workerUrl?: string;
};

/** How a call ended: with an answer, or with an error and its code. */
export interface Ending {
  text: string;
  receipt?: Receipt;
  error?: { name: string; code?: ErrorCode; message: string; recoverable?: boolean };
  /** From the call, or from the stop if there was one, to the end. */
  ms: number;
}

/** Makes a Tidegate in the page; what it rejects with, or nothing. */
export async function create(page: Page, options: Options): Promise<Ending['error'] | undefined> {
  await page.waitForFunction(() => 'tidegate' in window);
  return page.evaluate(async (options) => {
    try {
      const onProgress = (progress: Progress): void => {
        window.progress = progress;
      };
      window.instance = await window.tidegate.createTidegate({ ...options, onProgress });
      return undefined;
    } catch (thrown) {
      const { name, code, message, recoverable } = thrown as InstanceType<
        typeof window.tidegate.TidegateError
      >;
      return { name, code, message, recoverable };
    }
  }, options);
}

/** Asks, streaming; with `stopAfter` leaves the answer after so many pieces of text. */
export async function ask(page: Page, request: ChatRequest, stopAfter?: number): Promise<Ending> {
  return page.evaluate(
    async ({ request, stopAfter }) => {
      const start = performance.now();
      let text = '';
      let stopped: number | undefined;
      const controller = new AbortController();
      try {
        const stream = await window.instance.chat.completions.create(
          { ...request, stream: true },
          { signal: controller.signal },
        );
        let pieces = 0;
        for await (const chunk of stream) {
          const piece = chunk.choices[0]?.delta.content;
          if (typeof piece !== 'string' || piece === '') continue;
          text += piece;
          pieces += 1;
          if (pieces === stopAfter) {
            stopped = performance.now();
            controller.abort();
          }
        }
        return { text, receipt: await stream.receipt, ms: performance.now() - start };
      } catch (thrown) {
        const { name, code, message, recoverable } = thrown as InstanceType<
          typeof window.tidegate.TidegateError
        >;
        const ms = performance.now() - (stopped ?? start);
        return { text, error: { name, code, message, recoverable }, ms };
      }
    },
    { request, stopAfter },
  );
}

/** One question of a person. */
export function question(content: string, more: Omit<ChatRequest, 'messages'> = {}): ChatRequest {
  return { messages: [{ role: 'user', content }], ...more };
}
