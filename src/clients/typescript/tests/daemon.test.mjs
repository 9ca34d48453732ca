import assert from 'node:assert/strict';
import { NexusdClient, NoResponderError, PublishError } from '../dist/esm/index.js';
import { failure, limited, nextEvent, quick, reached } from './harness.mjs';
import { Cable, missing, RealDaemon } from './real-daemon.mjs';

/** A test with a real daemon and as many clients as it asks for. */
function withDaemon(name, run, ...flags) {
  limited(name, async () => {
    const daemon = await RealDaemon.start(...flags);
    const clients = [];
    const make = (options, address = daemon.address) => {
      const client = new NexusdClient(address, { ...quick, ...options });
      clients.push(client);
      return client;
    };
    try {
      await run(make, daemon);
    } finally {
      for (const client of clients) await client.close();
      await daemon.close();
    }
  }, { skip: missing, timeout: 60_000 });
}

async function take(subscription, count) {
  const iterator = subscription[Symbol.asyncIterator]();
  const all = [];
  while (all.length < count) all.push((await iterator.next()).value);
  return all;
}

withDaemon('what is published comes to who subscribed, over both sockets', async (make, daemon) => {
  const [here, there] = [make(), make({}, daemon.tcp)];
  const subscription = there.subscribe(['orders/*', 'x/#']);
  await subscription.ready;
  const first = await here.publish({
    topic: 'orders/created', payload: Buffer.from('{"id":7}'), contentType: 'application/json', priority: 'high',
    headers: { a: 'b' }, timeToLive: 60_000, correlationId: 'c', replyTopic: 'r',
  });
  assert.deepEqual([first.local, first.peers, first.number], [1, 0, 1n]);
  here.publishNow('x', 'plain');
  const [message, plain] = await take(subscription, 2);
  assert.deepEqual(message.json(), { id: 7 });
  assert.deepEqual(
    [message.topic, message.contentType, message.priority, message.headers.a, message.timeToLive, message.correlationId,
      message.replyTopic, message.publisher, message.isRetained],
    ['orders/created', 'application/json', 'high', 'b', 60_000, 'c', 'r', here.daemon.publisherId, false]);
  assert.equal(plain.text(), 'plain');
  assert.equal(plain.number, 2n);
});

withDaemon('a million events come complete and in order', async (make) => {
  const publisher = make();
  const subscriber = make();
  const count = 1_000_000;
  let expected = 0;
  let finished;
  const done = new Promise((resolve) => { finished = resolve; });
  const subscription = subscriber.subscribe('n', { overflow: 'block', blockTimeoutMs: 60_000 }, (message) => {
    assert.equal(Number(message.text()), expected++);
    if (expected === count) finished();
  });
  await subscription.ready;
  for (let n = 0; n < count; n++) {
    if (!publisher.publishNow('n', String(n))) await publisher.drained();
  }
  await publisher.flush();
  await done;
  assert.equal(publisher.statistics.inDoubt, 0);
});

withDaemon('a payload of 64 MiB goes through and comes back whole', async (make) => {
  const client = make({ publishBufferBytes: 128 * 1024 * 1024 });
  const payload = Buffer.alloc(64 * 1024 * 1024);
  for (let at = 0; at < payload.length; at += 4096) payload.writeUInt32LE(at, at);
  const subscription = client.subscribe('large', { queueBytes: 128 * 1024 * 1024 });
  await subscription.ready;
  await client.publish('large', payload);
  await client.publish('large', 'after');
  const [large, after] = await take(subscription, 2);
  assert.ok(payload.equals(large.payload));
  assert.equal(after.text(), 'after');
  const error = await failure(client.publish('large', Buffer.alloc(payload.length + 1)));
  assert.ok(error instanceof PublishError);
  assert.match(error.message, /max-payload/);
}, '--max-payload=64MiB', '--subscriber-queue-bytes=128MiB');

withDaemon('retained events come to who subscribes later, and an empty payload deletes them', async (make) => {
  const client = make();
  await client.publish('r/1', 'old', { retain: true });
  await client.publish('r/1', 'new', { retain: true });
  await client.publish('r/2', 'gone', { retain: true });
  await client.publish('r/2', '', { retain: true });
  const subscription = client.subscribe('r/#');
  const [message] = await take(subscription, 1);
  assert.deepEqual([message.topic, message.text(), message.isRetained], ['r/1', 'new', true]);
  await client.publish('r/3', 'live');
  assert.equal((await take(subscription, 1))[0].topic, 'r/3');
  const plain = client.subscribe('r/#', { receiveRetained: false });
  await plain.ready;
  await client.publish('r/4', 'live');
  assert.equal((await take(plain, 1))[0].topic, 'r/4');
});

withDaemon('a group of two shares events', async (make) => {
  const members = [make(), make()];
  const seen = [0, 0];
  let all = 0;
  let finished;
  const done = new Promise((resolve) => { finished = resolve; });
  const options = { group: 'workers', strategy: 'round-robin' };
  const subscriptions = members.map((client, i) => client.subscribe('jobs/#', options, () => {
    seen[i]++;
    if (++all === 200) finished();
  }));
  await Promise.all(subscriptions.map((one) => one.ready));
  const publisher = make();
  for (let n = 0; n < 200; n++) await publisher.publish(`jobs/${n}`, 'x');
  await done;
  assert.ok(seen[0] > 0 && seen[1] > 0, seen.join());
  assert.equal(seen[0] + seen[1], 200);
});

withDaemon('requests are answered, by the right reply, and fail where nobody listens', async (make) => {
  const [asking, answering] = [make(), make()];
  const service = answering.subscribe('sum', (message) => {
    const [a, b] = message.json();
    void answering.reply(message, String(a + b));
  });
  await service.ready;
  const pairs = [[1, 2], [3, 4], [5, 6]];
  const replies = await Promise.all(pairs.map((pair) => asking.request('sum', JSON.stringify(pair))));
  assert.deepEqual(replies.map((reply) => reply.text()), ['3', '7', '11']);
  assert.ok(await failure(asking.request('nobody', 'x')) instanceof NoResponderError);
  const silent = answering.subscribe('silent', () => undefined);
  await silent.ready;
  const late = await failure(asking.request('silent', 'x', { timeoutMs: 50 }));
  assert.equal(late.kind, 'timeout');
  const control = new AbortController();
  const cancelled = failure(asking.request('silent', 'x', { signal: control.signal }));
  control.abort();
  assert.equal((await cancelled).name, 'AbortError');
  const plain = asking.subscribe('plain');
  await plain.ready;
  await asking.publish('plain', 'x');
  const [message] = await take(plain, 1);
  assert.equal((await failure(asking.reply(message, 'x'))).kind, 'argument');
});

withDaemon('after a kill and a restart subscriptions and waiting publishes go on', async (make, daemon) => {
  const [publisher, subscriber] = [make(), make()];
  const subscription = subscriber.subscribe('k/#');
  await subscription.ready;
  await publisher.publish('k/1', '1');
  await take(subscription, 1);
  const lost = [reached(publisher, 'reconnecting'), reached(subscriber, 'reconnecting')];
  await daemon.kill();
  await Promise.all(lost);
  const waiting = publisher.publish('k/2', '2');
  const back = reached(subscriber, 'connected');
  await daemon.restart();
  await back;
  const { number } = await waiting;
  assert.equal(number, 2n);
  // The publish may have been first; what comes now is certain to find the subscription.
  await subscriber.query('status');
  await publisher.publish('k/3', '3');
  let message;
  do [message] = await take(subscription, 1); while (message.text() !== '3');
  assert.equal(message.number, 3n);
});

withDaemon('under load a kill loses nothing that was acknowledged, and counts the rest', async (make, daemon) => {
  const publisher = make();
  await publisher.waitReady();
  const payload = 'x'.repeat(100);
  const results = [];
  let published = 0;
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 20_000; n++) {
      publisher.publishNow('l', payload);
      published++;
    }
    for (let n = 0; n < 50; n++) results.push(publisher.publish('l/acked', String(n)));
    published += 50;
    const lost = reached(publisher, 'reconnecting');
    await Promise.race(results.slice(-50));
    await daemon.kill();
    await lost;
    await daemon.restart();
  }
  const numbers = (await Promise.all(results)).map(({ number }) => number);
  for (let i = 1; i < numbers.length; i++) assert.ok(numbers[i] > numbers[i - 1]);
  const last = await publisher.publish('l', 'end');
  assert.equal(last.number, BigInt(published + 1));
  assert.ok(publisher.statistics.inDoubt <= published);
});

withDaemon('a reader that does not read is told what it lost, and others are not held up', async (make) => {
  const [publisher, slow, fast] = [make(), make(), make()];
  const gap = nextEvent(slow, 'gap');
  const loss = nextEvent(publisher, 'publishLoss');
  const lazy = slow.subscribe('s', { queueEvents: 100, receiveBufferBytes: 65_536 });
  await lazy.ready;
  let seen = 0;
  let finished;
  const done = new Promise((resolve) => { finished = resolve; });
  const brisk = fast.subscribe('s', () => { if (++seen === 5000) finished(); });
  await brisk.ready;
  for (let n = 0; n < 5000; n++) {
    if (!publisher.publishNow('s', 'x'.repeat(200))) await publisher.drained();
  }
  await publisher.flush();
  await done;
  assert.equal((await loss).reason, 'queue_full');
  // The gap stands before what comes after it, so the reader has to read to be told.
  const iterator = lazy[Symbol.asyncIterator]();
  let read = 0;
  let lost;
  void gap.then((told) => { lost = told; });
  while (lost === undefined) {
    await iterator.next();
    read++;
  }
  assert.equal(lost.reason, 'queue_full');
  assert.equal(lost.node, 'real');
  assert.deepEqual(lost.filters, ['s']);
  assert.ok(read < 5000);
});

withDaemon('events of an absence are replayed where the daemon keeps them', async (make, daemon) => {
  const cable = await Cable.lay(daemon);
  const [publisher, subscriber] = [make(), make({}, cable.address)];
  const subscription = subscriber.subscribe('replay');
  await subscription.ready;
  await publisher.publish('replay', '1');
  assert.equal((await take(subscription, 1))[0].isReplayed, false);
  const lost = reached(subscriber, 'reconnecting');
  await cable.close();
  await lost;
  await publisher.publish('replay', '2');
  await cable.mend();
  const [message] = await take(subscription, 1);
  assert.deepEqual([message.text(), message.isReplayed, message.number], ['2', true, 2n]);
  await cable.close();
}, '--recovery-events=5');

withDaemon('a connection that is cut again and again loses and doubles no acknowledged event', async (make, daemon) => {
  const cable = await Cable.lay(daemon);
  const [publisher, subscriber] = [make({}, cable.address), make()];
  const seen = [];
  let finished;
  const done = new Promise((resolve) => { finished = resolve; });
  const count = 3000;
  const subscription = subscriber.subscribe('cut', { overflow: 'block' }, (message) => {
    seen.push(Number(message.text()));
    if (seen.length >= count) finished();
  });
  await subscription.ready;
  const results = [];
  for (let n = 0; n < count; n++) {
    results.push(publisher.publish('cut', String(n)));
    if (n % 100 === 99) {
      await results[n - 50];
      cable.cut();
    }
  }
  const numbers = (await Promise.all(results)).map(({ number }) => Number(number));
  await done;
  assert.deepEqual(seen, Array.from({ length: count }, (_, i) => i));
  assert.deepEqual(numbers, seen.map((n) => n + 1));
  assert.ok(publisher.statistics.connections > 2);
  await cable.close();
});

withDaemon('the daemon\'s documents', async (make) => {
  const client = make({ name: 'asking' });
  await client.publish('doc/a', 'x', { retain: true });
  const status = await client.query('status');
  assert.equal(typeof status, 'object');
  assert.match(JSON.stringify(await client.query('clients')), /asking/);
  assert.match(JSON.stringify(await client.query('retained doc/#')), /doc\/a/);
  assert.equal((await failure(client.query('weather'))).kind, 'query');
});

withDaemon('the health port of the daemon is another program', async (make, daemon) => {
  const [, port] = /health=\S*?(\d+)(?: |$)/.exec(daemon.readyLine);
  const told = await failure(make({}, `127.0.0.1:${port}`).waitReady(10_000));
  assert.match(told.message, /is an HTTP server, not nexusd/);
}, '--health-port=0', '--http-bind=127.0.0.1');
