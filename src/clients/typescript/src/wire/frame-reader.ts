import { Code, Limit } from './protocol.js';

/** Gets the bounds of a whole frame in a buffer that is never written again; false: stop reading. */
export type FrameHandler = (bytes: Buffer, at: number, end: number, kind: number) => boolean;

/** Why the header of a frame is refused; 0: it is good. */
function checkHeader(bytes: Buffer, at: number, maxFrame: number): number {
  const length = bytes.readUInt32LE(at);
  const kind = bytes[at + 4]!;
  if (length + 4 > maxFrame) return Code.frameTooLarge;
  return length < 4 || kind === 0 || kind >= 0xf0 ? Code.malformed : Code.none;
}

/**
 * Cuts a stream into frames. Frames that lie whole in what was read are handed out in place; only those that are cut
 * off at its end are copied together.
 */
export class FrameReader {
  private part: Buffer | undefined;
  private filled = 0;
  private isHeader = false;

  constructor(private readonly maxFrame: number = Limit.maxFrame) {}

  /** Takes bytes from the stream. Returns 0, or the error code with which the stream is refused. */
  push(bytes: Buffer, handle: FrameHandler): number {
    let at = 0;
    while (this.part !== undefined) {
      const taken = bytes.copy(this.part, this.filled, at);
      this.filled += taken;
      at += taken;
      if (this.filled < this.part.length) return Code.none;
      const whole = this.part;
      if (this.isHeader) {
        const refused = this.begin(whole, 0);
        if (refused !== Code.none) return refused;
        if (this.filled < this.part.length) continue;
      }
      const frame = this.part;
      this.part = undefined;
      if (!handle(frame, 0, frame.length, frame[4]!)) return Code.none;
    }
    while (bytes.length - at >= Limit.frameHeader) {
      const refused = checkHeader(bytes, at, this.maxFrame);
      if (refused !== Code.none) return refused;
      const end = at + 4 + bytes.readUInt32LE(at);
      if (end > bytes.length) break;
      if (!handle(bytes, at, end, bytes[at + 4]!)) return Code.none;
      at = end;
    }
    this.keep(bytes, at);
    return Code.none;
  }

  /** Makes room for the frame whose header is known. */
  private begin(header: Buffer, at: number): number {
    const refused = checkHeader(header, at, this.maxFrame);
    if (refused !== Code.none) return refused;
    const whole = Buffer.allocUnsafeSlow(4 + header.readUInt32LE(at));
    this.filled = header.copy(whole, 0, at);
    this.part = whole;
    this.isHeader = false;
    return Code.none;
  }

  private keep(bytes: Buffer, at: number): void {
    const rest = bytes.length - at;
    if (rest >= Limit.frameHeader) {
      this.begin(bytes, at);
    } else if (rest > 0) {
      this.part = Buffer.allocUnsafeSlow(Limit.frameHeader);
      this.filled = bytes.copy(this.part, 0, at);
      this.isHeader = true;
    }
  }
}
