/**
 * Client of nexusd, a publish/subscribe mesh without a broker.
 * @packageDocumentation
 */
export { Client, NexusdClient } from './client.js';
export type { WaitOptions } from './deferred.js';
export {
  ArgumentError, BufferFullError, ClosedError, ConnectionError, NexusdError, NoResponderError, PublishError,
  QueryError, SubscribeError, TimeoutError,
} from './errors.js';
export type { ErrorKind } from './errors.js';
export type {
  ClientEvents, ClientStatistics, ConnectionState, DaemonInfo, Gap, PublishLoss, ServerNotice, StateChange,
} from './events.js';
export { Message } from './message.js';
export type { ClientOptions, SubscribeOptions } from './options.js';
export type { PublishResult } from './publishing/acknowledgements.js';
export type { Payload, PublishOptions, PublishRequest } from './publishing/publisher.js';
export type { RequestOptions } from './requests.js';
export { Subscription } from './subscription.js';
export type { EventAttributes } from './wire/properties.js';
export type { GroupStrategy, OverflowPolicy, Priority } from './wire/protocol.js';
