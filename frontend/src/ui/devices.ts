/** The microphones and speakers of this machine, as they come and go. */

import { useEffect, useState } from "preact/hooks";

export interface Devices {
  microphones: readonly MediaDeviceInfo[];
  speakers: readonly MediaDeviceInfo[];
  /** Browsers tell the names only after the microphone was allowed. */
  named: boolean;
  canChooseSpeaker: boolean;
}

const NONE: Devices = { microphones: [], speakers: [], named: true, canChooseSpeaker: canChooseSpeaker() };

export function useDevices(): Devices {
  const [devices, setDevices] = useState(NONE);
  useEffect(() => {
    const media = navigator.mediaDevices as MediaDevices | undefined;
    if (!media) return;
    const look = () => void media.enumerateDevices().then((all) => setDevices(sorted(all)));
    look();
    media.addEventListener("devicechange", look);
    return () => media.removeEventListener("devicechange", look);
  }, []);
  return devices;
}

function sorted(all: readonly MediaDeviceInfo[]): Devices {
  const real = all.filter((each) => each.deviceId !== "" && each.deviceId !== "default");
  const microphones = real.filter((each) => each.kind === "audioinput");
  const speakers = real.filter((each) => each.kind === "audiooutput");
  const named = all.some((each) => each.label !== "");
  return { microphones, speakers, named, canChooseSpeaker: canChooseSpeaker() };
}

function canChooseSpeaker(): boolean {
  return typeof AudioContext !== "undefined" && "setSinkId" in AudioContext.prototype;
}
