import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = new URL('../../../', import.meta.url);
const cache = process.env.TIDEGATE_CACHE ?? `${process.env.XDG_CACHE_HOME ?? `${homedir()}/.cache`}/tidegate`;

/** A path inside the checkout. */
export function inRoot(path: string): string {
  return fileURLToPath(new URL(path, root));
}

/** What `cargo xtask test` names in the environment; run alone, the specs look where it would have put things. */
export const places = {
  binary: process.env.TIDEGATE_BINARY ?? inRoot('target/debug/tidegate'),
  model: process.env.TIDEGATE_MODEL ?? `${cache}/models/SmolLM2-135M-Instruct.Q4_1.gguf`,
  python: process.env.TIDEGATE_PYTHON ?? `${cache}/python/bin/python`,
  worker: process.env.TIDEGATE_WORKER ?? inRoot('target/worker'),
  chromium:
    process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync) ?? 'chromium',
  page: inRoot('www/dist'),
  packageDist: inRoot('crates/browser/npm/dist'),
  blinding: inRoot('node_modules/@cloudflare/blindrsa-ts/lib/src'),
  /** Toolchains that cannot build Rust's std leave this module out; the package works without it. */
  threadsModule: inRoot('crates/browser/npm/dist/wasm/tidegate_cpu_threads_bg.wasm'),
  golden: inRoot('tests/golden/smollm2-135m-instruct-q4_1.json'),
};
