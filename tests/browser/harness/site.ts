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

const PAGE = `<!doctype html><title>A site</title><script type="module">
import * as tidegate from '/tidegate/index.js';
window.tidegate = tidegate;
</script>`;

/** A model file that the site offers. */
interface Offer {
  file: Buffer;
  sha256: string;
  bytes: number;
  /** Cut the connection once, after this many bytes of the file. */
  cutAt: number | undefined;
}

/** Somebody's site that uses the package: an empty page, the package's files, and models, whole or not. */
export class Site {
  /** Paths asked for, with the range if there was one. */
  readonly asked: string[] = [];
  readonly #offers = new Map<string, Offer>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((incoming, outgoing) => {
      this.#serve(incoming, outgoing).catch((error: unknown) => {
        outgoing.writeHead(404).end(String(error));
      });
    });
  }

  static async start(): Promise<Site> {
    const site = new Site();
    await new Promise<void>((resolve) => site.#server.listen(0, '127.0.0.1', resolve));
    return site;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Offers `file` as a model; the manifest says what is given, which may be wrong. Returns the manifest's URL. */
  offer(
    name: string,
    file: Buffer,
    claims: { sha256?: string; bytes?: number; cutAt?: number } = {},
  ): string {
    this.#offers.set(name, {
      file,
      sha256: claims.sha256 ?? createHash('sha256').update(file).digest('hex'),
      bytes: claims.bytes ?? file.length,
      cutAt: claims.cutAt,
    });
    return new URL(`models/${name}.json`, this.url).href;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { pathname } = new URL(incoming.url ?? '/', this.url);
    const range = /^bytes=(\d+)-$/.exec(incoming.headers.range ?? '')?.[1];
    this.asked.push(range === undefined ? pathname : `${pathname} from ${range}`);
    const model = /^\/models\/(.+)\.(json|gguf)$/.exec(pathname);
    if (model !== null) return this.#model(outgoing, model[1] ?? '', model[2] ?? '', range);
    if (pathname === '/') {
      outgoing.writeHead(200, headers('.html')).end(PAGE);
      return;
    }
    const path = normalize(pathname).replace(/^\/tidegate\//, '');
    const file = await readFile(join(places.packageDist, path));
    outgoing.writeHead(200, headers(extname(path))).end(file);
  }

  #model(outgoing: ServerResponse, name: string, kind: string, range: string | undefined): void {
    const offer = this.#offers.get(name);
    if (offer === undefined) {
      outgoing.writeHead(404).end();
      return;
    }
    if (kind === 'json') {
      const { sha256, bytes } = offer;
      const manifest = {
        name,
        url: `${name}.gguf`,
        bytes,
        sha256,
        license: 'Apache-2.0',
        contextLength: 2048,
      };
      outgoing.writeHead(200, headers('.json')).end(JSON.stringify(manifest));
      return;
    }
    const start = Number(range ?? 0);
    const total = offer.file.length;
    outgoing.writeHead(range === undefined ? 200 : 206, {
      ...headers('.gguf'),
      'accept-ranges': 'bytes',
      'content-length': total - start,
      etag: `"${offer.sha256}"`,
      ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${total - 1}/${total}` }),
    });
    if (offer.cutAt === undefined) {
      outgoing.end(offer.file.subarray(start));
      return;
    }
    const piece = offer.file.subarray(start, offer.cutAt);
    offer.cutAt = undefined;
    outgoing.write(piece, () => outgoing.destroy());
  }
}

function headers(kind: string): Record<string, string> {
  return {
    'content-type': KINDS[kind] ?? 'application/octet-stream',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  };
}
