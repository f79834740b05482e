/** What can be done with a custom resource, at which path. */
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from "../types/apiextensions-v1.gen.ts";
import { capital, deleting, groupName, inPath, listing, type Operation, pretty, query, rootOf, tagOf, writing } from "./operations.ts";

const plain = ["application/json", "application/yaml"];
const patches = ["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];

export function customOperations(
  { spec }: CustomResourceDefinition,
  { name: version, subresources }: CustomResourceDefinitionVersion,
  modelName: (group: string, version: string, kind: string) => string,
): Operation[] {
  const { group, names } = spec;
  const { kind, plural } = names;
  const namespaced = spec.scope === "Namespaced";
  const type = `#${modelName(group, version, kind)}`;
  const list = `#${modelName(group, version, names.listKind ?? `${kind}List`)}`;
  const prefix = groupName(group) + capital(version);
  const scope = namespaced ? "Namespaced" : "";
  const root = rootOf(group, version);
  const base = namespaced ? `${root}/namespaces/{namespace}/${plural}` : `${root}/${plural}`;
  const place = namespaced ? [inPath("namespace")] : [];
  const shared = { tag: tagOf(group, version), gvk: { group, kind, version }, produces: plain, consumes: plain };
  const status = "meta/v1.Status";
  const out: Operation[] = [];
  const add = (operation: Pick<Operation, "path" | "method" | "action" | "operationId" | "parameters" | "responses"> & Partial<Operation>): void =>
    void out.push({ ...shared, ...operation });
  const listed = { method: "get", action: "list", responses: { "200": list } };
  if (namespaced) add({ ...listed, path: `${root}/${plural}`, operationId: `list${prefix}${kind}ForAllNamespaces`, parameters: [pretty, ...listing] });
  add({ ...listed, path: base, operationId: `list${prefix}${scope}${kind}`, parameters: [...place, pretty, ...listing] });
  add({
    path: base,
    method: "post",
    action: "post",
    operationId: `create${prefix}${scope}${kind}`,
    parameters: [...place, pretty, ...writing],
    body: type,
    bodyRequired: true,
    responses: { "200": type, "201": type, "202": type },
  });
  add({
    path: base,
    method: "delete",
    action: "deletecollection",
    operationId: `delete${prefix}Collection${scope}${kind}`,
    parameters: [...place, pretty, ...listing],
    responses: { "200": status },
  });
  const named = [inPath("name"), ...place];
  const one = `${base}/{name}`;
  const changed = (path: string, subject: string, of: string): void => {
    const parameters = [...named, pretty];
    const writes = [...parameters, ...writing];
    add({
      path,
      method: "get",
      action: "get",
      operationId: `read${prefix}${subject}`,
      parameters: [...parameters, query("resourceVersion")],
      responses: { "200": of },
    });
    add({
      path,
      method: "put",
      action: "put",
      operationId: `replace${prefix}${subject}`,
      parameters: writes,
      body: of,
      bodyRequired: true,
      responses: { "200": of, "201": of },
    });
    add({
      path,
      method: "patch",
      action: "patch",
      operationId: `patch${prefix}${subject}`,
      parameters: [...writes, query("force", "boolean")],
      body: "meta/v1.Patch",
      bodyRequired: true,
      consumes: patches,
      responses: { "200": of },
    });
  };
  changed(one, `${scope}${kind}`, type);
  add({
    path: one,
    method: "delete",
    action: "delete",
    operationId: `delete${prefix}${scope}${kind}`,
    parameters: [...named, pretty, ...deleting],
    body: "meta/v1.DeleteOptions",
    responses: { "200": status, "202": status },
  });
  if (subresources?.status) changed(`${one}/status`, `${scope}${kind}Status`, type);
  if (subresources?.scale) changed(`${one}/scale`, `${scope}${kind}Scale`, "autoscaling/v1.Scale");
  return out;
}
