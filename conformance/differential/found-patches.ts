/** Patches that random runs met: written in letters that nobody would choose, and of what an object is. */
import { apply, ask, type Case, json, merge, strategic } from "./cases.ts";

const core = "/api/v1/namespaces/default";
const revisions = "/apis/apps/v1/namespaces/default/controllerrevisions";
const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
/** Members of a label's or of a role's rule, as nobody would write them. */
const oddly = [
  "1.5e3",
  "1.50",
  "-0",
  "1e400",
  "1e-400",
  "123456789012345678901234567890",
  '"a\\/b"',
  '"\\u0061"',
  '"\xc3"',
  '"\\ud800"',
  "[1.0, null ]",
  '{"b":1,"a":2,"b":3}',
  "null",
];

export const foundPatches: Case[] = [
  {
    name: "whole numbers that are written as floats, in strategic patches",
    steps: [
      ask("POST", `${core}/secrets`, { metadata: { name: "float" } }),
      ...["1e-400", "1.0", "1e18", "1E2", "5", "0.5"].flatMap((number) => [
        ask("PATCH", `${core}/secrets/float`, `{"stringData":${number}}`, strategic),
        ask("PATCH", `${core}/secrets/float`, `{"stringData":{"a":${number}}}`, strategic),
        ask("PATCH", `${core}/secrets/float`, `{"immutable":${number}}`, strategic),
        ask("PATCH", `${core}/secrets/float`, `{"metadata":{"deletionGracePeriodSeconds":${number},"labels":{"a":${number}}}}`, strategic),
        ask("PATCH", `${core}/secrets/float`, `{"metadata":{"finalizers":[${number}]}}`, strategic),
        ask("PATCH", `${core}/secrets/float?dryRun=All`, `[{"op":"remove","path":${number},"path":"/metadata/labels"}]`, json),
      ]),
      ask("DELETE", `${core}/secrets/float`),
    ],
  },
  {
    name: "applied documents that repeat keys",
    steps: ["", "&fieldValidation=Ignore", "&fieldValidation=Warn", "&fieldValidation=Strict"].flatMap((level) =>
      [
        "kind: ConfigMap\nmetadata: 08\nmetadata: {name: twice}\ndata: {a: b}",
        "kind: ConfigMap\nmetadata: {name: twice}\ndata:\n  a: b\n  a: c\n  1: d\n  1: e",
        "kind: a\nkind: ConfigMap\nmetadata: {name: twice, name: once}",
        "kind: ConfigMap\nmetadata: {name: twice}\n<<: {data: {a: b}}\ndata: {}",
      ].map((text) => ask("PATCH", `${core}/configmaps/twice?fieldManager=m&dryRun=All${level}`, Buffer.from(`apiVersion: v1\n${text}`), apply)),
    ),
  },
  {
    name: "patches that nobody can read, of what there is and of what there is not",
    steps: [
      ask("POST", `${core}/services`, { metadata: { name: "there" }, spec: { ports: [{ port: 1 }] } }),
      ...[`${core}/services/there`, `${core}/services/nope`, "/apis/apps/v1/namespaces/default/daemonsets/nope"].flatMap((path) =>
        ["", "/status"].flatMap((sub) =>
          ["", "?fieldValidation=Strict"].flatMap((query) =>
            [apply, json, merge, strategic].flatMap((type) =>
              ["{", "", "a: \uffff", '{"a":1}{', "[]", "1", "null", '"a"', "{} 1", '{"a":1e400}', '[{"op":"nope"}]', "[1]", "\x00"].map((text) =>
                ask("PATCH", `${path}${sub}${query}${type === apply ? `${query ? "&" : "?"}fieldManager=m` : ""}`, Buffer.from(text), type),
              ),
            ),
          ),
        ),
      ),
      ask("DELETE", `${core}/services/there`),
    ],
  },
  {
    name: "directives in what is replaced",
    steps: (() => {
      const budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
      const patched = (spec: object) => ask("PATCH", `${budgets}/replaced`, { spec }, strategic);
      return [
        ask("POST", budgets, { metadata: { name: "replaced" }, spec: { minAvailable: 1, selector: { matchLabels: { app: "x" } } } }),
        patched({ selector: { matchLabels: { $retainKeys: ["app"], app: "x" } } }),
        patched({ selector: { $patch: "replace", matchLabels: { b: "c" } } }),
        patched({ selector: { $retainKeys: ["matchLabels"], matchLabels: { b: "c" } } }),
        patched({ selector: { matchLabels: { app: null, c: "d" }, matchExpressions: null } }),
        patched({ selector: { $patch: "delete" } }),
        ask("DELETE", `${budgets}/replaced`),
      ];
    })(),
  },
  {
    name: "patches that are written oddly",
    steps: [
      ask("POST", `${core}/configmaps`, { metadata: { name: "odd" }, data: { a: "b" } }),
      ask("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", { metadata: { name: "odd" }, rules: [{ verbs: ["get"], nonResourceURLs: ["/a"] }] }),
      ask("POST", revisions, { metadata: { name: "odd" }, revision: 1, data: { a: { z: 1, y: 2 } } }),
      ask("PATCH", `${revisions}/odd`, { data: { a: { y: 3, b: { d: 1, c: 2 } }, 1: [{ d: 1, c: 2 }] } }, merge),
      ask("PATCH", `${revisions}/odd`, [{ op: "add", path: "/data/a/x", value: { d: 1, c: 2 } }], json),
      ...oddly.flatMap((value) =>
        ["", "&fieldValidation=Ignore", "&fieldValidation=Warn"].flatMap((level) => {
          const query = `?dryRun=All${level}`;
          const roles = `/apis/rbac.authorization.k8s.io/v1/clusterroles/odd${query}`;
          return [
            ask("PATCH", `${core}/configmaps/odd${query}`, bytes(`{"data": {"b": ${value}}}`), merge),
            ask("PATCH", `${core}/configmaps/odd${query}`, bytes(`[{"op":"add","path":"/data/b","value": ${value}}]`), json),
            ask("PATCH", `${core}/configmaps/odd${query}`, bytes(`[{"op":"test","path":"/data/a","value":${value}}]`), json),
            ask("PATCH", roles, bytes(`{"rules":[{"verbs":["get"],"\xff":${value},"nonResourceURLs":["/b"]}]}`), merge),
            ask("PATCH", roles, bytes(`[{"op":"add","path":"/rules/0","value":{"verbs":${value},"1":2,"resources":["a"]}}]`), json),
          ];
        }),
      ),
      ...['"x"', "1", "null", "[]", "{}", "[null]", "[{}]", "[1]", "", "{"].flatMap((text) =>
        ["", "?fieldValidation=Ignore"].flatMap((level) => [merge, json].map((type) => ask("PATCH", `${core}/configmaps/odd${level}`, text, type))),
      ),
    ],
  },
  {
    name: "patches of what an object is",
    steps: [
      ask("POST", `${core}/configmaps`, { metadata: { name: "same" }, data: { a: "b" } }),
      ...[{ kind: {} }, { kind: 1 }, { kind: "Pod" }, { kind: "Nope" }, { kind: null }, { kind: "" }, { kind: "configmap" }, { KIND: "Pod" }].flatMap((kind) =>
        [
          {},
          { apiVersion: "v2" },
          { apiVersion: "apps/v1" },
          { apiVersion: null },
          { apiVersion: 1 },
          { apiVersion: "a/b/c" },
          { apiVersion: "/v1" },
          { apiVersion: "apps/" },
        ].flatMap((apiVersion) => [
          ask("PATCH", `${core}/configmaps/same`, { ...kind, ...apiVersion, data: { a: "c" } }, merge),
          ask("PATCH", `${core}/configmaps/same`, { ...kind, ...apiVersion, data: { a: "d" } }, strategic),
          ask(
            "PATCH",
            `${core}/configmaps/same`,
            Object.entries({ ...kind, ...apiVersion }).map(([key, value]) => ({ op: "add", path: `/${key}`, value })),
            json,
          ),
        ]),
      ),
      ...["same", "other"].flatMap((name) =>
        [undefined, null, {}, { name: null }, { name: "" }, { labels: { a: "b" } }, { name: "third" }, "x", []].flatMap((metadata) => [
          ask("PATCH", `${core}/configmaps/${name}?fieldManager=m`, { apiVersion: "v1", kind: "ConfigMap", metadata }, apply),
          ask("PATCH", `${core}/pods/${name}?fieldManager=m`, { apiVersion: "v1", kind: "Pod", metadata }, apply),
          ask("PATCH", `${core}/configmaps/${name}/status?fieldManager=m`, { apiVersion: "v1", kind: "ConfigMap", metadata }, apply),
          ask("PATCH", `${core}/configmaps/${name}`, { metadata }, merge),
          ask("PATCH", `${core}/configmaps/${name}`, { metadata }, strategic),
          ask("PUT", `${core}/configmaps/${name}`, { metadata }),
        ]),
      ),
    ],
  },
  {
    name: "objects that are replaced by their metadata and do not say what they are",
    steps: (() => {
      const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } };
      const claim = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
      const selected = {
        selector: { matchLabels: { a: "b" } },
        template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } },
      };
      const made: [string, object][] = [
        [`${core}/configmaps`, {}],
        [`${core}/secrets`, {}],
        [`${core}/services`, { spec: { ports: [{ port: 1 }] } }],
        [`${core}/persistentvolumeclaims`, { spec: claim }],
        [revisions, { revision: 1 }],
        ["/apis/apps/v1/namespaces/default/daemonsets", { spec: selected }],
        ["/apis/apps/v1/namespaces/default/deployments", { spec: selected }],
        ["/apis/apps/v1/namespaces/default/statefulsets", { spec: { serviceName: "s", ...selected } }],
        ["/apis/batch/v1/namespaces/default/jobs", { spec: { template } }],
        ["/apis/batch/v1/namespaces/default/cronjobs", { spec: { schedule: "* * * * *", jobTemplate: { spec: { template } } } }],
        ["/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", { spec: { maxReplicas: 1, scaleTargetRef: { kind: "A", name: "b" } } }],
      ];
      const said = { name: "said", namespace: "default", labels: { a: "b" } };
      return made.flatMap(([path, object]) => [
        ask("POST", path, { metadata: { name: "said" }, ...object }),
        ...["", "/status"].flatMap((sub) =>
          [
            said,
            { ...said, apiVersion: "", metadata: { name: "z" }, finalizers: ["a/b"], generation: 7 },
            { ...said, labels: 3 },
            { ...said, name: "other" },
          ].map((value) => ask("PATCH", `${path}/said${sub}?dryRun=All`, [{ op: "replace", path: "", value }], json)),
        ),
        ask("PATCH", `${path}/said?dryRun=All&fieldValidation=Strict`, [{ op: "replace", path: "", value: { ...said, spec: {} } }], json),
        ask("PATCH", `${path}/said?dryRun=All`, { ...said, apiVersion: null, kind: null, metadata: null }, merge),
        ask("DELETE", `${path}/said?propagationPolicy=Background`),
      ]);
    })(),
  },
  {
    name: "numbers of a JSON patch that no float holds",
    steps: [
      '[{"op":"add","path":1e400,"value":null}]',
      '[{"path":1e400,"value":1e400}]',
      '[{"value":1e400,"path":1e400}]',
      '[{"op":"add","path":"/metadata/labels","value":{"a":[-1e999]}}]',
      '[{"op":"add"},1e400]',
      '[1,{"op":1e400}]',
      "1e400",
      '[{"from":{"a":1e400}}]',
      '[{"op":"add","path":"/metadata/labels/a","value":"b","from":"/x","unknown":1e400}]',
      '[{"op":"add","path":"/metadata/labels/a","value":{"a":1,"a":2},"unknown":{"b":1,"b":2},"more":[1e400],"op":"test"}]',
      '[{"op":"test","path":"/metadata/name","value":"default","unknown":{"b":1,"b":2}}]',
      '[{"op":"test","path":"/metadata/name","value":"default","unknown":1,"unknown":{"b":1,"b":2}},null]',
    ].flatMap((text) =>
      ["", "?fieldValidation=Ignore", "?fieldValidation=Strict"].map((query) => ask("PATCH", `/api/v1/namespaces/default${query}`, text, json)),
    ),
  },
  {
    name: "schemas that are none, applied and merged strategically; managers that are none",
    steps: (() => {
      const definition = (schema: object) => ({
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: "unfit.example.com" },
        spec: {
          group: "example.com",
          scope: "Cluster",
          names: { plural: "unfit", kind: "Unfit" },
          versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object", ...schema } } }],
        },
      });
      const place = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/unfit.example.com";
      const schemas = [
        ...["x", 5, [], null, { type: 1 }, { additionalProperties: 3 }].map((additionalProperties) => ({ additionalProperties })),
        ...["x", 5, [1], [{ type: 1 }], { additionalProperties: "x" }, { maxLength: 1.5 }].map((items) => ({ items })),
        ...[5, { type: 5 }].map((a) => ({ dependencies: { a } })),
        { additionalItems: "x" },
        { type: 5 },
        { properties: 3 },
      ];
      return [
        ...schemas.flatMap((schema) => [
          ask("PATCH", `${place}?fieldManager=m&dryRun=All`, definition(schema), apply),
          ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All", definition(schema)),
        ]),
        ...[5, "x", {}, [], null, [{}], true, 1.5, [5], [{ manager: 5 }], [{ fieldsV1: 5 }]].map((managedFields) =>
          ask(
            "PATCH",
            `${core}/configmaps/managed?fieldManager=m&dryRun=All`,
            { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "managed", managedFields } },
            apply,
          ),
        ),
      ];
    })(),
  },
];
