/** The wire's events: what the server may say and what the page may say. */

export type Json = { [key: string]: unknown };

export interface Metrics {
  endpoint?: number;
  asr_final?: number;
  llm_first_token?: number;
  tts_first_byte?: number;
  first_audio?: number;
  done?: number;
  usage?: Json;
}

/** Where the call goes on, 0:0 for a new one; how long it waits for its client after a cut, and by which name it is found. */
export interface Resume {
  turn: number;
  frame: number;
  seconds: number;
  call: string;
}

export type DownEvent =
  | { event: "BotReady"; payload: { session: string; resume?: Resume } }
  | { event: "SentencePartial"; payload: { sentence: string } }
  | { event: "SentenceRecognized"; payload: { sentence: string } }
  | { event: "TTSSentenceStart"; payload: { sentence: string } }
  | { event: "TTSDone"; payload: Json }
  | { event: "BotInterrupted"; payload: { spoken: string } }
  | { event: "BotError"; payload: { error: { code: string; message: string } } }
  | { event: "TurnMetrics"; payload: Metrics };

/** How the voice shall sound; null leaves it to the persona. */
export interface SpeechWish {
  /** Factors, from 0.5 to 2. */
  speech_rate: number | null;
  volume: number | null;
  emotion: string | null;
}

/** Everything a client may ask for; the same keys serve the query of the address. */
export interface CallConfig extends Partial<SpeechWish> {
  speaker?: string;
  delivery?: "sentence" | "stream";
  audio_format?: "mp3" | "pcm" | "opus";
  sample_rate?: 8000 | 16000 | 24000 | 48000;
  barge_in?: boolean;
  persona?: string;
  turn_ids?: boolean;
  events?: readonly string[];
}

export type UpEvent =
  | { event: "BotUpdateConfig"; payload: CallConfig }
  | { event: "UserText"; payload: { text: string } }
  | { event: "BotInterrupt"; payload: Json }
  | { event: "PlaybackPosition"; payload: { turn: number; played_ms: number } }
  /** Nobody has such an event: a server answers BadEvent, does nothing else, and is thereby known to be there. */
  | { event: "Ping"; payload: Json };

/** Read an event, or null for one this page does not know or cannot use. */
export function readEvent(value: unknown): DownEvent | null {
  if (!isObject(value)) return null;
  const { event, payload } = value;
  if (!isObject(payload)) return event === "TTSDone" ? { event, payload: {} } : null;
  switch (event) {
    case "BotReady":
      return readReady(payload);
    case "SentencePartial":
    case "SentenceRecognized":
    case "TTSSentenceStart":
      return typeof payload.sentence === "string" ? { event, payload: { sentence: payload.sentence } } : null;
    case "BotInterrupted":
      return { event, payload: { spoken: typeof payload.spoken === "string" ? payload.spoken : "" } };
    case "BotError":
      return readError(payload);
    case "TTSDone":
      return { event, payload };
    case "TurnMetrics":
      return { event, payload: payload as Metrics };
    default:
      return null;
  }
}

function readReady({ session, resume }: Json): DownEvent | null {
  if (typeof session !== "string") return null;
  if (!isObject(resume)) return { event: "BotReady", payload: { session } };
  const { turn, frame, seconds, call } = resume;
  const counted = typeof turn === "number" && typeof frame === "number" && typeof seconds === "number";
  const known = counted && typeof call === "string";
  return {
    event: "BotReady",
    payload: known ? { session, resume: { turn, frame, seconds, call } } : { session },
  };
}

function readError(payload: Json): DownEvent | null {
  const { error } = payload;
  if (!isObject(error) || typeof error.code !== "string") return null;
  const message = typeof error.message === "string" ? error.message : "";
  return { event: "BotError", payload: { error: { code: error.code, message } } };
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
