import { ConnectionError } from '../errors.js';
import type { ErrorNotice } from '../wire/decode.js';
import { Code } from '../wire/protocol.js';

const whatToDo = 'Start nexusd, or give the right address (argument or NEXUSD_ADDR).';

const others: readonly (readonly [RegExp, string])[] = [
  [/^AMQP/, 'an AMQP broker such as RabbitMQ, which has the same default port'],
  [/^HTTP\//, 'an HTTP server'],
  [/^[\x14-\x17]\x03/, 'a TLS server'],
  [/^(-ERR|\+OK|\+PONG|-DENIED|-NOAUTH)/, 'a Redis server'],
  [/^INFO /, 'a NATS server'],
  [/^SSH-/, 'an SSH server'],
];

/** Another program listens there: says which bytes came, and what they look like. */
export function otherProgram(place: string, answer: Buffer): ConnectionError {
  const text = answer.toString('latin1', 0, 40);
  const guess = others.find(([pattern]) => pattern.test(text))?.[1] ?? 'another program';
  const printable = text.replace(/[^\x20-\x7e]/g, '.');
  return new ConnectionError(
    `${place} is ${guess}, not nexusd: it answered '${printable}' (${answer.toString('hex', 0, 16)}). Check the `
      + "address (argument or NEXUSD_ADDR) and nexusd's --app-port.",
    { code: Code.badGreeting, isPermanent: true },
  );
}

export function unreachable(place: string, cause: NodeJS.ErrnoException): ConnectionError {
  const texts: Record<string, string> = {
    ECONNREFUSED: `Nothing listens at ${place}. ${whatToDo}`,
    ENOENT: `There is no socket at ${place}. ${whatToDo}`,
    EACCES: `This user may not connect to ${place}: check the socket's permissions and this user's groups.`,
  };
  const text = texts[cause.code ?? ''] ?? `Cannot connect to ${place}: ${cause.message}. ${whatToDo}`;
  return new ConnectionError(text, { cause });
}

export function noAnswer(place: string, timeoutMs: number, isConnected: boolean): ConnectionError {
  const what = isConnected
    ? `${place} took the connection but did not answer as nexusd does within ${timeoutMs / 1000} s.`
    : `${place} did not answer within ${timeoutMs / 1000} s.`;
  return new ConnectionError(`${what} ${whatToDo}`);
}

export function endedInGreeting(place: string, cause?: Error): ConnectionError {
  return new ConnectionError(
    `${place} closed the connection during the greeting. Is nexusd listening there, and not another program?`,
    { cause },
  );
}

/** What an ERROR that ends the connection means to the application. */
export function endedByDaemon(place: string, error: ErrorNotice): ConnectionError {
  const isPermanent = [Code.unsupportedVersion, Code.unauthenticated, Code.forbidden]
    .some((code) => code === error.code);
  const said = error.text === '' ? error.name : error.text;
  return new ConnectionError(`nexusd at ${place} ended the connection: ${said}`, { code: error.code, isPermanent });
}

export function lostStep(place: string, what: string): ConnectionError {
  return new ConnectionError(
    `nexusd at ${place} sent ${what} that breaks the protocol; connecting again. Please report it.`,
    { code: Code.malformed },
  );
}
