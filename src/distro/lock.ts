/** One command at a time on a data directory: `up`, `down` and `reset` must not meet half-way. */
import { linkSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identify, isAlive } from "../linux/process.ts";
import { UsageError } from "./commands/options.ts";
import { readIdentity } from "./files.ts";
import type { Paths } from "./paths.ts";

/** Held until disposed of, or until this process ends however it ends. Throws UsageError while another process has it. */
export function lockCluster(paths: Paths, command: string): Disposable {
  mkdirSync(paths.run, { recursive: true, mode: 0o711 });
  const file = join(paths.run, "command.lock");
  const own = `${file}.${process.pid}`;
  writeFileSync(own, JSON.stringify(identify(process.pid)), { mode: 0o600 });
  try {
    for (;;) {
      try {
        linkSync(own, file);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        const holder = readIdentity(file);
        if (holder && isAlive(holder))
          throw new UsageError(`${command}: another k8ts command is at work on ${paths.data} (pid ${holder.pid}): wait until it has ended`);
        rmSync(file, { force: true });
      }
    }
  } finally {
    rmSync(own, { force: true });
  }
  return { [Symbol.dispose]: () => rmSync(file, { force: true }) };
}
