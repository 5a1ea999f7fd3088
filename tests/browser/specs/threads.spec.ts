import { existsSync, readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import type { Stats } from 'tidegate';
import { expect, test } from 'vitest';
import { withBrowser } from '../harness/chromium.ts';
import { ask, create, question } from '../harness/package.ts';
import { useModelSite } from '../harness/parties.ts';
import { places } from '../harness/places.ts';
import { Site } from '../harness/site.ts';

const counting = question('Count from 1 to 20.', { temperature: 0, max_tokens: 24 });
const offered = useModelSite();

function device(page: Page): Promise<Stats['device']> {
  return page.evaluate(() => window.instance.stats().device);
}

/** The engine's worker starts its threads from another script. */
function threadsFrom(url: string): string {
  return `const Whole = Worker;
self.Worker = class extends Whole { constructor(_, options) { super('${url}', options); } };`;
}

/** The thread's part in wasm ends with a trap. */
const TRAPS = `
const { instantiate } = WebAssembly;
WebAssembly.instantiate = async (module, imports) => {
  const { exports } = await instantiate(module, imports);
  const serveAsThread = () => { throw new WebAssembly.RuntimeError('unreachable'); };
  return Object.create(WebAssembly.Instance.prototype, { exports: { value: { ...exports, serveAsThread } } });
};
`;

test.runIf(existsSync(places.threadsModule))('threads: as many as asked, and what goes wrong', async () => {
  await withBrowser({}, async (browser) => {
    const page = await browser.open(offered.site.url);
    expect(await create(page, { model: offered.model, threads: 3 })).toBeUndefined();
    const threads = await device(page);
    expect(threads).toMatchObject({ backend: 'cpu', adapter: 'relaxed SIMD', threads: 3 });
    expect(threads).not.toHaveProperty('threadsReason');
    expect((await ask(page, counting)).text).toContain('3. 3');
    await page.close();

    // A thread that does not start: one thread, not an error.
    const alone = await browser.open(offered.site.url);
    const missing = offered.site.faultyWorker(threadsFrom('/not-there.js'));
    expect(await create(alone, { model: offered.model, threads: 2, workerUrl: missing })).toBeUndefined();
    expect(await device(alone)).toMatchObject({
      threads: 1,
      threadsReason: expect.stringContaining('a thread did not start'),
    });
    expect((await ask(alone, counting)).text).toContain('3. 3');
    await alone.close();

    // A thread that breaks: an error, and nobody waits for ever.
    const broken = await browser.open(offered.site.url);
    const thread = offered.site.faultyWorker(TRAPS, Number.POSITIVE_INFINITY, 'thread.js');
    const workerUrl = offered.site.faultyWorker(threadsFrom(thread));
    const failed = await create(broken, { model: offered.model, threads: 2, workerUrl });
    const error = failed ?? (await ask(broken, counting)).error;
    // The engine's own word of it, or the browser's, whichever the page hears first.
    expect(error).toMatchObject({ code: 'internal', message: expect.stringMatching(/pool\.rs|unreachable/) });
  });
});

test('a page that is not isolated has one thread, and needs no more', async () => {
  const site = await Site.start({ isolated: false });
  try {
    const model = site.offer('smollm2', readFileSync(places.model));
    await withBrowser({}, async (browser) => {
      const page = await browser.open(site.url);
      expect(await create(page, { model, threads: 2 })).toBeUndefined();
      expect(await device(page)).toMatchObject({
        threads: 1,
        threadsReason: 'the page is not cross-origin isolated',
      });
      expect(site.asked.filter((path) => path.endsWith('.wasm'))).toEqual([
        '/tidegate/wasm/tidegate_cpu_relaxed_bg.wasm',
      ]);
      expect((await ask(page, counting)).text).toContain('3. 3');
    });
  } finally {
    await site.stop();
  }
});
