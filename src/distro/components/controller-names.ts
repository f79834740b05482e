/** `--controllers`: which controllers run (k8s.io/controller-manager/pkg/genericcontrollermanager/app/helper.go). */
import { controllers } from "../../controllers/all.ts";
import { FlagError } from "./flag-error.ts";

/** Upstream's names of controllers that do not exist here. */
const absent = [
  "cloud-node-lifecycle-controller",
  "device-taint-eviction-controller",
  "kube-apiserver-serving-clustertrustbundle-publisher-controller",
  "node-ipam-controller",
  "node-route-controller",
  "podcertificaterequest-cleaner-controller",
  "resourceclaim-controller",
  "selinux-warning-controller",
  "service-lb-controller",
  "storage-version-migrator-controller",
  "storageversion-garbage-collector-controller",
  "validatingadmissionpolicy-status-controller",
];

/** Names of controllers to run. Throws FlagError for names that are unknown or do not exist here. */
export function selectControllers(patterns: readonly string[]): string[] {
  const existing = controllers.map(({ name }) => name);
  const problems: string[] = [];
  for (const pattern of patterns) {
    const name = pattern.replace(/^-/, "");
    if (name === "*" || existing.includes(name)) continue;
    if (!absent.includes(name)) problems.push(`--controllers: ${JSON.stringify(name)} is not in the list of known controllers: ${existing.join(", ")}`);
    else if (name === pattern) problems.push(`--controllers: ${name} is not supported: it does not exist here yet`);
  }
  if (problems.length) throw new FlagError(problems);
  const all = patterns.includes("*");
  return existing.filter((name) => patterns.includes(name) || (all && !patterns.includes(`-${name}`)));
}
