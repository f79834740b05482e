/** Credentials of registries as docker and its like keep them: ~/.docker/config.json, with credential helpers. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export interface Credentials {
  username: string;
  password: string;
  /** An OAuth2 refresh token, instead of a password. */
  identityToken?: string;
}

interface Entry {
  auth?: string;
  username?: string;
  password?: string;
  identitytoken?: string;
}
interface DockerConfig {
  auths?: Record<string, Entry>;
  credsStore?: string;
  credHelpers?: Record<string, string>;
}

/** `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`. */
export const dockerConfigFile = (): string => join(process.env.DOCKER_CONFIG ?? join(homedir(), ".docker"), "config.json");

const bare = (registry: string): string =>
  registry
    .replace(/^https?:\/\//, "")
    .replace(/\/.*$/, "")
    .replace(/^(index\.|registry-1\.)?docker\.io$/, "docker.io");

function readConfig(file: string): DockerConfig {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
  try {
    return JSON.parse(text) as DockerConfig;
  } catch (error) {
    throw new Error(`${file} is not JSON (${(error as Error).message}): repair it, or log in again`);
  }
}

function fromEntry(entry: Entry): Credentials | undefined {
  const [user = "", ...rest] = entry.auth ? Buffer.from(entry.auth, "base64").toString("utf8").replace(/\0+$/, "").split(":") : [];
  const found = {
    username: entry.username || user,
    password: entry.password || rest.join(":"),
    ...(entry.identitytoken ? { identityToken: entry.identitytoken } : {}),
  };
  return found.username || found.identityToken ? found : undefined;
}

/** Undefined: go without. `registry` is a host with its port, `docker.io` for Docker's. Rejects with one sentence. */
export async function credentialsOf(registry: string, file: string = dockerConfigFile()): Promise<Credentials | undefined> {
  const config = readConfig(file);
  const entry = Object.entries(config.auths ?? {}).find(([name]) => bare(name) === bare(registry));
  const plain = entry && fromEntry(entry[1]);
  if (plain) return plain;
  const helper = Object.entries(config.credHelpers ?? {}).find(([name]) => bare(name) === bare(registry))?.[1] ?? config.credsStore;
  return helper ? fromHelper(helper, entry?.[0] ?? (registry === "docker.io" ? "https://index.docker.io/v1/" : registry)) : undefined;
}

/** The protocol of docker-credential-helpers: the server's name in, JSON out. */
async function fromHelper(helper: string, server: string): Promise<Credentials | undefined> {
  const program = `docker-credential-${helper}`;
  const child = spawn(program, ["get"], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<number>((resolve, reject) => {
    child.on("error", (error) => reject(new Error(`the credential helper ${program} does not run: ${error.message}`)));
    child.on("close", (code) => resolve(code ?? 1));
  });
  child.stdin.on("error", () => undefined);
  child.stdin.end(server);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  if ((await ended) !== 0) {
    if (/credentials not found/.test(output)) return undefined;
    throw new Error(`the credential helper ${program} failed for ${server}: ${output.trim()}`);
  }
  const { Username = "", Secret = "" } = JSON.parse(output) as { Username?: string; Secret?: string };
  return Username === "<token>" ? { username: "", password: "", identityToken: Secret } : { username: Username, password: Secret };
}
