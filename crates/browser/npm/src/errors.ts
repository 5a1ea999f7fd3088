import type { ErrorCode, ErrorData } from './types.gen.js';

/**
 * Everything that Tidegate rejects with, except an abort: that is a `DOMException` named `AbortError`.
 *
 * `code` is from a closed set, so that a `switch` over it can be exhaustive. `message` is for a developer:
 * it names the thing, the place and the way out, and holds no text of the query.
 */
export class TidegateError extends Error {
  override readonly name = 'TidegateError';
  /** What went wrong. */
  readonly code: ErrorCode;
  /** The same call may succeed later, or after the change that `message` names. */
  readonly recoverable: boolean;

  constructor(data: ErrorData, options?: ErrorOptions) {
    super(data.message, options);
    this.code = data.code;
    this.recoverable = data.recoverable;
  }
}

/** An `invalid-request` error: a defect of the caller, found before anything was done. */
export function invalid(message: string): TidegateError {
  return new TidegateError({ code: 'invalid-request', message, recoverable: false });
}

/** The error after `dispose()`. */
export function disposed(): TidegateError {
  return new TidegateError({
    code: 'disposed',
    message: 'this Tidegate was disposed; create a new one with createTidegate()',
    recoverable: false,
  });
}

/** An `AbortError` that keeps the reason given to `controller.abort(reason)`. */
export class AbortError extends DOMException {
  /** `signal.reason`. */
  readonly reason: unknown;

  constructor(reason: unknown) {
    super(reason instanceof Error ? reason.message : 'The call was aborted.', 'AbortError');
    this.reason = reason;
  }
}

/** Any thrown value as an error that the package may reject with. */
export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  if (isErrorData(thrown)) return new TidegateError(thrown);
  return new TidegateError({ code: 'internal', message: String(thrown), recoverable: false });
}

/** An error as plain data, to cross from the worker to the page. */
export function asErrorData(thrown: unknown): ErrorData {
  if (thrown instanceof TidegateError || isErrorData(thrown)) {
    return { code: thrown.code, message: thrown.message, recoverable: thrown.recoverable };
  }
  const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return { code: 'internal', message, recoverable: false };
}

function isErrorData(value: unknown): value is ErrorData {
  return (
    typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    'message' in value &&
    'recoverable' in value
  );
}
