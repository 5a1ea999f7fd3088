import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { processWith } from './memory.ts';
import { places } from './places.ts';

const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** WebGPU on the CPU: what Chromium offers on a machine without a GPU, if asked. */
const SOFTWARE_WEBGPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/** A browser with an empty profile of its own. */
export class Browser {
  readonly context: BrowserContext;
  readonly #profile: string;
  /** What pages wrote to their consoles, and errors that nothing caught. */
  readonly console: string[] = [];

  private constructor(context: BrowserContext, profile: string) {
    this.context = context;
    this.#profile = profile;
  }

  static async start(options: { webgpu?: boolean } = {}): Promise<Browser> {
    const profile = await mkdtemp(join(tmpdir(), 'tidegate-profile-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: places.chromium,
      args: [...FLAGS, ...(options.webgpu === true ? SOFTWARE_WEBGPU : [])],
    });
    return new Browser(context, profile);
  }

  /** The process that started all the others. */
  get pid(): number {
    return processWith(this.#profile);
  }

  /** A new page on `url`. */
  async open(url: string): Promise<Page> {
    const page = await this.context.newPage();
    page.on('console', (message) => this.console.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => this.console.push(`uncaught: ${error.message}`));
    await page.goto(url);
    return page;
  }

  async stop(): Promise<void> {
    await this.context.close();
    await rm(this.#profile, { recursive: true, force: true });
  }
}
