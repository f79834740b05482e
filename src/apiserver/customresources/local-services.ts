/**
 * The APIServices of custom resources: one for each version of a group that a definition serves, as kube-aggregator's
 * autoregister controller makes them. Those that somebody else made are left alone.
 */
import type { ApiResponse } from "../../api/exchange.ts";
import type { KubeObject } from "../../api/object.ts";
import type { APIService } from "../../api/types/apiregistration-v1.gen.ts";
import type { CustomResourceDefinition } from "../../api/types/apiextensions-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import { apiServiceResource } from "../aggregation/remotes.ts";

const managed = "kube-aggregator.kubernetes.io/automanaged";
const path = "/apis/apiregistration.k8s.io/v1/apiservices";

export interface LocalServicesOptions {
  reader: Reader;
  send(method: string, path: string, object?: KubeObject): Promise<ApiResponse>;
}

/** Rejects where a write failed for another reason than that somebody was faster. */
export async function keepLocalServices(
  group: string,
  definitions: readonly CustomResourceDefinition[],
  { reader, send }: LocalServicesOptions,
): Promise<void> {
  const served = new Set(definitions.flatMap(({ spec }) => (spec.group === group ? spec.versions.filter((one) => one.served).map(({ name }) => name) : [])));
  const write = async (method: string, at: string, allowed: number, object?: KubeObject): Promise<void> => {
    const { status } = await send(method, at, object);
    if (status >= 300 && status !== allowed) throw new Error(`${method} ${at}: ${status}`);
  };
  for (const version of served) {
    const name = `${version}.${group}`;
    if (reader.get<APIService>(apiServiceResource, "", name)) continue;
    await write("POST", path, 409, {
      apiVersion: "apiregistration.k8s.io/v1",
      kind: "APIService",
      metadata: { name, labels: { [managed]: "true" } },
      spec: { group, version, groupPriorityMinimum: 1000, versionPriority: 100 },
    } as unknown as KubeObject);
  }
  for (const { metadata, spec } of reader.list<APIService>(apiServiceResource))
    if (spec.group === group && metadata.labels?.[managed] === "true" && !served.has(spec.version ?? ""))
      await write("DELETE", `${path}/${metadata.name}`, 404);
}
