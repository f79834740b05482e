/** Strategic merge patches that say how to merge: $patch, $retainKeys, $setElementOrder, $deleteFromPrimitiveList. */
import type { Random } from "../../src/base/random.ts";
import type { JSONObject, JSONValue } from "../../src/api/json.ts";
import { chance, type Node, nodes, pick, valueFor } from "./mutate.ts";

/** The patch that reaches `node` by merge keys, with `inner` in its place; lists without a merge key are taken whole. */
function reach(object: JSONObject, all: readonly Node[], node: Node, inner: JSONObject): JSONObject {
  const at = (path: Node["path"]): Node | undefined => all.find((one) => one.path.length === path.length && one.path.every((step, i) => step === path[i]));
  let made: JSONValue = inner;
  let path = node.path;
  let top: JSONObject = inner;
  while (path.length) {
    const parent = path.slice(0, -1);
    const last = path.at(-1) as string | number;
    if (typeof last === "number") {
      const key = at(parent)?.field?.patchMergeKey;
      const item = at(path)?.value as JSONObject | undefined;
      made = [{ ...(key && item?.[key] !== undefined ? { [key]: item[key] } : {}), ...(made as JSONObject) }];
    } else {
      top = { [last]: made };
      made = top;
    }
    path = parent;
  }
  return top === inner && node.path.length ? object : top;
}

export function directives(random: Random, object: JSONObject, type: string): JSONObject {
  const all: Node[] = [];
  nodes(object, type, undefined, [], all);
  const lists = all.filter((node) => Array.isArray(node.value) && node.field?.patchStrategy?.includes("merge"));
  const maps = all.filter((node) => typeof node.value === "object" && node.value !== null && !Array.isArray(node.value) && node.path[0] !== "kind");
  const list = lists.length && chance(random, 0.7) ? pick(random, lists) : undefined;
  if (!list) {
    const node = pick(random, maps);
    const keys = Object.keys(node.value as JSONObject);
    const inner = pick<() => JSONObject>(random, [
      () => ({ $patch: pick(random, ["replace", "delete", "merge", "x"]), ...(chance(random, 0.5) ? { a: "b" } : {}) }),
      () => ({ $retainKeys: keys.slice(0, random.int(keys.length + 1)) }),
      () => ({ $retainKeys: [...keys, "type"], ...(keys[0] === undefined ? {} : { [keys[0]]: (node.value as JSONObject)[keys[0]] as JSONValue }) }),
      () => ({ $retainKeys: pick<JSONValue>(random, ["x", ["x"], [1], {}, null]) }),
      () => ({ $patch: pick<JSONValue>(random, [1, null, {}, ["delete"]]) }),
      () => ({ [pick(random, ["$setElementOrder/nope", "$deleteFromPrimitiveList/nope", "$setElementOrder", "$nope"])]: ["a"] }),
    ])();
    return reach(object, all, node, inner);
  }
  const values = list.value as JSONValue[];
  const name = String(list.path.at(-1));
  const key = list.field?.patchMergeKey;
  const holder = all.find((one) => one.path.length === list.path.length - 1 && one.path.every((step, i) => step === list.path[i])) as Node;
  if (!key) {
    const chosen = values.filter(() => chance(random, 0.5));
    const inner = pick<JSONObject>(random, [
      { [`$deleteFromPrimitiveList/${name}`]: chosen },
      { [`$deleteFromPrimitiveList/${name}`]: ["x"], [name]: ["y"] },
      { [`$setElementOrder/${name}`]: [...values].reverse() },
      { [`$setElementOrder/${name}`]: ["z", ...values], [name]: ["z"] },
      { [`$deleteFromPrimitiveList/${name}`]: "x" },
      { [name]: [...values, ...values, "n"] },
      { [name]: [{ $patch: "replace" }, "only"] },
    ]);
    return reach(object, all, holder, inner);
  }
  const refs = values.map((value) => ({ [key]: (value as JSONObject)[key] ?? null })) as JSONObject[];
  const some = refs.length ? pick(random, refs) : { [key]: "none" };
  const fresh = { ...(valueFor(random, list.type.slice(2), undefined, 2) as JSONObject), [key]: pick<JSONValue>(random, ["fresh", 81, "a"]) };
  const inner = pick<() => JSONObject>(random, [
    () => ({ [name]: [{ $patch: "delete", ...some }] }),
    () => ({ [name]: [{ $patch: "replace" }, fresh] }),
    () => ({ [name]: [{ $patch: "replace" }] }),
    () => ({ [name]: [{ $patch: "merge", ...some }] }),
    () => ({ [name]: [{ $patch: "delete" }, fresh] }),
    () => ({ [name]: [{ $patch: "x", ...some }] }),
    () => ({ [name]: [fresh], [`$setElementOrder/${name}`]: [{ [key]: fresh[key] as JSONValue }, ...refs] }),
    () => ({ [`$setElementOrder/${name}`]: [...refs].reverse() }),
    () => ({ [`$setElementOrder/${name}`]: refs.slice(1) }),
    () => ({ [`$setElementOrder/${name}`]: refs.slice(1), [name]: [some] }),
    () => ({ [`$setElementOrder/${name}`]: pick<JSONValue>(random, [["a"], "x", null, [{}], [...refs, "a"], [...refs, {}], [...refs.slice(1), "a"]]) }),
    () => ({ [`$setElementOrder/${name}`]: refs, [name]: pick<JSONValue>(random, [["a"], [], "x", null, [{ $patch: "replace" }, fresh]]) }),
    () => ({ [name]: [fresh, some] }),
    () => ({ [name]: [{}] }),
    () => ({
      [name]: [
        { $patch: "delete", [key]: "absent" },
        { ...some, $retainKeys: [key] },
      ],
    }),
    () => ({ [name]: [{ $patch: "replace", ...some }, fresh] }),
  ])();
  return reach(object, all, holder, inner);
}
