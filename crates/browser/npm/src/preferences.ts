/// What weighs how much, what models cost, and what may go wrong how often.

import { invalid } from './errors.js';
import { onlyKnown } from './fields.js';
import type { Preferences, Price, Risk } from './types.gen.js';

const USUAL: Preferences = { quality: 1, cost: 1, latency: 1, device: 1, fairPrice: 0.01 };

/** Most that one thing can weigh. */
const MOST = 4;

/** Checks preferences; what is not given is as usual. */
export function preferences(name: string, given: Partial<Preferences>): Preferences {
  onlyKnown(name, given, Object.keys(USUAL));
  const checked = { ...USUAL };
  for (const key of Object.keys(USUAL) as (keyof Preferences)[]) {
    const value = given[key];
    if (value === undefined) continue;
    if (key === 'fairPrice') {
      expect(`${name}.${key}`, value > 0 && Number.isFinite(value), 'a number greater than 0');
    } else {
      expect(`${name}.${key}`, value >= 0 && value <= MOST, `a number from 0 to ${MOST}`);
    }
    checked[key] = value;
  }
  return checked;
}

/** Checks a risk. */
export function risk(name: string, given: Risk): Risk {
  onlyKnown(name, given, ['alpha', 'delta']);
  const { alpha, delta } = given;
  for (const [key, value] of Object.entries({ alpha, delta })) {
    expect(`${name}.${key}`, value > 0 && value < 1, 'a number between 0 and 1');
  }
  return { alpha, delta };
}

/** Checks a table of prices. */
export function prices(name: string, given: Record<string, Price>): Record<string, Price> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid(`${name}: expected an object, { model: { input, output } }`);
  }
  return Object.fromEntries(
    Object.entries(given).map(([model, price]) => {
      const entry = `${name}[${JSON.stringify(model)}]`;
      onlyKnown(entry, price, ['input', 'output']);
      const { input, output } = price;
      for (const [key, value] of Object.entries({ input, output })) {
        const isPrice = value >= 0 && Number.isFinite(value);
        expect(`${entry}.${key}`, isPrice, 'what a million tokens cost, a number from 0 on');
      }
      return [model, { input, output }];
    }),
  );
}

function expect(name: string, holds: boolean, expected: string): void {
  if (!holds) throw invalid(`${name}: expected ${expected}`);
}
