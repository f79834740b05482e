/** Requests with two faults, or with one where nobody looks for it: which is told, and what is done all the same. */
import { ask, type Case } from "./cases.ts";
import { at, created, object, removed, schemaOf } from "./custom-resource-made.ts";

const core = "/api/v1/namespaces/default";

export const foundFaults: Case[] = [
  {
    name: "tokens that are bound to what has no name, or none that can be",
    steps: [
      ask("POST", `${core}/serviceaccounts`, { metadata: { name: "binding" } }),
      ...["Node", "Pod", "Secret", "ConfigMap"].flatMap((kind) =>
        [{}, { name: "" }, { name: "a/b" }, { name: ".." }, { name: "nope" }, { name: "nope", uid: "u" }, { name: "A_b" }].flatMap((named) =>
          ["v1", "", "apps/v1"].map((apiVersion) =>
            ask("POST", `${core}/serviceaccounts/binding/token`, { spec: { boundObjectRef: { kind, apiVersion, ...named } } }),
          ),
        ),
      ),
      ask("DELETE", `${core}/serviceaccounts/binding`),
    ],
  },
  {
    name: "YAML that is no custom resource",
    steps: [
      ...created("shapes", { schema: schemaOf(object({})) }),
      ...["", "[]", "null", "3", "a", "{}", "kind: 5", "apiVersion: [a]", "- kind: a", "kind: {a: b}\napiVersion: 3", "true"].flatMap((text) =>
        ["", "&fieldValidation=Ignore", "&fieldValidation=Strict"].flatMap((query) => [
          ask("POST", `${at("shapes")}?dryRun=All${query}`, text, { "content-type": "application/yaml" }),
          ask("POST", `${at("shapes")}?dryRun=All${query}`, text, { "content-type": "application/json" }),
        ]),
      ),
      ...removed("shapes"),
    ],
  },
  {
    name: "what cannot be tried, what is elsewhere, and streams that are no objects",
    steps: [
      ask("POST", `${core}/serviceaccounts`, { metadata: { name: "default" } }),
      ask("POST", `${core}/pods`, { metadata: { name: "stream" }, spec: { automountServiceAccountToken: false, containers: [{ name: "c", image: "i" }] } }),
      ...["Table", "PartialObjectMetadata", "PartialObjectMetadataList"].flatMap((as) =>
        ["stream/log", "nope/log", "stream/log?container=q"].map((path) =>
          ask("GET", `${core}/pods/${path}`, undefined, { accept: `application/json;as=${as};v=v1;g=meta.k8s.io` }),
        ),
      ),
      ...["exec?command=a&", "attach?", "portforward?", "proxy?", "proxy/a?", "log?"].flatMap((way) =>
        ["dryRun=All", "dryRun=", "dryRun=x"].flatMap((query) => [
          ask("GET", `${core}/pods/stream/${way}${query}`),
          ask("POST", `${core}/pods/nope/${way}${query}`),
        ]),
      ),
      ask("DELETE", `${core}/services/nope/proxy/a?dryRun=All`),
      ask("GET", "/api/v1/nodes/nope/proxy/a?dryRun=All"),
      ask("POST", `${core}/pods/stream/eviction?dryRun=All`, { metadata: { name: "stream", namespace: "other" } }),
      ask("POST", `${core}/pods/stream/binding`, { metadata: { name: "stream", namespace: "other" }, target: { name: "n" } }),
      ask("POST", `${core}/serviceaccounts/default/token`, { metadata: { namespace: "other" } }),
      ask("DELETE", `${core}/pods/stream?gracePeriodSeconds=0`),
    ],
  },
  {
    name: "options of lists that cannot be read, and pages of less than none",
    steps: [
      ...["limit=&timeoutSeconds=x", "timeoutSeconds=&limit=x", "limit=x&timeoutSeconds=1&labelSelector=a,,b", "limit=x&fieldSelector=a"].map((query) =>
        ask("GET", `${core}/configmaps?${query}`),
      ),
      ask("POST", `${core}/configmaps`, { metadata: { name: "paged", labels: { paged: "" } } }),
      ...[-5, -1, 0, 1].flatMap((limit) =>
        [
          "",
          "&resourceVersion=0",
          "&resourceVersion=1",
          "&resourceVersion=1&resourceVersionMatch=NotOlderThan",
          "&resourceVersion=1&resourceVersionMatch=Exact",
        ].map((query) => ask("DELETE", `${core}/configmaps?labelSelector=paged&dryRun=All&limit=${limit}${query}`)),
      ),
      ask("DELETE", `${core}/configmaps/paged`),
      ...["A_b", "-", "a/b"].flatMap((generateName) =>
        ["/apis/resource.k8s.io/v1/deviceclasses", `${core}/replicationcontrollers`].flatMap((path) => [
          ask("POST", `${path}?dryRun=All`, { metadata: { name: "made", generateName }, spec: {} }),
          ask("POST", `${path}?dryRun=All`, { metadata: { name: generateName }, spec: {} }),
        ]),
      ),
      ...[{ a: "b" }, { "": "" }, { a: 3 }, { a: null }, { a: [] }, { a: {} }].map((dependencies) =>
        ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All", {
          metadata: { name: "as.example.com" },
          spec: {
            group: "example.com",
            scope: "Cluster",
            names: { plural: "as", kind: "A" },
            versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object", dependencies } } }],
          },
        }),
      ),
    ],
  },
  {
    name: "watches of events whose time is over before they begin",
    steps: ["", "0", "1"].flatMap((rv) =>
      ["", "&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"].map((query) =>
        ask("GET", `${core}/events?watch=1&labelSelector=none&timeoutSeconds=-5${rv && `&resourceVersion=${rv}`}${query}`),
      ),
    ),
  },
];
