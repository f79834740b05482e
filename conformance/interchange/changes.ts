/** Changes to every workload, and the end states that they must lead to. `round` is 1 or 2; each is made once. */
import type { KubeObject } from "../../src/api/object.ts";
import { isNotFound } from "../../src/api/status.ts";
import type { Client, Resource } from "../../src/client/client.ts";
import * as r from "../../src/client/resources.gen.ts";
import { until } from "../cluster/cluster.ts";
import { requestCertificate, rollOut } from "./workload.ts";

export interface Change {
  name: string;
  run(): Promise<void>;
}

const wait = 45;
const podOfJob = { restartPolicy: "Never", tolerations: [{ operator: "Exists" }], containers: [{ name: "main", image: "example/job:1" }] };

/** To be made at the same time. */
export function changes(client: Client, round: 1 | 2, key: string): Change[] {
  const list: Change[] = [];
  const change = (name: string, run: () => Promise<void>): unknown => list.push({ name, run });
  const merge = <T extends KubeObject>(resource: Resource<T>, name: string, patch: object, namespace = "main"): Promise<T> =>
    client.resource(resource).patch(namespace, name, "merge", patch);
  const get = <T extends KubeObject>(resource: Resource<T>, name: string, namespace = "main"): Promise<T> => client.resource(resource).get(namespace, name);
  const gone = async <T extends KubeObject>(resource: Resource<T>, name: string, namespace = "main"): Promise<boolean> => {
    try {
      await get(resource, name, namespace);
      return false;
    } catch (error) {
      return isNotFound(error);
    }
  };
  const podsOf = async (labelSelector: string, namespace = "main") => (await client.resource(r.pods).list({ namespace, labelSelector })).items;

  change("new images", () => rollOut(client, round + 2, ["web", "replaced", "many", "agent", "by-hand"]));
  change("deployments are scaled, resumed and deleted", async () => {
    await merge(r.deployments, "web", { spec: { replicas: 4 + round } });
    await merge(r.deployments, "held", { spec: { paused: round === 2, template: { metadata: { annotations: { round: `${round}` } } } } });
    await client.resource(r.deployments).delete("main", `doomed-${round}`, { propagationPolicy: round === 1 ? "Foreground" : "Background" });
    await until("the deleted deployment", wait, () => gone(r.deployments, `doomed-${round}`));
    await until("its pods", wait, async () => (await podsOf(`app=doomed-${round}`)).length === 0);
    await until("its replica sets", wait, async () => !(await client.resource(r.replicasets).list({ labelSelector: `app=doomed-${round}` })).items.length);
  });
  change("a replica set and a replication controller are scaled, a pod of each is deleted", async () => {
    await client.resource(r.pods).delete("main", (await podsOf("app=solo-rs"))[0]?.metadata.name ?? "");
    await merge(r.replicasets, "solo", { spec: { replicas: 3 - round } });
    await merge(r.replicationcontrollers, "old", { spec: { replicas: 2 + round } });
    await until("pods of the replication controller", wait, async () => (await podsOf("app=old-rc")).length === 2 + round);
  });
  change("pods that a replica set left behind belong to the next one", async () => {
    const name = `heir-${round}`;
    const template = {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "main", image: "example/heir:1" }], tolerations: [{ operator: "Exists" }] },
    };
    const set = { metadata: { name, namespace: "main" }, spec: { replicas: 2, selector: { matchLabels: { app: name } }, template } };
    const uids = async (): Promise<string> =>
      (await podsOf(`app=${name}`))
        .map((pod) => pod.metadata.uid)
        .sort()
        .join();
    await client.resource(r.replicasets).create("main", set as never);
    await until("its pods", wait, async () => (await get(r.replicasets, name)).status?.readyReplicas === 2);
    const before = await uids();
    await client.resource(r.replicasets).delete("main", name, { propagationPolicy: "Orphan" });
    await until("the replica set to go", wait, () => gone(r.replicasets, name));
    await client.resource(r.replicasets).create("main", set as never);
    await until("the pods to be adopted", wait, async () => (await podsOf(`app=${name}`)).every((pod) => pod.metadata.ownerReferences?.length));
    await until("its status", wait, async () => (await get(r.replicasets, name)).status?.readyReplicas === 2);
    if ((await uids()) !== before) throw new Error("the pods are others");
  });
  change("a stateful set and a daemon set come, roll and go with pods and revisions", async () => {
    const name = `passing-${round}`;
    const template = (image: string): object => ({ metadata: { labels: { app: name } }, spec: { containers: [{ name: "main", image }] } });
    const spec = (image: string): object => ({ selector: { matchLabels: { app: name } }, template: template(image) });
    await client
      .resource(r.statefulsets)
      .create("main", { metadata: { name, namespace: "main" }, spec: { replicas: 2, serviceName: name, ...spec("example/a:1") } } as never);
    await client.resource(r.daemonsets).create("limited", {
      metadata: { name, namespace: "limited" },
      spec: {
        ...spec("example/a:1"),
        template: { ...template("example/a:1"), spec: { nodeSelector: { none: "such" }, containers: [{ name: "main", image: "example/a:1" }] } },
      },
    } as never);
    await until("the stateful set", wait, async () => (await get(r.statefulsets, name)).status?.readyReplicas === 2);
    await merge(r.statefulsets, name, { spec: { template: { spec: { containers: [{ name: "main", image: "example/a:2" }] } } } });
    await until("the rollout", wait, async () => {
      const { status } = await get(r.statefulsets, name);
      return status?.updatedReplicas === 2 && status.readyReplicas === 2 && status.currentRevision === status.updateRevision;
    });
    await client.resource(r.statefulsets).delete("main", name, { propagationPolicy: "Foreground" });
    await client.resource(r.daemonsets).delete("limited", name);
    await until("both to go", wait, async () => (await gone(r.statefulsets, name)) && (await gone(r.daemonsets, name, "limited")));
    await until("their pods", wait, async () => !(await podsOf(`app=${name}`)).length);
    await until("their revisions", wait, async () => !(await client.resource(r.controllerrevisions).list({ labelSelector: `app=${name}` })).items.length);
  });
  change("stateful sets are scaled, a claim goes with its ordinal", async () => {
    // Scaled before it is rolled out: the claim of a pod that a rollout has just deleted would stay, upstream's too.
    await merge(r.statefulsets, "db", { spec: { replicas: round === 1 ? 2 : 3 } });
    if (round === 1) await until("claim data-db-2 to go", wait, () => gone(r.persistentvolumeclaims, "data-db-2"));
    // What was bound to it is given back by hand: reclaim policy Retain.
    else
      for (const volume of (await client.resource(r.persistentvolumes).list()).items)
        if (volume.status?.phase === "Released" && volume.spec.storageClassName === "by-hand")
          await client.resource(r.persistentvolumes).patch("", volume.metadata.name, "merge", { spec: { claimRef: null } });
    await rollOut(client, round + 2, ["db"]);
    await merge(r.statefulsets, "many", { spec: { replicas: 3 + round } });
  });
  change("jobs are woken, put to sleep and counted", async () => {
    await merge(r.jobs, `asleep-${round}`, { spec: { suspend: false } });
    await merge(r.jobs, "long", { spec: { suspend: round === 1 } });
    await until("the woken job", wait, async () => (await get(r.jobs, `asleep-${round}`)).status?.succeeded === 2);
    await client.resource(r.jobs).create("main", {
      metadata: { name: `fleeting-${round}`, namespace: "main" },
      spec: { ttlSecondsAfterFinished: 2, template: { spec: podOfJob } },
    } as never);
    await until("the end of a job with a time to live", wait, () => gone(r.jobs, `fleeting-${round}`));
  });
  change("a job whose pods all fail ends as failed", async () => {
    await client.resource(r.jobs).create("main", {
      metadata: { name: `overdue-${round}`, namespace: "main" },
      spec: {
        activeDeadlineSeconds: 3,
        template: {
          metadata: { annotations: { "sim.k8ts.dev/complete-after": "3h" } },
          spec: podOfJob,
        },
      },
    } as never);
    await until("the deadline", wait, async () => {
      const { status } = await get(r.jobs, `overdue-${round}`);
      return status?.conditions?.some((c) => c.type === "Failed" && c.status === "True" && c.reason === "DeadlineExceeded");
    });
  });
  change("budgets, quotas and autoscalers count anew", async () => {
    await merge(r.poddisruptionbudgets, "web", { spec: { minAvailable: 2 + round } });
    await merge(r.deployments, "greedy", { spec: { replicas: 6 - round } }, "limited");
    await until("the quota to be reached", wait, async () => (await get(r.resourcequotas, "limited", "limited")).status?.used?.pods === "3");
    await until("the failure to be told", wait, async () =>
      (await get(r.deployments, "greedy", "limited")).status?.conditions?.some((c) => c.type === "ReplicaFailure" && c.status === "True"),
    );
    await merge(r.horizontalpodautoscalers, "web", { spec: { maxReplicas: 9 + round } });
  });
  change("services select others, endpoints are mirrored", async () => {
    await merge(r.services, "nobody", { spec: { selector: { app: round === 1 ? "alone" : "nobody" } } });
    await merge(r.services, "web", { spec: { ports: [{ name: "http", port: 80 + round, targetPort: "http" }] } });
    await merge(r.endpoints, "mirrored", { subsets: [{ addresses: [{ ip: `192.0.2.${10 + round}` }], ports: [{ name: "http", port: 8080 }] }] });
    await until("the mirror", wait, async () => {
      const { items } = await client
        .resource(r.endpointslices)
        .list({ namespace: "main", labelSelector: "endpointslice.kubernetes.io/managed-by=endpointslicemirroring-controller.k8s.io" });
      return items.length === 1 && items[0]?.endpoints?.length === 1 && items[0].endpoints[0]?.addresses[0] === `192.0.2.${10 + round}`;
    });
    await client
      .resource(r.services)
      .create("main", { metadata: { name: `short-${round}`, namespace: "main" }, spec: { selector: { app: "alone" }, ports: [{ port: 80 }] } } as never);
    await until(
      "its slice",
      wait,
      async () => (await client.resource(r.endpointslices).list({ labelSelector: `kubernetes.io/service-name=short-${round}` })).items.length,
    );
    await client.resource(r.services).delete("main", `short-${round}`);
    await until(
      "its slice to go",
      wait,
      async () => !(await client.resource(r.endpointslices).list({ labelSelector: `kubernetes.io/service-name=short-${round}` })).items.length,
    );
    await until("its endpoints to go", wait, () => gone(r.endpoints, `short-${round}`));
  });
  change("a namespace leaves with all that is in it", async () => {
    await client.resource(r.namespaces).delete("", `leaving-${round}`);
    await until("the namespace to go", wait, () => gone(r.namespaces, `leaving-${round}`, ""));
  });
  change("a service account, its token, what every namespace has", async () => {
    const name = `robot-${round}`;
    await client.resource(r.serviceaccounts).create("main", { metadata: { name, namespace: "main" } });
    const annotations = { "kubernetes.io/service-account.name": name };
    await client.resource(r.secrets).create("main", { metadata: { name, namespace: "main", annotations }, type: "kubernetes.io/service-account-token" });
    await until("the token", wait, async () => (await get(r.secrets, name)).data?.token);
    await client.resource(r.serviceaccounts).delete("main", name);
    await until("the secret to go", wait, () => gone(r.secrets, name));
    await client.resource(r.serviceaccounts).delete("limited", "default");
    await client.resource(r.configmaps).delete("main", "kube-root-ca.crt");
    await until("the default service account", wait, () => get(r.serviceaccounts, "default", "limited"));
    await until("the root certificate", wait, () => get(r.configmaps, "kube-root-ca.crt"));
  });
  change("a certificate is signed", () => requestCertificate(client, `later-${round}`, key));
  change("a volume is bound and released", async () => {
    const name = `spare-${round}`;
    const size = { storage: "1Gi" };
    await client.resource(r.persistentvolumes).create("", {
      metadata: { name },
      spec: {
        capacity: size,
        accessModes: ["ReadWriteOncePod"],
        storageClassName: "spare",
        persistentVolumeReclaimPolicy: "Retain",
        hostPath: { path: "/mnt" },
      },
    } as never);
    await client.resource(r.persistentvolumeclaims).create("main", {
      metadata: { name, namespace: "main" },
      spec: { accessModes: ["ReadWriteOncePod"], storageClassName: "spare", resources: { requests: size } },
    } as never);
    await until("the claim to be bound", wait, async () => (await get(r.persistentvolumeclaims, name)).status?.phase === "Bound");
    await client.resource(r.persistentvolumeclaims).delete("main", name);
    await until("the volume to be released", wait, async () => (await get(r.persistentvolumes, name, "")).status?.phase === "Released");
  });
  change("a volume is attached, and detached when nobody uses it", async () => {
    const name = `far-${round}`;
    const size = { storage: "1Gi" };
    const shared = { accessModes: ["ReadWriteOnce"], storageClassName: "remote" };
    const csi = { driver: "disk.example.com", volumeHandle: name };
    await client
      .resource(r.persistentvolumes)
      .create("", { metadata: { name }, spec: { ...shared, capacity: size, persistentVolumeReclaimPolicy: "Retain", csi } } as never);
    await client
      .resource(r.persistentvolumeclaims)
      .create("main", { metadata: { name, namespace: "main" }, spec: { ...shared, volumeName: name, resources: { requests: size } } } as never);
    const volumes = [{ name: "data", persistentVolumeClaim: { claimName: name } }];
    await client.resource(r.pods).create("main", {
      metadata: { name, namespace: "main" },
      spec: { nodeSelector: { "kubernetes.io/hostname": "node-1" }, containers: [{ name: "main", image: "example/far:1" }], volumes },
    } as never);
    const attached = async (): Promise<boolean> =>
      (await get(r.nodes, "node-1", "")).status?.volumesAttached?.some((volume) => volume.name.endsWith(`^${name}`)) === true;
    await until("the node to be told", wait, attached);
    await client.resource(r.pods).delete("main", name);
    await until(
      "the attachment to go",
      wait,
      async () => !(await client.resource(r.volumeattachments).list()).items.some(({ spec }) => spec.source.persistentVolumeName === name),
    );
    await until("the node to be told again", wait, async () => !(await attached()));
  });
  change("a role is made of one more", async () => {
    await client.resource(r.clusterroles).create("", {
      metadata: { name: `part-of-${round}`, labels: { "part-of": "all-of-it" } },
      rules: [{ apiGroups: ["batch"], resources: [`jobs-${round}`], verbs: ["get"] }],
    });
    await until("the sum", wait, async () => (await get(r.clusterroles, "all-of-it", "")).rules?.some((rule) => rule.resources?.includes(`jobs-${round}`)));
  });
  change("a bootstrap token that is over goes, a new one signs", async () => {
    const data = (id: string, expiration: string): object => ({
      metadata: { name: `bootstrap-token-${id}`, namespace: "kube-system" },
      type: "bootstrap.kubernetes.io/token",
      stringData: { "token-id": id, "token-secret": "0123456789abcdef", "usage-bootstrap-signing": "true", expiration },
    });
    await client.resource(r.secrets).create("kube-system", data(`over0${round}`, "2020-01-01T00:00:00Z") as never);
    await client.resource(r.secrets).create("kube-system", data(`later${round}`, "2099-01-01T00:00:00Z") as never);
    await until("the old token to go", wait, () => gone(r.secrets, `bootstrap-token-over0${round}`, "kube-system"));
    await until("the signature", wait, async () => (await get(r.configmaps, "cluster-info", "kube-public")).data?.[`jws-kubeconfig-later${round}`]);
  });
  change("what is owned goes with its owner", async () => {
    await client.resource(r.configmaps).delete("main", `owner-${round}`, { propagationPolicy: round === 1 ? "Background" : "Foreground" });
    await until("the owned object to go", wait, () => gone(r.configmaps, `owned-${round}`));
    await until("the owner to go", wait, () => gone(r.configmaps, `owner-${round}`));
  });
  change("a tainted node is emptied", async () => {
    const taint = { key: "example.com/out", value: "", effect: "NoExecute" };
    const name = `node-${round + 1}`;
    await client.resource(r.nodes).patch("", name, "merge", { spec: { taints: [taint] } });
    await until("the node to be emptied", wait, async () => {
      const { items } = await client.resource(r.pods).list({ fieldSelector: `spec.nodeName=${name}` });
      return items.every((pod) => pod.status?.phase === "Succeeded" || pod.spec.tolerations?.some((t) => !t.key && t.operator === "Exists"));
    });
    await client.resource(r.nodes).patch("", name, "merge", { spec: { taints: null } });
  });
  if (round === 1)
    change("a pod that waited is let through", async () => {
      await client.resource(r.pods).patch("main", "gated", "merge", { spec: { schedulingGates: null } });
      await until("the pod to have a node", wait, async () => (await get(r.pods, "gated")).spec.nodeName);
    });
  return list;
}
