/** A sheet over the page: from below on a phone, from the side on a desk. The browser keeps the focus in it. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useWords } from "./context";
import { Icon } from "./icon";

interface SheetProps {
  title: string;
  kind: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Sheet({ title, kind, onClose, children }: SheetProps) {
  const { texts } = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const pressedBeside = useRef(false); // a selection dragged out of a field ends beside the sheet, too
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      class={`sheet ${kind}`}
      aria-label={title}
      onClose={onClose}
      onPointerDown={(event) => {
        pressedBeside.current = event.target === dialog.current;
      }}
      onClick={(event) => {
        if (pressedBeside.current && event.target === dialog.current) dialog.current?.close();
      }}
    >
      <div class="sheet-inside">
        <header class="sheet-head">
          <h2>{title}</h2>
          <button
            type="button"
            class="small"
            aria-label={texts.close}
            onClick={() => dialog.current?.close()}
          >
            <Icon name="close" />
          </button>
        </header>
        <div class="sheet-body">{children}</div>
      </div>
    </dialog>
  );
}
