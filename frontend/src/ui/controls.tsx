/** The round buttons, and what some of them open. */

import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { DialOptions } from "../shell/calls";
import { useStore } from "../shell/store";
import { again, canCarryOn } from "./again";
import { useCall, usePage, usePersona, usePhase, useWords } from "./context";
import { Icon, type IconName } from "./icon";

export function Controls() {
  const phase = usePhase();
  const inCall = phase !== "home" && phase !== "ended";
  const place = useRef<HTMLDivElement>(null);
  useKeptFocus(place, inCall);
  return (
    <div class="control-place" ref={place}>
      {inCall ? <During /> : <Begin />}
    </div>
  );
}

/** The button that was pressed is gone with its row: who uses the keyboard goes on in the row that came. */
function useKeptFocus(place: RefObject<HTMLElement | null>, row: boolean): void {
  const before = useRef(row);
  useLayoutEffect(() => {
    if (before.current === row) return;
    before.current = row;
    if (document.activeElement === document.body)
      place.current?.querySelector<HTMLElement>("button:enabled")?.focus();
  }, [place, row]);
}

function Begin() {
  const { calls, conversations } = usePage();
  const { texts } = useWords();
  const ended = usePhase() === "ended";
  const failure = useCall((state) => state.failure);
  const carryOn = useCall(canCarryOn);
  const noMicrophone = failure?.startsWith("microphone") || failure === "insecure";
  const dial = (how: DialOptions = {}) =>
    void calls.dial({ ...again(calls.store.get(), conversations.get()), ...how });
  return (
    <div class="controls begin">
      {ended && <Round icon="close" label={texts.back} onPress={() => calls.leave()} kind="quiet" />}
      <Round
        icon="phone"
        label={ended ? (carryOn ? texts.resume : texts.callAgain) : texts.call}
        onPress={() => dial()}
        kind="go"
      />
      {noMicrophone && (
        <Round
          icon="keyboard"
          label={texts.typeInstead}
          onPress={() => dial({ micless: true })}
          kind="quiet"
        />
      )}
    </div>
  );
}

function During() {
  const { calls, view, settings } = usePage();
  const { texts } = useWords();
  const muted = useCall((state) => state.muted);
  const micless = useCall((state) => state.micless);
  const { keyboard, volume } = useStore(view, (state) => state);
  const { captions, volume: loud } = useStore(settings, (state) => state);
  return (
    <div class="during">
      {volume && <Volume />}
      {(keyboard || micless) && <Typing />}
      <div class="controls">
        <Round
          icon={muted || micless ? "mic-off" : "mic"}
          label={muted ? texts.unmute : texts.mute}
          on={muted}
          disabled={micless}
          onPress={() => calls.mute(!muted)}
          kind={muted ? "alarm" : "glass"}
        />
        <Round
          icon="keyboard"
          label={texts.keyboard}
          on={keyboard || micless}
          onPress={() => view.dispatch({ keyboard: !keyboard })}
        />
        <Round icon="hangup" label={texts.hangUp} onPress={() => calls.hangUp()} kind="stop" />
        <Round
          icon="captions"
          label={texts.captions}
          on={captions}
          onPress={() => settings.dispatch({ captions: !captions })}
        />
        <Round
          icon={loud === 0 ? "volume-off" : "volume"}
          label={texts.volume}
          on={volume}
          onPress={() => view.dispatch({ volume: !volume })}
        />
      </div>
    </div>
  );
}

interface RoundProps {
  icon: IconName;
  label: string;
  onPress: () => void;
  kind?: "glass" | "go" | "stop" | "alarm" | "quiet";
  on?: boolean;
  disabled?: boolean;
}

function Round({ icon, label, onPress, kind = "glass", on, disabled = false }: RoundProps) {
  return (
    <button type="button" class={`round ${kind}`} onClick={onPress} aria-pressed={on} disabled={disabled}>
      <span class="disc">
        <Icon name={icon} />
      </span>
      <span class="round-label">{label}</span>
    </button>
  );
}

function Volume() {
  const { settings } = usePage();
  const { texts } = useWords();
  const volume = useStore(settings, (state) => state.volume);
  return (
    <label class="volume">
      <Icon name="volume" />
      <span class="unseen">{texts.volume}</span>
      <input
        type="range"
        min="0"
        max="1"
        step="0.05"
        value={volume}
        onInput={(event) => settings.dispatch({ volume: Number(event.currentTarget.value) })}
      />
    </label>
  );
}

function Typing() {
  const { calls } = usePage();
  const { texts } = useWords();
  const persona = usePersona();
  const [text, setText] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const send = (event: Event) => {
    event.preventDefault();
    calls.type(text);
    setText("");
    field.current?.focus();
  };
  const hint = texts.typeHere(persona?.name ?? "");
  return (
    <form class="typing" onSubmit={send}>
      <input
        ref={field}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        placeholder={hint}
        aria-label={hint}
        enterkeyhint="send"
        autocomplete="off"
        maxLength={2000}
      />
      <button type="submit" class="send" aria-label={texts.send} disabled={text.trim() === ""}>
        <Icon name="send" />
      </button>
    </form>
  );
}
