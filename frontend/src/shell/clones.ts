/** Voices that are made from recordings, by the page's own server. Read at the edge, trusted inside. */

import { isObject } from "../protocol/events";
import { ask } from "./token";

export interface Clone {
  id: string;
  name: string;
  status: "enrolling" | "deploying" | "ready" | "failed";
  /** Why it failed, as a stable word; `detail` is the server's own words. */
  problem: string;
  detail: string;
}

export interface Clones {
  /** The server has an account for it, and this person may use it. */
  allowed: boolean;
  /** Recordings may be sent; without, only their addresses. */
  uploads: boolean;
  voices: readonly Clone[];
}

export interface CloneWish {
  name: string;
  language: string;
  gender: string;
  sample: Blob | null;
  url: string;
}

/** Why something was refused: a stable word, and the server's own words. */
export class CloneRefusal extends Error {
  constructor(
    readonly problem: string,
    words: string,
  ) {
    super(words);
  }
}

const PATH = "/api/voices/clones";
const STATUSES: readonly unknown[] = ["enrolling", "deploying", "ready", "failed"];

export async function fetchClones(): Promise<Clones> {
  const json = await read(await ask(PATH));
  const voices = Array.isArray(json.voices) ? json.voices.filter(isObject) : [];
  return {
    allowed: json.allowed === true && json.possible === true,
    uploads: json.uploads === true,
    voices: voices.map(clone),
  };
}

/** Ask for a voice. Its owner's consent has been ticked, or there would be no way to get here. */
export async function makeClone({ name, language, gender, sample, url }: CloneWish): Promise<void> {
  const form = new FormData();
  const fields = { name, language, gender, consent: "true", ...(sample ? {} : { url }) };
  for (const [key, value] of Object.entries(fields)) form.set(key, value);
  if (sample) form.set("sample", sample, "sample");
  await read(await ask(PATH, { method: "POST", body: form }));
}

export async function deleteClone(id: string): Promise<void> {
  await read(await ask(`/api/voices/${encodeURIComponent(id)}`, { method: "DELETE" }));
}

async function read(answer: Response): Promise<Record<string, unknown>> {
  const text = await answer.text();
  let json: unknown = null;
  try {
    json = JSON.parse(text || "{}");
  } catch {
    // A proxy's page, or none of ours.
  }
  if (answer.ok && isObject(json)) return json;
  const { code, error } = isObject(json) ? json : {};
  throw new CloneRefusal(
    typeof code === "string" ? code : `${answer.status}`,
    typeof error === "string" ? error : `HTTP ${answer.status}`,
  );
}

function clone(json: Record<string, unknown>): Clone {
  const name = isObject(json.name) ? json.name.zh : "";
  return {
    id: String(json.id),
    name: typeof name === "string" ? name : "",
    status: (STATUSES.includes(json.status) ? json.status : "failed") as Clone["status"],
    problem: typeof json.problem === "string" ? json.problem : "",
    detail: typeof json.detail === "string" ? json.detail : "",
  };
}
