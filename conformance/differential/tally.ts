/** How often two servers agreed, and what differed where they did not. */
import { differences } from "./exchange.ts";

export interface TallyOptions {
  write(line: string): void;
  verbose: boolean;
  /** What no two servers share made alike. */
  common(value: unknown, side: "peer" | "ours"): unknown;
}

export class Tally {
  readonly #options: TallyOptions;
  #passed = 0;
  #failed = 0;

  constructor(options: TallyOptions) {
    this.#options = options;
  }
  report(name: string, sides: readonly unknown[]): void {
    const { write, verbose, common } = this.#options;
    const [peer, ours] = [common(sides[0], "peer"), common(sides[1], "ours")];
    const found = differences(peer, ours);
    if (verbose) write(`     ${name}: ${JSON.stringify(peer).slice(0, 1500)}`);
    if (found.length) {
      this.#failed++;
      write(`FAIL ${name}\n${found.map((line) => `     ${line.slice(0, 1500)}`).join("\n")}`);
    } else this.#passed++;
  }
  /** Says the counts and what the process comes to. */
  end(): void {
    this.#options.write(`PASS ${this.#passed} FAIL ${this.#failed}`);
    process.exitCode = this.#failed ? 1 : 0;
  }
}
