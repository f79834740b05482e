/** What a person sees while something longer than a second goes on: a line a step, with its time. */
import type { Clock } from "../base/clock.ts";

export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
}

export class Progress {
  readonly #out: Output;
  readonly #clock: Clock;
  readonly #color: boolean;
  constructor(out: Output, clock: Clock, color = out.isTTY === true && !process.env.NO_COLOR) {
    this.#out = out;
    this.#clock = clock;
    this.#color = color;
  }

  /** Runs one step; `note` replaces the text shown beside its name. Failures are rethrown after the line is closed. */
  async step<T>(name: string, work: (note: (text: string) => void) => Promise<T> | T): Promise<T> {
    const started = this.#clock.monotonic();
    let detail = "";
    const live = this.#out.isTTY === true;
    if (live) this.#out.write(`  ${name} ...`);
    const close = (mark: string): void => {
      const seconds = ((this.#clock.monotonic() - started) / 1000).toFixed(2);
      this.#out.write(`${live ? "\r\x1b[K" : ""}${mark} ${name.padEnd(14)} ${`${seconds} s`.padStart(8)}${detail ? `  ${detail}` : ""}\n`);
    };
    try {
      const result = await work((text) => {
        detail = text;
        if (live) this.#out.write(`\r\x1b[K  ${name} ... ${text}`);
      });
      close(this.#paint("32", "✓"));
      return result;
    } catch (error) {
      close(this.#paint("31", "✗"));
      throw error;
    }
  }

  line(text: string): void {
    this.#out.write(`${text}\n`);
  }

  #paint(code: string, text: string): string {
    return this.#color ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
}
