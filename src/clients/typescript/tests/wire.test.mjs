import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as decode from '../dist/esm/wire/decode.js';
import * as encode from '../dist/esm/wire/encode.js';
import { DeliverReader } from '../dist/esm/wire/deliver.js';
import { FrameReader } from '../dist/esm/wire/frame-reader.js';
import { RunCursor } from '../dist/esm/message.js';
import { encodeAttributes, encodeProperty } from '../dist/esm/wire/properties.js';
import { codeName, Kind } from '../dist/esm/wire/protocol.js';
import { bytesOf, readVectors, unfold } from './vectors.mjs';

const { vectors } = readVectors('app-v1.json');
const ofKind = (...kinds) => vectors.filter((record) => kinds.includes(record.kind));

/** Compares the fields that a record lists. */
function assertFields(record, fields) {
  for (const [name, expected] of Object.entries(record.fields)) {
    const value = expected !== null && typeof expected === 'object' && 'repeat' in expected
      ? unfold(expected) : expected;
    assert.deepEqual(fields[name], value, `${record.id}: ${name}`);
  }
}

const answerFields = (answer, id) => ({ code: codeName(answer.code), [id]: answer.id, text: answer.text });
const lossFields = (loss) => ({
  reason: loss.reason, subscription: loss.subscription, publisher: String(loss.publisher), from: String(loss.from),
  to: String(loss.to), count: String(loss.count), where: loss.node,
});

/** How each frame of a daemon is read: fields, or undefined where it is refused. */
const readers = {
  welcome(bytes) {
    const w = decode.decodeWelcome(bytes, 0, bytes.length);
    return w && {
      publisher_id: String(w.publisherId), next_number: String(w.nextNumber), max_aliases: w.maxAliases,
      max_frame: w.maxFrame, max_payload: w.maxPayload, max_subscriptions: w.maxSubscriptions,
      idle_timeout_ms: w.idleTimeoutMs, node_id_hex: w.nodeId, node_name: w.nodeName, cluster: w.cluster,
      daemon_version: w.daemonVersion,
    };
  },
  topic(bytes) {
    const t = decode.decodeTopic(bytes, 0, bytes.length, 65_536);
    return t?.topic === undefined ? undefined : t;
  },
  ack(bytes) {
    const a = decode.decodeAck(bytes, 0, bytes.length);
    return a && { ...a, code: codeName(a.code), number: String(a.number) };
  },
  subscribed: (bytes) => withAnswer(bytes, 'subscription'),
  unsubscribed: (bytes) => withAnswer(bytes, 'subscription'),
  result: (bytes) => withAnswer(bytes, 'request'),
  ping: (bytes) => withPing(bytes),
  pong: (bytes) => withPing(bytes),
  gap: (bytes) => withLoss(bytes),
  notice: (bytes) => withLoss(bytes),
  error: (bytes) => withError(bytes),
  goaway: (bytes) => withError(bytes),
};

function withAnswer(bytes, id) {
  const answer = decode.decodeAnswer(bytes, 0, bytes.length);
  return answer && answerFields(answer, id);
}

function withPing(bytes) {
  const ping = decode.decodePing(bytes, 0, bytes.length);
  return ping && { opaque: String((BigInt(ping.high) << 32n) | BigInt(ping.low)) };
}

function withLoss(bytes) {
  const loss = decode.decodeLoss(bytes, 0, bytes.length);
  return loss && lossFields(loss);
}

function withError(bytes) {
  const error = decode.decodeError(bytes, 0, bytes.length);
  return error && {
    code: error.name, closes: error.closes, reference: String(error.reference), text: error.text,
  };
}

test('frames of a daemon are read as the vectors say', () => {
  for (const record of ofKind(...Object.keys(readers))) {
    const fields = readers[record.kind](bytesOf(record.hex));
    if (record.error !== undefined) assert.equal(fields, undefined, record.id);
    else assertFields(record, fields);
  }
});

function runFields(run) {
  const payloads = [];
  const cursor = new RunCursor();
  cursor.start(run);
  const messages = [];
  while (cursor.current !== undefined) messages.push(cursor.take());
  for (const message of messages) payloads.push(message.payload.toString('hex'));
  const [message] = messages;
  const properties = {};
  const alias = run.bytes.readUInt32LE(run.at + 12);
  if (alias === 0) properties.topic = message.topic;
  if (message.contentType !== undefined) properties.content_type = message.contentType;
  if (message.correlationIdBytes) properties.correlation_id_hex = message.correlationIdBytes.toString('hex');
  if (message.rawHeaders.length > 0) {
    properties.headers = message.rawHeaders.map(([key, value]) => ({ key, value_hex: value.toString('hex') }));
  }
  if (message.timeToLive !== undefined) properties.ttl_ms = message.timeToLive;
  if (message.priority !== 'normal') properties.priority = message.priority;
  if (message.replyTopic !== undefined) properties.reply_topic = message.replyTopic;
  return {
    retain: message.isRetain, retained: message.isRetained, replayed: message.isReplayed,
    subscription: run.subscription, publisher: String(message.publisher), number: String(message.number),
    timestamp: String(message.timestamp), alias, properties, payloads_hex: payloads, event_count: run.count,
  };
}

/** The properties of a record with folded texts written out. */
function unfoldProperties(properties) {
  const plain = {};
  for (const [name, value] of Object.entries(properties)) {
    plain[name] = name === 'headers'
      ? value.map((one) => ({ key: unfold(one.key), value_hex: one.value_hex })) : value;
    if (value !== null && typeof value === 'object' && 'repeat' in value) plain[name] = unfold(value);
  }
  return plain;
}

test('DELIVER is read as the vectors say', () => {
  for (const record of ofKind('deliver')) {
    const bytes = bytesOf(record.hex);
    const aliases = [];
    aliases[bytes.length >= 16 ? bytes.readUInt32LE(12) : 0] = 'declared';
    const reader = new DeliverReader(aliases, record.limits?.max_payload ?? 4_194_304);
    const run = reader.read(bytes, 0, bytes.length);
    if (record.error !== undefined) {
      assert.equal(run, undefined, record.id);
      assert.equal(codeName(reader.refused), record.error, record.id);
      continue;
    }
    const { properties, ...fields } = record.fields;
    assertFields({ ...record, fields }, runFields(run));
    if (properties !== undefined) {
      assert.deepEqual(runFields(run).properties, unfoldProperties(properties), record.id);
    }
  }
});

test('a run that was copied elsewhere is the same run', () => {
  for (const record of ofKind('deliver').filter((one) => one.error === undefined)) {
    const bytes = bytesOf(record.hex);
    const aliases = [];
    aliases[bytes.readUInt32LE(12)] = 'declared';
    const run = new DeliverReader(aliases).read(bytes, 0, bytes.length);
    const copy = run.detach(Buffer.alloc(bytes.length + 20), 13);
    assert.deepEqual(runFields(copy), runFields(run), record.id);
  }
});

/** How each frame of a client is written. */
const writers = {
  client_greeting: (f) => encode.encodeGreeting(f.min, f.max),
  hello: (f) => encode.encodeHello({
    clientName: Buffer.from(unfold(f.client_name)), clientLibrary: Buffer.from(f.client_library),
    publisherId: BigInt(f.publisher_id), nextNumber: BigInt(f.next_number), maxAliases: f.max_aliases,
    maxFrame: f.max_frame, token: Buffer.from(f.token_hex, 'hex'),
  }),
  topic(f) {
    const utf8 = Buffer.from(f.topic);
    const frame = Buffer.alloc(encode.topicFrameBytes(utf8));
    encode.writeTopic(frame, 0, f.alias, utf8);
    return frame;
  },
  publish: writePublish,
  subscribe: (f) => encode.encodeSubscribe({
    subscription: f.subscription, noRetained: f.no_retained, credit: f.credit, queueEvents: f.queue_events,
    queueBytes: f.queue_bytes, overflow: f.overflow, blockTimeoutMs: f.block_timeout_ms, strategy: f.strategy,
    resume: f.resume_since === undefined ? Buffer.alloc(0) : writeResume(f),
    filters: encode.encodeFilters(f.filters),
  }),
  unsubscribe: (f) => encode.encodeUnsubscribe(f.subscription),
  credit: (f) => encode.encodeCredit(f.subscription, f.bytes),
  ping: (f) => writePing(Kind.ping, f),
  pong: (f) => writePing(Kind.pong, f),
  query: (f) => encode.encodeQuery(f.request, f.text),
  bye: () => encode.encodeBye(),
};

function writePing(kind, fields) {
  const opaque = BigInt(fields.opaque);
  return encode.encodePing(kind, Number(opaque & 0xffff_ffffn), Number(opaque >> 32n));
}

function writeResume(fields) {
  const bytes = Buffer.alloc(8 + 25 * fields.resume.length);
  bytes.writeBigUInt64LE(BigInt(fields.resume_since));
  fields.resume.forEach((entry, i) => {
    const at = 8 + 25 * i;
    bytes.writeBigUInt64LE(BigInt(entry.publisher), at);
    bytes.writeBigUInt64LE(BigInt(entry.number), at + 8);
    bytes.writeBigUInt64LE(BigInt(entry.timestamp), at + 16);
    bytes[at + 24] = entry.priority;
  });
  return bytes;
}

function writePublish(f) {
  const p = unfoldProperties(f.properties);
  const headers = p.headers
    && Object.fromEntries(p.headers.map(({ key, value_hex: hex }) => [key, Buffer.from(hex, 'hex')]));
  const attributes = encodeAttributes({
    contentType: p.content_type, headers, timeToLive: p.ttl_ms, priority: p.priority, replyTopic: p.reply_topic,
    correlationId: p.correlation_id_hex === undefined ? undefined : Buffer.from(p.correlation_id_hex, 'hex'),
  });
  const topic = p.topic === undefined ? Buffer.alloc(0) : encodeProperty(1, Buffer.from(p.topic));
  const payloads = f.payloads_hex.map((hex) => Buffer.from(hex, 'hex'));
  const sized = payloads.flatMap((payload) => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(payload.length);
    return [size, payload];
  });
  const body = Buffer.concat([topic, attributes, ...sized]);
  const frame = Buffer.concat([Buffer.alloc(12), body]);
  const flags = (f.retain ? 1 : 0) | (f.acknowledge ? 2 : 0);
  encode.writePublishHeader(frame, 0, frame.length, flags, topic.length + attributes.length, f.alias);
  return frame;
}

test('frames of a client are written as the vectors say', () => {
  for (const record of ofKind(...Object.keys(writers))) {
    if (record.error !== undefined || record.decode_only) continue;
    const bytes = writers[record.kind](record.fields);
    assert.equal(bytes.toString('hex'), bytesOf(record.hex).toString('hex'), record.id);
  }
});

test('the daemon\'s greeting is read as the vectors say', () => {
  for (const record of ofKind('daemon_greeting')) {
    const version = decode.decodeGreeting(bytesOf(record.hex));
    assert.equal(version, record.fields?.version, record.id);
  }
});

/** What a reader makes of a stream that comes in pieces. */
function readPieces(pieces, maxFrame) {
  const reader = new FrameReader(maxFrame);
  const frames = [];
  for (const piece of pieces) {
    const refused = reader.push(piece, (bytes, at, end) => {
      frames.push(Buffer.from(bytes.subarray(at, end)));
      return true;
    });
    if (refused !== 0) return { frames, refused: codeName(refused) };
  }
  return { frames, refused: undefined };
}

test('headers of frames are judged as the vectors say', () => {
  for (const record of ofKind('frame')) {
    const bytes = bytesOf(record.hex);
    const { frames, refused } = readPieces([bytes], record.limits?.max_frame);
    assert.equal(refused, record.error, record.id);
    if (record.error === undefined) {
      assert.equal(frames.length, 1, record.id);
      assert.equal(frames[0][4], record.fields.kind, record.id);
    }
  }
});

const isFrame = (record) => !['client_greeting', 'daemon_greeting', 'greeting_detection', 'frame']
  .includes(record.kind);

test('a frame that is cut off gives neither frame nor error', () => {
  for (const record of vectors.filter(isFrame)) {
    const bytes = bytesOf(record.hex);
    const step = bytes.length > 4096 ? 997 : 1;
    for (let length = 0; length < bytes.length; length += step) {
      const { frames, refused } = readPieces([bytes.subarray(0, length)]);
      assert.deepEqual([frames.length, refused], [0, undefined], `${record.id} after ${length} bytes`);
    }
  }
});

test('frames that are split anywhere come out whole', () => {
  const small = vectors.filter(isFrame).map((record) => bytesOf(record.hex)).filter((bytes) => bytes.length < 300);
  for (let i = 0; i + 1 < small.length; i++) {
    const stream = Buffer.concat([small[i], small[i + 1]]);
    for (let cut = 0; cut <= stream.length; cut++) {
      const { frames } = readPieces([stream.subarray(0, cut), stream.subarray(cut)]);
      assert.equal(frames.length, 2);
      assert.ok(frames[0].equals(small[i]) && frames[1].equals(small[i + 1]));
    }
  }
});

test('all frames in one stream, byte by byte and in pieces of three', () => {
  const all = vectors.filter(isFrame).map((record) => bytesOf(record.hex)).filter((bytes) => bytes.length < 5000);
  const stream = Buffer.concat(all);
  for (const size of [1, 3, 4096, stream.length]) {
    const pieces = [];
    for (let at = 0; at < stream.length; at += size) pieces.push(stream.subarray(at, at + size));
    const { frames, refused } = readPieces(pieces);
    assert.equal(refused, undefined);
    assert.equal(frames.length, all.length);
    frames.forEach((frame, i) => assert.ok(frame.equals(all[i])));
  }
});

test('a handler that says stop gets nothing more', () => {
  const ping = encode.encodePing(Kind.ping, 1, 0);
  let seen = 0;
  new FrameReader().push(Buffer.concat([ping, ping]), () => ++seen < 1);
  assert.equal(seen, 1);
});
