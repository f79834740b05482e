/** Admission of what connects to something that runs: exec, attach, port-forward, proxies (k8s.io/apiserver/pkg/endpoints/handlers/rest.go). */
import type { KubeObject } from "../../api/object.ts";
import { typeOfKind } from "../../api/schema/schema.ts";
import { badRequest } from "../../api/status.ts";
import { queryBool, splitProxied } from "../request-info.ts";
import type { Call, SubresourceHandler } from "./call.ts";
import { attributesOf } from "./write.ts";

/** The query, and for proxies the path behind them, as the subresource's kind of options. */
function optionsOf({ endpoint, info, request }: Call): KubeObject | undefined {
  const named = endpoint.def.subresources?.find(({ name }) => name === info.subresource)?.kind.split("/") ?? [];
  const kind = named.at(-1) ?? "";
  const apiVersion = named.slice(0, -1).join("/");
  const type = kind.endsWith("Options") ? typeOfKind(apiVersion, kind) : undefined;
  if (!type) return undefined;
  const options: Record<string, unknown> = { kind, apiVersion };
  for (const { name, type: of } of type.flat) {
    const values = request.query.getAll(name);
    const [first] = values;
    if (first === undefined || name in options) continue;
    if (of === "bool") options[name] = queryBool(first);
    else if (of === "[]string") options[name] = values;
    else if (of === "[]int32") options[name] = values.map(Number);
    else options[name] = first;
  }
  if (info.subresource === "proxy") {
    const { path } = splitProxied(request.path, info.parts);
    if (path.length > 1) options.path = path;
  }
  return options as unknown as KubeObject;
}

/** Rejects with StatusError where admission refuses, and where it should only be tried; logs are read, not connected to. */
export async function admitConnect(call: Call): Promise<void> {
  const object = optionsOf(call);
  if (!object) return;
  if (call.request.query.has("dryRun")) throw badRequest("dryRun is not supported");
  const { options: _none, ...attributes } = attributesOf(call, "CONNECT", {}, false);
  const asked = { ...attributes, object };
  await call.rest.admission.mutate(asked);
  await call.rest.admission.validate(asked);
}

/** The same ways, past admission. */
export const admitted = (connectors: Readonly<Record<string, SubresourceHandler>> = {}): Record<string, SubresourceHandler> =>
  Object.fromEntries(Object.entries(connectors).map(([path, handler]) => [path, (call) => admitConnect(call).then(() => handler(call))]));
