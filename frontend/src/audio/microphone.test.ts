import { afterEach, describe, expect, it, vi } from "vitest";
import { refusal } from "../shell/refusal";
import { openMicrophone } from "./microphone";

const EARS = { frame: () => undefined, level: () => undefined, gone: () => undefined };
const WISHES = { deviceId: "desk-mic", frameMs: 100 };

/** A browser that gives a microphone, and a context in which the worklet loads, or may be made, or not. */
function browser({ loads = true, makes = true }) {
  const track = { label: "desk", addEventListener: () => undefined, stop: vi.fn() };
  const stream = { getAudioTracks: () => [track], getTracks: () => [track] };
  const getUserMedia = vi.fn(async () => stream);
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } });
  const node = { port: { onmessage: null } };
  vi.stubGlobal("AudioWorkletNode", function AudioWorkletNode() {
    if (!makes) throw new DOMException("the context is closed", "InvalidStateError");
    return node;
  });
  const missing = () => Promise.reject(new DOMException("Unable to load a worklet's module.", "AbortError"));
  const context = {
    audioWorklet: { addModule: () => (loads ? Promise.resolve() : missing()) },
    createMediaStreamSource: () => ({ connect: () => undefined, disconnect: () => undefined }),
  } as unknown as AudioContext;
  return { context, getUserMedia, track };
}

afterEach(() => vi.unstubAllGlobals());

describe("the microphone", () => {
  it("is given back when it is closed", async () => {
    const { context, track } = browser({});
    const microphone = await openMicrophone(context, WISHES, EARS);
    expect(track.stop).not.toHaveBeenCalled();
    microphone.close();
    expect(track.stop).toHaveBeenCalledOnce();
  });

  it("is not asked for by a page that has lost its worklet, which says that it is out of date", async () => {
    const { context, getUserMedia } = browser({ loads: false });
    const error = await openMicrophone(context, WISHES, EARS).catch((reason: unknown) => reason);
    expect(refusal(error)).toBe("page-outdated");
    expect(getUserMedia).not.toHaveBeenCalled();
  });

  it("is another one where the chosen one is not there", async () => {
    const { context, getUserMedia } = browser({});
    getUserMedia.mockRejectedValueOnce(new DOMException("unplugged", "OverconstrainedError"));
    await openMicrophone(context, WISHES, EARS);
    expect(getUserMedia).toHaveBeenCalledTimes(2);
  });

  it("is asked for once where the person says no", async () => {
    const { context, getUserMedia } = browser({});
    getUserMedia.mockRejectedValueOnce(new DOMException("no", "NotAllowedError"));
    const error = await openMicrophone(context, WISHES, EARS).catch((reason: unknown) => reason);
    expect(refusal(error)).toBe("microphone-denied");
    expect(getUserMedia).toHaveBeenCalledOnce();
  });

  it("is given back where the sound was closed while the person was asked", async () => {
    const { context, track } = browser({ makes: false });
    await expect(openMicrophone(context, WISHES, EARS)).rejects.toThrow("closed");
    expect(track.stop).toHaveBeenCalledOnce();
  });
});
