/** Admission plugins with a configuration: what each is given, and what is asked of servers that have it. */
import type { Request } from "../differential/exchange.ts";

export interface PluginWorld {
  name: string;
  /** --enable-admission-plugins */
  enabled?: string;
  /** Of the plugin; objects are inline, text is a file. WEBHOOK is the kubeconfig of the judge's webhook. */
  configuration?: object | string;
  requests: Request[];
}

const post = (path: string, body: object): Request => ({ method: "POST", path, body });
const core = "/api/v1/namespaces";
const namespace = (name: string, metadata: object = {}): Request => post(core, { apiVersion: "v1", kind: "Namespace", metadata: { name, ...metadata } });
const account = (name: string): Request => post(`${core}/${name}/serviceaccounts`, { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default" } });
let made = 0;
const pod = (where: string, spec: object = {}, metadata: object = {}): Request =>
  post(`${core}/${where}/pods`, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `p${made++}`, ...metadata },
    spec: { automountServiceAccountToken: false, containers: [{ name: "c", image: "i" }], ...spec },
  });
const space = (name: string, annotations?: object): Request[] => [namespace(name, annotations ? { annotations } : {}), account(name)];
const event = (where: string, more: object = {}): Request =>
  post(`${core}/${where}/events`, {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: `e${made++}` },
    involvedObject: { kind: "Pod", namespace: where, name: "x" },
    reason: "R",
    message: "m",
    type: "Normal",
    ...more,
  });
const tolerating = (...tolerations: object[]): object => ({ tolerations });
const requests = (cpu: string): object => ({ containers: [{ name: "c", image: "i", resources: { requests: { cpu }, limits: { cpu } } }] });

const nodeSelector = "scheduler.alpha.kubernetes.io/node-selector";
const defaults = "scheduler.alpha.kubernetes.io/defaultTolerations";
const whitelist = "scheduler.alpha.kubernetes.io/tolerationsWhitelist";

export const pluginWorlds: PluginWorld[] = [
  {
    name: "PodNodeSelector",
    enabled: "PodNodeSelector",
    configuration: "podNodeSelectorPluginConfig:\n  clusterDefaultNodeSelector: env=test\n  a: env=test,arch=arm\n  b: env=prod\n",
    requests: [
      ...[...space("a"), ...space("b"), ...space("c", { [nodeSelector]: "zone=1, disk=ssd" }), ...space("d", { [nodeSelector]: "no selector" })],
      ...[...space("e", { [nodeSelector]: "" }), ...space("f", { [nodeSelector]: "bad key!=x" }), ...space("g", { [nodeSelector]: "k=bad value!" })],
      ...["a", "b", "c", "d", "e", "f", "g", "none"].map((where) => pod(where)),
      ...["a", "c", "e"].flatMap((where) => [
        pod(where, { nodeSelector: { env: "test" } }),
        pod(where, { nodeSelector: { env: "prod" } }),
        pod(where, { nodeSelector: { zone: "2" } }),
        pod(where, { nodeSelector: { arch: "arm" } }),
        pod(where, { nodeSelector: { other: "x", arch: "amd64" } }),
      ]),
    ],
  },
  {
    name: "PodTolerationRestriction",
    enabled: "PodTolerationRestriction",
    configuration: {
      apiVersion: "podtolerationrestriction.admission.k8s.io/v1alpha1",
      kind: "Configuration",
      default: [{ key: "cluster", operator: "Exists", effect: "NoSchedule" }],
      whitelist: [
        { key: "cluster", operator: "Exists" },
        { key: "a", operator: "Equal", value: "b" },
        { operator: "Exists", effect: "NoExecute", tolerationSeconds: 600 },
      ],
    },
    requests: [
      ...[...space("a"), ...space("b", { [defaults]: '[{"key":"team","operator":"Exists"}]', [whitelist]: '[{"operator":"Exists"}]' })],
      ...[...space("c", { [defaults]: "" }), ...space("d", { [defaults]: "nonsense" }), ...space("e", { [whitelist]: '[{"key":"only","operator":"Exists"}]' })],
      ...["a", "b", "c", "e"].flatMap((where) => [
        pod(where),
        pod(where, requests("1")),
        pod(where, tolerating({ key: "a", operator: "Equal", value: "b" })),
        pod(where, tolerating({ key: "a", operator: "Equal", value: "c" })),
        pod(where, tolerating({ key: "team", operator: "Exists" }, { key: "only", operator: "Exists", effect: "NoSchedule" })),
        pod(where, tolerating({ key: "x", operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 })),
        pod(where, tolerating({ key: "x", operator: "Exists", effect: "NoExecute" })),
        pod(where, tolerating({ operator: "Exists" })),
      ]),
    ],
  },
  {
    name: "EventRateLimit",
    enabled: "EventRateLimit",
    configuration: {
      apiVersion: "eventratelimit.admission.k8s.io/v1alpha1",
      kind: "Configuration",
      limits: [
        { type: "Namespace", qps: 1, burst: 4, cacheSize: 2 },
        { type: "SourceAndObject", qps: 1, burst: 2 },
      ],
    },
    requests: [
      ...[...space("a"), ...space("b"), ...space("c")],
      ...[event("a"), event("a"), event("a"), event("a", { source: { component: "k" } }), event("a", { source: { component: "l" } })],
      ...[event("b"), event("c"), { ...event("c"), path: `${core}/c/events?dryRun=All` }],
    ],
  },
  {
    name: "PodSecurity",
    configuration: {
      apiVersion: "pod-security.admission.config.k8s.io/v1",
      kind: "PodSecurityConfiguration",
      defaults: { enforce: "baseline", "enforce-version": "latest", warn: "restricted", "warn-version": "v1.30" },
      exemptions: { namespaces: ["free"], runtimeClasses: ["sandboxed"], usernames: [] },
    },
    requests: [
      ...[...space("a"), ...space("free")],
      ...["a", "free"].flatMap((where) => [
        pod(where),
        pod(where, { hostNetwork: true }),
        pod(where, { hostPID: true, securityContext: { runAsNonRoot: true } }),
      ]),
      namespace("labelled", { labels: { "pod-security.kubernetes.io/enforce": "privileged" } }),
      account("labelled"),
      pod("labelled", { hostNetwork: true }),
      {
        method: "PATCH",
        path: `${core}/free`,
        body: { metadata: { labels: { "pod-security.kubernetes.io/enforce": "restricted" } } },
        headers: { "content-type": "application/merge-patch+json" },
      },
    ],
  },
  {
    name: "ResourceQuota",
    configuration: {
      apiVersion: "apiserver.config.k8s.io/v1",
      kind: "ResourceQuotaConfiguration",
      limitedResources: [
        { resource: "pods", matchContains: ["cpu"] },
        { resource: "pods", matchScopes: [{ scopeName: "PriorityClass", operator: "In", values: ["system-cluster-critical"] }] },
        { resource: "persistentvolumeclaims", matchContains: ["gold.storageclass.storage.k8s.io/requests.storage"] },
      ],
    },
    requests: [
      ...space("a"),
      pod("a"),
      pod("a", requests("1")),
      pod("a", { priorityClassName: "system-cluster-critical" }),
      ...["gold", "silver"].map((storageClassName) =>
        post(`${core}/a/persistentvolumeclaims`, {
          apiVersion: "v1",
          kind: "PersistentVolumeClaim",
          metadata: { name: storageClassName },
          spec: { storageClassName, accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
        }),
      ),
      post(`${core}/a/resourcequotas`, { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "q" }, spec: { hard: { "requests.cpu": "5" } } }),
      pod("a", requests("1")),
    ],
  },
  {
    name: "ImagePolicyWebhook",
    enabled: "ImagePolicyWebhook",
    configuration: "imagePolicy:\n  kubeConfigFile: WEBHOOK\n  allowTTL: 50\n  denyTTL: 50\n  retryBackoff: 10\n  defaultAllow: false\n",
    requests: [
      ...space("a"),
      pod("a"),
      ...["allow", "deny", "quiet", "broken", "lie", "deny"].map((image) =>
        pod("a", { containers: [{ name: "c", image }] }, { annotations: { "x.image-policy.k8s.io/y": "1", z: "2" } }),
      ),
    ],
  },
  {
    name: "ImagePolicyWebhook, open",
    enabled: "ImagePolicyWebhook",
    configuration: "imagePolicy:\n  kubeConfigFile: WEBHOOK\n  allowTTL: -1\n  denyTTL: 0\n  retryBackoff: 10\n  defaultAllow: true\n",
    requests: [...space("a"), ...["allow", "deny", "broken"].map((image) => pod("a", { containers: [{ name: "c", image }] }))],
  },
];

/** Configurations that keep a server from starting, by plugin. */
export const wrongConfigurations: { plugin: string; enabled?: string; configuration?: object | string }[] = [
  {
    plugin: "EventRateLimit",
    enabled: "EventRateLimit",
    configuration: { apiVersion: "eventratelimit.admission.k8s.io/v1alpha1", kind: "Configuration", limits: [] },
  },
  {
    plugin: "EventRateLimit",
    enabled: "EventRateLimit",
    configuration: {
      apiVersion: "eventratelimit.admission.k8s.io/v1alpha1",
      kind: "Configuration",
      limits: [{ type: "User", qps: 0, burst: -1, cacheSize: -1 }],
    },
  },
  {
    plugin: "PodSecurity",
    configuration: {
      apiVersion: "pod-security.admission.config.k8s.io/v1",
      kind: "PodSecurityConfiguration",
      defaults: { enforce: "strict", "warn-version": "v2" },
      exemptions: { namespaces: ["A", "a", "a"], usernames: [""] },
    },
  },
  { plugin: "PodSecurity", configuration: { apiVersion: "pod-security.admission.config.k8s.io/v1", kind: "PodSecurityConfiguration", strange: 1 } },
  {
    plugin: "ResourceQuota",
    configuration: { apiVersion: "apiserver.config.k8s.io/v1", kind: "ResourceQuotaConfiguration", limitedResources: [{ matchContains: ["x"] }] },
  },
  {
    plugin: "PodTolerationRestriction",
    enabled: "PodTolerationRestriction",
    configuration: {
      apiVersion: "podtolerationrestriction.admission.k8s.io/v1alpha1",
      kind: "Configuration",
      whitelist: [{ key: "a", operator: "Exists", value: "b" }],
    },
  },
  { plugin: "ImagePolicyWebhook", enabled: "ImagePolicyWebhook", configuration: "imagePolicy: {kubeConfigFile: WEBHOOK, allowTTL: 100000}" },
  { plugin: "ImagePolicyWebhook", enabled: "ImagePolicyWebhook", configuration: "imagePolicy: {kubeConfigFile: /none}" },
];
