// Reads tests/vectors of the repository: docs/protocol as bytes.
import { readFileSync } from 'node:fs';

const folder = new URL('../../../../tests/vectors/', import.meta.url);

/** The records of a file. */
export const readVectors = (name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));

/** A text, or a stretch of one. */
export const unfold = (text) => (typeof text === 'string' ? text : text.repeat.repeat(text.times));

/** Bytes from hexadecimal digits, or from a list of stretches. */
export function bytesOf(hex) {
  return Buffer.from(Array.isArray(hex) ? hex.map(unfold).join('') : unfold(hex), 'hex');
}
