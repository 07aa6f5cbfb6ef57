/** What was said while the call was not open yet: the newest frames, up to a bound. Pure. */

export class Backlog<T> {
  private items: T[] = [];

  /** The oldest is dropped when full: it is the least useful. */
  constructor(private readonly capacity: number) {}

  push(item: T): void {
    this.items.push(item);
    if (this.items.length > this.capacity) this.items.shift();
  }

  drain(): T[] {
    const items = this.items;
    this.items = [];
    return items;
  }
}
