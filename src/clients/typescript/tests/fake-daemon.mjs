// A daemon of which a test decides every byte: it takes connections and gives their frames to the test one by one.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FrameReader } from '../dist/esm/wire/frame-reader.js';
import { walkProperties } from '../dist/esm/wire/properties.js';
import { Kind } from '../dist/esm/wire/protocol.js';

/** Values that one side puts in and the other waits for. */
class Mailbox {
  values = [];
  waiting = [];

  put(value) {
    const waiter = this.waiting.shift();
    if (waiter === undefined) this.values.push(value);
    else waiter(value);
  }

  take() {
    if (this.values.length > 0) return Promise.resolve(this.values.shift());
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

const u16 = (value) => { const b = Buffer.alloc(2); b.writeUInt16LE(value); return b; };
const u32 = (value) => { const b = Buffer.alloc(4); b.writeUInt32LE(value); return b; };
const u64 = (value) => { const b = Buffer.alloc(8); b.writeBigUInt64LE(BigInt(value)); return b; };

export function frame(kind, { flags = 0, extra = 0 } = {}, ...parts) {
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(body.length + 4), Buffer.of(kind, flags), u16(extra), body]);
}

export const property = (id, value) => Buffer.concat([Buffer.of(id), u16(value.length), value]);

export const greeting = Buffer.from('NXD1\x01\x00\x00\x00', 'latin1');

export function welcome({
  publisher = 77, next = 1, maxAliases = 65_536, maxFrame = 4_260_096, maxPayload = 4_194_304, idle = 30_000,
} = {}) {
  return frame(
    Kind.welcome, {}, property(0x12, u64(publisher)), property(0x13, u64(next)), property(0x14, u32(maxAliases)),
    property(0x15, u32(maxFrame)), property(0x17, u32(maxPayload)), property(0x18, u32(1000)),
    property(0x19, u32(idle)), property(0x20, Buffer.alloc(16, 1)), property(0x21, Buffer.from('fake')),
    property(0x22, Buffer.from('test')), property(0x23, Buffer.from('0.0.0')),
  );
}

export const ack = ({ code = 0, number, count = 1, local = 0, peers = 0 }) =>
  frame(Kind.ack, { extra: code }, u64(number), u32(count), u32(local), u32(peers));

export const subscribed = (id, code = 0, text = '') =>
  frame(Kind.subscribed, { extra: code }, u32(id), Buffer.from(text));

export const result = (id, code, text) => frame(Kind.result, { extra: code }, u32(id), Buffer.from(text));

export const error = (code, text, { closes = false, reference = 0 } = {}) =>
  frame(Kind.error, { flags: closes ? 1 : 0, extra: code }, u64(reference), Buffer.from(text));

export const goAway = () => frame(Kind.goAway, { extra: 19 }, u64(0), Buffer.from('leaving'));

export const topic = (alias, name) => frame(Kind.topic, {}, u32(alias), Buffer.from(name));

export const loss = (kind, { reason, sub = 0, publisher = 9, from = 10, to = 20, count = 4, node = 'n' }) =>
  frame(kind, { extra: reason }, u32(sub), u64(publisher), u64(from), u64(to), u64(count), Buffer.from(node));

/** A DELIVER frame with its topic as text, or with an alias. */
export function deliver({
  sub, alias = 0, name = 'a/b', publisher = 9, number = 1, timestamp = 1n << 16n, flags = 0, payloads = ['x'],
  properties = [],
}) {
  const all = Buffer.concat([...(alias === 0 ? [property(1, Buffer.from(name))] : []), ...properties]);
  const events = payloads.flatMap((payload) => [u32(Buffer.byteLength(payload)), Buffer.from(payload)]);
  return frame(
    Kind.deliver, { flags, extra: all.length }, u32(sub), u32(alias), u64(publisher), u64(number), u64(timestamp),
    all, ...events,
  );
}

/** What is in a frame of a client. */
function parse(bytes) {
  const kind = bytes[4];
  const extra = bytes.readUInt16LE(6);
  const parsed = { kind, flags: bytes[5], bytes };
  const properties = new Map();
  const collect = (from, to) => walkProperties(bytes, from, to, (id, start, end) => {
    properties.set(id, bytes.subarray(start, end));
    return true;
  });
  if (kind === Kind.hello) collect(8, bytes.length);
  if (kind === Kind.topic) return { ...parsed, alias: bytes.readUInt32LE(8), name: bytes.toString('utf8', 12) };
  if (kind === Kind.publish) {
    collect(12, 12 + extra);
    const payloads = [];
    for (let at = 12 + extra; at < bytes.length; at += 4 + bytes.readUInt32LE(at)) {
      payloads.push(bytes.toString('utf8', at + 4, at + 4 + bytes.readUInt32LE(at)));
    }
    return { ...parsed, alias: bytes.readUInt32LE(8), properties, payloads };
  }
  if (kind === Kind.subscribe) {
    collect(24, 24 + extra);
    const filters = [];
    for (let at = 24 + extra; at < bytes.length; at += 2 + bytes.readUInt16LE(at)) {
      filters.push(bytes.toString('utf8', at + 2, at + 2 + bytes.readUInt16LE(at)));
    }
    const [sub, credit, events, queue] = [8, 12, 16, 20].map((at) => bytes.readUInt32LE(at));
    return { ...parsed, sub, credit, events, queue, properties, filters };
  }
  if (kind === Kind.unsubscribe) return { ...parsed, sub: bytes.readUInt32LE(8) };
  if (kind === Kind.credit) return { ...parsed, sub: bytes.readUInt32LE(8), credit: bytes.readUInt32LE(12) };
  if (kind === Kind.ping || kind === Kind.pong) return { ...parsed, opaque: bytes.readBigUInt64LE(8) };
  if (kind === Kind.query) return { ...parsed, request: bytes.readUInt32LE(8), text: bytes.toString('utf8', 12) };
  return { ...parsed, properties };
}

/** One connection of a client, seen from the daemon. */
export class FakeConnection {
  frames = new Mailbox();
  chunks = 0;
  #reader = new FrameReader();
  #greeting = Buffer.alloc(0);

  constructor(socket) {
    this.socket = socket;
    this.ended = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => this.#take(bytes));
  }

  #take(bytes) {
    this.chunks++;
    let rest = bytes;
    if (this.#greeting.length < 8) {
      const whole = Buffer.concat([this.#greeting, bytes]);
      this.#greeting = whole.subarray(0, 8);
      rest = whole.subarray(8);
    }
    this.#reader.push(rest, (frameBytes, at, end) => {
      this.frames.put(parse(Buffer.from(frameBytes.subarray(at, end))));
      return true;
    });
  }

  /** The next frame, whatever it is. */
  next() {
    return this.frames.take();
  }

  /** The next frame of a kind; others are skipped. */
  async of(kind) {
    for (;;) {
      const taken = await this.next();
      if (taken.kind === kind) return taken;
    }
  }

  send(...frames) {
    this.socket.write(Buffer.concat(frames));
  }

  /** Waits for HELLO and answers it. */
  async greet(how) {
    const hello = await this.of(Kind.hello);
    this.send(greeting, welcome(how));
    return hello;
  }

  /** Waits for a subscription and confirms it. */
  async confirm() {
    const subscription = await this.of(Kind.subscribe);
    this.send(subscribed(subscription.sub));
    return subscription;
  }

  cut() {
    this.socket.destroy();
  }
}

/** Listens at a Unix socket of its own. */
export class FakeDaemon {
  #connections = new Mailbox();
  #open = new Set();

  static async listen() {
    const daemon = new FakeDaemon();
    daemon.folder = mkdtempSync(join(tmpdir(), 'nexusd-fake-'));
    daemon.path = join(daemon.folder, 's');
    daemon.address = `unix:${daemon.path}`;
    await daemon.start();
    return daemon;
  }

  async start() {
    this.server = createServer((socket) => {
      this.#open.add(socket);
      socket.on('close', () => this.#open.delete(socket));
      this.#connections.put(new FakeConnection(socket));
    });
    this.server.listen(this.path);
    await once(this.server, 'listening');
  }

  /** The next connection. */
  accept() {
    return this.#connections.take();
  }

  /** The next connection, welcomed. */
  async welcome(how) {
    const connection = await this.accept();
    connection.hello = await connection.greet(how);
    return connection;
  }

  /** Stops listening and cuts all connections. */
  async stop() {
    for (const socket of this.#open) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  async close() {
    if (this.server.listening) await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
