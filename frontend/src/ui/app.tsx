/** The page: the stage, the conversation beside or over it, and what slides in. */

import { useEffect, useLayoutEffect, useMemo } from "preact/hooks";
import { languageOf, textsOf } from "../i18n";
import { useStore } from "../shell/store";
import {
  type Page,
  PageContext,
  useCall,
  usePage,
  usePersona,
  usePhase,
  useWords,
  WordsContext,
} from "./context";
import { Developer } from "./developer";
import { SettingsPanel } from "./settings/panel";
import { Sheet } from "./sheet";
import { useShortcuts } from "./shortcuts";
import { Stage } from "./stage";
import { Talk } from "./talk";

export function App({ page }: { page: Page }) {
  const choice = useStore(page.settings, (settings) => settings.language);
  const words = useMemo(() => {
    const language = languageOf(choice, navigator.languages);
    return { language, texts: textsOf(language) };
  }, [choice]);
  useLayoutEffect(() => {
    document.documentElement.lang = words.language === "zh" ? "zh-CN" : "en";
  }, [words]);
  return (
    <PageContext.Provider value={page}>
      <WordsContext.Provider value={words}>
        <Layout />
      </WordsContext.Provider>
    </PageContext.Provider>
  );
}

function Layout() {
  const { view } = usePage();
  const { texts } = useWords();
  const { panel, developer, wide } = useStore(view, (state) => state);
  const phase = usePhase();
  const muted = useCall((state) => state.muted || state.micless);
  useShortcuts();
  useTitle();
  const close = () => view.dispatch({ panel: null });
  return (
    <div class="app" data-phase={phase} data-muted={muted} data-developer={developer}>
      <Stage />
      {wide && (
        <aside class="beside" aria-label={texts.conversation}>
          <h2>{texts.conversation}</h2>
          <Talk />
        </aside>
      )}
      {!wide && panel === "talk" && (
        <Sheet title={texts.conversation} kind="from-below" onClose={close}>
          <Talk />
        </Sheet>
      )}
      {panel === "settings" && (
        <Sheet title={texts.settings} kind="from-side" onClose={close}>
          <SettingsPanel />
        </Sheet>
      )}
      {developer && <Developer />}
    </div>
  );
}

function useTitle(): void {
  const persona = usePersona();
  const name = persona?.name ?? "";
  useEffect(() => {
    if (name) document.title = name;
  }, [name]);
}
