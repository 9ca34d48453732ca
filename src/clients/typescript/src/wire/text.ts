const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Decodes UTF-8; undefined where the bytes are not UTF-8 or hold NUL. */
export function decodeText(bytes: Buffer, from: number, to: number): string | undefined {
  let isAscii = true;
  for (let i = from; i < to; i++) {
    const b = bytes[i]!;
    if (b === 0) return undefined;
    if (b > 0x7f) isAscii = false;
  }
  if (isAscii) return bytes.toString('latin1', from, to);
  try {
    return strict.decode(bytes.subarray(from, to));
  } catch {
    return undefined;
  }
}

/** Whether the bytes are UTF-8 without NUL. */
export function isText(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const b = bytes[i]!;
    if (b === 0) return false;
    if (b > 0x7f) return decodeText(bytes, i, to) !== undefined;
  }
  return true;
}

/** Whether a string has surrogates without partner, which no UTF-8 can hold. */
export function hasLoneSurrogate(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}
