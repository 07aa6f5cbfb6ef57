import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

/** Tell the service worker which files make the page, and give their sum a name. */
function precache(): Plugin {
  return {
    name: "precache",
    apply: "build",
    generateBundle(_options, bundle) {
      const worker = bundle["sw.js"];
      if (worker?.type !== "chunk") return this.error("no service worker was built");
      const built = Object.keys(bundle).filter((file) => file.startsWith("assets/"));
      const icons = readdirSync("public/icons").map((file) => `icons/${file}`);
      const files = ["/", ...[...built, ...icons, "manifest.webmanifest"].sort().map((file) => `/${file}`)];
      const name = createHash("sha256").update(files.join()).digest("hex").slice(0, 12);
      worker.code = `const PRECACHE=${JSON.stringify({ name: `page-${name}`, files })};${worker.code}`;
    },
  };
}

/** The page is served from the root of its own origin, under a policy that allows nothing inline. */
export default defineConfig({
  plugins: [precache()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: "index.html", sw: "src/sw.ts" },
      output: { entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
  },
  worker: { format: "es" },
});
