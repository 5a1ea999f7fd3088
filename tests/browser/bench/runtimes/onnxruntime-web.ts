import { type Runtime, versionOf } from './runtime.ts';

/** The part of the package that is used. */
interface OnnxRuntime {
  env: { wasm: { numThreads: number; wasmPaths: string } };
  Tensor: new (type: string, data: BigInt64Array | Float32Array, dims: number[]) => OnnxTensor;
  InferenceSession: {
    create(
      bytes: ArrayBuffer,
      options: { executionProviders: string[] },
    ): Promise<{
      run(feeds: Record<string, OnnxTensor>): Promise<Record<string, OnnxTensor>>;
    }>;
  };
}

interface OnnxTensor {
  data: Float32Array;
}

interface Shape {
  num_hidden_layers: number;
  num_key_value_heads: number;
  head_dim: number;
}

declare global {
  interface Window {
    onnxruntime: OnnxRuntime;
    onnx: { session: Awaited<ReturnType<OnnxRuntime['InferenceSession']['create']>>; shape: Shape };
  }
}

/** onnxruntime-web by itself: token ids in, logits out, the loop around it here. */
export const onnxruntimeWeb: Runtime = {
  version: ({ packages }) => versionOf(packages, 'onnxruntime-web'),
  page: `import * as onnxruntime from '/packages/onnxruntime-web/dist/ort.wasm.min.mjs';
window.onnxruntime = onnxruntime;`,
  folders: ({ packages, onnx }) => ({ '/packages/': packages, '/onnx/': onnx }),

  async load(page, { threads }) {
    return page.evaluate(async (threads) => {
      const start = performance.now();
      const { env, InferenceSession } = window.onnxruntime;
      env.wasm.numThreads = threads;
      env.wasm.wasmPaths = '/packages/onnxruntime-web/dist/';
      const shape = (await (await fetch('/onnx/config.json')).json()) as Shape;
      const bytes = await (await fetch('/onnx/onnx/model_quantized.onnx')).arrayBuffer();
      const session = await InferenceSession.create(bytes, { executionProviders: ['wasm'] });
      window.onnx = { session, shape };
      return { loadMs: performance.now() - start };
    }, threads);
  },

  async generate(page, { prompt }, tokens) {
    return page.evaluate(
      async ({ prompt, tokens }) => {
        const { Tensor } = window.onnxruntime;
        const { session, shape } = window.onnx;
        const row = (values: number[]) =>
          new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
        const names = Array.from({ length: shape.num_hidden_layers }, (_, layer) => [
          `${layer}.key`,
          `${layer}.value`,
        ]).flat();
        const empty = [1, shape.num_key_value_heads, 0, shape.head_dim];
        let cache: Record<string, OnnxTensor> = Object.fromEntries(
          names.map((name) => [`past_key_values.${name}`, new Tensor('float32', new Float32Array(0), empty)]),
        );
        const ids: number[] = [];
        let [input, length, firstMs, lastMs] = [prompt, 0, Number.NaN, Number.NaN];
        const start = performance.now();
        while (ids.length < tokens) {
          length += input.length;
          const mask = row(new Array<number>(length).fill(1));
          const out = await session.run({ input_ids: row(input), attention_mask: mask, ...cache });
          const logits = out.logits?.data ?? new Float32Array();
          let best = 0;
          for (let id = 1; id < logits.length; id += 1) {
            if ((logits[id] ?? 0) > (logits[best] ?? 0)) best = id;
          }
          lastMs = performance.now() - start;
          if (ids.length === 0) firstMs = lastMs;
          ids.push(best);
          input = [best];
          cache = Object.fromEntries(
            names.map((name) => [`past_key_values.${name}`, out[`present.${name}`] as OnnxTensor]),
          );
        }
        return { firstMs, lastMs, promptTokens: prompt.length, tokens: ids.length, text: ids.join(' ') };
      },
      { prompt: prompt.ids, tokens },
    );
  },
};
