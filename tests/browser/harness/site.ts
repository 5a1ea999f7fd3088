import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { places } from './places.ts';

const KINDS: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** What the package imports, and only for tokens. */
const BLINDING = '/blindrsa-ts/';

const PAGE = `<!doctype html><title>A site</title>
<script type="importmap">{ "imports": { "@cloudflare/blindrsa-ts": "${BLINDING}index.js" } }</script>
<script type="module">
import * as tidegate from '/tidegate/index.js';
window.tidegate = tidegate;
window.importTokens = () => import('/tidegate/tokens.js');
</script>`;

/** A model file that the site offers. */
interface Offer {
  file: Buffer;
  sha256: string;
  bytes: number;
  /** Length of the parts whose hashes the manifest names, if it names any. */
  chunk: number | undefined;
  /** Send so many bytes of the file and no more, once, until `cut` is called. */
  cutAt: number | undefined;
  /** Send the byte there wrong, so many times. */
  damage: { at: number; times: number } | undefined;
}

/** What a site may say or do wrong about a model file. */
export type Claims = Partial<Omit<Offer, 'file'>>;

/** Somebody's site that uses the package: an empty page, the package's files, and models, whole or not. */
export class Site {
  /** Paths asked for, with the range if there was one. */
  readonly asked: string[] = [];
  readonly #offers = new Map<string, Offer>();
  readonly #scripts = new Map<string, { text: string; times: number }>();
  readonly #variants = new Map<string, string[]>();
  readonly #instead = new Map<string, Buffer | undefined>();
  readonly #held: ServerResponse[] = [];
  readonly #server: Server;
  readonly #isolated: boolean;

  private constructor(isolated: boolean) {
    this.#isolated = isolated;
    this.#server = createServer((incoming, outgoing) => {
      this.#serve(incoming, outgoing).catch((error: unknown) => {
        outgoing.writeHead(404).end(String(error));
      });
    });
  }

  /** `isolated`: with the headers that make its page cross-origin isolated. */
  static async start({ isolated = true } = {}): Promise<Site> {
    const site = new Site(isolated);
    await new Promise<void>((resolve) => site.#server.listen(0, '127.0.0.1', resolve));
    return site;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Offers `file` as a model; the manifest says what is given, which may be wrong. Returns the manifest's URL. */
  offer(name: string, file: Buffer, claims: Claims = {}): string {
    this.#offers.set(name, {
      file,
      sha256: claims.sha256 ?? sha256(file),
      bytes: claims.bytes ?? file.length,
      chunk: claims.chunk,
      cutAt: claims.cutAt,
      damage: claims.damage,
    });
    return new URL(`models/${name}.json`, this.url).href;
  }

  /** Offers several models as variants of one, the best first. Returns the manifest's URL. */
  offerVariants(name: string, variants: string[]): string {
    this.#variants.set(name, variants);
    return new URL(`models/${name}.json`, this.url).href;
  }

  /** Serves `file` in place of a file of the package, or nothing; until `serveWhole`. */
  serveInstead(path: string, file: Buffer | undefined): void {
    this.#instead.set(path, file);
  }

  /** Serves the package's own files again. */
  serveWhole(): void {
    this.#instead.clear();
  }

  /**
   * A worker like the package's, with a fault from outside: `fault` runs before the package's script, in so many
   * workers; later ones are sound. `script` is which of the package's workers. Returns the worker's URL.
   */
  faultyWorker(fault: string, times = Number.POSITIVE_INFINITY, script = 'worker.js'): string {
    const number = this.#scripts.size;
    this.#scripts.set(`/fault-${number}.js`, { text: fault, times });
    this.#scripts.set(`/worker-${number}.js`, {
      text: `import '/fault-${number}.js'; import '/tidegate/${script}';`,
      times: Number.POSITIVE_INFINITY,
    });
    return new URL(`worker-${number}.js`, this.url).href;
  }

  /** What was asked of a model's file: `''` for all of it, or the range. */
  askedOf(name: string): string[] {
    const path = `/models/${name}.gguf`;
    return this.asked
      .filter((asked) => asked.startsWith(path))
      .map((asked) => asked.slice(path.length).trim());
  }

  /** Cuts the connections over which a part of a file was sent. */
  cut(): void {
    for (const outgoing of this.#held.splice(0)) outgoing.destroy();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { pathname } = new URL(incoming.url ?? '/', this.url);
    const { groups: range } = /^bytes=(?<from>\d+)-(?<to>\d*)$/.exec(incoming.headers.range ?? '') ?? {};
    const asked = range === undefined ? '' : ` from ${range.from}${range.to === '' ? '' : ` to ${range.to}`}`;
    this.asked.push(pathname + asked);
    const model = /^\/models\/(.+)\.(json|gguf)$/.exec(pathname);
    if (model !== null) return this.#model(outgoing, model[1] ?? '', model[2] ?? '', range);
    if (pathname === '/') {
      outgoing.writeHead(200, this.#headers('.html')).end(PAGE);
      return;
    }
    const script = this.#scripts.get(pathname);
    if (script !== undefined) {
      script.times -= 1;
      const text = script.times >= 0 ? script.text : '';
      outgoing.writeHead(200, { ...this.#headers('.js'), 'cache-control': 'no-store' }).end(text);
      return;
    }
    if (pathname.startsWith(BLINDING)) {
      const file = await readFile(join(places.blinding, normalize(pathname.slice(BLINDING.length))));
      outgoing.writeHead(200, this.#headers('.js')).end(file);
      return;
    }
    const path = normalize(pathname).replace(/^\/tidegate\//, '');
    const file = this.#instead.has(path)
      ? this.#instead.get(path)
      : await readFile(join(places.packageDist, path));
    if (file === undefined) outgoing.writeHead(404, this.#headers('.html')).end();
    else outgoing.writeHead(200, this.#headers(extname(path))).end(file);
  }

  #model(
    outgoing: ServerResponse,
    name: string,
    kind: string,
    range: Record<string, string> | undefined,
  ): void {
    if (kind === 'json') {
      const manifest = this.#manifest(name);
      if (manifest === undefined) outgoing.writeHead(404).end();
      else outgoing.writeHead(200, this.#headers('.json')).end(JSON.stringify(manifest));
      return;
    }
    const offer = this.#offers.get(name);
    if (offer === undefined) {
      outgoing.writeHead(404).end();
      return;
    }
    const total = offer.file.length;
    const start = Number(range?.from ?? 0);
    const end = range?.to ? Math.min(Number(range.to) + 1, total) : total;
    outgoing.writeHead(range === undefined ? 200 : 206, {
      ...this.#headers('.gguf'),
      'accept-ranges': 'bytes',
      'content-length': end - start,
      etag: `"${offer.sha256}"`,
      ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${total}` }),
    });
    if (offer.cutAt !== undefined && offer.cutAt < end) {
      outgoing.write(offer.file.subarray(start, offer.cutAt));
      offer.cutAt = undefined;
      this.#held.push(outgoing);
      return;
    }
    outgoing.end(damaged(offer, start, end));
  }

  #headers(kind: string): Record<string, string> {
    const type = { 'content-type': KINDS[kind] ?? 'application/octet-stream' };
    if (!this.#isolated) return type;
    return {
      ...type,
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    };
  }

  #manifest(name: string): object | undefined {
    const about = { name, license: 'Apache-2.0', contextLength: 8192 };
    const variants = this.#variants.get(name)?.map((variant) => this.#file(variant));
    if (variants !== undefined) return { ...about, variants };
    const file = this.#file(name);
    return file === undefined ? undefined : { ...about, ...file };
  }

  #file(name: string): object | undefined {
    const offer = this.#offers.get(name);
    if (offer === undefined) return undefined;
    const { file, chunk, sha256: hash, bytes } = offer;
    const plain = { url: `${name}.gguf`, bytes, sha256: hash };
    if (chunk === undefined) return plain;
    const parts = Array.from({ length: Math.ceil(bytes / chunk) }, (_, part) =>
      sha256(file.subarray(part * chunk, (part + 1) * chunk)),
    );
    return { ...plain, chunks: { bytes: chunk, sha256: parts } };
  }
}

/** Bytes of a file, one of them wrong if that is still wanted. */
function damaged(offer: Offer, start: number, end: number): Buffer {
  const { damage } = offer;
  if (damage === undefined || damage.times === 0 || damage.at < start || damage.at >= end) {
    return offer.file.subarray(start, end);
  }
  damage.times -= 1;
  const bytes = Buffer.from(offer.file.subarray(start, end));
  bytes.writeUInt8(bytes.readUInt8(damage.at - start) ^ 1, damage.at - start);
  return bytes;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
