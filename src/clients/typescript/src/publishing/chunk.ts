import { Kind, Limit } from '../wire/protocol.js';

export const chunkBytes = 65_536;

/** A piece of the log of events. Frames never lie across two chunks. */
export class Chunk {
  readonly bytes: Buffer;
  next: Chunk | undefined;
  /** Bytes of whole frames that lie in it. */
  length = 0;
  /** Of these, how many have been written to the socket. */
  sent = 0;
  /** Position of its first byte in the log. */
  base = 0;
  /** Index of its first event. */
  firstIndex = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  get end(): number {
    return this.base + this.length;
  }

  restart(base: number, firstIndex: number): void {
    this.next = undefined;
    this.length = 0;
    this.sent = 0;
    this.base = base;
    this.firstIndex = firstIndex;
  }
}

/** Bytes of the frame that starts at an offset. */
export function frameBytesAt(bytes: Buffer, at: number): number {
  return 4 + bytes.readUInt32LE(at);
}

/** Events between two offsets, both at the start of a frame. Not on the way of an event. */
export function countEvents(chunk: Chunk, from: number, to: number): number {
  let events = 0;
  for (let at = from; at < to; at += frameBytesAt(chunk.bytes, at)) {
    if (chunk.bytes[at + 4] === Kind.publish) events += eventsOfFrame(chunk.bytes, at).count;
  }
  return events;
}

/** How many events a PUBLISH frame holds, and the size of the largest payload. */
export function eventsOfFrame(bytes: Buffer, at: number): { count: number; largest: number } {
  const end = at + frameBytesAt(bytes, at);
  let count = 0;
  let largest = 0;
  let event = at + Limit.publishHeader + bytes.readUInt16LE(at + 6);
  while (event < end) {
    const size = bytes.readUInt32LE(event);
    largest = Math.max(largest, size);
    event += 4 + size;
    count++;
  }
  return { count, largest };
}
