/**
 * The claim that stands for a pod's extended resources where devices provide them (KEP-5004;
 * pkg/scheduler/framework/plugins/dynamicresources, extendeddynamicresources.go). Pure.
 */
import { parseQuantity } from "../../api/quantity.ts";
import { extendedClaimAnnotation } from "../../api/resource/extended-resource.ts";
import type { Container, ContainerExtendedResourceRequest, Pod } from "../../api/types/core-v1.gen.ts";
import type { DeviceClass, DeviceRequest, ResourceClaim } from "../../api/types/resource-v1.gen.ts";

/** No object can bear it: the claim gets its name when it is written. */
const nameInMemory = "<extended-resources>";

/** As the scheduler knows it before it is written; `uid` is for the scheduler alone. */
export function claimInMemory(pod: Pod, uid: string, requests: DeviceRequest[]): ResourceClaim {
  const { namespace, name } = pod.metadata;
  const metadata = {
    namespace,
    name: nameInMemory,
    uid,
    generateName: `${name}-extended-resources-`,
    ownerReferences: [{ apiVersion: "v1", kind: "Pod", name, uid: pod.metadata.uid, controller: true }],
    annotations: { [extendedClaimAnnotation]: "true" },
  };
  return { metadata, spec: { devices: { requests } }, status: {} } as unknown as ResourceClaim;
}

/** The uid of the pod whose extended resources a claim stands for; undefined for all other claims. */
export function podBehind({ metadata }: ResourceClaim): string | undefined {
  if (metadata.annotations?.[extendedClaimAnnotation] !== "true") return undefined;
  return metadata.ownerReferences?.find(({ controller }) => controller)?.uid;
}

export interface ExtendedRequests {
  readonly requests: DeviceRequest[];
  /** Which container gets what it asks for from which request. */
  readonly mappings: ContainerExtendedResourceRequest[];
}

interface Asked {
  readonly request?: DeviceRequest & { exactly: NonNullable<DeviceRequest["exactly"]> };
  readonly mappings: ContainerExtendedResourceRequest[];
}
type Request = NonNullable<Asked["request"]>;

/** `reusable`: requests whose devices nobody uses while the container runs; only what they lack is asked for. */
function ask(index: number, container: Container, resourceName: string, deviceClassName: string, reusable: readonly (Request | undefined)[]): Asked {
  const mappings: ContainerExtendedResourceRequest[] = [];
  const asked = container.resources?.requests ?? {};
  const wanted = Number(asked[resourceName] === undefined ? 0 : (parseQuantity(asked[resourceName]).asInt64() ?? 0));
  if (wanted === 0) return { mappings };
  const map = (requestName: string): number => mappings.push({ containerName: container.name, resourceName, requestName });
  let had = 0;
  for (const one of reusable) {
    if (!one) continue;
    had += one.exactly.count ?? 0;
    map(one.name);
    if (had >= wanted) return { mappings };
  }
  const name = `container-${index}-request-${Object.keys(asked).sort().indexOf(resourceName)}`;
  map(name);
  return { request: { name, exactly: { deviceClassName, allocationMode: "ExactCount", count: wanted - had } }, mappings };
}

/**
 * What the containers ask for of the resources. Init containers run one after another, and before those that run to the end: they
 * use the devices of containers that come later, and the largest of their further requests is enough for all.
 */
export function extendedRequests(pod: Pod, resources: Iterable<string>, classOf: (resource: string) => DeviceClass | undefined): ExtendedRequests {
  const init = pod.spec.initContainers ?? [];
  const containers = [...init, ...pod.spec.containers];
  const isShort = (i: number): boolean => i < init.length && containers[i]?.restartPolicy !== "Always";
  const requests: Request[] = [];
  const mappings: ContainerExtendedResourceRequest[] = [];
  for (const resource of [...resources].sort()) {
    const className = classOf(resource)?.metadata.name;
    if (className === undefined) continue;
    const lasting: (Request | undefined)[] = containers.map((container, i) => {
      if (isShort(i)) return undefined;
      const asked = ask(i, container, resource, className, []);
      mappings.push(...asked.mappings);
      return asked.request;
    });
    let most: Request | undefined;
    const others = new Set<string>();
    const short = containers.flatMap((container, i) => {
      if (!isShort(i)) return [];
      const { request, mappings } = ask(i, container, resource, className, lasting.slice(i));
      if (request) others.add(request.name);
      if (request && (!most || (most.exactly.count ?? 0) < (request.exactly.count ?? 0))) most = request;
      return mappings;
    });
    const largest = most as Request | undefined;
    if (largest) others.delete(largest.name);
    mappings.push(...short.map((one) => (largest && others.has(one.requestName) ? { ...one, requestName: largest.name } : one)));
    requests.push(...[largest, ...lasting].filter((one) => one !== undefined));
  }
  return { requests: requests.sort((a, b) => (a.name < b.name ? -1 : 1)), mappings };
}
