/** HTTP requests with a connection of their own each. */
import { request } from "node:http";

/** Body of the answer; rejects for anything but 200. Milliseconds. */
export function get(url: string, limit = 5000): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent: false, timeout: limit }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      answer.on("end", () => (answer.statusCode === 200 ? resolve(body) : reject(Object.assign(new Error(body), { code: `HTTP ${answer.statusCode}` }))));
      answer.on("error", reject);
    });
    sent.on("timeout", () => sent.destroy(Object.assign(new Error(`no answer within ${limit} ms`), { code: "ETIMEDOUT" })));
    sent.on("error", reject);
    sent.end();
  });
}

export interface Failure {
  /** Milliseconds since the load began. */
  at: number;
  kind: string;
}

/** Asks the addresses in turn, one new connection a request, until it is disposed of. */
export class Load implements AsyncDisposable {
  sent = 0;
  readonly failures: Failure[] = [];
  readonly started = process.hrtime.bigint();
  #stopped = false;
  readonly #workers: Promise<void>[];
  constructor(urls: string[], workers: number, pause = 0) {
    this.#workers = Array.from({ length: workers }, async (_, worker) => {
      for (let n = worker; !this.#stopped; n++) {
        await this.#ask(urls[n % urls.length] as string);
        if (pause) await new Promise((done) => setTimeout(done, pause));
      }
    });
  }
  now(): number {
    return Number((process.hrtime.bigint() - this.started) / 1_000_000n);
  }
  async #ask(url: string): Promise<void> {
    const at = this.now();
    this.sent++;
    try {
      await get(url);
    } catch (error) {
      this.failures.push({ at, kind: `${(error as NodeJS.ErrnoException).code ?? (error as Error).message} at ${new URL(url).host}` });
    }
  }
  /** Failures by kind, with when the first and the last began. */
  summary(): string {
    const kinds = Map.groupBy(this.failures, (failure) => failure.kind);
    return [...kinds].map(([kind, all]) => `${all.length} x ${kind} between ${all[0]?.at} and ${all.at(-1)?.at} ms`).join("; ");
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#workers);
  }
}
