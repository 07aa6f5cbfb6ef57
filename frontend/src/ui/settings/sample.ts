/** The sample of a voice that is being listened to: one at a time. */

export type SampleState = "silent" | "loading" | "playing";

let stopLast: () => void = () => undefined;

/**
 * Load a sample and play it, in place of the one before.
 *
 * @returns ends it, also while it is being loaded.
 */
export function playSample(load: () => Promise<string>, tell: (state: SampleState) => void): () => void {
  stopLast();
  const audio = new Audio();
  let over = false;
  let address = "";
  const stop = () => {
    if (over) return;
    over = true;
    audio.pause();
    if (address) URL.revokeObjectURL(address);
    tell("silent");
  };
  const play = async () => {
    address = await load();
    if (over) return URL.revokeObjectURL(address);
    audio.src = address;
    await audio.play();
  };
  stopLast = stop;
  tell("loading");
  audio.onplaying = () => {
    if (!over) tell("playing");
  };
  audio.onpause = audio.onended = audio.onerror = stop;
  play().catch(stop);
  return stop;
}
