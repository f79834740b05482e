/**
 * Who may use an image that was pulled with somebody's credentials (KEP-2535; upstream's pkg/kubelet/images/pullmanager): what
 * the kubelet pulled, and with which secret or service account, is written down, so that another pod that names the image
 * has to show credentials of its own although the image is on the node.
 *
 *     image_manager/pulling/sha256-HEX   ImagePullIntent: begun and not ended
 *     image_manager/pulled/sha256-HEX    ImagePulledRecord
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { PullCredential, SecretSource } from "./keyring.ts";
import type { VerificationPolicy } from "./verification-policy.ts";
import { withoutTag } from "./verification-policy.ts";

interface RecordedSecret extends SecretSource {
  credentialHash: string;
}
interface Allowed {
  kubernetesSecrets?: RecordedSecret[];
  kubernetesServiceAccounts?: SecretSource[];
  nodePodsAccessible?: boolean;
}
interface PulledRecord {
  kind: "ImagePulledRecord";
  apiVersion: string;
  lastUpdatedTime: string;
  imageRef: string;
  credentialMapping?: Record<string, Allowed>;
}
interface PullIntent {
  kind: "ImagePullIntent";
  apiVersion: string;
  image: string;
}

const apiVersion = "kubelet.config.k8s.io/v1beta1";
/** Records of one image grow with each secret that turns out to be right; not beyond this by looking alone. */
const recordedWhileMatching = 100;
const same = (a: SecretSource, b: SecretSource): boolean => a.uid === b.uid && a.namespace === b.namespace && a.name === b.name;
const fileName = (key: string): string => `sha256-${createHash("sha256").update(key).digest("hex")}`;
const order = (a: SecretSource, b: SecretSource): number => {
  const [x, y] = [a, b].map((s) => `${s.namespace}\0${s.name}\0${s.uid}`) as [string, string];
  return x < y ? -1 : x > y ? 1 : 0;
};

export interface PullRecordsOptions {
  /** The kubelet's root directory. */
  rootDir: string;
  policy: VerificationPolicy;
  clock: Clock;
  logger: Logger;
}

export class PullRecords {
  readonly #options: PullRecordsOptions;
  /** By the runtime's id of the image. Undefined for a file that is there and could not be read. */
  readonly #pulled = new Map<string, PulledRecord>();
  readonly #damaged = new Set<string>();
  readonly #intents = new Map<string, number>();
  #saves = 0;
  private constructor(options: PullRecordsOptions) {
    this.#options = options;
  }
  /** Reads what an earlier kubelet has written. `images` are those of the runtime. */
  static async open(
    options: PullRecordsOptions,
    images: () => Promise<readonly { id: string; repoTags: string[]; repoDigests: string[] }[]>,
  ): Promise<PullRecords> {
    const records = new PullRecords(options);
    for (const part of ["pulling", "pulled"]) {
      await mkdir(records.#path(part), { recursive: true, mode: 0o700 });
      // Of a kubelet that was killed as it wrote.
      for (const file of await readdir(records.#path(part))) if (file.endsWith(".tmp")) await rm(join(records.#path(part), file));
    }
    for (const { file, value } of await records.#read<PulledRecord>("pulled")) {
      if (typeof value?.imageRef === "string" && file === fileName(value.imageRef)) records.#pulled.set(value.imageRef, value);
      else records.#damaged.add(file);
    }
    const begun = (await records.#read<PullIntent>("pulling")).flatMap(({ value }) => (typeof value?.image === "string" ? [value.image] : []));
    for (const image of begun) records.#intents.set(image, 0);
    // A pull that ended while nobody wrote it down: whoever wants that image has to show credentials.
    if (begun.length)
      for (const { id, repoTags, repoDigests } of await images())
        for (const name of begun.filter((one) => repoTags.includes(one) || repoDigests.includes(one))) {
          await records.#write(id, name, undefined);
          await records.#forgetIntent(name);
        }
    return records;
  }
  #path(part: string, key?: string): string {
    return join(this.#options.rootDir, "image_manager", part, key === undefined ? "" : fileName(key));
  }
  async #read<T>(part: string): Promise<{ file: string; value: T | undefined }[]> {
    const files = (await readdir(this.#path(part))).filter((file) => /^sha256-[0-9a-f]{64}$/.test(file));
    return Promise.all(
      files.map(async (file) => {
        try {
          return { file, value: JSON.parse(await readFile(join(this.#path(part), file), "utf8")) as T };
        } catch (error) {
          this.#options.logger.warn("a record of a pulled image is damaged: its credentials will be asked for again", { file, error });
          return { file, value: undefined };
        }
      }),
    );
  }
  async #save(path: string, value: object): Promise<void> {
    // Two pods may begin to pull the same image at the same time.
    const beside = `${path}.${++this.#saves}.tmp`;
    await writeFile(beside, JSON.stringify(value), { mode: 0o600 });
    await rename(beside, path);
  }

  /** Before a pull. Rejects when it cannot be written: the image would be anybody's after a crash. */
  async begin(image: string): Promise<void> {
    this.#intents.set(image, (this.#intents.get(image) ?? 0) + 1);
    await this.#save(this.#path("pulling", image), { kind: "ImagePullIntent", apiVersion, image } satisfies PullIntent);
  }
  /** After a pull that failed. */
  async failed(image: string): Promise<void> {
    const left = (this.#intents.get(image) ?? 1) - 1;
    if (left > 0) this.#intents.set(image, left);
    else await this.#forgetIntent(image);
  }
  async #forgetIntent(image: string): Promise<void> {
    this.#intents.delete(image);
    await rm(this.#path("pulling", image), { force: true });
  }
  /** After a pull that succeeded with `credential`, or without any. */
  async pulled(image: string, id: string, credential: PullCredential | undefined): Promise<void> {
    const { source } = credential ?? {};
    const allowed: Allowed = !source
      ? { nodePodsAccessible: true }
      : "secret" in source
        ? { kubernetesSecrets: [{ ...source.secret, credentialHash: credential?.hash ?? "" }] }
        : { kubernetesServiceAccounts: [source.serviceAccount] };
    await this.#write(id, image, allowed);
    await this.failed(image);
  }
  async #write(id: string, image: string, allowed: Allowed | undefined): Promise<void> {
    const key = withoutTag(image);
    const old = this.#pulled.get(id);
    const before = old?.credentialMapping?.[key];
    const merged = allowed && mergeAllowed(before, allowed);
    if (old && (merged === undefined || merged === before)) return;
    const credentialMapping = { ...old?.credentialMapping, ...(merged ? { [key]: merged } : {}) };
    const lastUpdatedTime = `${new Date(this.#options.clock.now()).toISOString().slice(0, 19)}Z`;
    const record: PulledRecord = { kind: "ImagePulledRecord", apiVersion, lastUpdatedTime, imageRef: id, credentialMapping };
    this.#pulled.set(id, record);
    this.#damaged.delete(fileName(id));
    await this.#save(this.#path("pulled", id), record);
  }

  /** Whether the image, which is on the node as `id`, has to be pulled again for the pod to prove that it may use it. */
  async mustPull(image: string, id: string, credentials: () => Promise<readonly PullCredential[]>): Promise<boolean> {
    const record = this.#pulled.get(id);
    const known = record !== undefined || this.#damaged.has(fileName(id)) || this.#intents.has(image);
    if (!this.#options.policy(image, known)) return false;
    const allowed = record?.credentialMapping?.[withoutTag(image)];
    if (!allowed) return true;
    if (allowed.nodePodsAccessible) return false;
    const { kubernetesSecrets = [], kubernetesServiceAccounts = [] } = allowed;
    if (!kubernetesSecrets.length && !kubernetesServiceAccounts.length) return true;
    for (const { source, hash } of await credentials()) {
      if (!source) continue;
      if ("serviceAccount" in source) {
        if (kubernetesServiceAccounts.some((one) => same(one, source.serviceAccount))) return false;
        continue;
      }
      const { secret } = source;
      const byHash = kubernetesSecrets.some((one) => one.credentialHash !== "" && one.credentialHash === hash);
      const byName = kubernetesSecrets.some((one) => same(one, secret));
      if (!byHash && !byName) continue;
      if (!(byHash && byName) && kubernetesSecrets.length < recordedWhileMatching)
        await this.#write(id, image, { kubernetesSecrets: [{ ...secret, credentialHash: hash }] }).catch((error) =>
          this.#options.logger.warn("could not write down who may use an image", { image, error }),
        );
      return false;
    }
    return true;
  }
  /** Forgets images that are gone, if nothing was written of them since `until` (milliseconds since the epoch). */
  async prune(ids: ReadonlySet<string>, until: number): Promise<void> {
    for (const [id, { lastUpdatedTime }] of this.#pulled) {
      if (ids.has(id) || Date.parse(lastUpdatedTime) >= until) continue;
      this.#pulled.delete(id);
      await rm(this.#path("pulled", id), { force: true });
    }
  }
}

/** The same object when nothing was added. */
function mergeAllowed(before: Allowed | undefined, added: Allowed): Allowed {
  if (!before) return added;
  if (before.nodePodsAccessible) return before;
  if (added.nodePodsAccessible) return added;
  const secrets = added.kubernetesSecrets ?? [];
  const fresh = secrets.filter((one) => !before.kubernetesSecrets?.some((old) => same(old, one) && old.credentialHash === one.credentialHash));
  const accounts = (added.kubernetesServiceAccounts ?? []).filter((one) => !before.kubernetesServiceAccounts?.some((old) => same(old, one)));
  if (!fresh.length && !accounts.length) return before;
  const kept = (before.kubernetesSecrets ?? []).filter((old) => !fresh.some((one) => same(old, one)));
  return {
    ...before,
    ...(fresh.length ? { kubernetesSecrets: [...kept, ...fresh].sort(order) } : {}),
    ...(accounts.length ? { kubernetesServiceAccounts: [...(before.kubernetesServiceAccounts ?? []), ...accounts].sort(order) } : {}),
  };
}
