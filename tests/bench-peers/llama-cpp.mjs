// Native llama.cpp, by the prebuilt library of node-llama-cpp, which takes the best backend for this CPU.
// node llama-cpp.mjs JOB: reads a job of `cargo xtask bench engine`, writes the result where the job says.
import { readFileSync, writeFileSync } from 'node:fs';
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';

const CONTEXT = 2048;

const job = JSON.parse(readFileSync(process.argv[2], 'utf8'));
try {
  writeFileSync(job.out, `${JSON.stringify(await measure(job))}\n`);
} catch (error) {
  writeFileSync(job.out, `${JSON.stringify({ error: error.message })}\n`);
}

async function measure({ model: modelPath, threads, prompt, tokens }) {
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    logLevel: LlamaLogLevel.error,
    maxThreads: threads,
    progressLogs: false,
  });
  const start = performance.now();
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({
    contextSize: CONTEXT,
    threads: { ideal: threads, min: threads },
    sequences: 1,
  });
  const sequence = context.getSequence();
  const loadMs = performance.now() - start;
  const generate = async () => {
    await sequence.clearHistory();
    const [ids, start] = [[], performance.now()];
    let [firstMs, lastMs] = [Number.NaN, Number.NaN];
    for await (const id of sequence.evaluate(prompt.ids, { temperature: 0, yieldEogToken: true })) {
      lastMs = performance.now() - start;
      if (ids.length === 0) firstMs = lastMs;
      ids.push(id);
      if (ids.length === tokens) break;
    }
    const text = model.detokenize(ids);
    return { firstMs, lastMs, promptTokens: prompt.ids.length, tokens: ids.length, text };
  };
  const cold = await generate();
  const before = process.cpuUsage();
  const warm = await generate();
  const spent = process.cpuUsage(before);
  const manifest = new URL('node_modules/node-llama-cpp/package.json', import.meta.url);
  const measured = {
    version: JSON.parse(readFileSync(manifest, 'utf8')).version,
    adapter: backend(),
    threads,
    loadMs,
    cachedLoadMs: null,
    cold,
    warm,
    processorMs: (spent.user + spent.system) / 1000,
    peakMemoryBytes: 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]),
    gpu: null,
    files: [],
  };
  await llama.dispose();
  return measured;
}

/** llama.cpp loads one library for the CPU, named after its instructions. */
function backend() {
  return /libggml-cpu-([a-z0-9_]+)/.exec(readFileSync('/proc/self/maps', 'utf8'))?.[1] ?? null;
}
