import { test } from 'node:test';
import { NexusdClient } from '../dist/esm/index.js';
import { FakeDaemon } from './fake-daemon.mjs';

/** Quick to come back, so that no test waits for the clock. */
export const quick = { reconnectMinMs: 1, reconnectMaxMs: 5, closeTimeoutMs: 0 };

/** A test that fails loudly instead of hanging. */
export const limited = (name, run, options = {}) => test(name, { timeout: 20_000, ...options }, run);

/** A test with a fake daemon and a client of it, both closed at its end. */
export function withFake(name, run, options = {}) {
  limited(name, async () => {
    const daemon = await FakeDaemon.listen();
    const client = new NexusdClient(daemon.address, { ...quick, ...options });
    try {
      await run(daemon, client);
    } finally {
      await daemon.close();
      await client.close();
    }
  });
}

/** Waits for the next event of a client that fits. */
export function nextEvent(client, event, fits = () => true) {
  return new Promise((resolve) => {
    const listen = (value) => {
      if (!fits(value)) return;
      client.off(event, listen);
      resolve(value);
    };
    client.on(event, listen);
  });
}

export const reached = (client, state) => nextEvent(client, 'state', (change) => change.state === state);

/** What a promise is rejected with; undefined when it is not. */
export const failure = (promise) => promise.then(() => undefined, (error) => error);

/** Everything that is due in this turn of the event loop has happened. */
export const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
