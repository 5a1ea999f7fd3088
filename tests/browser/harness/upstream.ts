import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inRoot, places } from './places.ts';
import { Process } from './process.ts';

/** One request as the upstream got it. */
export interface Recorded {
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
  /** Resolves when whoever asked went away before the answer's end. */
  aborted: Promise<void>;
}

/**
 * llama.cpp's own server behind a recorder: what arrives is written down and passed on as it is.
 *
 * With `answerWith` the recorder answers an error itself, as hosted models do; with `echo` it says the question back.
 */
export class Upstream {
  readonly requests: Recorded[] = [];
  /** Answer every request with this status instead of asking llama.cpp. */
  answerWith: { status: number; body: string } | undefined;
  /** Answer every request with its last message, a few characters at a time, instead of asking llama.cpp. */
  echo = false;
  #llama: Process;
  #target: string;
  #server: Server;
  #arrived: (() => void)[] = [];

  private constructor(llama: Process, target: string) {
    this.#llama = llama;
    this.#target = target;
    this.#server = createServer((incoming, outgoing) => void this.#record(incoming, outgoing));
  }

  static async start(): Promise<Upstream> {
    const llama = new Process(places.python, [inRoot('tests/browser/harness/llama.py'), places.model]);
    const [, address = ''] = await llama.printed(/^listening (http:\S+)$/m);
    const upstream = new Upstream(llama, address);
    await new Promise<void>((resolve) => upstream.#server.listen(0, '127.0.0.1', resolve));
    return upstream;
  }

  /** The base URL of its OpenAI-compatible API. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  /** The next request that arrives, or the last one if it is already here. */
  async request(index: number): Promise<Recorded> {
    for (;;) {
      const recorded = this.requests[index];
      if (recorded !== undefined) return recorded;
      await new Promise<void>((resolve) => this.#arrived.push(resolve));
    }
  }

  /** Ends llama.cpp in the middle of whatever it does. */
  async kill(): Promise<void> {
    await this.#llama.stop('SIGKILL');
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#llama.stop('SIGKILL');
  }

  async #record(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of incoming) pieces.push(piece as Buffer);
    const body = Buffer.concat(pieces);
    const aborted = new Promise<void>((resolve) => {
      outgoing.on('close', () => {
        if (!outgoing.writableFinished) resolve();
      });
    });
    const recorded = {
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: body.toString(),
      aborted,
    };
    this.requests.push(recorded);
    for (const resolve of this.#arrived.splice(0)) resolve();
    if (this.answerWith !== undefined) {
      outgoing.writeHead(this.answerWith.status, { 'content-type': 'application/json' });
      outgoing.end(this.answerWith.body);
      return;
    }
    if (this.echo) {
      outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const piece of saidBack(recorded)) outgoing.write(`data: ${piece}\n\n`);
      outgoing.end();
      return;
    }
    const passed = request(
      new URL(incoming.url ?? '/', this.#target),
      { method: incoming.method, headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.on('data', (piece: Buffer) => outgoing.write(piece));
        answer.on('end', () => outgoing.end());
        answer.on('error', () => outgoing.destroy());
      },
    );
    passed.on('error', () => outgoing.destroy());
    outgoing.on('close', () => passed.destroy());
    passed.end(body);
  }
}

/** The last message of a request as the events of a streamed answer, cut without regard to words. */
function saidBack({ body }: Recorded): string[] {
  const { messages } = JSON.parse(body) as { messages: { content: string }[] };
  const pieces = messages.at(-1)?.content.match(/.{1,3}/gsu) ?? [];
  const choice = (more: object) => JSON.stringify({ choices: [{ index: 0, delta: {}, ...more }] });
  return [
    ...pieces.map((content) => choice({ delta: { content } })),
    choice({ finish_reason: 'stop' }),
    '[DONE]',
  ];
}
