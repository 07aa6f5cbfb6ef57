/** The voices that a persona may have, each to be listened to. */

import { useEffect, useRef, useState } from "preact/hooks";
import { useStore } from "../../shell/store";
import { fetchSample, fetchVoices, type Voice } from "../../shell/world";
import { usePage, usePersona, useWords } from "../context";
import { Icon } from "../icon";
import { CloneGroup } from "./clones";
import { Group, useSettings } from "./fields";
import { playSample, type SampleState } from "./sample";
import { HowSheSpeaks } from "./speech";

export function VoicePicker() {
  const { world } = usePage();
  const [settings, change] = useSettings();
  const { texts } = useWords();
  const id = usePersona()?.id ?? "";
  const known = useStore(world, (all) => all.voices[id]);
  useEffect(() => {
    if (id === "" || known) return;
    void fetchVoices(id).then(
      (voices) => world.dispatch({ voices: { ...world.get().voices, [id]: voices } }),
      () => undefined,
    );
  }, [id, known, world]);
  if (!known || known.voices.length === 0) return null;
  const chosen = settings.voices[id] ?? known.default;
  const choose = (voice: string) => change({ voices: { ...settings.voices, [id]: voice } });
  const near = known.voices.filter((voice) => voice.own || voice.cloned || voice.id === chosen);
  const others = known.voices.filter((voice) => !near.includes(voice));
  return (
    <Group title={texts.voice}>
      <VoiceList voices={near} chosen={chosen} onChoose={choose} />
      {others.length > 0 && (
        <details class="more-voices">
          <summary class="link">{texts.moreVoices(others.length)}</summary>
          <VoiceList voices={others} chosen={chosen} onChoose={choose} />
        </details>
      )}
      <HowSheSpeaks persona={id} voices={known} chosen={chosen} />
      <CloneGroup persona={id} />
    </Group>
  );
}

interface VoiceListProps {
  voices: readonly Voice[];
  chosen: string;
  onChoose: (voice: string) => void;
}

function VoiceList({ voices, chosen, onChoose }: VoiceListProps) {
  const { texts, language } = useWords();
  return (
    <div class="voices">
      {voices.map((voice) => (
        <div key={voice.id} class="voice">
          <label>
            <input
              type="radio"
              name="voice"
              checked={voice.id === chosen}
              onChange={() => onChoose(voice.id)}
            />
            <span class="tick">
              <Icon name="check" />
            </span>
            <span>
              {voice.name[language]}
              {voice.cloned && <span class="more"> {texts.cloned}</span>}
            </span>
          </label>
          <Sample voice={voice} />
        </div>
      ))}
    </div>
  );
}

function Sample({ voice }: { voice: Voice }) {
  const { texts, language } = useWords();
  const [state, setState] = useState<SampleState>("silent");
  const stop = useRef<() => void>(() => undefined);
  useEffect(() => () => stop.current(), []); // no sound without its button
  if (voice.sample === "") return null;
  const toggle = () => {
    if (state === "silent") stop.current = playSample(() => fetchSample(voice), setState);
    else stop.current();
  };
  return (
    <button
      type="button"
      class={`sample ${state}`}
      aria-label={`${texts.listen}: ${voice.name[language]}`}
      onClick={toggle}
    >
      <Icon name={state === "silent" ? "play" : "stop"} />
    </button>
  );
}
