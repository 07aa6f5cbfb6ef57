import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffMs, callUrl, mayCall, subprotocols, WANTED, withWishes } from "./address";

const place = { url: null, port: 8888, path: "/api/live_voice_call/chat", servers: null };

describe("where a call goes", () => {
  it.each([
    ["http:", "localhost", null, "", "ws://localhost:8888/api/live_voice_call/chat"],
    ["https:", "call.example", null, "", "wss://call.example:8888/api/live_voice_call/chat"],
    ["https:", "call.example", "wss://voice.example/chat", "", "wss://voice.example/chat"],
    ["http:", "localhost", "wss://voice.example/chat", "ws://other:9/", "ws://other:9/"],
    ["https:", "call.example:8443", "/chat", "", "wss://call.example:8443/chat"],
    ["http:", "localhost:8080", "/chat", "", "ws://localhost:8080/chat"],
  ])("a page at %s//%s, the server's %s, the person's %s", (protocol, host, url, chosen, expected) => {
    const hostname = host.split(":")[0] ?? "";
    expect(callUrl({ ...place, url }, { protocol, hostname, host }, chosen).toString()).toBe(expected);
  });

  it("carries the wishes and the session in its query", () => {
    const address = new URL(
      withWishes(new URL("ws://h:1/x?framing=sized"), { ...WANTED, barge_in: true }, "s1"),
    );
    expect(Object.fromEntries(address.searchParams)).toEqual({
      framing: "sized",
      delivery: "stream",
      audio_format: "pcm",
      sample_rate: "24000",
      turn_ids: "true",
      barge_in: "true",
      events: "SentencePartial,BotInterrupted,TurnMetrics",
      sid: "s1",
    });
  });
});

describe("where the page's policy lets it call", () => {
  const page = { protocol: "https:", host: "call.example:8080" };
  const servers = [
    "ws://call.example:*",
    "wss://call.example:*",
    "wss://other.example",
    "ws://10.0.0.5:8888",
  ];

  it.each([
    ["ws://call.example:8888/x", true],
    ["wss://call.example/x", true],
    ["wss://other.example/x", true],
    ["wss://other.example:8443/x", false],
    ["ws://other.example/x", false],
    ["ws://10.0.0.5:8888/", true],
    ["wss://10.0.0.5:8888/", true],
    ["ws://10.0.0.5:9/", false],
    ["wss://call.example.evil.net/", false],
    ["wss://evil.net/", false],
  ])("%s: %s", (address, allowed) => {
    expect(mayCall(new URL(address), { ...place, servers }, page)).toBe(allowed);
  });

  it("is the call port of any host where an address has no name that a policy could write", () => {
    const here = { protocol: "http:", host: "[::1]:8080" };
    const there = { ...place, servers: ["ws://*:8888"] };
    expect(mayCall(new URL("ws://[::1]:8888/"), there, here)).toBe(true);
    expect(mayCall(new URL("ws://[::1]:9/"), there, here)).toBe(false);
    expect(mayCall(new URL("ws://[::1]:8080/"), there, here)).toBe(true); // its own origin
  });

  it.each([
    ["wss://calls.example:443", "wss://calls.example:443/chat", true],
    ["wss://calls.example:443", "wss://calls.example/chat", true],
    ["wss://calls.example", "wss://calls.example:443/chat", true],
    ["ws://calls.example:80", "ws://calls.example/chat", true],
    ["wss://calls.example:443", "wss://calls.example:8443/chat", false],
    ["ws://calls.example:443", "ws://calls.example/chat", false],
  ])("with %s, of %s: %s, whether the usual port is written or not", (source, address, allowed) => {
    expect(mayCall(new URL(address), { ...place, servers: [source] }, page)).toBe(allowed);
  });

  it("is not for the page to say while it does not know", () => {
    expect(mayCall(new URL("wss://evil.net/"), place, page)).toBe(true);
  });
});

describe("the access token", () => {
  it("is offered as a subprotocol that any server can read back", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "grapheme" }), (token) => {
        const [name, offered] = subprotocols(token) as [string, string];
        expect(name).toBe("lvc");
        expect(offered).toMatch(/^token\.[\w-]+$/);
        expect(Buffer.from(offered.slice(6), "base64url").toString()).toBe(Buffer.from(token).toString());
      }),
    );
  });

  it("is not mentioned when there is none", () => {
    expect(subprotocols("")).toEqual([]);
  });
});

it("each attempt waits longer than the one before, up to a bound", () => {
  const waits = Array.from({ length: 10 }, (_, i) => backoffMs(i + 1, 0.5));
  expect(waits).toEqual([...waits].sort((a, b) => a - b));
  expect(waits[0]).toBeLessThan(500);
  expect(waits.at(-1)).toBe(8000);
});
