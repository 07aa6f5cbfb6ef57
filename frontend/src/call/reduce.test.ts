import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DownEvent } from "../protocol/events";
import { type CallEvent, reduce } from "./reduce";
import {
  type CallState,
  dropped,
  HOME,
  loudnessOf,
  phaseOf,
  serverBusy,
  transcript,
  turnId,
  wireOf,
} from "./state";

const run = (events: readonly CallEvent[], from: CallState = HOME) => events.reduce(reduce, from);
const dialled: CallEvent = { type: "dialled", sid: null, earlier: [], at: 0 };
const says = (event: DownEvent, turn: number | null = null, at = 0): CallEvent => ({
  type: "server",
  event,
  turn,
  at,
});
const ready = says({ event: "BotReady", payload: { session: "s1" } }, 0, 1000);
const partial = (sentence: string) => says({ event: "SentencePartial", payload: { sentence } }, 0);
const recognized = (sentence: string, turn: number | null = 1) =>
  says({ event: "SentenceRecognized", payload: { sentence } }, turn, 2000);
const sentence = (text: string, turn: number | null = 1) =>
  says({ event: "TTSSentenceStart", payload: { sentence: text } }, turn, 3000);
const done = (turn: number | null = 1) => says({ event: "TTSDone", payload: {} }, turn);
const interruptedByServer = says({ event: "BotInterrupted", payload: { spoken: "你好" } }, 1);
const trouble = (code: string) => says({ event: "BotError", payload: { error: { code, message: "" } } }, 1);

const ID = 2; // of the first turn: 1 is kept for what is said outside any turn
const sound = (ms: number, turn = ID): CallEvent => ({ type: "sound", turn, ms, at: 10 });
const started = (turn = ID): CallEvent => ({ type: "started", turn, at: 90, outputMs: 20 });
const played = (ms: number, turn = ID): CallEvent => ({ type: "played", turn, ms });
const drained = (turn = ID): CallEvent => ({ type: "drained", turn });

const listening = [dialled, ready];
const thinking = [...listening, recognized("你好")];
const speaking = [...thinking, sentence("你好呀！"), sound(800), started()];

describe("the phases of a call", () => {
  it.each<[string, CallEvent[], string]>([
    ["nothing has happened", [], "home"],
    ["the person called", [dialled], "connecting"],
    ["the server is ready", listening, "listening"],
    ["words are being understood", [...listening, partial("你")], "listening"],
    ["the utterance is whole", thinking, "thinking"],
    ["sound has arrived but is not heard yet", [...thinking, sentence("你好呀！"), sound(800)], "thinking"],
    ["the first sample plays", speaking, "speaking"],
    ["the reply is sent but still plays", [...speaking, done()], "speaking"],
    ["the reply was played to its end", [...speaking, done(), drained()], "listening"],
    ["the speaker ran dry before the reply was whole", [...speaking, drained()], "speaking"],
    ["the line broke", [...speaking, { type: "lost", attempt: 1 }], "reconnecting"],
    ["the line is back", [...speaking, { type: "lost", attempt: 1 }, ready], "listening"],
    ["the person hung up", [...speaking, { type: "hung up", at: 5 }], "ended"],
    ["the call failed", [dialled, { type: "failed", failure: "server-down", at: 5 }], "ended"],
    ["the person left", [...speaking, { type: "hung up", at: 5 }, { type: "left" }], "home"],
  ])("when %s", (_, events, phase) => {
    expect(phaseOf(run(events))).toBe(phase);
  });
});

describe("a turn", () => {
  it("knows where in its sound each sentence stands", () => {
    const state = run([
      ...thinking,
      sentence("一。"),
      sound(500),
      sound(200),
      sentence("二。"),
      sound(300),
      done(),
    ]);
    expect(state.turns[0]?.sentences).toEqual([
      { text: "一。", startMs: 0, soundMs: 700, whole: true },
      { text: "二。", startMs: 700, soundMs: 300, whole: true },
    ]);
  });

  it("without any sound is over when it is sent and nothing is left to play: the text still shows", () => {
    const state = run([...thinking, trouble("TTSFailed"), sentence("你好呀！"), done(), drained()]);
    expect(phaseOf(state)).toBe("listening");
    expect(state.notice?.what).toBe("voice-failed");
    expect(transcript(state).map(({ text }) => text)).toEqual(["你好", "你好呀！"]);
  });

  it("may come without an utterance: a greeting", () => {
    const state = run([...listening, sentence("喂？", 0), sound(300, 1), started(1)]);
    expect(phaseOf(state)).toBe("speaking");
    expect(transcript(state).map(({ who, text }) => ({ who, text }))).toEqual([
      { who: "friend", text: "喂？" },
    ]);
  });

  it("is counted here where the server does not number its frames", () => {
    const state = run([
      ...listening,
      recognized("一", null),
      sentence("好。", null),
      done(null),
      recognized("二", null),
      sentence("行。", null),
    ]);
    expect(state.turns.map(({ heard, sentences }) => [heard, sentences[0]?.text])).toEqual([
      ["一", "好。"],
      ["二", "行。"],
    ]);
  });
});

describe("an interruption", () => {
  const cut = run([...speaking, played(400), { type: "interrupted" }]);

  it("ends the speaking at once and drops what still comes of the turn", () => {
    expect(phaseOf(cut)).toBe("listening");
    expect(dropped(cut, ID)).toBe(true);
    const late = run([sentence("还有呢！"), sound(500), started(), done()], cut);
    expect(late.turns[0]?.sentences).toHaveLength(1);
    expect(phaseOf(late)).toBe("listening");
  });

  it("keeps of the reply only what was heard", () => {
    const state = run([
      ...speaking.slice(0, -2),
      sound(800),
      started(),
      done(),
      played(300),
      { type: "interrupted" },
    ]);
    expect(transcript(state).at(-1)?.text).toBe("你好…");
  });

  it("shows how loud whoever has the word is", () => {
    const levels = { caller: 0.4, friend: 0.7 };
    const listening = run([...speaking, done(), drained()]);
    expect(loudnessOf(run(speaking), levels)).toBe(0.7);
    expect(loudnessOf(listening, levels)).toBe(0.4);
    expect(loudnessOf({ ...listening, muted: true }, levels)).toBe(0);
    expect(loudnessOf(HOME, levels)).toBe(0);
  });

  it("happens when the caller speaks over what still plays, though the server is listening", () => {
    const state = run([...speaking, done(), partial("等")]);
    expect(phaseOf(state)).toBe("listening");
    expect(state.partial).toBe("等");
    expect(dropped(state, ID)).toBe(true);
  });

  it("is the server's to decide while it still replies: a mere murmur cuts nobody off, and is forgotten", () => {
    const murmured = run([...speaking, partial("嗯")]);
    expect(phaseOf(murmured)).toBe("speaking");
    expect(run([done(), drained()], murmured)).toMatchObject({ partial: "", turns: [{ cut: false }] });
  });

  it("lets the words that cut it off stay in sight", () => {
    const state = run([...speaking, partial("等等"), interruptedByServer, done(), drained()]);
    expect([phaseOf(state), state.partial]).toEqual(["listening", "等等"]);
  });

  it("happens when the server says so", () => {
    const state = run([...speaking, interruptedByServer]);
    expect(phaseOf(state)).toBe("listening");
  });

  it("does not touch the next turn", () => {
    const next = run(
      [done(), recognized("等等", 2), sentence("怎么啦？", 2), sound(300, 3), started(3)],
      cut,
    );
    expect(phaseOf(next)).toBe("speaking");
    expect(dropped(next, turnId(next, 2))).toBe(false);
  });

  it("leaves the server busy until it has said TTSDone", () => {
    expect(serverBusy(cut)).toBe(true);
    expect(serverBusy(run([done()], cut))).toBe(false);
  });
});

describe("trouble", () => {
  it.each([
    ["ASRTimeout", "recognition-failed"],
    ["LLMFailed", "answer-failed"],
    ["TTSTimeout", "voice-failed"],
    ["Internal", "internal"],
  ])("%s is told, and the call goes on", (code, notice) => {
    const state = run([...thinking, trouble(code)]);
    expect([state.notice?.what, phaseOf(state)]).toEqual([notice, "thinking"]);
  });

  it("idleness ends the call with its reason", () => {
    expect(run([...listening, trouble("IdleTimeout")]).failure).toBe("idle");
    expect(run([...listening, trouble("Busy")]).failure).toBe("spent");
  });

  it("a lost line keeps the session, the start of the call and what was said", () => {
    const state = run([...speaking, { type: "lost", attempt: 2 }, ready]);
    expect([state.sid, state.startedAt, state.turns.length, state.attempt]).toEqual(["s1", 1000, 1, 0]);
  });

  const lost: CallEvent = { type: "lost", attempt: 1 };

  it("a lost line keeps the typed words that the server has not taken up, and forgets what was half heard", () => {
    const typing: CallEvent = { type: "typed", text: "在吗", at: 0 };
    expect(run([...listening, typing, lost])).toMatchObject({ typed: "在吗", partial: "在吗" });
    expect(run([...listening, partial("在"), lost])).toMatchObject({ typed: null, partial: "" });
  });

  const back = (turn: number, frame: number) =>
    says(
      {
        event: "BotReady",
        payload: { session: "s1", resume: { turn, frame, seconds: 30, call: "a-name-1" } },
      },
      0,
      9000,
    );

  it("a call that was kept goes on in the same turn when the line is back", () => {
    const state = run([...speaking, lost, back(1, 3), sound(500), sentence("再见。"), sound(200), done()]);
    expect(phaseOf(state)).toBe("speaking");
    expect(state.turns).toMatchObject([{ id: ID, cut: false, soundMs: 1500, sent: true }]);
    expect(state.turns[0]?.sentences.map(({ text }) => text)).toEqual(["你好呀！", "再见。"]);
    expect([state.attempt, state.notice]).toEqual([0, null]);
  });

  it("while the line is lost what has arrived plays on", () => {
    const state = run([...speaking, done(), lost, played(700), drained()]);
    expect(phaseOf(state)).toBe("reconnecting");
    expect(state.turns).toMatchObject([{ over: true, cut: false, playedMs: 700 }]);
  });

  it("where the call was not kept the rest of the reply is lost, and that is told", () => {
    const state = run([...speaking, lost, back(0, 0)]);
    expect([phaseOf(state), state.notice?.what]).toEqual(["listening", "rest-lost"]);
    expect(state.turns).toMatchObject([{ cut: true, sent: true }]);
  });

  it("a reply that was sent whole plays on into the new call", () => {
    const state = run([...speaking, done(), lost, back(0, 0)]);
    expect([phaseOf(state), state.notice, serverBusy(state)]).toEqual(["speaking", null, false]);
  });

  it("a conversation that goes on elsewhere ends here, and says so", () => {
    expect(run([...speaking, trouble("BadSession")]).failure).toBe("taken-over");
    expect(run([dialled, trouble("BadSession")]).failure).toBe("bad-session");
  });

  it("after a lost line the server counts from 1 again, and no id is used twice", () => {
    const state = run([...speaking, { type: "lost", attempt: 1 }, ready, recognized("在吗", 1)]);
    expect(new Set(state.turns.map(({ id }) => id)).size).toBe(2);
    expect(wireOf(state, state.turns[1]?.id ?? 0)).toBe(1);
    expect(wireOf(state, state.turns[0]?.id ?? 0)).toBeNull();
  });
});

it("typed words are known as typed when the server takes them up", () => {
  const state = run([...listening, { type: "typed", text: "在吗", at: 1 }, recognized("在吗")]);
  expect(state.turns[0]).toMatchObject({ heard: "在吗", typed: true });
  expect(run([...listening, partial("在吗"), recognized("在吗")]).turns[0]?.typed).toBe(false);
});

it("clearing forgets what is over, and an earlier conversation", () => {
  const earlier = [{ who: "caller" as const, text: "昨天", at: 1 }];
  const state = run([
    { ...dialled, earlier } as CallEvent,
    ready,
    recognized("你好"),
    done(),
    drained(),
    recognized("再见", 2),
  ]);
  expect(transcript(state).map(({ text }) => text)).toEqual(["昨天", "你好", "再见"]);
  expect(transcript(reduce(state, { type: "cleared" })).map(({ text }) => text)).toEqual(["再见"]);
});

it("no turn gets the id of one that was cleared away: the speaker has ended that one", () => {
  const state = run([
    ...speaking,
    done(),
    drained(),
    { type: "cleared" },
    { type: "lost", attempt: 1 },
    ready,
    recognized("再来", 1),
  ]);
  expect(turnId(state, 0)).toBeGreaterThan(ID);
  expect(state.turns.map((turn) => turn.id)).toEqual([turnId(state, 1)]);
  expect(dropped(state, turnId(state, 1))).toBe(false);
});

it("what is over stays the same object, and so do its lines: a long call is drawn from them", () => {
  const before = run([...speaking, done(), drained(), recognized("再来", 2), sentence("好", 2), sound(9, 3)]);
  const after = run([started(3), played(50, 3), done(2), drained(3)], before);
  expect(after.turns[0]).toBe(before.turns[0]);
  expect(after.turns[1]?.over).toBe(true);
  const [first, second] = [transcript(before), transcript(after)];
  expect(second[0]).toBe(first[0]);
  expect(second[1]).toBe(first[1]);
});

it("a new server is heard, although the turns before it were cut off and cleared", () => {
  const state = run([
    ...listening,
    ...[1, 2, 3].flatMap((n) => [recognized("你好", n), sentence("好", n), done(n)]),
    { type: "interrupted" },
    { type: "cleared" },
    { type: "lost", attempt: 1 },
    ready,
  ]);
  expect(dropped(state, turnId(state, 1))).toBe(false);
});

describe("in whatever order things happen", () => {
  const wire = fc.integer({ min: 0, max: 4 });
  const turn = fc.option(wire);
  const id = fc.integer({ min: 0, max: 12 });
  const text = fc.constantFrom("", "好", "Hello there. ", "你好呀！");
  const event: fc.Arbitrary<CallEvent> = fc.oneof(
    fc.constant(dialled),
    fc.constant(ready),
    fc.record({ text, turn }).map((each) => recognized(each.text, each.turn)),
    text.map(partial),
    fc.record({ text, turn }).map((each) => sentence(each.text, each.turn)),
    turn.map(done),
    fc.constantFrom("TTSFailed", "IdleTimeout", "Strange").map(trouble),
    turn.map((n) => says({ event: "BotInterrupted", payload: { spoken: "" } }, n)),
    fc.record({ id, ms: fc.nat(900) }).map((each) => sound(each.ms, each.id)),
    id.map(started),
    fc.record({ id, ms: fc.nat(900) }).map((each) => played(each.ms, each.id)),
    id.map(drained),
    fc.constantFrom<CallEvent>(
      { type: "interrupted" },
      { type: "cleared" },
      { type: "lost", attempt: 1 },
      { type: "hung up", at: 9 },
      { type: "left" },
    ),
  );

  it("ids only grow, no more than one turn is under way, and what was cut stays cut", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), (events) => {
        let state = HOME;
        for (const each of events) {
          const next = reduce(state, each);
          expect(next.cutThrough).toBeGreaterThanOrEqual(state.cutThrough);
          expect(next.base).toBeGreaterThanOrEqual(state.base);
          expect(new Set(next.turns.map((each) => each.id)).size).toBe(next.turns.length);
          for (const turn of next.turns.filter(({ cut }) => cut)) expect(turn.over).toBe(true);
          state = next;
        }
        transcript(state);
        expect([
          "home",
          "connecting",
          "listening",
          "thinking",
          "speaking",
          "reconnecting",
          "ended",
        ]).toContain(phaseOf(state));
      }),
      { numRuns: 1000 },
    );
  });
});
