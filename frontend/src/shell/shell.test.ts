import { describe, expect, it, vi } from "vitest";
import { Backlog } from "../audio/backlog";
import { languageOf, textsOf } from "../i18n";
import { en } from "../i18n/en";
import { asJson, asText } from "../ui/export";
import { clock } from "../ui/time";
import {
  type Conversation,
  deleteConversation,
  openConversations,
  reduceConversations,
} from "./conversations";
import { type LogEntry, reduceLog } from "./log";
import { isPage, isPortrait } from "./offline";
import { DEFAULTS, openSettings, validServer } from "./settings";
import { createStore } from "./store";

function storage(content: Record<string, string> = {}): Storage {
  const kept = new Map(Object.entries(content));
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  } as unknown as Storage;
}

describe("the settings", () => {
  it("come back at the next visit", () => {
    const here = storage();
    openSettings(here).dispatch({ bargeIn: false, volume: 0.4, voices: { her: "v1" } });
    expect(openSettings(here).get()).toEqual({
      ...DEFAULTS,
      bargeIn: false,
      volume: 0.4,
      voices: { her: "v1" },
    });
  });

  it.each(["no json", "null", '{"volume":"loud","language":"fr","frameMs":50,"persona":7,"strange":1}'])(
    "are the defaults where %s was kept",
    (kept) => {
      expect(openSettings(storage({ "live-voice-call.settings": kept })).get()).toEqual(DEFAULTS);
    },
  );

  it("do without a storage", () => {
    expect(openSettings(null).get()).toEqual(DEFAULTS);
  });

  it.each([
    ["", true],
    ["ws://localhost:8888/x", true],
    ["wss://call.example", true],
    ["http://call.example", false],
    ["call.example", false],
  ])("take %j for a server's address: %s", (address, valid) => {
    expect(validServer(address)).toBe(valid);
  });
});

describe("earlier conversations", () => {
  const talk = (sid: string, lines = 1): Conversation => ({
    sid,
    persona: "her",
    startedAt: 1,
    updatedAt: 2,
    said: Array.from({ length: lines }, (_, i) => ({ who: "caller", text: `${i}`, at: i })),
  });

  it("are kept once each, the newest first, up to a bound", () => {
    const all = ["a", "b", "a", ...Array.from({ length: 40 }, (_, i) => `s${i}`), "b"].reduce<
      readonly Conversation[]
    >((list, sid) => reduceConversations(list, { type: "kept", conversation: talk(sid) }), []);
    expect(all).toHaveLength(30);
    expect(all.slice(0, 2).map(({ sid }) => sid)).toEqual(["b", "s39"]);
  });

  it("keep their last lines", () => {
    const [kept] = reduceConversations([], { type: "kept", conversation: talk("a", 500) });
    expect(kept?.said).toHaveLength(400);
    expect(kept?.said.at(-1)?.text).toBe("499");
  });

  it("can be forgotten", () => {
    expect(reduceConversations([talk("a"), talk("b")], { type: "forgotten", sid: "a" })).toEqual([talk("b")]);
  });

  it("survive a visit, and what is no conversation does not", () => {
    const here = storage();
    openConversations(here).dispatch({ type: "kept", conversation: talk("a") });
    expect(openConversations(here).get()).toEqual([talk("a")]);
    const spoilt = storage({
      "live-voice-call.conversations": JSON.stringify([talk("a"), talk("../x"), 7, null]),
    });
    expect(openConversations(spoilt).get()).toEqual([talk("a")]);
  });

  it("of two tabs are all kept, and what one of them forgot stays forgotten", () => {
    const here = storage();
    const [one, two] = [openConversations(here), openConversations(here)];
    one.dispatch({ type: "kept", conversation: talk("a") });
    two.dispatch({ type: "kept", conversation: talk("b") });
    expect(openConversations(here).get()).toEqual([talk("b"), talk("a")]);
    one.dispatch({ type: "elsewhere" });
    expect(one.get()).toEqual([talk("b"), talk("a")]);
    two.dispatch({ type: "forgotten", sid: "a" });
    one.dispatch({ type: "kept", conversation: talk("c") });
    expect(openConversations(here).get()).toEqual([talk("c"), talk("b")]);
  });

  it.each([
    ["there is none", null],
    [
      "it takes nothing",
      {
        getItem: () => null,
        setItem: () => {
          throw new DOMException("full", "QuotaExceededError");
        },
      } as unknown as Storage,
    ],
  ])("are known to the page itself where of a storage %s", (_, here) => {
    const all = openConversations(here);
    all.dispatch({ type: "kept", conversation: talk("a") });
    all.dispatch({ type: "kept", conversation: talk("b") });
    expect(all.get()).toEqual([talk("b"), talk("a")]);
  });

  it.each([
    [204, true],
    [404, true],
    [401, false],
    [503, false],
  ])("are gone from the server when it answers %d: %s", async (status, gone) => {
    const fetched = vi.fn(async () => new Response(null, { status }));
    vi.stubGlobal("fetch", fetched);
    const asked = deleteConversation("s-1").then(
      () => true,
      () => false,
    );
    expect(await asked).toBe(gone);
    expect(fetched).toHaveBeenCalledWith(
      "/api/conversations/s-1",
      expect.objectContaining({ method: "DELETE" }),
    );
    vi.unstubAllGlobals();
  });
});

describe("the event log", () => {
  const entry = (more: Partial<LogEntry>): LogEntry => ({
    at: 1,
    way: "down",
    name: "audio",
    turn: 1,
    bytes: 10,
    detail: "",
    ...more,
  });
  const all = (entries: LogEntry[]) => entries.reduce<ReturnType<typeof reduceLog>>(reduceLog, []);

  it("folds a run of sound into one line", () => {
    const lines = all([entry({}), entry({}), entry({ name: "TTSDone" }), entry({}), entry({ turn: 2 })]);
    expect(lines.map(({ name, turn, frames, bytes }) => [name, turn, frames, bytes])).toEqual([
      ["audio", 1, 2, 20],
      ["TTSDone", 1, 1, 10],
      ["audio", 1, 1, 10],
      ["audio", 2, 1, 10],
    ]);
  });

  it("keeps the newest, each under an id of its own", () => {
    const lines = all(Array.from({ length: 700 }, (_, i) => entry({ name: `e${i}` })));
    expect(lines).toHaveLength(500);
    expect(lines.at(-1)?.name).toBe("e699");
    expect(new Set(lines.map(({ id }) => id)).size).toBe(500);
  });
});

it("the backlog keeps the newest frames, in order, and gives them once", () => {
  const backlog = new Backlog<number>(3);
  for (const each of [1, 2, 3, 4, 5]) backlog.push(each);
  expect(backlog.drain()).toEqual([3, 4, 5]);
  expect(backlog.drain()).toEqual([]);
});

it("a store tells of changes, and only of changes", () => {
  const store = createStore((state: number, add: number) => state + add, 1);
  const seen = vi.fn();
  const stop = store.watch(seen);
  store.dispatch(2);
  store.dispatch(0);
  stop();
  store.dispatch(5);
  expect(seen.mock.calls).toEqual([[3, 1]]);
});

describe("the page's language", () => {
  it.each([
    ["auto", ["zh-CN", "en"], "zh"],
    ["auto", ["fr", "zh-TW"], "zh"],
    ["auto", ["en-GB"], "en"],
    ["auto", ["fr"], "en"],
    ["auto", [], "en"],
    ["en", ["zh"], "en"],
  ] as const)("%s in a browser of %j is %s", (choice, browser, language) => {
    expect(languageOf(choice, browser)).toBe(language);
  });

  it("has a sentence for everything in both", () => {
    const keys = (texts: object): string[] =>
      Object.entries(texts).flatMap(([key, value]) =>
        typeof value === "object" && !Array.isArray(value)
          ? keys(value).map((each) => `${key}.${each}`)
          : [key],
      );
    expect(keys(textsOf("zh"))).toEqual(keys(en));
  });
});

describe("keeping a conversation as a file", () => {
  const said = [
    { who: "caller" as const, text: "你好", at: 1000 },
    { who: "friend" as const, text: "Hi!", at: 2000 },
  ];

  it("as text", () => {
    expect(asText(said, { caller: "我", friend: "乔青青" })).toMatch(
      /^\[\d\d:\d\d:01\] 我: 你好\n\[\d\d:\d\d:02\] 乔青青: Hi!\n$/,
    );
  });

  it("as JSON", () => {
    expect(JSON.parse(asJson(said, "s1", "her"))).toEqual({
      session: "s1",
      persona: "her",
      lines: [
        { who: "caller", text: "你好", at: "1970-01-01T00:00:01.000Z" },
        { who: "friend", text: "Hi!", at: "1970-01-01T00:00:02.000Z" },
      ],
    });
  });
});

it.each([
  [0, "0:00"],
  [83_000, "1:23"],
  [3_600_000, "1:00:00"],
  [-5, "0:00"],
])("%d ms reads %s", (ms, text) => {
  expect(clock(ms)).toBe(text);
});

it("the service worker answers for the page and its portraits, not for calls or the API", () => {
  const at = (path: string) => new URL(path, "http://localhost");
  expect(isPage("navigate", at("/?probe=1"))).toBe(true);
  expect(isPage("navigate", at("/api/config"))).toBe(false);
  expect(isPortrait(at("/api/personas/her/avatar.svg"))).toBe(true);
  expect(isPortrait(at("/api/personas"))).toBe(false);
});
