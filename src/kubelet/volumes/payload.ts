/** Files of volumes that show API objects: configMap, secret, downwardAPI, projected. Pure but for the lookups passed in. */
import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  ProjectedVolumeSource,
  Secret,
  ServiceAccountTokenProjection,
  Volume,
} from "../../api/types/core-v1.gen.ts";
import { fieldValue, ObjectMissing, type References, type RuntimeFacts, resourceValue } from "../env.ts";
import type { PayloadFile } from "./atomic-writer.ts";

/** A token for the pod's service account, fresh enough to be used. */
export type TokenSource = (pod: Pod, projection: ServiceAccountTokenProjection) => Promise<string>;

export interface PayloadSources {
  references: References;
  facts: RuntimeFacts;
  token: TokenSource;
}

type Files = Map<string, PayloadFile>;
const defaultMode = 0o644;
const bytes = (base64: string): Uint8Array => Buffer.from(base64, "base64");

function pick(
  files: Files,
  data: Map<string, Uint8Array>,
  items: KeyToPath[] | undefined,
  optional: boolean,
  mode: number,
  missing: (key: string) => string,
): void {
  if (!items?.length) {
    for (const [key, value] of data) files.set(key, { data: value, mode });
    return;
  }
  for (const item of items) {
    const value = data.get(item.key);
    if (value !== undefined) files.set(item.path, { data: value, mode: item.mode ?? mode });
    else if (!optional) throw new Error(missing(item.key));
  }
}

const configMapData = (map: ConfigMap): Map<string, Uint8Array> =>
  new Map([
    ...Object.entries(map.data ?? {}).map(([key, value]): [string, Uint8Array] => [key, Buffer.from(value)]),
    ...Object.entries(map.binaryData ?? {}).map(([key, value]): [string, Uint8Array] => [key, bytes(value as unknown as string)]),
  ]);
const secretData = (secret: Secret): Map<string, Uint8Array> =>
  new Map(Object.entries(secret.data ?? {}).map(([key, value]) => [key, bytes(value as unknown as string)]));

async function optionally<T>(optional: boolean, read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (optional && error instanceof ObjectMissing) return undefined;
    throw error;
  }
}

class Builder {
  readonly files: Files = new Map();
  readonly #pod: Pod;
  readonly #sources: PayloadSources;
  constructor(pod: Pod, sources: PayloadSources) {
    this.#pod = pod;
    this.#sources = sources;
  }
  get #namespace(): string {
    return this.#pod.metadata.namespace ?? "";
  }
  async configMap(ref: { name?: string; items?: KeyToPath[]; optional?: boolean }, mode: number): Promise<void> {
    const map = await optionally(ref.optional ?? false, this.#sources.references.configMap(this.#namespace, ref.name ?? ""));
    if (map) pick(this.files, configMapData(map), ref.items, ref.optional ?? false, mode, (key) => `configmap references non-existent config key: ${key}`);
  }
  async secret(name: string, ref: { items?: KeyToPath[]; optional?: boolean }, mode: number): Promise<void> {
    const secret = await optionally(ref.optional ?? false, this.#sources.references.secret(this.#namespace, name));
    if (secret) pick(this.files, secretData(secret), ref.items, ref.optional ?? false, mode, (key) => `references non-existent secret key: ${key}`);
  }
  downward(items: DownwardAPIVolumeFile[], mode: number): void {
    for (const item of items) {
      const value = item.fieldRef
        ? fieldValue(this.#pod, item.fieldRef.fieldPath, this.#sources.facts)
        : item.resourceFieldRef
          ? resourceValue(this.#pod, item.resourceFieldRef, undefined, this.#sources.facts)
          : "";
      this.files.set(item.path, { data: Buffer.from(value), mode: item.mode ?? mode });
    }
  }
  async projected(source: ProjectedVolumeSource): Promise<void> {
    const mode = source.defaultMode ?? defaultMode;
    for (const part of source.sources ?? []) {
      if (part.configMap) await this.configMap(part.configMap, mode);
      else if (part.secret) await this.secret(part.secret.name ?? "", part.secret, mode);
      else if (part.downwardAPI) this.downward(part.downwardAPI.items ?? [], mode);
      else if (part.serviceAccountToken) await this.#token(part.serviceAccountToken, mode);
      else throw new Error(`projected volume source is not supported by this node: ${Object.keys(part).join(", ")}`);
    }
  }
  async #token(projection: ServiceAccountTokenProjection, mode: number): Promise<void> {
    const token = await this.#sources.token(this.#pod, projection);
    const uid = commonUser(this.#pod);
    const restricted = uid !== undefined || this.#pod.spec.securityContext?.fsGroup !== undefined;
    this.files.set(projection.path, { data: Buffer.from(token), mode: restricted ? 0o600 : mode, ...(uid === undefined ? {} : { uid }) });
  }
}

/** The user that every container of the pod runs as, where the spec says so and they agree. */
export function commonUser(pod: Pod): number | undefined {
  const shared = pod.spec.securityContext?.runAsUser;
  const users = [...pod.spec.containers, ...(pod.spec.initContainers ?? []), ...(pod.spec.ephemeralContainers ?? [])].map(
    (c) => c.securityContext?.runAsUser ?? shared,
  );
  return users.every((user) => user === users[0]) ? users[0] : undefined;
}

/** Undefined for volumes that show no API object. Rejects with ObjectMissing and with upstream's texts. */
export async function volumePayload(pod: Pod, volume: Volume, sources: PayloadSources): Promise<Files | undefined> {
  const builder = new Builder(pod, sources);
  if (volume.configMap) await builder.configMap(volume.configMap, volume.configMap.defaultMode ?? defaultMode);
  else if (volume.secret) await builder.secret(volume.secret.secretName ?? "", volume.secret, volume.secret.defaultMode ?? defaultMode);
  else if (volume.downwardAPI) builder.downward(volume.downwardAPI.items ?? [], volume.downwardAPI.defaultMode ?? defaultMode);
  else if (volume.projected) await builder.projected(volume.projected);
  else return undefined;
  return builder.files;
}
