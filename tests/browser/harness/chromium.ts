import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
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

/** Flags for each adapter. Lavapipe stands in for SwiftShader in a Chromium of its own, see xtask's set-up. */
const WEBGPU = {
  swiftshader: SOFTWARE_WEBGPU,
  lavapipe: [...SOFTWARE_WEBGPU, '--use-angle=vulkan', '--ignore-gpu-blocklist'],
  hardware: ['--enable-unsafe-webgpu', '--enable-features=Vulkan', '--ignore-gpu-blocklist'],
};

/** What a browser is started with. */
export interface BrowserOptions {
  /** The software adapter of Chromium itself. */
  webgpu?: boolean;
  /** Another adapter; null is none. */
  adapter?: keyof typeof WEBGPU | null;
  /** Another browser than the specs' own. */
  executable?: string;
  environment?: Record<string, string>;
  /** What the person has set in the browser, as its profile has it. */
  preferences?: object;
}

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

  static async start(options: BrowserOptions = {}): Promise<Browser> {
    const adapter = options.adapter ?? (options.webgpu === true ? 'swiftshader' : null);
    const profile = await mkdtemp(join(tmpdir(), 'tidegate-profile-'));
    if (options.preferences !== undefined) {
      await mkdir(join(profile, 'Default'));
      await writeFile(join(profile, 'Default', 'Preferences'), JSON.stringify(options.preferences));
    }
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: options.executable ?? places.chromium,
      args: [...FLAGS, ...(adapter === null ? [] : WEBGPU[adapter])],
      // Playwright's own choice for WebGL, which `--use-angle=vulkan` replaces.
      ...(adapter === 'lavapipe' ? { ignoreDefaultArgs: ['--enable-unsafe-swiftshader'] } : {}),
      env: { ...(process.env as Record<string, string>), ...options.environment },
    });
    // How busy the machine is that the specs run on decides nothing: a hot processor speaks for the cloud.
    await context.addInitScript(() => Reflect.deleteProperty(globalThis, 'PressureObserver'));
    return new Browser(context, profile);
  }

  /** The process that started all the others. */
  get pid(): number {
    return processWith(this.#profile);
  }

  /** A new page on `url`. */
  async open(url: string): Promise<Page> {
    const page = await this.context.newPage();
    this.listen(page);
    await page.goto(url);
    return page;
  }

  /** Keeps what a page writes to its console. */
  listen(page: Page): void {
    page.on('console', (message) => this.console.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => this.console.push(`uncaught: ${error.message}`));
  }

  async stop(): Promise<void> {
    await this.context.close();
    await rm(this.#profile, { recursive: true, force: true });
  }
}

/** A browser for as long as `work` takes. */
export async function withBrowser(
  options: BrowserOptions,
  work: (browser: Browser) => Promise<void>,
): Promise<void> {
  const browser = await Browser.start(options);
  try {
    await work(browser);
  } finally {
    await browser.stop();
  }
}
