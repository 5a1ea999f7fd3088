import { readdirSync, readFileSync } from 'node:fs';

/** Bytes that a process and its descendants hold, shared pages counted once in sum (PSS). Linux only. */
export function memoryOfTree(root: number): number {
  let bytes = 0;
  for (const pid of treeOf(root)) {
    bytes += 1024 * Number(/^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
  }
  return bytes;
}

/** Time that processors have spent on a process and its descendants, in ms, in steps of 10. Linux only. */
export function processorTimeOfTree(root: number): number {
  let ticks = 0;
  for (const pid of treeOf(root)) {
    // After the name: state, then ppid (field 4) up to utime and stime (fields 14 and 15).
    const [, user, system] = /^(?:\S+ ){11}(\d+) (\d+)/.exec(fieldsAfterName(pid)) ?? [];
    ticks += Number(user ?? 0) + Number(system ?? 0);
  }
  return ticks * 10;
}

function treeOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const parent = /^\S (\d+)/.exec(fieldsAfterName(pid))?.[1];
    if (parent !== undefined) parents.set(pid, Number(parent));
  }
  const isInTree = (pid: number | undefined): boolean =>
    pid === root || (pid !== undefined && isInTree(parents.get(pid)));
  return [...parents.keys()].filter(isInTree);
}

/** `state ppid …`: before it stand pid and name, and the name may hold spaces and brackets. */
function fieldsAfterName(pid: number): string {
  return read(`/proc/${pid}/stat`).replace(/^.*\) /s, '');
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
