/** The developer drawer: every frame, decoded, and where each turn's time went. */

import { useEffect, useRef, useState } from "preact/hooks";
import { wireOf } from "../call/state";
import { type Waterfall, waterfall } from "../call/waterfall";
import type { LogLine } from "../shell/log";
import { useStore } from "../shell/store";
import { useCall, usePage, useWords } from "./context";
import { Icon } from "./icon";

export function Developer() {
  const { view } = usePage();
  const { texts } = useWords();
  const [tab, setTab] = useState<"events" | "latency">("events");
  return (
    <section class="developer" aria-label={texts.developer}>
      <header class="developer-head">
        <div class="tabs" role="tablist" aria-label={texts.developer}>
          {(["events", "latency"] as const).map((name) => (
            <button
              key={name}
              type="button"
              role="tab"
              aria-selected={tab === name}
              onClick={() => setTab(name)}
            >
              {texts[name]}
            </button>
          ))}
        </div>
        <Buffer />
        <button
          type="button"
          class="small"
          aria-label={texts.close}
          onClick={() => view.dispatch({ developer: false })}
        >
          <Icon name="close" />
        </button>
      </header>
      {tab === "events" ? <Events /> : <Latency />}
    </section>
  );
}

/** The jitter buffer as it is now. */
function Buffer() {
  const { calls } = usePage();
  const { texts } = useWords();
  const [, redraw] = useState({});
  useEffect(() => {
    const timer = setInterval(() => redraw({}), 250);
    return () => clearInterval(timer);
  }, []);
  const { played } = calls.levels;
  if (!played) return <span />;
  const { targetMs, bufferedMs, underruns } = played;
  return <span class="jitter">{texts.jitter(Math.round(targetMs), Math.round(bufferedMs), underruns)}</span>;
}

function Events() {
  const { log } = usePage();
  const { texts } = useWords();
  const live = useStore(log, (lines) => lines);
  const [held, setHeld] = useState<readonly LogLine[] | null>(null);
  const [filter, setFilter] = useState("");
  const end = useRef<HTMLDivElement>(null);
  const wanted = filter.trim().toLowerCase();
  const lines = (held ?? live).filter((line) => `${line.name} ${line.detail}`.toLowerCase().includes(wanted));
  const last = lines.at(-1)?.id;
  useEffect(() => end.current?.scrollIntoView({ block: "nearest" }), [last]);
  return (
    <>
      <div class="log-tools">
        <input
          type="search"
          value={filter}
          placeholder={texts.filter}
          aria-label={texts.filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        <button
          type="button"
          class="tool"
          aria-pressed={held !== null}
          onClick={() => setHeld(held ? null : live)}
        >
          <Icon name={held ? "play" : "pause"} />
          {held ? texts.goOn : texts.pause}
        </button>
        <button type="button" class="tool" onClick={() => log.dispatch("clear")}>
          <Icon name="trash" />
          {texts.clear}
        </button>
      </div>
      <section class="log" tabIndex={0} aria-label={texts.events}>
        {lines.length === 0 && <p class="more">{texts.noEvents}</p>}
        {lines.map((line) => (
          <Line key={line.id} line={line} />
        ))}
        <div ref={end} />
      </section>
    </>
  );
}

const ARROWS = { up: "↑", down: "↓", page: "·" } as const;

function Line({ line }: { line: LogLine }) {
  return (
    <div class={`log-line ${line.way}`}>
      <span class="log-at">{(line.at / 1000).toFixed(3)}</span>
      <span class="log-way">{ARROWS[line.way]}</span>
      <span class="log-turn">{line.turn === null ? "" : `#${line.turn}`}</span>
      <span class="log-name">
        {line.name}
        {line.frames > 1 && ` ×${line.frames}`}
      </span>
      <span class="log-bytes">{line.bytes > 0 ? `${line.bytes} B` : ""}</span>
      <span class="log-detail">{line.detail}</span>
    </div>
  );
}

function Latency() {
  const { texts } = useWords();
  const state = useCall((all) => all);
  const turns = state.turns
    .map((turn) => ({ turn, chart: waterfall(turn) }))
    .filter((each): each is { turn: typeof each.turn; chart: Waterfall } => each.chart !== null)
    .slice(-8)
    .reverse();
  const most = Math.max(400, ...turns.map(({ chart }) => chart.totalMs));
  return (
    <section class="latency" tabIndex={0} aria-label={texts.latency}>
      {turns.length === 0 && <p class="more">{texts.noTurns}</p>}
      {turns.map(({ turn, chart }) => (
        <Chart key={turn.id} number={wireOf(state, turn.id) ?? turn.id} chart={chart} most={most} />
      ))}
    </section>
  );
}

function Chart({ number, chart, most }: { number: number; chart: Waterfall; most: number }) {
  const { texts } = useWords();
  const share = (ms: number) => `${((100 * ms) / most).toFixed(2)}%`;
  return (
    <figure class="chart">
      <figcaption>
        <b>{texts.turn(number)}</b>
        <span>{chart.measured ? `${texts.total} ${Math.round(chart.totalMs)} ms` : texts.unmeasured}</span>
      </figcaption>
      {chart.bars.map(({ stage, fromMs, toMs }) => (
        <div key={stage} class="bar-row">
          <span class="bar-name">{texts.stages[stage]}</span>
          <span class="bar-track">
            <span class={`bar ${stage}`} style={{ left: share(fromMs), width: share(toMs - fromMs) }} />
          </span>
          <span class="bar-ms">{Math.round(toMs - fromMs)} ms</span>
        </div>
      ))}
    </figure>
  );
}
