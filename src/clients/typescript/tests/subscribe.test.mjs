import assert from 'node:assert/strict';
import { once } from 'node:events';
import { ClosedError, NexusdClient, QueryError, SubscribeError } from '../dist/esm/index.js';
import { ReceivedNumbers } from '../dist/esm/receiving/received-numbers.js';
import { DeliverReader } from '../dist/esm/wire/deliver.js';
import { Kind } from '../dist/esm/wire/protocol.js';
import { deliver, frame, loss, property, result, subscribed, topic } from './fake-daemon.mjs';
import { failure, limited, nextEvent, quick, reached, withFake } from './harness.mjs';

/** A client with one subscription that a fake daemon has confirmed. */
function withSubscription(name, run, { filters = ['a/#'], options, client: clientOptions } = {}) {
  withFake(name, async (daemon, client) => {
    const subscription = client.subscribe(filters, options);
    const connection = await daemon.welcome();
    const frame = await connection.confirm();
    await subscription.ready;
    await run({ daemon, client, subscription, connection, frame, sub: frame.sub });
  }, clientOptions);
}

/** The next messages of an iterator, as texts. */
async function texts(iterator, count) {
  const all = [];
  for (let i = 0; i < count; i++) all.push((await iterator.next()).value.text());
  return all;
}

withSubscription('SUBSCRIBE with nothing said', ({ frame }) => {
  assert.deepEqual([frame.flags, frame.credit, frame.events, frame.queue], [0, 1_048_576, 0, 0]);
  assert.deepEqual(frame.filters, ['a/#']);
  assert.equal(frame.properties.size, 0);
});

withSubscription('SUBSCRIBE with all options', ({ frame, subscription }) => {
  assert.deepEqual([frame.flags, frame.credit, frame.events, frame.queue], [1, 65_536, 100, 2000]);
  assert.deepEqual(frame.filters, ['$share/g/a', '$share/g/b/#']);
  assert.equal(frame.properties.get(0x40)[0], 2);
  assert.equal(frame.properties.get(0x41).readUInt32LE(), 2500);
  assert.equal(frame.properties.get(0x42)[0], 2);
  assert.deepEqual(subscription.filters, frame.filters);
}, {
  filters: ['a', 'b/#'],
  options: {
    group: 'g', strategy: 'least-pending', receiveRetained: false, overflow: 'block', blockTimeoutMs: 2500,
    queueEvents: 100, queueBytes: 2000, receiveBufferBytes: 65_536,
  },
});

withSubscription('messages come in order with all that they carry', async ({ connection, subscription, sub }) => {
  connection.send(topic(5, 'a/b'), deliver({
    sub, alias: 5, number: 10, payloads: ['1', '22'], timestamp: 1_700_000_000_000n << 16n, flags: 0x0d,
    properties: [
      property(2, Buffer.from('text/plain')), property(3, Buffer.from('id')), property(4, Buffer.from('\x01kv')),
      property(5, Buffer.of(1, 2, 0, 0)), property(6, Buffer.of(2)), property(7, Buffer.from('r')),
    ],
  }), deliver({ sub, name: 'a/c', number: 12, payloads: ['333'] }));
  const messages = [];
  for await (const message of subscription) {
    messages.push(message);
    if (messages.length === 3) break;
  }
  const [first, second, third] = messages;
  assert.deepEqual(messages.map((m) => [m.topic, m.text(), m.number, m.size]), [
    ['a/b', '1', 10n, 1], ['a/b', '22', 11n, 2], ['a/c', '333', 12n, 3]]);
  assert.equal(first.publisher, 9n);
  assert.equal(first.time.getTime(), 1_700_000_000_000);
  assert.equal(first.contentType, 'text/plain');
  assert.equal(first.correlationId, 'id');
  assert.deepEqual({ ...first.headers }, { k: 'v' });
  assert.deepEqual([first.timeToLive, first.priority, first.replyTopic], [513, 'low', 'r']);
  assert.deepEqual([first.isRetain, first.isRetained, first.isReplayed], [true, true, true]);
  assert.deepEqual([third.isRetain, third.isRetained, third.isReplayed], [false, false, false]);
  assert.deepEqual([third.contentType, third.correlationId, third.priority], [undefined, undefined, 'normal']);
  assert.equal(second.json(), 22);
  assert.equal((await connection.of(Kind.unsubscribe)).sub, sub);
});

withSubscription('what comes after the end is thrown away', async ({ connection, client, subscription, sub }) => {
  await subscription.close();
  await subscription.close();
  await connection.of(Kind.unsubscribe);
  connection.send(deliver({ sub }), deliver({ sub: 999 }), loss(Kind.gap, { reason: 1, sub }));
  const other = client.subscribe('b');
  const { sub: otherId } = await connection.confirm();
  connection.send(deliver({ sub: otherId, payloads: ['mine'] }));
  assert.deepEqual(await texts(other[Symbol.asyncIterator](), 1), ['mine']);
  assert.deepEqual(await subscription[Symbol.asyncIterator]().next(), { done: true, value: undefined });
  assert.equal(client.statistics.connections, 1);
});

withSubscription('waiting readers are served in their order', async ({ connection, subscription, sub }) => {
  const iterator = subscription[Symbol.asyncIterator]();
  const waiting = [iterator.next(), iterator.next(), iterator.next()];
  connection.send(deliver({ sub, payloads: ['1', '2'] }), deliver({ sub, number: 3, payloads: ['3'] }));
  assert.deepEqual((await Promise.all(waiting)).map(({ value }) => value.text()), ['1', '2', '3']);
});

withSubscription('batches hold what has come', async ({ connection, subscription, sub }) => {
  connection.send(deliver({ sub, payloads: ['1', '2'] }), deliver({ sub, number: 3, payloads: ['3'] }));
  const all = [];
  for await (const batch of subscription.batches()) {
    all.push(...batch.map((message) => message.text()));
    if (all.length === 3) break;
  }
  assert.deepEqual(all, ['1', '2', '3']);
  await connection.of(Kind.unsubscribe);
});

withFake('a callback gets each message, also after it threw', async (daemon, client) => {
  const warned = once(process, 'warning');
  const seen = [];
  let finished;
  const done = new Promise((resolve) => { finished = resolve; });
  const subscription = client.subscribe('a', (message) => {
    seen.push(message.text());
    if (seen.length === 3) finished();
    if (seen.length === 1) throw new Error('in the callback');
  });
  const connection = await daemon.welcome();
  const { sub } = await connection.confirm();
  connection.send(deliver({ sub, payloads: ['1', '2', '3'] }));
  await done;
  assert.deepEqual(seen, ['1', '2', '3']);
  assert.match((await warned)[0].message, /in the callback/);
  assert.throws(() => subscription[Symbol.asyncIterator](), TypeError);
});

withFake('a refusal of the daemon is told by ready and by the loop', async (daemon, client) => {
  const subscription = client.subscribe('a');
  const ended = failure(subscription[Symbol.asyncIterator]().next());
  const connection = await daemon.welcome();
  const { sub } = await connection.of(Kind.subscribe);
  connection.send(subscribed(sub, 10, 'too many subscriptions'));
  for (const told of [await failure(subscription.ready), await ended]) {
    assert.ok(told instanceof SubscribeError);
    assert.deepEqual([told.code, told.message], [10, 'too many subscriptions']);
  }
});

limited('bad filters fail at the call', async () => {
  const client = new NexusdClient('/nowhere/s', quick);
  for (const [filters, code] of [
    [[], 22], [['a*'], 7], [['a', '#/b'], 7], ['', 7], [['$share/g'], 7], [['a', '$share/g/b'], 7], [[5], 7],
    [Array.from({ length: 1025 }, () => 'a'), 22],
  ]) {
    assert.throws(() => client.subscribe(filters), (told) => told instanceof SubscribeError && told.code === code);
  }
  assert.throws(() => client.subscribe('a', { group: 'x/y*' }), SubscribeError);
  for (const options of [{ overflow: 'x' }, { strategy: 'x' }, { queueEvents: -1 }, { receiveBufferBytes: 1 },
    { blockTimeoutMs: 700_000 }, { queueBytes: 1.5 }]) {
    assert.throws(() => client.subscribe('a', options), (told) => told.kind === 'argument');
  }
  assert.equal(client.state, 'idle');
  await client.close();
});

withSubscription('credit comes back as messages are taken', async ({ connection, client, subscription, sub }) => {
  const payload = 'x'.repeat(5000);
  for (let number = 1; number <= 8; number++) connection.send(deliver({ sub, number, payloads: [payload] }));
  // The answer to a query that was asked later says that all of it has arrived.
  const answered = client.query('status');
  const { request } = await connection.of(Kind.query);
  connection.send(result(request, 0, '{}'));
  await answered;
  assert.equal(connection.frames.values.length, 0);
  const iterator = subscription[Symbol.asyncIterator]();
  await texts(iterator, 2);
  const credit = await connection.next();
  const frameBytes = deliver({ sub, payloads: [payload] }).length;
  assert.deepEqual([credit.kind, credit.sub, credit.credit], [Kind.credit, sub, 2 * frameBytes]);
  await texts(iterator, 2);
  assert.equal((await connection.next()).credit, 2 * frameBytes);
}, { options: { receiveBufferBytes: 65_536 } });

withSubscription('what still waits is not granted again', async ({ daemon, connection, subscription, client, sub }) => {
  const bytes = deliver({ sub, payloads: ['x'.repeat(5000)] });
  connection.send(bytes, loss(Kind.gap, { reason: 1, sub }));
  await nextEvent(client, 'gap');
  connection.cut();
  const second = await daemon.welcome();
  const again = await second.confirm();
  assert.equal(again.credit, 65_536 - bytes.length);
  assert.equal(again.sub, sub);
  assert.equal((await subscription[Symbol.asyncIterator]().next()).value.size, 5000);
}, { options: { receiveBufferBytes: 65_536 } });

withSubscription('a reader that is slow holds up nobody else', async ({ connection, client, sub }) => {
  const other = client.subscribe('b');
  const { sub: otherId } = await connection.confirm();
  for (let number = 1; number <= 20; number++) {
    connection.send(deliver({ sub, number, payloads: ['x'.repeat(30_000)] }));
  }
  connection.send(deliver({ sub: otherId, payloads: ['through'] }));
  assert.deepEqual(await texts(other[Symbol.asyncIterator](), 1), ['through']);
});

function resumeOf(frame) {
  const bytes = frame.properties.get(0x43);
  if (bytes === undefined) return undefined;
  const entries = [];
  for (let at = 8; at < bytes.length; at += 25) {
    const [publisher, number, timestamp] = [0, 8, 16].map((more) => bytes.readBigUInt64LE(at + more));
    entries.push([publisher, number, timestamp, bytes[at + 24]]);
  }
  return { since: bytes.readBigUInt64LE(), entries };
}

withSubscription('after a reconnect SUBSCRIBE says what was had', async ({ daemon, connection, subscription, sub }) => {
  const low = [property(6, Buffer.of(2))];
  connection.send(
    deliver({ sub, publisher: 9, number: 5, payloads: ['1', '2'], timestamp: 100n }),
    deliver({ sub, publisher: 9, number: 3, payloads: ['3'], timestamp: 101n, flags: 8 }),
    deliver({ sub, publisher: 9, number: 8, payloads: ['4'], timestamp: 102n, properties: low }),
    deliver({ sub, publisher: 2n ** 64n - 1n, number: 0xffff_ffff, payloads: ['5', '6'], timestamp: 103n }),
    deliver({ sub, publisher: 7, number: 1, payloads: ['7'], timestamp: 99n, flags: 5 }),
  );
  await texts(subscription[Symbol.asyncIterator](), 7);
  connection.cut();
  const second = await daemon.welcome();
  const { since, entries } = resumeOf(await second.confirm());
  assert.ok(since >> 16n > 1_600_000_000_000n);
  assert.deepEqual(entries, [
    [9n, 6n, 100n, 0], [9n, 8n, 102n, 2], [2n ** 64n - 1n, 0x1_0000_0000n, 103n, 0]]);
});

withFake('before the first confirmation nothing is resumed', async (daemon, client) => {
  const subscription = client.subscribe('a');
  const first = await daemon.welcome();
  assert.equal(resumeOf(await first.of(Kind.subscribe)), undefined);
  first.cut();
  const second = await daemon.welcome();
  assert.equal(resumeOf(await second.confirm()), undefined);
  await subscription.ready;
  second.cut();
  const third = await daemon.welcome();
  assert.deepEqual(resumeOf(await third.confirm()).entries, []);
});

withSubscription('without resume nothing is asked for', async ({ daemon, connection }) => {
  connection.cut();
  const second = await daemon.welcome();
  assert.equal(resumeOf(await second.confirm()), undefined);
}, { options: { resume: false } });

limited('of more publishers than fit the one heard longest ago is left out', () => {
  const reader = new DeliverReader([]);
  const received = new ReceivedNumbers(2);
  received.begin(0);
  const note = (publisher, number, timestamp) => {
    const bytes = deliver({ sub: 1, publisher, number, timestamp });
    received.note(reader.read(bytes, 0, bytes.length));
  };
  note(1, 1, 11n);
  note(2, 1, 12n);
  note(1, 2, 13n);
  note(3, 1, 14n);
  const bytes = received.encode();
  assert.equal(bytes.readBigUInt64LE(), 12n);
  assert.deepEqual([8, 33].map((at) => bytes.readBigUInt64LE(at)), [1n, 3n]);
});

withSubscription('gaps and publish losses are told', async ({ connection, client, sub }) => {
  const gap = nextEvent(client, 'gap');
  const unknown = nextEvent(client, 'gap', ({ reason }) => reason === 'reason_77');
  const lost = nextEvent(client, 'publishLoss');
  connection.send(loss(Kind.gap, { reason: 1, sub }), loss(Kind.gap, { reason: 77, sub }),
    loss(Kind.notice, { reason: 7, publisher: 77 }));
  assert.deepEqual(await gap, {
    filters: ['a/#'], publisher: 9n, from: 10n, to: 20n, count: 4n, reason: 'queue_full', node: 'n',
  });
  await unknown;
  assert.deepEqual(await lost, { publisher: 77n, from: 10n, to: 20n, count: 4n, reason: 'block_timeout', node: 'n' });
  assert.equal(client.statistics.lost, 8);
});

withFake('a signal ends the loop with its reason', async (daemon, client) => {
  const control = new AbortController();
  const subscription = client.subscribe('a', { signal: control.signal });
  const connection = await daemon.welcome();
  await connection.confirm();
  await subscription.ready;
  const told = failure((async () => {
    for await (const message of subscription) assert.fail(message.topic);
  })());
  control.abort();
  assert.equal((await told).name, 'AbortError');
  await connection.of(Kind.unsubscribe);
  assert.throws(() => client.subscribe('a', { signal: control.signal }), { name: 'AbortError' });
});

withSubscription('closing the client ends the loop', async ({ client, subscription }) => {
  const ended = subscription[Symbol.asyncIterator]().next();
  await client.close();
  assert.deepEqual(await ended, { done: true, value: undefined });
});

limited('a subscription that was closed early is not ready', async () => {
  const client = new NexusdClient('/nowhere/s', quick);
  const subscription = client.subscribe('a');
  const told = failure(subscription.ready);
  await subscription.close();
  assert.ok(await told instanceof ClosedError);
  await client.close();
});

withSubscription('a small message does not hold what was read with it', async (the) => {
  const { connection, client, subscription, sub } = the;
  const big = client.subscribe('b', () => undefined);
  const { sub: bigId } = await connection.confirm();
  await big.ready;
  connection.send(deliver({ sub, payloads: ['small'] }), deliver({ sub: bigId, payloads: ['x'.repeat(60_000)] }));
  const { value } = await subscription[Symbol.asyncIterator]().next();
  assert.equal(value.text(), 'small');
  assert.ok(value.payload.buffer.byteLength <= 1024);
});

withFake('a query is answered, refused, and asked again after a reconnect', async (daemon, client) => {
  const answered = client.query('status');
  const first = await daemon.welcome();
  assert.equal((await first.of(Kind.query)).text, 'status');
  first.cut();
  await reached(client, 'reconnecting');
  const second = await daemon.welcome();
  const { request } = await second.of(Kind.query);
  second.send(result(request, 0, '{"a":1}'));
  assert.deepEqual(await answered, { a: 1 });
  const refused = failure(client.query('weather'));
  second.send(result((await second.of(Kind.query)).request, 21, 'try status'));
  const told = await refused;
  assert.ok(told instanceof QueryError);
  assert.deepEqual([told.code, told.message], [21, 'try status']);
  assert.equal((await failure(client.query(''))).kind, 'query');
});

withFake('subscriptions come before publishes in each connection', async (daemon, client) => {
  client.publishNow('a', 'x');
  client.subscribe('b');
  client.subscribe('c');
  const connection = await daemon.welcome();
  const kinds = [];
  for (let i = 0; i < 4; i++) kinds.push((await connection.next()).kind);
  assert.deepEqual(kinds, [Kind.subscribe, Kind.subscribe, Kind.topic, Kind.publish]);
});

withFake('a frame of an unknown answer is ignored', async (daemon, client) => {
  const ready = client.waitReady();
  const connection = await daemon.welcome();
  await ready;
  connection.send(subscribed(99), frame(Kind.unsubscribed, {}, Buffer.alloc(4)), result(9, 0, '{}'));
  const answered = client.query('status');
  connection.send(result((await connection.of(Kind.query)).request, 0, '1'));
  assert.equal(await answered, 1);
});

withSubscription('a subscription that the daemon ends unasked is over', async ({ connection, subscription, sub }) => {
  const ended = failure(subscription[Symbol.asyncIterator]().next());
  const answer = subscribed(sub, 27);
  answer[4] = Kind.unsubscribed;
  connection.send(answer);
  assert.match((await ended).message, /ended the subscription: taken_over/);
});
