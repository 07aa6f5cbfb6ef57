import { defineConfig } from "vitest/config";

/** One file after another: each has servers and a browser of its own, and machines may be small. */
export default defineConfig({
  test: {
    include: ["e2e/**/*.e2e.ts"],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 240_000,
    reporters: ["verbose"],
  },
});
