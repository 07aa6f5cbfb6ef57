import { afterEach, describe, expect, it, vi } from "vitest";
import { openSettings } from "./settings";
import { ask, bearer, recallToken, takeToken, tokenOfFragment, watchForToken } from "./token";

function storage(): Storage & { all: Map<string, string> } {
  const all = new Map<string, string>();
  return {
    all,
    getItem: (key: string) => all.get(key) ?? null,
    setItem: (key: string, value: string) => void all.set(key, value),
    removeItem: (key: string) => void all.delete(key),
  } as unknown as Storage & { all: Map<string, string> };
}

afterEach(() => {
  openSettings(null);
  vi.unstubAllGlobals();
});

describe("the access token", () => {
  it.each([
    ["#token=abc.def", "abc.def"],
    ["#x=1&token=open%20sesame%2F%2B", "open sesame/+"],
    ["#token=", null],
    ["#tokens=abc", null],
    ["", null],
  ])("is read from the fragment %j: %j", (hash, token) => {
    expect(tokenOfFragment(hash)).toBe(token);
  });

  it("leaves the address and the history when it is taken", () => {
    const replaceState = vi.fn();
    vi.stubGlobal("window", {
      location: { hash: "#token=abc", pathname: "/", search: "?probe=1" },
      history: { state: null, replaceState },
    });
    expect(takeToken()).toBe("abc");
    expect(replaceState).toHaveBeenCalledWith(null, "", "/?probe=1");
  });

  it("is also taken when it is pasted into the address of the open page", () => {
    const page = Object.assign(new EventTarget(), {
      location: { hash: "", pathname: "/", search: "" },
      history: { state: null, replaceState: vi.fn() },
    });
    vi.stubGlobal("window", page);
    const took = vi.fn();
    watchForToken(took);
    for (const hash of ["#token=abc", "#elsewhere"]) {
      page.location.hash = hash;
      page.dispatchEvent(new Event("hashchange"));
    }
    expect(took.mock.calls).toEqual([["abc"]]);
    expect(page.history.replaceState.mock.calls).toEqual([[null, "", "/"]]);
  });

  it("stays in the tab, and never among the choices that the browser keeps", () => {
    const [kept, visit] = [storage(), storage()];
    openSettings(kept, visit, "abc");
    expect([...kept.all.values()].join()).not.toContain("abc");
    expect(recallToken(visit)).toBe("abc");
    expect(openSettings(kept, visit).get().token).toBe("abc");
    expect(openSettings(kept, storage()).get().token).toBe("");
  });

  it("that an older page left in the browser is removed", () => {
    const kept = storage();
    kept.all.set("live-voice-call.settings", JSON.stringify({ token: "abc", volume: 0.5 }));
    expect(openSettings(kept, storage()).get()).toMatchObject({ token: "", volume: 0.5 });
    expect([...kept.all.values()].join()).not.toContain("abc");
  });

  it("is forgotten when it is cleared", () => {
    const visit = storage();
    openSettings(null, visit, "abc").dispatch({ token: "" });
    expect(visit.all.size).toBe(0);
  });

  it("goes to the page's server as a header, as the bytes of its UTF-8", async () => {
    const fetched = vi.fn();
    vi.stubGlobal("fetch", fetched);
    openSettings(null, null, "芝麻");
    await ask("/api/personas");
    const headers = fetched.mock.calls[0]?.[1].headers as { Authorization: string };
    expect(Buffer.from(headers.Authorization.slice(7), "latin1").toString()).toBe("芝麻");
    expect(bearer("")).toEqual({});
  });
});
