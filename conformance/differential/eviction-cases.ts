/** Evictions that disruption budgets have a say in, and what becomes of the budgets. */
import { apply, ask, type Case, json, merge, type Step } from "./cases.ts";

const core = "/api/v1/namespaces/default";
const pods = `${core}/pods`;
const budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";

/** It stays where it is when it is deleted, so that its conditions can be read. */
const pod = (name: string, labels: object | undefined, conditions: object[] = [], phase = "Running"): Step[] => [
  ask("POST", `${core}/serviceaccounts`, { metadata: { name: "default" } }),
  ask("POST", pods, {
    metadata: { name, finalizers: ["x.io/stays"], ...(labels ? { labels } : {}) },
    spec: { automountServiceAccountToken: false, containers: [{ name: "c", image: "i" }] },
  }),
  ask("PATCH", `${pods}/${name}/status`, { status: { phase, conditions } }, merge),
];
const gone = (name: string): Step[] => [
  ask("PATCH", `${pods}/${name}`, [{ op: "remove", path: "/metadata/finalizers" }], json),
  ask("DELETE", `${pods}/${name}?gracePeriodSeconds=0`),
];
const budget = (name: string, selector: object | undefined, status: object, spec: object = {}): Step[] => [
  ask("POST", budgets, { metadata: { name }, spec: { maxUnavailable: 1, ...(selector ? { selector } : {}), ...spec } }),
  ask("PATCH", `${budgets}/${name}/status`, { status: { expectedPods: 3, currentHealthy: 3, desiredHealthy: 2, observedGeneration: 1, ...status } }, merge),
];
const evict = (name: string, deleteOptions?: object, query = ""): Step =>
  ask("POST", `${pods}/${name}/eviction${query}`, {
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata: { name },
    ...(deleteOptions ? { deleteOptions } : {}),
  });
const ready = [{ type: "Ready", status: "True" }];
const past = "2020-01-01T00:00:00Z";
const disrupted = { type: "DisruptionTarget", status: "True", reason: "Before", message: "before", lastTransitionTime: past };
const allowed = { type: "DisruptionAllowed", status: "True", reason: "SufficientPods", message: "enough", lastTransitionTime: past, observedGeneration: 1 };
const names = ["v1", "v2", "v3"];

export const evictionCases: Case[] = [
  {
    name: "evictions spend a budget until it is spent",
    steps: [
      ...names.flatMap((name) => pod(name, { evicted: "yes" }, ready)),
      ...budget("spent", { matchLabels: { evicted: "yes" } }, { disruptionsAllowed: 2 }),
      evict("v1", { dryRun: ["All"] }),
      evict("v1", undefined, "?dryRun=All"),
      ask("GET", `${budgets}/spent`),
      evict("v1"),
      ask("GET", `${budgets}/spent`),
      ask("GET", `${pods}/v1`),
      // Who has owned a part of the status before gives it up.
      ask(
        "PATCH",
        `${budgets}/spent/status?fieldManager=other&force=true`,
        { apiVersion: "policy/v1", kind: "PodDisruptionBudget", metadata: { name: "spent" }, status: { disruptionsAllowed: 1, conditions: [allowed] } },
        apply,
      ),
      evict("v2", { preconditions: { resourceVersion: "1" } }),
      ask("GET", `${budgets}/spent`),
      ask("PATCH", `${budgets}/spent/status`, { status: { disruptionsAllowed: 1 } }, merge),
      evict("v2"),
      ask("GET", `${budgets}/spent`),
      evict("v3"),
      evict("v3", { dryRun: ["All"] }),
      ask("GET", `${budgets}/spent`),
      ask("PATCH", `${budgets}/spent`, { spec: { maxUnavailable: 2 } }, merge),
      evict("v3"),
      ask("DELETE", `${budgets}/spent`),
      ...names.flatMap(gone),
    ],
  },
  {
    name: "evictions meet budgets of every selector",
    steps: [
      ...pod("bare", undefined, ready),
      ...pod("marked", { evicted: "yes" }, [...ready, disrupted, { type: "Last", status: "True" }]),
      ...budget("nothing", undefined, { disruptionsAllowed: 1 }),
      evict("bare", { dryRun: ["All"] }),
      ask("GET", `${budgets}/nothing`),
      ...budget("all", {}, { disruptionsAllowed: 0 }),
      evict("bare"),
      ask("PATCH", `${budgets}/all/status`, { status: { disruptionsAllowed: 1 } }, merge),
      evict("bare"),
      ask("GET", `${budgets}/all`),
      ...budget("second", { matchLabels: { evicted: "yes" } }, { disruptionsAllowed: 1 }),
      evict("marked"),
      ask("DELETE", `${budgets}/all`),
      evict("marked"),
      ask("GET", `${pods}/marked`),
      ...["nothing", "second"].map((name) => ask("DELETE", `${budgets}/${name}`)),
      ...["bare", "marked"].flatMap(gone),
    ],
  },
  {
    name: "evictions of pods that are not ready",
    steps: [
      ...pod("unready", { evicted: "yes" }),
      ...budget("healthy", { matchLabels: { evicted: "yes" } }, { disruptionsAllowed: 0 }),
      evict("unready", { preconditions: { resourceVersion: "1" } }),
      ask("PATCH", `${budgets}/healthy/status`, { status: { currentHealthy: 1 } }, merge),
      evict("unready"),
      ask("PATCH", `${budgets}/healthy`, { spec: { unhealthyPodEvictionPolicy: "AlwaysAllow" } }, merge),
      evict("unready"),
      ask("GET", `${budgets}/healthy`),
      ask("GET", `${pods}/unready`),
      ask("DELETE", `${budgets}/healthy`),
      ...gone("unready"),
    ],
  },
  {
    name: "what is created below an object, in no form that is known and with options that cannot be",
    steps: ["*/*", "text/plain", "application/vnd.kubernetes.protobuf"].flatMap((type) =>
      [`${pods}/nope/eviction`, `${pods}/nope/binding`, `${core}/serviceaccounts/default/token`, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"].map(
        (path) => ask("POST", `${path}?fieldValidation=strict`, "{}", { "content-type": type }),
      ),
    ),
  },
];
