/** The settings: who to call, in which voice, through which devices, over which server. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Settings, validServer } from "../shell/settings";
import { useStore } from "../shell/store";
import { fetchVoices, type Voice } from "../shell/world";
import { usePage, usePersona, useWords } from "./context";
import { type Devices, useDevices } from "./devices";
import { Icon } from "./icon";

export function SettingsPanel() {
  const { view } = usePage();
  const { texts } = useWords();
  return (
    <div class="settings">
      <Friends />
      <VoicePicker />
      <SoundGroup />
      <TalkGroup />
      <ServerGroup />
      <button
        type="button"
        class="link developer-link"
        onClick={() => view.dispatch({ developer: true, panel: null })}
      >
        <Icon name="code" />
        {texts.developer}
      </button>
    </div>
  );
}

function useSettings(): [Settings, (change: Partial<Settings>) => void] {
  const { settings } = usePage();
  return [useStore(settings, (state) => state), settings.dispatch];
}

function Group({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <fieldset class="group">
      <legend>{title}</legend>
      {children}
    </fieldset>
  );
}

function Friends() {
  const [, change] = useSettings();
  const { texts, language } = useWords();
  const personas = useStore(usePage().world, (world) => world.personas);
  const current = usePersona();
  return (
    <Group title={texts.friend}>
      <div class="personas">
        {personas.map((each) => (
          <label key={each.id} class="persona">
            <input
              type="radio"
              name="persona"
              checked={each.id === current?.id}
              onChange={() => change({ persona: each.id })}
            />
            <img src={each.avatar} alt="" width="72" height="86" />
            <span class="persona-name" lang={each.language}>
              {each.name}
            </span>
            <span class="persona-line">{each.tagline[language] ?? ""}</span>
          </label>
        ))}
      </div>
    </Group>
  );
}

function VoicePicker() {
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
  return (
    <Group title={texts.voice}>
      <div class="voices">
        {known.voices.map((voice) => (
          <div key={voice.id} class="voice">
            <label>
              <input
                type="radio"
                name="voice"
                checked={voice.id === chosen}
                onChange={() => change({ voices: { ...settings.voices, [id]: voice.id } })}
              />
              <span class="tick">
                <Icon name="check" />
              </span>
              <span lang={voice.language}>{voice.name}</span>
            </label>
            <Sample voice={voice} />
          </div>
        ))}
      </div>
    </Group>
  );
}

/** One sample at a time: a new one silences the last. */
let playing: HTMLAudioElement | null = null;

function Sample({ voice }: { voice: Voice }) {
  const { texts } = useWords();
  const [state, setState] = useState<"silent" | "loading" | "playing">("silent");
  if (voice.sample === "") return null;
  const toggle = () => {
    playing?.pause();
    if (state !== "silent") return setState("silent");
    const audio = new Audio(voice.sample);
    playing = audio;
    setState("loading");
    const quiet = () => setState("silent");
    audio.onplaying = () => setState("playing");
    audio.onpause = audio.onended = audio.onerror = quiet;
    audio.play().catch(quiet);
  };
  return (
    <button
      type="button"
      class={`sample ${state}`}
      aria-label={`${texts.listen}: ${voice.name}`}
      onClick={toggle}
    >
      <Icon name={state === "silent" ? "play" : "stop"} />
    </button>
  );
}

function SoundGroup() {
  const [settings, change] = useSettings();
  const { texts } = useWords();
  const devices = useDevices();
  return (
    <Group title={texts.sound}>
      <Device
        label={texts.microphone}
        value={settings.microphone}
        devices={devices.microphones}
        onChange={(microphone) => change({ microphone })}
      />
      {devices.canChooseSpeaker ? (
        <Device
          label={texts.speaker}
          value={settings.speaker}
          devices={devices.speakers}
          onChange={(speaker) => change({ speaker })}
        />
      ) : (
        <p class="more">{texts.speakerUnsupported}</p>
      )}
      {!devices.named && <p class="more">{texts.devicesAfterCall}</p>}
      <Switch
        label={texts.quickFrames}
        more={texts.quickFramesMore}
        on={settings.frameMs === 20}
        onChange={(on) => change({ frameMs: on ? 20 : 100 })}
      />
    </Group>
  );
}

interface DeviceProps {
  label: string;
  value: string;
  devices: Devices["microphones"];
  onChange: (id: string) => void;
}

function Device({ label, value, devices, onChange }: DeviceProps) {
  const { texts } = useWords();
  const known = devices.some((each) => each.deviceId === value);
  return (
    <label class="row">
      <span>{label}</span>
      <select value={known ? value : ""} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">{texts.systemDefault}</option>
        {devices.map((each, i) => (
          <option key={each.deviceId} value={each.deviceId}>
            {each.label || texts.unnamedDevice(i + 1)}
          </option>
        ))}
      </select>
    </label>
  );
}

function TalkGroup() {
  const [settings, change] = useSettings();
  const { texts } = useWords();
  return (
    <Group title={texts.conversationGroup}>
      <Switch
        label={texts.bargeIn}
        more={texts.bargeInMore}
        on={settings.bargeIn}
        onChange={(bargeIn) => change({ bargeIn })}
      />
      <label class="row">
        <span>{texts.language}</span>
        <select
          value={settings.language}
          onChange={(event) => change({ language: event.currentTarget.value as Settings["language"] })}
        >
          <option value="auto">{texts.automatic}</option>
          <option value="zh">中文</option>
          <option value="en">English</option>
        </select>
      </label>
    </Group>
  );
}

interface SwitchProps {
  label: string;
  more: string;
  on: boolean;
  onChange: (on: boolean) => void;
}

function Switch({ label, more, on, onChange }: SwitchProps) {
  return (
    <label class="row switch">
      <span>
        {label}
        <span class="more">{more}</span>
      </span>
      <input
        type="checkbox"
        role="switch"
        aria-checked={on}
        checked={on}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    </label>
  );
}

function ServerGroup() {
  const [settings, change] = useSettings();
  const { texts } = useWords();
  const config = useStore(usePage().world, (world) => world.config);
  const [draft, setDraft] = useState(settings.serverUrl);
  const bad = !validServer(draft);
  const services = [
    [texts.recognition, config?.services.asr?.label],
    [texts.answers, config?.services.llm?.label],
    [texts.voices, config?.services.tts?.label],
  ];
  const keep = (url: string) => {
    setDraft(url);
    if (validServer(url)) change({ serverUrl: url.trim() });
  };
  return (
    <Group title={texts.server}>
      <label class="row tall">
        <span>{texts.serverUrl}</span>
        <input
          type="url"
          value={draft}
          placeholder="ws://…"
          aria-invalid={bad}
          onInput={(event) => keep(event.currentTarget.value)}
        />
        <span class={bad ? "more wrong" : "more"}>{bad ? texts.badUrl : texts.serverUrlMore}</span>
      </label>
      <label class="row tall">
        <span>{texts.token}</span>
        <input
          type="password"
          value={settings.token}
          autocomplete="off"
          onInput={(event) => change({ token: event.currentTarget.value })}
        />
        <span class="more">{texts.tokenMore}</span>
      </label>
      {config && (
        <dl class="services">
          {services.map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
    </Group>
  );
}
