/** `npm run e2e`: the browser tests, where there is a browser. Further arguments go to vitest. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";
const home = fileURLToPath(new URL("..", import.meta.url));

if (!existsSync(chromium)) {
  console.log(`SKIPPED: the browser tests need Chromium, and there is none at ${chromium}.`);
  console.log("Install it (Debian: apt-get install chromium) or say where it is with CHROMIUM=PATH.");
  process.exit(process.env.CI === "true" ? 1 : 0);
}

const vitest = `${home}node_modules/vitest/vitest.mjs`;
const args = [vitest, "run", "--config", "vitest.e2e.config.ts", ...process.argv.slice(2)];
const child = spawn(process.execPath, args, { cwd: home, stdio: "inherit" });
child.on("exit", (code) => process.exit(code ?? 1));
