/**
 * Random worlds of roles and bindings, decided by our RBAC authorizer and by upstream's own code, linked into a program
 * (rbac-judge): the same decision and the same reason for every question, the same rules for every user, the same words where
 * somebody would give on what he has not. Half of each world comes while the authorizer is there already, and some of it goes
 * again, as in a cluster. Prints what differs and exits 1 when anything does.
 *
 * Usage: node conformance/rbac.ts [--decisions N] [--seed N] [--judge FILE] [--show N]
 *   --decisions  @default 100000
 *   --judge      see conformance/build.ts @default /var/tmp/k8ts-judges/bin/rbac-judge
 *   --show       differences printed @default 10
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { parseArgs } from "../tools/command-line.ts";
import type { NonResourceRule, ResourceRule } from "../src/api/types/authorization-v1.gen.ts";
import { aggregateText } from "../src/api/field.ts";
import { missingRights } from "../src/apiserver/authorization/escalation.ts";
import { MemoryReader, type Sketch } from "../src/apiserver/authorization/memory-reader.fixture.ts";
import { RbacAuthorizer } from "../src/apiserver/authorization/rbac.ts";
import { seededRandom } from "../src/base/random.ts";
import { randomWorld, type World } from "./rbac/world.ts";

const { values } = parseArgs({
  options: {
    decisions: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    judge: { type: "string", default: "/var/tmp/k8ts-judges/bin/rbac-judge" },
    show: { type: "string", default: "10" },
  },
});
const perWorld = 100;

/** Upstream's listed rules have Go's names. */
interface GoRule {
  Verbs: string[] | null;
  APIGroups?: string[] | null;
  Resources?: string[] | null;
  ResourceNames?: string[] | null;
  NonResourceURLs?: string[] | null;
}
interface Verdict {
  decisions: { decision: string; reason: string; error?: string }[];
  listed: { resourceRules: GoRule[] | null; nonResourceRules: GoRule[] | null; incomplete: boolean; error: string; escalation: string }[];
}

const kinds = {
  roles: "roles.rbac.authorization.k8s.io",
  clusterRoles: "clusterroles.rbac.authorization.k8s.io",
  roleBindings: "rolebindings.rbac.authorization.k8s.io",
  clusterRoleBindings: "clusterrolebindings.rbac.authorization.k8s.io",
} as const;

/** Objects are put before and after the authorizer is made; each fifth was another one before. */
function authorizerOf(world: World): RbacAuthorizer {
  const reader = new MemoryReader();
  const all = (Object.keys(kinds) as (keyof typeof kinds)[]).flatMap((kind) => world[kind].map((object) => ({ kind, object: object as unknown as Sketch })));
  const put = ({ kind, object }: (typeof all)[number]): void => void reader.put(kinds[kind], object);
  for (const [i, one] of all.entries()) if (i % 2 === 0) put(one);
  const rbac = new RbacAuthorizer(reader);
  for (const [i, one] of all.entries()) {
    const { name, namespace = "" } = one.object.metadata;
    if (i % 5 === 1)
      put({ ...one, object: { ...one.object, subjects: [{ kind: "User", name: "jane" }], rules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }] } });
    if (i % 5 === 2) reader.remove(kinds[one.kind], namespace, name);
    if (i % 2 === 1 || i % 5 === 1 || i % 5 === 2) put(one);
  }
  return rbac;
}

const wordy = ({ verbs, nonResourceURLs, ...rest }: Partial<ResourceRule & NonResourceRule>): GoRule => ({
  Verbs: verbs ?? [],
  ...(nonResourceURLs
    ? { NonResourceURLs: nonResourceURLs }
    : { APIGroups: rest.apiGroups ?? [], Resources: rest.resources ?? [], ResourceNames: rest.resourceNames ?? [] }),
});
const plain = (rules: GoRule[] | null): string =>
  JSON.stringify(
    (rules ?? []).map((rule) =>
      Object.entries(rule)
        .map(([key, value]) => [key, value ?? []])
        .sort(),
    ),
  );

const counts = { decisions: 0, allowed: 0, withErrors: 0, listings: 0, escalations: 0, different: 0 };
const show = Number(values.show);
function differs(seed: number, what: unknown, ours: unknown, theirs: unknown): void {
  if (++counts.different > show) return;
  process.stdout.write(`DIFF world ${seed}: ${JSON.stringify(what)}\n     ours     ${JSON.stringify(ours)}\n     upstream ${JSON.stringify(theirs)}\n`);
}

function compare(seed: number, world: World, verdict: Verdict): void {
  const rbac = authorizerOf(world);
  for (const [i, question] of world.questions.entries()) {
    const theirs = verdict.decisions[i];
    const { decision, reason, errors } = rbac.authorize(question);
    counts.decisions++;
    if (decision === "allow") counts.allowed++;
    else if (reason) counts.withErrors++;
    if (decision !== theirs?.decision || reason !== theirs.reason || errors || theirs.error) differs(seed, question, { decision, reason, errors }, theirs);
  }
  for (const [i, { user, namespace, wanted }] of world.listings.entries()) {
    const theirs = verdict.listed[i] as Verdict["listed"][number];
    const { resourceRules, nonResourceRules, incomplete, errors } = rbac.rulesOf(user, namespace);
    const ours = {
      resourceRules: resourceRules.map(wordy),
      nonResourceRules: nonResourceRules.map(wordy),
      incomplete,
      error: errors.length ? aggregateText(errors) : "",
    };
    counts.listings++;
    const same =
      plain(ours.resourceRules) === plain(theirs.resourceRules) &&
      plain(ours.nonResourceRules) === plain(theirs.nonResourceRules) &&
      incomplete === theirs.incomplete &&
      ours.error === theirs.error;
    if (!same) differs(seed, { user, namespace }, ours, theirs);
    const escalation = (missingRights({ user, namespace, resource: "roles" }, wanted, rbac) ?? "").split("; resolution errors: ")[0];
    if (escalation) counts.escalations++;
    if (escalation !== theirs.escalation) differs(seed, { user, namespace, wanted }, escalation, theirs.escalation);
  }
}

const judge = spawn(values.judge, { stdio: ["pipe", "pipe", "inherit"] });
const ended = new Promise<number | null>((resolve, reject) => judge.once("exit", resolve).once("error", reject));
const worlds = Math.ceil(Number(values.decisions) / perWorld);
const first = Number(values.seed) * 1_000_000;
const worldOf = (i: number): World => randomWorld(seededRandom(first + i), perWorld);
const written = (async () => {
  for (let i = 0; i < worlds; i++)
    if (!judge.stdin.write(`${JSON.stringify(worldOf(i))}\n`)) await new Promise((resolve) => judge.stdin.once("drain", resolve));
  judge.stdin.end();
})();
let i = 0;
for await (const line of createInterface({ input: judge.stdout })) {
  compare(first + i, worldOf(i), JSON.parse(line) as Verdict);
  i++;
}
await written;
const code = await ended;
if (code !== 0 || i !== worlds) throw new Error(`the judge ended with ${code} after ${i} of ${worlds} worlds`);
process.stdout.write(
  `${counts.decisions} decisions (${counts.allowed} allowed, ${counts.withErrors} with roles that are not there), ${counts.listings} lists of rules, ${counts.escalations} refused escalations: ${counts.different} differ\n`,
);
process.exitCode = counts.different ? 1 : 0;
