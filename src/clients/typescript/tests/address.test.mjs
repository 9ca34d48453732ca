import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Address } from '../dist/esm/connection/address.js';

const places = async (text) => Address.parse(text).resolve();

test('the forms of an address', async () => {
  assert.deepEqual(await places('10.0.0.1:99'), [{ host: '10.0.0.1', port: 99 }]);
  assert.deepEqual(await places('10.0.0.1'), [{ host: '10.0.0.1', port: 5672 }]);
  assert.deepEqual(await places('[::1]:7'), [{ host: '::1', port: 7 }]);
  assert.deepEqual(await places('fe80::1'), [{ host: 'fe80::1', port: 5672 }]);
  assert.deepEqual(await places('unix:/a/b'), [{ path: '/a/b' }]);
  assert.deepEqual(await places('unix:///a/b'), [{ path: '/a/b' }]);
  assert.deepEqual(await places('/a/b'), [{ path: '/a/b' }]);
});

test('localhost is both loopback addresses', async () => {
  assert.deepEqual(await places('localhost:1'), [{ host: '::1', port: 1 }, { host: '127.0.0.1', port: 1 }]);
});

test('a list keeps its order', async () => {
  assert.deepEqual(await places('/a, 10.0.0.1'), [{ path: '/a' }, { host: '10.0.0.1', port: 5672 }]);
  assert.equal(Address.parse('/a, [::1]:5').toString(), 'unix:/a,[::1]:5');
});

test('without an address the environment says', async () => {
  const before = process.env.NEXUSD_ADDR;
  try {
    process.env.NEXUSD_ADDR = '10.0.0.2:3';
    assert.deepEqual(await places(undefined), [{ host: '10.0.0.2', port: 3 }]);
    process.env.NEXUSD_ADDR = 'http://x';
    assert.throws(() => Address.parse(undefined), /The environment variable NEXUSD_ADDR='http:\/\/x'/);
    process.env.NEXUSD_ADDR = ' ';
    assert.match(Address.parse(undefined).toString(), /^(localhost:5672|unix:.*nexusd\.sock)$/);
  } finally {
    if (before === undefined) delete process.env.NEXUSD_ADDR;
    else process.env.NEXUSD_ADDR = before;
  }
});
