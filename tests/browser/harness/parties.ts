import { readFileSync } from 'node:fs';
import { afterAll, beforeAll } from 'vitest';
import { Browser } from './chromium.ts';
import { places } from './places.ts';
import { Site } from './site.ts';
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

/** A site that uses the package, and the address of the model's manifest there. */
export interface ModelSite {
  site: Site;
  model: string;
}

/** The same for a site that offers the model, for specs that open browsers of their own. */
export function useModelSite(): ModelSite {
  const offered = {} as ModelSite;
  beforeAll(async () => {
    offered.site = await Site.start();
    offered.model = offered.site.offer('smollm2', readFileSync(places.model));
  });
  afterAll(() => offered.site?.stop());
  return offered;
}
