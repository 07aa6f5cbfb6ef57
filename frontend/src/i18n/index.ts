/** Which language the page speaks. */

import { en, type Texts } from "./en";
import { zh } from "./zh";

export type Language = "zh" | "en";

/** The person's choice, else the first language of the browser that the page speaks. */
export function languageOf(choice: "auto" | Language, browser: readonly string[]): Language {
  if (choice !== "auto") return choice;
  const known = browser
    .map((tag) => tag.slice(0, 2).toLowerCase())
    .find((tag) => tag === "zh" || tag === "en");
  return known === "zh" ? "zh" : "en";
}

export function textsOf(language: Language): Texts {
  return language === "zh" ? zh : en;
}

export type { Texts };
