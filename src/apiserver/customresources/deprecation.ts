/** What is said on every use of a version that its definition calls deprecated. */
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from "../../api/types/apiextensions-v1.gen.ts";
import { compareVersions } from "./version-order.ts";

export function deprecationWarning({ spec }: CustomResourceDefinition, version: CustomResourceDefinitionVersion): string | undefined {
  if (!version.deprecated) return undefined;
  if (version.deprecationWarning !== undefined) return version.deprecationWarning;
  const { kind } = spec.names;
  const [better] = spec.versions
    .filter(({ served, deprecated, name }) => served && !deprecated && compareVersions(version.name, name) < 0)
    .map(({ name }) => name)
    .sort((a, b) => compareVersions(b, a));
  return `${spec.group}/${version.name} ${kind} is deprecated${better === undefined ? "" : `; use ${spec.group}/${better} ${kind}`}`;
}
