import { checkTopic, isReservedTopic } from '../topics.js';
import { Limit } from '../wire/protocol.js';
import { badTopic, systemTopic } from './errors.js';

/** A topic that this client publishes to. */
export interface OutboundTopic {
  readonly text: string;
  readonly utf8: Buffer;
  /** 0: the name goes with each frame. Becomes 0 when a later daemon takes fewer aliases. */
  alias: number;
  /** Whether the daemon of this connection was told, or will be by what stands in the log. */
  isDeclared: boolean;
}

/** Topics and their aliases, as many as the daemon takes. */
export class TopicTable {
  maxAliases: number = Limit.maxAliases;
  private readonly byText = new Map<string, OutboundTopic>();
  private readonly byAlias: OutboundTopic[] = [];
  private last: OutboundTopic | undefined;

  /**
   * Finds or makes what is known of a topic.
   * @throws PublishError the name breaks docs/protocol/topics.md.
   */
  find(text: string): OutboundTopic {
    const last = this.last;
    if (last !== undefined && last.text === text) return last;
    const topic = this.byText.get(text) ?? this.add(text);
    this.last = topic;
    return topic;
  }

  /** A topic that is used once: not kept, and sent as text. */
  once(text: string): OutboundTopic {
    return this.byText.get(text) ?? this.make(text, 0);
  }

  withAlias(alias: number): OutboundTopic {
    return this.byAlias[alias - 1]!;
  }

  /** A new daemon knows no alias, and may take fewer. */
  reset(maxAliases: number): void {
    this.maxAliases = Math.min(maxAliases, Limit.mostAliases);
    for (const topic of this.byAlias) topic.isDeclared = false;
  }

  /** Topics whose alias is above what the daemon takes go as text from now on. */
  dropHighAliases(): void {
    for (const topic of this.byAlias) {
      if (topic.alias > this.maxAliases) topic.alias = 0;
    }
  }

  private add(text: string): OutboundTopic {
    // Beyond the table topics stay unknown here and travel as text: what a client remembers is bounded.
    if (this.byAlias.length >= this.maxAliases) return this.make(text, 0);
    const topic = this.make(text, this.byAlias.length + 1);
    this.byText.set(text, topic);
    this.byAlias.push(topic);
    return topic;
  }

  private make(text: string, alias: number): OutboundTopic {
    const problem = checkTopic(text);
    if (problem !== undefined) throw badTopic(text, problem);
    if (isReservedTopic(text)) throw systemTopic(text);
    return { text, utf8: Buffer.from(text), alias, isDeclared: false };
  }
}
