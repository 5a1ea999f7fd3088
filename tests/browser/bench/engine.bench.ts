import { appendFileSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Browser } from '../harness/chromium.ts';
import { memoryOfTree } from '../harness/memory.ts';
import { ask, create, question } from '../harness/package.ts';
import { places } from '../harness/places.ts';
import { Site } from '../harness/site.ts';

/** Set by `cargo xtask bench engine`: one JSON line for each backend goes there. */
const OUT = process.env.TIDEGATE_BENCH_OUT ?? '/dev/stdout';
const PROMPT = process.env.TIDEGATE_BENCH_PROMPT ?? 'Explain in one paragraph why the sky is blue.';
const TOKENS = Number(process.env.TIDEGATE_BENCH_TOKENS ?? 48);

/** How often the memory is looked at, in ms; the highest counts. */
const SAMPLING = 100;

test.for([
  { device: 'cpu', runs: 3 },
  { device: 'webgpu', runs: 1 },
] as const)('$device', async ({ device, runs }) => {
  const site = await Site.start();
  const browser = await Browser.start({ webgpu: device === 'webgpu' });
  try {
    const model = site.offer('smollm2', readFileSync(places.model));
    const page = await browser.open(site.url);
    // The first one downloads; the second one finds the file as a returning visitor does.
    expect(await create(page, { model, device })).toBeUndefined();
    await page.evaluate(() => window.instance.dispose());
    expect(await create(page, { model, device })).toBeUndefined();

    let peak = 0;
    const root = browser.pid;
    const sampler = setInterval(() => {
      peak = Math.max(peak, memoryOfTree(root));
    }, SAMPLING);
    const measured = [];
    for (let run = 0; run < runs; run += 1) {
      // Another first word each time, or the second run finds the first one's prompt in its cache.
      const content = `${run}. ${PROMPT}`;
      const { receipt, error } = await ask(page, question(content, { temperature: 0, max_tokens: TOKENS }));
      expect(error).toBeUndefined();
      const stats = await page.evaluate(() => window.instance.stats());
      measured.push({ stats, first: receipt?.ms.first ?? Number.NaN });
    }
    clearInterval(sampler);
    const cost =
      device === 'webgpu'
        ? await page.evaluate(() => window.instance.diagnostics.dispatchCost(300))
        : undefined;

    const last = measured.map(({ stats }) => stats.last).filter((last) => last !== undefined);
    const line = {
      backend: `chromium-${device}`,
      adapter: measured[0]?.stats.device?.adapter ?? null,
      load_ms: round(measured[0]?.stats.loadMs),
      prompt_tokens: last[0]?.promptTokens,
      completion_tokens: last[0]?.completionTokens,
      prefill_tokens_per_s: median(
        last.map((l) => ((l.promptTokens - (l.cachedTokens ?? 0)) / l.prefillMs) * 1000),
      ),
      decode_tokens_per_s: median(last.map((l) => ((l.completionTokens - 1) / l.decodeMs) * 1000)),
      first_token_ms: median(measured.map(({ first }) => first)),
      peak_memory_bytes: peak,
      engine_memory_bytes: measured.at(-1)?.stats.memoryBytes,
      // With the prefill's, shared out over the answer's tokens.
      dispatches_per_token: median(last.map((l) => l.dispatches / l.completionTokens)),
      us_per_dispatch: cost && {
        issue: round((cost.issueMs * 1000) / 300),
        total: round((cost.totalMs * 1000) / 300),
      },
      runs,
    };
    appendFileSync(OUT, `${JSON.stringify(line)}\n`);
  } finally {
    await browser.stop();
    await site.stop();
  }
});

function median(values: number[]): number {
  return round(values.sort((a, b) => a - b)[Math.floor(values.length / 2)]);
}

function round(value: number | undefined): number {
  return Math.round((value ?? Number.NaN) * 100) / 100;
}
