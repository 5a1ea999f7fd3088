/**
 * Calls every listener of an app. What one of them throws is the app's to see, and must not break what it listens
 * to, nor keep it from the others.
 */
export function tellAll<T>(listeners: Iterable<(value: T) => void>, value: T): void {
  for (const listener of listeners) {
    try {
      listener(value);
    } catch (thrown) {
      report(thrown);
    }
  }
}

/** Where an error goes that nothing caught; Node has no `reportError`. */
function report(thrown: unknown): void {
  if (typeof reportError === 'function') reportError(thrown);
  else console.error(thrown);
}
