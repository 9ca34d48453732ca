// What happens to the log of events between two connections. None of it is in a hurry.
import { Kind, PublishFlag } from '../wire/protocol.js';
import { PendingRuns } from './acknowledgements.js';
import { countEvents, eventsOfFrame, frameBytesAt, type Chunk } from './chunk.js';
import { payloadTooLarge } from './errors.js';
import type { EventLog } from './log.js';
import type { OutboundTopic } from './topic-table.js';

/** Index of the first event that the next connection will carry. */
export function firstIndexToSend(log: EventLog): number {
  return log.sending.firstIndex + countEvents(log.sending, 0, log.sending.sent);
}

/** End of the last frame that lies whole before a position. */
function lastWholeFrame(log: EventLog, position: number): number {
  let chunk: Chunk = log.sending;
  let at = chunk.sent;
  while (true) {
    while (at < chunk.length && chunk.base + at + frameBytesAt(chunk.bytes, at) <= position) {
      at += frameBytesAt(chunk.bytes, at);
    }
    if (at < chunk.length || chunk.next === undefined) return chunk.base + at;
    chunk = chunk.next;
    at = 0;
  }
}

/**
 * Sets the log back to where the next connection starts: the oldest publish that waits for its acknowledgement, else
 * the first frame that was not written completely.
 * @param written position up to which bytes went into the socket.
 * @returns index of the first event that will be sent; those before it are sent or in doubt.
 */
export function rewind(log: EventLog, written: number): number {
  log.closeRun();
  let from = lastWholeFrame(log, written);
  const oldest = log.pending.oldest;
  if (oldest !== undefined && oldest.start < from) from = oldest.start;
  let chunk: Chunk = log.head;
  while (chunk !== log.tail && from >= chunk.end) chunk = chunk.next!;
  for (let later: Chunk | undefined = chunk; later !== undefined; later = later.next) later.sent = 0;
  chunk.sent = from - chunk.base;
  log.sending = chunk;
  log.trim();
  return firstIndexToSend(log);
}

function isTooLarge(log: EventLog, bytes: Buffer, at: number): boolean {
  return frameBytesAt(bytes, at) > log.maxFrame
    || (bytes[at + 4] === Kind.publish && eventsOfFrame(bytes, at).largest > log.maxPayload);
}

/** Goes through the frames that are to be sent. */
function eachFrame(first: Chunk, visit: (bytes: Buffer, at: number) => void): void {
  for (let chunk: Chunk | undefined = first; chunk !== undefined; chunk = chunk.next) {
    for (let at = chunk.sent; at < chunk.length; at += frameBytesAt(chunk.bytes, at)) visit(chunk.bytes, at);
  }
}

/** What became of the log when it was made to fit a daemon. */
export interface Fit {
  /** Topics whose aliases the log uses and does not declare itself. */
  topics: OutboundTopic[];
  /** Events that the daemon would not take and that were taken out: the others have other numbers now. */
  dropped: number;
}

/** Makes the waiting part of the log fit what a daemon takes. */
export function fit(log: EventLog, limits: { maxPayload: number; maxFrame: number; maxAliases: number }): Fit {
  log.closeRun();
  log.maxPayload = limits.maxPayload;
  log.maxFrame = limits.maxFrame;
  log.topics.reset(limits.maxAliases);
  const used = new Set<OutboundTopic>();
  const undeclared = new Set<OutboundTopic>();
  let mustRewrite = false;
  eachFrame(log.sending, (bytes, at) => {
    if (isTooLarge(log, bytes, at)) mustRewrite = true;
    const kind = bytes[at + 4];
    const alias = kind === Kind.publish || kind === Kind.topic ? bytes.readUInt32LE(at + 8) : 0;
    if (alias === 0) return;
    const topic = log.topics.withAlias(alias);
    if (kind === Kind.publish && !used.has(topic)) undeclared.add(topic);
    used.add(topic);
    if (alias > log.topics.maxAliases) mustRewrite = true;
  });
  const dropped = mustRewrite ? rewrite(log) : 0;
  log.topics.dropHighAliases();
  for (const topic of used) topic.isDeclared = topic.alias !== 0;
  // A log that was written anew declares nothing itself.
  const topics = [...(mustRewrite ? used : undeclared)].filter(({ isDeclared }) => isDeclared);
  return { topics, dropped };
}

/** Writes the waiting part of the log anew: fewer aliases, no event that is too large. */
function rewrite(log: EventLog): number {
  const first = firstIndexToSend(log);
  const end = log.nextIndex;
  const acks = log.pending.takeAll();
  const byAlias = (alias: number): OutboundTopic | undefined =>
    alias === 0 ? undefined : log.topics.withAlias(alias);
  const old = log.startOver(first);
  const frames: [Buffer, number, OutboundTopic | undefined][] = [];
  eachFrame(old, (bytes, at) => {
    if (bytes[at + 4] === Kind.publish) frames.push([bytes, at, byAlias(bytes.readUInt32LE(at + 8))]);
  });
  log.topics.dropHighAliases();
  for (const [bytes, at, topic] of frames) {
    const waiting = (bytes[at + 5]! & PublishFlag.acknowledge) !== 0 ? acks.shift() : undefined;
    const { count, largest } = eventsOfFrame(bytes, at);
    if (isTooLarge(log, bytes, at)) {
      if (waiting !== undefined) PendingRuns.fail(waiting, payloadTooLarge(largest, log.maxPayload));
      continue;
    }
    const start = log.appendCopy(bytes, at, at + frameBytesAt(bytes, at), topic, count);
    if (waiting !== undefined) log.pending.restore(waiting, start);
  }
  return end - log.nextIndex;
}
