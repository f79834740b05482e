/**
 * Where an object is kept, said of the way that leads to it: names that are no step of a path are refused before anything is
 * looked for (NamespaceKeyFunc, k8s.io/apiserver/pkg/registry/generic/registry; PrepareKey, pkg/storage).
 */
import { goQuote } from "../../api/go-quote.ts";
import { isPathSegmentName } from "../../api/names.ts";
import { badRequest, StatusError } from "../../api/status.ts";
import { type GroupResource, storageKey, storagePrefix } from "../../cache/keys.ts";
import { type RequestInfo, requiredNamespace } from "../request-info.ts";

/** Absent where the name may be asked for. */
export function badName(name: string): StatusError | undefined {
  if (!/[/%]|^\.\.?$/.test(name)) return undefined;
  const wrong = isPathSegmentName(name);
  return badRequest(`Name parameter invalid: ${goQuote(name)}: ${wrong.join(";")}`);
}

/** Absent where an object may be kept under the name. */
export const nameError = (name: string | undefined): StatusError | undefined => (name ? badName(name) : badRequest("Name parameter required."));

/** `name` may be "": all that is in the namespace. Throws 500 as upstream's storage does for keys that would lead elsewhere. */
export function checkKey(resource: GroupResource, namespace: string, name: string): void {
  if (namespace !== "." && namespace !== "..") return;
  const key = name ? storageKey(resource, namespace, name, "") : storagePrefix(resource, "") + namespace;
  throw new StatusError({ code: 500, message: `invalid key: ${goQuote(key)}` });
}

/** What `placeOf` has to know of a kind. */
export const core = (resource: string, namespaced = true): GroupResource & { namespaced: boolean } => ({ group: "", resource, namespaced });

type Named = Pick<RequestInfo, "namespace" | "name">;

/** The namespace of what the way names, "" for kinds without. Throws 400 for a way without one and for names that are none. */
export function namedIn({ namespaced }: { namespaced: boolean }, info: Named): string {
  const namespace = namespaced ? requiredNamespace(info) : "";
  const wrong = badName(info.name);
  if (wrong) throw wrong;
  return namespace;
}

/** The same. Throws 500 as `checkKey` too. */
export function placeOf(resource: GroupResource & { namespaced: boolean }, info: Named): string {
  const namespace = namedIn(resource, info);
  checkKey(resource, namespace, info.name);
  return namespace;
}
