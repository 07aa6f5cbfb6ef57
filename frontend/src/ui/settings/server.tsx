/** Over which server, and what it runs on. */

import { useState } from "preact/hooks";
import { type CallPlace, mayCall } from "../../call/address";
import { validServer } from "../../shell/settings";
import { useStore } from "../../shell/store";
import { usePage, useWords } from "../context";
import { Group, useSettings } from "./fields";

export function ServerGroup() {
  const [settings, change] = useSettings();
  const { texts } = useWords();
  const [draft, setDraft] = useState(settings.serverUrl);
  const place = useStore(usePage().world, (world) => world.config?.call);
  const wrong = whatIsWrong(draft, place);
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
          aria-invalid={wrong !== null}
          onInput={(event) => keep(event.currentTarget.value)}
        />
        <span class={wrong ? "more wrong" : "more"}>{texts[wrong ?? "serverUrlMore"]}</span>
      </label>
      <label class="row tall">
        <span>{texts.token}</span>
        <input
          type="password"
          value={settings.token}
          autocomplete="off"
          onInput={(event) => change({ token: event.currentTarget.value.trim() })}
        />
        <span class="more">{texts.tokenMore}</span>
      </label>
    </Group>
  );
}

function whatIsWrong(address: string, place: CallPlace | undefined): "badUrl" | "foreignUrl" | null {
  if (!validServer(address)) return "badUrl";
  const foreign = place && address.trim() && !mayCall(new URL(address.trim()), place, window.location);
  return foreign ? "foreignUrl" : null;
}

export function ServicesGroup() {
  const { texts } = useWords();
  const config = useStore(usePage().world, (world) => world.config);
  if (!config) return null;
  const { asr, llm, tts } = config.services;
  const services = [
    [texts.recognition, asr?.label],
    [texts.answers, llm?.label],
    [texts.voices, tts?.label],
  ];
  return (
    <Group title={texts.runsOn}>
      <dl class="services">
        {services.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Group>
  );
}
