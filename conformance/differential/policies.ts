/** Episodes in a namespace of their own, under a LimitRange, a ResourceQuota and the levels of Pod Security. */
import type { Random } from "../../src/base/random.ts";
import type { JSONObject, JSONValue } from "../../src/api/json.ts";
import { type GenStep, edits, type Target } from "./episodes.ts";
import { chance, pick } from "./mutate.ts";
import { patchHeaders } from "./headers.ts";

const levels = ["privileged", "baseline", "restricted", "restricted", "baseline", "bad"];
const versions = ["latest", "v1.24", "v1.28", "v1.34", "v1.36", "v1.99", "x"];

function podSecurity(random: Random): JSONObject {
  const labels: JSONObject = {};
  for (const mode of ["enforce", "audit", "warn"]) {
    if (!chance(random, 0.6)) continue;
    labels[`pod-security.kubernetes.io/${mode}`] = chance(random, 0.95) ? pick(random, levels.slice(0, 5)) : pick(random, levels);
    if (chance(random, 0.4))
      labels[`pod-security.kubernetes.io/${mode}-version`] = chance(random, 0.9) ? pick(random, versions.slice(0, 5)) : pick(random, versions);
  }
  return labels;
}

const quantity = (random: Random, kind: string): string =>
  pick(random, kind === "cpu" ? ["50m", "100m", "200m", "1", "2", "0"] : ["16Mi", "64Mi", "128Mi", "1Gi", "0", "1500000000m"]);

function amounts(random: Random, names: readonly string[], p: number): JSONObject {
  return Object.fromEntries(names.filter(() => chance(random, p)).map((name) => [name, quantity(random, name)]));
}

function limits(random: Random): JSONObject {
  const one = (type: string): JSONObject => {
    const item: JSONObject = { type };
    const names = type === "PersistentVolumeClaim" ? ["storage"] : ["cpu", "memory", ...(chance(random, 0.2) ? ["ephemeral-storage"] : [])];
    for (const part of ["min", "max", ...(type === "Container" ? ["default", "defaultRequest"] : [])])
      if (chance(random, 0.5)) item[part] = amounts(random, names, 0.7);
    if (type !== "PersistentVolumeClaim" && chance(random, 0.3)) item.maxLimitRequestRatio = { [pick(random, names)]: pick(random, ["1", "2", "1500m", "4"]) };
    return item;
  };
  return { limits: ["Container", "Pod", "PersistentVolumeClaim"].filter(() => chance(random, 0.6)).map(one) };
}

const counted = [
  "pods",
  "count/pods",
  "services",
  "services.nodeports",
  "services.loadbalancers",
  "configmaps",
  "count/configmaps",
  "secrets",
  "persistentvolumeclaims",
  "count/deployments.apps",
  "count/jobs.batch",
  "replicationcontrollers",
  "requests.example.com/gpu",
];
const measured = [
  "cpu",
  "memory",
  "requests.cpu",
  "requests.memory",
  "limits.cpu",
  "limits.memory",
  "requests.ephemeral-storage",
  "requests.storage",
  "standard.storageclass.storage.k8s.io/requests.storage",
  "standard.storageclass.storage.k8s.io/persistentvolumeclaims",
];

function quota(random: Random): { spec: JSONObject; status: JSONObject } {
  const hard: JSONObject = {};
  const used: JSONObject = {};
  for (let i = 1 + random.int(4); i > 0; i--) {
    const name = chance(random, 0.5) ? pick(random, counted) : pick(random, measured);
    hard[name] =
      counted.includes(name) || name.endsWith("claims")
        ? String(random.int(4))
        : pick(random, name.includes("cpu") ? ["150m", "1", "3"] : ["100Mi", "1Gi", "3Gi"]);
    used[name] = "0";
  }
  const scoped = chance(random, 0.3);
  const spec: JSONObject = { hard };
  if (scoped) {
    const scope = pick(random, ["Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "CrossNamespacePodAffinity"]);
    if (chance(random, 0.6)) spec.scopes = [scope];
    else
      spec.scopeSelector = {
        matchExpressions: [
          pick<JSONObject>(random, [
            { scopeName: scope, operator: "Exists" },
            { scopeName: "PriorityClass", operator: "In", values: ["system-node-critical"] },
            { scopeName: "PriorityClass", operator: "NotIn", values: ["system-node-critical"] },
            { scopeName: "PriorityClass", operator: "Exists" },
            { scopeName: "PriorityClass", operator: "DoesNotExist" },
          ]),
        ],
      };
  }
  return { spec, status: { hard, used } };
}

type Change = (random: Random, spec: JSONObject, container: JSONObject, metadata: JSONObject) => void;
const context = (of: JSONObject): JSONObject => {
  of.securityContext ??= {};
  return of.securityContext as JSONObject;
};
/** Each takes one step out of the restricted level. */
const looser: readonly Change[] = [
  (_, spec) => Object.assign(spec, { hostNetwork: true }),
  (_, spec) => Object.assign(spec, { hostPID: true, hostIPC: true }),
  (_, spec) => Object.assign(spec, { hostUsers: false }),
  (_r, _s, container) => Object.assign(context(container), { privileged: true, allowPrivilegeEscalation: true }),
  (_r, _s, container) => delete context(container).allowPrivilegeEscalation,
  (random, _s, container) =>
    Object.assign(context(container), { capabilities: { add: [pick(random, ["NET_ADMIN", "NET_BIND_SERVICE", "CHOWN"])], drop: ["ALL"] } }),
  (random, _s, container) => Object.assign(context(container), { capabilities: { drop: [pick(random, ["all", "ALL", "CHOWN"])] } }),
  (_, spec) => delete context(spec).runAsNonRoot,
  (_r, spec, container) => Object.assign(chance(_r, 0.5) ? context(spec) : context(container), { runAsUser: pick(_r, [0, 1000]) }),
  (_r, spec, container) => Object.assign(chance(_r, 0.5) ? context(spec) : context(container), { runAsNonRoot: false }),
  (random, spec) =>
    Object.assign(context(spec), { seccompProfile: pick<JSONValue>(random, [{ type: "Unconfined" }, { type: "Localhost", localhostProfile: "p" }, null]) }),
  (random, _s, container) => Object.assign(context(container), { seccompProfile: { type: pick(random, ["Unconfined", "RuntimeDefault"]) } }),
  (random, spec) => Object.assign(context(spec), { sysctls: [{ name: pick(random, ["net.core.somaxconn", "kernel.shm_rmid_forced"]), value: "1" }] }),
  (random, spec) => Object.assign(context(spec), { seLinuxOptions: { type: pick(random, ["container_t", "spc_t"]), user: pick(random, ["", "u"]) } }),
  (random, spec) => Object.assign(context(spec), { appArmorProfile: { type: pick(random, ["Unconfined", "RuntimeDefault"]) } }),
  (random, _s, container) => Object.assign(container, { ports: [{ containerPort: 80, hostPort: pick(random, [80, 0]) }] }),
  (random, spec) =>
    Object.assign(spec, {
      volumes: [
        pick<JSONObject>(random, [
          { name: "v", hostPath: { path: "/" } },
          { name: "v", nfs: { server: "s", path: "/" } },
          { name: "v", emptyDir: {} },
          { name: "v", image: { reference: "r" } },
        ]),
      ],
    }),
  (random, _s, container) => Object.assign(container, { livenessProbe: { httpGet: { port: 80, host: pick(random, ["", "127.0.0.1", "example.com"]) } } }),
  (random, spec) => Object.assign(spec, { initContainers: [{ name: "i", image: "i", ...(chance(random, 0.5) ? { restartPolicy: "Always" } : {}) }] }),
  (_r, _s, _c, metadata) => Object.assign(metadata, { annotations: { "container.apparmor.security.beta.kubernetes.io/c": "unconfined" } }),
  (_, spec) => Object.assign(spec, { os: { name: "windows" }, securityContext: {} }),
  (random, spec) => Object.assign(spec, { priorityClassName: pick(random, ["system-node-critical", "absent"]) }),
  (_, spec) => Object.assign(spec, { activeDeadlineSeconds: 60 }),
  (_, spec) => Object.assign(spec, { overhead: { cpu: "10m" } }),
  (_, spec) => Object.assign(spec, { runtimeClassName: "absent" }),
  (random, spec) => Object.assign(spec, { resources: { requests: amounts(random, ["cpu", "memory"], 0.7) } }),
];

function pod(random: Random, name: string): JSONObject {
  const container = (id: string): JSONObject => {
    const resources: JSONObject = {};
    if (chance(random, 0.6)) resources.requests = amounts(random, ["cpu", "memory"], 0.7);
    if (chance(random, 0.5)) resources.limits = amounts(random, ["cpu", "memory"], 0.7);
    if (chance(random, 0.08)) resources.limits = { ...(resources.limits as JSONObject | undefined), "example.com/gpu": "1" };
    return { name: id, image: "i", resources, securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } } };
  };
  const first = container("c");
  const spec: JSONObject = {
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    containers: [first, ...(chance(random, 0.3) ? [container("d")] : [])],
  };
  const metadata: JSONObject = { name, labels: { app: "a" } };
  for (let i = pick(random, [0, 0, 1, 1, 1, 2, 3]); i > 0; i--) pick(random, looser)(random, spec, first, metadata);
  return { apiVersion: "v1", kind: "Pod", metadata, spec };
}

function templated(random: Random, name: string): { path: string; body: JSONObject } {
  const { metadata, spec } = pod(random, name) as { metadata: JSONObject; spec: JSONObject };
  const template = { metadata: { ...metadata, name: "" }, spec };
  const selector = { matchLabels: { app: "a" } };
  return pick<() => { path: string; body: JSONObject }>(random, [
    () => ({
      path: "/apis/apps/v1/namespaces/NS/deployments",
      body: { apiVersion: "apps/v1", kind: "Deployment", metadata: { name }, spec: { selector, template } },
    }),
    () => ({
      path: "/apis/batch/v1/namespaces/NS/jobs",
      body: { apiVersion: "batch/v1", kind: "Job", metadata: { name }, spec: { template: { ...template, spec: { ...spec, restartPolicy: "Never" } } } },
    }),
    () => ({
      path: "/api/v1/namespaces/NS/replicationcontrollers",
      body: { apiVersion: "v1", kind: "ReplicationController", metadata: { name }, spec: { selector: { app: "a" }, template } },
    }),
    () => ({
      path: "/apis/batch/v1/namespaces/NS/cronjobs",
      body: {
        apiVersion: "batch/v1",
        kind: "CronJob",
        metadata: { name },
        spec: { schedule: "* * * * *", jobTemplate: { spec: { template: { ...template, spec: { ...spec, restartPolicy: "Never" } } } } },
      },
    }),
  ])();
}

const collections = [
  "/api/v1/namespaces/NS/pods",
  "/api/v1/namespaces/NS/configmaps",
  "/api/v1/namespaces/NS/secrets",
  "/api/v1/namespaces/NS/services",
  "/api/v1/namespaces/NS/persistentvolumeclaims",
  "/api/v1/namespaces/NS/replicationcontrollers",
  "/apis/apps/v1/namespaces/NS/deployments",
  "/apis/batch/v1/namespaces/NS/jobs",
  "/apis/batch/v1/namespaces/NS/cronjobs",
  "/api/v1/namespaces/NS/limitranges",
  "/api/v1/namespaces/NS/resourcequotas",
  "/api/v1/namespaces/NS/serviceaccounts",
];

/** Upstream's admission learns of what was just written from watches of its own. */
const learnt = 400;

export function policyEpisode(t: Target): { steps: GenStep[]; clear: GenStep[] } {
  const { random, name } = t;
  const core = `/api/v1/namespaces/${name}`;
  const steps: GenStep[] = [];
  const add = (verb: string, method: GenStep["method"], path: string, body?: JSONValue, more: Partial<GenStep> = {}): void => {
    steps.push({ verb: `policy.${verb}`, method, path: path.replace("/NS/", `/${name}/`), aside: true, ...(body === undefined ? {} : { body }), ...more });
  };
  const dry = (): string => (chance(random, 0.1) ? "?dryRun=All" : "");
  add("namespace", "POST", "/api/v1/namespaces", { metadata: { name, labels: podSecurity(random) } });
  // The account comes to be there by a controller that neither server runs.
  add("account", "POST", `${core}/serviceaccounts`, { metadata: { name: "default" } });
  if (chance(random, 0.7)) {
    const limitRange = { apiVersion: "v1", kind: "LimitRange", metadata: { name: "l" }, spec: limits(random) };
    if (chance(random, 0.2)) edits(t, limitRange, [0, 1], "spec");
    add("limits", "POST", `${core}/limitranges`, limitRange);
  }
  const quotas = chance(random, 0.7) ? 1 + (chance(random, 0.25) ? 1 : 0) : 0;
  for (let i = 0; i < quotas; i++) {
    const made = quota(random);
    // Several that mind the same thing are asked in the order of a Go map: the second counts what the first never does.
    const other = { hard: { "count/cronjobs.batch": "1" } };
    const { spec, status } = i === 0 ? made : { spec: other, status: { ...other, used: { "count/cronjobs.batch": "0" } } };
    add("quota", "POST", `${core}/resourcequotas`, { metadata: { name: `q${i}` }, spec });
    add("quota.status", "PATCH", `${core}/resourcequotas/q${i}/status`, { status }, { headers: patchHeaders.merge });
  }
  (steps.at(-1) as GenStep).pause = learnt;
  const pods: string[] = [];
  for (let i = 6 + random.int(8); i > 0; i--) {
    const one = `o${i}`;
    pick<() => void>(random, [
      () => {
        pods.push(one);
        add("pod", "POST", `${core}/pods${dry()}`, pod(random, one));
      },
      () => {
        pods.push(one);
        add("pod", "POST", `${core}/pods`, pod(random, one));
      },
      () => {
        pods.push(one);
        add("pod", "POST", `${core}/pods`, pod(random, one));
      },
      () => {
        const { path, body } = templated(random, one);
        add("template", "POST", path + dry(), body);
      },
      () => add("configmap", "POST", `${core}/configmaps${dry()}`, { metadata: { name: one } }),
      () => add("secret", "POST", `${core}/secrets${dry()}`, { metadata: { name: one } }),
      () =>
        add("service", "POST", `${core}/services${dry()}`, {
          metadata: { name: one },
          spec: {
            type: pick(random, ["ClusterIP", "NodePort", "LoadBalancer"]),
            allocateLoadBalancerNodePorts: undefined,
            ports: [{ port: 80 }],
          } as unknown as JSONObject,
        }),
      () =>
        add("claim", "POST", `${core}/persistentvolumeclaims${dry()}`, {
          metadata: { name: one },
          spec: {
            accessModes: ["ReadWriteOnce"],
            resources: {
              requests: { storage: quantity(random, "storage") },
              ...(chance(random, 0.2) ? { limits: { storage: quantity(random, "storage") } } : {}),
            },
            ...(chance(random, 0.5) ? { storageClassName: pick(random, ["standard", "other", ""]) } : {}),
          },
        }),
      () => {
        if (!pods.length) return;
        const path = `${core}/pods/${pick(random, pods)}`;
        pick<() => void>(random, [
          () => add("pod.delete", "DELETE", path, { gracePeriodSeconds: 0 }),
          () => add("pod.labels", "PATCH", path, { metadata: { labels: { b: "c" } } }, { headers: patchHeaders.merge }),
          () => add("pod.image", "PATCH", path, { spec: { containers: [{ name: "c", image: "other" }] } }, { headers: patchHeaders.strategic }),
          () =>
            add(
              "pod.debug",
              "PATCH",
              `${path}/ephemeralcontainers`,
              { spec: { ephemeralContainers: [{ name: "g", image: "i" }] } },
              { headers: patchHeaders.strategic },
            ),
          () =>
            add(
              "pod.resize",
              "PATCH",
              `${path}/resize`,
              {
                spec: {
                  containers: [
                    { name: "c", resources: { requests: amounts(random, ["cpu", "memory"], 0.6), limits: amounts(random, ["cpu", "memory"], 0.6) } },
                  ],
                },
              },
              { headers: patchHeaders.strategic },
            ),
          () =>
            add("pod.evict", "POST", `${path}/eviction`, { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: path.split("/").at(-1) as string } }),
        ])();
      },
      () => {
        (steps.at(-1) as GenStep).pause = learnt;
        add(
          "namespace.levels",
          "PATCH",
          `/api/v1/namespaces/${name}${dry()}`,
          { metadata: { labels: podSecurity(random) } },
          { headers: patchHeaders.merge, pause: learnt },
        );
      },
      () => add("limits.change", "PUT", `${core}/limitranges/l`, { metadata: { name: "l" }, spec: limits(random) }, { pause: learnt }),
    ])();
    if (quotas && chance(random, 0.4)) add("quotas", "GET", `${core}/resourcequotas`);
  }
  if (quotas) add("quotas", "GET", `${core}/resourcequotas`);
  if (chance(random, 0.3)) {
    add("namespace.delete", "DELETE", `/api/v1/namespaces/${name}`, undefined, { pause: learnt });
    add("late", "POST", `${core}/configmaps`, { metadata: { name: "late" } });
  }
  const away = (path: string): GenStep => ({
    verb: "away",
    method: "DELETE",
    path: path.replace("/NS/", `/${name}/`),
    body: { gracePeriodSeconds: 0, propagationPolicy: "Background" },
  });
  const finalized = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  const clear = [
    ...collections.map(away),
    away(`/api/v1/namespaces/${name}`),
    { verb: "away", method: "PUT", path: `/api/v1/namespaces/${name}/finalize`, body: finalized } as GenStep,
  ];
  return { steps, clear };
}
