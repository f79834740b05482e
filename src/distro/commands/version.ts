import { readFileSync } from "node:fs";
import type { Command } from "commander";

export function registerVersion(program: Command): void {
  program
    .command("version")
    .description("print the versions of k8ts, of the Kubernetes API it serves and of Node")
    .option("-o, --output <format>", "json")
    .action((options: { output?: string }) => {
      const versions = { k8ts: ownVersion(), kubernetes: "v1.36.3", node: process.version };
      process.stdout.write(
        options.output === "json" ? `${JSON.stringify(versions)}\n` : `k8ts ${versions.k8ts} (Kubernetes ${versions.kubernetes}, Node ${versions.node})\n`,
      );
    });
}

/** The package.json beside src/ or dist/. */
function ownVersion(): string {
  for (let directory = import.meta.dirname; directory !== "/"; directory = `${directory}/..`) {
    try {
      return (JSON.parse(readFileSync(`${directory}/package.json`, "utf8")) as { version: string }).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return "unknown";
}
