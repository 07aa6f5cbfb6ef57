/** What the groups of the settings are made of. */

import type { ComponentChildren } from "preact";
import type { Settings } from "../../shell/settings";
import { useStore } from "../../shell/store";
import { usePage } from "../context";

export function useSettings(): [Settings, (change: Partial<Settings>) => void] {
  const { settings } = usePage();
  return [useStore(settings, (state) => state), settings.dispatch];
}

export function Group({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <fieldset class="group">
      <legend>{title}</legend>
      {children}
    </fieldset>
  );
}

interface SwitchProps {
  label: string;
  more: string;
  on: boolean;
  onChange: (on: boolean) => void;
}

export function Switch({ label, more, on, onChange }: SwitchProps) {
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
