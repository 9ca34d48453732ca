import type { DeliveredRun } from '../wire/deliver.js';
import { walkProperties } from '../wire/properties.js';
import { DeliverFlag, Limit, Property } from '../wire/protocol.js';

interface Entry {
  key: string;
  publisherLow: number;
  publisherHigh: number;
  numberLow: number;
  numberHigh: number;
  timestampLow: number;
  timestampHigh: number;
  priority: number;
}

const entryBytes = 25;

function priorityOf(run: DeliveredRun): number {
  const from = run.at + Limit.deliverHeader;
  if (run.body === from) return 0;
  let priority = 0;
  walkProperties(run.bytes, from, run.body, (id, at) => {
    if (id === Property.priority) priority = run.bytes[at]!;
    return true;
  });
  return priority;
}

/**
 * The last number that a subscription had of each publisher and priority class, to go on there after a reconnect.
 * Bounded: of more pairs than fit the one heard longest ago is left out, and what was stamped before is not asked for
 * again.
 */
export class ReceivedNumbers {
  private readonly entries = new Map<string, Entry>();
  private latest: Entry | undefined;
  private since = 0n;

  constructor(private readonly most: number = Limit.resumeEntries) {}

  /** The subscription begins: older events are none of its own. */
  begin(nowMs: number): void {
    this.entries.clear();
    this.latest = undefined;
    this.since = BigInt(nowMs) << 16n;
  }

  /** Takes note of a run. Its numbers are compared in halves: this is on the way of every frame. */
  note(run: DeliveredRun): void {
    if ((run.flags & DeliverFlag.retained) !== 0) return;
    const { bytes, at } = run;
    const publisherLow = bytes.readUInt32LE(at + 16);
    const publisherHigh = bytes.readUInt32LE(at + 20);
    const priority = priorityOf(run);
    let entry = this.latest;
    if (entry === undefined || entry.publisherLow !== publisherLow || entry.publisherHigh !== publisherHigh
      || entry.priority !== priority) {
      entry = this.find(publisherLow, publisherHigh, priority);
    }
    let numberLow = bytes.readUInt32LE(at + 24) + run.count - 1;
    let numberHigh = bytes.readUInt32LE(at + 28);
    if (numberLow > 0xffff_ffff) {
      numberLow -= 0x1_0000_0000;
      numberHigh++;
    }
    // A replayed or repaired event may be older than one that was had.
    if (numberHigh > entry.numberHigh || (numberHigh === entry.numberHigh && numberLow > entry.numberLow)) {
      entry.numberLow = numberLow;
      entry.numberHigh = numberHigh;
      entry.timestampLow = bytes.readUInt32LE(at + 32);
      entry.timestampHigh = bytes.readUInt32LE(at + 36);
    }
  }

  /** Value of the resume property. */
  encode(): Buffer {
    const bytes = Buffer.allocUnsafe(8 + entryBytes * this.entries.size);
    bytes.writeBigUInt64LE(this.since);
    let at = 8;
    for (const entry of this.entries.values()) {
      bytes.writeUInt32LE(entry.publisherLow, at);
      bytes.writeUInt32LE(entry.publisherHigh, at + 4);
      bytes.writeUInt32LE(entry.numberLow, at + 8);
      bytes.writeUInt32LE(entry.numberHigh, at + 12);
      bytes.writeUInt32LE(entry.timestampLow, at + 16);
      bytes.writeUInt32LE(entry.timestampHigh, at + 20);
      bytes[at + 24] = entry.priority;
      at += entryBytes;
    }
    return bytes;
  }

  /** The entry of a publisher and class, as the one heard last. */
  private find(publisherLow: number, publisherHigh: number, priority: number): Entry {
    const key = `${publisherHigh}.${publisherLow}.${priority}`;
    let entry = this.entries.get(key);
    if (entry !== undefined) {
      this.entries.delete(key);
    } else {
      if (this.entries.size >= this.most) this.leaveOutOldest();
      entry = {
        key, publisherLow, publisherHigh, numberLow: 0, numberHigh: 0, timestampLow: 0, timestampHigh: 0, priority,
      };
    }
    // A map keeps the order in which keys were added, so the first is the one heard longest ago.
    this.entries.set(key, entry);
    this.latest = entry;
    return entry;
  }

  private leaveOutOldest(): void {
    const [oldest] = this.entries.values();
    if (oldest === undefined) return;
    this.entries.delete(oldest.key);
    const timestamp = (BigInt(oldest.timestampHigh) << 32n) | BigInt(oldest.timestampLow);
    if (timestamp > this.since) this.since = timestamp;
  }
}
