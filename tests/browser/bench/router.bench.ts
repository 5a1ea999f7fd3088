import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'vitest';
import { question } from '../harness/package.ts';
import { readJob } from './job.ts';
import { withCloud } from './with-cloud.ts';

/** What `cargo xtask bench router` wants to have measured. */
interface Job {
  /** The browser. */
  chromium: string;
  /** A file of prompts, one JSON object `{"kind", "prompt"}` a line. */
  prompts: string;
  /** Where the result goes, as JSON. */
  out: string;
}

/** Before the browser has optimized the module, times are of its interpreter. */
const WARM_UP = 200;

test('deciding, in a page', async () => {
  const job = readJob<Job>();
  const prompts = readFileSync(job.prompts, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { prompt: string }).prompt);
  await withCloud(job.chromium, async (page) => {
    const requests = [...prompts.slice(0, WARM_UP), ...prompts].map((prompt) => question(prompt));
    const ms = await page.evaluate(async (requests) => {
      const ms: number[] = [];
      for (const request of requests) ms.push((await window.instance.diagnostics.decisionCost(request)).ms);
      return ms;
    }, requests);
    writeFileSync(job.out, JSON.stringify(ms.slice(-prompts.length)));
  });
});
