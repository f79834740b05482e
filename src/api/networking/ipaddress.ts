/** IPAddresses: who has which address (pkg/registry/networking/ipaddress). */
import { validateImmutable } from "../apps/workload.ts";
import { invalidAll } from "../core/checks.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { type FieldError, path, required } from "../field.ts";
import { isValidIP } from "../ip.ts";
import type { Kind } from "../kind.ts";
import { isDNS1123Subdomain, isPathSegmentName } from "../names.ts";
import type { IPAddress, ParentReference } from "../types/networking-v1.gen.ts";

/** The message alone, without the value. */
const addressName = (name: string): string[] => isValidIP(path(), name).map(({ body }) => body.slice(body.indexOf('": ') + 3));
const rules = { namespaced: false, validateName: addressName };
const at = path("spec", "parentRef");

function validateParent(parent: ParentReference | undefined): FieldError[] {
  if (!parent) return [required(at)];
  const { group = "", resource = "", name = "", namespace = "" } = parent;
  const segment = (field: string, value: string): FieldError[] => invalidAll(at.child(field), value, isPathSegmentName(value));
  return [
    ...(group ? invalidAll(at.child("group"), group, isDNS1123Subdomain(group)) : []),
    ...(resource ? segment("resource", resource) : [required(at.child("resource"))]),
    ...(name ? segment("name", name) : [required(at.child("name"))]),
    ...(namespace ? segment("namespace", namespace) : []),
  ];
}

const validate = (address: IPAddress): FieldError[] => [...validateMetadata(address.metadata, rules), ...validateParent(address.spec?.parentRef)];

/** The form of upstream's internal type. */
const shownParent = ({ group = "", resource = "", namespace = "", name = "" }: ParentReference): object => ({
  Group: group,
  Resource: resource,
  Namespace: namespace,
  Name: name,
});

function parentCell(parent: ParentReference | undefined): string {
  if (!parent) return "<none>";
  const { group, resource = "", namespace, name = "" } = parent;
  return `${(group ? `${resource}.${group}` : resource).toLowerCase()}${namespace ? `/${namespace}` : ""}/${name}`;
}

export const ipAddressKind: Kind<IPAddress> = {
  resource: "ipaddresses.networking.k8s.io",
  plainGenerateName: true,
  setDefaults(address) {
    address.spec ??= {};
  },
  validate,
  validateUpdate(address, old) {
    const parent = address.spec?.parentRef;
    return [
      ...validate(address),
      ...validateMetadataUpdate(address.metadata, old.metadata),
      ...validateImmutable(parent, old.spec?.parentRef, at, parent && shownParent(parent)),
    ];
  },
  cells: (address, now) => [address.metadata.name, parentCell(address.spec?.parentRef), age(address, now)],
};
