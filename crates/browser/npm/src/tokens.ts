/**
 * A wallet of tokens that say that this page may ask, and not who it is (Privacy Pass, RFC 9578): for gateways that
 * take one with each request.
 *
 * A module of its own, so that apps without tokens download nothing of it. It imports `@cloudflare/blindrsa-ts`: an app
 * without a bundler needs an import map for that name.
 */

import { type Batch, blindBatch, challengeDigest, readTokenKey, type TokenKey } from './blinding.js';
import { invalid, TidegateError } from './errors.js';
import { onlyKnown } from './fields.js';
import { openSealedStore, type SealedStore } from './sealed-store.js';

/** Has the app's back end forward blinded requests to the issuer: bytes in, bytes out. */
export type Issue = (requests: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>;

/** The public list of an issuer's keys (RFC 9578 §4): what `tidegate tokens directory` writes. */
export interface IssuerDirectory {
  'token-keys': {
    'token-type': number;
    /** Base64 for URLs. */
    'token-key': string;
    /** Seconds since 1970. */
    'not-before'?: number;
    'not-after'?: number;
  }[];
}

export interface TokenWalletOptions {
  /**
   * Where new tokens come from: a URL of the app's own back end, which is posted to with the person's cookies, or a
   * function. The back end knows its users; it adds its key and forwards the bytes to the issuer, as they are.
   */
  issue: Issue | string | URL;
  /** The issuer's name, as the gateway has it. */
  issuer: string;
  /** The gateway's name, as the gateway has it. */
  origin: string;
  /**
   * The issuer's keys. Everybody has to get the same ones: a key that one person alone has is a name. So pin them in the
   * app, and do not fetch them from whoever forwards the requests.
   */
  keys: IssuerDirectory;
  /** How many tokens are fetched at a time, always as many, at most 64. Half of them left is when more are. Default: 32. */
  batch?: number;
  /** New ones are fetched at a random time within so many seconds. Default: 3,600. */
  withinSeconds?: number;
}

/** The tokens of this origin. Pages that open it share them. */
export interface TokenWallet {
  /**
   * A token for one request. No page gets it a second time. If none is left, some are fetched now.
   *
   * @throws TidegateError `token-unavailable` if there is none, and none can be had.
   */
  take(): Promise<string>;
  /** How many are left. */
  count(): Promise<number>;
  /** Deletes all of them, for example when somebody signs out. */
  forget(): Promise<void>;
  /** Fetches no more ahead. */
  close(): void;
}

/** A kept token, and until when it is taken, in seconds since 1970. */
interface Kept {
  token: string;
  until: number;
}

/** A key of the directory. */
interface Listed {
  text: string;
  from: number;
  until: number;
}

const REQUEST_TYPE = 'application/private-token-generic-batch-request';
/** The place in the store. */
const TOKENS = 'tokens';
/** As `issuer::MOST`. */
const MOST = 64;

/**
 * Opens the wallet. If it is nearly empty, tokens are fetched, at a random time; if it is quite empty, now.
 *
 * @throws TidegateError `invalid-request` for options that cannot be used, `SealedStoreError` where the browser keeps
 * nothing for this page.
 */
export async function openTokenWallet(options: TokenWalletOptions): Promise<TokenWallet> {
  const known = ['issue', 'issuer', 'origin', 'keys', 'batch', 'withinSeconds'];
  onlyKnown('options', options, known);
  const batch = options.batch ?? 32;
  if (!Number.isInteger(batch) || batch < 2 || batch > MOST) {
    throw invalid(`options.batch: expected a whole number from 2 to ${MOST}`);
  }
  const within = options.withinSeconds ?? 3600;
  if (!Number.isFinite(within) || within < 0) throw invalid('options.withinSeconds: expected seconds');
  for (const field of ['issuer', 'origin'] as const) {
    // As the gateway's: printable ASCII.
    if (typeof options[field] !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(options[field])) {
      throw invalid(`options.${field}: expected the name that the gateway has, in ASCII`);
    }
  }
  const wallet = new Wallet(
    await openSealedStore(`${TOKENS} of ${options.issuer} for ${options.origin}`),
    typeof options.issue === 'function' ? options.issue : posting(options.issue),
    options,
    listedKeys(options.keys),
    batch,
    within * 1000,
  );
  await wallet.look();
  return wallet;
}

class Wallet implements TokenWallet {
  readonly #store: SealedStore;
  readonly #issue: Issue;
  readonly #names: { issuer: string; origin: string };
  readonly #keys: Listed[];
  readonly #batch: number;
  readonly #withinMs: number;
  readonly #lock: string;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(
    store: SealedStore,
    issue: Issue,
    { issuer, origin }: { issuer: string; origin: string },
    keys: Listed[],
    batch: number,
    withinMs: number,
  ) {
    this.#store = store;
    this.#issue = issue;
    this.#names = { issuer, origin };
    this.#keys = keys;
    this.#batch = batch;
    this.#withinMs = withinMs;
    this.#lock = `tidegate ${TOKENS} of ${issuer} for ${origin}`;
  }

  async take(): Promise<string> {
    let token = await this.#pop();
    if (token === undefined) {
      // The one case in which issuing and asking come together.
      await this.#refill(1);
      token = await this.#pop();
    }
    if (token === undefined) throw unavailable('other pages took the tokens that came');
    await this.look();
    return token;
  }

  count(): Promise<number> {
    return this.#locked(async () => (await this.#read()).length);
  }

  forget(): Promise<void> {
    return this.#locked(() => this.#store.forget());
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Sees to it that there will be enough. */
  async look(): Promise<void> {
    const left = await this.count();
    if (this.#closed || this.#timer !== undefined || left > this.#batch / 2) return;
    const delay = left === 0 ? 0 : Math.random() * this.#withinMs;
    this.#timer = setTimeout(() => {
      this.#refill(Math.floor(this.#batch / 2) + 1)
        .catch(() => {}) // tried again when somebody asks, or the next page opens it
        .finally(() => {
          this.#timer = undefined;
        });
    }, delay);
  }

  /** Takes one out before anybody has it: what a crash loses is lost, and none is used twice. */
  #pop(): Promise<string | undefined> {
    return this.#locked(async () => {
      const kept = await this.#read();
      const taken = kept.pop();
      if (taken !== undefined) await this.#store.put(TOKENS, JSON.stringify(kept));
      return taken?.token;
    });
  }

  /** Fetches a batch, unless there are so many by then: one page at a time. */
  #refill(enough: number): Promise<void> {
    return locks().request(`${this.#lock}, more`, async () => {
      if ((await this.count()) >= enough) return;
      const { key, until } = await this.#signing();
      const { issuer, origin } = this.#names;
      const batch = await blindBatch(key, await challengeDigest(issuer, origin), this.#batch);
      const tokens = await this.#ask(batch);
      await this.#locked(async () => {
        const kept = [...(await this.#read()), ...tokens.map((token) => ({ token, until }))];
        await this.#store.put(TOKENS, JSON.stringify(kept));
      });
    });
  }

  async #ask({ request, finish }: Batch): Promise<string[]> {
    try {
      return await finish(await this.#issue(request));
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw unavailable(`new ones could not be had (${why})`);
    }
  }

  /** The newest key that signs now. */
  async #signing(): Promise<{ key: TokenKey; until: number }> {
    const now = seconds();
    const signing = this.#keys.filter(({ from, until }) => from <= now && now < until);
    const newest = signing.sort((a, b) => b.from - a.from)[0];
    if (newest === undefined) throw unavailable('none of options.keys is valid now; give the app newer ones');
    return { key: await readTokenKey(newest.text), until: newest.until };
  }

  /** What is kept and has not expired. */
  async #read(): Promise<Kept[]> {
    const text = await this.#store.get(TOKENS).catch(async () => {
      await this.#store.forget(); // its key is gone, or it was changed: nothing to be had
      return undefined;
    });
    const now = seconds();
    return text === undefined ? [] : (JSON.parse(text) as Kept[]).filter(({ until }) => now < until);
  }

  /** Nobody else reads and writes meanwhile, in no page of this origin. */
  #locked<T>(work: () => Promise<T>): Promise<T> {
    return locks().request(this.#lock, work) as Promise<T>;
  }
}

function listedKeys(directory: IssuerDirectory): Listed[] {
  const keys: unknown = directory?.['token-keys'];
  const ours = Array.isArray(keys) ? (keys as IssuerDirectory['token-keys']) : [];
  const listed = ours
    .filter((key) => key['token-type'] === 2 && typeof key['token-key'] === 'string')
    .map((key) => ({
      text: key['token-key'],
      from: key['not-before'] ?? 0,
      until: key['not-after'] ?? Number.MAX_SAFE_INTEGER,
    }));
  if (listed.length > 0) return listed;
  throw invalid(
    'options.keys: expected the issuer’s directory with keys of type 2 (tidegate tokens directory)',
  );
}

/** Posts to the app's back end. */
function posting(url: string | URL): Issue {
  return async (body) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': REQUEST_TYPE },
      body,
      cache: 'no-store',
    });
    if (!response.ok) throw new Error(`${url} answered HTTP ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  };
}

function locks(): LockManager {
  const { locks } = (globalThis.navigator ?? {}) as Partial<Navigator>;
  if (locks === undefined) throw unavailable('this browser has no Web Locks, or the page is not secure');
  return locks;
}

function unavailable(why: string): TidegateError {
  const message = `no token is left, and ${why}; ask again later`;
  return new TidegateError({ code: 'token-unavailable', message, recoverable: true });
}

function seconds(): number {
  return Date.now() / 1000;
}
