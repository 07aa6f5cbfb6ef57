import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Each file has servers and a browser of its own, and mostly waits for sound to be played: one more than cores. */
const AT_A_TIME = Math.min(4, availableParallelism() + 1);

/** On a machine that stalls for seconds sound comes late, and a turn ends elsewhere: once more, and the report says so. */
const RETRIES = process.env.CI ? 1 : 0;

const timeouts = { testTimeout: 180_000, hookTimeout: 240_000, retry: RETRIES };
/** With the models, which want the machine for themselves. */
const MODELS = "e2e/ondevice.e2e.ts";

export default defineConfig({
  test: {
    maxWorkers: AT_A_TIME,
    reporters: ["verbose"],
    projects: [
      {
        test: {
          ...timeouts,
          name: "scripted",
          include: ["e2e/**/*.e2e.ts"],
          exclude: [MODELS],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: { ...timeouts, name: "models", include: [MODELS], maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
