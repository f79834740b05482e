/** Static pods from a URL that is asked again and again (upstream's pkg/kubelet/config/http.go). */
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { decodePods } from "./decode.ts";

export interface UrlSourceOptions {
  url: string;
  header: Readonly<Record<string, readonly string[]>>;
  nodeName: string;
  /** Milliseconds between two requests. */
  interval: number;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
  /** Everything that is there now; not called while the answer stays the same, or cannot be used. */
  onPods(pods: readonly Pod[]): void;
}

const maxBytes = 10 << 20;
/** Milliseconds. */
const timeout = 10_000;
/** Failures in a row that are told. */
const told = 4;

export class UrlSource {
  readonly #options: UrlSourceOptions;
  #data: Buffer | undefined;
  #failures = 0;
  constructor(options: UrlSourceOptions) {
    this.#options = options;
  }
  /** Goes on until the signal. */
  start(): void {
    void this.#run();
  }
  async #run(): Promise<void> {
    const { clock, signal, interval, logger, url } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#ask();
        if (this.#failures) logger.info("read static pods from a URL again", { url });
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (this.#failures++ < told) logger.warn("could not read static pods from a URL", { url, error });
      }
      await clock.sleep(interval, signal).catch(() => undefined);
    }
  }
  async #ask(): Promise<void> {
    const { url, header, clock, signal, nodeName, onPods } = this.#options;
    const limit = new AbortController();
    const timer = clock.after(timeout, () => limit.abort(new Error("no answer within 10 s")));
    try {
      const headers = new Headers(Object.entries(header).flatMap(([name, values]) => values.map((value): [string, string] => [name, value])));
      const response = await fetch(url, { headers, signal: AbortSignal.any([signal, limit.signal]) });
      const data = await readAtMost(response);
      if (response.status !== 200) throw new Error(`${url}: ${response.status} ${response.statusText}`);
      if (!data.length) {
        onPods([]);
        throw new Error(`zero-length data received from ${url}`);
      }
      if (this.#data?.equals(data)) return;
      this.#data = data;
      onPods(decodePods(data, { source: "http", name: url, nodeName }, true));
    } finally {
      timer.cancel();
    }
  }
}

async function readAtMost(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
