import { BufferFullError, PublishError, TimeoutError } from '../errors.js';
import { describeProblem, type TopicProblem } from '../topics.js';
import { Code, codeName } from '../wire/protocol.js';

const shorten = (text: string): string => (text.length <= 100 ? text : `${text.slice(0, 100)}...`);

export function badTopic(topic: string, problem: TopicProblem): PublishError {
  return new PublishError(`Cannot publish to '${shorten(topic)}': ${describeProblem(problem)}`, Code.badTopic);
}

export function systemTopic(topic: string): PublishError {
  return new PublishError(
    `Cannot publish to '${shorten(topic)}': names that start with '$' belong to the system, $reply/... apart; `
      + 'choose another name.',
    Code.badTopic,
  );
}

export function payloadTooLarge(bytes: number, most: number): PublishError {
  return new PublishError(
    `The payload has ${bytes} bytes; the daemon takes at most ${most}. Send less, or start nexusd with a larger `
      + '--max-payload.',
    Code.payloadTooLarge,
  );
}

export function refused(code: number): PublishError {
  const texts: Record<number, string> = {
    [Code.badTopic]: 'The daemon refused the topic: names that start with $ are not for applications.',
    [Code.payloadTooLarge]: 'The daemon refused the payload as too large: send less, or raise its --max-payload.',
    [Code.forbidden]: 'The daemon does not let this client publish to the topic: ask for the right, or change it.',
    [Code.shuttingDown]: 'The daemon is leaving and took no more events: publish again when it is back.',
  };
  return new PublishError(texts[code] ?? `The daemon refused the event: ${codeName(code)}.`, code);
}

export function notAcknowledged(timeoutMs: number, last: Error | undefined): TimeoutError {
  const why = last === undefined ? 'Is nexusd overloaded?' : last.message;
  return new TimeoutError(
    `The daemon did not acknowledge the event within ${timeoutMs / 1000} s; it may still be delivered. ${why}`, last);
}

export function bufferFull(bytes: number, isConnected: boolean, last: Error | undefined): BufferFullError {
  const why = isConnected
    ? 'The daemon takes events more slowly than they are published: await drained() when publishNow says false.'
    : `The daemon is away. ${last === undefined ? 'Is nexusd running?' : last.message}`;
  return new BufferFullError(`The ${bytes} bytes of publishBufferBytes are full; the event was not kept. ${why}`);
}
