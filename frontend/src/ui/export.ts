/** A conversation as a file. */

import type { Said } from "../call/state";
import { timeOfDay } from "./time";

export function asText(said: readonly Said[], names: Readonly<Record<Said["who"], string>>): string {
  return said.map((line) => `[${timeOfDay(line.at)}] ${names[line.who]}: ${line.text}\n`).join("");
}

export function asJson(said: readonly Said[], sid: string | null, persona: string): string {
  const lines = said.map(({ who, text, at }) => ({ who, text, at: new Date(at).toISOString() }));
  return `${JSON.stringify({ session: sid, persona, lines }, null, 2)}\n`;
}

export function save(name: string, type: string, content: string): void {
  const address = URL.createObjectURL(new Blob([content], { type: `${type};charset=utf-8` }));
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
