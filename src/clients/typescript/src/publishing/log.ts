import type { Deferred } from '../deferred.js';
import { topicFrameBytes, pingFrameBytes, writePing, writeProperty, writePublishHeader, writeTopic }
  from '../wire/encode.js';
import { Kind, Limit, noBytes, Property, PublishFlag } from '../wire/protocol.js';
import { PendingRuns, type PendingRun, type PublishResult } from './acknowledgements.js';
import { Chunk, chunkBytes } from './chunk.js';
import { payloadTooLarge } from './errors.js';
import { TopicTable, type OutboundTopic } from './topic-table.js';

// A run stays short enough to be sent again with its topic as text instead of an alias.
const mostRunBytes = Limit.runFrame - 3 - Limit.topic;

// Enough for what waits while the daemon keeps pace.
const chunksKept = 24;

// A caller whose event joins a run shares its time-out, so it joins young ones only.
const youngRunMs = 50;

/**
 * The events that go to the daemon, as the bytes that go there. Consecutive events of one topic with the same
 * properties become one run. The log is kept from the oldest publish that waits for its acknowledgement, so that a
 * new connection can send it again with the numbers it had.
 *
 * Events are counted by an index that starts at 0 and is exact as a double; what the daemon calls a number is this
 * index plus what WELCOME said. Positions count the bytes of the log since the client was made.
 */
export class EventLog {
  readonly topics = new TopicTable();
  readonly pending: PendingRuns;
  maxPayload: number = Limit.maxPayload;
  maxFrame: number = Limit.maxFrame;
  /** Index of the next event. */
  nextIndex = 0;
  head = new Chunk(chunkBytes);
  tail = this.head;
  /** Chunk in which the first byte lies that was not sent. */
  sending = this.head;
  /** Position from which bytes are kept. */
  private keptFrom = 0;
  private readonly free: Chunk[] = [];
  private runTopic: OutboundTopic | undefined;
  private runFlags = 0;
  private runProperties: Buffer = noBytes;
  private runStart = 0;
  private runLimit = 0;
  private runWaiters: PendingRun | undefined;

  constructor(
    private readonly limit: number,
    private readonly timeoutMs: number,
    lastError: () => Error | undefined,
  ) {
    this.pending = new PendingRuns(timeoutMs, lastError);
  }

  /** Bytes that wait to be sent or acknowledged. */
  get heldBytes(): number {
    return this.tail.end - this.keptFrom;
  }

  /** Position of the first byte that was not sent. */
  get sentPosition(): number {
    return this.sending.base + this.sending.sent;
  }

  /** Bytes that wait to be sent. */
  get unsentBytes(): number {
    return this.tail.end - this.sentPosition;
  }

  /** Whether a whole chunk waits to be sent. */
  get hasWholeChunk(): boolean {
    return this.sending !== this.tail;
  }

  /**
   * Appends an event.
   * @param waiter told when it is acknowledged; undefined: no acknowledgement is asked for.
   * @returns false: the log is full, nothing was appended.
   */
  append(
    topic: OutboundTopic,
    payload: Uint8Array | string,
    size: number,
    flags: number,
    properties: Buffer,
    waiter: Deferred<PublishResult> | undefined,
  ): boolean {
    if (topic === this.runTopic && flags === this.runFlags && this.hasRunProperties(properties)
      && (waiter === undefined || this.isRunYoung())) {
      const chunk = this.tail;
      const start = chunk.length;
      const end = start + 4 + size;
      if (end <= this.runLimit && chunk.base + end - this.keptFrom <= this.limit) {
        putPayload(chunk.bytes, start, payload, size);
        chunk.length = end;
        this.nextIndex++;
        if (waiter !== undefined) this.runWaiters!.waiters.push(waiter);
        return true;
      }
    }
    const bytes = frameBytes(topic, size, properties.length);
    if (!this.hasRoom(bytes)) return false;
    this.writeFrame(topic, payload, size, flags, properties);
    if (waiter !== undefined) this.runWaiters = this.pending.add(this.tail.base + this.runStart, waiter);
    return true;
  }

  /** @throws PublishError the daemon would not take an event of this size. */
  checkSize(topic: OutboundTopic, size: number, propertyBytes: number): void {
    if (size > this.maxPayload || frameBytes(topic, size, propertyBytes) > this.maxFrame) {
      throw payloadTooLarge(size, this.maxPayload);
    }
  }

  /** Ends the run that the log ends in and writes its length; later events start a new frame. */
  closeRun(): void {
    const topic = this.runTopic;
    if (topic === undefined) return;
    this.tail.bytes.writeUInt32LE(this.tail.length - this.runStart - 4, this.runStart);
    this.runTopic = undefined;
    this.runWaiters = undefined;
  }

  /** Appends a PING whose answer confirms all events before it. */
  appendPing(): void {
    this.closeRun();
    this.ensureRoom(pingFrameBytes);
    const { tail } = this;
    const index = this.nextIndex;
    tail.length += writePing(tail.bytes, tail.length, Kind.ping, index >>> 0, Math.floor(index / 0x1_0000_0000));
  }

  /** Takes note that all bytes before a position were written to the socket, and gives back what needs no keeping. */
  advance(position: number): void {
    let chunk = this.sending;
    while (chunk !== this.tail && chunk.end <= position) {
      chunk.sent = chunk.length;
      chunk = chunk.next!;
    }
    chunk.sent = Math.max(chunk.sent, position - chunk.base);
    this.sending = chunk;
    this.trim();
  }

  /** Gives back chunks that nobody needs. */
  trim(): void {
    const sent = this.sentPosition;
    const oldest = this.pending.oldest;
    this.keptFrom = oldest !== undefined && oldest.start < sent ? oldest.start : sent;
    while (this.head !== this.tail && this.head !== this.sending && this.head.end <= this.keptFrom) {
      const chunk = this.head;
      this.head = chunk.next!;
      if (chunk.bytes.length === chunkBytes && this.free.length < chunksKept) this.free.push(chunk);
    }
    // The usual case: everything is sent. Start over in the same memory, which is still in the cache.
    if (this.head === this.tail && this.keptFrom === this.tail.end && this.tail.length > 0) {
      this.closeRun();
      this.tail.restart(this.tail.end, this.nextIndex);
    }
  }

  /** Forgets all chunks; the log goes on behind its end. Gives back the first of them. */
  startOver(nextIndex: number): Chunk {
    const old = this.sending;
    const end = this.tail.end;
    this.nextIndex = nextIndex;
    this.head = this.tail = this.sending = new Chunk(chunkBytes);
    this.head.restart(end, nextIndex);
    this.keptFrom = end;
    return old;
  }

  /** Appends a frame that stands elsewhere, with its topic as alias or as text. Returns its position. */
  appendCopy(from: Buffer, at: number, end: number, topic: OutboundTopic | undefined, events: number): number {
    // The topic of a frame without alias already stands first among its properties.
    const inline = topic !== undefined && topic.alias === 0 ? topic.utf8 : undefined;
    const more = inline === undefined ? 0 : 3 + inline.length;
    this.ensureRoom(end - at + more);
    const { tail } = this;
    const start = tail.length;
    const properties = from.readUInt16LE(at + 6) + more;
    writePublishHeader(tail.bytes, start, end - at + more, from[at + 5]!, properties, topic?.alias ?? 0);
    if (inline !== undefined) writeProperty(tail.bytes, start + Limit.publishHeader, Property.topic, inline);
    from.copy(tail.bytes, start + Limit.publishHeader + more, at + Limit.publishHeader, end);
    tail.length += end - at + more;
    this.nextIndex += events;
    return tail.base + start;
  }

  private hasRunProperties(properties: Buffer): boolean {
    return properties === this.runProperties
      || (properties.length === this.runProperties.length && properties.equals(this.runProperties));
  }

  private isRunYoung(): boolean {
    return performance.now() + this.timeoutMs - this.runWaiters!.deadline < youngRunMs || this.timeoutMs === Infinity;
  }

  /** Whether so many bytes may be added; an empty log takes one frame of any size. */
  private hasRoom(bytes: number): boolean {
    const held = this.heldBytes;
    return held === 0 || held + bytes <= this.limit;
  }

  private writeFrame(
    topic: OutboundTopic, payload: Uint8Array | string, size: number, flags: number, properties: Buffer,
  ): void {
    this.closeRun();
    this.ensureRoom(frameBytes(topic, size, properties.length));
    const chunk = this.tail;
    const { bytes } = chunk;
    if (topic.alias !== 0 && !topic.isDeclared) {
      chunk.length += writeTopic(bytes, chunk.length, topic.alias, topic.utf8);
      topic.isDeclared = true;
    }
    const start = chunk.length;
    const topicBytes = topic.alias === 0 ? 3 + topic.utf8.length : 0;
    const body = start + Limit.publishHeader + topicBytes + properties.length;
    const end = body + 4 + size;
    writePublishHeader(bytes, start, end - start, flags, topicBytes + properties.length, topic.alias);
    if (topicBytes !== 0) writeProperty(bytes, start + Limit.publishHeader, Property.topic, topic.utf8);
    if (properties.length > 0) bytes.set(properties, start + Limit.publishHeader + topicBytes);
    putPayload(bytes, body, payload, size);
    chunk.length = end;
    this.nextIndex++;
    this.runTopic = topic;
    this.runFlags = flags;
    this.runProperties = properties;
    this.runStart = start;
    this.runLimit = Math.min(start + mostRunBytes, bytes.length);
    this.runWaiters = undefined;
  }

  private ensureRoom(bytes: number): void {
    const { tail } = this;
    if (tail.bytes.length - tail.length >= bytes) return;
    this.closeRun();
    const next = (bytes <= chunkBytes ? this.free.pop() : undefined) ?? new Chunk(Math.max(bytes, chunkBytes));
    next.restart(tail.end, this.nextIndex);
    tail.next = next;
    this.tail = next;
    if (this.sending === tail && tail.sent === tail.length) this.sending = next;
  }
}

/** Flags of PUBLISH. */
export function publishFlags(retain: boolean | undefined, acknowledge: boolean): number {
  return (retain === true ? PublishFlag.retain : 0) | (acknowledge ? PublishFlag.acknowledge : 0);
}

function putPayload(bytes: Buffer, at: number, payload: Uint8Array | string, size: number): void {
  bytes[at] = size;
  bytes[at + 1] = size >>> 8;
  bytes[at + 2] = size >>> 16;
  bytes[at + 3] = size >>> 24;
  if (typeof payload === 'string') bytes.write(payload, at + 4, size, 'utf8');
  else bytes.set(payload, at + 4);
}

/** Bytes of a frame with one event; its topic as text is counted in, for it may have to be declared or written out. */
function frameBytes(topic: OutboundTopic, size: number, propertyBytes: number): number {
  return topicFrameBytes(topic.utf8) + Limit.publishHeader + propertyBytes + 4 + size;
}
