/** What a call has cost so far, as the server tells it with each turn. Pure. */

import type { CallState } from "./state";

/** Ten-thousandths of a yuan: whole numbers add up exactly. */
const UNITS = 10_000;

export type Cost = { known: true; cny: string } | { known: false };

/**
 * The sum of all connections of this call, each of which counts from nothing.
 *
 * @returns null while nothing was told, and where nothing costs anything.
 */
export function costOf(state: Pick<CallState, "turns">): Cost | null {
  let before = 0;
  let latest = 0;
  for (const { metrics } of state.turns) {
    const told = metrics?.usage?.call_cost_cny;
    if (told === "unknown") return { known: false };
    const units = unitsOf(told);
    if (units === null) continue;
    if (units < latest) before += latest;
    latest = units;
  }
  const total = before + latest;
  return total === 0 ? null : { known: true, cny: (total / UNITS).toFixed(4) };
}

function unitsOf(told: unknown): number | null {
  if (typeof told !== "string" || !/^\d{1,9}\.\d{4}$/.test(told)) return null;
  return Number(told.replace(".", ""));
}
