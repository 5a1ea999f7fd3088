import { asErrorData, invalid, TidegateError } from './errors.js';
import type { EngineOptions } from './options.js';

/**
 * What is known of a model's file before it is opened. Reads what crate `model-store` writes: the file
 * `tidegate/<key>.gguf` in the origin private file system, and beside it `<key>.json`.
 */
export interface Stored {
  /** Of the whole file; undefined when only the server knows. */
  bytes: number | undefined;
  /** In storage already. */
  stored: number;
  /** Whole and checked. */
  verified: boolean;
}

/** The folder of the origin private file system. */
export const FOLDER = 'tidegate';

/** The name under which something is stored of which only the URL is known. */
export async function keyOf(url: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(url));
  return `url-${[...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** Looks a model's files up without fetching them, the best first; its manifest is fetched. */
export async function lookUp(
  model: EngineOptions['model'],
  signal: AbortSignal | undefined,
): Promise<Stored[]> {
  if (model.kind === 'none') return [];
  if (model.kind === 'file') return [{ bytes: model.file.size, stored: model.file.size, verified: true }];
  if (model.kind === 'gguf') return [await readState(await keyOf(model.url))];
  const files = await manifestOf(model.url, signal);
  return Promise.all(
    files.map(async ({ bytes, sha256 }) => ({ ...(await readState(sha256.toLowerCase())), bytes })),
  );
}

/** What is read of a manifest's files here; the worker checks it in full. */
interface ManifestFile {
  bytes: number;
  sha256: string;
}

/** The manifest from its server or, without a network, as it was when its model was last loaded. */
async function manifestOf(url: string, signal: AbortSignal | undefined): Promise<ManifestFile[]> {
  try {
    return await fetchManifest(url, signal);
  } catch (thrown) {
    signal?.throwIfAborted();
    const kept = await readText(`${await keyOf(url)}.manifest.json`);
    if (kept === undefined) throw thrown;
    return filesOf(url, JSON.parse(kept));
  }
}

async function fetchManifest(url: string, signal: AbortSignal | undefined): Promise<ManifestFile[]> {
  let response: Response;
  try {
    response = await fetch(url, signal === undefined ? {} : { signal });
  } catch (thrown) {
    if (signal?.aborted) throw thrown;
    throw downloadFailed(`manifest ${url}: ${asErrorData(thrown).message}; is the device online?`);
  }
  if (!response.ok) throw downloadFailed(`manifest ${url}: HTTP ${response.status}`);
  return filesOf(url, await response.json().catch(() => undefined));
}

function filesOf(url: string, manifest: unknown): ManifestFile[] {
  const { variants = [manifest] } = (manifest ?? {}) as { variants?: unknown[] };
  return variants.map((file) => {
    const { bytes, sha256 } = (file ?? {}) as { bytes?: unknown; sha256?: unknown };
    if (typeof bytes !== 'number' || typeof sha256 !== 'string') {
      throw invalid(`manifest ${url}: expected files of { url, bytes, sha256 }`);
    }
    return { bytes, sha256 };
  });
}

async function readState(key: string): Promise<Stored> {
  const text = await readText(`${key}.json`);
  const file = await openFile(`${key}.gguf`);
  if (file === undefined) return { bytes: undefined, stored: 0, verified: false };
  const state = JSON.parse(text ?? '{}') as { bytes?: number | null; verified?: boolean };
  const verified = state.verified === true && file.size === state.bytes;
  return { bytes: state.bytes ?? undefined, stored: file.size, verified };
}

async function readText(name: string): Promise<string | undefined> {
  return (await (await openFile(name))?.text()) || undefined; // an empty file is as good as none
}

/** No such file and no such storage both mean that all of it is to be fetched. */
async function openFile(name: string): Promise<File | undefined> {
  try {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER);
    return await (await folder.getFileHandle(name)).getFile();
  } catch {
    return undefined;
  }
}

function downloadFailed(message: string): TidegateError {
  return new TidegateError({ code: 'download-failed', message, recoverable: true });
}
