import type { Message } from '../message.js';
import { RunCursor } from '../message.js';
import type { DeliveredRun } from '../wire/deliver.js';
import type { RunTarget } from './channel.js';

/** Hands each message to a function as it is read: the fastest way, without a queue. */
export class RunCallback implements RunTarget {
  readonly heldBytes = 0;
  private readonly cursor = new RunCursor();
  private isEnded = false;

  constructor(
    private readonly onMessage: (message: Message) => void,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  onRun(run: DeliveredRun): number {
    const { cursor, onMessage } = this;
    cursor.start(run);
    while (cursor.current !== undefined && !this.isEnded) {
      try {
        onMessage(cursor.take());
      } catch (error) {
        this.onFailure(error);
      }
    }
    return run.frameBytes;
  }

  onReadEnd(): void {
    // Everything was handed out already.
  }

  onEnd(): void {
    this.isEnded = true;
  }
}
