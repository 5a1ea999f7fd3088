import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A child process whose output is kept, so that specs can search it. */
export class Process {
  readonly child: ChildProcess;
  #output = '';
  #stdout = '';
  #waiting: (() => void)[] = [];
  #ended = false;

  constructor(command: string, args: string[], options: SpawnOptions = {}) {
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
      this.#stdout += text;
      this.#wake();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
    const end = (why: unknown) => {
      this.#ended = true;
      this.#output += `\n[ended: ${String(why)}]\n`;
      this.#wake();
    };
    this.child.on('error', end);
    this.child.on('close', end);
  }

  /** Everything that it has printed so far, on both streams as it came. */
  get output(): string {
    return this.#output;
  }

  /** The first match in its standard output; rejects if it ends before. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#stdout);
      if (match !== null) return match;
      if (this.#ended) throw new Error(`${this.child.spawnfile} ended without ${pattern}:\n${this.#output}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Resolves when it has ended, or could not start. */
  async ended(): Promise<void> {
    while (!this.#ended) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Ends it, kindly or not, and waits until it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill(signal);
    await gone;
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
