/** The server that is asked: a process of `k8ts apiserver` with a directory, a port and a token of its own. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { Agent, request as send } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Finding } from "./target.ts";

const idleSeconds = 60;
const token = "fuzz-token-of-the-administrator";

const free = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

export class Server {
  readonly #home = mkdtempSync(join(tmpdir(), "k8ts-fuzz-requests-"));
  #child: ChildProcess | undefined;
  #port = 0;
  #errors = "";
  #agent = new Agent({ keepAlive: true, rejectUnauthorized: false, maxSockets: 4 });

  async start(): Promise<void> {
    this.#port = await free();
    writeFileSync(join(this.#home, "tokens"), `${token},admin,admin,system:masters\n`);
    execFileSync("openssl", ["ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", join(this.#home, "key")], { stdio: "ignore" });
    const flags = [
      `--data-dir=${join(this.#home, "data")}`,
      `--secure-port=${this.#port}`,
      "--bind-address=127.0.0.1",
      `--token-auth-file=${join(this.#home, "tokens")}`,
      "--service-account-issuer=https://fuzz",
      `--service-account-signing-key-file=${join(this.#home, "key")}`,
      `--service-account-key-file=${join(this.#home, "key")}`,
      "--feature-gates=CBORServingAndStorage=true",
    ];
    this.#child = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", join(import.meta.dirname, "../../src/distro/main.ts"), "apiserver", ...flags],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-8000);
    });
    for (let tries = 0; tries < 300; tries++) {
      const answer = await this.ask("GET", "/readyz", {}, new Uint8Array()).catch(() => undefined);
      if (answer?.status === 200) return;
      await new Promise((done) => setTimeout(done, 200));
    }
    throw new Error(`the server does not begin: ${this.#errors}`);
  }
  get running(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }
  get words(): string {
    return `${this.#child?.exitCode ?? this.#child?.signalCode}: ${this.#errors.slice(-3000)}`;
  }
  #stat(): string[] {
    return readFileSync(`/proc/${this.#child?.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  }
  /** Hundredths of a second of processor time. */
  ticks(): number {
    const fields = this.#stat();
    return Number(fields[11]) + Number(fields[12]);
  }
  /** Calls back when the server has done nothing for a minute, and had nothing to do: a busy machine lets who works wait for long. */
  #whenIdle(giveUp: () => void): NodeJS.Timeout {
    let [before, seconds] = [-1, 0];
    const timer = setInterval(() => {
      if (!this.running) return;
      const now = this.ticks();
      seconds = now === before && this.#stat()[0] === "S" ? seconds + 1 : 0;
      before = now;
      if (seconds > idleSeconds) giveUp();
    }, 1000);
    return timer;
  }
  /** KB. */
  memory(which: "VmRSS" | "VmHWM"): number {
    return Number(new RegExp(`${which}:\\s+(\\d+)`).exec(readFileSync(`/proc/${this.#child?.pid}/status`, "utf8"))?.[1]);
  }
  forgetPeak(): void {
    writeFileSync(`/proc/${this.#child?.pid}/clear_refs`, "5");
  }
  ask(method: string, path: string, headers: Record<string, string>, body: Uint8Array): Promise<{ status: number; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const sent = send(
        {
          host: "127.0.0.1",
          port: this.#port,
          agent: this.#agent,
          method,
          path,
          headers: { authorization: `Bearer ${token}`, "content-length": body.length, ...headers },
        },
        (answer: IncomingMessage) => {
          const chunks: Buffer[] = [];
          const limit = setTimeout(() => answer.destroy(), 5000);
          answer.on("data", (chunk: Buffer) => chunks.push(chunk));
          answer.on("error", () => {});
          answer.on("close", () => {
            clearTimeout(limit);
            resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) });
          });
        },
      );
      const limit = this.#whenIdle(() => sent.destroy(new Finding(`no answer, and nothing done for ${idleSeconds} s`)));
      sent.on("close", () => clearInterval(limit));
      sent.on("upgrade", (_, socket) => {
        socket.destroy();
        resolve({ status: 101, body: Buffer.alloc(0) });
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }
  stop(): void {
    this.#child?.kill("SIGKILL");
    rmSync(this.#home, { recursive: true, force: true });
  }
}
