import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esm from '../dist/esm/index.js';
import { limited } from './harness.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

limited('both module systems give the same names', () => {
  const cjs = createRequire(import.meta.url)('../dist/cjs/index.js');
  assert.deepEqual(Object.keys(cjs).sort(), Object.keys(esm).sort());
  assert.equal(esm.Client, esm.NexusdClient);
});

limited('the version is the package\'s, and nothing is needed to run', async () => {
  const { version } = await import('../dist/esm/version.js');
  assert.equal(version, manifest.version);
  assert.equal(manifest.dependencies, undefined);
});

limited('the lock file names no place', () => {
  assert.ok(!readFileSync(join(root, 'package-lock.json'), 'utf8').includes('resolved'));
});

const user = (how) => `${how}
async function main(): Promise<void> {
  const client = new NexusdClient('localhost:5672', { name: 'app', reconnectMaxMs: undefined });
  client.on('gap', ({ count, reason }) => console.log(count + 1n, reason.length));
  client.on('state', ({ state, reason }) => console.log(state === 'connected', reason?.isPermanent));
  const isTaken: boolean = client.publishNow('a', new Uint8Array(1), { priority: 'high', retain: true });
  const { number }: { number: bigint } = await client.publish({ topic: 'a', payload: 'x' });
  for await (const message of client.subscribe(['a/#'], { group: 'g', overflow: 'block' })) {
    const payload: Buffer = message.payload;
    console.log(payload.length, message.json<{ a: number }>().a, number, isTaken);
  }
  for await (const batch of client.subscribe('a').batches()) console.log(batch[0]?.topic);
  const subscription = client.subscribe('a', (message) => void client.reply(message, message.text()));
  await subscription.ready;
  try {
    await client.request('a', 'x', { timeoutMs: 10, signal: AbortSignal.timeout(5) });
  } catch (error) {
    if (error instanceof NexusdError) console.log(error.kind === 'no_responder', error.code);
  }
  // @ts-expect-error a priority of another name
  client.publishNow('a', 'x', { priority: 'urgent' });
  // @ts-expect-error numbers are no payload
  client.publishNow('a', 5);
  await client.close();
}
void main;
`;

limited('programs in both module systems compile against the declarations', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexusd-types-'));
  try {
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules', 'nexusd-client'));
    const esmUser = user("import { NexusdClient, NexusdError } from 'nexusd-client';");
    const cjsUser = user("import client = require('nexusd-client');\nconst { NexusdClient, NexusdError } = client;");
    writeFileSync(join(folder, 'user.mts'), esmUser);
    writeFileSync(join(folder, 'user.cts'), cjsUser);
    const { status, stdout } = spawnSync(process.execPath, [
      join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--exactOptionalPropertyTypes',
      '--target', 'ES2022', '--module', 'Node16', '--types', 'node',
      '--typeRoots', join(root, 'node_modules/@types'), 'user.mts', 'user.cts',
    ], { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, stdout);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, { timeout: 60_000 });
