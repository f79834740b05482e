/** A registry as the person at the terminal means it: where it is, whom it trusts, who we are to it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseImageName } from "../../api/core/image-name.ts";
import type { Clock } from "../../base/clock.ts";
import { type Credentials, credentialsOf } from "./docker-config.ts";
import { registryUser } from "../registry/server.ts";
import { configuredCredentials, endpointOf, readRegistries, trustOf } from "./registries.ts";
import { RegistryClient } from "./registry-client.ts";

export interface RemoteName {
  host: string;
  repository: string;
  /** Tag, or digest where there is one. */
  reference: string;
  tag: string;
  full: string;
}

/** Throws one sentence for what is no image name. */
export function remoteName(text: string): RemoteName {
  const name = parseImageName(text);
  if (!name) throw new Error(`${JSON.stringify(text)} is no image name: lower case, such as registry.example/app:1`);
  const slash = name.repository.indexOf("/");
  const [host, repository] = [name.repository.slice(0, slash), name.repository.slice(slash + 1)];
  const tag = name.tag || "latest";
  return { host, repository, reference: name.digest || tag, tag, full: name.digest ? `${name.repository}@${name.digest}` : `${name.repository}:${tag}` };
}

/** `<data directory>/registries.yaml` */
export const registriesFile = (dataDir: string): string => join(dataDir, "registries.yaml");
export const registryPasswordFile = (dataDir: string): string => join(dataDir, "registry-password");

/** From registries.yaml, else from docker's configuration; for a registry of this machine, its own. */
export async function credentialsFor(dataDir: string, host: string): Promise<Credentials | undefined> {
  const configured = configuredCredentials(readRegistries(registriesFile(dataDir)), host) ?? (await credentialsOf(host));
  if (configured || !/^(localhost|127\.0\.0\.1):\d+$/.test(host)) return configured;
  try {
    return { username: registryUser, password: readFileSync(registryPasswordFile(dataDir), "utf8").trim() };
  } catch (error) {
    if (["ENOENT", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

export async function registryClient(dataDir: string, { host, repository }: RemoteName, clock: Clock): Promise<RegistryClient> {
  const trust = trustOf(readRegistries(registriesFile(dataDir)), host);
  return new RegistryClient({ endpoint: endpointOf(host), repository, credentials: await credentialsFor(dataDir, host), trust, clock });
}
