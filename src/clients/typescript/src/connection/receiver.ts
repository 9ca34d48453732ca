import type { ConnectionError } from '../errors.js';
import type { ClientEvents } from '../events.js';
import type { Listeners } from '../listeners.js';
import type { Outbox } from '../publishing/outbox.js';
import type { Channel } from '../receiving/channel.js';
import { decodeAck, decodeError, decodeLoss, decodePing, decodeTopic } from '../wire/decode.js';
import { DeliverReader, type AliasTable } from '../wire/deliver.js';
import { encodePing } from '../wire/encode.js';
import { Kind, Limit } from '../wire/protocol.js';
import { endedByDaemon, lostStep } from './connection-errors.js';

type Take = (bytes: Buffer, at: number, end: number) => ConnectionError | undefined;

/** What the daemon sends, frame by frame, and who is to know. */
export class Receiver {
  received = 0;
  lost = 0;
  private place = '';
  private aliases: AliasTable = [];
  private deliveries = new DeliverReader(this.aliases);
  private lastChannel: Channel | undefined;
  private touched: Channel[] = [];

  constructor(
    private readonly outbox: Outbox,
    private readonly channels: Map<number, Channel>,
    private readonly listeners: Listeners<ClientEvents>,
    private readonly answers: { onSubscribed: Take; onUnsubscribed: Take; onResult: Take },
  ) {}

  /** A new connection: its daemon has declared no alias. */
  begin(place: string): void {
    this.place = place;
    this.aliases = [];
    this.deliveries = new DeliverReader(this.aliases);
    this.lastChannel = undefined;
  }

  /** Takes a frame; a reason ends the connection. */
  take(bytes: Buffer, at: number, end: number, kind: number): ConnectionError | undefined {
    switch (kind) {
      case Kind.deliver:
        return this.onDeliver(bytes, at, end);
      case Kind.ack:
        return this.onAck(bytes, at, end);
      case Kind.topic:
        return this.onTopic(bytes, at, end);
      case Kind.ping:
      case Kind.pong:
        return this.onPing(bytes, at, end, kind);
      case Kind.gap:
      case Kind.notice:
        return this.onLoss(bytes, at, end, kind);
      case Kind.subscribed:
        return this.answers.onSubscribed(bytes, at, end);
      case Kind.result:
        return this.answers.onResult(bytes, at, end);
      case Kind.error:
      case Kind.goAway:
        return this.onError(bytes, at, end, kind);
      case Kind.unsubscribed:
        return this.answers.onUnsubscribed(bytes, at, end);
      default:
        // Kinds of later versions.
        return undefined;
    }
  }

  /** All that was read at once has been handed out. */
  endOfRead(): void {
    if (this.touched.length === 0) return;
    const { touched } = this;
    this.touched = [];
    for (const channel of touched) channel.target.onReadEnd();
  }

  private onDeliver(bytes: Buffer, at: number, end: number): ConnectionError | undefined {
    const run = this.deliveries.read(bytes, at, end);
    if (run === undefined) return lostStep(this.place, 'DELIVER');
    this.received += run.count;
    const id = run.subscription;
    let channel = this.lastChannel;
    if (channel === undefined || channel.id !== id || !this.channels.has(id)) {
      channel = this.channels.get(id);
      // Closed here a moment ago; the daemon does not know yet.
      if (channel === undefined) return undefined;
      this.lastChannel = channel;
    }
    channel.deliver(run);
    if (this.touched[this.touched.length - 1] !== channel) this.touched.push(channel);
    return undefined;
  }

  private onAck(bytes: Buffer, at: number, end: number): ConnectionError | undefined {
    const ack = decodeAck(bytes, at, end);
    return ack !== undefined && this.outbox.onAck(ack) ? undefined : lostStep(this.place, 'ACK');
  }

  private onTopic(bytes: Buffer, at: number, end: number): ConnectionError | undefined {
    const topic = decodeTopic(bytes, at, end, Limit.mostAliases);
    if (topic === undefined) return lostStep(this.place, 'TOPIC');
    this.aliases[topic.alias] = topic.topic ?? null;
    return undefined;
  }

  private onPing(bytes: Buffer, at: number, end: number, kind: number): ConnectionError | undefined {
    const ping = decodePing(bytes, at, end);
    if (ping === undefined) return lostStep(this.place, kind === Kind.ping ? 'PING' : 'PONG');
    if (kind === Kind.ping) this.outbox.sendControl(encodePing(Kind.pong, ping.low, ping.high));
    else this.outbox.onPong(ping.low, ping.high);
    return undefined;
  }

  private onLoss(bytes: Buffer, at: number, end: number, kind: number): ConnectionError | undefined {
    const loss = decodeLoss(bytes, at, end);
    if (loss === undefined) return lostStep(this.place, kind === Kind.gap ? 'GAP' : 'NOTICE');
    const { subscription, ...told } = loss;
    if (kind === Kind.notice) {
      this.listeners.emit('publishLoss', told);
      return undefined;
    }
    if (loss.reason !== 'conflated') this.lost += Number(loss.count);
    const channel = this.channels.get(subscription);
    if (channel !== undefined) this.listeners.emit('gap', { filters: channel.filters, ...told });
    return undefined;
  }

  private onError(bytes: Buffer, at: number, end: number, kind: number): ConnectionError | undefined {
    const error = decodeError(bytes, at, end);
    if (error === undefined) return lostStep(this.place, kind === Kind.error ? 'ERROR' : 'GOAWAY');
    const { code, name, text, reference } = error;
    if (kind === Kind.error && error.closes) return endedByDaemon(this.place, error);
    this.listeners.emit('notice', { code, name, text, reference });
    // The daemon need not wait for this client: what was begun goes out, then BYE, the rest in the next connection.
    if (kind === Kind.goAway) this.outbox.leave();
    return undefined;
  }
}
