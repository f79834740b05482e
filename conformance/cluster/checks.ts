/** Checks that go on after a failure, a line each, and one result line at the end. */
import { stripVTControlCharacters } from "node:util";

export class Failed extends Error {
  override name = "Failed";
}

/** Throws Failed when `condition` does not hold. */
export function expect(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Failed(message);
}

/** `text` has all that is looked for; the message shows what there was instead. */
export function expectText(text: string, ...wanted: (string | RegExp)[]): void {
  for (const part of wanted) {
    const found = typeof part === "string" ? text.includes(part) : part.test(text);
    expect(found, `${String(part)} is not in ${JSON.stringify(stripVTControlCharacters(text).trim().slice(0, 700))}`);
  }
}

export class Checks {
  #passed = 0;
  #failed = 0;
  readonly #title: string;
  readonly #started = process.hrtime.bigint();
  readonly #only: RegExp | undefined;
  /** `only` leaves out the checks whose names it does not match. */
  constructor(title: string, only?: string) {
    this.#title = title;
    this.#only = only === undefined ? undefined : new RegExp(only);
  }

  /** What `work` returns is shown beside the name. */
  async check(name: string, work: () => unknown): Promise<boolean> {
    if (this.#only && !this.#only.test(name)) return true;
    const started = process.hrtime.bigint();
    const seconds = (): string => `${(Number((process.hrtime.bigint() - started) / 1_000_000n) / 1000).toFixed(1)} s`;
    try {
      const note = await work();
      this.#passed++;
      process.stdout.write(`ok   ${name} (${seconds()})${typeof note === "string" ? `: ${note}` : ""}\n`);
      return true;
    } catch (error) {
      this.#failed++;
      process.stdout.write(`FAIL ${name} (${seconds()}): ${error instanceof Failed ? error.message : ((error as Error).stack ?? String(error))}\n`);
      return false;
    }
  }

  /** Prints the result line and sets the exit status. */
  finish(): void {
    const seconds = Number((process.hrtime.bigint() - this.#started) / 1_000_000_000n);
    process.stdout.write(`${this.#title}: ${this.#passed} passed, ${this.#failed} failed (${seconds} s)\n`);
    process.exitCode = this.#failed ? 1 : 0;
  }
}
