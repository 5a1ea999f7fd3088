import { invalid } from './errors.js';

/** Refuses what is not one of these words. */
export function oneOf<T extends string>(name: string, value: T, allowed: readonly T[]): T {
  if (!allowed.includes(value)) {
    throw invalid(
      `${name}: ${JSON.stringify(value)} is not one of ${allowed.map((a) => `'${a}'`).join(', ')}`,
    );
  }
  return value;
}

/** Refuses fields that nothing would read: most are typing errors, and a policy that is ignored is a leak. */
export function onlyKnown(name: string, value: object, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null) throw invalid(`${name}: expected an object`);
  for (const [key, field] of Object.entries(value)) {
    if (field !== undefined && !known.includes(key)) {
      throw invalid(`${name}.${key} is not supported; supported: ${known.join(', ')}`);
    }
  }
}

/** A URL that may be fetched, resolved against `base`. */
export function absolute(name: string, url: string | URL, base: string | undefined): string {
  let parsed: URL;
  try {
    parsed = new URL(url, base);
  } catch {
    throw invalid(`${name}: ${JSON.stringify(String(url))} is not a URL`);
  }
  if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:' && parsed.protocol !== 'blob:') {
    throw invalid(`${name}: ${parsed.protocol} URLs are not supported; use https:`);
  }
  return parsed.href;
}
