/** The environment of a container (upstream's pkg/kubelet/kubelet_pods.go makeEnvironmentVariables). Pure but for the lookups passed in and files of volumes. */
import { containerNamed, extractFieldPath, extractResource } from "../api/core/field-path.ts";
import type { ConfigMap, Container, EnvVarSource, FileKeySelector, Pod, ResourceFieldSelector, Secret } from "../api/types/core-v1.gen.ts";
import { readEnvFile } from "./env-file.ts";
import { expand } from "./expansion.ts";
import type { MountedVolumes } from "./volumes/plugin.ts";

/** Objects that pods refer to. Rejects with ObjectMissing for what does not exist. */
export interface References {
  configMap(namespace: string, name: string): Promise<ConfigMap>;
  secret(namespace: string, name: string): Promise<Secret>;
}

/** `configmap "name" not found`: what upstream says of a reference to nothing. */
export class ObjectMissing extends Error {
  override name = "ObjectMissing";
}

/** Facts of the node and of the pod's sandbox that a container may ask for. */
export interface RuntimeFacts {
  podIPs: string[];
  hostIPs: string[];
  nodeName: string;
  /** The node's allocatable resources: what an absent limit stands for. */
  allocatable: Record<string, string>;
}

/** Value of a field reference; throws for a field that containers may not see. */
export function fieldValue(pod: Pod, fieldPath: string, facts: RuntimeFacts): string {
  switch (fieldPath) {
    case "spec.nodeName":
      return pod.spec.nodeName ?? "";
    case "spec.serviceAccountName":
      return pod.spec.serviceAccountName ?? "";
    case "status.hostIP":
      return facts.hostIPs[0] ?? "";
    case "status.hostIPs":
      return facts.hostIPs.join(",");
    case "status.podIP":
      return facts.podIPs[0] ?? "";
    case "status.podIPs":
      return facts.podIPs.join(",");
    default:
      return extractFieldPath(pod, fieldPath);
  }
}

/** Value of a resource of a container of the pod: `own` unless the selector names another one. */
export function resourceValue(pod: Pod, selector: ResourceFieldSelector, own: Container | undefined, facts: RuntimeFacts): string {
  const container = selector.containerName ? containerNamed(pod, selector.containerName) : own;
  if (!container) throw new Error(`container ${selector.containerName ?? ""} not found`);
  return extractResource(selector, container, facts.allocatable);
}

const text = (base64: string): string => Buffer.from(base64, "base64").toString("utf8");

class Sources {
  readonly #references: References;
  readonly #namespace: string;
  readonly #volumes: MountedVolumes;
  constructor(references: References, namespace: string, volumes: MountedVolumes) {
    this.#references = references;
    this.#namespace = namespace;
    this.#volumes = volumes;
  }
  async #optionally<T>(optional: boolean | undefined, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (optional && error instanceof ObjectMissing) return undefined;
      throw error;
    }
  }
  configMap(ref: { name?: string; optional?: boolean }): Promise<ConfigMap | undefined> {
    return this.#optionally(ref.optional, () => this.#references.configMap(this.#namespace, ref.name ?? ""));
  }
  secret(ref: { name?: string; optional?: boolean }): Promise<Secret | undefined> {
    return this.#optionally(ref.optional, () => this.#references.secret(this.#namespace, ref.name ?? ""));
  }
  #fromFile({ volumeName, path, key, optional }: FileKeySelector): string | undefined {
    const volume = this.#volumes.get(volumeName);
    if (!volume || volume.block || volume.image) throw new Error(`cannot find the volume ${JSON.stringify(volumeName)} referenced by FileKeyRef`);
    let value: string;
    try {
      value = readEnvFile(volume.path, path, key);
    } catch (cause) {
      throw new Error("couldn't parse env file", { cause });
    }
    if (value === "" && !optional)
      throw new Error(`environment variable key ${JSON.stringify(key)} not found in file ${JSON.stringify(`${volume.path}/${path}`)}`);
    return value || undefined;
  }
  /** Undefined: an optional source that is not there, so the variable is left out. */
  async value(source: EnvVarSource, pod: Pod, container: Container, facts: RuntimeFacts): Promise<string | undefined> {
    if (source.fieldRef) return fieldValue(pod, source.fieldRef.fieldPath, facts);
    if (source.resourceFieldRef) return resourceValue(pod, source.resourceFieldRef, container, facts);
    if (source.configMapKeyRef) {
      const ref = source.configMapKeyRef;
      const map = await this.configMap(ref);
      if (!map) return undefined;
      const value = map.data?.[ref.key];
      if (value === undefined && !ref.optional) throw new Error(`couldn't find key ${ref.key} in ConfigMap ${this.#namespace}/${ref.name}`);
      return value;
    }
    if (source.secretKeyRef) {
      const ref = source.secretKeyRef;
      const secret = await this.secret(ref);
      if (!secret) return undefined;
      const value = secret.data?.[ref.key];
      if (value === undefined && !ref.optional) throw new Error(`couldn't find key ${ref.key} in Secret ${this.#namespace}/${ref.name}`);
      return value === undefined ? undefined : text(value);
    }
    return source.fileKeyRef && this.#fromFile(source.fileKeyRef);
  }
}

/** The container's own variables, those of the services where the container does not set them. Rejects as References does. */
export async function containerEnv(
  pod: Pod,
  container: Container,
  services: ReadonlyMap<string, string>,
  facts: RuntimeFacts,
  references: References,
  volumes: MountedVolumes,
): Promise<Map<string, string>> {
  const sources = new Sources(references, pod.metadata.namespace ?? "", volumes);
  const env = new Map<string, string>();
  for (const from of container.envFrom ?? []) {
    const prefix = from.prefix ?? "";
    if (from.configMapRef) {
      const map = await sources.configMap(from.configMapRef);
      for (const [key, value] of Object.entries(map?.data ?? {})) env.set(prefix + key, value);
    } else if (from.secretRef) {
      const secret = await sources.secret(from.secretRef);
      for (const [key, value] of Object.entries(secret?.data ?? {})) env.set(prefix + key, text(value));
    }
  }
  const lookup = (name: string): string | undefined => env.get(name) ?? services.get(name);
  for (const variable of container.env ?? []) {
    let value: string | undefined = variable.value ?? "";
    if (value !== "") value = expand(value, lookup);
    else if (variable.valueFrom) value = await sources.value(variable.valueFrom, pod, container, facts);
    if (value !== undefined) env.set(variable.name, value);
  }
  for (const [name, value] of services) if (!env.has(name)) env.set(name, value);
  return env;
}
