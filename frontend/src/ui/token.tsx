/** Asks for the access token where the server has refused the call. */

import { useState } from "preact/hooks";
import { useCall, usePage, useWords } from "./context";

export function TokenForm() {
  const { settings, calls, conversations } = usePage();
  const sid = useCall((state) => state.sid);
  const { texts } = useWords();
  const [draft, setDraft] = useState("");
  const use = (event: Event) => {
    event.preventDefault();
    if (draft.trim() === "") return;
    settings.dispatch({ token: draft.trim() });
    const earlier = conversations.get().find((each) => each.sid === sid)?.said ?? [];
    void calls.dial(sid ? { sid, earlier } : {});
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
