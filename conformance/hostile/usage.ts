/** What a process has used: processor time of all its threads, and memory. Of Linux's /proc. */
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

export interface Used {
  /** Processor time, ms; the system counts hundredths of a second. */
  ms: number;
  /** MB of resident memory at the peak beyond what was resident before. */
  mb: number;
}

export class Usage {
  readonly #pid: number;
  constructor(pid: number) {
    this.#pid = pid;
  }
  ms(): number {
    const fields = readFileSync(`/proc/${this.#pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }
  #kb(which: "VmRSS" | "VmHWM"): number {
    return Number(new RegExp(`${which}:\\s+(\\d+)`).exec(readFileSync(`/proc/${this.#pid}/status`, "utf8"))?.[1]);
  }
  /** Until the process does nothing more, however much earlier `act` is done; at most ten seconds longer. */
  async of(act: () => Promise<void>): Promise<Used> {
    writeFileSync(`/proc/${this.#pid}/clear_refs`, "5");
    const [ms, kb] = [this.ms(), this.#kb("VmRSS")];
    await act();
    for (let quiet = 0, looks = 0, last = this.ms(); quiet < 3 && looks < 200; looks++) {
      await pause(50);
      const now = this.ms();
      // Ten milliseconds in fifty are what it takes to be asked and to tick.
      quiet = now - last <= 10 ? quiet + 1 : 0;
      last = now;
    }
    return { ms: this.ms() - ms, mb: Math.max(0, this.#kb("VmHWM") - kb) / 1024 };
  }
}
