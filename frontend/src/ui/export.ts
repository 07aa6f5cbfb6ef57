/** A conversation as a file, or on the clipboard. */

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

/** Whether it worked. Browsers hide the clipboard from pages of insecure origins: those copy a selection. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

function copySelected(text: string): boolean {
  const field = Object.assign(document.createElement("textarea"), { value: text, readOnly: true });
  const { activeElement } = document;
  // Inside an open sheet only what is inside it can have the focus.
  (document.querySelector("dialog[open]") ?? document.body).append(field);
  field.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    field.remove();
    if (activeElement instanceof HTMLElement) activeElement.focus();
  }
}
