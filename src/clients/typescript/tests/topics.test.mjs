import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkTopic, describeProblem, isReservedTopic, readFilter, readPlainFilter, topicFromWire }
  from '../dist/esm/topics.js';
import { bytesOf, readVectors, unfold } from './vectors.mjs';

const vectors = readVectors('topics.json');
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What is not UTF-8 is no text here at all: only the wire can bring it. */
function textOf(record) {
  if (record.text !== undefined) return unfold(record.text);
  try {
    return strict.decode(bytesOf(record.hex));
  } catch {
    return undefined;
  }
}

test('names of the vectors', () => {
  for (const record of vectors.names) {
    const bytes = record.hex === undefined ? Buffer.from(unfold(record.text)) : bytesOf(record.hex);
    const fromWire = topicFromWire(bytes, 0, bytes.length);
    assert.equal(fromWire !== undefined, record.valid, record.id);
    const text = textOf(record);
    if (text === undefined) assert.equal(record.reason, 'invalid_utf8', record.id);
    else assert.equal(checkTopic(text), record.valid ? undefined : record.reason, record.id);
  }
});

test('filters of the vectors', () => {
  for (const record of vectors.filters) {
    const text = textOf(record);
    if (text === undefined) {
      assert.equal(record.reason, 'invalid_utf8', record.id);
      continue;
    }
    const reading = readPlainFilter(text);
    if (record.valid) assert.equal(reading.canonical, record.canonical, record.id);
    else assert.equal(reading.problem, record.reason, record.id);
  }
});

test('groups of the vectors', () => {
  for (const record of vectors.groups) {
    const reading = readFilter(unfold(record.text));
    if (record.valid) {
      assert.equal(reading.canonical, record.canonical, record.id);
      assert.equal(reading.group, record.group, record.id);
    } else {
      assert.equal(reading.problem, record.reason, record.id);
    }
  }
});

test('a text with a lone surrogate is no name', () => {
  assert.equal(checkTopic('a/\ud800'), 'invalid_utf8');
  assert.equal(checkTopic('a/\ud83d\ude00'), undefined);
});

test('each problem has a text that says what to do', () => {
  assert.match(describeProblem('wildcard_in_name'), /publish to a name without/);
});

test('system topics are not for applications, reply topics are', () => {
  assert.equal(isReservedTopic('$nexusd/x'), true);
  assert.equal(isReservedTopic('$reply/x/1'), false);
  assert.equal(isReservedTopic('a/$x'), false);
});
