/** Asks for a voice to be made: a name, a recording, and the consent of the one whose voice it is. */

import { useEffect, useRef, useState } from "preact/hooks";
import { CloneRefusal, makeClone } from "../../shell/clones";
import { LEAST_S, MOST_S, type Recorder, record } from "../../shell/recorder";
import { useWords } from "../context";
import { Icon } from "../icon";
import { useSettings } from "./fields";

const LANGUAGES = [
  ["zh-CN", "中文"],
  ["en-US", "English"],
  ["ja-JP", "日本語"],
  ["ko-KR", "한국어"],
  ["de-DE", "Deutsch"],
  ["fr-FR", "Français"],
] as const;

const EMPTY = { name: "", language: "zh-CN", gender: "female", url: "" };

export function CloneForm({ uploads, onBegun }: { uploads: boolean; onBegun: () => void }) {
  const { texts } = useWords();
  const [fields, setFields] = useState(EMPTY);
  const [sample, setSample] = useState<Blob | null>(null);
  const [consent, setConsent] = useState(false);
  const [sending, setSending] = useState(false);
  const [trouble, setTrouble] = useState("");
  const set = (change: Partial<typeof EMPTY>) => setFields((before) => ({ ...before, ...change }));
  const whole = fields.name.trim() !== "" && consent && (sample !== null || fields.url.trim() !== "");
  const send = async (event: Event) => {
    event.preventDefault();
    setSending(true);
    setTrouble("");
    try {
      await makeClone({ ...fields, sample });
      setFields(EMPTY);
      setSample(null);
      setConsent(false);
      onBegun();
    } catch (error) {
      const problems = texts.cloneProblems as Record<string, string>;
      const known = error instanceof CloneRefusal ? (problems[error.problem] ?? error.message) : null;
      setTrouble(known ?? texts.cloneProblems.unavailable);
    } finally {
      setSending(false);
    }
  };
  return (
    <form class="clone-form" onSubmit={send}>
      <p class="more">{texts.cloneMore}</p>
      <label class="row">
        <span>{texts.cloneName}</span>
        <input
          type="text"
          required
          maxLength={80}
          value={fields.name}
          onInput={(event) => set({ name: event.currentTarget.value })}
        />
      </label>
      <Choice
        label={texts.cloneLanguage}
        value={fields.language}
        choices={LANGUAGES}
        onChange={(language) => set({ language })}
      />
      <Choice
        label={texts.cloneGender}
        value={fields.gender}
        choices={Object.entries(texts.genders)}
        onChange={(gender) => set({ gender })}
      />
      {uploads ? (
        <Recording sample={sample} onSample={setSample} />
      ) : (
        <p class="more">{texts.cloneNoUploads}</p>
      )}
      {!sample && (
        <label class="row tall">
          <span>{texts.cloneUrl}</span>
          <input
            type="url"
            placeholder="https://…"
            value={fields.url}
            onInput={(event) => set({ url: event.currentTarget.value })}
          />
        </label>
      )}
      <label class="row consent">
        <input
          type="checkbox"
          required
          checked={consent}
          onChange={(event) => setConsent(event.currentTarget.checked)}
        />
        <span>{texts.cloneConsent}</span>
      </label>
      <p class="more wrong" role="alert">
        {trouble}
      </p>
      <button type="submit" class="wide" disabled={!whole || sending}>
        {sending ? texts.cloneSending : texts.cloneMake}
      </button>
    </form>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  choices: readonly (readonly [string, string])[];
  onChange: (value: string) => void;
}

function Choice({ label, value, choices, onChange }: ChoiceProps) {
  return (
    <label class="row">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {choices.map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

interface RecordingProps {
  sample: Blob | null;
  onSample: (sample: Blob | null) => void;
}

/** Speak now, or send what is there. */
function Recording({ sample, onSample }: RecordingProps) {
  const [settings] = useSettings();
  const { texts } = useWords();
  const recorder = useRef<Recorder | null>(null);
  const [seconds, setSeconds] = useState<number | null>(null);
  const [trouble, setTrouble] = useState("");
  const left = useRef(new AbortController());
  const stop = () => {
    const recording = recorder.current?.stop() ?? null;
    recorder.current = null;
    setSeconds(null);
    if (recording) onSample(recording);
  };
  const toggle = async () => {
    if (seconds !== null) return stop();
    setTrouble("");
    onSample(null);
    setSeconds(0);
    try {
      const heard = (soFar: number) => {
        setSeconds(soFar);
        if (soFar >= MOST_S) stop();
      };
      recorder.current = await record(settings.microphone, heard, left.current.signal);
    } catch {
      setSeconds(null);
      setTrouble(texts.cloneNoMicrophone);
    }
  };
  useEffect(
    () => () => {
      left.current.abort();
      recorder.current?.stop();
    },
    [],
  );
  return (
    <>
      <div class="row recording">
        <button type="button" class="link" onClick={toggle} disabled={seconds !== null && seconds < LEAST_S}>
          <Icon name={seconds === null ? "mic" : "stop"} />
          {seconds === null ? texts.cloneRecord : texts.cloneStop(Math.floor(seconds), MOST_S)}
        </button>
        <label class="link file">
          {texts.cloneUpload}
          <input
            type="file"
            accept="audio/wav,audio/mpeg,audio/mp4,.wav,.mp3,.m4a"
            onChange={(event) => onSample(event.currentTarget.files?.[0] ?? null)}
          />
        </label>
      </div>
      {seconds !== null && <p class="more">{texts.cloneSay}</p>}
      <p class="more wrong" role="alert">
        {trouble}
      </p>
      {sample && <Heard sample={sample} />}
    </>
  );
}

function Heard({ sample }: { sample: Blob }) {
  const { texts } = useWords();
  const [address, setAddress] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(sample);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [sample]);
  // biome-ignore lint/a11y/useMediaCaption: it is what the person has just said
  return <audio controls src={address} aria-label={texts.cloneHeard} />;
}
