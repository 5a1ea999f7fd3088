import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { test } from 'vitest';
import { Browser } from '../harness/chromium.ts';
import { create } from '../harness/package.ts';
import { places } from '../harness/places.ts';
import { readJob } from './job.ts';
import { tidegate } from './runtimes/tidegate.ts';
import { FileServer } from './serve.ts';

/** What `cargo xtask bench privacy` wants to have measured. */
interface Job {
  /** The browser. */
  chromium: string;
  /** How many texts of 1,000 characters. */
  texts: number;
  /** Where the result goes, as JSON. */
  out: string;
}

/** How long `preview` takes, from the page's call to its result: the worker, and the way there and back. */
interface Row {
  /** What the text is. */
  text: string;
  /** Of texts of 1,000 characters. */
  p50Ms: number;
  p99Ms: number;
  /** Medians. */
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

/** Before the browser has optimized the module, times are of its interpreter. */
const WARM_UP = 200;

test('finding, in a page', async () => {
  const job = readJob<Job>();
  const html = `<!doctype html><title>Privacy</title><script type="module">${tidegate.page}</script>`;
  const server = await FileServer.start({ '/tidegate/': places.packageDist }, { '/': html });
  const browser = await Browser.start({ executable: job.chromium });
  try {
    const page = await browser.open(server.url);
    const failed = await create(page, {
      cloud: { relays: ['https://relay.example/'], keys: keysOfNobody() },
    });
    if (failed !== undefined) throw new Error(failed.message);
    const rows: Row[] = [];
    for (const [text, pattern] of Object.entries(PATTERNS)) {
      await times(page, pattern, 1_000, WARM_UP);
      const short = await times(page, pattern, 1_000, job.texts);
      rows.push({
        text,
        p50Ms: quantile(short, 0.5),
        p99Ms: quantile(short, 0.99),
        msOfTenThousand: quantile(await times(page, pattern, 10_000, 20), 0.5),
        msOfHundredThousand: quantile(await times(page, pattern, 100_000, 5), 0.5),
      });
    }
    writeFileSync(job.out, JSON.stringify(rows));
  } finally {
    await browser.stop();
    await server.stop();
  }
});

/** Milliseconds of each of `count` previews of different texts of so many characters. */
function times(page: Page, pattern: string, characters: number, count: number): Promise<number[]> {
  return page.evaluate(
    async ({ pattern, characters, count }) => {
      const times: number[] = [];
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
        const start = performance.now();
        await window.instance.preview(request);
        times.push(performance.now() - start);
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

/** An `application/ohttp-keys` list (RFC 9458, 3.2) of one X25519 key: a cloud that is set up and never asked. */
function keysOfNobody(): string {
  const { x } = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' });
  if (x === undefined) throw new Error('the key has no public part');
  // Key id 0, KEM 0x0020, the key, one suite: HKDF-SHA256, AES-128-GCM.
  const config = Buffer.concat([
    Buffer.from([0, 0x00, 0x20]),
    Buffer.from(x, 'base64url'),
    Buffer.from([0, 4, 0, 1, 0, 1]),
  ]);
  const length = Buffer.from([0, config.length]);
  return Buffer.concat([length, config]).toString('base64');
}
