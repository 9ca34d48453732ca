// Numbers and names of docs/protocol/README.md and docs/protocol/app-v1.md.

export const Kind = {
  hello: 0x01,
  topic: 0x02,
  publish: 0x03,
  subscribe: 0x04,
  unsubscribe: 0x05,
  credit: 0x06,
  ping: 0x07,
  pong: 0x08,
  query: 0x09,
  bye: 0x0a,
  welcome: 0x41,
  subscribed: 0x42,
  deliver: 0x43,
  ack: 0x44,
  gap: 0x45,
  result: 0x46,
  error: 0x47,
  goAway: 0x48,
  unsubscribed: 0x49,
  notice: 0x4a,
} as const;

export const Code = {
  none: 0,
  badGreeting: 1,
  malformed: 2,
  frameTooLarge: 3,
  payloadTooLarge: 4,
  badTopic: 6,
  badFilter: 7,
  unsupportedVersion: 8,
  unauthenticated: 14,
  forbidden: 15,
  shuttingDown: 19,
  overLimit: 22,
} as const;

const codeNames = [
  'none', 'bad_greeting', 'malformed', 'frame_too_large', 'payload_too_large', 'unknown_alias', 'bad_topic',
  'bad_filter', 'unsupported_version', 'out_of_order', 'too_many_subscriptions', 'subscription_in_use',
  'unknown_subscription', 'too_many_sessions', 'unauthenticated', 'forbidden', 'wrong_cluster', 'duplicate_link',
  'self_link', 'shutting_down', 'idle', 'unknown_query', 'over_limit', 'internal', '', '', 'keep_over', 'taken_over',
];

const reasonNames = [
  '', 'queue_full', 'link_full', 'expired', 'link_lost', 'too_large', 'duplicate', 'block_timeout', 'conflated',
  'memory', 'no_member', 'session_closed', 'link_down', 'missed',
];

/** Name of an error code; `error_N` for one of a later version. */
export function codeName(code: number): string {
  return codeNames[code] || `error_${code}`;
}

/** Name of a drop reason; `reason_N` for one of a later version. */
export function reasonName(reason: number): string {
  return reasonNames[reason] || `reason_${reason}`;
}

export const Limit = {
  version: 1,
  frameHeader: 8,
  publishHeader: 12,
  subscribeHeader: 24,
  deliverHeader: 40,
  topicHeader: 12,
  /** What counts where nothing was said. */
  maxFrame: 4_260_096,
  /** What the client says and takes: a payload of 64 MiB, the most that a daemon can be told to take, and its head. */
  clientMaxFrame: 67_174_656,
  leastMaxFrame: 65_536,
  maxPayload: 4_194_304,
  maxAliases: 65_536,
  mostAliases: 262_144,
  maxSubscriptions: 1_000_000,
  runFrame: 32_768,
  deliverRunFrame: 34_816,
  topic: 1024,
  levels: 64,
  groupName: 64,
  shortText: 255,
  headers: 64,
  properties: 16_384,
  filters: 1024,
  resumeEntries: 1024,
  clientName: 128,
  token: 1024,
  text: 1024,
  nodeName: 64,
  queryText: 1088,
} as const;

export const PublishFlag = { retain: 0x01, acknowledge: 0x02 } as const;
export const DeliverFlag = { retain: 0x01, retained: 0x04, replayed: 0x08 } as const;
export const closesFlag = 0x01;

export const Property = {
  topic: 0x01,
  contentType: 0x02,
  correlationId: 0x03,
  header: 0x04,
  timeToLive: 0x05,
  priority: 0x06,
  replyTopic: 0x07,
  clientName: 0x10,
  clientLibrary: 0x11,
  publisherId: 0x12,
  nextNumber: 0x13,
  maxAliases: 0x14,
  maxFrame: 0x15,
  token: 0x16,
  maxPayload: 0x17,
  maxSubscriptions: 0x18,
  idleTimeout: 0x19,
  nodeId: 0x20,
  nodeName: 0x21,
  cluster: 0x22,
  daemonVersion: 0x23,
  overflow: 0x40,
  blockTimeout: 0x41,
  strategy: 0x42,
  resume: 0x43,
} as const;

/** Priorities by their number on the wire. */
export const priorities = ['normal', 'high', 'low'] as const;

/** What overtakes what in a queue that is not empty. */
export type Priority = (typeof priorities)[number];

export const overflowPolicies = ['drop-oldest', 'drop-newest', 'block', 'conflate'] as const;

/** What the daemon does when a subscription's queue is full. */
export type OverflowPolicy = (typeof overflowPolicies)[number];

export const groupStrategies = ['sticky', 'round-robin', 'least-pending', 'local-first'] as const;

/** Which member of a group gets an event. */
export type GroupStrategy = (typeof groupStrategies)[number];

/** The bytes that stand for nothing; compared by identity on the way of an event. */
export const noBytes: Buffer = Buffer.alloc(0);
