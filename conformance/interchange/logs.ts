/** What the programs say when something is wrong, and which of it upstream's say beside their own API server as well. */

/** `why`: the place in upstream that says so in a healthy cluster. */
interface Known {
  pattern: RegExp;
  why: string;
}

const known: readonly Known[] = [
  { pattern: /The manifest file is empty, ignoring/, why: "static admission manifests: there are none" },
  {
    pattern: /Error finding provisioning plugin for claim.*storageclass.*(none-such|spare|by-hand|remote)/,
    why: "a claim whose class does not exist on purpose",
  },
  { pattern: /failed to get cpu resource metric value/, why: "an autoscaler without metrics" },
  { pattern: /exceeded quota: limited/, why: "the quota that is reached on purpose" },
  { pattern: /Operation cannot be fulfilled on .*the object has been modified/, why: "two writers of one object, tried again" },
  { pattern: /read version: \d+ is not as new as written version/, why: "a watch that lags behind a write, tried again" },
  { pattern: /Status after running PostFilter plugins for pod.*status="not found"/, why: "a pod that was deleted while it was decided about" },
  { pattern: /TaintEvictionController: timed worker failed.*not found/, why: "a pod that went before it was evicted" },
  { pattern: /unable to create new content in namespace \S+ because it is being terminated/, why: "the namespace that leaves" },
  { pattern: /failed with replicasets\.apps \S+ not found/, why: "a ReplicaSet that was deleted meanwhile" },
  { pattern: /status\.currentReplicas: Invalid value: -1/, why: "a StatefulSet that rolls and is scaled at once, counted again" },
  { pattern: /error looking up service account \S+: serviceaccount \\?"default\\?" not found/, why: "a namespace whose service account is not yet there" },
  { pattern: /Error getting updated StatefulSet from lister|statefulsets\.apps \S+ not found/, why: "a StatefulSet that was deleted meanwhile" },
  { pattern: /controllerrevisions\.apps \S+passing-\d-\S+ not found/, why: "a revision that went with its StatefulSet" },
  { pattern: /broadcaster already stopped/, why: "an event at the end of the process" },
  { pattern: /ReplicaSet has no controller/, why: "the ReplicaSet that has no Deployment" },
];

/** Lines of levels warning and error, klog's and ours, and those of a crash. */
export function complaints(log: string): { unknown: string[]; known: Map<string, number> } {
  const result = { unknown: [] as string[], known: new Map<string, number>() };
  for (const line of log.split("\n")) {
    if (!/^[WEF]\d{4} |^\S+Z (WARN|ERROR) |^panic:|^\S*Error: /.test(line)) continue;
    const explained = known.find(({ pattern }) => pattern.test(line));
    if (explained) result.known.set(explained.why, (result.known.get(explained.why) ?? 0) + 1);
    else result.unknown.push(line);
  }
  return result;
}
