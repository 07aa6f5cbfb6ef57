import { describe, expect, it, vi } from "vitest";
import type { DownFrame } from "../protocol/frames";
import { Vigil } from "./vigil";

const SOUND: DownFrame = { kind: "audio", turn: 1, data: new Uint8Array(2) };
const ANSWER: DownFrame = {
  kind: "event",
  turn: 0,
  event: { event: "BotError", payload: { error: { code: "BadEvent", message: "" } } },
};
const CALM = { given: 1000, waiting: 0 };

function watching(mayAsk = true) {
  const ask = vi.fn();
  const dead = vi.fn();
  const vigil = new Vigil(ask, dead);
  vigil.begin(mayAsk);
  const pass = (seconds: number, traffic = CALM) => {
    for (let i = 0; i < seconds; i++) vigil.tick(traffic);
  };
  return { vigil, pass, asked: () => ask.mock.calls.length, died: () => dead.mock.calls.length };
}

describe("a line that is silent", () => {
  it("is asked after a while, and is dead where it leaves that unanswered", () => {
    const { pass, asked, died } = watching();
    pass(9);
    expect(asked()).toBe(0);
    pass(1);
    expect(asked()).toBe(1);
    pass(4);
    expect(died()).toBe(0);
    pass(1);
    expect([asked(), died()]).toEqual([1, 1]);
  });

  it("lives for as long as it answers, and is not asked where it speaks by itself", () => {
    const { vigil, pass, asked, died } = watching();
    for (let i = 0; i < 3; i++) {
      pass(12);
      vigil.heard(ANSWER);
    }
    expect([asked(), died()]).toEqual([3, 0]);
    for (let i = 0; i < 9; i++) {
      pass(5);
      vigil.heard(SOUND);
    }
    expect([asked(), died()]).toEqual([3, 0]);
  });

  it("is asked at once where the network has changed, and soon given up", () => {
    const { vigil, pass, asked, died } = watching();
    vigil.doubt();
    vigil.doubt();
    expect(asked()).toBe(1);
    pass(3);
    expect(died()).toBe(1);
  });

  it("is given up once and no more of a server that has never answered: it may not know how", () => {
    const { vigil, pass, asked, died } = watching();
    pass(15);
    vigil.begin(true);
    pass(60);
    expect([asked(), died()]).toEqual([1, 1]);
  });

  it("is given up every time of a server that has answered once", () => {
    const { vigil, pass, died } = watching();
    vigil.doubt();
    vigil.heard(ANSWER);
    for (const times of [1, 2, 3]) {
      vigil.begin(true);
      pass(15);
      expect(died()).toBe(times);
    }
  });

  it("is left alone where the server does not wait for its clients", () => {
    const { vigil, pass, asked, died } = watching(false);
    vigil.doubt();
    pass(100);
    expect([asked(), died()]).toEqual([0, 0]);
  });
});

describe("a network that takes nothing more", () => {
  it("is dead after some seconds, whoever the server is", () => {
    const { pass, died } = watching(false);
    const stuck = { given: 5000, waiting: 3000 };
    pass(6, stuck);
    expect(died()).toBe(0);
    pass(1, stuck);
    expect(died()).toBe(1);
  });

  it("is alive while it takes a little, though more waits each time", () => {
    const { pass, died } = watching(false);
    for (let s = 1; s < 60; s++) pass(1, { given: 3200 * s, waiting: 3100 * s });
    expect(died()).toBe(0);
  });
});
