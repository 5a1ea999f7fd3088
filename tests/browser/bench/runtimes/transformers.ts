import { type Runtime, versionOf } from './runtime.ts';

/** The part of the package that is used. */
interface Transformers {
  env: {
    allowRemoteModels: boolean;
    allowLocalModels: boolean;
    localModelPath: string;
    useBrowserCache: boolean;
    backends: { onnx: { wasm: { wasmPaths: string; numThreads: number; proxy: boolean } } };
  };
  AutoModelForCausalLM: {
    from_pretrained(
      name: string,
      options: { device: string; dtype: string },
    ): Promise<{
      generate(options: Record<string, unknown>): Promise<{ tolist(): bigint[][] }>;
    }>;
  };
  BaseStreamer: new () => object;
  Tensor: new (type: string, data: BigInt64Array, dims: number[]) => unknown;
}

declare global {
  interface Window {
    transformers: Transformers;
    transformersModel: Awaited<ReturnType<Transformers['AutoModelForCausalLM']['from_pretrained']>>;
  }
}

const NO_TOKEN = -1;

/** transformers.js, which runs on onnxruntime-web. */
export const transformers: Runtime = {
  version: ({ packages }) => versionOf(packages, '@huggingface/transformers'),
  page: `import * as transformers from '/packages/@huggingface/transformers/dist/transformers.web.min.js';
window.transformers = transformers;`,
  imports: {
    'onnxruntime-web/webgpu': '/packages/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs',
    'onnxruntime-common': '/packages/onnxruntime-common/dist/esm/index.js',
  },
  folders: ({ packages, onnx }) => ({ '/packages/': packages, '/models/local/': onnx }),

  async load(page, { adapter, threads }) {
    return page.evaluate(
      async ({ options, threads }) => {
        const start = performance.now();
        const { env, AutoModelForCausalLM } = window.transformers;
        env.allowRemoteModels = false;
        env.allowLocalModels = true;
        env.localModelPath = '/models/';
        env.useBrowserCache = false;
        env.backends.onnx.wasm.wasmPaths = '/packages/onnxruntime-web/dist/';
        env.backends.onnx.wasm.numThreads = threads;
        env.backends.onnx.wasm.proxy = false;
        window.transformersModel = await AutoModelForCausalLM.from_pretrained('local', options);
        return { loadMs: performance.now() - start };
      },
      {
        options: adapter === null ? { device: 'wasm', dtype: 'q8' } : { device: 'webgpu', dtype: 'q4' },
        threads,
      },
    );
  },

  async generate(page, { prompt }, tokens) {
    return page.evaluate(
      async ({ prompt, tokens, noToken }) => {
        const { BaseStreamer, Tensor } = window.transformers;
        const arrivals: number[] = [];
        let promptSeen = false;
        class Arrivals extends BaseStreamer {
          put() {
            // The first call carries the prompt.
            if (promptSeen) arrivals.push(performance.now() - start);
            promptSeen = true;
          }
          end() {}
        }
        const row = (values: bigint[]) => new Tensor('int64', BigInt64Array.from(values), [1, values.length]);
        const start = performance.now();
        const output = await window.transformersModel.generate({
          inputs: row(prompt.map(BigInt)),
          attention_mask: row(prompt.map(() => 1n)),
          max_new_tokens: tokens,
          do_sample: false,
          eos_token_id: noToken,
          streamer: new Arrivals(),
        });
        const ids = output.tolist()[0]?.slice(prompt.length) ?? [];
        return {
          firstMs: arrivals[0] ?? Number.NaN,
          lastMs: arrivals.at(-1) ?? Number.NaN,
          promptTokens: prompt.length,
          tokens: ids.length,
          text: ids.join(' '),
        };
      },
      { prompt: prompt.ids, tokens, noToken: NO_TOKEN },
    );
  },
};
