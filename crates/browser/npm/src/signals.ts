/// What the device says of itself: battery, pressure, connection. Pages can see these, workers not everywhere, so the
/// page reads them and tells the worker. What a browser lacks or refuses stays unknown (`null`) and changes nothing.

import type { DeviceSignals, Pressure } from './types.gen.js';

/** The part of a page's globals that is read. Every field may be missing. */
export interface DeviceApis {
  navigator?: {
    getBattery?(): Promise<BatteryLike>;
    connection?: ConnectionLike;
  };
  PressureObserver?: new (onChange: (records: { state: string }[]) => void) => PressureObserverLike;
}

/** `BatteryManager` of the Battery Status API. */
interface BatteryLike extends EventTarget {
  readonly level: number;
  readonly charging: boolean;
}

/** `NetworkInformation` of the Network Information API. */
interface ConnectionLike extends EventTarget {
  readonly saveData?: boolean;
  readonly rtt?: number;
}

/** `PressureObserver` of the Compute Pressure API. */
interface PressureObserverLike {
  observe(source: 'cpu', options: { sampleInterval: number }): Promise<void>;
  disconnect(): void;
}

/** How often pressure is told at most, in ms. */
const INTERVAL = 2000;

const PRESSURES: readonly string[] = ['nominal', 'fair', 'serious', 'critical'] satisfies Pressure[];

/** The signals of a device, kept up to date until `stop()`. */
export class DeviceWatch {
  #signals: DeviceSignals = {
    battery: null,
    charging: null,
    pressure: null,
    dataSaver: null,
    roundTrip: null,
  };
  readonly #onChange: (signals: DeviceSignals) => void;
  readonly #stopped = new AbortController();

  /** `onChange` is called whenever a signal is another one than before. */
  constructor(onChange: (signals: DeviceSignals) => void, apis: DeviceApis = globalThis as DeviceApis) {
    this.#onChange = onChange;
    this.#watchConnection(apis.navigator?.connection);
    void this.#watchBattery(apis);
    void this.#watchPressure(apis);
  }

  /** The signals as they were last told. */
  get signals(): DeviceSignals {
    return this.#signals;
  }

  stop(): void {
    this.#stopped.abort();
  }

  #watchConnection(connection: ConnectionLike | undefined): void {
    if (connection === undefined) return;
    const read = () =>
      this.#tell({ dataSaver: connection.saveData ?? null, roundTrip: connection.rtt ?? null });
    connection.addEventListener('change', read, { signal: this.#stopped.signal });
    read();
  }

  async #watchBattery({ navigator }: DeviceApis): Promise<void> {
    try {
      const battery = await navigator?.getBattery?.();
      if (battery === undefined || this.#stopped.signal.aborted) return;
      const read = () => this.#tell({ battery: battery.level, charging: battery.charging });
      for (const event of ['levelchange', 'chargingchange']) {
        battery.addEventListener(event, read, { signal: this.#stopped.signal });
      }
      read();
    } catch {
      // Refused by a permissions policy: unknown.
    }
  }

  async #watchPressure({ PressureObserver }: DeviceApis): Promise<void> {
    if (PressureObserver === undefined) return;
    try {
      const observer = new PressureObserver((records) => {
        const state = records.at(-1)?.state ?? '';
        this.#tell({ pressure: PRESSURES.includes(state) ? (state as Pressure) : null });
      });
      this.#stopped.signal.addEventListener('abort', () => observer.disconnect());
      await observer.observe('cpu', { sampleInterval: INTERVAL });
      if (this.#stopped.signal.aborted) observer.disconnect();
    } catch {
      // Refused, or there is nothing to observe: unknown.
    }
  }

  #tell(news: Partial<DeviceSignals>): void {
    const next = { ...this.#signals, ...news };
    const keys = Object.keys(next) as (keyof DeviceSignals)[];
    if (this.#stopped.signal.aborted || keys.every((key) => next[key] === this.#signals[key])) return;
    this.#signals = next;
    this.#onChange(next);
  }
}
