/** A recording of the person's own voice, for as long as it is wanted. */

import { openMicrophone } from "../audio/microphone";
import { UPLINK_RATE_HZ } from "../audio/pcm";
import { wav } from "../audio/wav";

export const LEAST_S = 5;
export const MOST_S = 20;
const FRAME_MS = 100;

export interface Recorder {
  /** End it; the recording as a WAV file. */
  stop(): Blob;
}

/**
 * Begin, inside a press.
 * @param unwanted ends it before it has begun: the person may take long to allow the microphone.
 * @throws DOMException as `getUserMedia` does.
 */
export async function record(
  deviceId: string,
  heard: (seconds: number) => void,
  unwanted: AbortSignal,
): Promise<Recorder> {
  const context = new AudioContext();
  const pieces: Int16Array[] = [];
  try {
    const microphone = await openMicrophone(
      context,
      { deviceId, frameMs: FRAME_MS },
      {
        frame: (pcm) => {
          if (pieces.length * FRAME_MS >= MOST_S * 1000) return;
          pieces.push(pcm);
          heard((pieces.length * FRAME_MS) / 1000);
        },
        level: () => undefined,
        gone: () => undefined,
      },
    );
    if (unwanted.aborted) {
      microphone.close();
      throw unwanted.reason;
    }
    return {
      stop: () => {
        microphone.close();
        void context.close();
        return new Blob([wav(pieces, UPLINK_RATE_HZ)], { type: "audio/wav" });
      },
    };
  } catch (error) {
    void context.close();
    throw error;
  }
}
