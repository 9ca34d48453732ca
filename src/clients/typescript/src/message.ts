import { walkProperties } from './wire/properties.js';
import type { DeliveredRun } from './wire/deliver.js';
import { DeliverFlag, Limit, priorities, Property, type Priority } from './wire/protocol.js';

/** What the properties of a run say; read once, when the first of its messages is asked. */
interface ReadProperties {
  contentType: string | undefined;
  correlationId: Buffer | undefined;
  headers: readonly (readonly [string, Buffer])[];
  timeToLive: number | undefined;
  priority: Priority;
  replyTopic: string | undefined;
}

const none: ReadProperties = {
  contentType: undefined,
  correlationId: undefined,
  headers: [],
  timeToLive: undefined,
  priority: 'normal',
  replyTopic: undefined,
};

const read = new WeakMap<DeliveredRun, ReadProperties>();

function readProperties(run: DeliveredRun): ReadProperties {
  const { bytes } = run;
  const headers: [string, Buffer][] = [];
  const found = { ...none, headers };
  walkProperties(bytes, run.at + Limit.deliverHeader, run.body, (id, from, to) => {
    if (id === Property.contentType) found.contentType = bytes.toString('utf8', from, to);
    else if (id === Property.correlationId) found.correlationId = bytes.subarray(from, to);
    else if (id === Property.header) {
      const value = from + 1 + bytes[from]!;
      headers.push([bytes.toString('utf8', from + 1, value), bytes.subarray(value, to)]);
    } else if (id === Property.timeToLive) found.timeToLive = bytes.readUInt32LE(from);
    else if (id === Property.priority) found.priority = priorities[bytes[from]!]!;
    else if (id === Property.replyTopic) found.replyTopic = bytes.toString('utf8', from, to);
    return true;
  });
  return found;
}

function propertiesOf(run: DeliveredRun): ReadProperties {
  if (run.body === run.at + Limit.deliverHeader) return none;
  let found = read.get(run);
  if (found === undefined) {
    found = readProperties(run);
    read.set(run, found);
  }
  return found;
}

/**
 * An event as it was delivered. Everything is decoded when it is asked for, from the bytes that were received.
 * `payload` and `correlationId` are views of these: to keep many small ones for long, copy them with `Buffer.from`.
 */
export class Message {
  /** @internal */
  constructor(
    private readonly run: DeliveredRun,
    private readonly from: number,
    private readonly to: number,
    private readonly index: number,
  ) {}

  /** Topic that it was published to. */
  get topic(): string {
    return this.run.topic;
  }

  /** The payload, without copying. */
  get payload(): Buffer {
    return this.run.bytes.subarray(this.from, this.to);
  }

  /** Bytes of the payload. */
  get size(): number {
    return this.to - this.from;
  }

  /** Id of the client that published it. */
  get publisher(): bigint {
    return this.run.bytes.readBigUInt64LE(this.run.at + 16);
  }

  /** Its number among the events of its publisher, from 1. */
  get number(): bigint {
    return this.run.bytes.readBigUInt64LE(this.run.at + 24) + BigInt(this.index);
  }

  /** Hybrid logical clock of the daemon that took it: milliseconds since 1970 in the upper 48 bits, then a counter. */
  get timestamp(): bigint {
    return this.run.bytes.readBigUInt64LE(this.run.at + 32);
  }

  /** The same as a date. */
  get time(): Date {
    return new Date(Number(this.timestamp >> 16n));
  }

  get contentType(): string | undefined {
    return propertiesOf(this.run).contentType;
  }

  /** Correlation id as text. */
  get correlationId(): string | undefined {
    return this.correlationIdBytes?.toString('utf8');
  }

  /** Correlation id as it was sent, without copying. */
  get correlationIdBytes(): Buffer | undefined {
    return propertiesOf(this.run).correlationId;
  }

  /** Headers with their values as text; of a key that stands twice the last one. */
  get headers(): Readonly<Record<string, string>> {
    const headers: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const [key, value] of propertiesOf(this.run).headers) headers[key] = value.toString('utf8');
    return headers;
  }

  /** Headers as they were sent, in order. */
  get rawHeaders(): readonly (readonly [string, Buffer])[] {
    return propertiesOf(this.run).headers;
  }

  /** Milliseconds from `time` on for which it is worth delivering. */
  get timeToLive(): number | undefined {
    return propertiesOf(this.run).timeToLive;
  }

  get priority(): Priority {
    return propertiesOf(this.run).priority;
  }

  /** Topic to which an answer is to be published; `client.reply` does. */
  get replyTopic(): string | undefined {
    return propertiesOf(this.run).replyTopic;
  }

  /** Whether it was published to be retained. */
  get isRetain(): boolean {
    return (this.run.flags & DeliverFlag.retain) !== 0;
  }

  /** Whether it is the retained event of its topic, from before the subscription. */
  get isRetained(): boolean {
    return (this.run.flags & DeliverFlag.retained) !== 0;
  }

  /** Whether it was published while this subscription was away, and replayed by the daemon. */
  get isReplayed(): boolean {
    return (this.run.flags & DeliverFlag.replayed) !== 0;
  }

  /** The payload as UTF-8 text. */
  text(): string {
    return this.run.bytes.toString('utf8', this.from, this.to);
  }

  /** The payload as JSON, not checked against `T`. */
  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T;
  }
}

/** Takes the messages out of a run one after the other. */
export class RunCursor {
  private run: DeliveredRun | undefined;
  private at = 0;
  private index = 0;

  /** Begins with the first message of a run. */
  start(run: DeliveredRun): void {
    this.run = run;
    this.at = run.body;
    this.index = 0;
  }

  /** The run in hand, until its last message is taken. */
  get current(): DeliveredRun | undefined {
    return this.run;
  }

  /** The next message of the run in hand; there must be one. */
  take(): Message {
    const run = this.run!;
    const { bytes } = run;
    const at = this.at;
    const from = at + 4;
    const to = from + (bytes[at]! + (bytes[at + 1]! << 8) + (bytes[at + 2]! << 16) + bytes[at + 3]! * 0x100_0000);
    const message = new Message(run, from, to, this.index++);
    this.at = to;
    if (to === run.end) this.run = undefined;
    return message;
  }
}
