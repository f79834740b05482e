/** --concurrent-...-syncs: how many keys of a controller are worked on at once. Names and defaults are kube-controller-manager's. */
import { integer } from "./flag-types.ts";

const table = {
  "concurrent-cron-job-syncs": ["cronjob-controller", 5],
  "concurrent-daemonset-syncs": ["daemonset-controller", 2],
  "concurrent-deployment-syncs": ["deployment-controller", 5],
  "concurrent-device-taint-eviction-syncs": ["device-taint-eviction-controller", 8],
  "concurrent-endpoint-syncs": ["endpoints-controller", 5],
  "concurrent-ephemeralvolume-syncs": ["ephemeral-volume-controller", 5],
  "concurrent-gc-syncs": ["garbage-collector-controller", 20],
  "concurrent-horizontal-pod-autoscaler-syncs": ["horizontal-pod-autoscaler-controller", 5],
  "concurrent-job-syncs": ["job-controller", 5],
  "concurrent-namespace-syncs": ["namespace-controller", 10],
  "concurrent-rc-syncs": ["replicationcontroller-controller", 5],
  "concurrent-replicaset-syncs": ["replicaset-controller", 5],
  "concurrent-resource-quota-syncs": ["resourcequota-controller", 5],
  "concurrent-resourceclaim-syncs": ["resourceclaim-controller", 50],
  "concurrent-service-endpoint-syncs": ["endpointslice-controller", 5],
  "concurrent-serviceaccount-token-syncs": ["serviceaccount-token-controller", 5],
  "concurrent-statefulset-syncs": ["statefulset-controller", 5],
  "concurrent-ttl-after-finished-syncs": ["ttl-after-finished-controller", 5],
  "mirroring-concurrent-service-endpoint-syncs": ["endpointslice-mirroring-controller", 5],
} as const;

type Name = keyof typeof table;
const names = Object.keys(table) as Name[];

export const workerFlags = Object.fromEntries(
  names.map((name) => [name, integer(`keys of the ${table[name][0]} that are worked on at once`, table[name][1], 1, 1000)]),
) as Record<Name, ReturnType<typeof integer>>;

/** By the controller's name. */
export const workersOf = (flags: Readonly<Record<Name, number>>): Record<string, number> =>
  Object.fromEntries(names.map((name) => [table[name][0], flags[name]]));
