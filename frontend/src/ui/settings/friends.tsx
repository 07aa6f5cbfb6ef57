/** Who to call. */

import { useStore } from "../../shell/store";
import { usePage, usePersona, useWords } from "../context";
import { Group, useSettings } from "./fields";

export function Friends() {
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
