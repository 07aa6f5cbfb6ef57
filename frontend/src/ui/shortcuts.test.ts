import { describe, expect, it, vi } from "vitest";
import { HOME } from "../call/state";
import type { Page } from "./context";
import { act } from "./shortcuts";

function page(shortcuts: boolean, micless = false) {
  const mute = vi.fn();
  const state = { ...HOME, line: "open", micless };
  const calls = { store: { get: () => state }, mute };
  const settings = { get: () => ({ shortcuts }) };
  return { page: { calls, settings, view: {} } as unknown as Page, mute };
}

describe("a letter in a call", () => {
  it("does something", () => {
    const { page: here, mute } = page(true);
    expect(act(here, "m")).toBe(true);
    expect(mute).toHaveBeenCalledWith(true);
  });

  it.each([
    ["where the person has switched that off", false, false],
    ["where there is no microphone to mute", true, true],
  ])("does nothing %s", (_, shortcuts, micless) => {
    const { page: here, mute } = page(shortcuts, micless);
    expect(act(here, "m")).toBe(false);
    expect(mute).not.toHaveBeenCalled();
  });
});
