/** A second definition of the group that wants names of the first. */
import type { Random } from "../../src/base/random.ts";
import { crds, type Judge, type Sides } from "./definitions-judge.ts";
import type { Definition } from "./definitions-made.ts";
import { text } from "./definitions-served.ts";
import type { Request } from "./exchange.ts";
import { patchHeaders } from "./headers.ts";
import { chance, pick } from "./mutate.ts";

function namesOf(random: Random): object {
  const made: Record<string, unknown> = { plural: "rivals", kind: pick(random, ["Rival", "Rival", "Thing", "ThingList", "Other"]) };
  if (chance(random, 0.5)) made.singular = pick(random, ["rival", "thing", "things", "th", "free"]);
  if (chance(random, 0.7)) made.shortNames = pick(random, [["th"], ["rv"], ["things"], ["th", "rv"], ["rv", "thi", "th"], ["thing"], ["rivals"], []]);
  if (chance(random, 0.4)) made.listKind = pick(random, ["ThingList", "ThingSet", "Thing", "RivalSet"]);
  if (chance(random, 0.4)) made.categories = pick(random, [["all"], ["judged", "all"], ["th"], []]);
  return made;
}

/** Whether both sides agree all along. */
export async function rivalry(judge: Judge, n: number, first: Definition, sides: Sides, random: Random): Promise<boolean> {
  const { group, scope } = first.spec;
  const name = `rivals.${group}`;
  const path = `${crds}/${name}`;
  const schema = { openAPIV3Schema: { type: "object", properties: { spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true } } } };
  const version = pick(random, first.spec.versions).name;
  const definition = {
    apiVersion: first.apiVersion,
    kind: first.kind,
    metadata: { name, labels: { judge: `e${n}` } },
    spec: { group, scope, names: namesOf(random), versions: [{ name: version, served: true, storage: true, schema }] },
  };
  const create: Request = { method: "POST", path: crds, body: definition };
  const made = await judge.both(create, sides);
  if (!judge.agree(n, "rival.create", create, made)) return false;
  if (made.some(({ code }) => code !== 201)) return true;
  const look: Request = { method: "GET", path };
  const discovery: Request = { method: "GET", path: `/apis/${group}/${version}` };
  let agreed = true;
  const compared = async (title: string): Promise<void> => {
    const state = await judge.until(look, sides, (answer) => text(answer).includes('"NamesAccepted"'));
    agreed = judge.agree(n, `${title}.state`, look, await judge.settled(look, sides, state)) && agreed;
    const resources = await judge.both(discovery, sides);
    agreed = judge.agree(n, `${title}.resources`, discovery, await judge.settled(discovery, sides, resources, 30)) && agreed;
  };
  await compared("rival");
  for (let i = random.int(3); i > 0 && agreed; i--) {
    const { plural: _plural, ...names } = namesOf(random) as Record<string, unknown>;
    const patch: Request = { method: "PATCH", path, headers: patchHeaders.merge, body: { spec: { names } } };
    const answers = await judge.both(patch, sides);
    agreed = judge.agree(n, "rival.patch", patch, answers);
    if (agreed && answers[0].code === 200) await compared("rival.renamed");
  }
  if (agreed && chance(random, 0.5)) {
    // What the rival waited for becomes free.
    const patch: Request = {
      method: "PATCH",
      path: `${crds}/${first.metadata.name}`,
      headers: patchHeaders.merge,
      body: { spec: { names: { shortNames: ["zz"], singular: null, categories: null } } },
    };
    const answers = await judge.both(patch, sides);
    agreed = judge.agree(n, "rival.yields", patch, answers);
    if (agreed && answers[0].code === 200) await compared("rival.freed");
  }
  const remove: Request = { method: "DELETE", path };
  agreed = judge.agree(n, "rival.delete", remove, await judge.both(remove, sides)) && agreed;
  await judge.until(look, sides, ({ code }) => code === 404);
  return agreed;
}
