import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Browser } from '../harness/chromium.ts';
import { type GoldenPrompt, goldenPrompts, partsAt } from '../harness/golden.ts';
import { create } from '../harness/package.ts';
import { places } from '../harness/places.ts';
import { Site } from '../harness/site.ts';

const STEPS = 32;

let site: Site;
let model: string;

beforeAll(async () => {
  site = await Site.start();
  model = site.offer('smollm2', readFileSync(places.model));
});
afterAll(() => site?.stop());

async function greedy(page: Page, golden: GoldenPrompt): Promise<number | undefined> {
  const { prompt, ids } = await page.evaluate(
    ([messages, steps]) => window.instance.diagnostics.greedy(messages, steps),
    [golden.messages, STEPS] as const,
  );
  expect(prompt).toEqual(golden.prompt_ids);
  return partsAt(golden, ids);
}

test.for([
  { module: 'tidegate_cpu_relaxed', relaxed: true },
  { module: 'tidegate_cpu', relaxed: false },
])(
  'on the CPU of a page, with $module, five prompts give the tokens of llama.cpp',
  async ({ module, relaxed }) => {
    const browser = await Browser.start();
    try {
      const page = await browser.open(site.url);
      site.asked.length = 0;
      const worker = relaxed ? {} : { workerUrl: site.faultyWorker('WebAssembly.validate = () => false;') };
      expect(await create(page, { model, device: 'cpu', ...worker })).toBeUndefined();
      expect(site.asked.filter((path) => path.endsWith('.wasm'))).toEqual([
        `/tidegate/wasm/${module}_bg.wasm`,
      ]);
      const parted = [];
      for (const golden of goldenPrompts()) parted.push(await greedy(page, golden));
      expect(parted).toHaveLength(5);
      // Even a proven tie may come early in one prompt at most.
      expect(parted.filter((step) => step !== undefined && step < 16).length).toBeLessThanOrEqual(1);
    } finally {
      await browser.stop();
    }
  },
);

test('on WebGPU (SwiftShader), the shortest prompt gives the tokens of llama.cpp', {
  timeout: 600_000,
}, async () => {
  const browser = await Browser.start({ webgpu: true });
  try {
    const page = await browser.open(site.url);
    expect(await create(page, { model, device: 'webgpu' })).toBeUndefined();
    expect(await page.evaluate(() => window.instance.stats().device?.backend)).toBe('webgpu');
    const golden = goldenPrompts().find(({ name }) => name === 'short');
    if (golden === undefined) throw new Error('the golden file has no prompt named short');
    expect((await greedy(page, golden)) ?? STEPS).toBeGreaterThanOrEqual(16);

    // A linker that wraps every export makes this 5,900 µs an operation; see xtask, `check_exports`.
    const { issueMs } = await page.evaluate(() => window.instance.diagnostics.dispatchCost(300));
    expect((issueMs * 1000) / 300).toBeLessThan(100);
  } finally {
    await browser.stop();
  }
});
