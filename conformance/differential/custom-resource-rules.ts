/** Custom resources with rules of their own: what changes meet them, and what rules may look at. */
import { type Case, merge, type Step } from "./cases.ts";
import { at, created, object, one, removed, schemaOf } from "./custom-resource-made.ts";

export const customResourceRules: Case = {
  name: "crd rules",
  steps: [
    ...created("rules", {
      schema: schemaOf(
        object(
          {
            a: { type: "integer" },
            b: { type: "integer" },
            s: { type: "string", maxLength: 20, "x-kubernetes-validations": [{ rule: "self.startsWith('x')", message: "must start with x" }] },
            list: {
              type: "array",
              maxItems: 10,
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": ["k"],
              items: object(
                { k: { type: "string", maxLength: 10 }, v: { type: "integer" } },
                { required: ["k"], "x-kubernetes-validations": [{ rule: "self.v >= oldSelf.v", messageExpression: '"v was " + string(oldSelf.v)' }] },
              ),
            },
            map: {
              type: "object",
              maxProperties: 5,
              additionalProperties: { type: "integer", "x-kubernetes-validations": [{ rule: "self > 0", reason: "FieldValueForbidden" }] },
            },
            any: { "x-kubernetes-int-or-string": true, "x-kubernetes-validations": [{ rule: "type(self) == int ? self < 5 : self == 'five'" }] },
            when: { type: "string", format: "date-time" },
            once: {
              type: "string",
              "x-kubernetes-validations": [{ rule: "!oldSelf.hasValue() || oldSelf.value() == self", optionalOldSelf: true, message: "once" }],
            },
          },
          {
            "x-kubernetes-validations": [
              {
                rule: "!has(self.a) || !has(self.b) || self.a < self.b",
                messageExpression: "'a is ' + string(self.a)",
                fieldPath: ".a",
                reason: "FieldValueInvalid",
              },
              { rule: "!has(self.when) || self.when > timestamp('2020-01-01T00:00:00Z')" },
              { rule: "!has(self.a) || 10 / self.a > 0" },
            ],
          },
        ),
      ),
    }),
    ...[
      { a: 1, b: 2 },
      { a: 2, b: 1 },
      { a: 0, b: 1 },
      { s: "y" },
      { s: "x" },
      { map: { k: 0, l: 1 } },
      { any: 3 },
      { any: 7 },
      { any: "six" },
      { when: "2019-01-01T00:00:00Z" },
      { when: "nope" },
      { list: [{ k: "a", v: 1 }] },
      { s: 5, a: 5, b: 4 },
    ].map((spec, i): Step => ({ method: "POST", path: at("rules"), body: one("rules", `r${i}`, spec) })),
    {
      method: "POST",
      path: at("rules"),
      body: one("rules", "u", {
        list: [
          { k: "a", v: 2 },
          { k: "b", v: 2 },
        ],
        once: "q",
        s: "x",
      }),
    },
    {
      method: "PATCH",
      path: at("rules", "u"),
      body: {
        spec: {
          list: [
            { k: "b", v: 1 },
            { k: "a", v: 1 },
            { k: "c", v: 0 },
          ],
        },
      },
      headers: merge,
    },
    {
      method: "PATCH",
      path: at("rules", "u"),
      body: {
        spec: {
          list: [
            { k: "b", v: 3 },
            { k: "c", v: 0 },
          ],
          once: "r",
        },
      },
      headers: merge,
    },
    {
      method: "PATCH",
      path: at("rules", "u"),
      body: {
        spec: {
          list: [
            { k: "b", v: 3 },
            { k: "c", v: 0 },
          ],
        },
      },
      headers: merge,
    },
    ...removed("rules"),
  ],
};
