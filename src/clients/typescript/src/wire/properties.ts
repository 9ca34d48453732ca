import { ArgumentError, PublishError } from '../errors.js';
import { Code, Limit, noBytes, priorities, Property, type Priority } from './protocol.js';
import { hasLoneSurrogate, isText } from './text.js';

/** What an event may carry beside topic and payload. */
export interface EventAttributes {
  /** Content type, for example `application/json`; 1 to 255 bytes of UTF-8. */
  contentType?: string | undefined;
  /** Correlation id, 1 to 255 bytes; a text is sent as UTF-8. */
  correlationId?: string | Uint8Array | undefined;
  /** Up to 64 headers; keys of 1 to 255 bytes. */
  headers?: Readonly<Record<string, string | Uint8Array>> | undefined;
  /** Milliseconds after which the event is not worth delivering, 1 to 4,294,967,295. */
  timeToLive?: number | undefined;
  /** What overtakes what in queues. */
  priority?: Priority | undefined;
  /** Topic to which answers are to be published. */
  replyTopic?: string | undefined;
}

const nul = '\u0000';

function text(value: string, most: number, what: string): Buffer {
  const utf8 = Buffer.from(value);
  if (utf8.length < 1 || utf8.length > most || value.includes(nul) || hasLoneSurrogate(value)) {
    throw new PublishError(
      `${what} has ${utf8.length} bytes of UTF-8; 1 to ${most} without NUL or lone surrogates are allowed.`,
      Code.overLimit,
    );
  }
  return utf8;
}

function correlation(value: string | Uint8Array): Uint8Array {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  if (bytes.length < 1 || bytes.length > Limit.shortText) {
    throw new PublishError(`correlationId has ${bytes.length} bytes; 1 to 255 are allowed.`, Code.overLimit);
  }
  return bytes;
}

function header(key: string, value: string | Uint8Array): Buffer {
  const name = text(key, Limit.shortText, 'A header key');
  return Buffer.concat([Buffer.of(name.length), name, typeof value === 'string' ? Buffer.from(value) : value]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** A property as it stands on the wire. */
export function encodeProperty(id: number, value: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(3 + value.length);
  bytes[0] = id;
  bytes.writeUInt16LE(value.length, 1);
  bytes.set(value, 3);
  return bytes;
}

/**
 * Event properties by ascending id, without the topic; `noBytes` when there are none.
 * @throws PublishError one of them is longer than allowed.
 */
export function encodeAttributes(from: EventAttributes): Buffer {
  const parts: [number, Uint8Array][] = [];
  if (from.contentType !== undefined) {
    parts.push([Property.contentType, text(from.contentType, Limit.shortText, 'contentType')]);
  }
  if (from.correlationId !== undefined) parts.push([Property.correlationId, correlation(from.correlationId)]);
  if (from.headers !== undefined) {
    const entries = Object.entries(from.headers);
    if (entries.length > Limit.headers) {
      throw new PublishError(`The event has ${entries.length} headers; at most 64 are allowed.`, Code.overLimit);
    }
    for (const [key, value] of entries) parts.push([Property.header, header(key, value)]);
  }
  if (from.timeToLive !== undefined) {
    if (!Number.isInteger(from.timeToLive) || from.timeToLive < 1 || from.timeToLive > 0xffff_ffff) {
      throw new PublishError(
        `timeToLive is ${from.timeToLive}; whole milliseconds from 1 to 4294967295 are allowed.`, Code.overLimit);
    }
    parts.push([Property.timeToLive, u32(from.timeToLive)]);
  }
  if (from.priority !== undefined && from.priority !== 'normal') {
    const number = priorities.indexOf(from.priority);
    if (number < 0) throw new ArgumentError(`priority is '${from.priority}'; use normal, high or low.`);
    parts.push([Property.priority, Buffer.of(number)]);
  }
  if (from.replyTopic !== undefined) {
    parts.push([Property.replyTopic, text(from.replyTopic, Limit.topic, 'replyTopic')]);
  }
  if (parts.length === 0) return noBytes;
  const bytes = parts.reduce((sum, [, value]) => sum + 3 + value.length, 0);
  if (bytes > Limit.properties) {
    throw new PublishError(
      `Content type, headers and so on take ${bytes} bytes together; at most ${Limit.properties} are allowed.`,
      Code.overLimit,
    );
  }
  return Buffer.concat(parts.map(([id, value]) => encodeProperty(id, value)));
}

/**
 * Goes through a list of properties; false: it breaks off in the middle of one.
 * @param visit gets id and bounds of the value; false from it stops with false.
 */
export function walkProperties(
  bytes: Buffer, from: number, to: number, visit: (id: number, from: number, to: number) => boolean,
): boolean {
  let at = from;
  while (at < to) {
    if (at + 3 > to) return false;
    const start = at + 3;
    const end = start + (bytes[at + 1]! | (bytes[at + 2]! << 8));
    if (end > to || !visit(bytes[at]!, start, end)) return false;
    at = end;
  }
  return true;
}

function isLength(bytes: number, most: number): boolean {
  return bytes >= 1 && bytes <= most;
}

/** Where the topic of an event stands; -1 as start: nowhere. Reused, for there is one for each frame. */
export interface TopicPlace {
  from: number;
  to: number;
}

/** Checks one event property other than the topic. */
function isGood(bytes: Buffer, id: number, from: number, to: number): boolean {
  const size = to - from;
  switch (id) {
    case Property.contentType:
      return isLength(size, Limit.shortText) && isText(bytes, from, to);
    case Property.correlationId:
      return isLength(size, Limit.shortText);
    case Property.header: {
      const key = size > 0 ? bytes[from]! : 0;
      return key > 0 && 1 + key <= size && isText(bytes, from + 1, from + 1 + key);
    }
    case Property.timeToLive:
      return size === 4 && bytes.readUInt32LE(from) !== 0;
    case Property.priority:
      return size === 1 && bytes[from]! < priorities.length;
    case Property.replyTopic:
      return isLength(size, Limit.topic) && isText(bytes, from, to);
    default:
      return true;
  }
}

/** Checks the event properties of a frame and finds its topic; false: they break the protocol. */
export function checkEventProperties(bytes: Buffer, from: number, to: number, topic: TopicPlace): boolean {
  topic.from = -1;
  topic.to = -1;
  let headers = 0;
  const isWhole = walkProperties(bytes, from, to, (id, start, end) => {
    if (id === Property.topic) {
      if (topic.from >= 0) return false;
      topic.from = start;
      topic.to = end;
      return true;
    }
    if (id === Property.header && ++headers > Limit.headers) return false;
    return isGood(bytes, id, start, end);
  });
  const topicBytes = topic.from < 0 ? 0 : 3 + topic.to - topic.from;
  return isWhole && to - from - topicBytes <= Limit.properties;
}
