import { writeFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { test } from 'vitest';
import { readJob } from './job.ts';
import { withCloud } from './with-cloud.ts';

/** What `cargo xtask bench privacy` wants to have measured. */
interface Job {
  /** The browser. */
  chromium: string;
  /** How many texts of 1,000 characters. */
  texts: number;
  /** Where the result goes, as JSON. */
  out: string;
}

/** How long everything personal in a text takes to find, with what would leave instead of it. */
interface Row {
  /** What the text is. */
  text: string;
  /** Of texts of 1,000 characters, in the engine's worker. */
  p50Ms: number;
  p99Ms: number;
  /** The same from the page's call of `preview` to its result: to the worker and back. */
  pageP50Ms: number;
  pageP99Ms: number;
  /** Medians, in the worker. */
  msOfTenThousand: number;
  msOfHundredThousand: number;
}

/**
 * Texts that are repeated: prose with values, and what makes a pattern try again at every place. `#` becomes a number
 * that is another one each time, so that values differ.
 */
const PATTERNS = {
  'prose with values':
    'Dear Ada#, call (415) 555-0132 or write to ada#@example.com about the house in London. ',
  words: 'the quick brown fox jumps over the lazy dog and ',
  names: 'Ada Lovelace met Charles Babbage in London, ',
  digits: '1234567890',
  numbers: '12-34 56.78 ',
  'at signs': 'a@',
  base64: 'QWxhZGRpbjpvcGVuIHNlc2FtZQ',
  'letters beyond ASCII': 'Жé🦀漢',
};

/** Before the browser has optimized the module, times are of its first, quick code. */
const WARM_UP = 200;

test('finding, in a page', async () => {
  const job = readJob<Job>();
  await withCloud(job.chromium, async (page) => {
    const rows: Row[] = [];
    for (const [text, pattern] of Object.entries(PATTERNS)) {
      await times(page, pattern, 1_000, WARM_UP);
      const short = await times(page, pattern, 1_000, job.texts);
      const [ten, hundred] = [await times(page, pattern, 10_000, 20), await times(page, pattern, 100_000, 5)];
      rows.push({
        text,
        p50Ms: quantile(short.inWorker, 0.5),
        p99Ms: quantile(short.inWorker, 0.99),
        pageP50Ms: quantile(short.inPage, 0.5),
        pageP99Ms: quantile(short.inPage, 0.99),
        msOfTenThousand: quantile(ten.inWorker, 0.5),
        msOfHundredThousand: quantile(hundred.inWorker, 0.5),
      });
    }
    writeFileSync(job.out, JSON.stringify(rows));
  });
});

/** Milliseconds of each of `count` texts of so many characters: of finding itself, and of the page's call of `preview`. */
interface Times {
  inWorker: number[];
  inPage: number[];
}

function times(page: Page, pattern: string, characters: number, count: number): Promise<Times> {
  return page.evaluate(
    async ({ pattern, characters, count }) => {
      const times: Times = { inWorker: [], inPage: [] };
      let number = 0;
      for (let i = 0; i < count; i += 1) {
        const content: string[] = [];
        while (content.length < characters) {
          number += 1;
          content.push(...pattern.replaceAll('#', String(number)));
        }
        const request = {
          messages: [{ role: 'user' as const, content: content.slice(0, characters).join('') }],
        };
        times.inWorker.push((await window.instance.diagnostics.detectionCost(request)).ms);
        const start = performance.now();
        await window.instance.preview(request);
        times.inPage.push(performance.now() - start);
      }
      return times;
    },
    { pattern, characters, count },
  );
}

function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
