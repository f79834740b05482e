/** Requests that random runs met once in ten thousand, by hand: ways with empty names, revisions of a past, what is concealed. */
import { apply, ask, type Case, merge, type Step, strategic } from "./cases.ts";

const core = "/api/v1/namespaces/default";
const replicaSets = "/apis/apps/v1/namespaces/default/replicasets";
const fieldSets = (name: string, ...sets: unknown[]): Step[] => {
  const template = {
    metadata: { labels: { a: "b" }, managedFields: sets.map((fieldsV1) => ({ fieldsV1 })) },
    spec: { containers: [{ name: "c", image: "i" }] },
  };
  const status = { apiVersion: "apps/v1", kind: "ReplicaSet", metadata: { name }, status: { replicas: null } };
  return [
    ask("POST", replicaSets, { metadata: { name }, spec: { selector: { matchLabels: { a: "b" } }, template } }),
    ask("PATCH", `${replicaSets}/${name}/status?fieldManager=m`, status, apply),
    ask("PATCH", `${replicaSets}/${name}?fieldManager=m`, { apiVersion: "apps/v1", kind: "ReplicaSet", metadata: { name }, spec: { replicas: 2 } }, apply),
  ];
};
const external = { type: "ExternalName", externalName: "a.example.com", internalTrafficPolicy: "Local" };

const listTexts = [
  "",
  "null",
  "{}",
  "[",
  "1",
  '"a"',
  "[null]",
  "[1]",
  '[{"KEY":"a","Effect":"NoSchedule"}]',
  '[{"key":1}]',
  '[{"effect":true}]',
  '[{"value":["a"]}]',
  '[{"key":"a","operator":"Exists","effect":"NoExecute","tolerationSeconds":1.5}]',
  '[{"key":"a","operator":"Exists","effect":"NoExecute","tolerationSeconds":"5"}]',
  '[{"key":"a","operator":"Sometimes","effect":"NoSchedule"},{"key":"b b","effect":"x"}]',
  "fd00::1",
];

export const foundCases: Case[] = [
  {
    name: "ways with empty names",
    steps: [
      ask("POST", `${core}/secrets`, { metadata: { name: "there" } }),
      ask("GET", "/api/v1/namespaces//secrets/there"),
      ask("PUT", "/api/v1/namespaces//secrets/there", { metadata: { name: "there" } }),
      ask("PATCH", "/api/v1/namespaces//secrets/there", {}, merge),
      ask("DELETE", "/api/v1/namespaces//secrets/there"),
      ask("DELETE", "/api/v1/namespaces//secrets"),
      ask("POST", "/api/v1/namespaces//secrets", { metadata: { name: "nowhere" } }),
      ask("POST", "/api/v1/namespaces//bindings", { metadata: { name: "nowhere" }, target: { kind: "Node", name: "n" } }),
      ask("GET", "/api/v1/namespaces//pods/there/log"),
      ask("GET", "/api/v1/namespaces//services/there/proxy/"),
      ask("GET", "/apis/apps/v1/namespaces//deployments/there/scale"),
      ask("GET", "/api/v1/namespaces//nodes"),
      ask("GET", "/api/v1/namespaces/default/namespaces"),
      ask("GET", `${core}/pods//status`),
      ask("PUT", `${core}/pods//status`, {}),
      ask("POST", `${core}/pods//eviction`, {}),
      ask("POST", `${core}/pods//exec`, {}),
      ask("DELETE", `${core}/pods//status`),
      ask("GET", `${core}/pods//status`, undefined, { accept: "text/plain" }),
      ask("GET", "/api/v1/namespaces//finalize"),
    ],
  },
  {
    name: "numbers and texts in words of refusals",
    steps: [
      ask("POST", `${core}/replicationcontrollers`, {
        metadata: { name: "words" },
        spec: { replicas: 0, selector: { a: "b" }, template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } } },
      }),
      ...["1e-400", "1.0", "1", "1.5", '["a",1.0]', '{"a":2.0}'].map((text) =>
        ask("PATCH", `${core}/replicationcontrollers/words`, `{"status":{"$patch":${text},"conditions":[1.0,2]}}`, strategic),
      ),
      ...["[1.0,{}]", "[1,1.0,{}]", "1.0"].map((text) => ask("PATCH", `${core}/replicationcontrollers/words`, `{"status":{"conditions":${text}}}`, strategic)),
      ...["\ufeff", "<&>", "a\u2028", "\u0001", "%", '"'].map((minAvailable) =>
        ask("POST", "/apis/policy/v1/namespaces/default/poddisruptionbudgets", { metadata: { name: "words" }, spec: { minAvailable, selector: {} } }),
      ),
    ],
  },
  {
    name: "groups and versions without a name",
    steps: [
      ...[
        "/apis//",
        "/apis//v1",
        "/apis//v2",
        "/apis//v1/pods",
        "/apis//v1/namespaces/default/configmaps/none",
        "/apis//v9/pods",
        "/apis/%2Fv1/pods",
        "/apis/apps//",
        "/apis/apps//deployments",
      ],
      ...[
        "/api//",
        "/api//pods",
        "/api/v1//",
        "/api/v1//pods",
        "/api/v1/",
        "/api/",
        "/apis/apps/",
        "/apis/apps/v1/",
        "/apis///",
        "/apis//apps/v1",
        "/apis/v1/pods",
      ],
      ...["/apis/api/v1/pods", "/apis/example.com", "/apis/example.com/v1", "/apis/example.com/v1/things", "/apis/example.com//things"],
    ].map((path) => ask("GET", path)),
  },
  {
    name: "field sets in templates",
    steps: [...fieldSets("number", -3, {}), ...fieldSets("several", "text", [], true, 1.5), ...fieldSets("fits", {}, null)],
  },
  {
    name: "options of deletions",
    steps: [
      ...["DeleteOptions", "PatchOptions", "CreateOptions", "Status", "Table", "WatchEvent", "Pod", "ListOptions", "Nope"].flatMap((kind) =>
        [undefined, "v1", "meta.k8s.io/v1", "meta.k8s.io/v1beta1", "apps/v1", "x/y"].flatMap((apiVersion) =>
          [{}, { orphanDependents: "x", metadata: {} }].map((more) =>
            ask("DELETE", `${core}/configmaps/none`, { kind, ...(apiVersion ? { apiVersion } : {}), ...more }),
          ),
        ),
      ),
      ...[
        "gracePeriodSeconds=",
        "gracePeriodSeconds=+1",
        "gracePeriodSeconds=1&gracePeriodSeconds=x",
        "limit=",
        "timeoutSeconds=",
        "uid=",
        "orphanDependents=",
      ].flatMap((query) => [ask("DELETE", `${core}/configmaps/none?${query}`), ask("DELETE", `${core}/configmaps?labelSelector=none&${query}`)]),
      ...["limit=", "timeoutSeconds=", "watch=", "limit=%201", "resourceVersion=", "sendInitialEvents="].map((query) =>
        ask("GET", `${core}/configmaps?labelSelector=none&${query}&timeoutSeconds=1`),
      ),
      ...[
        "tailLines=",
        "limitBytes=",
        "sinceSeconds=",
        "sinceTime=",
        "previous=",
        "sinceTime=null",
        "sinceTime=2026-01-02",
        "sinceTime=2026-01-02T03%3A04%3A05%2B25%3A00&tailLines=x",
        "tailLines=99999999999999999999",
      ].map((query) => ask("GET", `${core}/pods/none/log?${query}`)),
    ],
  },
  {
    name: "names of those who say how to make one",
    steps: [
      ask("POST", `${core}/configmaps`, { metadata: { name: "both", generateName: "gn-", finalizers: ["a.b/c"] } }),
      ask("POST", `${core}/configmaps`, { metadata: { name: "both", generateName: "gn-" } }),
      ask("POST", `${core}/configmaps?dryRun=All`, { metadata: { name: "both", generateName: "gn-" } }),
      ask("DELETE", `${core}/configmaps/both`),
      ask("POST", `${core}/configmaps`, { metadata: { name: "both", generateName: "gn-" } }),
      ask("POST", `${core}/configmaps`, { metadata: { name: "both", generateName: "" } }),
      ask("PATCH", `${core}/configmaps/both`, { metadata: { finalizers: null } }, merge),
    ],
  },
  {
    name: "what is concealed",
    steps: [
      ask("POST", `${core}/services`, { metadata: { name: "begun" }, spec: external }),
      ask("DELETE", `${core}/services/begun`, { propagationPolicy: "Foreground" }),
      ask("GET", `${core}/services/begun`),
      ask("DELETE", `${core}/services/begun`, { propagationPolicy: "Background" }),
      ask("POST", `${core}/services`, { metadata: { name: "held", finalizers: ["a.b/c"] }, spec: external }),
      ask("DELETE", `${core}/services/held`),
      ask("PATCH", `${core}/services/held`, { metadata: { finalizers: null } }, merge),
    ],
  },
  {
    name: "collections of which one is chosen, of a revision",
    steps: ["configmaps", "services", "serviceaccounts", "pods"].flatMap((resource) => {
      const spec = resource === "pods" ? { containers: [{ name: "c", image: "i" }], automountServiceAccountToken: false } : { ports: [{ port: 80 }] };
      const of = `${core}/${resource}`;
      const chosen = "fieldSelector=metadata.name%3Dchosen";
      return [
        ask("POST", of, { metadata: { name: "chosen", labels: { chosen: "yes" } }, ...(resource === "configmaps" ? {} : { spec }) }),
        ...["resourceVersion=1", "resourceVersion=0", "resourceVersion=1&resourceVersionMatch=NotOlderThan", "resourceVersion=x", "uid=u", "uid="].flatMap(
          (query) => [
            ask("DELETE", `${of}?dryRun=All&${chosen}&${query}`),
            ask("DELETE", `${of}?dryRun=All&labelSelector=chosen%3Dyes&${query}`),
            ask("DELETE", `${of}?dryRun=All&labelSelector=chosen%3Dyes&${chosen}&${query}`),
            ask("DELETE", `${of}/chosen?dryRun=All&${query}`),
          ],
        ),
        ask("DELETE", `${of}?labelSelector=chosen%3Dyes&${chosen}&resourceVersion=1`),
        ask("DELETE", `${of}/chosen?gracePeriodSeconds=0`),
      ];
    }),
  },
  {
    name: "a collection of the past",
    steps: [
      ask("POST", `${core}/resourcequotas`, { metadata: { name: "early", labels: { a: "then" }, finalizers: ["a.b/c"] } }),
      ask("PATCH", `${core}/resourcequotas/early`, { metadata: { annotations: { a: "b" } } }, merge),
      ask("DELETE", `${core}/resourcequotas?labelSelector=a%3Dthen&resourceVersion={rv}`),
      ask("POST", `${core}/resourcequotas`, { metadata: { name: "late", labels: { a: "then" } } }),
      ask("DELETE", `${core}/resourcequotas?labelSelector=a%3Dthen&resourceVersion=1`),
      ask("DELETE", `${core}/resourcequotas?labelSelector=a%3Dthen&resourceVersion=0`),
    ],
  },
  {
    name: "revisions of a scale",
    steps: [
      ...fieldSets("scaled", {}),
      ...["x", "0", "1"].map((resourceVersion) =>
        ask("PUT", `${replicaSets}/scaled/scale`, { metadata: { name: "scaled", resourceVersion }, spec: { replicas: 3 } }),
      ),
    ],
  },
  {
    name: "lists that annotations hold",
    steps: [ask("POST", "/api/v1/nodes", { metadata: { name: "told" } })].concat(
      listTexts.flatMap((text, i) => [
        ask("POST", "/api/v1/nodes", { metadata: { name: `told-${i}`, annotations: { "scheduler.alpha.kubernetes.io/taints": text } } }),
        ask("PATCH", "/api/v1/nodes/told", { metadata: { annotations: { "scheduler.alpha.kubernetes.io/taints": text } } }, merge),
        ask("PATCH", "/api/v1/nodes/told", { metadata: { annotations: { "scheduler.alpha.kubernetes.io/preferAvoidPods": text } } }, merge),
        ask("POST", `${core}/pods?dryRun=All`, {
          metadata: { name: `told-${i}`, annotations: { "scheduler.alpha.kubernetes.io/tolerations": text } },
          spec: { containers: [{ name: "c", image: "i" }] },
        }),
      ]),
    ),
  },
  {
    name: "ways that are no steps of a path",
    steps: [
      ...["/api/v1/namespaces/./pods", "/apis/networking.k8s.io/v1/namespaces/../ingresses", "/api/v1/namespaces/a%25b/configmaps"].flatMap((way) => [
        ...["", "?limit=1", "?resourceVersion=x", "?resourceVersion=99999999", "?resourceVersion=1&resourceVersionMatch=Exact", "?continue=x"].map((query) =>
          ask("GET", way + query),
        ),
        ...["", "&resourceVersion=x", "&fieldSelector=metadata.name%3Dx"].map((query) => ask("GET", `${way}?watch=1&timeoutSeconds=1${query}`)),
        ...["x", ".", "a%25", "a%2Fb"].map((name) => ask("GET", `${way}?fieldSelector=metadata.name%3D${name}`)),
        ask("POST", way, { metadata: { name: "x" } }),
        ask("DELETE", way),
        ...["x", ".", "..", "a%25b", "%2E", "x/status", "x/log", "./status", "x/proxy/a", "x/exec"].flatMap((name) => [
          ask("GET", `${way}/${name}`),
          ask("GET", `${way}/${name}?resourceVersion=x`),
          ask("PUT", `${way}/${name}`, { metadata: { name: decodeURIComponent(name.split("/")[0] as string) } }),
          ask("PATCH", `${way}/${name}`, {}, merge),
          ask("PATCH", `${way}/${name}?fieldManager=m`, { metadata: { name: decodeURIComponent(name.split("/")[0] as string) } }, apply),
          ask("DELETE", `${way}/${name}`),
        ]),
        ask("POST", `${way}/x/eviction`, { metadata: { name: "x" } }),
        ask("POST", `${way}/x/binding`, { metadata: { name: "x" }, target: { name: "n" } }),
      ]),
      ...["/api/v1/nodes/.", "/api/v1/nodes/a%25b", "/api/v1/namespaces/.", "/api/v1/namespaces/..", "/api/v1/nodes/./proxy/x"].flatMap((way) => [
        ask("GET", way),
        ask("DELETE", way),
        ask("PATCH", way, {}, merge),
      ]),
      ask("POST", "/api/v1/namespaces/./serviceaccounts/x/token", { spec: {} }),
      ask("POST", "/api/v1/namespaces//serviceaccounts/x/token", { spec: {} }),
      ask("POST", "/apis/authorization.k8s.io/v1/namespaces/./localsubjectaccessreviews", { spec: { user: "x", resourceAttributes: { namespace: "." } } }),
    ],
  },
  {
    name: "who asks for another protocol where there is none",
    steps: [
      ...["websocket", "SPDY/3.1", "h2c", "x"].flatMap((upgrade) => {
        const headers = { connection: "Upgrade", upgrade, "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };
        return [
          ask("GET", "/healthz", undefined, headers),
          ask("GET", "/nope", undefined, headers),
          ask("GET", `${core}/configmaps/nope`, undefined, headers),
          ask("POST", `${core}/configmaps?dryRun=All`, { metadata: { name: "x" } }, headers),
          ...["exec", "attach", "portforward", "log", "proxy", "proxy/x", "status", "nope"].flatMap((part) => [
            ask("GET", `${core}/pods//${part}`, undefined, headers),
            ask("GET", `${core}/pods/nope/${part}?ports=80&container=c&command=ls`, undefined, headers),
            ask("POST", `${core}/pods/nope/${part}`, undefined, headers),
            ask("DELETE", `${core}/pods/nope/${part}`, undefined, headers),
            ask("PUT", `${core}/pods/nope/${part}`, undefined, headers),
            ask("GET", `/api/v1/namespaces//pods/nope/${part}`, undefined, headers),
            ask("GET", `/api/v1/namespaces/./pods/nope/${part}`, undefined, headers),
            ask("GET", `${core}/pods/a%25/${part}`, undefined, headers),
            ask("GET", `${core}/configmaps/nope/${part}`, undefined, headers),
            ask("GET", `/api/v1/pods/nope/${part}`, undefined, headers),
          ]),
        ];
      }),
      ...["", "?", "?a", "?a=%zz&b", "?a=b c".replace(" ", "+"), "/?x=%3c"].map((query) => ask("GET", `/api/v1/watch${query}`)),
    ],
  },
  {
    name: "evictions of pods whose metadata is wrong or that are not as they have to be",
    steps: [
      ask("POST", `${core}/pods`, { metadata: { name: "odd" }, spec: { automountServiceAccountToken: false, containers: [{ name: "c", image: "i" }] } }),
      ask("POST", `${core}/pods/odd/binding`, { metadata: { name: "odd", annotations: { "Bad Key": "x" } }, target: { kind: "Node", name: "n" } }),
      ...[["All"], []].flatMap((dryRun) => [
        ask("POST", `${core}/pods/odd/eviction`, { metadata: { name: "odd" }, deleteOptions: { dryRun, preconditions: { uid: "x" } } }),
        ask("POST", `${core}/pods/odd/eviction`, { metadata: { name: "odd" }, deleteOptions: { dryRun, preconditions: { resourceVersion: "1" } } }),
        ask("POST", `${core}/pods/odd/eviction`, { metadata: { name: "odd" }, deleteOptions: { dryRun } }),
      ]),
      ask("DELETE", `${core}/pods/odd?gracePeriodSeconds=0`),
    ],
  },
];
