/** The conversation: what was said, to keep or to clear, and earlier ones to carry on with. */

import { useEffect, useRef, useState } from "preact/hooks";
import { costOf } from "../call/cost";
import { type Said, transcript } from "../call/state";
import { type Conversation, deleteConversation } from "../shell/conversations";
import { useStore } from "../shell/store";
import { useCall, usePage, usePersona, usePhase, useWords } from "./context";
import { asJson, asText, copyText, save } from "./export";
import { Icon, type IconName } from "./icon";
import { dayAndTime, timeOfDay } from "./time";

const COPIED_MS = 2500;

export function Talk() {
  const state = useSettled();
  return (
    <div class="talk">
      <Tools said={state.said} sid={state.sid} />
      <Lines said={state.said} />
      <CostLine />
      <Earlier current={state.sid} />
    </div>
  );
}

/** What the call has cost so far; nothing where it costs nothing. */
function CostLine() {
  const { texts } = useWords();
  const told = useCall((state) => {
    const cost = costOf(state);
    return cost && (cost.known ? cost.cny : "");
  });
  if (told === null) return null;
  return (
    <p class="cost" title={texts.costMore}>
      {told === "" ? texts.costUnknown : texts.cost(told)}
    </p>
  );
}

interface Settled {
  said: readonly Said[];
  sid: string | null;
}

/** The same object until something was said: what was played changes twenty times a second. */
function useSettled(): Settled {
  const kept = useRef<Settled>({ said: [], sid: null });
  return useCall((state) => {
    const said = transcript(state);
    const before = kept.current;
    const same = before.sid === state.sid && sameLines(before.said, said);
    if (!same) kept.current = { said, sid: state.sid };
    return kept.current;
  });
}

function sameLines(a: readonly Said[], b: readonly Said[]): boolean {
  return a.length === b.length && a.every((line, i) => line.text === b[i]?.text && line.at === b[i]?.at);
}

function Tools({ said, sid }: { said: readonly Said[]; sid: string | null }) {
  const { calls } = usePage();
  const { texts } = useWords();
  const persona = usePersona();
  const [copied, setCopied] = useState<boolean | null>(null);
  useEffect(() => {
    if (copied === null) return;
    const timer = setTimeout(() => setCopied(null), COPIED_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const names = { caller: texts.you, friend: persona?.name ?? "" };
  const none = said.length === 0;
  const copy = () => void copyText(asText(said, names)).then(setCopied);
  const copyLabel = copied === null ? texts.copy : copied ? texts.copied : texts.notCopied;
  return (
    <div class="tools">
      <Tool icon={copied ? "check" : "copy"} label={copyLabel} disabled={none} onPress={copy} />
      <span class="unseen" role="status">
        {copied === null ? "" : copyLabel}
      </span>
      <Tool
        icon="download"
        label={texts.asText}
        title={`${texts.download}: ${texts.asText}`}
        disabled={none}
        onPress={() => save("conversation.txt", "text/plain", asText(said, names))}
      />
      <Tool
        icon="download"
        label={texts.asJson}
        title={`${texts.download}: ${texts.asJson}`}
        disabled={none}
        onPress={() => save("conversation.json", "application/json", asJson(said, sid, persona?.id ?? ""))}
      />
      <Tool
        icon="trash"
        label={texts.clear}
        disabled={none}
        onPress={() => calls.store.dispatch({ type: "cleared" })}
      />
    </div>
  );
}

interface ToolProps {
  icon: IconName;
  label: string;
  title?: string;
  disabled: boolean;
  onPress: () => void;
}

function Tool({ icon, label, title = label, disabled, onPress }: ToolProps) {
  return (
    <button type="button" class="tool" aria-label={title} title={title} disabled={disabled} onClick={onPress}>
      <Icon name={icon} />
      {label}
    </button>
  );
}

function Lines({ said }: { said: readonly Said[] }) {
  const { texts } = useWords();
  const persona = usePersona();
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => end.current?.scrollIntoView({ block: "nearest" }), [said]);
  return (
    <div class="lines" role="log" aria-label={texts.conversation} tabIndex={0}>
      {said.length === 0 && (
        <div class="empty">
          <Icon name="chat" />
          <p>{texts.nothingSaid}</p>
          <p class="more">{texts.nothingSaidMore}</p>
        </div>
      )}
      {said.map((line) => (
        <div key={`${line.who}${line.at}`} class={`line ${line.who}`}>
          <p class="bubble" lang={line.who === "friend" ? persona?.language : undefined}>
            <span class="unseen">{line.who === "friend" ? persona?.name : texts.you}: </span>
            <span dir="auto">{line.text}</span>
          </p>
          <time class="when" dateTime={new Date(line.at).toISOString()}>
            {timeOfDay(line.at)}
          </time>
        </div>
      ))}
      <div ref={end} />
    </div>
  );
}

function Earlier({ current }: { current: string | null }) {
  const { conversations } = usePage();
  const { texts } = useWords();
  const phase = usePhase();
  const all = useStore(conversations, (list) => list).filter(
    (each) => each.sid !== current || phase === "home",
  );
  if (all.length === 0) return null;
  return (
    <section class="earlier">
      <h3>{texts.earlier}</h3>
      <ul>
        {all.map((each) => (
          <Old key={each.sid} conversation={each} />
        ))}
      </ul>
    </section>
  );
}

function Old({ conversation }: { conversation: Conversation }) {
  const { calls, conversations, view, settings, world } = usePage();
  const { texts, language } = useWords();
  const phase = usePhase();
  const busy = phase !== "home" && phase !== "ended";
  const persona = world.get().personas.find((each) => each.id === conversation.persona);
  const { sid, said } = conversation;
  const [failed, setFailed] = useState(false);
  const forget = () => {
    setFailed(false);
    void deleteConversation(sid).then(
      () => conversations.dispatch({ type: "forgotten", sid }),
      () => setFailed(true),
    );
  };
  const resume = () => {
    if (persona) settings.dispatch({ persona: persona.id });
    view.dispatch({ panel: null });
    void calls.dial({ sid, earlier: said });
  };
  return (
    <li class="old">
      <button type="button" class="old-open" disabled={busy} onClick={resume}>
        {persona && <img src={persona.avatar} alt="" width="40" height="48" />}
        <span class="old-text">
          <span class="old-last" dir="auto">
            {said.at(-1)?.text ?? ""}
          </span>
          <span class="old-when">
            {dayAndTime(conversation.updatedAt, language)} · {texts.lines(said.length)}
          </span>
        </span>
        <span class="old-go">{texts.resume}</span>
      </button>
      <button type="button" class="small" aria-label={texts.forget} onClick={forget}>
        <Icon name="trash" />
      </button>
      <span class="old-failed" role="status">
        {failed && texts.notForgotten}
      </span>
    </li>
  );
}
