/** Samples as a WAV file. Pure. */

const HEADER_BYTES = 44;

export function wav(pieces: readonly Int16Array[], rateHz: number): Uint8Array<ArrayBuffer> {
  const samples = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const file = new Uint8Array(HEADER_BYTES + 2 * samples);
  const view = new DataView(file.buffer);
  const word = (at: number, letters: string) => {
    for (let i = 0; i < 4; i++) file[at + i] = letters.charCodeAt(i);
  };
  word(0, "RIFF");
  view.setUint32(4, file.length - 8, true);
  word(8, "WAVE");
  word(12, "fmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // plain samples
  view.setUint16(22, 1, true); // one channel
  view.setUint32(24, rateHz, true);
  view.setUint32(28, 2 * rateHz, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  word(36, "data");
  view.setUint32(40, 2 * samples, true);
  let at = HEADER_BYTES;
  for (const piece of pieces) {
    for (const sample of piece) {
      view.setInt16(at, sample, true);
      at += 2;
    }
  }
  return file;
}
