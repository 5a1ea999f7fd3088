import { basename, dirname } from 'node:path';
import { type Runtime, versionOf } from './runtime.ts';

/** The part of the package that is used. */
interface Wllama {
  setCompat(compat: null): void;
  loadModel(blobs: Blob[], options: Record<string, number>): Promise<void>;
  getNumThreads(): number;
  createCompletion(options: {
    prompt: string;
    max_tokens: number;
    temperature: number;
    top_k: number;
    cache_prompt: boolean;
    stream: true;
    timings_per_token: boolean;
    onData(chunk: {
      choices?: { text?: string }[];
      timings?: { predicted_n: number; prompt_n: number };
    }): void;
  }): Promise<unknown>;
}

declare global {
  interface Window {
    Wllama: new (paths: { default: string }) => Wllama;
    wllama: Wllama;
  }
}

const CONTEXT = 2048;
const ALL_LAYERS = 99_999;

/** llama.cpp compiled to wasm. */
export const wllama: Runtime = {
  version: ({ packages }) => versionOf(packages, '@wllama/wllama'),
  page: `import { Wllama } from '/packages/@wllama/wllama/esm/index.js';
window.Wllama = Wllama;`,
  folders: ({ packages, model }) => ({ '/packages/': packages, '/model/': dirname(model) }),

  async load(page, { model, threads, adapter }) {
    return page.evaluate(
      async ({ url, options }) => {
        const start = performance.now();
        window.wllama = new window.Wllama({ default: '/packages/@wllama/wllama/esm/wasm/wllama.wasm' });
        window.wllama.setCompat(null); // no other build from elsewhere
        const response = await fetch(url);
        await window.wllama.loadModel([await response.blob()], options);
        return { loadMs: performance.now() - start, threads: window.wllama.getNumThreads() };
      },
      {
        url: `/model/${basename(model)}`,
        options: {
          n_ctx: CONTEXT,
          n_threads: threads,
          n_gpu_layers: adapter === null ? 0 : ALL_LAYERS,
          seed: 1,
        },
      },
    );
  },

  async generate(page, { prompt }, tokens) {
    return page.evaluate(
      async ({ prompt, tokens }) => {
        const arrivals: number[] = [];
        let text = '';
        let timings = { predicted_n: 0, prompt_n: 0 };
        const start = performance.now();
        await window.wllama.createCompletion({
          prompt,
          max_tokens: tokens,
          temperature: 0,
          top_k: 1,
          cache_prompt: false,
          stream: true,
          timings_per_token: true,
          onData: (chunk) => {
            arrivals.push(performance.now() - start);
            text += chunk.choices?.[0]?.text ?? '';
            timings = chunk.timings ?? timings;
          },
        });
        // A closing chunk without a token may follow the last one.
        const count = Math.min(timings.predicted_n, arrivals.length);
        return {
          firstMs: arrivals[0] ?? Number.NaN,
          lastMs: arrivals[count - 1] ?? Number.NaN,
          promptTokens: timings.prompt_n,
          tokens: count,
          text,
        };
      },
      { prompt: prompt.text, tokens },
    );
  },
};
