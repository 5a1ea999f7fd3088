import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { create } from '../../harness/package.ts';
import { inRoot, places } from '../../harness/places.ts';
import type { Job } from '../job.ts';
import { type Runtime, versionOf } from './runtime.ts';

const MANIFEST = '/manifest.json';

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
    return { loadMs, adapter: device?.adapter };
  },

  async generate(page, { question, prompt }, tokens) {
    return page.evaluate(
      async ({ question, other, tokens }) => {
        // Another prompt in between, or this one would be found in the key/value cache.
        await window.instance.diagnostics.greedy([other], 1);
        const start = performance.now();
        let first = Number.NaN;
        let last = Number.NaN;
        let text = '';
        const stream = await window.instance.chat.completions.create({
          messages: [{ role: 'user', content: question }],
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
          promptTokens: usage.local.prompt_tokens,
          tokens: usage.local.completion_tokens,
          text,
        };
      },
      { question, other: prompt.ids[0] === 0 ? 1 : 0, tokens },
    );
  },

  async loadAgain(page, job) {
    await page.evaluate(() => window.instance.dispose());
    return load(page, job);
  },
};

async function load(page: Parameters<Runtime['load']>[0], { adapter }: Job): Promise<number> {
  const start = performance.now();
  const failed = await create(page, { model: MANIFEST, device: adapter === null ? 'cpu' : 'webgpu' });
  if (failed !== undefined) throw new Error(failed.message);
  return performance.now() - start;
}
