/** What is kept otherwise than as values: times that are none, JSON whose bytes are kept. */
import { apply, ask, type Case, json, merge, strategic } from "./cases.ts";

const core = "/api/v1/namespaces/default";
const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
const proto = { accept: "application/vnd.kubernetes.protobuf" };
const yaml = { accept: "application/yaml" };
const zeros = ["0001-01-01T00:00:00Z", "0000-12-31T23:00:00-01:00", "0001-01-01T01:00:00+01:00", "0001-01-01T00:00:00.5Z", "0001-01-01T00:00:01Z"];
const microZeros = ["0001-01-01T00:00:00.000000Z", "0001-01-01T01:00:00.000000+01:00", "0001-01-01T00:00:00.500000Z", "0001-01-01T00:00:01.000000Z"];
const shown = (path: string) => [ask("GET", path), ask("GET", path, undefined, proto), ask("GET", path, undefined, yaml)];

export const foundStored: Case[] = [
  {
    name: "times that are zero where they may be absent",
    steps: [
      ...zeros.flatMap((time) => {
        const node = (timeAdded: unknown, name = "zero") => ({
          apiVersion: "v1",
          kind: "Node",
          metadata: { name },
          spec: { taints: [{ key: "a", effect: "NoSchedule", timeAdded }] },
        });
        const nodes = "/api/v1/nodes";
        return [
          ask("POST", `${nodes}?fieldManager=m1`, node(time)),
          ...shown(`${nodes}/zero`),
          ask("GET", `${nodes}?fieldSelector=metadata.name%3Dzero`),
          ask("PATCH", `${nodes}/zero?fieldManager=m2`, { metadata: { labels: { a: "b" } } }, merge),
          ask("PATCH", `${nodes}/zero?fieldManager=m2`, { spec: { taints: [{ key: "b", effect: "NoExecute", timeAdded: time }] } }, strategic),
          ask("PATCH", `${nodes}/zero?fieldManager=m3`, [{ op: "test", path: "/spec/taints/0/timeAdded", value: null }], json),
          ask(
            "PATCH",
            `${nodes}/zero?fieldManager=m3`,
            [{ op: "add", path: "/spec/taints/-", value: { key: "c", effect: "NoExecute", timeAdded: null } }],
            json,
          ),
          ask("PATCH", `${nodes}/zero?fieldManager=m4&force=true`, node(time), apply),
          ask("PATCH", `${nodes}/zero?fieldManager=m5`, node(null), apply),
          ask("PUT", `${nodes}/zero?fieldManager=m6`, node(time)),
          ask("PUT", `${nodes}/zero?fieldManager=m6`, node("2020-01-01T00:00:00Z")),
          ask("PUT", `${nodes}/zero?fieldManager=m7`, node(time)),
          ask("DELETE", `${nodes}/zero`),
        ];
      }),
      ...microZeros.flatMap((time) => {
        const lease = (more: object) => ({
          apiVersion: "coordination.k8s.io/v1",
          kind: "Lease",
          metadata: { name: "zero" },
          spec: { holderIdentity: "a", ...more },
        });
        return [
          ask("POST", `${leases}?fieldManager=m1`, lease({ acquireTime: time, renewTime: "2020-01-01T00:00:00.000000Z" })),
          ...shown(`${leases}/zero`),
          ask("PATCH", `${leases}/zero?fieldManager=m2`, { spec: { renewTime: time } }, merge),
          ask("PATCH", `${leases}/zero?fieldManager=m2`, { spec: { acquireTime: null } }, merge),
          ask("PATCH", `${leases}/zero?fieldManager=m2`, { spec: { acquireTime: time } }, strategic),
          ask("PATCH", `${leases}/zero?fieldManager=m3&force=true`, lease({ acquireTime: time }), apply),
          ask("PUT", `${leases}/zero?fieldManager=m4`, lease({ renewTime: time })),
          ask("PUT", `${leases}/zero?fieldManager=m5`, lease({ renewTime: time, acquireTime: "2020-01-01T00:00:00.000000Z" })),
          ask("DELETE", `${leases}/zero`),
        ];
      }),
      ...zeros.flatMap((time) => {
        const cron = {
          metadata: { name: "zero" },
          spec: { schedule: "* * * * *", jobTemplate: { spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } } } } },
        };
        const path = "/apis/batch/v1/namespaces/default/cronjobs";
        return [
          ask("POST", path, cron),
          ask("PATCH", `${path}/zero/status?fieldManager=m1`, { status: { lastScheduleTime: time, lastSuccessfulTime: null } }, merge),
          ask(
            "PATCH",
            `${path}/zero/status?fieldManager=m2`,
            { apiVersion: "batch/v1", kind: "CronJob", metadata: { name: "zero" }, status: { lastSuccessfulTime: time } },
            apply,
          ),
          ...shown(`${path}/zero`),
          ask("DELETE", `${path}/zero`),
        ];
      }),
      ...zeros.flatMap((time) => [
        ask("POST", `${core}/configmaps?fieldManager=m`, {
          metadata: {
            name: "zero",
            creationTimestamp: time,
            deletionTimestamp: time,
            managedFields: [{ manager: "x", operation: "Update", apiVersion: "v1", time, fieldsType: "FieldsV1", fieldsV1: {} }],
          },
        }),
        ...shown(`${core}/configmaps/zero`),
        ask("PUT", `${core}/configmaps/zero?fieldManager=n`, {
          metadata: {
            name: "zero",
            creationTimestamp: time,
            deletionTimestamp: time,
            managedFields: [{ manager: "y", operation: "Update", apiVersion: "v1", time, fieldsType: "FieldsV1", fieldsV1: { "f:data": {} } }],
          },
        }),
        ask("PATCH", `${core}/configmaps/zero?fieldManager=n`, { metadata: { deletionTimestamp: time } }, merge),
        ask("DELETE", `${core}/configmaps/zero`),
        ask("POST", `${core}/events`, { metadata: { name: "zero" }, involvedObject: { namespace: "default" }, firstTimestamp: time, lastTimestamp: null }),
        ...shown(`${core}/events/zero`),
        ask("DELETE", `${core}/events/zero`),
      ]),
    ],
  },
];
