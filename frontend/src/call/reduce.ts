/** How a call goes on: `reduce(state, event)`. Pure: no clock, no socket; `at` is the page's clock in ms. */

import type { DownEvent, Resume } from "../protocol/events";
import {
  type CallState,
  currentTurn,
  dropped,
  type Failure,
  HOME,
  lastId,
  type Notice,
  onLine,
  phaseOf,
  type Said,
  type Sentence,
  serverBusy,
  type Turn,
  turnId,
} from "./state";

export type CallEvent =
  | { type: "dialled"; sid: string | null; earlier: readonly Said[]; typing?: boolean; at: number }
  | { type: "micless"; micless: boolean }
  | { type: "server"; event: DownEvent; turn: number | null; at: number }
  | { type: "sound"; turn: number; ms: number; at: number }
  | { type: "started"; turn: number; at: number; outputMs: number }
  | { type: "played"; turn: number; ms: number }
  | { type: "drained"; turn: number }
  | { type: "typed"; text: string; at: number }
  | { type: "interrupted" }
  | { type: "muted"; muted: boolean }
  | { type: "lost"; attempt: number }
  | { type: "failed"; failure: Failure; at: number }
  | { type: "hung up"; at: number }
  | { type: "left" }
  | { type: "cleared" }
  | { type: "notice"; what: Notice | null; at: number };

export function reduce(state: CallState, event: CallEvent): CallState {
  switch (event.type) {
    case "dialled":
      return { ...dialled(state, event.sid, event.earlier), typing: event.typing ?? false };
    case "micless":
      return { ...state, micless: event.micless };
    case "server":
      return onLine(state) ? heardFromServer(state, event.event, event.turn, event.at) : state;
    case "sound":
      return dropped(state, event.turn) || !onLine(state)
        ? state
        : sound(state, event.turn, event.ms, event.at);
    case "started":
      return update(state, event.turn, (turn) =>
        turn.over ? turn : { ...turn, heardAt: event.at, outputMs: event.outputMs },
      );
    case "played":
      return update(state, event.turn, (turn) => (turn.over ? turn : { ...turn, playedMs: event.ms }));
    case "drained":
      return drained(state, event.turn);
    case "typed":
      return { ...state, partial: event.text, typed: event.text };
    case "interrupted":
      return cut(state);
    case "muted":
      return { ...state, muted: event.muted };
    case "lost":
      return { ...state, line: "lost", attempt: event.attempt, partial: state.typed ?? "" };
    case "failed":
      return { ...ended(state, event.at), failure: event.failure };
    case "hung up":
      return ended(state, event.at);
    case "left":
      return { ...HOME, ...counters(state), muted: state.muted };
    case "cleared":
      return cleared(state);
    case "notice":
      return { ...state, notice: event.what ? { what: event.what, at: event.at } : null };
  }
}

/** Ids never start again while the page lives: the speaker may still hold sound of an earlier call. */
function counters(state: CallState): Pick<CallState, "base" | "cutThrough"> {
  const base = lastId(state);
  return { base, cutThrough: base };
}

function dialled(state: CallState, sid: string | null, earlier: readonly Said[]): CallState {
  return { ...HOME, ...counters(state), muted: state.muted, line: "dialling", sid, earlier };
}

/** What is over leaves the list, but not the speaker's memory: no later turn may have an id of its. */
function cleared(state: CallState): CallState {
  const over = state.turns.filter((turn) => turn.over).map(({ id }) => id);
  const turns = state.turns.filter((turn) => !turn.over);
  return { ...state, earlier: [], turns, cutThrough: Math.max(state.cutThrough, ...over) };
}

function heardFromServer(state: CallState, event: DownEvent, wire: number | null, at: number): CallState {
  const id = turnId(state, wire);
  switch (event.event) {
    case "BotReady":
      return ready(state, event.payload, at);
    case "SentencePartial":
      return partial(state, event.payload.sentence);
    case "SentenceRecognized":
      return recognized(state, event.payload.sentence, wire, at);
    case "TTSSentenceStart":
      return dropped(state, id) ? state : sentence(state, id, event.payload.sentence, at);
    case "TTSDone":
      return update(state, id, (turn) => ({ ...close(turn), sent: true }));
    case "BotInterrupted":
      return cut(state);
    case "TurnMetrics":
      return update(state, id, (turn) => ({ ...turn, metrics: event.payload }));
    case "BotError":
      return troubled(state, event.payload.error.code, at);
  }
}

/** Whether the call goes on where the line was cut; one that is new stands at 0:0. */
export function isResumed(resume: Resume | undefined): boolean {
  return resume !== undefined && resume.turn + resume.frame > 0;
}

function ready(state: CallState, payload: { session: string; resume?: Resume }, at: number): CallState {
  const { session, resume } = payload;
  return state.begun && isResumed(resume)
    ? { ...state, line: "open", attempt: 0, notice: null }
    : begin(state, session, at);
}

/** A new call. What was sent whole of the one before plays on; a reply that was not is lost. */
function begin(state: CallState, sid: string, at: number): CallState {
  const broken = state.turns.some((turn) => !turn.sent && !turn.over);
  const settled = broken ? settle(state) : state;
  return {
    ...settled,
    line: "open",
    sid,
    base: counters(settled).base,
    begun: true,
    startedAt: state.startedAt ?? at,
    attempt: 0,
    notice: broken && state.begun ? { what: "rest-lost", at } : null,
  };
}

/**
 * The caller speaks: what is still playing of a reply that was sent whole gives way. While the server still
 * replies it decides, and says `BotInterrupted`: a mere "mm" cuts nobody off.
 */
function partial(state: CallState, text: string): CallState {
  const tail = phaseOf(state) === "speaking" && !serverBusy(state) && text !== "";
  return { ...(tail ? cut(state) : state), partial: text };
}

function recognized(state: CallState, heard: string, wire: number | null, at: number): CallState {
  const latest = Math.max(state.base + 1, lastId(state));
  const id = wire ? turnId(state, wire) : latest + 1;
  const settled = currentTurn(state)?.id === id ? state : cut(state);
  const typed = state.typed === heard;
  const opened = open({ ...settled, partial: "", typed: null }, id, at);
  return update(opened, id, (turn) => ({ ...turn, heard, typed }));
}

function newTurn(id: number, at: number): Turn {
  return {
    id,
    heard: "",
    typed: false,
    at,
    repliedAt: null,
    sentences: [],
    soundMs: 0,
    playedMs: 0,
    sent: false,
    over: false,
    cut: false,
    metrics: null,
    soundAt: null,
    heardAt: null,
    outputMs: 0,
  };
}

/** A reply may come without an utterance: a greeting. */
function open(state: CallState, id: number, at: number): CallState {
  const known = state.turns.some((turn) => turn.id === id);
  return known ? state : { ...state, turns: [...state.turns, newTurn(id, at)] };
}

function sentence(state: CallState, id: number, text: string, at: number): CallState {
  return update(open(state, id, at), id, (turn) => {
    const next: Sentence = { text, startMs: turn.soundMs, soundMs: 0, whole: false };
    const sentences = [...close(turn).sentences, next];
    return { ...turn, sentences, repliedAt: turn.repliedAt ?? at };
  });
}

/** The last sentence has all its sound. */
function close(turn: Turn): Turn {
  const sentences = turn.sentences.map((each) => (each.whole ? each : { ...each, whole: true }));
  return { ...turn, sentences };
}

function sound(state: CallState, id: number, ms: number, at: number): CallState {
  return update(open(state, id, at), id, (turn) => ({
    ...turn,
    soundMs: turn.soundMs + ms,
    soundAt: turn.soundAt ?? at,
    sentences: turn.sentences.map((each, i) =>
      i === turn.sentences.length - 1 ? { ...each, soundMs: each.soundMs + ms } : each,
    ),
  }));
}

/** The speaker has nothing left of these turns; a turn that the server still sends is not over yet. */
function drained(state: CallState, id: number): CallState {
  const turns = state.turns.map((turn) => (turn.id <= id && turn.sent ? finished(turn) : turn));
  const heardOut = currentTurn(state)?.over === false && turns.at(-1)?.over === true;
  return { ...state, turns, partial: heardOut ? "" : state.partial }; // what was murmured meanwhile is forgotten
}

/** The same turn where it was over: whoever remembers what was made of it need not make it again. */
function finished(turn: Turn): Turn {
  return turn.over ? turn : { ...turn, over: true };
}

/** Stop what is being said: its rest is dropped when it comes. */
function cut(state: CallState): CallState {
  const turn = currentTurn(state);
  if (!turn || turn.over) return state;
  const turns = state.turns.map((each) => (each.over ? each : { ...each, over: true, cut: true }));
  return { ...state, turns, cutThrough: Math.max(state.cutThrough, lastId(state)) };
}

/** The connection is gone: no turn of it will go on. */
function settle(state: CallState): CallState {
  const settled = cut(state);
  return { ...settled, turns: settled.turns.map((turn) => ({ ...close(turn), sent: true })) };
}

function ended(state: CallState, at: number): CallState {
  return { ...settle(state), line: "ended", endedAt: at, partial: "", notice: null };
}

const TROUBLES: Readonly<Record<string, Notice>> = {
  ASRFailed: "recognition-failed",
  ASRTimeout: "recognition-failed",
  LLMFailed: "answer-failed",
  LLMTimeout: "answer-failed",
  TTSFailed: "voice-failed",
  TTSTimeout: "voice-failed",
  Internal: "internal",
};

const ENDINGS: Readonly<Record<string, Failure>> = {
  BadSession: "bad-session",
  IdleTimeout: "idle",
  Unauthorized: "token-refused",
  Busy: "busy",
};

/** The same codes, once a call has begun. */
const ENDINGS_OF_A_CALL: Readonly<Record<string, Failure>> = {
  BadSession: "taken-over",
  Busy: "spent",
};

function troubled(state: CallState, code: string, at: number): CallState {
  const failure = (state.begun && ENDINGS_OF_A_CALL[code]) || ENDINGS[code];
  if (failure) return { ...state, failure };
  const what = TROUBLES[code];
  return what ? { ...state, notice: { what, at } } : state;
}

function update(state: CallState, id: number, change: (turn: Turn) => Turn): CallState {
  return { ...state, turns: state.turns.map((turn) => (turn.id === id ? change(turn) : turn)) };
}
