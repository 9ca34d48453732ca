import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { ArgumentError, ClosedError, ConnectionError, NexusdClient, NexusdError } from '../dist/esm/index.js';
import { Backoff } from '../dist/esm/connection/backoff.js';
import { Kind } from '../dist/esm/wire/protocol.js';
import { error, FakeDaemon, frame, goAway, greeting, welcome } from './fake-daemon.mjs';
import { failure, limited, nextEvent, quick, reached, withFake } from './harness.mjs';

limited('a new client is idle, has done no I/O and closes at once', async () => {
  const client = new NexusdClient('unix:/nowhere/nexusd.sock');
  assert.equal(client.state, 'idle');
  await client.close();
  assert.equal(client.state, 'closed');
});

withFake('HELLO says who the client is, and asks for nothing the first time', async (daemon, client) => {
  client.publishNow('a', 'x');
  const { hello } = await daemon.welcome();
  assert.equal(hello.properties.get(0x10).toString(), 'tester');
  assert.match(hello.properties.get(0x11).toString(), /^typescript\/\d+\.\d+\.\d+$/);
  assert.equal(hello.properties.get(0x15).readUInt32LE(), 67_174_656);
  assert.equal(hello.properties.get(0x12), undefined);
  assert.equal(hello.properties.get(0x13), undefined);
  await client.waitReady();
  assert.equal(client.daemon.nodeName, 'fake');
  assert.equal(client.daemon.publisherId, 77n);
}, { name: 'tester' });

withFake('a token is sent where one is given', async (daemon, client) => {
  const ready = client.waitReady();
  const { hello } = await daemon.welcome();
  assert.equal(hello.properties.get(0x16).toString(), 'secret');
  await ready;
}, { token: 'secret' });

/** A client that meets a server which answers the first bytes with something. */
async function meet(answer) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new NexusdClient(`127.0.0.1:${server.address().port}`, quick);
  const told = await failure(client.waitReady(10_000));
  // It goes on trying.
  await once(server, 'connection');
  await client.close();
  server.close();
  return told;
}

for (const [answer, guess] of [
  ['HTTP/1.1 400 Bad Request\r\n\r\n', /an HTTP server.*HTTP\/1\.1 400/],
  ['AMQP\x00\x00\x09\x01', /an AMQP broker.*AMQP/],
  ['\x15\x03\x01\x00\x02\x02\x46', /a TLS server.*15030100020246/],
  ['-ERR unknown command\r\n', /a Redis server.*-ERR/],
  ['NATS', /another program.*NATS/],
]) {
  limited(`another program at the port is named: ${JSON.stringify(answer.slice(0, 8))}`, async () => {
    const told = await meet(Buffer.from(answer, 'latin1'));
    assert.ok(told instanceof ConnectionError);
    assert.match(told.message, guess);
    assert.equal(told.isPermanent, true);
    assert.equal(told.code, 1);
  });
}

withFake('no common version does not change by waiting', async (daemon, client) => {
  const told = failure(client.waitReady());
  const connection = await daemon.accept();
  connection.send(Buffer.from('NXD1\0\0\0\0', 'latin1'), error(8, 'use version 9', { closes: true }));
  const { message, code, isPermanent } = await told;
  assert.match(message, /use version 9/);
  assert.deepEqual([code, isPermanent], [8, true]);
});

withFake('a client that is not let in is told so', async (daemon, client) => {
  const told = failure(client.waitReady());
  const connection = await daemon.accept();
  connection.send(greeting, error(14, 'give a token', { closes: true }));
  const { message, code, isPermanent, kind } = await told;
  assert.match(message, /give a token/);
  assert.deepEqual([code, isPermanent, kind], [14, true, 'connection']);
});

limited('nothing there: waitReady fails with the reason of the last attempt', async () => {
  const client = new NexusdClient('127.0.0.1:1', quick);
  const retrying = reached(client, 'reconnecting');
  const ready = failure(client.waitReady(200));
  const { reason, retryInMs } = await retrying;
  assert.match(reason.message, /Nothing listens at 127\.0\.0\.1:1\. Start nexusd/);
  assert.ok(retryInMs > 0);
  const told = await ready;
  assert.ok(told instanceof ConnectionError);
  assert.match(told.message, /Nothing listens/);
  await client.close();
});

limited('no socket there', async () => {
  const client = new NexusdClient('/nowhere/nexusd.sock', quick);
  const change = reached(client, 'reconnecting');
  client.publishNow('a', 'x');
  assert.match((await change).reason.message, /There is no socket at unix:\/nowhere/);
  await client.close();
});

withFake('a server that says nothing is given up after the time for an attempt', async (daemon, client) => {
  const retrying = reached(client, 'reconnecting');
  client.publishNow('a', 'x');
  assert.match((await retrying).reason.message, /did not answer as nexusd does within 0\.05 s/);
  const connected = reached(client, 'connected');
  for (let i = 0; client.state !== 'connected' && i < 100; i++) await Promise.race([daemon.welcome(), connected]);
  assert.equal(client.state, 'connected');
}, { connectTimeoutMs: 50 });

withFake('a connection that is cut at any point of the greeting is made again', async (daemon, client) => {
  const whole = Buffer.concat([greeting, welcome()]);
  const ready = client.waitReady();
  for (let bytes = 0; bytes < whole.length; bytes += 7) {
    const connection = await daemon.accept();
    await connection.of(Kind.hello);
    connection.socket.end(whole.subarray(0, bytes));
  }
  await daemon.welcome();
  await ready;
  assert.equal(client.statistics.connections, 1);
});

withFake('a greeting that comes byte by byte is understood', async (daemon, client) => {
  const ready = client.waitReady();
  const connection = await daemon.accept();
  await connection.of(Kind.hello);
  connection.socket.setNoDelay?.(true);
  for (const byte of Buffer.concat([greeting, welcome()])) {
    await new Promise((resolve) => connection.socket.write(Buffer.of(byte), resolve));
  }
  await ready;
});

limited('of a list the first that answers is used', async () => {
  const daemon = await FakeDaemon.listen();
  const client = new NexusdClient(`/nowhere/s, 127.0.0.1:1,${daemon.address}`, quick);
  const ready = client.waitReady();
  await daemon.welcome();
  await ready;
  await daemon.close();
  await client.close();
});

withFake('a quiet client sends PING, and counts a daemon that stays silent as gone', async (daemon, client) => {
  const lost = nextEvent(client, 'state', ({ reason }) => reason !== undefined);
  const ready = client.waitReady();
  const connection = await daemon.welcome();
  await ready;
  await connection.of(Kind.ping);
  assert.match((await lost).reason.message, /has been silent for 0\.15 s/);
}, { keepAliveMs: 50 });

withFake('a third of the daemon\'s idle time-out counts where it is shorter', async (daemon, client) => {
  const ready = client.waitReady();
  const connection = await daemon.welcome({ idle: 300 });
  await ready;
  const ping = await connection.of(Kind.ping);
  connection.send(frame(Kind.pong, {}, ping.bytes.subarray(8)));
  await connection.of(Kind.ping);
});

withFake('a PING of the daemon is answered with the same body', async (daemon, client) => {
  const ready = client.waitReady();
  const connection = await daemon.welcome();
  await ready;
  connection.send(frame(Kind.ping, {}, Buffer.from('8 bytes!')));
  const pong = await connection.of(Kind.pong);
  assert.equal(pong.bytes.toString('utf8', 8), '8 bytes!');
});

withFake('at GOAWAY the client says BYE, and what follows goes to the next connection', async (daemon, client) => {
  const ready = client.waitReady();
  const connection = await daemon.welcome();
  await ready;
  client.publishNow('a', 'before');
  assert.deepEqual((await connection.of(Kind.publish)).payloads, ['before']);
  const left = nextEvent(client, 'notice', ({ code }) => code === 19);
  connection.send(goAway());
  await left;
  client.publishNow('a', 'after');
  assert.equal((await connection.next()).kind, Kind.bye);
  connection.socket.end();
  const second = await daemon.welcome({ next: 2 });
  const published = await second.of(Kind.publish);
  assert.deepEqual(published.payloads, ['after']);
  assert.equal(client.statistics.inDoubt, 0);
});

withFake('GOAWAY and refusals are told; the connection goes on', async (daemon, client) => {
  const ready = client.waitReady();
  const connection = await daemon.welcome();
  await ready;
  const left = nextEvent(client, 'notice', ({ code }) => code === 19);
  const refused = nextEvent(client, 'notice', ({ code }) => code === 6);
  connection.send(goAway(), error(6, 'topic has a wildcard', { reference: 5 }));
  assert.equal((await left).name, 'shutting_down');
  assert.deepEqual(await refused, { code: 6, name: 'bad_topic', text: 'topic has a wildcard', reference: 5n });
  assert.equal(client.state, 'connected');
});

for (const [what, bytes] of [
  ['a frame that breaks the protocol', frame(Kind.ack, {})],
  ['a frame of a kind that is never assigned', frame(0xf0)],
  ['an acknowledgement that nobody waits for', frame(Kind.ack, {}, Buffer.alloc(20))],
  ['a delivery without topic', frame(Kind.deliver, {}, Buffer.alloc(32))],
]) {
  withFake(`${what} ends the connection, and another one is made`, async (daemon, client) => {
    const ready = client.waitReady();
    const connection = await daemon.welcome();
    await ready;
    const lost = reached(client, 'reconnecting');
    connection.send(bytes);
    assert.match((await lost).reason.message, /breaks the protocol/);
    const again = reached(client, 'connected');
    await daemon.welcome();
    await again;
  });
}

withFake('frames of kinds that are not known are skipped', async (daemon, client) => {
  const ready = client.waitReady();
  const connection = await daemon.welcome();
  await ready;
  connection.send(frame(0x7f, {}, Buffer.alloc(100)), goAway());
  await nextEvent(client, 'notice');
  assert.equal(client.statistics.connections, 1);
});

withFake('an ERROR that closes is the reason of the loss', async (daemon, client) => {
  const ready = client.waitReady();
  const connection = await daemon.welcome();
  await ready;
  const lost = reached(client, 'reconnecting');
  connection.send(error(20, 'nothing was heard', { closes: true }));
  assert.match((await lost).reason.message, /ended the connection: nothing was heard/);
});

withFake('what a callback throws ends nothing', async (daemon, client) => {
  const warned = once(process, 'warning');
  client.on('state', () => { throw new Error('of the application'); });
  const ready = client.waitReady();
  await daemon.welcome();
  await ready;
  assert.match((await warned)[0].message, /of the application/);
});

withFake('close says BYE, ends all waits and cannot be undone', async (daemon, client) => {
  const ready = client.waitReady();
  const connection = await daemon.welcome();
  await ready;
  const waiting = failure(client.publish('a', 'x'));
  const closing = client.close();
  await connection.of(Kind.bye);
  connection.cut();
  await closing;
  await client.close();
  assert.equal((await waiting).kind, 'closed');
  assert.throws(() => client.publishNow('a', 'x'), ClosedError);
  assert.throws(() => client.publishMany('a', ['x']), ClosedError);
  assert.throws(() => client.subscribe('a'), ClosedError);
  for (const call of [
    client.publish('a', 'x'), client.flush(), client.drained(), client.waitReady(), client.query('status'),
    client.request('a', 'x'),
  ]) assert.ok(await failure(call) instanceof ClosedError);
});

withFake('close sends what is buffered first', async (daemon, client) => {
  const ready = client.waitReady();
  const connection = await daemon.welcome();
  await ready;
  client.publishNow('a', 'last words');
  const closing = client.close();
  assert.deepEqual((await connection.of(Kind.publish)).payloads, ['last words']);
  const ping = await connection.of(Kind.ping);
  connection.send(frame(Kind.pong, {}, ping.bytes.subarray(8)));
  await connection.of(Kind.bye);
  connection.cut();
  await closing;
  assert.equal(client.statistics.inDoubt, 0);
}, { closeTimeoutMs: 10_000 });

limited('a wait can be cancelled', async () => {
  const client = new NexusdClient('/nowhere/s', quick);
  const control = new AbortController();
  const told = failure(client.waitReady({ signal: control.signal }));
  control.abort();
  assert.equal((await told).name, 'AbortError');
  await client.close();
});

limited('await using closes', async () => {
  const client = new NexusdClient('/nowhere/s', quick);
  await client[Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]();
  assert.equal(client.state, 'closed');
});

limited('once is called once, and off takes back', async () => {
  const client = new NexusdClient('/nowhere/s', quick);
  const seen = [];
  const no = () => seen.push('no');
  client.once('state', ({ state }) => seen.push(state)).on('state', no).off('state', no);
  await client.close();
  assert.deepEqual(seen, ['closed']);
});

limited('addresses and options that make no sense', () => {
  for (const address of [
    '', 'a b', 'http://x', 'host:', 'host:0', 'host:65536', 'host:x', '[::1', 'unix:', 'a,', ':5672', 'x/y',
    `/${'p'.repeat(200)}`,
  ]) assert.throws(() => new NexusdClient(address), ArgumentError, address);
  for (const options of [
    { publishBufferBytes: 1000 }, { publishBufferBytes: 2 ** 31 }, { connectTimeoutMs: 0 }, { reconnectMinMs: -1 },
    { reconnectMinMs: 100, reconnectMaxMs: 50 }, { keepAliveMs: Number.NaN }, { token: 'x'.repeat(1025) },
  ]) assert.throws(() => new NexusdClient('x', options), NexusdError, JSON.stringify(options));
});

limited('waits between attempts are random below a bound that doubles', () => {
  const top = new Backoff(100, 30_000, () => 1);
  assert.deepEqual(Array.from({ length: 4 }, () => top.next()), [100, 200, 400, 800]);
  for (let i = 0; i < 20; i++) top.next();
  assert.equal(top.next(), 30_000);
  top.reset();
  assert.equal(top.next(), 100);
  assert.equal(new Backoff(100, 30_000, () => 0).next(), 10);
});

withFake('a client that publishes all the time sends PING, too', async (daemon, client) => {
  const ready = client.waitReady();
  const connection = await daemon.welcome();
  await ready;
  const busy = setInterval(() => client.publishNow('a', 'x'), 1);
  try {
    await connection.of(Kind.ping);
  } finally {
    clearInterval(busy);
  }
}, { keepAliveMs: 50 });
