/** Typed words on their way to the server, kept until it says that it has taken them up. Pure. */

export class TypedWords {
  private waiting: string | null = null;
  private sent: string[] = [];

  /** @returns all that waits to be sent. */
  add(words: string): string {
    this.waiting = [this.waiting, words].filter(Boolean).join(" ");
    return this.waiting;
  }

  /** What is to be sent now; null where nothing is. */
  take(): string | null {
    const words = this.waiting;
    if (words !== null) this.sent.push(words);
    this.waiting = null;
    return words;
  }

  /** The server has taken these up; by then it has had those before them, too. */
  recognised(sentence: string): void {
    this.sent = this.sent.slice(this.sent.indexOf(sentence) + 1);
  }

  /** Something was sent, and it is not known whether it arrived. */
  get unsure(): boolean {
    return this.sent.length > 0;
  }

  /** What did not arrive waits again, before what was typed since. @returns all that waits, or null. */
  again(): string | null {
    const all = [...this.sent, this.waiting].filter((words) => words !== null);
    this.sent = [];
    this.waiting = all.length > 0 ? all.join(" ") : null;
    return this.waiting;
  }
}
