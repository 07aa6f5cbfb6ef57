/** The settings: who to call, in which voice, through which devices, over which server. */

import { usePage, useWords } from "../context";
import { Icon } from "../icon";
import { Friends } from "./friends";
import { ServerGroup, ServicesGroup } from "./server";
import { SoundGroup } from "./sound";
import { TalkGroup } from "./talking";
import { VoicePicker } from "./voices";

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
      <ServicesGroup />
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
