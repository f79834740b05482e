import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError } from "../../api/status.ts";
import { decodeContinue, encodeContinue, expiredContinue } from "./continue-token.ts";

const encoded = (value: unknown): string => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const v = "meta.k8s.io/v1";

test("a token says where it was", () => {
  for (const position of [
    { revision: 7, after: "default/web" },
    { revision: -1, after: "default/é" },
  ])
    assert.deepEqual(decodeContinue(encodeContinue(position)), position);
});

test("what has been cut, changed or made up is refused as a bad request, never followed", () => {
  const good = encodeContinue({ revision: 7, after: "default/web" });
  const corrupt = [
    "nonsense",
    "%%%",
    " ",
    good.slice(0, -5),
    good.slice(3),
    `${good}${good}`,
    good.split("").reverse().join(""),
    encoded("null"),
    encoded("[]"),
    encoded("7"),
    encoded('"text"'),
    encoded(`{"v":"${v}"`),
    encoded({}),
    encoded({ v: "meta.k8s.io/v2", rv: 7, start: "a" }),
    encoded('{"v":9007199254740993,"rv":7,"start":"a"}'),
    encoded({ v, rv: 0, start: "a" }),
    encoded({ v, rv: "7", start: "a" }),
    encoded({ v, rv: 7 }),
    encoded({ v, rv: 7, start: "" }),
    encoded({ v, rv: 7, start: 1 }),
    encoded({ v, rv: 7, start: "../secrets/kube-system/a" }),
    encoded({ v, rv: 7, start: "default/../../secrets" }),
  ];
  for (const token of corrupt)
    assert.throws(
      () => decodeContinue(token),
      (error) => error instanceof StatusError && error.code === 400 && error.reason === "BadRequest" && error.message.includes("continue key is not valid"),
      token,
    );
});

test("a token whose revision is gone is answered with one that goes on", () => {
  const error = expiredContinue("default/web") as StatusError;
  assert.equal(error.code, 410);
  assert.deepEqual(decodeContinue(error.status.metadata?.continue ?? ""), { revision: -1, after: "default/web" });
});
