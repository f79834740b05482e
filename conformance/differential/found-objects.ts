/** What objects say of themselves, as random runs met it: owners, names, versions, texts, generations. */
import { apply, ask, type Case, json, merge, strategic } from "./cases.ts";
import { at, created, group, object, one, removed, schemaOf } from "./custom-resource-made.ts";

const core = "/api/v1/namespaces/default";
const replicaSets = "/apis/apps/v1/namespaces/default/replicasets";

export const foundObjects: Case[] = [
  {
    name: "references to owners that are repeated",
    steps: (() => {
      const owner = { apiVersion: "v1", kind: "ConfigMap", name: "o", uid: "u" };
      const other = { ...owner, uid: "v" };
      const named = (name: string, ...ownerReferences: unknown[]) => ({ metadata: { name, ownerReferences } });
      return [
        ask("POST", `${core}/configmaps?dryRun=All`, named("owned", owner, other, owner)),
        ask("POST", `${core}/configmaps?fieldManager=m1`, named("owned", owner)),
        ask("PATCH", `${core}/configmaps/owned?fieldManager=m2`, [{ op: "add", path: "/metadata/ownerReferences/0", value: owner }], json),
        ask("PATCH", `${core}/configmaps/owned?fieldManager=m3`, named("owned", owner, other, other, owner), merge),
        ask("PATCH", `${core}/configmaps/owned?fieldManager=m4`, named("owned", owner, other, other, owner), strategic),
        ask("PATCH", `${core}/configmaps/owned?fieldManager=m5`, { apiVersion: "v1", kind: "ConfigMap", ...named("owned", owner, owner) }, apply),
        ask("PATCH", `${core}/configmaps/owned?fieldManager=m6`, [{ op: "add", path: "/metadata/ownerReferences/-", value: { ...owner, name: "p" } }], json),
        ask("PUT", `${core}/configmaps/owned?fieldManager=m7`, named("owned", other, other)),
        ask("PUT", `${core}/configmaps/nope?fieldManager=m7`, named("nope", other, other)),
        ask("PUT", `${core}/configmaps/owned`, { metadata: { ...named("owned", owner, owner).metadata, uid: "x" } }),
        ask("PUT", "/apis/coordination.k8s.io/v1/namespaces/default/leases/owned?fieldManager=m8", named("owned", other, other)),
        ask("POST", "/api/v1/namespaces/kube-system/configmaps", { metadata: { ...named("owned", owner, owner).metadata, namespace: "default" } }),
        ask("DELETE", "/apis/coordination.k8s.io/v1/namespaces/default/leases/owned"),
        ask("DELETE", `${core}/configmaps/owned`),
      ];
    })(),
  },
  {
    name: "YAML of texts that YAML cannot be read with",
    steps: [
      "\x7f",
      "\x84",
      "\x85",
      "a \x85 b",
      "\x85 \x85\x85c",
      "\x9f",
      "\xa0",
      "\ufeff",
      "\ufffe",
      "\uffff",
      "\u2028",
      "\x01",
      "\u{1f600}",
      "a\x7f\n",
    ].flatMap((text) => {
      const yaml = { accept: "application/yaml" };
      return [
        ask("POST", `${core}/configmaps`, { metadata: { name: "text", annotations: { a: text } }, data: { text } }, yaml),
        ask("GET", `${core}/configmaps/text`, undefined, yaml),
        ask("GET", `${core}/configmaps?fieldSelector=metadata.name%3Dtext`, undefined, yaml),
        ask("GET", `${core}/configmaps/text`, undefined, { accept: "application/yaml;as=PartialObjectMetadata;v=v1;g=meta.k8s.io" }),
        ask("DELETE", `${core}/configmaps/text`, undefined, yaml),
      ];
    }),
  },
  {
    name: "template generations that are no numbers",
    steps: ["", "a", "1.5", "-1", "9223372036854775808", "+7"].flatMap((generation) => {
      const daemonSets = "/apis/apps/v1/namespaces/default/daemonsets";
      const labels = { app: "x" };
      const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } };
      const metadata = { name: "counted", annotations: { "deprecated.daemonset.template.generation": generation } };
      const set = { apiVersion: "apps/v1", kind: "DaemonSet", metadata, spec: { selector: { matchLabels: labels }, template } };
      return [
        ask("POST", `${daemonSets}?dryRun=All`, set),
        ask("PATCH", `${daemonSets}/counted?fieldManager=m&dryRun=All`, set, apply),
        ask("PATCH", `${daemonSets}/counted?fieldManager=m`, { ...set, metadata: { name: "counted" } }, apply),
        ask("PATCH", `${daemonSets}/counted?fieldManager=m`, set, apply),
        ask("PATCH", `${daemonSets}/counted`, { metadata }, merge),
        ask("PATCH", `${daemonSets}/counted`, { metadata }, strategic),
        ask("DELETE", `${daemonSets}/counted`),
      ];
    }),
  },
  {
    name: "applied without a name",
    steps: [
      ...created("nameless", { schema: schemaOf(object({})) }),
      ...[
        undefined,
        null,
        {},
        { labels: { a: "b" } },
        { name: "" },
        { name: null },
        { generateName: "a" },
        { namespace: "default" },
        { name: "applied", uid: "x" },
      ].flatMap((metadata) =>
        [
          [`${core}/configmaps`, "v1", "ConfigMap", { data: { a: "b" } }],
          ["/apis/storage.k8s.io/v1/volumeattachments", "storage.k8s.io/v1", "VolumeAttachment", {}],
          [replicaSets, "apps/v1", "ReplicaSet", { spec: { replicas: 1 } }],
          [at("nameless"), `${group}/v1`, "Nameles", { spec: {} }],
        ].map(([path, apiVersion, kind, more]) =>
          ask("PATCH", `${path}/applied?fieldManager=m`, { apiVersion, kind, ...(metadata === undefined ? {} : { metadata }), ...(more as object) }, apply),
        ),
      ),
      ask("DELETE", `${core}/configmaps/applied`),
      ...removed("nameless"),
    ],
  },
  {
    name: "bindings of nothing",
    steps: [undefined, null, "", "a/b", "..", "nope"].flatMap((name) =>
      [`${core}/bindings`, `${core}/pods/nope/binding`, `${core}/bindings?dryRun=All`].map((path) =>
        ask("POST", path, { metadata: { name }, target: { kind: "Node", name: "n1" } }),
      ),
    ),
  },
  {
    name: "what a PUT would create, by one who may not create, and where it must not be",
    steps: (() => {
      const rbac = "/apis/rbac.authorization.k8s.io/v1";
      const resources = ["endpoints", "events"];
      const putter = { "impersonate-user": "putter" };
      const spec = { resourceAttributes: { namespace: "default", verb: "update", resource: "events" } };
      return [
        ask("POST", `${rbac}/clusterroles`, { metadata: { name: "putter" }, rules: [{ apiGroups: [""], resources, verbs: ["update", "patch"] }] }),
        ask("POST", `${rbac}/clusterrolebindings`, {
          metadata: { name: "putter" },
          subjects: [{ kind: "User", name: "putter" }],
          roleRef: { kind: "ClusterRole", name: "putter" },
        }),
        { ...ask("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", { spec: { ...spec, user: "putter" } }), until: '"allowed":true' },
        ...["default", "a%25b", "nope"].flatMap((namespace) =>
          resources.flatMap((resource) =>
            [undefined, putter, { "impersonate-user": "nobody" }].flatMap((headers) => {
              const path = `/api/v1/namespaces/${namespace}/${resource}/put`;
              return [
                ask("PUT", path, { metadata: { name: "put", resourceVersion: "x" } }, headers),
                ask("PUT", path, { metadata: { name: "put", resourceVersion: "7" }, subsets: [{ ports: [{}] }] }, headers),
                ask("PUT", `${path}?dryRun=All`, { metadata: { name: "put" }, subsets: [{ ports: [{}] }] }, headers),
                ask("PUT", `${path}?dryRun=All`, { metadata: { name: "put" } }, headers),
                ask("PATCH", `${path}?dryRun=All&fieldManager=m`, { metadata: { name: "put" }, subsets: [{ ports: [{}] }] }, { ...apply, ...headers }),
              ];
            }),
          ),
        ),
        ask("DELETE", `${rbac}/clusterrolebindings/putter`),
        ask("DELETE", `${rbac}/clusterroles/putter`),
      ];
    })(),
  },
  {
    name: "node ports of services that are only tried",
    steps: [undefined, 40000, 65534, 65535, 65536, 32766, 1].flatMap((nodePort) =>
      [[80], [80, 81]].flatMap((numbers) =>
        [{}, { healthCheckNodePort: 40001 }, { allocateLoadBalancerNodePorts: false }].map((more) => {
          const ports = numbers.map((port, i) => ({ name: `p${i}`, port, ...(i === 0 ? { nodePort } : {}) }));
          const spec = { type: "LoadBalancer", externalTrafficPolicy: "Local", ports, ...more };
          return ask("POST", `${core}/services?dryRun=All`, { metadata: { name: "tried" }, spec });
        }),
      ),
    ),
  },
  {
    name: "bindings that insist on a pod",
    steps: [
      ask("POST", `${core}/pods`, { metadata: { name: "insisted" }, spec: { automountServiceAccountToken: false, containers: [{ name: "c", image: "i" }] } }),
      ...["?dryRun=All", "?dryRun=All", ""].flatMap((query, i) =>
        [`${core}/pods/insisted/binding`, `${core}/bindings`].flatMap((path) =>
          [{ uid: "x" }, { resourceVersion: "1" }, { uid: "x", creationTimestamp: "2020-01-02T03:04:05Z", selfLink: "a" }, {}].map((more) =>
            ask("POST", path + query, { metadata: { name: "insisted", ...more }, target: { kind: "Node", name: `n${i}` } }),
          ),
        ),
      ),
      ask("DELETE", `${core}/pods/insisted?gracePeriodSeconds=0`),
    ],
  },
  {
    name: "revisions to come",
    steps: ["configmaps", "services", "events"].flatMap((resource) =>
      ["", "&resourceVersionMatch=Exact", "&resourceVersionMatch=NotOlderThan"].flatMap((match) =>
        ["", "&fieldSelector=metadata.name%3Da", "&limit=1", "&fieldSelector=metadata.name%3Da&limit=1"].map((more) =>
          ask("GET", `${core}/${resource}?resourceVersion=999999999${match}${more}`),
        ),
      ),
    ),
  },
  {
    name: "what annotations say of autoscalers",
    steps: Object.entries({
      behavior: [
        '{"SCALEDOWN":{"stabilizationwindowseconds":1,"more":{}}}',
        '{"ScaleDown":{"StabilizationWindowSeconds":1.0}}',
        '{"ScaleUp":{"Policies":"x"}}',
        '{"ScaleUp":{"Policies":[null,{"Type":"Pods","Value":1,"PeriodSeconds":1}],"Tolerance":"0.10"}}',
        '{"ScaleUp":{"Tolerance":0.1},"scaleUp":{"SelectPolicy":"Max"}}',
        ...["null", "{}", '{"ScaleUp":null}', '{"ScaleUp":{}}', "[]", "{", "{} {}", "1", ""],
      ],
      metrics: [
        '[{"type":1}]',
        '[{"resource":{"targetAverageUtilization":"80"}}]',
        '[{"type":"Pods","pods":{"targetAverageValue":"1.50","metricName":"m","selector":{"matchLabels":{"A":"b"}}}}]',
        '[{"type":"Pods","pods":{"targetAverageValue":"x","metricName":"m"}}]',
        '[{"TYPE":"External","external":{"METRICNAME":"m","targetValue":1.5,"metricSelector":{"MatchExpressions":[{"KEY":"a","operator":"Exists"}]}}}]',
        '[null,{"TYPE":"Pods","pods":null}]',
        '[{"type":"Object","object":{"target":{"Kind":"K","name":"n","apiVersion":"v1"},"metricName":"m","targetValue":"0"}}]',
        ...["null", "[]", "{}", "[[]]", "[1]", ""],
      ],
      "current-metrics": ['[{"type":"Pods","pods":{"currentAverageValue":"1e3"}}]', '[{"resource":{"currentAverageUtilization":1e1}}]', "null", "[null]", "x"],
      conditions: ['[{"Type":"AbleToScale","status":"True","lastTransitionTime":"2026-01-02T03:04:05Z"}]', '[{"lastTransitionTime":"x"}]', "null", "[null]"],
    }).flatMap(([key, texts]) =>
      texts.map((text) =>
        ask("POST", "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers?dryRun=All", {
          metadata: { name: "said", annotations: { [`autoscaling.alpha.kubernetes.io/${key}`]: text } },
          spec: { scaleTargetRef: { kind: "D", name: "d", apiVersion: "apps/v1" }, maxReplicas: 2 },
          status: { currentReplicas: 1, desiredReplicas: 1, currentCPUUtilizationPercentage: 5 },
        }),
      ),
    ),
  },
  {
    name: "what a deletion of a namespace insists on",
    steps: [
      ask("POST", "/api/v1/namespaces", { metadata: { name: "insisted" } }),
      ...["", "x", null].flatMap((said) =>
        ["?dryRun=All", ""].flatMap((query) =>
          [{ uid: said ?? "x" }, { resourceVersion: said ?? "x" }, { uid: said, resourceVersion: "1" }].map((preconditions) =>
            ask("DELETE", `/api/v1/namespaces/insisted${query}`, { preconditions }),
          ),
        ),
      ),
      ask("DELETE", "/api/v1/namespaces/insisted?uid=&resourceVersion="),
    ],
  },
  {
    name: "versions that are half said",
    steps: ["/", "apps/", "/v1", "v1/", "apps/v1/", "nope/", "/apps", "authentication.k8s.io/", "autoscaling/", "policy/"].flatMap((apiVersion) => [
      ...[
        [`${core}/configmaps`, "ConfigMap"],
        [replicaSets, "ReplicaSet"],
        ["/apis/authentication.k8s.io/v1/tokenreviews", "TokenReview"],
        [`${core}/pods/nope/eviction`, "Eviction"],
      ].flatMap(([path = "", kind]) => [
        ask("POST", `${path}?dryRun=All`, { apiVersion, kind, metadata: { name: "half" } }),
        ask("POST", `${path}?dryRun=All`, { apiVersion, metadata: { name: "half" } }),
        ask("POST", `${path}?dryRun=All`, `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: half}`, { "content-type": "application/yaml" }),
        ask("PATCH", `${path}/half?dryRun=All&fieldManager=m`, { apiVersion, kind, metadata: { name: "half" } }, apply),
      ]),
      ask("PUT", `${replicaSets}/nope/scale`, { apiVersion, kind: "Scale", metadata: { name: "nope" } }),
      ask("DELETE", `${core}/configmaps/nope`, { apiVersion, kind: "DeleteOptions" }),
    ]),
  },
  {
    name: "versions of custom resources that are half said",
    steps: [
      ...created("halves", { schema: schemaOf(object({})) }),
      ask("POST", at("halves"), one("halves", "there", {})),
      ...["", "/", "apps/", "/v1", "v1/", `${group}/v1/`, "nope/", `/${group}`, `${group}/`, `${group}/v2`, "nope/v1", null].flatMap((apiVersion) => [
        ask("POST", `${at("halves")}?dryRun=All`, one("halves", "half", {}, { apiVersion })),
        ask("POST", `${at("halves")}?dryRun=All&fieldValidation=Ignore`, one("halves", "half", {}, { apiVersion })),
        ask("POST", `${at("halves")}?dryRun=All&fieldValidation=Strict`, one("halves", "half", {}, { apiVersion, more: 1 })),
        ask("PUT", `${at("halves", "there")}?dryRun=All`, one("halves", "there", {}, { apiVersion })),
        ask("PATCH", `${at("halves", "half")}?dryRun=All&fieldManager=m`, one("halves", "half", {}, { apiVersion }), apply),
        ask("PATCH", `${at("halves", "there")}?dryRun=All&fieldManager=m`, { apiVersion }, merge),
        ask("PATCH", `${at("halves", "there")}?dryRun=All`, [{ op: "replace", path: "/apiVersion", value: apiVersion }], json),
        ask("PATCH", `${at("halves", "there")}?dryRun=All&fieldValidation=Ignore`, { apiVersion }, merge),
        ask("PATCH", `${at("halves", "there")}?dryRun=All`, { apiVersion, kind: "Other" }, merge),
        ask("PATCH", `${core}/configmaps/kube-root-ca.crt?dryRun=All`, { apiVersion }, merge),
        ask("PATCH", `${core}/serviceaccounts/default?dryRun=All`, { apiVersion }, strategic),
      ]),
      ...[null, "", "Other"].map((kind) => ask("PATCH", `${at("halves", "there")}?dryRun=All`, { kind }, merge)),
      ...removed("halves"),
    ],
  },
  {
    name: "ports of nodes that are taken, beside one for checks that cannot be had",
    steps: (() => {
      const spec = { type: "LoadBalancer", externalTrafficPolicy: "Local", ports: [{ port: 80, nodePort: 30044 }] };
      const service = (name: string, more: object = {}) => ({ metadata: { name }, spec: { ...spec, ...more } });
      return [
        ask("POST", `${core}/services`, service("first", { healthCheckNodePort: 30045 })),
        ...[29999, 30045, 30044].flatMap((healthCheckNodePort) => [
          ask("POST", `${core}/services`, service("second", { healthCheckNodePort })),
          ask("POST", `${core}/services`, service("second", { healthCheckNodePort, ports: [{ port: 80, nodePort: 30046 }] })),
        ]),
        ask("POST", `${core}/services`, { metadata: { name: "third" }, spec: { ports: [{ port: 80 }] } }),
        ask("PATCH", `${core}/services/third`, { spec: { ...spec, healthCheckNodePort: 29999 } }, merge),
        ...["first", "third"].map((name) => ask("DELETE", `${core}/services/${name}`)),
      ];
    })(),
  },
  {
    name: "URLs of webhooks",
    steps: [
      "https://a/b",
      "\ufffdhttps://a.example.com/x",
      "\ufeffhttps://a.example.com/x",
      "1a://b",
      "a/b:c",
      "a:b",
      "",
      "*",
      "//a:b/c",
      "///a:b",
      "https://u@a/b",
      "https://@a/b",
      "https://u:p@a/b?c=d#e",
      "https://a/b#",
      "https://a/b#%zz",
      "https://a/%zz#c",
      "https://a/b?",
      "https:///b",
      "https://a b/c",
      "https://a/b c",
      "HTTPS://a/b",
      "https://[::1]:80/a",
      "https://a:b/c",
      ":a",
      "\x7f",
    ].map((url) =>
      ask("POST", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations?dryRun=All", {
        metadata: { name: "urls" },
        webhooks: [{ name: "a.b.c", clientConfig: { url }, sideEffects: "None", admissionReviewVersions: ["v1"] }],
      }),
    ),
  },
];
