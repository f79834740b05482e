/** Field selectors to try on a resource: those that some kind has, and some that none has. */
import type { Random } from "../../src/base/random.ts";
import { chance, pick } from "./mutate.ts";

const names = [
  "metadata.name",
  "metadata.namespace",
  "spec.nodeName",
  "spec.restartPolicy",
  "spec.schedulerName",
  "spec.serviceAccountName",
  "spec.hostNetwork",
  "status.phase",
  "status.podIP",
  "status.podIPs",
  "status.nominatedNodeName",
  "spec.unschedulable",
  "status.replicas",
  "status.successful",
  "type",
  "reason",
  "source",
  "reportingComponent",
  "reportingController",
  "involvedObject.kind",
  "regarding.kind",
  "involvedObject.uid",
  "spec.clusterIP",
  "spec.type",
  "spec.signerName",
  "spec.driver",
  "spec.parentRef.resource",
  "name",
  "metadata.uid",
  "spec.foo",
  "metadata.labels.a",
];

/** Escaped for a query. */
export function selectableNames(random: Random): string {
  if (chance(random, 0.1))
    return encodeURIComponent(
      pick(random, ["oops", "=", "a==b=c", "metadata.name", "metadata.name!=x,metadata.name!=y", "", "metadata.name=a\\,b", "a in (b)"]),
    );
  return encodeURIComponent(`${pick(random, names)}${pick(random, ["=", "==", "!="])}${pick(random, ["x", "default", "", "0", "false", "1"])}`);
}
