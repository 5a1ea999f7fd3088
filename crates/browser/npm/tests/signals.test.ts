import { expect, test } from 'vitest';
import { type DeviceApis, DeviceWatch } from '../src/signals.js';
import type { DeviceSignals } from '../src/types.gen.js';

const UNKNOWN: DeviceSignals = {
  battery: null,
  charging: null,
  pressure: null,
  dataSaver: null,
  roundTrip: null,
};

class Battery extends EventTarget {
  level = 0.5;
  charging = true;
  change(level: number, charging: boolean): void {
    Object.assign(this, { level, charging });
    this.dispatchEvent(new Event('levelchange'));
    this.dispatchEvent(new Event('chargingchange'));
  }
}

class Connection extends EventTarget {
  saveData = false;
  rtt = 50;
}

/** A `PressureObserver` that is told what to observe. */
function pressure(observe: () => Promise<void> = async () => {}) {
  const made: { tell(state: string): void; disconnected: boolean }[] = [];
  class PressureObserver {
    disconnected = false;
    constructor(readonly onChange: (records: { state: string }[]) => void) {
      made.push(this);
    }
    tell(state: string): void {
      this.onChange([{ state: 'nominal' }, { state }]);
    }
    observe = observe;
    disconnect(): void {
      this.disconnected = true;
    }
  }
  return { PressureObserver, made };
}

/** Watches; what was told, in order. */
async function watch(apis: DeviceApis): Promise<{ watch: DeviceWatch; told: DeviceSignals[] }> {
  const told: DeviceSignals[] = [];
  const watch = new DeviceWatch((signals) => told.push(signals), apis);
  await new Promise((resolve) => setTimeout(resolve)); // promises of the fakes are settled
  return { watch, told };
}

test('what a browser lacks is unknown', async () => {
  for (const apis of [{}, { navigator: {} }] as DeviceApis[]) {
    const { watch: device, told } = await watch(apis);
    expect(device.signals).toEqual(UNKNOWN);
    expect(told).toEqual([]);
  }
});

test('what a browser refuses is unknown', async () => {
  const refuse = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
  const { PressureObserver } = pressure(refuse);
  const { watch: device, told } = await watch({ navigator: { getBattery: refuse }, PressureObserver });
  expect(device.signals).toEqual(UNKNOWN);
  expect(told).toEqual([]);
});

test('all signals are read, and each change is told once', async () => {
  const [battery, connection] = [new Battery(), new Connection()];
  const { PressureObserver, made } = pressure();
  const { watch: device, told } = await watch({
    navigator: { getBattery: async () => battery, connection },
    PressureObserver,
  });
  expect(device.signals).toEqual({
    battery: 0.5,
    charging: true,
    pressure: null,
    dataSaver: false,
    roundTrip: 50,
  });
  told.length = 0;
  battery.change(0.1, false);
  connection.saveData = true;
  connection.dispatchEvent(new Event('change'));
  for (const state of ['serious', 'serious', 'unheard-of']) made[0]?.tell(state);
  expect(told).toEqual([
    { battery: 0.1, charging: false, pressure: null, dataSaver: false, roundTrip: 50 },
    { battery: 0.1, charging: false, pressure: null, dataSaver: true, roundTrip: 50 },
    { battery: 0.1, charging: false, pressure: 'serious', dataSaver: true, roundTrip: 50 },
    { battery: 0.1, charging: false, pressure: null, dataSaver: true, roundTrip: 50 },
  ]);
});

test('after stop() nothing is told, and nothing is observed', async () => {
  const battery = new Battery();
  const { PressureObserver, made } = pressure();
  const { watch: device, told } = await watch({
    navigator: { getBattery: async () => battery },
    PressureObserver,
  });
  told.length = 0;
  device.stop();
  battery.change(0.1, false);
  made[0]?.tell('critical');
  expect(told).toEqual([]);
  expect(made.map(({ disconnected }) => disconnected)).toEqual([true]);
});

test('a battery that comes after stop() is not listened to', async () => {
  const told: DeviceSignals[] = [];
  const battery = new Battery();
  const device = new DeviceWatch((signals) => told.push(signals), {
    navigator: { getBattery: async () => battery },
  });
  device.stop();
  await new Promise((resolve) => setTimeout(resolve));
  battery.change(0.1, false);
  expect(told).toEqual([]);
});
