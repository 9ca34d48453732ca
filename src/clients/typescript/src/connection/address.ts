import { lookup } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { ArgumentError, ConnectionError } from '../errors.js';

const defaultPort = 5672;
const variable = 'NEXUSD_ADDR';
const systemSocket = '/run/nexusd/nexusd.sock';

// sun_path holds 108 bytes on Linux, 104 on macOS, the closing zero included.
const mostSocketPathBytes = 103;

/** A place to connect to. */
export type Endpoint = { readonly path: string } | { readonly host: string; readonly port: number };

export function describeEndpoint(endpoint: Endpoint): string {
  if ('path' in endpoint) return `unix:${endpoint.path}`;
  return endpoint.host.includes(':') ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
}

const forms = "is not 'host:port', '[::1]:port', 'unix:/path' or '/path'";

function parsePath(path: string, what: string): Endpoint {
  if (path === '' || path.includes('\u0000')) {
    throw new ArgumentError(`${what} names no socket: write unix:/path/to/nexusd.sock.`);
  }
  if (Buffer.byteLength(path) > mostSocketPathBytes) {
    throw new ArgumentError(
      `${what} is too long for a Unix socket; at most ${mostSocketPathBytes} bytes are possible.`);
  }
  return { path };
}

function splitPort(text: string): { host: string; port: string | undefined } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) return { host: bracketed[1]!, port: bracketed[2] };
  if (text.startsWith('[')) return { host: '', port: undefined };
  const colon = text.lastIndexOf(':');
  // Several colons without brackets: an IPv6 address, which has no port of its own.
  if (colon < 0 || text.indexOf(':') !== colon) return { host: text, port: undefined };
  return { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

function parseOne(text: string, what: string): Endpoint {
  if (text.startsWith('unix:') || text.startsWith('/')) {
    const path = text.startsWith('/') ? text : text.slice('unix:'.length);
    return parsePath(path.startsWith('//') ? path.slice(2) : path, what);
  }
  if (text.includes('://')) throw new ArgumentError(`${what} ${forms}: leave out what stands before '://'.`);
  const { host, port } = splitPort(text);
  if (host === '' || /[\s/\\@#?[\]]/.test(host)) throw new ArgumentError(`${what} ${forms}.`);
  if (port === undefined) return { host, port: defaultPort };
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  if (number < 1 || number > 65_535) {
    throw new ArgumentError(`${what} has the port '${port}'; a port is a number from 1 to 65535.`);
  }
  return { host, port: number };
}

/** Where a daemon listens: one or several places, of which the first that answers is used. Reading it does no I/O. */
export class Address {
  private constructor(private readonly places: readonly Endpoint[]) {}

  /**
   * Reads an address; without one the environment says, or the default holds.
   * @throws ArgumentError it has none of the forms.
   */
  static parse(text: string | undefined): Address {
    const given = text ?? process.env[variable];
    if (text === undefined && (given === undefined || given.trim() === '')) return new Address([]);
    if (typeof given !== 'string') throw new ArgumentError('The address is not a text.');
    const what = text === undefined ? `The environment variable ${variable}='${given}'` : `The address '${given}'`;
    return new Address(given.split(',').map((one) => parseOne(one.trim(), what)));
  }

  /** The places to try, in order. May ask DNS and look for the default socket. */
  async resolve(): Promise<Endpoint[]> {
    const found: Endpoint[] = [];
    let failure: ConnectionError | undefined;
    for (const place of this.current()) {
      try {
        found.push(...await resolvePlace(place));
      } catch (cause) {
        failure = new ConnectionError(
          `The host name of ${describeEndpoint(place)} was not found: check the address ${this.toString()}.`,
          { cause },
        );
      }
    }
    if (found.length === 0 && failure !== undefined) throw failure;
    return found;
  }

  toString(): string {
    return this.current().map(describeEndpoint).join(',');
  }

  private current(): readonly Endpoint[] {
    if (this.places.length > 0) return this.places;
    const runtime = process.env['XDG_RUNTIME_DIR'];
    const candidates = [systemSocket, ...(runtime ? [join(runtime, 'nexusd.sock')] : [])];
    const path = candidates.find((one) => existsSync(one));
    return [path === undefined ? { host: 'localhost', port: defaultPort } : { path }];
  }
}

async function resolvePlace(place: Endpoint): Promise<Endpoint[]> {
  if ('path' in place || isIP(place.host) !== 0) return [place];
  const { host, port } = place;
  if (host.toLowerCase() === 'localhost') return [{ host: '::1', port }, { host: '127.0.0.1', port }];
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map(({ address }) => ({ host: address, port }));
}
