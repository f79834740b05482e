/** The plugins that are off by default. */
import type { Clock } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import type { Reader } from "../../../cache/cache.ts";
import type { Authorizer } from "../../authorization/authorizer.ts";
import type { AdmissionPlugin } from "../admission.ts";
import type { AdmissionConfiguration } from "../configuration.ts";
import { alwaysAdmit, alwaysDeny } from "./always.ts";
import { alwaysPullImages } from "./always-pull-images.ts";
import { denyServiceExternalIPs } from "./deny-service-external-ips.ts";
import { eventRateLimit } from "./event-rate-limit.ts";
import { extendedResourceToleration } from "./extended-resource-toleration.ts";
import { imagePolicyWebhook } from "./image-policy-webhook.ts";
import { limitPodHardAntiAffinityTopology } from "./limit-pod-hard-anti-affinity-topology.ts";
import { namespaceAutoProvision, namespaceExists } from "./namespaces.ts";
import { ownerReferencesPermissionEnforcement, type ResourceOfKind } from "./owner-references-permission-enforcement.ts";
import { podNodeSelector } from "./pod-node-selector.ts";
import { podTolerationRestriction } from "./pod-toleration-restriction.ts";
import type { OutgoingSeries } from "../../outside/post.ts";

export interface OptionalPluginOptions {
  reader: Reader;
  clock: Clock;
  random: Random;
  configuration: AdmissionConfiguration;
  authorizer: Authorizer;
  outgoing?: OutgoingSeries;
  /** Makes a namespace as a request of the server's own. */
  createNamespace(name: string): Promise<void>;
  resourceOfKind: ResourceOfKind;
}

/** Throws for one that cannot be without a configuration and has none: the caller's mistake. */
export function optionalPlugins(names: readonly string[], options: OptionalPluginOptions): AdmissionPlugin[] {
  const { configuration, reader, clock, random } = options;
  const all: readonly AdmissionPlugin[] = [
    alwaysAdmit,
    alwaysDeny,
    alwaysPullImages,
    denyServiceExternalIPs,
    extendedResourceToleration,
    limitPodHardAntiAffinityTopology,
    namespaceAutoProvision({ reader: options.reader, create: options.createNamespace }),
    namespaceExists(options),
    ownerReferencesPermissionEnforcement(options),
    podNodeSelector({ reader, selectors: configuration.PodNodeSelector ?? {} }),
    podTolerationRestriction({ reader, cluster: configuration.PodTolerationRestriction ?? {} }),
    ...(names.includes("ImagePolicyWebhook")
      ? [imagePolicyWebhook({ policy: configuration.ImagePolicyWebhook, clock, random, outgoing: options.outgoing })]
      : []),
    ...(names.includes("EventRateLimit") ? [eventRateLimit({ limits: configuration.EventRateLimit, clock })] : []),
  ];
  return all.filter(({ name }) => names.includes(name));
}
