import { writeFileSync } from 'node:fs';
import { test } from 'vitest';
import { Browser } from '../harness/chromium.ts';
import { memoryOfTree, processorTimeOfTree } from '../harness/memory.ts';
import { type GpuWork, WebGpuWork } from '../harness/webgpu-work.ts';
import { type Job, type Measured, readJob } from './job.ts';
import { onnxruntimeWeb } from './runtimes/onnxruntime-web.ts';
import type { Runtime } from './runtimes/runtime.ts';
import { tidegate } from './runtimes/tidegate.ts';
import { transformers } from './runtimes/transformers.ts';
import { wllama } from './runtimes/wllama.ts';
import { FileServer } from './serve.ts';

const RUNTIMES: Record<string, Runtime> = {
  tidegate,
  wllama,
  'onnxruntime-web': onnxruntimeWeb,
  'transformers.js': transformers,
};

/** How often the memory is looked at, in ms. Looking takes some milliseconds of one core. */
const SAMPLING = 250;

/** How long a browser answers before an answer counts as warm, in ms: it optimizes what runs much. */
const SETTLING = 5_000;

/** How the import of a module that cannot be had becomes an error here. */
const PAGE_TIMEOUT_MS = 30_000;

test('one runtime, once', async () => {
  const job = readJob();
  const result = await measure(job).catch((error: unknown) => ({
    error: error instanceof Error ? error.message : String(error),
  }));
  writeFileSync(job.out, `${JSON.stringify(result)}\n`);
});

async function measure(job: Job): Promise<Measured> {
  const runtime = RUNTIMES[job.runtime];
  if (runtime === undefined) throw new Error(`no runtime is named ${job.runtime}`);
  const html = `<!doctype html><title>${job.runtime}</title>
<script type="importmap">${JSON.stringify({ imports: runtime.imports ?? {} })}</script>
<script type="module">
${runtime.page}
window.ready = true;
</script>`;
  const server = await FileServer.start(runtime.folders(job), { '/': html, ...runtime.texts?.(job) });
  const browser = await Browser.start({
    adapter: job.adapter,
    executable: job.chromium.executable,
    environment: job.chromium.environment,
  });
  // Ends the page under a runtime that does not end; what waits for the page then fails.
  let late = false;
  const timeout = setTimeout(() => {
    late = true;
    void browser.context.close();
  }, job.timeoutMs);
  try {
    return await measureIn(browser, server, runtime, job);
  } catch (error) {
    if (late) throw new Error(`not done after ${job.timeoutMs / 1000} s`);
    const said = browser.console.filter((line) => /^(error|uncaught)/.test(line)).slice(-2);
    throw new Error([error instanceof Error ? error.message : String(error), ...said].join('; '));
  } finally {
    clearTimeout(timeout);
    await browser.stop();
    await server.stop();
  }
}

async function measureIn(
  browser: Browser,
  server: FileServer,
  runtime: Runtime,
  job: Job,
): Promise<Measured> {
  let peak = 0;
  const sample = () => {
    peak = Math.max(peak, memoryOfTree(browser.pid));
  };
  const sampler = setInterval(sample, SAMPLING);
  try {
    const page = await browser.context.newPage();
    browser.listen(page);
    const work = await WebGpuWork.watch(page);
    const emptyMemoryBytes = memoryOfTree(browser.pid);
    await page.goto(server.url);
    await page.waitForFunction(() => window.ready, null, { timeout: PAGE_TIMEOUT_MS });
    const ready = await runtime.load(page, job);
    const settled = performance.now() + SETTLING;
    const cold = await runtime.generate(page, job, job.tokens);
    sample();
    clearInterval(sampler);
    while (performance.now() < settled) await runtime.generate(page, job, job.tokens);
    const before = await work.total();
    const spent = processorTimeOfTree(browser.pid);
    const warm = await runtime.generate(page, job, job.tokens);
    const processorMs = processorTimeOfTree(browser.pid) - spent;
    const after = await work.total();
    const gpu = job.adapter === null ? null : await workPerToken(runtime, page, job, before, after, work);
    const dispatchMicroseconds =
      job.adapter === null ? null : ((await runtime.dispatchMicroseconds?.(page)) ?? null);
    return {
      version: runtime.version(job),
      adapter: ready.adapter ?? job.adapter,
      threads: ready.threads ?? job.threads,
      loadMs: ready.loadMs,
      cachedLoadMs: (await runtime.loadAgain?.(page, job)) ?? null,
      dispatchMicroseconds,
      cold,
      warm,
      processorMs,
      peakMemoryBytes: peak,
      emptyMemoryBytes,
      gpu,
      files: server.code,
    };
  } finally {
    clearInterval(sampler);
  }
}

/** An answer of one token costs the prompt alone: the difference is what the other tokens cost. */
async function workPerToken(
  runtime: Runtime,
  page: Parameters<Runtime['load']>[0],
  job: Job,
  before: GpuWork,
  after: GpuWork,
  work: WebGpuWork,
): Promise<GpuWork> {
  await runtime.generate(page, job, 1);
  const prompt = await work.total();
  const perToken = (count: (work: GpuWork) => number) =>
    (count(after) - count(before) - (count(prompt) - count(after))) / (job.tokens - 1);
  return {
    dispatches: perToken(({ dispatches }) => dispatches),
    submits: perToken(({ submits }) => submits),
    bytesRead: perToken(({ bytesRead }) => bytesRead),
  };
}
