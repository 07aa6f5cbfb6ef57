/** The call screen: who is on the line, how the call stands, what is said, what one can do. */

import { useEffect, useState } from "preact/hooks";
import type { Failure, Phase } from "../call/state";
import { useStore } from "../shell/store";
import { Captions } from "./captions";
import { useCall, usePage, usePersona, usePhase, useWords } from "./context";
import { Controls } from "./controls";
import { Face } from "./face";
import { Icon, type IconName } from "./icon";
import { clock } from "./time";
import { TokenForm } from "./token";
import { Wave } from "./wave";

export function Stage() {
  const page = usePage();
  const phase = usePhase();
  const persona = usePersona();
  const { texts } = useWords();
  const captions = useStore(page.settings, (settings) => settings.captions);
  const talking =
    phase === "listening" || phase === "thinking" || phase === "speaking" || phase === "reconnecting";
  return (
    <main class="stage">
      <div class="room" aria-hidden="true">
        <span class="sun" />
      </div>
      <TopBar />
      <div class="who">
        <h1 lang={persona?.language}>{persona?.name ?? " "}</h1>
        <Status />
      </div>
      <div class="figure">
        <span class="halo" aria-hidden="true" />
        <span class="rings" aria-hidden="true">
          <i />
          <i />
          <i />
        </span>
        {persona && <Face avatar={persona.avatar} name={persona.name} />}
        <Badge />
        {phase === "speaking" && (
          <button type="button" class="hush" onClick={() => page.calls.interrupt()}>
            <Icon name="stop" />
            {texts.stopSpeaking}
          </button>
        )}
      </div>
      <div class="lower">
        {talking && captions && <Captions language={persona?.language ?? ""} />}
        <Trouble />
        {(phase === "home" || phase === "ended") && <Card />}
        {talking && <Wave />}
        <Controls />
        <StandIn />
      </div>
    </main>
  );
}

function TopBar() {
  const { view } = usePage();
  const { texts } = useWords();
  const { wide, panel, developer } = useStore(view, (state) => state);
  return (
    <header class="top">
      {wide ? (
        <span />
      ) : (
        <button
          type="button"
          class="small"
          aria-label={texts.conversation}
          onClick={() => view.dispatch({ panel: "talk" })}
        >
          <Icon name="chat" />
        </button>
      )}
      <span class="top-right">
        <button
          type="button"
          class="small only-wide"
          aria-label={texts.developer}
          aria-pressed={developer}
          onClick={() => view.dispatch({ developer: !developer })}
        >
          <Icon name="code" />
        </button>
        <button
          type="button"
          class="small"
          aria-label={texts.settings}
          aria-expanded={panel === "settings"}
          onClick={() => view.dispatch({ panel: "settings" })}
        >
          <Icon name="gear" />
        </button>
      </span>
    </header>
  );
}

const ICONS: Readonly<Record<Phase, IconName | null>> = {
  home: null,
  connecting: "phone",
  listening: "ear",
  thinking: "dots",
  speaking: "volume",
  reconnecting: "line-lost",
  ended: "moon",
};

function Status() {
  const phase = usePhase();
  const { texts, language } = useWords();
  const persona = usePersona();
  const muted = useCall((state) => state.muted);
  const micless = useCall((state) => state.micless);
  const attempt = useCall((state) => state.attempt);
  const startedAt = useCall((state) => state.startedAt);
  if (phase === "ended" && startedAt === null) return <p class="mood" />;
  if (phase === "home") return <p class="mood">{persona?.tagline[language] ?? persona?.tagline.en ?? ""}</p>;
  const quiet = phase === "listening" && (muted || micless);
  const icon = quiet ? (micless ? "keyboard" : "mic-off") : ICONS[phase];
  const words = quiet
    ? micless
      ? texts.typing
      : texts.muted
    : phase === "reconnecting"
      ? texts.attempt(attempt)
      : texts[phase];
  return (
    <div class="status">
      <span class="pill" role="status">
        {icon && <Icon name={icon} />}
        {words}
      </span>
      <Timer />
    </div>
  );
}

function Timer() {
  const startedAt = useCall((state) => state.startedAt);
  const endedAt = useCall((state) => state.endedAt);
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  if (startedAt === null) return null;
  const time = clock((endedAt ?? Math.max(now, startedAt)) - startedAt);
  return (
    <span class="timer" role="timer">
      {time}
    </span>
  );
}

/** One glance says what is different: thinking, muted, the line lost. */
function Badge() {
  const phase = usePhase();
  const muted = useCall((state) => state.muted);
  const begun = useCall((state) => state.begun);
  if (phase === "thinking")
    return (
      <span class="badge thought" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
    );
  if (phase === "reconnecting") return <Glyph kind="lost" icon="line-lost" />;
  if (phase === "ended") return begun && <Glyph kind="asleep" icon="moon" />;
  return muted && phase !== "home" ? <Glyph kind="mute" icon="mic-off" /> : null;
}

function Glyph({ kind, icon }: { kind: string; icon: IconName }) {
  return (
    <span class={`badge ${kind}`} aria-hidden="true">
      <Icon name={icon} />
    </span>
  );
}

/** What went wrong in a call that goes on. */
function Trouble() {
  const notice = useCall((state) => state.notice);
  const { texts } = useWords();
  return (
    <div class="notice-place" role="status">
      {notice && <p class={`notice ${notice.what}`}>{texts.notices[notice.what]}</p>}
    </div>
  );
}

/** Before a call, an invitation; after one, how it went or why it did not. */
function Card() {
  const phase = usePhase();
  const { texts } = useWords();
  const failure = useCall((state) => state.failure);
  const startedAt = useCall((state) => state.startedAt);
  const endedAt = useCall((state) => state.endedAt);
  const unreachable = useStore(usePage().world, (world) => world.unreachable);
  if (failure) return <FailureCard failure={failure} />;
  if (unreachable) return <FailureCard failure="server-down" />;
  if (phase === "home" || startedAt === null || endedAt === null) return null;
  return <p class="farewell">{texts.lasted(clock(endedAt - startedAt))}</p>;
}

function FailureCard({ failure }: { failure: Failure }) {
  const { view } = usePage();
  const { texts } = useWords();
  const [title, advice] = texts.failures[failure] as [string, string];
  return (
    <section class="failure" role="alert">
      <span class="failure-icon">
        <Icon
          name={
            failure.startsWith("microphone") ? "mic-off" : failure === "network-lost" ? "line-lost" : "alert"
          }
        />
      </span>
      <h2>{title}</h2>
      <p>{advice}</p>
      {failure === "token-refused" && <TokenForm />}
      {failure === "page-outdated" && (
        <button type="button" class="link" onClick={() => window.location.reload()}>
          {texts.loadAgain}
        </button>
      )}
      {(failure === "server-down" || failure === "not-allowed") && (
        <button type="button" class="link" onClick={() => view.dispatch({ panel: "settings" })}>
          {texts.openSettings}
        </button>
      )}
    </section>
  );
}

function StandIn() {
  const { texts } = useWords();
  const standIn = useStore(usePage().world, (world) => world.config?.offlineStandIn ?? false);
  return standIn ? <p class="stand-in">{texts.offline}</p> : null;
}
