import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { Generation, Job } from '../job.ts';

/** What a runtime says about itself once it is ready. */
export interface Ready {
  loadMs: number;
  adapter?: string | undefined;
  threads?: number | undefined;
}

/** One way to run a model in a page. */
export interface Runtime {
  /** Of the package, and of what it runs on where that is another one. */
  version(job: Job): string;
  /** The page's own text: it brings the runtime's module into the page and then sets `window.ready`. */
  page: string;
  /** Where the module's bare imports are, if it has any. */
  imports?: Record<string, string>;
  /** What else is served: folders and texts, see `FileServer`. */
  folders(job: Job): Record<string, string>;
  texts?(job: Job): Record<string, string>;
  /** From nothing to ready. */
  load(page: Page, job: Job): Promise<Ready>;
  /** A greedy answer of `tokens` tokens, computed from the beginning. */
  generate(page: Page, job: Job, tokens: number): Promise<Generation>;
  /** On WebGPU, after the answers: processor time to issue one of many small dependent dispatches, in µs. */
  dispatchMicroseconds?(page: Page): Promise<number>;
  /** After the answers: how long a second visit takes to be ready, if the runtime keeps the file. */
  loadAgain?(page: Page, job: Job): Promise<number>;
}

declare global {
  interface Window {
    ready?: boolean;
  }
}

/** The version of an installed package. */
export function versionOf(folder: string, name: string): string {
  const manifest = readFileSync(join(folder, name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
