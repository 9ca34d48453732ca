import { topicFromWire } from '../topics.js';
import { checkEventProperties, type TopicPlace } from './properties.js';
import { Code, Limit, noBytes } from './protocol.js';

/**
 * The events of one DELIVER frame, where they came in: one publisher, one topic, the same properties, consecutive
 * numbers. Nothing is copied and nothing is decoded before somebody asks for it.
 *
 * ```
 *  0       4    5     6       8        12      16          24       32          40
 * +-------+----+-----+-------+--------+-------+-----------+--------+-----------+----------------+---------
 * | length|0x43|flags| props | subscr.| alias | publisher | number | timestamp | properties ... | run ...
 * +-------+----+-----+-------+--------+-------+-----------+--------+-----------+----------------+---------
 * ```
 */
export class DeliveredRun {
  constructor(
    readonly bytes: Buffer,
    readonly at: number,
    readonly end: number,
    readonly topic: string,
    /** Where the first event's size field stands. */
    readonly body: number,
    readonly count: number,
  ) {}

  get subscription(): number {
    return this.bytes.readUInt32LE(this.at + 8);
  }

  get flags(): number {
    return this.bytes[this.at + 5]!;
  }

  /** Bytes that count against the credit. */
  get frameBytes(): number {
    return this.end - this.at;
  }

  /** The same run in memory of its own: what it was read into can go. */
  detach(into: Buffer, offset: number): DeliveredRun {
    this.bytes.copy(into, offset, this.at, this.end);
    const shift = offset - this.at;
    return new DeliveredRun(into, offset, this.end + shift, this.topic, this.body + shift, this.count);
  }
}

/** Topics that the daemon gave numbers; null: the name that was declared breaks the rules. */
export type AliasTable = (string | null | undefined)[];

/** Counts the events of a run; minus the error code where its sizes do not add up. */
function countEvents(bytes: Buffer, from: number, end: number, maxPayload: number): number {
  let count = 0;
  let isTooLarge = false;
  let at = from;
  while (at < end) {
    if (at + 4 > end) return -Code.malformed;
    const size = bytes[at]! + (bytes[at + 1]! << 8) + (bytes[at + 2]! << 16) + bytes[at + 3]! * 0x100_0000;
    at += 4 + size;
    if (size > maxPayload) isTooLarge = true;
    count++;
  }
  if (at !== end || count === 0) return -Code.malformed;
  return isTooLarge ? -Code.payloadTooLarge : count;
}

function isGoodOrigin(bytes: Buffer, at: number): boolean {
  const publisher = bytes.readUInt32LE(at + 16) | bytes.readUInt32LE(at + 20);
  const high = bytes.readUInt32LE(at + 28);
  return publisher !== 0 && high < 0x8000_0000 && (high | bytes.readUInt32LE(at + 24)) !== 0;
}

/** Reads DELIVER frames of one connection. */
export class DeliverReader {
  /** Error code with which the last frame was refused. */
  refused = 0;
  private readonly place: TopicPlace = { from: -1, to: -1 };
  private inlineBytes: Buffer = noBytes;
  private inlineTopic = '';

  constructor(readonly aliases: AliasTable, private readonly maxPayload: number = 0xffff_ffff) {}

  /** Reads the frame between two bounds; undefined: it breaks the protocol as `refused` says. */
  read(bytes: Buffer, at: number, end: number): DeliveredRun | undefined {
    this.refused = Code.malformed;
    const properties = at + Limit.deliverHeader;
    if (end < properties || !isGoodOrigin(bytes, at)) return undefined;
    const body = properties + bytes.readUInt16LE(at + 6);
    if (body > end) return undefined;
    const alias = bytes.readUInt32LE(at + 12);
    const place = this.place;
    place.from = -1;
    if (body !== properties && !checkEventProperties(bytes, properties, body, place)) return undefined;
    if ((alias === 0) === (place.from < 0)) return undefined;
    const count = countEvents(bytes, body, end, this.maxPayload);
    if (count > 1 && end - at > Limit.deliverRunFrame) return undefined;
    if (count < 0) {
      this.refused = -count;
      return undefined;
    }
    const topic = alias === 0 ? this.inline(bytes, place) : this.aliases[alias];
    if (topic === undefined || topic === null) {
      this.refused = Code.badTopic;
      return undefined;
    }
    return new DeliveredRun(bytes, at, end, topic, body, count);
  }

  private inline(bytes: Buffer, place: TopicPlace): string | undefined {
    const utf8 = bytes.subarray(place.from, place.to);
    if (utf8.length > 0 && utf8.equals(this.inlineBytes)) return this.inlineTopic;
    const topic = topicFromWire(bytes, place.from, place.to);
    if (topic !== undefined) {
      this.inlineBytes = Buffer.from(utf8);
      this.inlineTopic = topic;
    }
    return topic;
  }
}
