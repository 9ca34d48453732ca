// Turns the lines of tests/conformance/README.md into calls of this client and back.
import { createInterface } from 'node:readline';
import { NexusdClient, NexusdError } from '../dist/esm/index.js';

const clients = new Map();
const subscriptions = new Map();
const logs = new Map();
const running = new Map();

const answer = (id, members) => process.stdout.write(`${JSON.stringify({ id, ...members })}\n`);

function find(map, name, what) {
  const found = map.get(name);
  if (found === undefined) throw new Error(`there is no ${what} '${name}'`);
  return found;
}

const clientOf = (command) => find(clients, command.client, 'client');
const subscriptionOf = (command) => find(subscriptions, command.sub, 'subscription');

function toJson(message) {
  const shown = {
    topic: message.topic,
    size: message.size,
    publisher: String(message.publisher),
    number: String(message.number),
    content_type: message.contentType,
    correlation_id: message.correlationId,
    headers: message.headers,
    ttl_ms: message.timeToLive,
    priority: message.priority,
    reply_topic: message.replyTopic,
    retained: message.isRetained,
    replayed: message.isReplayed,
  };
  return message.size > 4096 ? shown : { ...shown, payload: message.text() };
}

function listen(name, client) {
  const log = [];
  logs.set(name, log);
  const numbers = (loss) => ({
    publisher: String(loss.publisher), from: String(loss.from), to: String(loss.to), count: String(loss.count),
    reason: loss.reason, node: loss.node,
  });
  client.on('state', ({ state, reason }) => log.push({ kind: 'state', state, text: reason?.message ?? '' }));
  client.on('gap', (gap) => log.push({ kind: 'gap', filters: gap.filters, ...numbers(gap) }));
  client.on('publishLoss', (loss) => log.push({ kind: 'publish_loss', ...numbers(loss) }));
  client.on('notice', ({ code, text }) => log.push({ kind: 'notice', code, text }));
}

function eventOptions(command) {
  return {
    retain: command.retain,
    timeToLive: command.ttl_ms,
    priority: command.priority,
    contentType: command.content_type,
    correlationId: command.correlation_id,
    headers: command.headers,
    replyTopic: command.reply_topic,
  };
}

const bytesOf = (command) =>
  command.size === undefined ? command.payload ?? '' : Buffer.alloc(command.size, 'x');

const numbered = (number, size) => Buffer.from(String(number).padEnd(size ?? 0, ' '));

/** The reading of a subscription that still runs after its time-out is the first of the next one. */
async function next(reader, deadline, signal) {
  reader.pending ??= reader.iterator.next();
  const left = deadline - performance.now();
  let timer;
  let stop;
  const late = new Promise((resolve) => {
    stop = () => resolve(undefined);
    timer = setTimeout(stop, Math.max(left, 0));
    signal.addEventListener('abort', stop);
  });
  try {
    const taken = await Promise.race([reader.pending, late]);
    if (taken !== undefined) reader.pending = undefined;
    return taken;
  } catch (error) {
    reader.pending = undefined;
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

async function readMany(command, signal, take) {
  const reader = subscriptionOf(command);
  const deadline = performance.now() + (command.timeout_ms ?? 5000);
  const count = command.count ?? 1;
  for (let taken = 0; taken < count; taken++) {
    signal.throwIfAborted();
    const result = await next(reader, deadline, signal);
    if (result === undefined) return false;
    if (result.done) return true;
    take(result.value);
  }
  return false;
}

async function publishNumbers(command, step) {
  const client = clientOf(command);
  let published = 0;
  while (published < command.count) {
    const { count, goOn } = step(client, command.from + published, command.count - published);
    published += count;
    if (!goOn) await client.drained();
  }
  return { published };
}

const actions = {
  new(command) {
    const o = command.options ?? {};
    const client = new NexusdClient(command.address, {
      name: o.name,
      publishBufferBytes: o.publish_buffer_bytes,
      connectTimeoutMs: o.connect_timeout_ms,
      acknowledgeTimeoutMs: o.acknowledge_timeout_ms,
      closeTimeoutMs: o.close_timeout_ms,
      reconnectMinMs: o.reconnect_min_ms,
      reconnectMaxMs: o.reconnect_max_ms,
      keepAliveMs: o.keep_alive_ms,
    });
    clients.set(command.client, client);
    listen(command.client, client);
  },
  async wait_ready(command, signal) {
    await clientOf(command).waitReady({ timeoutMs: command.timeout_ms, signal });
  },
  state: (command) => ({ state: clientOf(command).state }),
  async publish(command, signal) {
    const client = clientOf(command);
    const options = eventOptions(command);
    if (!command.ack) {
      client.publishNow(command.topic, bytesOf(command), options);
      return {};
    }
    const result = await client.publish(command.topic, bytesOf(command), { ...options, signal });
    return { local: result.local, peers: result.peers, number: Number(result.number) };
  },
  publish_numbers: (command) => publishNumbers(command, (client, number) => (
    { count: 1, goOn: client.publishNow(command.topic, numbered(number, command.size)) })),
  publish_many: (command) => publishNumbers(command, (client, from, left) => {
    const count = Math.min(left, 1000);
    const payloads = Array.from({ length: count }, (_, i) => numbered(from + i, command.size));
    return { count, goOn: client.publishMany(command.topic, payloads) };
  }),
  flush: (command, signal) => clientOf(command).flush({ timeoutMs: command.timeout_ms, signal }),
  async subscribe(command, signal) {
    const o = command.options ?? {};
    const subscription = clientOf(command).subscribe(command.filters, {
      receiveRetained: o.receive_retained,
      resume: o.resume,
      group: o.group,
      strategy: o.strategy,
      overflow: o.overflow,
      blockTimeoutMs: o.block_timeout_ms,
      queueEvents: o.queue_events,
      queueBytes: o.queue_bytes,
      receiveBufferBytes: o.receive_buffer_bytes,
      signal,
    });
    const iterator = subscription[Symbol.asyncIterator]();
    subscriptions.set(command.sub, { subscription, iterator, pending: undefined });
    await subscription.ready;
  },
  async read(command, signal) {
    const messages = [];
    const ended = await readMany(command, signal, (message) => messages.push(toJson(message)));
    return { messages, ended };
  },
  async read_numbers(command, signal) {
    const seen = new Set();
    const told = { count: 0, first: 0, last: 0, ordered: true, duplicates: 0, sum: 0, replayed: 0 };
    await readMany(command, signal, (message) => {
      const number = Number(message.text());
      if (told.count++ === 0) told.first = number;
      else if (number <= told.last) told.ordered = false;
      if (seen.has(number)) told.duplicates++;
      seen.add(number);
      told.last = number;
      told.sum += number;
      if (message.isReplayed) told.replayed++;
    });
    return told;
  },
  async unsubscribe(command) {
    await subscriptionOf(command).iterator.return();
    subscriptions.delete(command.sub);
  },
  async request(command, signal) {
    const message = await clientOf(command).request(
      command.topic, bytesOf(command), { timeoutMs: command.timeout_ms, signal });
    return { message: toJson(message) };
  },
  async respond(command) {
    const client = clientOf(command);
    const subscription = client.subscribe(command.filter, (message) => {
      client.reply(message, `re:${message.text()}`).catch((error) => console.error(`reply: ${error.message}`));
    });
    await subscription.ready;
  },
  log: (command) => ({ entries: find(logs, command.client, 'client').splice(0) }),
  statistics(command) {
    const s = clientOf(command).statistics;
    return {
      published: s.published, received: s.received, in_doubt: s.inDoubt, connections: s.connections,
      buffered_bytes: s.bufferedBytes,
    };
  },
  cancel(command) {
    find(running, command.target, 'command').abort();
  },
  close: (command) => clientOf(command).close(),
  async query(command, signal) {
    return { json: JSON.stringify(await clientOf(command).query(command.what, { signal })) };
  },
};

function toError(error) {
  if (error?.name === 'AbortError') return { error: 'cancelled', text: error.message };
  if (!(error instanceof NexusdError)) return { error: 'other', text: error?.stack ?? String(error) };
  return { error: error.kind, text: error.message, ...(error.code === undefined ? {} : { code: error.code }) };
}

/** Ends a command as soon as it is cancelled, also one whose call takes no signal. */
function cancelled(signal) {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

async function run(line) {
  const command = JSON.parse(line);
  const { id } = command;
  const action = actions[command.do];
  if (action === undefined) {
    answer(id, { error: 'unsupported', text: `this client has no '${command.do}'` });
    return;
  }
  const control = new AbortController();
  running.set(id, control);
  try {
    const members = await Promise.race([action(command, control.signal), cancelled(control.signal)]);
    answer(id, { ok: true, ...members });
  } catch (error) {
    answer(id, toError(error));
  } finally {
    running.delete(id);
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => void run(line))
  .on('close', () => process.exit(0));
