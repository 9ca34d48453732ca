import assert from 'node:assert/strict';
import { BufferFullError, ClosedError, PublishError, TimeoutError } from '../dist/esm/index.js';
import { Kind } from '../dist/esm/wire/protocol.js';
import { ack, error, frame } from './fake-daemon.mjs';
import { failure, limited, nextEvent, reached, turn, withFake } from './harness.mjs';
import { NexusdClient } from '../dist/esm/index.js';

const pong = (ping) => frame(Kind.pong, {}, ping.bytes.subarray(8));

/** A client that is connected to a fake daemon. */
function withConnection(name, run, { options, how } = {}) {
  withFake(name, async (daemon, client) => {
    const ready = client.waitReady();
    const connection = await daemon.welcome(how);
    await ready;
    await run(connection, client, daemon);
  }, options);
}

withConnection('an acknowledged publish tells what the daemon said', async (connection, client) => {
  const result = client.publish({ topic: 'a/b', payload: Buffer.from('hi') });
  const { alias, name } = await connection.of(Kind.topic);
  assert.deepEqual([alias, name], [1, 'a/b']);
  const event = await connection.next();
  assert.deepEqual([event.kind, event.flags, event.alias, event.payloads], [Kind.publish, 2, 1, ['hi']]);
  connection.send(ack({ number: 1, local: 2, peers: 1 }));
  assert.deepEqual(await result, { local: 2, peers: 1, number: 1n });
});

withConnection('publish takes topic and payload one by one, too, and text', async (connection, client) => {
  const result = client.publish('a', 'grüß', { retain: true });
  const event = await connection.of(Kind.publish);
  assert.deepEqual([event.flags, event.payloads], [3, ['grüß']]);
  connection.send(ack({ number: 1 }));
  await result;
});

withConnection('what is published in one turn is one write and one run', async (connection, client) => {
  const results = [client.publish('a', '1'), client.publish('a', '2'), client.publish('a', '3')];
  const chunks = connection.chunks;
  const event = await connection.of(Kind.publish);
  assert.deepEqual(event.payloads, ['1', '2', '3']);
  assert.equal(connection.chunks, chunks + 1);
  connection.send(ack({ number: 1, count: 3, local: 1 }));
  assert.deepEqual((await Promise.all(results)).map(({ number }) => number), [1n, 2n, 3n]);
});

withConnection('events with the same properties share a run, others do not', async (connection, client) => {
  client.publishNow('a', '1', { contentType: 'x' });
  client.publishNow('a', '2', { contentType: 'x' });
  client.publishNow('a', '3', { contentType: 'y' });
  client.publishNow('a', '4');
  client.publishNow('b', '5');
  client.publishNow('b', '6', { retain: true });
  const runs = [];
  for (let i = 0; i < 5; i++) runs.push((await connection.of(Kind.publish)).payloads);
  assert.deepEqual(runs, [['1', '2'], ['3'], ['4'], ['5'], ['6']]);
});

withConnection('all properties of an event', async (connection, client) => {
  client.publishNow('a', 'x', {
    contentType: 'text/plain', correlationId: Buffer.of(1, 2), headers: { k: 'v', b: Buffer.of(9) }, timeToLive: 500,
    priority: 'high', replyTopic: 'r/1',
  });
  const { properties } = await connection.of(Kind.publish);
  assert.equal(properties.get(2).toString(), 'text/plain');
  assert.deepEqual([...properties.get(3)], [1, 2]);
  assert.deepEqual([...properties.get(4)], [1, 0x62, 9]);
  assert.equal(properties.get(5).readUInt32LE(), 500);
  assert.equal(properties.get(6)[0], 1);
  assert.equal(properties.get(7).toString(), 'r/1');
});

withConnection('a run is at most 32,768 bytes long', async (connection, client) => {
  client.publishMany('a', Array.from({ length: 100 }, () => Buffer.alloc(1000)));
  let events = 0;
  while (events < 100) {
    const run = await connection.of(Kind.publish);
    assert.ok(run.bytes.length <= 32_768);
    events += run.payloads.length;
  }
  assert.equal(events, 100);
});

withConnection('when the aliases are used up the topic goes as text', async (connection, client) => {
  for (const name of ['a', 'b', 'b', 'a']) client.publishNow(name, name);
  assert.equal((await connection.next()).name, 'a');
  const runs = [];
  for (let i = 0; i < 3; i++) runs.push(await connection.next());
  assert.deepEqual(runs.map(({ alias }) => alias), [1, 0, 1]);
  assert.equal(runs[1].properties.get(1).toString(), 'b');
  assert.deepEqual(runs[1].payloads, ['b', 'b']);
}, { how: { maxAliases: 1 } });

withConnection('a refused publish carries the daemon\'s code', async (connection, client) => {
  const refused = failure(client.publish('a', 'x'));
  await connection.of(Kind.publish);
  connection.send(ack({ number: 1, code: 15 }));
  const told = await refused;
  assert.ok(told instanceof PublishError);
  assert.equal(told.code, 15);
});

withConnection('a fire-and-forget event that is refused is told as a notice', async (connection, client) => {
  const notice = nextEvent(client, 'notice');
  client.publishNow('a', 'x');
  await connection.of(Kind.publish);
  connection.send(error(6, 'no', { reference: 1 }));
  assert.equal((await notice).reference, 1n);
});

withConnection('an acknowledgement that is late fails its call alone', async (connection, client) => {
  const told = await failure(client.publish('a', 'late'));
  assert.ok(told instanceof TimeoutError);
  assert.match(told.message, /did not acknowledge the event within 0\.03 s/);
  await connection.of(Kind.publish);
  const second = client.publish('a', 'x');
  await connection.of(Kind.publish);
  connection.send(ack({ number: 1 }), ack({ number: 2 }));
  assert.equal((await second).number, 2n);
}, { options: { acknowledgeTimeoutMs: 30 } });

withConnection('mistakes are told where they were made, before anything is buffered', async (connection, client) => {
  const large = Buffer.alloc(2000);
  const headers = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'v']));
  for (const [topic, payload, options, code] of [
    ['a/*', 'x', undefined, 6], ['', 'x', undefined, 6], ['$nexusd/x', 'x', undefined, 6],
    ['t'.repeat(1025), 'x', undefined, 6], ['a', large, undefined, 4], ['a', 'x'.repeat(1001), undefined, 4],
    ['a', 'x', { headers }, 22], ['a', 'x', { contentType: 'c'.repeat(256) }, 22], ['a', 'x', { contentType: '' }, 22],
    ['a', 'x', { timeToLive: 0 }, 22], ['a', 'x', { timeToLive: 1.5 }, 22], ['a', 'x', { correlationId: '' }, 22],
    ['a', 'x', { headers: { big: 'x'.repeat(17_000) } }, 22], ['a', 'x', { headers: { '': 'x' } }, 22],
  ]) {
    assert.throws(() => client.publishNow(topic, payload, options), (told) => told.code === code, `${topic} ${code}`);
    const told = await failure(client.publish(topic, payload, options));
    assert.deepEqual([told.kind, told.code], ['publish', code]);
  }
  assert.throws(() => client.publishMany('a', ['x', large]), PublishError);
  assert.throws(() => client.publishNow('a', 5), (told) => told.kind === 'argument');
  assert.throws(() => client.publishNow(5, 'x'), (told) => told.kind === 'argument');
  assert.throws(() => client.publishNow('a', 'x', { priority: 'urgent' }), (told) => told.kind === 'argument');
  assert.equal(client.statistics.published, 0);
  client.publishNow('a', Buffer.alloc(1000));
  await connection.of(Kind.publish);
}, { how: { maxPayload: 1000 } });

limited('while the daemon is away events are kept until the buffer is full', async () => {
  const client = new NexusdClient('/nowhere/s', { publishBufferBytes: 1_048_576, closeTimeoutMs: 0 });
  const payload = Buffer.alloc(10_000);
  const away = reached(client, 'reconnecting');
  assert.equal(client.publishNow('a', payload), true);
  await away;
  let taken = 1;
  assert.throws(() => {
    for (;;) {
      assert.equal(client.publishNow('a', payload), true);
      taken++;
    }
  }, (told) => told instanceof BufferFullError && /The daemon is away/.test(told.message));
  assert.ok(taken >= 103 && taken <= 104, `${taken}`);
  const { published, refused, bufferedBytes } = client.statistics;
  assert.deepEqual([published, refused], [taken, 1]);
  assert.ok(bufferedBytes <= 1_048_576);
  assert.equal((await failure(client.publish('a', payload))).kind, 'buffer_full');
  assert.throws(() => client.publishMany('b', [payload, payload]), (told) => told.accepted === 0);
  await client.close();
});

withConnection('a small buffer slows a publisher down before it is full', async (connection, client) => {
  connection.socket.pause();
  const payload = Buffer.alloc(1000);
  while (client.publishNow('a', payload));
  assert.ok(client.statistics.bufferedBytes <= 600_000);
  const drained = client.drained();
  connection.socket.resume();
  await drained;
}, { options: { publishBufferBytes: 1_048_576 } });

withConnection('what waits for its acknowledgement slows a publisher down, too', async (connection, client) => {
  const result = client.publish('a', 'x');
  const payload = Buffer.alloc(1000);
  while (client.publishNow('a', payload)) if (client.statistics.published % 100 === 0) await turn();
  assert.equal((await failure(client.drained(10))).kind, 'timeout');
  connection.send(ack({ number: 1 }));
  await result;
  await client.drained();
}, { options: { publishBufferBytes: 1_048_576 } });

limited('publishMany says how many were taken', async () => {
  const client = new NexusdClient('/nowhere/s', { publishBufferBytes: 1_048_576, closeTimeoutMs: 0 });
  const payloads = Array.from({ length: 200 }, () => Buffer.alloc(10_000));
  assert.throws(() => client.publishMany('a', payloads), ({ accepted }) => accepted >= 103 && accepted <= 104);
  assert.equal(client.statistics.refused, 200 - client.statistics.published);
  await client.close();
});

withConnection('a daemon that reads slowly: publishNow says so, drained waits', async (connection, client) => {
  connection.socket.pause();
  const payload = Buffer.alloc(10_000);
  let sent = 0;
  while (client.publishNow('a', payload)) sent++;
  assert.ok(sent > 100);
  const drained = client.drained();
  assert.equal((await failure(client.drained(10))).kind, 'timeout');
  connection.socket.resume();
  await drained;
  assert.equal(client.publishNow('a', payload), true);
});

withConnection('a full buffer makes an acknowledged publish wait while connected', async (connection, client) => {
  connection.socket.pause();
  const payload = Buffer.alloc(100_000);
  const results = Array.from({ length: 40 }, () => client.publish('a', payload));
  const control = new AbortController();
  const cancelled = failure(client.publish('a', payload, { signal: control.signal }));
  control.abort();
  assert.equal((await cancelled).name, 'AbortError');
  assert.ok(client.statistics.bufferedBytes <= 1_048_576);
  connection.socket.resume();
  for (let number = 1; number <= 40;) {
    const { payloads } = await connection.of(Kind.publish);
    connection.send(ack({ number, count: payloads.length }));
    number += payloads.length;
  }
  assert.deepEqual((await Promise.all(results)).map(({ number }) => Number(number)).at(-1), 40);
}, { options: { publishBufferBytes: 1_048_576 } });

withConnection('those who wait for room are told when the daemon goes', async (connection, client) => {
  connection.socket.pause();
  const results = Array.from({ length: 40 }, () => failure(client.publish('a', Buffer.alloc(100_000))));
  await turn();
  connection.cut();
  const kinds = new Set();
  client.close = client.close.bind(client);
  const waiting = Promise.all(results).then((all) => all.forEach((told) => kinds.add(told?.kind)));
  await reached(client, 'reconnecting');
  await client.close();
  await waiting;
  assert.deepEqual([...kinds].sort(), ['buffer_full', 'closed']);
}, { options: { publishBufferBytes: 1_048_576 } });

withConnection('what was written and not confirmed is in doubt', async (connection, client, daemon) => {
  for (const payload of ['1', '2', '3']) client.publishNow('a', payload);
  await connection.of(Kind.publish);
  connection.cut();
  await reached(client, 'reconnecting');
  assert.equal(client.statistics.inDoubt, 3);
  client.publishNow('a', '4');
  const second = await daemon.welcome({ next: 4 });
  assert.equal(second.hello.properties.get(0x12).readBigUInt64LE(), 77n);
  assert.equal(second.hello.properties.get(0x13).readBigUInt64LE(), 4n);
  const { alias, name } = await second.of(Kind.topic);
  assert.deepEqual([alias, name], [1, 'a']);
  assert.deepEqual((await second.of(Kind.publish)).payloads, ['4']);
});

withConnection('what a PONG or ACK covered is not in doubt', async (connection, client, daemon) => {
  client.publishNow('a', '1');
  const flushed = client.flush();
  connection.send(pong(await connection.of(Kind.ping)));
  await flushed;
  client.publishNow('a', '2');
  const acked = client.publish('a', '3');
  await connection.of(Kind.publish);
  await connection.of(Kind.publish);
  connection.send(ack({ number: 3 }));
  await acked;
  client.publishNow('a', '4');
  await connection.of(Kind.publish);
  connection.cut();
  await reached(client, 'reconnecting');
  assert.equal(client.statistics.inDoubt, 1);
  const second = await daemon.accept();
  assert.equal((await second.of(Kind.hello)).properties.get(0x13).readBigUInt64LE(), 5n);
});

withConnection('from the oldest unacknowledged publish on all is sent again, with its number',
  async (connection, client, daemon) => {
    client.publishNow('a', '1');
    await connection.of(Kind.publish);
    const result = client.publish('b', '2');
    await connection.of(Kind.publish);
    client.publishNow('a', '3');
    await connection.of(Kind.publish);
    connection.cut();
    await reached(client, 'reconnecting');
    assert.equal(client.statistics.inDoubt, 1);
    const second = await daemon.welcome({ next: 2 });
    assert.equal(second.hello.properties.get(0x13).readBigUInt64LE(), 2n);
    assert.deepEqual((await second.of(Kind.publish)).payloads, ['2']);
    assert.deepEqual((await second.of(Kind.publish)).payloads, ['3']);
    second.send(ack({ number: 2, local: 1 }));
    assert.deepEqual(await result, { local: 1, peers: 0, number: 2n });
  });

withConnection('a daemon may name another id and number', async (connection, client, daemon) => {
  const first = client.publish('a', '1');
  await connection.of(Kind.publish);
  connection.cut();
  const second = await daemon.welcome({ publisher: 88, next: 1001 });
  await second.of(Kind.publish);
  second.send(ack({ number: 1001 }));
  assert.equal((await first).number, 1001n);
  assert.equal(client.daemon.publisherId, 88n);
  const next = client.publish('a', '2');
  await second.of(Kind.publish);
  second.send(ack({ number: 1002 }));
  assert.equal((await next).number, 1002n);
  second.cut();
  const third = await daemon.accept();
  const hello = await third.of(Kind.hello);
  assert.equal(hello.properties.get(0x12).readBigUInt64LE(), 88n);
  assert.equal(hello.properties.get(0x13).readBigUInt64LE(), 1003n);
});

withConnection('a write that was cut off goes on with the first event that was not written',
  async (connection, client, daemon) => {
    connection.socket.pause();
    let count = 0;
    while (client.publishNow('a', String(count + 1).padEnd(1000))) count++;
    count++;
    await turn();
    connection.cut();
    const second = await daemon.accept();
    const hello = await second.greet();
    const next = Number(hello.properties.get(0x13).readBigUInt64LE());
    assert.equal(client.statistics.inDoubt, next - 1);
    assert.ok(next > 1 && next <= count);
    let expected = next;
    while (expected <= count) {
      for (const payload of (await second.of(Kind.publish)).payloads) {
        assert.equal(Number(payload), expected++);
      }
    }
  });

withConnection('where the runtime does not tell how much of a write was done, all of it is sent again with its numbers',
  async (connection, client, daemon) => {
    connection.socket.pause();
    let count = 1;
    while (client.publishNow('a', String(count).padEnd(1000))) count++;
    await turn();
    const { outbox } = client.session;
    outbox.handle = undefined;
    const begun = outbox.log.sentPosition;
    connection.cut();
    const second = await daemon.accept();
    const hello = await second.greet();
    const next = Number(hello.properties.get(0x13).readBigUInt64LE());
    assert.ok(begun === 0 ? next === 1 : next > 1, `${begun} bytes were written, and ${next} comes next`);
    assert.equal(client.statistics.inDoubt, next - 1);
    for (let expected = next; expected <= count;) {
      for (const payload of (await second.of(Kind.publish)).payloads) assert.equal(Number(payload), expected++);
    }
  });

withConnection('a daemon that takes smaller events gets the rest anew', async (connection, client, daemon) => {
  connection.cut();
  await reached(client, 'reconnecting');
  const small = client.publish('a', 'small');
  const large = failure(client.publish('b', Buffer.alloc(5000)));
  client.publishNow('a', 'after');
  await daemon.welcome({ maxPayload: 1000 });
  const told = await large;
  assert.deepEqual([told.kind, told.code], ['publish', 4]);
  const third = await daemon.welcome({ publisher: 99, maxPayload: 1000 });
  assert.equal(third.hello.properties.get(0x12), undefined);
  assert.deepEqual((await third.of(Kind.publish)).payloads, ['small']);
  assert.deepEqual((await third.of(Kind.publish)).payloads, ['after']);
  third.send(ack({ number: 1 }));
  assert.equal((await small).number, 1n);
  assert.equal(client.daemon.publisherId, 99n);
});

withConnection('a daemon that takes fewer aliases gets topics as text', async (connection, client, daemon) => {
  for (const name of ['a', 'b', 'c']) client.publishNow(name, name);
  for (let i = 0; i < 3; i++) await connection.of(Kind.publish);
  connection.cut();
  await reached(client, 'reconnecting');
  const results = ['c', 'a', 'b'].map((name) => client.publish(name, name.repeat(2), { contentType: 'x' }));
  const second = await daemon.welcome({ maxAliases: 1, next: 4 });
  const runs = [];
  for (let i = 0; i < 3; i++) runs.push(await second.of(Kind.publish));
  assert.deepEqual(runs.map(({ alias }) => alias), [0, 1, 0]);
  assert.deepEqual(runs.map(({ properties }) => properties.get(1)?.toString()), ['c', undefined, 'b']);
  assert.deepEqual(runs.map(({ properties }) => properties.get(2).toString()), ['x', 'x', 'x']);
  second.send(ack({ number: 4 }), ack({ number: 5 }), ack({ number: 6 }));
  assert.deepEqual((await Promise.all(results)).map(({ number }) => number), [4n, 5n, 6n]);
});

withConnection('flush waits over a reconnect', async (connection, client, daemon) => {
  client.publishNow('a', '1');
  const flushed = client.flush();
  await connection.of(Kind.ping);
  assert.equal((await failure(client.flush(10))).kind, 'timeout');
  connection.cut();
  const second = await daemon.welcome({ next: 2 });
  second.send(pong(await second.of(Kind.ping)));
  await flushed;
});

limited('with nothing published flush is done at once, and does not connect', async () => {
  const client = new NexusdClient('/nowhere/s');
  await client.flush();
  assert.equal(client.state, 'idle');
  await client.close();
});

withConnection('a publish can be cancelled', async (connection, client) => {
  const control = new AbortController();
  const told = failure(client.publish('a', 'x', { signal: control.signal }));
  await connection.of(Kind.publish);
  control.abort();
  assert.equal((await told).name, 'AbortError');
  connection.send(ack({ number: 1 }));
  assert.equal((await failure(client.publish('a', 'x', { signal: control.signal }))).name, 'AbortError');
  const next = client.publish('a', 'y');
  await connection.of(Kind.publish);
  connection.send(ack({ number: 2 }));
  assert.equal((await next).number, 2n);
});

withConnection('close ends those who wait', async (connection, client) => {
  connection.socket.pause();
  while (client.publishNow('a', Buffer.alloc(10_000)));
  const calls = [client.publish('a', 'x'), client.flush(), client.drained()].map(failure);
  await client.close();
  for (const told of await Promise.all(calls)) assert.ok(told instanceof ClosedError);
});

withConnection('more topics than aliases at once, and none is mixed up', async (connection, client) => {
  const names = Array.from({ length: 3000 }, (_, i) => `t/${i}`);
  for (const name of [...names, ...names]) client.publishNow(name, name);
  const byAlias = new Map();
  for (let events = 0; events < 6000;) {
    const taken = await connection.next();
    if (taken.kind === Kind.topic) byAlias.set(taken.alias, taken.name);
    if (taken.kind !== Kind.publish) continue;
    const name = taken.alias === 0 ? taken.properties.get(1).toString() : byAlias.get(taken.alias);
    for (const payload of taken.payloads) assert.equal(payload, name);
    events += taken.payloads.length;
  }
  assert.equal(byAlias.size, 2000);
}, { how: { maxAliases: 2000 } });
