/** What this distribution puts into a cluster beyond what every API server creates: its own roles, the DNS Service, a default StorageClass. */
import { serviceNameLabel } from "../api/discovery/service-name.ts";
import type { Draft, KubeObject } from "../api/object.ts";
import { isNotFound } from "../api/status.ts";
import type { Endpoints, Service } from "../api/types/core-v1.gen.ts";
import type { EndpointSlice } from "../api/types/discovery-v1.gen.ts";
import type { StorageClass } from "../api/types/storage-v1.gen.ts";
import type { ClusterRole, ClusterRoleBinding } from "../api/types/rbac-v1.gen.ts";
import type { Client, Resource } from "../client/client.ts";
import { clusterrolebindings, clusterroles, endpoints, endpointslices, services, storageclasses } from "../client/resources.gen.ts";
import { provisionerName } from "../storage/local-path-volume.ts";

export interface ClusterObjectsOptions {
  dnsAddress: string;
  /** Where the node's DNS server listens. */
  nodeAddress: string;
  serveDNS: boolean;
  /** metrics.k8s.io is served by this distribution. */
  metrics: boolean;
  /** The nodes make volumes of the class local-path. */
  localPath: boolean;
}

const group = "rbac.authorization.k8s.io";
const dnsPorts = [
  { name: "dns", port: 53, protocol: "UDP" },
  { name: "dns-tcp", port: 53, protocol: "TCP" },
];

/** Idempotent: what exists stays as its owner left it. */
export async function ensureClusterObjects(client: Client, { dnsAddress, nodeAddress, serveDNS, localPath, metrics }: ClusterObjectsOptions): Promise<void> {
  const put = async <T extends KubeObject>(resource: Resource<T>, namespace: string, object: Draft<T>): Promise<void> => {
    try {
      await client.resource(resource).get(namespace, object.metadata.name ?? "");
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await client.resource(resource).create(namespace, object);
    }
  };
  const bind = (name: string, role: string, user: string): Promise<void> =>
    put<ClusterRoleBinding>(clusterrolebindings, "", {
      metadata: { name },
      roleRef: { apiGroup: group, kind: "ClusterRole", name: role },
      subjects: [{ kind: "User", apiGroup: group, name: user }],
    });
  await bind("k8ts:kubelet-api-admin", "system:kubelet-api-admin", "kube-apiserver-kubelet-client");
  await put<ClusterRole>(clusterroles, "", {
    metadata: { name: "system:k8ts:dns" },
    rules: [
      { apiGroups: [""], resources: ["services", "namespaces"], verbs: ["list", "watch"] },
      { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
    ],
  });
  await bind("system:k8ts:dns", "system:k8ts:dns", "system:k8ts:dns");
  if (metrics) {
    await put<ClusterRole>(clusterroles, "", {
      metadata: { name: "system:k8ts:metrics" },
      rules: [
        { apiGroups: [""], resources: ["nodes/metrics"], verbs: ["get"] },
        { apiGroups: [""], resources: ["pods", "nodes"], verbs: ["get", "list", "watch"] },
        { apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"] },
        { apiGroups: ["authorization.k8s.io"], resources: ["subjectaccessreviews"], verbs: ["create"] },
      ],
    });
    await bind("system:k8ts:metrics", "system:k8ts:metrics", "system:k8ts:metrics");
    const toward = (role: string): string => `rbac.authorization.k8s.io/aggregate-to-${role}`;
    await put<ClusterRole>(clusterroles, "", {
      metadata: { name: "system:aggregated-metrics-reader", labels: { [toward("admin")]: "true", [toward("edit")]: "true", [toward("view")]: "true" } },
      rules: [{ apiGroups: ["metrics.k8s.io"], resources: ["pods", "nodes"], verbs: ["get", "list", "watch"] }],
    });
  }
  if (localPath) {
    await put<ClusterRole>(clusterroles, "", {
      metadata: { name: "system:k8ts:local-path" },
      rules: [
        { apiGroups: [""], resources: ["persistentvolumes"], verbs: ["get", "list", "watch", "create", "patch", "delete"] },
        { apiGroups: [""], resources: ["persistentvolumeclaims"], verbs: ["list", "watch"] },
        { apiGroups: [""], resources: ["persistentvolumeclaims/status"], verbs: ["patch"] },
        { apiGroups: ["storage.k8s.io"], resources: ["storageclasses"], verbs: ["list", "watch"] },
        { apiGroups: [""], resources: ["events"], verbs: ["create", "patch", "update"] },
      ],
    });
    await bind("system:k8ts:local-path", "system:k8ts:local-path", "system:k8ts:local-path");
    await put<StorageClass>(storageclasses, "", {
      metadata: { name: "local-path", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
      provisioner: provisionerName,
      reclaimPolicy: "Delete",
      volumeBindingMode: "WaitForFirstConsumer",
      allowVolumeExpansion: true,
    });
  }
  if (!serveDNS) return;
  const labels = { "k8s-app": "kube-dns", "kubernetes.io/name": "CoreDNS", "kubernetes.io/cluster-service": "true" };
  await put<Service>(services, "kube-system", {
    metadata: { name: "kube-dns", labels },
    spec: { clusterIP: dnsAddress, ports: dnsPorts.map((p) => ({ ...p, targetPort: p.port })) },
  });
  await put<Endpoints>(endpoints, "kube-system", {
    metadata: { name: "kube-dns", labels: { ...labels, "endpointslice.kubernetes.io/skip-mirror": "true" } },
    subsets: [{ addresses: [{ ip: nodeAddress }], ports: dnsPorts }],
  });
  await put<EndpointSlice>(endpointslices, "kube-system", {
    metadata: { name: "kube-dns", labels: { [serviceNameLabel]: "kube-dns", "endpointslice.kubernetes.io/managed-by": "k8ts.dev" } },
    addressType: "IPv4",
    endpoints: [{ addresses: [nodeAddress], conditions: { ready: true, serving: true, terminating: false } }],
    ports: dnsPorts,
  });
}
