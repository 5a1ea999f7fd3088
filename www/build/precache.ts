import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import type { Plugin } from 'vite';

const WORKER = 'service-worker.js';

/** Writes the list of built files, and a hash over them, into the built service worker. */
export function precache(): Plugin {
  let folder = '';
  return {
    name: 'precache',
    apply: 'build',
    configResolved: (config) => {
      folder = resolve(config.root, config.build.outDir);
    },
    writeBundle() {
      const files = filesIn(folder).filter((file) => file !== WORKER && !file.endsWith('.map'));
      const hash = createHash('sha256');
      for (const file of files)
        hash
          .update(file)
          .update('\0')
          .update(readFileSync(join(folder, file)));
      const source = readFileSync(join(folder, WORKER), 'utf8');
      const urls = JSON.stringify(files.map((file) => (file === 'index.html' ? './' : file)));
      writeFileSync(
        join(folder, WORKER),
        fill(fill(source, '__FILES__', urls), '__VERSION__', hash.digest('hex').slice(0, 16)),
      );
    },
  };
}

/** Puts `value` into a string or template literal, so it must not hold what would end or change that. */
function fill(source: string, token: string, value: string): string {
  if (/['`\\$]/.test(value)) throw new Error(`${value} cannot stand in ${WORKER}: rename the file`);
  if (source.split(token).length !== 2) throw new Error(`${WORKER} must hold ${token} exactly once`);
  return source.replace(token, () => value);
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}
