/**
 * What was changed on the machine outside the data directory, written down before it is changed, so that `reset` can put
 * it back even after a crash in between.
 */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { readJsonFile, writeFileAtomic } from "./files.ts";
import type { Paths } from "./paths.ts";

interface MachineChanges {
  /** Sysctl -> value before. */
  sysctls: Record<string, string>;
  /** Files and directories that did not exist before. */
  paths: string[];
  links: string[];
  nftTables: string[];
  /** Chains that the shared table `ip nat` had before; absent until that was read. */
  natChains?: string[];
  cgroups: string[];
  /** Distribution packages installed; they stay. */
  packages: string[];
}

const empty = (): MachineChanges => ({ sysctls: {}, paths: [], links: [], nftTables: [], cgroups: [], packages: [] });

export const journalFile = (paths: Paths): string => join(paths.run, "machine.json");

export class Journal {
  readonly #file: string;
  readonly #record: MachineChanges;
  constructor(file: string) {
    this.#file = file;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    this.#record = { ...empty(), ...readJsonFile<Partial<MachineChanges>>(file) };
  }

  get record(): Readonly<MachineChanges> {
    return this.#record;
  }

  /** Remembers the first value only: later ones are our own. */
  sysctl(name: string, before: string): void {
    if (name in this.#record.sysctls) return;
    this.#record.sysctls[name] = before;
    this.#save();
  }

  natChains(before: string[]): void {
    this.#record.natChains = before;
    this.#save();
  }

  /** Remembers a thing of ours, once. */
  add(list: "paths" | "links" | "nftTables" | "cgroups" | "packages", item: string): void {
    if (this.#record[list].includes(item)) return;
    this.#record[list].push(item);
    this.#save();
  }

  #save(): void {
    writeFileAtomic(this.#file, `${JSON.stringify(this.#record, null, 2)}\n`, 0o600);
  }
}
