/** The node's own credentials, for every pod: docker's configuration files (upstream's pkg/credentialprovider/config.go). */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../base/logger.ts";
import { type DockerConfig, dockerConfigOf, Keyring } from "./keyring.ts";

type Auths = Parameters<typeof dockerConfigOf>[0];

export interface NodeKeyringOptions {
  /** The kubelet's root directory, looked at first. */
  rootDir: string;
  /** The home of the user that it runs as. */
  home: string;
  logger: Logger;
}

async function jsonFile(path: string, logger: Logger): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") logger.warn("credentials of the node could not be read", { path, error });
    return undefined;
  }
}

/** The first file that is there and readable; the newer form before the older. */
async function nodeDockerConfig({ rootDir, home, logger }: NodeKeyringOptions): Promise<DockerConfig> {
  for (const directory of [rootDir, join(home, ".docker"), "/.docker"]) {
    const found = (await jsonFile(join(directory, "config.json"), logger)) as { auths?: Auths } | undefined;
    if (found) return dockerConfigOf(found.auths ?? {});
  }
  for (const directory of [rootDir, home, "/"]) {
    const found = (await jsonFile(join(directory, ".dockercfg"), logger)) as Auths | undefined;
    if (found) return dockerConfigOf(found);
  }
  return {};
}

/** Read anew each time: what was written a moment ago counts. */
export async function nodeKeyring(options: NodeKeyringOptions): Promise<Keyring> {
  const keyring = new Keyring();
  keyring.add(await nodeDockerConfig(options));
  return keyring;
}
