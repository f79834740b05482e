/**
 * Credentials from a program (KEP-2133, KEP-4412; credentialprovider.kubelet.k8s.io): asked with a CredentialProviderRequest on
 * its standard input, its answer kept for as long as it says, for the image, the registry or everything.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, statSync } from "node:fs";
import { join } from "node:path";
import type { Pod, ServiceAccount } from "../../api/types/core-v1.gen.ts";
import { parseDuration } from "../../api/time.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { addressMatches, type DockerConfig, Keyring, type PullCredential, type SecretSource } from "./keyring.ts";
import type { CredentialProvider } from "./provider-config.ts";

export interface CredentialProvidersOptions {
  providers: readonly CredentialProvider[];
  binDir: string;
  clock: Clock;
  logger: Logger;
  serviceAccount(namespace: string, name: string): Promise<ServiceAccount>;
  /** A token of the pod's service account for the audience, bound to the pod. */
  token(pod: Pod, audience: string): Promise<string>;
}

interface Answer {
  cacheKeyType: "Image" | "Registry" | "Global";
  /** Milliseconds; undefined for the provider's default. */
  cacheDuration?: number;
  config: DockerConfig;
}
/** What the program is told of the pod's service account. */
interface Account {
  source: SecretSource;
  token: string;
  annotations: Record<string, string>;
}

/** Milliseconds that a program may take. */
const patience = 60_000;
const longestAnswer = 1024 * 1024;

/** Throws when a program is not there: the kubelet does not start without what it was told to ask. */
export function assertProgramsExist(providers: readonly CredentialProvider[], binDir: string): void {
  if (!statSync(binDir, { throwIfNoEntry: false })?.isDirectory()) throw new Error(`plugin binary directory ${binDir} did not exist`);
  for (const { name } of providers) {
    try {
      accessSync(join(binDir, name), constants.X_OK);
    } catch {
      throw new Error(`plugin binary executable ${join(binDir, name)} did not exist`);
    }
  }
}

export class CredentialProviders {
  readonly #options: CredentialProvidersOptions;
  readonly #cache = new Map<string, { config: DockerConfig; until: number }>();
  readonly #asking = new Map<string, Promise<Answer>>();
  constructor(options: CredentialProvidersOptions) {
    this.#options = options;
  }
  /** Of all providers that are for the image, in their order. A program that fails gives none. */
  async lookup(repository: string, pod: Pod): Promise<PullCredential[]> {
    const found = await Promise.all(this.#options.providers.map((provider) => this.#one(provider, repository, pod)));
    return found.flat();
  }
  async #one(provider: CredentialProvider, repository: string, pod: Pod): Promise<PullCredential[]> {
    if (!provider.matchImages.some((glob) => addressMatches(glob, repository))) return [];
    try {
      const account = await this.#account(provider, pod);
      if (account === "not for this pod") return [];
      const config = await this.#provide(provider, repository, account);
      const keyring = new Keyring();
      keyring.add(config, account && { serviceAccount: account.source });
      return keyring.lookup(repository);
    } catch (error) {
      this.#options.logger.error("Failed to provide credentials for image", { provider: provider.name, image: repository, error });
      return [];
    }
  }
  async #account({ tokenAttributes }: CredentialProvider, pod: Pod): Promise<Account | undefined | "not for this pod"> {
    if (!tokenAttributes) return undefined;
    const { namespace = "" } = pod.metadata;
    const name = pod.spec.serviceAccountName ?? "";
    if (!name) return tokenAttributes.requireServiceAccount ? "not for this pod" : undefined;
    const { metadata } = await this.#options.serviceAccount(namespace, name);
    const annotations: Record<string, string> = {};
    for (const key of [...tokenAttributes.requiredServiceAccountAnnotationKeys, ...tokenAttributes.optionalServiceAccountAnnotationKeys]) {
      const value = metadata.annotations?.[key];
      if (value !== undefined) annotations[key] = value;
      else if (tokenAttributes.requiredServiceAccountAnnotationKeys.includes(key)) return "not for this pod";
    }
    const token = await this.#options.token(pod, tokenAttributes.serviceAccountTokenAudience);
    return { source: { uid: metadata.uid, namespace, name }, token, annotations };
  }
  async #provide(provider: CredentialProvider, image: string, account: Account | undefined): Promise<DockerConfig> {
    const { clock } = this.#options;
    const registry = image.split("/")[0] as string;
    const sorted = account && Object.entries(account.annotations).sort();
    const tokenHash = account && createHash("sha256").update(account.token).digest("hex");
    const whose = account ? [account.source, sorted, ...(provider.tokenAttributes?.cacheType === "Token" ? [tokenHash] : [])] : [];
    const keyOf = (covered: string): string => JSON.stringify([provider.name, covered, whose]);
    for (const covered of [image, registry, "<global>"]) {
      const held = this.#cache.get(keyOf(covered));
      if (held && held.until > clock.monotonic()) return held.config;
    }
    const { config, cacheKeyType, cacheDuration = provider.defaultCacheDuration } = await this.#ask(provider, image, account);
    if (account && provider.tokenAttributes?.cacheType !== "Token" && Object.values(config).some((auth) => auth.password === account.token))
      throw new Error(
        "credential provider plugin returned the service account token as the password which is not allowed when service account cache type is not set to 'Token'",
      );
    for (const [key, { until }] of this.#cache) if (until <= clock.monotonic()) this.#cache.delete(key);
    const covered = { Image: image, Registry: registry, Global: "<global>" }[cacheKeyType];
    if (cacheDuration > 0) this.#cache.set(keyOf(covered), { config, until: clock.monotonic() + cacheDuration });
    return config;
  }
  /** Many pods with the same image wait for one program. */
  #ask(provider: CredentialProvider, image: string, account: Account | undefined): Promise<Answer> {
    const key = JSON.stringify([provider.name, image, account?.token, account?.annotations]);
    const asking = this.#asking.get(key) ?? this.#exec(provider, image, account).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asking);
    return asking;
  }
  async #exec({ name, args, env, apiVersion }: CredentialProvider, image: string, account: Account | undefined): Promise<Answer> {
    const request = {
      kind: "CredentialProviderRequest",
      apiVersion,
      image,
      ...(account ? { serviceAccountToken: account.token, serviceAccountAnnotations: account.annotations } : {}),
    };
    const failed = (why: string, stderr = ""): Error =>
      new Error(
        `failed to get credential from external registry credential provider: error execing credential provider plugin ${name} for image ${image}: ${why}: ${stderr}`,
      );
    const child = spawn(join(this.#options.binDir, name), args, {
      env: { ...process.env, ...Object.fromEntries(env.map((one) => [one.name, one.value])) },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (stdout.length > longestAnswer) child.kill("SIGKILL");
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-4096);
    });
    // A program that reads nothing closes the pipe; its answer tells more.
    child.stdin.on("error", () => undefined);
    child.stdin.end(JSON.stringify(request));
    let late = false;
    const timer = this.#options.clock.after(patience, () => {
      late = true;
      child.kill("SIGKILL");
    });
    try {
      const status = await new Promise<number | null>((resolve, reject) => {
        child.on("error", (error) => reject(failed(error.message)));
        child.on("close", resolve);
      });
      if (late) throw failed("context deadline exceeded", stderr);
      if (status !== 0) throw failed(status === null ? "signal: killed" : `exit status ${status}`, stderr);
    } finally {
      timer.cancel();
    }
    return answerOf(stdout, apiVersion);
  }
}

function answerOf(text: string, apiVersion: string): Answer {
  const value = JSON.parse(text) as {
    kind?: string;
    apiVersion?: string;
    cacheKeyType?: string;
    cacheDuration?: string;
    auth?: Record<string, { username?: string; password?: string }>;
  };
  if (value.kind !== "CredentialProviderResponse")
    throw new Error(`failed to decode CredentialProviderResponse, unexpected Kind: ${JSON.stringify(value.kind ?? "")}`);
  if (value.apiVersion !== apiVersion)
    throw new Error(`apiVersion from credential plugin response did not match expected apiVersion:${apiVersion}, actual apiVersion:${value.apiVersion}`);
  const { cacheKeyType = "" } = value;
  if (cacheKeyType !== "Image" && cacheKeyType !== "Registry" && cacheKeyType !== "Global")
    throw new Error(`credential provider plugin did not return a valid cacheKeyType: ${cacheKeyType}`);
  const config: DockerConfig = Object.create(null);
  for (const [registry, { username = "", password = "" }] of Object.entries(value.auth ?? {})) config[registry] = { username, password };
  return { cacheKeyType, config, ...(value.cacheDuration === undefined ? {} : { cacheDuration: parseDuration(value.cacheDuration) }) };
}
