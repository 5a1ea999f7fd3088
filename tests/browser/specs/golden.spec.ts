import { existsSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { withBrowser } from '../harness/chromium.ts';
import { type GoldenPrompt, goldenPrompts, partsAt } from '../harness/golden.ts';
import { create } from '../harness/package.ts';
import { useModelSite } from '../harness/parties.ts';
import { places } from '../harness/places.ts';
import { WebGpuWork } from '../harness/webgpu-work.ts';

const STEPS = 32;

const offered = useModelSite();

async function greedy(page: Page, golden: GoldenPrompt): Promise<number | undefined> {
  const { prompt, ids } = await page.evaluate(
    ([messages, steps]) => window.instance.diagnostics.greedy(messages, steps),
    [golden.messages, STEPS] as const,
  );
  expect(prompt).toEqual(golden.prompt_ids);
  return partsAt(golden, ids);
}

test.for([
  ...(existsSync(places.threadsModule)
    ? [{ module: 'tidegate_cpu_threads', relaxed: true, threads: 2 }]
    : []),
  { module: 'tidegate_cpu_relaxed', relaxed: true, threads: 1 },
  { module: 'tidegate_cpu', relaxed: false, threads: 1 },
])(
  'on the CPU of a page, with $module, five prompts give the tokens of llama.cpp',
  async ({ module, relaxed, threads }) => {
    await withBrowser({}, async (browser) => {
      const page = await browser.open(offered.site.url);
      offered.site.asked.length = 0;
      const worker = relaxed
        ? {}
        : { workerUrl: offered.site.faultyWorker('WebAssembly.validate = () => false;') };
      expect(await create(page, { model: offered.model, device: 'cpu', threads, ...worker })).toBeUndefined();
      expect(offered.site.asked.filter((path) => path.endsWith('.wasm'))).toEqual([
        `/tidegate/wasm/${module}_bg.wasm`,
      ]);
      expect(await page.evaluate(() => window.instance.stats().device?.threads)).toBe(threads);
      const parted = [];
      for (const golden of goldenPrompts()) parted.push(await greedy(page, golden));
      expect(parted).toHaveLength(5);
      // Even a proven tie may come early in one prompt at most.
      expect(parted.filter((step) => step !== undefined && step < 16).length).toBeLessThanOrEqual(1);
    });
  },
);

test('on WebGPU (SwiftShader), the shortest prompt gives the tokens of llama.cpp', {
  timeout: 600_000,
}, async () => {
  await withBrowser({ webgpu: true }, async (browser) => {
    const page = await browser.context.newPage();
    const work = await WebGpuWork.watch(page);
    browser.listen(page);
    await page.goto(offered.site.url);
    expect(await create(page, { model: offered.model, device: 'webgpu' })).toBeUndefined();
    expect(await page.evaluate(() => window.instance.stats().device?.backend)).toBe('webgpu');
    const golden = goldenPrompts().find(({ name }) => name === 'short');
    if (golden === undefined) throw new Error('the golden file has no prompt named short');
    const before = await work.total();
    expect((await greedy(page, golden)) ?? STEPS).toBeGreaterThanOrEqual(16);
    const after = await work.total();

    // 30 layers; the first token comes with its prompt, one slice.
    expect(after.submits - before.submits).toBeLessThanOrEqual(STEPS + 2);
    expect(after.dispatches - before.dispatches).toBeLessThanOrEqual((STEPS + 2) * (6 * 30 + 6));
    expect(after.bytesRead - before.bytesRead).toBeLessThanOrEqual(STEPS * 1024);

    // A linker that wraps every export makes this 5,900 µs an operation; see xtask, `check_exports`.
    const { issueMs } = await page.evaluate(() => window.instance.diagnostics.dispatchCost(300));
    expect((issueMs * 1000) / 300).toBeLessThan(100);
  });
});
