/** Names of resources that are not Kubernetes' own (pkg/apis/core/v1/helper, IsExtendedResourceName). */
import { isQualifiedName } from "../names.ts";

const isNative = (name: string): boolean => !name.includes("/") || name.includes("kubernetes.io/");

export const isExtendedResourceName = (name: string): boolean =>
  !isNative(name) && !name.startsWith("requests.") && isQualifiedName(`requests.${name}`).length === 0;
