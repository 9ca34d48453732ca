/** A promise and its ends. Nobody has to look at it: a rejection that is not awaited is no unhandled one. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (reason: unknown) => void;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(() => undefined);
  }
}

/** Bounds of a wait. */
export interface WaitOptions {
  /** Milliseconds after which the wait fails; none: it has no end of its own. */
  timeoutMs?: number | undefined;
  /** Cancels the wait; it fails with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** What to throw for a signal: its reason, as the platform's own functions do. */
export function abortReason(signal: AbortSignal): unknown {
  return signal.reason as unknown;
}

/** Waits for a promise within bounds. */
export function within<T>(promise: Promise<T>, options: WaitOptions, late: () => Error): Promise<T> {
  const { timeoutMs, signal } = options;
  if (timeoutMs === undefined && signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(abortReason(signal) as Error);
      return;
    }
    const onAbort = (): void => done(() => reject(abortReason(signal!) as Error));
    const timer = timeoutMs === undefined || timeoutMs === Infinity
      ? undefined
      : setTimeout(() => done(() => reject(late())), Math.min(Math.max(timeoutMs, 0), 0x7fff_ffff));
    const done = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      settle();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    promise.then((value) => done(() => resolve(value)), (error: unknown) => done(() => reject(error as Error)));
  });
}

/** Waits for some milliseconds. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  const passed = new Deferred<void>();
  const timer = setTimeout(() => passed.resolve(), ms);
  return within(passed.promise, { signal }, () => new Error('never')).finally(() => clearTimeout(timer));
}
