/** What is being said: the caller's words as they are understood, the friend's as they are heard. */

import { useRef } from "preact/hooks";
import { type CallState, currentTurn, litWords, type Sentence, split, type Turn } from "../call/state";
import { useCall, useWords } from "./context";

export function Captions({ language }: { language: string }) {
  const partial = useCall((state) => state.partial);
  const turn = useCall(latest);
  const { texts } = useWords();
  const caller = partial || turn?.heard || "";
  return (
    // The transcript is what screen readers follow: it has whole sentences.
    <div class="captions" aria-hidden="true">
      {caller !== "" && (
        <p class={partial ? "caption-caller unsure" : "caption-caller"}>
          <span class="caption-who">{texts.you}</span>
          <span dir="auto">{caller}</span>
        </p>
      )}
      {turn && !(partial && turn.over) && <Reply turn={turn} language={language} />}
    </div>
  );
}

function latest(state: CallState): Turn | null {
  return state.line === "open" ? currentTurn(state) : null;
}

/** The sentence that is being heard, and the one after it. */
function Reply({ turn, language }: { turn: Turn; language: string }) {
  const heard = turn.sentences.findLastIndex((each) => each.startMs < turn.playedMs);
  const at = turn.over && !turn.cut ? turn.sentences.length - 1 : Math.max(0, heard);
  return (
    <p class="caption-friend" dir="auto" lang={language}>
      {turn.sentences.slice(at, turn.over ? at + 1 : at + 2).map((sentence, i) => (
        <Words key={`${turn.id}.${at + i}`} sentence={sentence} turn={turn} />
      ))}
    </p>
  );
}

function Words({ sentence, turn }: { sentence: Sentence; turn: Turn }) {
  const words = split(sentence.text);
  // How long a sentence will sound is a guess until it is whole: a word that was lit stays so.
  const most = useRef(0);
  most.current = Math.max(most.current, litWords(sentence, words, turn));
  const lit = most.current;
  return (
    <span class={turn.cut ? "words cut" : "words"}>
      {words.map((word, i) => (
        <span key={i} class={i < lit ? "word lit" : "word"}>
          {word}
        </span>
      ))}
      {/[\x21-\x7e]$/.test(sentence.text) && " "}
    </span>
  );
}
