import { readdirSync, readFileSync } from 'node:fs';

/** Bytes that a process and its descendants hold, shared pages counted once in sum (PSS). Linux only. */
export function memoryOfTree(root: number): number {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    // `pid (name) state ppid …`; the name may hold spaces and brackets.
    const parent = /\) \S (\d+)/.exec(read(`/proc/${pid}/stat`).replace(/^.*\)/s, ')'))?.[1];
    if (parent !== undefined) parents.set(pid, Number(parent));
  }
  const isInTree = (pid: number | undefined): boolean =>
    pid === root || (pid !== undefined && isInTree(parents.get(pid)));
  let bytes = 0;
  for (const pid of parents.keys()) {
    if (!isInTree(pid)) continue;
    bytes += 1024 * Number(/^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
  }
  return bytes;
}

/** The process whose command line holds `text`, the one that started the others. */
export function processWith(text: string): number {
  for (const name of readdirSync('/proc').sort((a, b) => Number(a) - Number(b))) {
    if (/^\d+$/.test(name) && Number(name) !== process.pid && read(`/proc/${name}/cmdline`).includes(text)) {
      return Number(name);
    }
  }
  throw new Error(`no process has ${text} in its command line`);
}

/** Processes end while one looks. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
