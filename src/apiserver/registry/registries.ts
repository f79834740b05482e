/** The registries of all kinds that have one, by groupResource. */
import type { UserInfo } from "../../api/exchange.ts";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Reader } from "../../cache/cache.ts";
import type { TokenAuthenticator } from "../authentication/authenticator.ts";
import type { Authorizer, RuleResolver } from "../authorization/authorizer.ts";
import type { RbacAuthorizer } from "../authorization/rbac.ts";
import type { Registry } from "../rest/call.ts";
import { customResourceDefinitionRegistry } from "./apiextensions/customresourcedefinition.ts";
import { policyRegistries } from "./admissionregistration/policies.ts";
import { reviewRegistries } from "./authentication/reviews.ts";
import { certificateSigningRequestRegistry } from "./certificates/certificatesigningrequest.ts";
import { bindingRegistry } from "./core/binding.ts";
import type { ComponentCheck } from "../outside/component-health.ts";
import { componentStatusRegistry } from "./core/componentstatus.ts";
import { eventRegistry } from "./core/event.ts";
import { namespaceRegistry } from "./core/namespace.ts";
import { podRegistry } from "./core/pod.ts";
import { type ServiceAllocation, serviceRegistry } from "./core/service.ts";
import type { TokenIssuer } from "./core/serviceaccount-token.ts";
import { serviceAccountRegistry } from "./core/serviceaccount.ts";
import { rbacRegistries } from "./rbac/escalation.ts";
import { resourceClaimRegistry, resourceClaimTemplateRegistry } from "./resource/resourceclaim.ts";

export interface RegistryDeps {
  reader: Reader;
  clock: Clock;
  random: Random;
  authorizer: Authorizer;
  rbac: RbacAuthorizer;
  /** What everybody may do, of all authorizers. */
  rules: RuleResolver;
  tokens: TokenAuthenticator;
  /** Who has no credential, where anybody may ask. */
  anonymous: UserInfo | undefined;
  issuer: TokenIssuer;
  services: ServiceAllocation;
  /** Seconds that an event lives. */
  eventTtlSeconds: number;
  /** How the components are, by the names of their ComponentStatuses. */
  components: ReadonlyMap<string, ComponentCheck>;
}

export function createRegistries(deps: RegistryDeps): Record<string, Registry> {
  return {
    pods: podRegistry(),
    bindings: bindingRegistry,
    namespaces: namespaceRegistry(deps),
    services: serviceRegistry(deps.services),
    serviceaccounts: serviceAccountRegistry(deps),
    componentstatuses: componentStatusRegistry(deps.components),
    events: eventRegistry(deps.eventTtlSeconds),
    "events.events.k8s.io": eventRegistry(deps.eventTtlSeconds),
    replicationcontrollers: { orphansByDefault: true },
    "jobs.batch": { orphansByDefault: true },
    "certificatesigningrequests.certificates.k8s.io": certificateSigningRequestRegistry,
    "customresourcedefinitions.apiextensions.k8s.io": customResourceDefinitionRegistry(deps),
    "resourceclaims.resource.k8s.io": resourceClaimRegistry(deps),
    "resourceclaimtemplates.resource.k8s.io": resourceClaimTemplateRegistry(deps),
    ...rbacRegistries(deps),
    ...policyRegistries(deps),
    ...reviewRegistries(deps),
  };
}
