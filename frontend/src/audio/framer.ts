/** Cut a stream of samples into frames of one size. Pure. */

export class Framer {
  private held = new Float32Array(0);

  constructor(private readonly size: number) {}

  push(samples: Float32Array): Float32Array[] {
    const all = new Float32Array(this.held.length + samples.length);
    all.set(this.held);
    all.set(samples, this.held.length);
    const frames: Float32Array[] = [];
    let at = 0;
    for (; at + this.size <= all.length; at += this.size) frames.push(all.slice(at, at + this.size));
    this.held = all.slice(at);
    return frames;
  }
}
