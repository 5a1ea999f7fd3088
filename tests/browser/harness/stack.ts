import { type AddressInfo, createServer } from 'node:net';
import type { CloudOptions } from 'tidegate';
import workerd from 'workerd';
import { places } from './places.ts';
import { Process } from './process.ts';
import type { Upstream } from './upstream.ts';

/** `tidegate serve` with the page and the gateway, and the relay on workerd: the three parties of the cloud path. */
export class Stack {
  readonly page: string;
  readonly relay: string;
  readonly #serve: Process;
  readonly #workerd: Process;

  private constructor(serve: Process, relayProcess: Process, page: string, relay: string) {
    this.#serve = serve;
    this.#workerd = relayProcess;
    this.page = page;
    this.relay = relay;
  }

  static async start(upstream: Upstream): Promise<Stack> {
    const port = await freePort();
    const relay = `http://127.0.0.1:${port}/`;
    const serve = new Process(
      places.binary,
      [
        ...['serve', '--json', '--page-port', '0', '--relay-port', '0', '--gateway-port', '0'],
        ...['--relay-url', relay, '--www', places.page, '--model', places.model],
      ],
      {
        env: {
          ...process.env,
          TIDEGATE_UPSTREAM_URL: upstream.url,
          TIDEGATE_UPSTREAM_KEY: 'a-key-of-the-gateway',
          RUST_LOG: 'trace',
        },
      },
    );
    const [line] = await serve.printed(/^\{.*\}$/m);
    const urls = JSON.parse(line) as { page: string; gateway: string };
    const relayProcess = new Process(
      workerd,
      ['serve', 'relay.capnp', '--verbose', '--socket-addr', `http=127.0.0.1:${port}`, '--control-fd', '3'],
      {
        cwd: places.worker,
        env: { ...process.env, GATEWAY: urls.gateway },
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      },
    );
    const stack = new Stack(serve, relayProcess, urls.page, relay);
    try {
      await listening(relayProcess);
    } catch (error) {
      await stack.stop();
      throw error;
    }
    return stack;
  }

  /** The cloud as the demo's page is told about it, with keys that it pins. */
  async cloud(): Promise<CloudOptions & { keys: string }> {
    const config = await fetch(new URL('tidegate.json', this.page));
    return ((await config.json()) as { cloud: CloudOptions & { keys: string } }).cloud;
  }

  /** All that page server, gateway and relay have printed, at their most talkative. */
  get logs(): { serve: string; relay: string } {
    return { serve: this.#serve.output, relay: this.#workerd.output };
  }

  /** Ends the relay alone. */
  async stopRelay(): Promise<void> {
    await this.#workerd.stop('SIGKILL');
  }

  async stop(): Promise<void> {
    await Promise.all([this.#serve.stop(), this.#workerd.stop()]);
  }
}

/** workerd tells on its control channel when a socket listens. */
async function listening(relay: Process): Promise<void> {
  const control = relay.child.stdio[3];
  if (control == null) throw new Error('workerd has no control channel');
  await new Promise<void>((resolve, reject) => {
    control.on('data', (data: Buffer) => {
      if (data.toString().includes('"listen"')) resolve();
    });
    void relay.ended().then(() => reject(new Error(`workerd ended:\n${relay.output}`)));
  });
}

/** A port that nobody listens on: the page's policy names the relay, so its port must be known before it starts. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
