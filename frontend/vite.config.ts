import { defineConfig } from "vite";

/** The page is served from the root of its own origin, under a policy that allows nothing inline. */
export default defineConfig({
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  worker: { format: "es" },
});
