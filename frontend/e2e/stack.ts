/** The real servers as child processes: call server, page, and the vendors' emulator, on free ports. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const START_MS = 180_000; // models have to be loaded where the engine is on-device
const STOP_MS = 15_000;
const QUIET_MS = 30_000;

/**
 * The machine of a test may be as slow as it likes: that is no reason to refuse a call. A page that is closed without a
 * word, as happens to one that is closed while its line opens, is waited for more briefly than the next test waits.
 */
const BASE = {
  EMULATOR_ENGINE: "scripted",
  MAX_LOOP_LAG_MS: "0",
  MAX_LOOP_LOAD: "0",
  DATABASE_URL: "memory:",
  RESUME_SECONDS: "5",
};

export interface Ports {
  call: number;
  web: number;
  emulator: number;
}

export class Stack {
  private process: ChildProcess | null = null;
  private output = "";

  private constructor(
    readonly ports: Ports,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  static async start(env: Readonly<Record<string, string>> = {}): Promise<Stack> {
    const [call, web, emulator] = await freePorts(3);
    const stack = new Stack({ call, web, emulator } as Ports, { ...BASE, ...env });
    await stack.run();
    return stack;
  }

  /** The page's address; localhost, because only that is a secure origin without a certificate. */
  get url(): string {
    return `http://localhost:${this.ports.web}/`;
  }

  async run(): Promise<void> {
    const { call, web, emulator } = this.ports;
    const ports = { CALL_PORT: `${call}`, WEB_PORT: `${web}`, EMULATOR_PORT: `${emulator}` };
    const child = spawn(python(), ["-m", "backend.handler"], {
      cwd: ROOT,
      env: { ...process.env, ...ports, ...filled(this.env, this.ports), PYTHONUNBUFFERED: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const listen = (data: Buffer) => {
      this.output += data.toString();
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    this.process = child;
    await this.ready(child);
  }

  /** End it as a person would; it ends what it started. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.process;
    this.process = null;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    const impatience = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await gone;
    clearTimeout(impatience);
  }

  /** Tell the scripted emulator what will happen from now on. */
  async script(script: object): Promise<void> {
    const answer = await fetch(`http://127.0.0.1:${this.ports.emulator}/admin/script`, {
      method: "PUT",
      body: JSON.stringify(script),
    });
    if (!answer.ok) throw new Error(`the emulator refused the script: ${await answer.text()}`);
  }

  /** Wait until no call is left, and no sound of one on its way to the emulator: it would use up a later test's lines. */
  async quiet(): Promise<void> {
    if (!this.process) return;
    const deadline = Date.now() + QUIET_MS;
    for (let before = -1; ; ) {
      const { calls } = (await json(`${this.url}healthz`)) as { calls: number };
      const heard = await this.heardMs();
      if (calls === 0 && heard === before) return;
      if (Date.now() > deadline) throw new Error(`a call does not end:\n${this.output}`);
      before = heard;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** How much sound the emulator's recognition has been sent. */
  private async heardMs(): Promise<number> {
    const stats = await json(`http://127.0.0.1:${this.ports.emulator}/admin/stats`);
    const { requests } = (stats as { asr: { requests: { audio_ms: number }[] } }).asr;
    return requests.reduce((sum, { audio_ms }) => sum + audio_ms, 0);
  }

  private async ready(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + START_MS;
    while (Date.now() < deadline) {
      if (child.exitCode !== null) throw new Error(`the server ended at once:\n${this.output}`);
      if (await answers(`${this.url}healthz`)) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error(`the server did not start:\n${this.output}`);
  }
}

/** The project's own interpreter, where it has one. */
export function python(): string {
  const own = `${ROOT}.venv/bin/python`;
  return process.env.PYTHON ?? (existsSync(own) ? own : "python3");
}

/** With `{web}` and `{emulator}` as the ports that they stand for. */
function filled(env: Readonly<Record<string, string>>, { web, emulator }: Ports): Record<string, string> {
  const fill = (value: string) => value.replace("{web}", `${web}`).replace("{emulator}", `${emulator}`);
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fill(value)]));
}

async function json(address: string): Promise<unknown> {
  return (await fetch(address)).json();
}

async function answers(address: string): Promise<boolean> {
  try {
    return (await fetch(address)).ok;
  } catch {
    return false;
  }
}

/** Each worker takes its ports from a hundred of its own, below those that systems give to clients: nobody is in between. */
const PORTS_OF_A_WORKER = 100;
const WORKERS = 120;
const WORKER = (process.ppid * 8 + Number(process.env.VITEST_POOL_ID ?? 0)) % WORKERS;
const FIRST_PORT = 20_000 + PORTS_OF_A_WORKER * WORKER;
let taken = 0;

async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = FIRST_PORT + (taken++ % PORTS_OF_A_WORKER);
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
