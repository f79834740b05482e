/** The plugins that are off by default: those that there are, and why the others cannot be had. */
import type { Reader } from "../../../cache/cache.ts";
import type { Authorizer } from "../../authorization/authorizer.ts";
import type { AdmissionPlugin } from "../admission.ts";
import { alwaysAdmit, alwaysDeny } from "./always.ts";
import { alwaysPullImages } from "./always-pull-images.ts";
import { denyServiceExternalIPs } from "./deny-service-external-ips.ts";
import { extendedResourceToleration } from "./extended-resource-toleration.ts";
import { limitPodHardAntiAffinityTopology } from "./limit-pod-hard-anti-affinity-topology.ts";
import { namespaceAutoProvision, namespaceExists } from "./namespaces.ts";
import { ownerReferencesPermissionEnforcement, type ResourceOfKind } from "./owner-references-permission-enforcement.ts";

export interface OptionalPluginOptions {
  reader: Reader;
  authorizer: Authorizer;
  /** Makes a namespace as a request of the server's own. */
  createNamespace(name: string): Promise<void>;
  resourceOfKind: ResourceOfKind;
}

const unavailable = ["EventRateLimit", "ImagePolicyWebhook", "PodNodeSelector", "PodTolerationRestriction"];

/** Throws for those that are upstream's and not here: the caller's mistake. */
export function optionalPlugins(names: readonly string[], options: OptionalPluginOptions): AdmissionPlugin[] {
  const missing = names.filter((name) => unavailable.includes(name));
  if (missing.length) throw new Error(`admission plugin ${missing.join(", ")} does not exist here: leave it out of --enable-admission-plugins`);
  const all = [
    alwaysAdmit,
    alwaysDeny,
    alwaysPullImages,
    denyServiceExternalIPs,
    extendedResourceToleration,
    limitPodHardAntiAffinityTopology,
    namespaceAutoProvision({ reader: options.reader, create: options.createNamespace }),
    namespaceExists(options),
    ownerReferencesPermissionEnforcement(options),
  ];
  return all.filter(({ name }) => names.includes(name));
}
