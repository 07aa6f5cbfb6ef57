/** Asks for the access token where the server has refused the call. */

import { useState } from "preact/hooks";
import { again } from "./again";
import { usePage, useWords } from "./context";

export function TokenForm() {
  const { settings, calls, conversations } = usePage();
  const { texts } = useWords();
  const [draft, setDraft] = useState("");
  const use = (event: Event) => {
    event.preventDefault();
    if (draft.trim() === "") return;
    settings.dispatch({ token: draft.trim() });
    void calls.dial(again(calls.store.get(), conversations.get()));
  };
  return (
    <form class="token-form" onSubmit={use}>
      <input
        type="password"
        aria-label={texts.yourToken}
        placeholder={texts.yourToken}
        autocomplete="off"
        value={draft}
        onInput={(event) => setDraft(event.currentTarget.value)}
      />
      <button type="submit" class="link">
        {texts.callAgain}
      </button>
    </form>
  );
}
