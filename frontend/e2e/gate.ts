/** Holds back in the page what the server says, so that a state of the call lasts as long as a test needs it. */

import type { Page } from "playwright-core";

interface Gate {
  /** The event up to which messages pass; "" is none of them, "*" all. */
  upTo: string;
  pass(): void;
}

/** From the page's next call on, nothing of the server's is heard until it is let `through`. */
export async function shut(page: Page): Promise<void> {
  await page.evaluate(() => {
    const held: { text: string; deliver: () => void }[] = [];
    const gate: Gate = {
      upTo: "",
      pass() {
        while (held.length > 0 && gate.upTo !== "") {
          const next = held.shift();
          next?.deliver();
          if (next?.text.includes(`"${gate.upTo}"`)) gate.upTo = "";
        }
      },
    };
    const Real = window.WebSocket;
    window.WebSocket = class extends Real {
      override set onmessage(listener: ((event: MessageEvent) => void) | null) {
        super.onmessage = (event: MessageEvent) => {
          const text = new TextDecoder("latin1").decode(event.data);
          held.push({ text, deliver: () => listener?.call(this, event) });
          gate.pass();
        };
      }
    };
    Object.assign(window, { gate });
  });
}

/** Let messages pass, up to and with the first that is `event`. */
export async function through(page: Page, event: string): Promise<void> {
  await page.evaluate((event) => {
    const { gate } = window as unknown as { gate: Gate };
    gate.upTo = event;
    gate.pass();
  }, event);
}

/** Let everything pass from now on. */
export function away(page: Page): Promise<void> {
  return through(page, "*");
}
