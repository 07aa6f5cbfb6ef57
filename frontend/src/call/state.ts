/** What a call is, for the page: plain values, and the questions one may ask of them. Pure. */

import type { Metrics } from "../protocol/events";

/** The line to the server. */
export type Line = "none" | "dialling" | "open" | "lost" | "ended";

export type Phase = "home" | "connecting" | "listening" | "thinking" | "speaking" | "reconnecting" | "ended";

/** What ended a call, or kept it from beginning. */
export type Failure =
  | "microphone-denied"
  | "microphone-missing"
  | "microphone-busy"
  | "insecure"
  | "unsupported"
  | "page-outdated"
  | "server-down"
  | "not-allowed"
  | "token-refused"
  | "busy"
  | "spent"
  | "bad-session"
  | "taken-over"
  | "network-lost"
  | "idle";

/** What went wrong in a call that goes on. */
export type Notice =
  | "recognition-failed"
  | "answer-failed"
  | "voice-failed"
  | "internal"
  | "rest-lost"
  | "microphone-changed"
  | "microphone-gone"
  | "speaker-failed";

export interface Sentence {
  text: string;
  /** Where in the turn's sound it starts, and how much of it has arrived. */
  startMs: number;
  soundMs: number;
  /** No more sound of it will come. */
  whole: boolean;
}

/** One utterance and its reply. `id` counts through all calls of the page. */
export interface Turn {
  id: number;
  heard: string;
  typed: boolean;
  at: number;
  repliedAt: number | null;
  sentences: readonly Sentence[];
  soundMs: number;
  playedMs: number;
  /** TTSDone came: the server listens again. */
  sent: boolean;
  /** The last sample was played, or the reply was cut off. */
  over: boolean;
  cut: boolean;
  metrics: Metrics | null;
  /** Page clock, ms: when the first sound arrived, and when its first sample was played. */
  soundAt: number | null;
  heardAt: number | null;
  /** From there to the ear, as far as the browser knows. */
  outputMs: number;
}

/** One thing said in an earlier part of this conversation. */
export interface Said {
  who: "caller" | "friend";
  text: string;
  at: number;
}

export interface CallState {
  line: Line;
  sid: string | null;
  /** True once this call's server was ready: from then on a lost line is taken up again. */
  begun: boolean;
  startedAt: number | null;
  endedAt: number | null;
  attempt: number;
  muted: boolean;
  micless: boolean;
  /** The caller chose to type: this call was begun without a microphone. */
  typing: boolean;
  partial: string;
  /** Words that were typed and not taken up by the server yet. */
  typed: string | null;
  /** Ids of this connection's turns start after this one. */
  base: number;
  /** Turns up to this one are cut off: what still arrives of them is dropped. */
  cutThrough: number;
  turns: readonly Turn[];
  earlier: readonly Said[];
  failure: Failure | null;
  notice: { what: Notice; at: number } | null;
}

export const HOME: CallState = {
  line: "none",
  sid: null,
  begun: false,
  startedAt: null,
  endedAt: null,
  attempt: 0,
  muted: false,
  micless: false,
  typing: false,
  partial: "",
  typed: null,
  base: 0,
  cutThrough: 0,
  turns: [],
  earlier: [],
  failure: null,
  notice: null,
};

/** The phase follows from the line and the last turn: there is no second truth to keep in step. */
export function phaseOf(state: CallState): Phase {
  switch (state.line) {
    case "none":
      return "home";
    case "dialling":
      return "connecting";
    case "lost":
      return "reconnecting";
    case "ended":
      return "ended";
    case "open":
      return phaseOfTurn(currentTurn(state));
  }
}

/** How loud whoever has the word is: nobody while she thinks, and not a caller who is muted. */
export function loudnessOf(state: CallState, of: { caller: number; friend: number }): number {
  const phase = phaseOf(state);
  if (phase === "speaking") return of.friend;
  return phase === "listening" && !state.muted ? of.caller : 0;
}

function phaseOfTurn(turn: Turn | null): Phase {
  if (!turn || turn.over) return "listening";
  return turn.heardAt === null ? "thinking" : "speaking";
}

export function currentTurn(state: CallState): Turn | null {
  return state.turns.at(-1) ?? null;
}

/** A call is under way, or about to be: also while its line is lost. */
export function onLine({ line }: CallState): boolean {
  return line === "dialling" || line === "open" || line === "lost";
}

/**
 * The highest id so far: a server that counts wrongly must not make two turns share one, and no turn may get the id of
 * one that was cut off or cleared away.
 */
export function lastId(state: CallState): number {
  return Math.max(state.base, state.cutThrough, ...state.turns.map((turn) => turn.id));
}

/** The server works on a turn: audio that it gets now is dropped, and typed text has to wait. */
export function serverBusy(state: CallState): boolean {
  const turn = currentTurn(state);
  return state.line === "open" && turn !== null && turn.id > state.base && !turn.sent;
}

/** The id of the server's turn number; without numbers, the latest turn. */
export function turnId(state: CallState, wire: number | null): number {
  return wire === null ? Math.max(lastId(state), state.base + 1) : state.base + 1 + wire;
}

/** The server's number of a turn, or null when it has none, or is of an earlier connection. */
export function wireOf(state: CallState, id: number): number | null {
  return id > state.base + 1 ? id - state.base - 1 : null;
}

export function dropped(state: CallState, id: number): boolean {
  return id <= state.cutThrough;
}

/** Everything said, in order: the earlier part, then this page's turns as far as they were heard. */
export function transcript(state: CallState): Said[] {
  return [...state.earlier, ...state.turns.flatMap(saidIn)];
}

const SAID = new WeakMap<Turn, readonly Said[]>();

/** Made once for each turn, which never changes: a long call is asked for it twenty times a second. */
function saidIn(turn: Turn): readonly Said[] {
  const known = SAID.get(turn);
  if (known) return known;
  const made = linesOf(turn);
  SAID.set(turn, made);
  return made;
}

function linesOf(turn: Turn): Said[] {
  const caller: Said[] = turn.heard ? [{ who: "caller", text: turn.heard, at: turn.at }] : [];
  const reply = replyText(turn);
  return reply ? [...caller, { who: "friend", text: reply, at: turn.repliedAt ?? turn.at }] : caller;
}

export function replyText(turn: Turn): string {
  const parts = turn.sentences.map((sentence) => {
    const words = split(sentence.text);
    const lit = turn.cut ? litWords(sentence, words, turn) : words.length;
    const text = words.slice(0, lit).join("");
    return lit < words.length && lit > 0 ? `${text.trimEnd()}…` : text;
  });
  return join(parts.filter((part) => part !== ""));
}

/** Sentences of a script with spaces are kept apart by one. */
export function join(sentences: readonly string[]): string {
  return sentences.reduce((all, next) => all + (/[\x21-\x7e\u00c0-\u024f]$/.test(all) ? " " : "") + next, "");
}

/** What lights up at once: a word of a script with spaces, one character of others; marks go with it. */
export function split(text: string): string[] {
  return text.match(/[\p{Script=Latin}\p{N}'’-]+[^\p{L}\p{N}]*|\P{M}\p{M}*[^\p{L}\p{N}]*/gu) ?? [];
}

const MS_PER_WEIGHT = 210;

/** How long a word takes to say, against one Chinese character. */
function weight(word: string): number {
  const latin = word.match(/[\p{Script=Latin}\p{N}]/gu)?.length ?? 0;
  const pause = /[。！？.!?…]/.test(word) ? 1.2 : /[，,、；;：:]/.test(word) ? 0.7 : 0;
  return (latin > 0 ? 0.5 + latin * 0.22 : 1) + pause;
}

/** How long this voice takes for a weight of one: as in the sentences that are whole, else as most voices do. */
function paceOf(turn: Turn): number {
  const whole = turn.sentences.filter((sentence) => sentence.whole && sentence.soundMs > 0);
  const soundMs = whole.reduce((sum, sentence) => sum + sentence.soundMs, 0);
  return soundMs === 0 ? MS_PER_WEIGHT : soundMs / whole.reduce((sum, { text }) => sum + weightOf(text), 0);
}

function weightOf(text: string): number {
  return split(text).reduce((sum, word) => sum + weight(word), 0);
}

/** How many words of a sentence were heard, when `turn.playedMs` of the turn's sound were played. */
export function litWords(sentence: Sentence, words: readonly string[], turn: Turn): number {
  if (turn.over && !turn.cut) return words.length;
  const weights = words.map(weight);
  const total = weights.reduce((sum, w) => sum + w, 0);
  const lengthMs = sentence.whole ? sentence.soundMs : Math.max(sentence.soundMs, total * paceOf(turn));
  const heard = turn.playedMs - sentence.startMs;
  if (heard <= 0 || turn.heardAt === null) return 0;
  let before = 0;
  return weights.filter((w) => {
    const begun = before * lengthMs < heard * total;
    before += w;
    return begun;
  }).length;
}
