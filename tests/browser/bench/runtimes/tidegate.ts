import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Page } from 'playwright-core';
import { create } from '../../harness/package.ts';
import { inRoot, places } from '../../harness/places.ts';
import type { Job } from '../job.ts';
import { type Runtime, versionOf } from './runtime.ts';

const MANIFEST = '/manifest.json';

/**
 * The system message that SmolLM2's template brings, but for its first word, which is a letter here. Tidegate
 * keeps the keys and values of earlier conversations: each answer needs a prompt that differs from its third
 * token on.
 */
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const SYSTEM = 'are a helpful AI assistant named SmolLM, trained by Hugging Face';

/** Answers so far, by page. */
const answers = new WeakMap<Page, number>();

export const tidegate: Runtime = {
  version: () => versionOf(inRoot('crates/browser'), 'npm'),
  page: `import * as tidegate from '/tidegate/index.js';
window.tidegate = tidegate;`,
  folders: ({ model }) => ({ '/tidegate/': places.packageDist, '/model/': dirname(model) }),

  texts({ model }) {
    const file = readFileSync(model);
    const manifest = {
      name: 'bench',
      url: `model/${basename(model)}`,
      bytes: file.length,
      sha256: createHash('sha256').update(file).digest('hex'),
      license: 'unknown',
      contextLength: 2048,
    };
    return { [MANIFEST]: JSON.stringify(manifest) };
  },

  async load(page, job) {
    const loadMs = await load(page, job);
    const { device } = await page.evaluate(() => window.instance.stats());
    return { loadMs, adapter: device?.adapter, threads: device?.threads };
  },

  async generate(page, { question }, tokens) {
    const answered = answers.get(page) ?? 0;
    answers.set(page, answered + 1);
    // The first answer is to the very prompt that the peers get.
    const word = answered === 0 ? undefined : LETTERS[(answered - 1) % LETTERS.length];
    return page.evaluate(
      async ({ system, question, tokens }) => {
        const start = performance.now();
        let first = Number.NaN;
        let last = Number.NaN;
        let text = '';
        const stream = await window.instance.chat.completions.create({
          messages: [...system, { role: 'user', content: question }],
          temperature: 0,
          max_tokens: tokens,
          stream: true,
        });
        for await (const chunk of stream) {
          const piece = chunk.choices[0]?.delta.content;
          if (typeof piece !== 'string' || piece === '') continue;
          last = performance.now() - start;
          if (text === '') first = last;
          text += piece;
        }
        const { usage } = await stream.receipt;
        return {
          firstMs: first,
          lastMs: last,
          // Those that were computed.
          promptTokens: usage.local.prompt_tokens - (window.instance.stats().last?.cachedTokens ?? 0),
          tokens: usage.local.completion_tokens,
          text,
        };
      },
      {
        system: word === undefined ? [] : [{ role: 'system' as const, content: `${word} ${SYSTEM}` }],
        question,
        tokens,
      },
    );
  },

  async dispatchMicroseconds(page) {
    const { issueMs } = await page.evaluate(() => window.instance.diagnostics.dispatchCost(300));
    return (issueMs * 1e3) / 300;
  },

  async loadAgain(page, job) {
    await page.evaluate(() => window.instance.dispose());
    return load(page, job);
  },
};

async function load(page: Page, { adapter, threads }: Job): Promise<number> {
  const start = performance.now();
  const device = adapter === null ? 'cpu' : 'webgpu';
  const failed = await create(page, { model: MANIFEST, device, threads });
  if (failed !== undefined) throw new Error(failed.message);
  const ms = performance.now() - start;
  const got = await page.evaluate(() => window.instance.stats().device);
  if (adapter === null && got?.threads !== threads) {
    throw new Error(`${threads} threads were asked for: ${got?.threadsReason}`);
  }
  return ms;
}
