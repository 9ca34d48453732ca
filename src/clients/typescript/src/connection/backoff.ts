/** Random waits below a bound that doubles. */
export class Backoff {
  private bound: number;

  constructor(
    private readonly least: number,
    private readonly most: number,
    private readonly random: () => number = Math.random,
  ) {
    this.bound = least;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const from = this.least / 10;
    const wait = from + this.random() * (this.bound - from);
    this.bound = Math.min(this.bound * 2, this.most);
    return wait;
  }

  /** A connection was made: begin with short waits again. */
  reset(): void {
    this.bound = this.least;
  }
}
