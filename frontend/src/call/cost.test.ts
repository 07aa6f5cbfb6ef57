import { expect, it } from "vitest";
import { costOf } from "./cost";
import type { Turn } from "./state";

const calls = (...told: unknown[]) => ({
  turns: told.map((cost) => ({ metrics: cost === null ? null : { usage: { call_cost_cny: cost } } }) as Turn),
});

it("is what the latest turn tells of its call", () => {
  expect(costOf(calls("0.0042", null, "0.0107"))).toEqual({ known: true, cny: "0.0107" });
});

it("adds up the connections of one call, each of which counts from nothing", () => {
  expect(costOf(calls("0.0042", "0.0107", "0.0003", "0.0011"))).toEqual({ known: true, cny: "0.0118" });
});

it("is unknown as soon as any of it is", () => {
  expect(costOf(calls("0.0042", "unknown", "0.0107"))).toEqual({ known: false });
});

it("says nothing before something was told, and where nothing costs anything", () => {
  expect(costOf(calls())).toBeNull();
  expect(costOf(calls(null, undefined, 0.5, "a lot", "-0.0001"))).toBeNull();
  expect(costOf(calls("0.0000"))).toBeNull();
});
