/** `--controllers`: which controllers run (k8s.io/controller-manager/app/helper.go). */
import { controllers } from "../../controllers/all.ts";
import type { Controller } from "../../controllers/runtime/controller.ts";
import { FlagError } from "./flag-error.ts";
import { table } from "../../base/table.ts";

/** Upstream's names of controllers that do not exist here. */
const absent = [
  "cloud-node-lifecycle-controller",
  "node-route-controller",
  "podcertificaterequest-cleaner-controller",
  "podgroup-protection-controller",
  "resourcepoolstatusrequest-controller",
  "selinux-warning-controller",
  "service-lb-controller",
  "storage-version-migrator-controller",
  "storageversion-garbage-collector-controller",
];

/** Names of old, which configurations still use. */
const aliases = table<string>({
  attachdetach: "persistentvolume-attach-detach-controller",
  bootstrapsigner: "bootstrap-signer-controller",
  "cloud-node-lifecycle": "cloud-node-lifecycle-controller",
  "clusterrole-aggregation": "clusterrole-aggregation-controller",
  cronjob: "cronjob-controller",
  csrapproving: "certificatesigningrequest-approving-controller",
  csrcleaner: "certificatesigningrequest-cleaner-controller",
  csrsigning: "certificatesigningrequest-signing-controller",
  daemonset: "daemonset-controller",
  deployment: "deployment-controller",
  disruption: "disruption-controller",
  endpoint: "endpoints-controller",
  endpointslice: "endpointslice-controller",
  endpointslicemirroring: "endpointslice-mirroring-controller",
  "ephemeral-volume": "ephemeral-volume-controller",
  garbagecollector: "garbage-collector-controller",
  horizontalpodautoscaling: "horizontal-pod-autoscaler-controller",
  job: "job-controller",
  "legacy-service-account-token-cleaner": "legacy-serviceaccount-token-cleaner-controller",
  namespace: "namespace-controller",
  nodeipam: "node-ipam-controller",
  nodelifecycle: "node-lifecycle-controller",
  "persistentvolume-binder": "persistentvolume-binder-controller",
  "persistentvolume-expander": "persistentvolume-expander-controller",
  podgc: "pod-garbage-collector-controller",
  "pv-protection": "persistentvolume-protection-controller",
  "pvc-protection": "persistentvolumeclaim-protection-controller",
  replicaset: "replicaset-controller",
  replicationcontroller: "replicationcontroller-controller",
  "resource-claim-controller": "resourceclaim-controller",
  resourcequota: "resourcequota-controller",
  "root-ca-cert-publisher": "root-ca-certificate-publisher-controller",
  route: "node-route-controller",
  service: "service-lb-controller",
  serviceaccount: "serviceaccount-controller",
  "serviceaccount-token": "serviceaccount-token-controller",
  statefulset: "statefulset-controller",
  "storage-version-gc": "storageversion-garbage-collector-controller",
  svm: "storage-version-migrator-controller",
  tokencleaner: "token-cleaner-controller",
  ttl: "ttl-controller",
  "ttl-after-finished": "ttl-after-finished-controller",
});

const withoutAlias = (pattern: string): string => {
  const name = pattern.replace(/^-/, "");
  return `${pattern === name ? "" : "-"}${aliases[name] ?? name}`;
};

/** The first word about a controller counts. Upstream runs the one for tokens whatever is said: others may wait for theirs. */
function enabled({ name, offByDefault }: Controller, patterns: readonly string[]): boolean {
  if (name === "serviceaccount-token-controller") return true;
  const explicit = patterns.find((pattern) => pattern === name || pattern === `-${name}`);
  return explicit === undefined ? patterns.includes("*") && !offByDefault : explicit === name;
}

/** Names of controllers to run. Throws FlagError for names that are unknown or do not exist here. */
export function selectControllers(given: readonly string[], isOn: (gate: string) => boolean = () => false): string[] {
  const existing = controllers.map(({ name }) => name);
  const patterns = given.map(withoutAlias);
  const problems: string[] = [];
  for (const pattern of patterns) {
    const name = pattern.replace(/^-/, "");
    if (name === "*" || existing.includes(name)) continue;
    if (!absent.includes(name)) problems.push(`--controllers: ${JSON.stringify(name)} is not in the list of known controllers: ${existing.join(", ")}`);
    else if (name === pattern) problems.push(`--controllers: ${name} is not supported: it does not exist here yet`);
  }
  if (problems.length) throw new FlagError(problems);
  // What stands behind a feature that is off is passed over, as in upstream.
  return controllers.filter((one) => enabled(one, patterns) && (!one.gate || isOn(one.gate))).map(({ name }) => name);
}
