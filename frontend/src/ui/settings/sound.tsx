/** Through which devices, and how often, sound goes. */

import { useWords } from "../context";
import { type Devices, useDevices } from "../devices";
import { Group, Switch, useSettings } from "./fields";

export function SoundGroup() {
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
