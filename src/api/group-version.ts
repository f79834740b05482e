/** What an object's apiVersion says (k8s.io/apimachinery/pkg/runtime/schema/group_version.go). */

export interface GroupVersion {
  /** "": the core group. */
  group: string;
  /** "": not said. */
  version: string;
}

/** undefined: it has more than one slash. */
export function parseGroupVersion(apiVersion: string): GroupVersion | undefined {
  const parts = apiVersion.split("/");
  if (parts.length > 2) return undefined;
  return parts.length === 2 ? { group: parts[0] as string, version: parts[1] as string } : { group: "", version: apiVersion };
}

/** The same, nothing said where that cannot be read (schema.FromAPIVersionAndKind). */
export const groupVersionOf = (apiVersion = ""): GroupVersion => parseGroupVersion(apiVersion) ?? { group: "", version: "" };

/** As messages name a kind (schema.GroupVersionKind.String). */
export function kindText(apiVersion = "", kind = ""): string {
  const { group, version } = groupVersionOf(apiVersion);
  return `${group}/${version}, Kind=${kind}`;
}

/** Without a group the version alone. */
export const groupVersionText = ({ group, version }: GroupVersion): string => (group ? `${group}/${version}` : version);
/** Why what has more than one slash is no apiVersion. */
export const unexpectedGroupVersion = (apiVersion: string): string => `unexpected GroupVersion string: ${apiVersion}`;

const packages: { readonly [group: string]: string } = { "": "core", "events.k8s.io": "core", "internal.apiserver.k8s.io": "apiserverinternal" };
/** The package in which upstream has a group's internal types, as messages of conversions name it. */
export const internalPackage = (group: string): string => packages[group] ?? (group.split(".")[0] as string);
