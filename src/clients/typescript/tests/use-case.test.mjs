// The collector of the use case: word for word, and as the example that is shipped.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { NexusdClient } from '../dist/esm/index.js';
import { limited } from './harness.mjs';
import { missing, RealDaemon } from './real-daemon.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const example = fileURLToPath(new URL('../../../examples/collector/', import.meta.url));
const event = { event_type: 'pageview', user_id: 'u', session_id: 's', page_url: '/', timestamp: 1, properties: {} };

async function post(port, body) {
  const response = await fetch(`http://127.0.0.1:${port}/collect`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  });
  return [response.status, await response.json()];
}

/** Starts a collector and checks what it does with events. */
async function check(daemon, command, args, env) {
  const collector = spawn(command, args, {
    env: { ...process.env, ...env, NEXUSD_ADDR: daemon.address }, stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(collector, 'exit');
  const client = new NexusdClient(daemon.address);
  try {
    const subscription = client.subscribe('events/#');
    await subscription.ready;
    let port;
    for await (const line of createInterface({ input: collector.stdout })) {
      port = /port (\d+)$/.exec(line)?.[1] ?? /listening on :([1-9]\d*)$/.exec(line)?.[1];
      if (port !== undefined) break;
    }
    assert.deepEqual(await post(port, event), [202, { status: 'accepted' }]);
    const { value } = await subscription[Symbol.asyncIterator]().next();
    assert.equal(value.topic, 'events/pageview');
    assert.deepEqual(value.json(), event);
    assert.deepEqual(await post(port, { session_id: 's' }), [400, { error: 'Invalid event' }]);
  } finally {
    await client.close();
    collector.kill();
    await exited;
  }
}

function compile(folder, ...options) {
  const { status, stdout } = spawnSync(process.execPath, [
    join(root, 'node_modules/typescript/bin/tsc'), '--target', 'ES2022', '--module', 'Node16', '--strict',
    '--types', 'node', '--typeRoots', join(root, 'node_modules/@types'), ...options, 'collector.ts',
  ], { cwd: folder, encoding: 'utf8' });
  assert.equal(status, 0, stdout);
}

limited('the example starts with one command and collects', async () => {
  const daemon = await RealDaemon.start();
  try {
    await check(daemon, join(example, 'start.sh'), [], { PORT: '0' });
  } finally {
    await daemon.close();
  }
}, { skip: missing, timeout: 120_000 });

limited('the snippet of the use case compiles and runs as it is written', async () => {
  const daemon = await RealDaemon.start();
  const folder = mkdtempSync(join(tmpdir(), 'nexusd-snippet-'));
  try {
    const modules = join(folder, 'node_modules');
    mkdirSync(join(modules, 'express'), { recursive: true });
    symlinkSync(root, join(modules, 'nexusd-client'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(
      join(modules, 'express', 'package.json'), '{"type":"module","main":"./index.js","types":"./index.d.ts"}');
    const standIn = join(example, 'dist', 'stand-in.js');
    assert.ok(existsSync(standIn), 'the example was not built');
    writeFileSync(join(modules, 'express', 'index.d.ts'), `export { default } from ${JSON.stringify(standIn)};`);
    // Its port may be somebody else's on this machine.
    writeFileSync(join(modules, 'express', 'index.js'), `import express from ${JSON.stringify(standIn)};
export default () => {
  const app = express();
  const listen = app.listen;
  app.listen = (_, told) => {
    const server = listen(0, () => { console.log('port ' + server.address().port); told(); });
    return server;
  };
  return app;
};`);
    const snippet = readFileSync(new URL('snippets/collector.ts', import.meta.url), 'utf8');
    writeFileSync(join(folder, 'collector.ts'), snippet);
    compile(folder, '--noEmit');
    // The daemon of this test listens elsewhere.
    writeFileSync(join(folder, 'collector.ts'), snippet.replace('localhost:5672', daemon.address));
    compile(folder);
    await check(daemon, process.execPath, [join(folder, 'collector.js')], {});
  } finally {
    await daemon.close();
    rmSync(folder, { recursive: true, force: true });
  }
}, { skip: missing, timeout: 120_000 });
