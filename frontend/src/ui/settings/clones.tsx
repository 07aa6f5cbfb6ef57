/** The voices that were made from recordings: how far they are, and the way to another one. */

import { useEffect, useState } from "preact/hooks";
import { type Clone, type Clones, deleteClone, fetchClones } from "../../shell/clones";
import { useStore } from "../../shell/store";
import { fetchVoices } from "../../shell/world";
import { usePage, useWords } from "../context";
import { Icon } from "../icon";
import { CloneForm } from "./clone-form";

const LOOK_MS = 2000;

/** Only where the server has an account, CosyVoice speaks, and this person may: nobody else could use it. */
export function CloneGroup({ persona }: { persona: string }) {
  const { world } = usePage();
  const { texts } = useWords();
  const speaks = useStore(world, (all) => all.config?.services.tts?.provider === "dashscope");
  const [clones, look] = useClones(speaks, () => {
    void fetchVoices(persona).then((voices) =>
      world.dispatch({ voices: { ...world.get().voices, [persona]: voices } }),
    );
  });
  if (!clones?.allowed) return null;
  return (
    <details class="clones">
      <summary class="link">{texts.cloneAVoice}</summary>
      {clones.voices.length > 0 && (
        <ul class="voices" aria-label={texts.clonedVoices}>
          {clones.voices.map((clone) => (
            <CloneLine key={clone.id} clone={clone} onGone={look} />
          ))}
        </ul>
      )}
      <CloneForm uploads={clones.uploads} onBegun={look} />
    </details>
  );
}

/** What there is, looked at again and again while one of them is being made; `ready` is told of each that is. */
function useClones(wanted: boolean, ready: () => void): [Clones | null, () => void] {
  const [clones, setClones] = useState<Clones | null>(null);
  const [round, setRound] = useState(0);
  const look = () => setRound((n) => n + 1);
  useEffect(() => {
    if (!wanted) return;
    let timer = 0;
    let over = false;
    void fetchClones().then(
      (now) => {
        if (over) return;
        const before = clones?.voices ?? [];
        setClones(now);
        if (before.length > 0 && usable(now.voices) !== usable(before)) ready();
        if (now.voices.some(isUnfinished)) timer = window.setTimeout(look, LOOK_MS);
      },
      () => {
        if (!over && clones?.voices.some(isUnfinished)) timer = window.setTimeout(look, LOOK_MS);
      },
    );
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [wanted, round]);
  return [clones, look];
}

function isUnfinished({ status }: Clone): boolean {
  return status === "enrolling" || status === "deploying";
}

function usable(voices: readonly Clone[]): string {
  return voices.map(({ id, status }) => (status === "ready" ? id : "")).join();
}

/** Deleting is asked twice: it cannot be undone. */
function CloneLine({ clone, onGone }: { clone: Clone; onGone: () => void }) {
  const { texts } = useWords();
  const [sure, setSure] = useState(false);
  const [trouble, setTrouble] = useState(false);
  const remove = () => {
    if (!sure) return setSure(true);
    setSure(false);
    deleteClone(clone.id).then(onGone, () => setTrouble(true));
  };
  const reason = (texts.cloneProblems as Record<string, string>)[clone.problem] ?? clone.detail;
  return (
    <li class="clone">
      <span>
        {clone.name}
        <span class={clone.status === "failed" ? "more wrong" : "more"} role="status" title={clone.detail}>
          {trouble ? texts.notDeleted : texts.cloneStatus[clone.status]}
          {clone.status === "failed" && ` ${reason}`}
        </span>
      </span>
      <button
        type="button"
        class={sure ? "link wrong" : "sample"}
        aria-label={`${sure ? texts.reallyDelete : texts.deleteVoice}: ${clone.name}`}
        onClick={remove}
        onBlur={() => setSure(false)}
        disabled={clone.status === "enrolling"}
      >
        {sure ? texts.reallyDelete : <Icon name="trash" />}
      </button>
    </li>
  );
}
