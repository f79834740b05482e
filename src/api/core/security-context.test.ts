import assert from "node:assert/strict";
import { test } from "node:test";
import { path } from "../field.ts";
import { validateAppArmorProfile } from "./security-context.ts";

test("a profile that is not asked for is shown as JSON", () => {
  const [error] = validateAppArmorProfile({ type: "Unconfined", localhostProfile: "<a>" }, path("p"));
  assert.equal(error?.body, 'Invalid value: "\\u003ca\\u003e": can only be set when AppArmor type is Localhost');
});
