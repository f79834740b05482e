/** What the node is told of registries: registries.yaml of the data directory becomes containerd's and the kubelet's own files. */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { systemRandom } from "../base/random.ts";
import { readFile } from "node:fs/promises";
import { writeFileAtomic } from "./files.ts";
import { dockerConfigOf, hostsFiles, readRegistries } from "./images/registries.ts";
import { registriesFile, registryPasswordFile } from "./images/remote.ts";
import type { Paths } from "./paths.ts";
import { Registry } from "./registry/server.ts";

/** Throws one sentence for a mistake in registries.yaml. containerd reads the files anew with each pull. */
export function writeRegistryFiles(paths: Paths, registryPort: number | undefined): void {
  const registries = readRegistries(registriesFile(paths.data));
  const directory = join(paths.containerd, "hosts");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const files = hostsFiles(registries, registryPort === undefined ? undefined : new URL(`http://127.0.0.1:${registryPort}`));
  for (const old of readdirSync(directory)) if (!files.has(old)) rmSync(join(directory, old), { recursive: true });
  for (const [host, content] of files) {
    mkdirSync(join(directory, host), { recursive: true, mode: 0o700 });
    writeFileAtomic(join(directory, host, "hosts.toml"), content, 0o600);
  }
  mkdirSync(paths.kubelet, { recursive: true, mode: 0o750 });
  writeFileAtomic(join(paths.kubelet, "config.json"), `${JSON.stringify(dockerConfigOf(registries))}\n`, 0o600);
}

/** The registry of a data directory. Its password is made once and kept in a file that only its owner reads. */
export async function startRegistry(paths: Paths, port: number, logger: Logger): Promise<Registry> {
  const file = registryPasswordFile(paths.data);
  const kept = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return undefined;
  });
  const password = kept?.trim() || Buffer.from(systemRandom.bytes(24)).toString("base64url");
  if (!kept) writeFileAtomic(file, `${password}\n`, 0o600);
  return Registry.start({ directory: paths.registry, port, password, clock: systemClock, random: systemRandom, logger });
}
