import type { Socket } from 'node:net';
import { Deferred } from '../deferred.js';
import { ClosedError } from '../errors.js';
import type { Ack, Welcome } from '../wire/decode.js';
import { encodeBye, topicFrameBytes, writeTopic } from '../wire/encode.js';
import { PendingRuns } from './acknowledgements.js';
import type { Chunk } from './chunk.js';
import { EventLog } from './log.js';
import { firstIndexToSend, fit, rewind } from './replay.js';

// What goes into one system call at most.
const writeBytes = 262_144;

// Bytes that were not sent at which publishNow asks for a pause: more only makes events late.
const mostUnsent = 1_048_576;

/** Of a write that was cut off by the end of the connection: the bytes that are still to be written. */
function unwrittenBytes(handle: unknown, begun: number): number {
  // The only place that knows is the socket's handle. A runtime that does not tell is taken to have written nothing:
  // all of it is sent again, and the daemon drops what it had got.
  const queued = (handle as { writeQueueSize?: unknown } | null | undefined)?.writeQueueSize;
  return typeof queued === 'number' && queued <= begun ? queued : begun;
}

/**
 * Who sends when. Frames of the session (subscriptions, credit, queries) have a queue of their own, which goes first
 * and is not sent again. What was published within one turn of the event loop, or while a write was under way, goes
 * out in one write.
 */
export class Outbox {
  readonly log: EventLog;
  inDoubt = 0;
  /** Whether the first attempt to connect is under way: not there yet, but not away either. */
  private isStarting = false;
  private socket: Socket | undefined;
  private handle: unknown;
  private control: Buffer[] = [];
  private isLeaving = false;
  private isScheduled = false;
  private isWriting = false;
  private begunAt = 0;
  private begunEnd = 0;
  private begunControl = 0;
  private shift = 1n;
  private confirmedIndex = 0;
  private flushes: { index: number; done: Deferred<void> }[] = [];
  private drains: Deferred<void>[] = [];
  private rooms: (() => boolean)[] = [];
  private isTryingRooms = false;
  private readonly pauseAt: number;

  constructor(private readonly limit: number, timeoutMs: number, lastError: () => Error | undefined) {
    // A small buffer must not be full before its owner was asked to pause.
    this.pauseAt = Math.min(mostUnsent, limit / 2);
    this.log = new EventLog(limit, timeoutMs, lastError);
  }

  get isConnected(): boolean {
    return this.socket !== undefined;
  }

  /** Whether waiting for the daemon makes sense: while it is away events are kept up to the limit, then refused. */
  get mayWait(): boolean {
    return this.socket !== undefined || this.isStarting;
  }

  /** Whether a publisher that can pause should. */
  get isBehind(): boolean {
    const { log } = this;
    return (log.unsentBytes > this.pauseAt || log.heldBytes > 0.75 * this.limit) && this.mayWait;
  }

  /** The first attempt begins, or has failed. */
  setStarting(isStarting: boolean): void {
    this.isStarting = isStarting;
    if (!isStarting) this.tellWaiters();
  }

  /** Whether all that was published is known to have been taken. */
  get isConfirmed(): boolean {
    return this.confirmedIndex >= this.log.nextIndex && this.log.pending.count === 0;
  }

  /** Number of the first event that the next connection will carry. */
  get nextNumber(): bigint {
    return this.shift + BigInt(firstIndexToSend(this.log));
  }

  /** To be called when something was appended. */
  appended(): void {
    if (this.socket === undefined || this.isWriting) return;
    if (this.log.hasWholeChunk) this.send(false);
    if (!this.isScheduled) this.schedule();
  }

  /** Sends a frame of the session, unless there is no connection: then it is restored with the next one. */
  sendControl(frame: Buffer): void {
    if (this.socket === undefined || this.isLeaving) return;
    this.control.push(frame);
    if (!this.isScheduled && !this.isWriting) this.schedule();
  }

  /**
   * Starts sending over a connection.
   * @param restore frames of the session, sent before anything else.
   * @returns false: events had to be taken out because this daemon takes smaller ones, so the numbers are new;
   * connect again with a new publisher id.
   */
  attach(socket: Socket, welcome: Welcome, restore: () => Buffer[]): boolean {
    const { topics, dropped } = fit(this.log, welcome);
    this.confirmedIndex = Math.min(this.confirmedIndex, this.log.nextIndex);
    if (dropped > 0) {
      for (const flush of this.flushes) flush.index = Math.min(flush.index, this.log.nextIndex);
      return false;
    }
    this.shift = welcome.nextNumber - BigInt(firstIndexToSend(this.log));
    this.control = restore();
    for (const topic of topics) {
      const frame = Buffer.allocUnsafe(topicFrameBytes(topic.utf8));
      writeTopic(frame, 0, topic.alias, topic.utf8);
      this.control.push(frame);
    }
    this.isStarting = false;
    this.socket = socket;
    this.handle = (socket as unknown as { _handle?: unknown })._handle;
    if (this.flushes.length > 0) this.log.appendPing();
    this.send(true);
    return true;
  }

  /**
   * The connection is gone: sets the log back to where it has to be sent again from.
   * @param isOrderly the daemon ended it: then it has taken all that stood before a BYE.
   */
  detach(isOrderly = false): void {
    if (this.socket === undefined) return;
    const isAllTaken = isOrderly && this.isLeaving && !this.isWriting;
    let written = this.log.sentPosition;
    if (this.isWriting) {
      const left = unwrittenBytes(this.handle, this.begunControl + this.begunEnd - this.begunAt);
      written = Math.max(this.begunAt, this.begunEnd - left);
    }
    this.socket = undefined;
    this.handle = undefined;
    this.isWriting = false;
    this.isLeaving = false;
    this.control = [];
    const first = rewind(this.log, written);
    if (first > this.confirmedIndex) {
      if (!isAllTaken) this.inDoubt += first - this.confirmedIndex;
      this.confirmedIndex = first;
    }
    this.tellWaiters();
  }

  /** Takes an ACK; false: nothing was waiting for one, so the stream lost step. */
  onAck(ack: Ack): boolean {
    const run = this.log.pending.shift();
    if (run === undefined) return false;
    this.confirm(Number(ack.number - this.shift) + run.waiters.length);
    PendingRuns.complete(run, ack);
    this.log.trim();
    this.tellWaiters();
    return true;
  }

  /** Takes a PONG: the daemon has taken every event below this index. */
  onPong(low: number, high: number): void {
    this.confirm(high * 0x1_0000_0000 + low);
    this.tellFlushes();
  }

  /** Done when the daemon has taken all that was published so far. */
  flush(): Promise<void> {
    if (this.isConfirmed) return Promise.resolve();
    const done = new Deferred<void>();
    this.flushes.push({ index: this.log.nextIndex, done });
    this.ping();
    return done.promise;
  }

  /** Asks the daemon for a sign of life, which also confirms what was sent before it. */
  ping(): void {
    if (this.socket === undefined || this.isLeaving) return;
    this.log.appendPing();
    this.appended();
  }

  /** Done when a publisher that paused may go on. */
  drained(): Promise<void> {
    if (!this.isBehind) return Promise.resolve();
    const done = new Deferred<void>();
    this.drains.push(done);
    return done.promise;
  }

  /** Tries again whenever there may be room, until the attempt says true. */
  waitForRoom(attempt: () => boolean): void {
    this.rooms.push(attempt);
  }

  get hasRoomWaiters(): boolean {
    return this.rooms.length > 0;
  }

  /** No more frames after those that were begun. */
  leave(): void {
    if (this.socket === undefined || this.isLeaving) return;
    this.control.push(encodeBye());
    this.isLeaving = true;
    if (!this.isWriting) this.send(false);
  }

  /** The client is closed: who waits for the daemon to keep pace is told. */
  endWaits(): void {
    const error = new ClosedError('The client was closed while the call was waiting.');
    for (const { done } of this.flushes) done.reject(error);
    for (const done of this.drains) done.reject(error);
    this.flushes = [];
    this.drains = [];
  }

  /** Ends everything: waiting callers get the error. */
  close(): void {
    this.detach();
    this.endWaits();
    this.log.pending.close();
    this.tryRooms();
  }

  private confirm(index: number): void {
    this.confirmedIndex = Math.max(this.confirmedIndex, Math.min(index, this.log.nextIndex));
  }

  private tellFlushes(): void {
    this.flushes = this.flushes.filter(({ index, done }) => {
      if (index > this.confirmedIndex) return true;
      done.resolve();
      return false;
    });
  }

  private schedule(): void {
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      if (!this.isWriting) this.send(true);
    });
  }

  /** Sends until nothing is left or the socket takes no more. */
  private send(withTail: boolean): void {
    while (this.socket !== undefined && !this.isWriting) {
      const { socket } = this;
      const pieces = this.gather(withTail);
      if (pieces.length === 0) break;
      socket.cork();
      for (let i = 0; i < pieces.length - 1; i++) socket.write(pieces[i]!);
      socket.write(pieces[pieces.length - 1]!, () => this.onWritten(socket));
      socket.uncork();
      if (socket.writableLength === 0) this.log.advance(this.begunEnd);
      else this.isWriting = true;
    }
    this.tellWaiters();
  }

  private onWritten(socket: Socket): void {
    if (socket !== this.socket || !this.isWriting || socket.writableLength !== 0) return;
    this.isWriting = false;
    this.log.advance(this.begunEnd);
    this.send(true);
  }

  /** The pieces of the next write: the session's frames, then events. */
  private gather(withTail: boolean): Buffer[] {
    const { log } = this;
    const pieces = this.control;
    this.control = [];
    let bytes = 0;
    for (const piece of pieces) bytes += piece.length;
    this.begunControl = bytes;
    this.begunAt = log.sentPosition;
    this.begunEnd = this.begunAt;
    if (this.isLeaving) return pieces;
    if (withTail) log.closeRun();
    let chunk: Chunk | undefined = log.sending;
    while (chunk !== undefined && bytes < writeBytes && (withTail || chunk !== log.tail)) {
      if (chunk.sent < chunk.length) {
        pieces.push(chunk.bytes.subarray(chunk.sent, chunk.length));
        bytes += chunk.length - chunk.sent;
        this.begunEnd = chunk.end;
      }
      chunk = chunk.next;
    }
    return pieces;
  }

  private tellWaiters(): void {
    if (this.rooms.length > 0) this.tryRooms();
    if (this.drains.length === 0) return;
    const { log } = this;
    if (this.mayWait && (log.unsentBytes > this.pauseAt / 2 || log.heldBytes > this.limit / 2)) return;
    for (const done of this.drains) done.resolve();
    this.drains = [];
  }

  private tryRooms(): void {
    // An attempt that succeeds sends, and what was sent makes room again.
    if (this.isTryingRooms) return;
    this.isTryingRooms = true;
    while (this.rooms.length > 0 && this.rooms[0]!()) this.rooms.shift();
    this.isTryingRooms = false;
  }
}
