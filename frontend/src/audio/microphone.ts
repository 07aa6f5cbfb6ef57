/** The caller's voice: an open microphone whose frames and loudness are handed on. */

import type { CaptureMessage } from "./capture.worklet";
import captureUrl from "./capture.worklet.ts?worker&url";
import { loadWorklet } from "./loading";

export interface MicrophoneWishes {
  deviceId: string;
  frameMs: number;
}

export interface MicrophoneEars {
  frame(pcm: Int16Array): void;
  level(rms: number): void;
  /** The device was unplugged or taken away. */
  gone(): void;
}

export interface Microphone {
  readonly label: string;
  mute(muted: boolean): void;
  close(): void;
}

/**
 * @throws DOMException as `getUserMedia` does.
 * @throws PageOutdated before the microphone is asked for.
 */
export async function openMicrophone(
  context: AudioContext,
  wishes: MicrophoneWishes,
  ears: MicrophoneEars,
): Promise<Microphone> {
  await loadWorklet(context, captureUrl);
  const stream = await listenTo(wishes.deviceId);
  try {
    return listening(context, stream, wishes.frameMs, ears);
  } catch (error) {
    for (const track of stream.getTracks()) track.stop();
    throw error;
  }
}

/** The chosen device, or any other when that one is not there. */
function listenTo(deviceId: string): Promise<MediaStream> {
  const given = navigator.mediaDevices.getUserMedia({ audio: constraints(deviceId) });
  if (!deviceId) return given;
  return given.catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "NotAllowedError") throw error;
    return navigator.mediaDevices.getUserMedia({ audio: constraints("") });
  });
}

/** @throws DOMException where the context was closed while the person was asked. */
function listening(
  context: AudioContext,
  stream: MediaStream,
  frameMs: number,
  ears: MicrophoneEars,
): Microphone {
  const track = stream.getAudioTracks()[0] as MediaStreamTrack;
  track.addEventListener("ended", () => ears.gone());
  const source = context.createMediaStreamSource(stream);
  const node = captureNode(context, frameMs, ears);
  source.connect(node);
  return {
    label: track.label,
    mute: (muted) => {
      track.enabled = !muted;
    },
    close: () => {
      node.port.onmessage = null;
      source.disconnect();
      track.stop();
    },
  };
}

function constraints(deviceId: string): MediaTrackConstraints {
  const voice = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
  return deviceId ? { ...voice, deviceId: { exact: deviceId } } : voice;
}

function captureNode(context: AudioContext, frameMs: number, ears: MicrophoneEars): AudioWorkletNode {
  const node = new AudioWorkletNode(context, "capture", {
    numberOfInputs: 1,
    numberOfOutputs: 0,
    channelCount: 1,
    channelCountMode: "explicit",
    processorOptions: { frameMs },
  });
  node.port.onmessage = ({ data }: MessageEvent<CaptureMessage>) => {
    if ("frame" in data) ears.frame(data.frame);
    else ears.level(data.level);
  };
  return node;
}
