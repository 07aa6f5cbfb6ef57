/** Why the browser gave no microphone or no sound, in our words. */

import { PageOutdated } from "../audio/loading";
import type { Failure } from "../call/state";

export function refusal(error: unknown): Failure {
  if (typeof window !== "undefined" && !window.isSecureContext) return "insecure";
  if (error instanceof PageOutdated) return "page-outdated";
  const name = error instanceof DOMException ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return "microphone-denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "microphone-missing";
    case "NotReadableError":
    case "AbortError":
      return "microphone-busy";
    default:
      return "unsupported";
  }
}
