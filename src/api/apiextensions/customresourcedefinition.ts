/** CustomResourceDefinitions: known, and refused as long as nothing serves what they define. */
import type { Kind } from "../kind.ts";
import type { CustomResourceDefinition } from "../types/apiextensions-v1.gen.ts";

export const customResourceDefinitionKind: Kind<CustomResourceDefinition> = {
  resource: "customresourcedefinitions.apiextensions.k8s.io",
  refused: "custom resources are not served by this cluster yet",
};
