/** How the two talk, and the language of the page. */

import type { Settings } from "../../shell/settings";
import { useWords } from "../context";
import { Group, Switch, useSettings } from "./fields";

export function TalkGroup() {
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
      <Switch
        label={texts.shortcuts}
        more={texts.shortcutsMore}
        on={settings.shortcuts}
        onChange={(shortcuts) => change({ shortcuts })}
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
