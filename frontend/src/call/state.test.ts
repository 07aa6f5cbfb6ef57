import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { join, litWords, type Sentence, split, type Turn } from "./state";

const turn = (playedMs: number, more: Partial<Turn> = {}): Turn => ({
  id: 2,
  heard: "",
  typed: false,
  at: 0,
  repliedAt: null,
  sentences: [],
  soundMs: 0,
  playedMs,
  sent: false,
  over: false,
  cut: false,
  metrics: null,
  soundAt: 0,
  heardAt: 1,
  outputMs: 0,
  ...more,
});
const sentence = (text: string, more: Partial<Sentence> = {}): Sentence => ({
  text,
  startMs: 0,
  soundMs: 1000,
  whole: true,
  ...more,
});
const lit = (said: Sentence, playing: Turn) => {
  const words = split(said.text);
  return words.slice(0, litWords(said, words, playing)).join("");
};

describe("splitting into what lights up at once", () => {
  it.each([
    ["今天，好吗？", ["今", "天，", "好", "吗？"]],
    ["Well, it's fine.", ["Well, ", "it's ", "fine."]],
    ["我爱 Taylor 的歌。", ["我", "爱 ", "Taylor ", "的", "歌。"]],
    ["", []],
  ])("%s", (text, words) => {
    expect(split(text)).toEqual(words);
  });

  it("loses nothing, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(split(text).join("")).toBe(text);
      }),
    );
  });
});

describe("lighting up", () => {
  it("follows what was played of the sentence", () => {
    const said = sentence("一二三四五", { startMs: 500 });
    expect([0, 500, 510, 1000, 1500].map((ms) => lit(said, turn(ms)).length)).toEqual([0, 0, 1, 3, 5]);
  });

  it("does not race ahead while only the first sound has arrived", () => {
    const said = sentence("一二三四五六七八九十", { soundMs: 100, whole: false });
    expect(lit(said, turn(100)).length).toBe(1);
  });

  it("expects the next sentence at the pace of those before it", () => {
    const slow = sentence("一二三四五六七八九十", { soundMs: 5000 });
    const next = sentence("一二三四五六七八九十", { startMs: 5000, soundMs: 100, whole: false });
    expect(lit(next, turn(6000, { sentences: [slow, next] })).length).toBe(2);
    expect(lit(next, turn(6000, { sentences: [next] })).length).toBe(5);
  });

  it("is complete when the reply is over, also when there was no sound", () => {
    expect(lit(sentence("你好", { soundMs: 0 }), turn(0, { over: true, heardAt: null }))).toBe("你好");
  });

  it("stops where the reply was cut", () => {
    expect(lit(sentence("一二三四五"), turn(400, { over: true, cut: true }))).toBe("一二");
  });

  it("never goes back, whatever is played next", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(3000), fc.nat(3000), (text, a, b) => {
        const [early, late] = [Math.min(a, b), Math.max(a, b)];
        expect(lit(sentence(text), turn(early)).length).toBeLessThanOrEqual(
          lit(sentence(text), turn(late)).length,
        );
      }),
    );
  });
});

it("sentences of a script with spaces are kept apart by one", () => {
  expect(join(["Hi.", "How are you?"])).toBe("Hi. How are you?");
  expect(join(["你好。", "好吗？"])).toBe("你好。好吗？");
});
