import assert from "node:assert/strict";
import { test } from "node:test";
import { apiVersionOf, resources, typeOfKind } from "../schema/schema.ts";
import type { ValidatingAdmissionPolicy } from "../types/admissionregistration-v1.gen.ts";
import { checkTypes, type KnownKinds, structType } from "./type-checking.ts";

const known: KnownKinds = {
  ofResource: (group, version, resource) =>
    resources
      .filter((one) => one.group === group && one.version === version && one.resource === resource)
      .map(({ kind }) => ({
        group,
        version,
        kind,
        type: (structs) => {
          const type = typeOfKind(apiVersionOf(group, version), kind);
          return type && structType(type, structs);
        },
      })),
  ofKind: () => undefined,
};
const policy = (validations: object[], more: object = {}, resources = ["deployments", "statefulsets"]): ValidatingAdmissionPolicy =>
  ({
    metadata: { name: "p" },
    spec: { matchConstraints: { resourceRules: [{ apiGroups: ["apps"], apiVersions: ["v1"], operations: ["*"], resources }] }, validations, ...more },
    status: {},
  }) as unknown as ValidatingAdmissionPolicy;

test("fields that a type does not have are told, type by type", () => {
  const found = checkTypes(policy([{ expression: "object.spec.replicass > 1" }, { expression: "object.spec.serviceName == ''" }]), known);
  assert.deepEqual(found, [
    {
      fieldRef: "spec.validations[0].expression",
      warning: [
        "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'replicass'\n | object.spec.replicass > 1\n | ...........^\n",
        "apps/v1, Kind=StatefulSet: ERROR: <input>:1:12: undefined field 'replicass'\n | object.spec.replicass > 1\n | ...........^\n",
      ].join("\n"),
    },
    {
      fieldRef: "spec.validations[1].expression",
      warning: "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'serviceName'\n | object.spec.serviceName == ''\n | ...........^\n",
    },
  ]);
});

test("types are followed through lists, maps, variables and messages", () => {
  const variables = [{ name: "names", expression: "object.spec.template.spec.containers.map(c, c.name)" }];
  const good = {
    expression: "variables.names.all(n, n.startsWith('x')) && object.metadata.labels['a'] == 'b'",
    messageExpression: "string(object.spec.replicas)",
  };
  assert.deepEqual(checkTypes(policy([good], { variables }, ["deployments"]), known), []);
  const [found] = checkTypes(policy([{ expression: "variables.names.all(n, n > 1)" }], { variables }, ["deployments"]), known);
  assert.match(found?.warning ?? "", /found no matching overload for '_>_' applied to '\(string, int\)'/);
});

test("wildcards say nothing of types", () => {
  assert.deepEqual(checkTypes(policy([{ expression: "object.nothing == 1" }], {}, ["*"]), known), []);
});
