/** How fast, how loud and with which feeling she speaks. */

import { useState } from "preact/hooks";
import { LEAST, MOST, speechOf } from "../../shell/wishes";
import type { Voices } from "../../shell/world";
import { useWords } from "../context";
import { useSettings } from "./fields";

interface SpeechProps {
  persona: string;
  voices: Voices;
  chosen: string;
}

export function HowSheSpeaks({ persona, voices, chosen }: SpeechProps) {
  const [settings, change] = useSettings();
  const { texts } = useWords();
  const wish = speechOf(settings, persona);
  const wants = (part: Partial<typeof wish>) =>
    change({ speech: { ...settings.speech, [persona]: { ...wish, ...part } } });
  const emotions = voices.voices.find(({ id }) => id === chosen)?.emotions ?? [];
  const changed = Object.values(wish).some((value) => value !== null);
  return (
    <>
      <Factor
        label={texts.speed}
        value={wish.speech_rate ?? voices.rate}
        onChange={(speech_rate) => wants({ speech_rate })}
      />
      <Factor
        label={texts.loudness}
        value={wish.volume ?? voices.volume}
        onChange={(volume) => wants({ volume })}
      />
      {emotions.length > 0 && (
        <label class="row">
          <span>{texts.emotion}</span>
          <select
            value={wish.emotion ?? ""}
            onChange={(event) => wants({ emotion: event.currentTarget.value || null })}
          >
            <option value="">{texts.asSheIs}</option>
            {emotions.map((emotion) => (
              <option key={emotion} value={emotion}>
                {(texts.emotions as Record<string, string>)[emotion] ?? emotion}
              </option>
            ))}
          </select>
        </label>
      )}
      {changed && (
        <button
          type="button"
          class="link"
          onClick={() => wants({ speech_rate: null, volume: null, emotion: null })}
        >
          {texts.asBefore}
        </button>
      )}
    </>
  );
}

interface FactorProps {
  label: string;
  value: number;
  onChange: (value: number) => void;
}

/** Shown while it is moved; said when it is let go. */
function Factor({ label, value, onChange }: FactorProps) {
  const [moving, setMoving] = useState<number | null>(null);
  const shown = moving ?? value;
  return (
    <label class="row slider">
      <span>{label}</span>
      <input
        type="range"
        min={LEAST}
        max={MOST}
        step="0.05"
        value={shown}
        aria-valuetext={times(shown)}
        onInput={(event) => setMoving(Number(event.currentTarget.value))}
        onChange={(event) => {
          setMoving(null);
          onChange(Number(event.currentTarget.value));
        }}
      />
      <output>{times(shown)}</output>
    </label>
  );
}

function times(value: number): string {
  return `${value.toFixed(2)}×`;
}
