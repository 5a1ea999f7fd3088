import { afterAll, beforeAll } from 'vitest';
import { Browser } from './chromium.ts';
import { Stack } from './stack.ts';
import { Upstream } from './upstream.ts';

/** Everyone who takes part in an answer: the cloud model, the page's server with relay and gateway, the browser. */
export interface Parties {
  upstream: Upstream;
  stack: Stack;
  browser: Browser;
}

/** Starts all parties before the tests of a file and ends them after. Valid inside tests. */
export function useParties(): Parties {
  const parties = {} as Parties;
  beforeAll(async () => {
    parties.upstream = await Upstream.start();
    parties.stack = await Stack.start(parties.upstream);
    parties.browser = await Browser.start();
  });
  afterAll(async () => {
    await parties.browser?.stop();
    await parties.stack?.stop();
    await parties.upstream?.stop();
  });
  return parties;
}
