import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { EndpointSubset } from "../../api/types/core-v1.gen.ts";
import { semanticEqual } from "../runtime/equal.ts";
import { repackSubsets } from "./endpoint-subsets.ts";

const pairs = JSON.parse(readFileSync(new URL("./testdata/endpoint-subsets.json", import.meta.url), "utf8")) as {
  given: EndpointSubset[];
  packed: EndpointSubset[];
}[];

test("subsets are packed and ordered as upstream's RepackSubsets does", () => {
  for (const { given, packed } of pairs) assert.ok(semanticEqual(repackSubsets(given), packed), JSON.stringify(repackSubsets(given)));
});

test("packing twice changes nothing", () => {
  for (const { packed } of pairs) assert.ok(semanticEqual(repackSubsets(packed), packed));
});
