import assert from "node:assert/strict";
import { test } from "node:test";
import { formatCpuList, parseCpuList } from "./cpu-list.ts";

test("a list of processors is read and written", () => {
  assert.deepEqual([...parseCpuList("0-2,7")], [0, 1, 2, 7]);
  assert.deepEqual([...parseCpuList("")], []);
  assert.equal(formatCpuList([7, 2, 1, 0, 9, 10]), "0-2,7,9-10");
  for (const odd of ["a", "1-", "3-1", "1,,2", "-1", "1-2-x,"]) assert.throws(() => parseCpuList(odd));
});
