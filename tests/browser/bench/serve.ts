import { createReadStream, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const KINDS: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** Folders and texts over the loopback, cross-origin isolated, because wasm threads need that. */
export class FileServer {
  readonly #folders: Record<string, string>;
  readonly #texts: Record<string, string>;
  readonly #fetched = new Set<string>();
  readonly #server: Server;

  private constructor(folders: Record<string, string>, texts: Record<string, string>) {
    this.#folders = folders;
    this.#texts = texts;
    this.#server = createServer((incoming, outgoing) => this.#serve(incoming, outgoing));
  }

  /** `folders`: by the path that they are served under, which ends in `/`. `texts`: by their whole path. */
  static async start(folders: Record<string, string>, texts: Record<string, string>): Promise<FileServer> {
    const server = new FileServer(folders, texts);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Scripts and wasm modules that were asked for, as files. */
  get code(): string[] {
    return [...this.#fetched].filter((file) => /\.(m?js|wasm)$/.test(file));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const path = decodeURIComponent(new URL(incoming.url ?? '/', this.url).pathname);
    const text = this.#texts[path];
    if (text !== undefined) {
      outgoing.writeHead(200, headers(path === '/' ? '.html' : extname(path))).end(text);
      return;
    }
    const file = this.#file(path);
    const bytes = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false })?.size;
    if (file === undefined || bytes === undefined) {
      outgoing.writeHead(404, headers('.txt')).end();
      return;
    }
    this.#fetched.add(file);
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(incoming.headers.range ?? '') ?? [];
    const start = Number(first ?? 0);
    const end = last === undefined || last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1);
    outgoing.writeHead(first === undefined ? 200 : 206, {
      ...headers(extname(file)),
      'content-length': end - start + 1,
      ...(first === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${bytes}` }),
    });
    if (incoming.method === 'HEAD') outgoing.end();
    else createReadStream(file, { start, end }).pipe(outgoing);
  }

  #file(path: string): string | undefined {
    const mount = Object.keys(this.#folders).find((prefix) => path.startsWith(prefix));
    const folder = mount === undefined ? undefined : this.#folders[mount];
    if (mount === undefined || folder === undefined) return undefined;
    // `normalize` of an absolute path never climbs above the root.
    return join(folder, normalize(`/${path.slice(mount.length)}`));
  }
}

function headers(kind: string): Record<string, string> {
  return {
    'content-type': KINDS[kind] ?? 'application/octet-stream',
    'accept-ranges': 'bytes',
    'cache-control': 'no-store',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-resource-policy': 'same-origin',
  };
}
