import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { defaultRegistryPort, port, withDataDir } from "./options.ts";

export function registerRegistry(program: Command): void {
  withDataDir(program.command("registry"))
    .description("a registry for images on 127.0.0.1 in the foreground, to the OCI distribution specification")
    .option("--port <port>", "where it listens", port, defaultRegistryPort)
    .addHelpText(
      "after",
      "\n`k8ts up --registry` runs the same beside a node, which asks it first. To push takes the user k8ts and the password in the\nfile registry-password of the data directory; k8ts image push knows it.\n\nExamples:\n  k8ts registry --port 5001 --data-dir /tmp/registry\n  docker login -u k8ts --password-stdin localhost:5001 < /tmp/registry/registry-password\n",
    )
    .action(async (options: { dataDir: string; port: number }) => {
      const { foreground, untilStopped } = await import("../foreground.ts");
      const { startRegistry } = await import("../node-registries.ts");
      const { pathsOf } = await import("../paths.ts");
      const { logger, signal } = foreground("registry");
      const paths = pathsOf(resolve(options.dataDir));
      mkdirSync(paths.data, { recursive: true, mode: 0o711 });
      await using registry = await startRegistry(paths, options.port, logger);
      logger.info("the registry listens", { address: `127.0.0.1:${registry.port}`, directory: paths.registry });
      await untilStopped(signal);
    });
}
