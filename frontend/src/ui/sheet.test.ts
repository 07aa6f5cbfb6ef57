// @vitest-environment happy-dom
import { h, render } from "preact";
import { act } from "preact/test-utils";
import { expect, it } from "vitest";
import { textsOf } from "../i18n";
import { DEFAULTS } from "../shell/settings";
import { createRecord } from "../shell/store";
import { type Page, PageContext, WordsContext } from "./context";
import { ServerGroup } from "./settings/server";
import { Sheet } from "./sheet";

const WORDS = { language: "en" as const, texts: textsOf("en") };

function drawn() {
  const settings = createRecord(DEFAULTS);
  const world = createRecord({ config: null, personas: [], voices: {}, unreachable: false });
  let closed = 0;
  const onClose = () => {
    closed++;
  };
  const sheet = h(Sheet, { title: "Settings", kind: "from-side", onClose, children: h(ServerGroup, {}) });
  const page = { settings, world } as unknown as Page;
  const inWords = h(WordsContext.Provider, { value: WORDS, children: sheet });
  const root = document.createElement("div");
  document.body.replaceChildren(root);
  act(() => render(h(PageContext.Provider, { value: page, children: inWords }), root));
  const dialog = root.querySelector("dialog") as HTMLDialogElement;
  return { dialog, settings, closes: () => closed };
}

/** What a mouse does that goes down on one element and up over another. */
function drag(from: Element, to: Element): void {
  from.dispatchEvent(new Event("pointerdown", { bubbles: true }));
  to.dispatchEvent(new MouseEvent("click", { bubbles: true }));
}

it("is closed by a press beside it, but not by a selection that is dragged out of a field", () => {
  const { dialog, closes } = drawn();
  const field = dialog.querySelector("input") as HTMLInputElement;
  drag(field, dialog);
  drag(field, field);
  expect(closes()).toBe(0);
  drag(dialog, dialog);
  expect(closes()).toBe(1);
});

it("takes a token without the spaces that were pasted with it", () => {
  const { dialog, settings } = drawn();
  const field = dialog.querySelector("input[type=password]") as HTMLInputElement;
  field.value = " abc.def \n";
  act(() => void field.dispatchEvent(new Event("input", { bubbles: true })));
  expect(settings.get().token).toBe("abc.def");
});
