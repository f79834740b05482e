import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { UsageError, withDataDir } from "./options.ts";
import { pathsOf } from "../paths.ts";

export function registerStatus(program: Command): void {
  withDataDir(program.command("status"))
    .description("what runs, whether it is healthy, and which kinds nothing acts on yet")
    .option("-o, --output <format>", "json")
    .action(async ({ dataDir, output }: { dataDir: string; output?: string }) => {
      if (!existsSync(join(pathsOf(dataDir).data, "settings.json"))) throw new UsageError(`no cluster in ${dataDir}: start one with \`k8ts up\``);
      const { readStatus, formatStatus } = await import("../status.ts");
      const status = await readStatus(dataDir);
      process.stdout.write(output === "json" ? `${JSON.stringify(status, null, 2)}\n` : formatStatus(status));
      if (!status.healthy) process.exitCode = 1;
    });
}
