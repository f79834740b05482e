import { existsSync, readFileSync } from "node:fs";
import type { Command } from "commander";
import { kubeconfigPath, pathsOf } from "../paths.ts";
import { UsageError, withDataDir } from "./options.ts";

export function registerKubeconfig(program: Command): void {
  withDataDir(program.command("kubeconfig"))
    .description("print the administrator's kubeconfig")
    .addHelpText("after", "\nExample:\n  k8ts kubeconfig > ~/.kube/config\n")
    .action((options: { dataDir: string }) => {
      process.stdout.write(readFileSync(adminKubeconfig(options.dataDir), "utf8"));
    });
}

/** Its path; throws a UsageError that says what to do where there is no cluster. */
export function adminKubeconfig(dataDir: string): string {
  const file = kubeconfigPath(pathsOf(dataDir), "admin");
  if (!existsSync(file)) throw new UsageError(`no cluster in ${dataDir}: start one with \`k8ts up\`, or name its place with --data-dir`);
  return file;
}
