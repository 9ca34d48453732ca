// How fast this client publishes and receives, through a real daemon: prints one line of JSON.
//   node bench/bench.mjs [--addr=ADDRESS] [--seconds=3]     without an address it starts nexusd of NEXUSD_BIN_DIR
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { NexusdClient } from '../dist/esm/index.js';

const options = Object.fromEntries(process.argv.slice(2).map((arg) => arg.replace(/^--/, '').split('=')));
const seconds = Number(options.seconds ?? 3);
const payload = Buffer.alloc(100, 'x');
const topic = 'bench/events';

async function startDaemon() {
  const folder = mkdtempSync(join(tmpdir(), 'nexusd-bench-'));
  const socket = join(folder, 's');
  const program = join(process.env.NEXUSD_BIN_DIR ?? '.', 'nexusd');
  const daemon = spawn(program, [
    `--app-socket=${socket}`, '--app-port=off', '--health-port=off', '--mesh-port=0', '--mcast-interface=lo',
  ], { stdio: ['ignore', 'pipe', 'ignore'] });
  for await (const line of createInterface({ input: daemon.stdout })) if (line.includes('ready')) break;
  const stop = async () => {
    daemon.kill();
    await once(daemon, 'exit');
    rmSync(folder, { recursive: true });
  };
  return { address: `unix:${socket}`, stop };
}

/** Runs one way of publishing for the given time; events a second, the flush counted in. */
async function publish(address, step) {
  const client = new NexusdClient(address);
  await client.waitReady(5000);
  const start = performance.now();
  const end = start + seconds * 1000;
  let events = 0;
  while (performance.now() < end) {
    const { count, goOn } = step(client);
    events += count;
    if (!goOn) await client.drained();
  }
  await client.flush();
  const rate = events / ((performance.now() - start) / 1000);
  await client.close();
  return Math.round(rate);
}

function oneByOne(client) {
  let goOn = true;
  let count = 0;
  while (goOn && count < 10_000) {
    goOn = client.publishNow(topic, payload);
    count++;
  }
  return { count, goOn };
}

const many = Array.from({ length: 1000 }, () => payload);
const inBatches = (client) => ({ goOn: client.publishMany(topic, many), count: many.length });

async function startPublisher(address) {
  const child = spawn(process.execPath, [
    fileURLToPath(import.meta.url), '--publisher=1', `--addr=${address}`, `--seconds=${seconds + 2}`,
  ], { stdio: ['pipe', 'inherit', 'inherit'] });
  return { ended: once(child, 'exit'), stop: () => child.stdin.end() };
}

/** Events a second that arrive while another process publishes as fast as it can. */
async function receive(address, read) {
  const client = new NexusdClient(address);
  let events = 0;
  let first = 0;
  const take = (count) => {
    first ||= performance.now();
    events += count;
  };
  const subscription = read(client, take);
  await subscription.ready;
  const publisher = await startPublisher(address);
  while (events === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const rate = events / ((performance.now() - first) / 1000);
  await client.close();
  publisher.stop();
  await publisher.ended;
  return Math.round(rate);
}

const block = { overflow: 'block', blockTimeoutMs: 10_000 };

function byCallback(client, take) {
  return client.subscribe(topic, block, () => take(1));
}

function byLoop(client, take) {
  const subscription = client.subscribe(topic, block);
  void (async () => {
    for await (const message of subscription) take(message.size > 0 ? 1 : 0);
  })();
  return subscription;
}

if (options.publisher) {
  process.stdin.resume().on('end', () => process.exit(0));
  await publish(options.addr, inBatches);
  process.exit(0);
}
const daemon = options.addr ? { address: options.addr, stop: async () => undefined } : await startDaemon();
const result = {
  language: 'typescript',
  publish_per_second: await publish(daemon.address, oneByOne),
  publish_many_per_second: await publish(daemon.address, inBatches),
  receive_per_second: await receive(daemon.address, byCallback),
  receive_loop_per_second: await receive(daemon.address, byLoop),
};
console.log(JSON.stringify(result));
await daemon.stop();
