/** The end of a definition, with its objects: at once, or held up by what has finalizers. */
import type { Random } from "../../src/base/random.ts";
import { crds, type Judge, type Sides } from "./definitions-judge.ts";
import type { Definition } from "./definitions-made.ts";
import { text } from "./definitions-served.ts";
import { collectionOf } from "./definitions-steps.ts";
import { type Request, send, type Server } from "./exchange.ts";
import { patchHeaders, tables } from "./headers.ts";
import { chance, pick } from "./mutate.ts";

/**
 * Names of what has finalizers, be it on its way out already: it would keep one of upstream's five finalizers of definitions busy for a
 * minute at a time (apiextensions-apiserver, finalizer.deleteInstances), and no other definition goes while all are.
 */
async function heldIn(server: Server, collection: string): Promise<string[]> {
  const { body } = await send(server, { method: "GET", path: collection });
  const { items = [] } = (body ?? {}) as { items?: { metadata?: { name?: string; finalizers?: unknown[] } }[] };
  return items.flatMap(({ metadata }) => (metadata?.name !== undefined && metadata.finalizers?.length ? [metadata.name] : []));
}

const finalizers = (list: readonly string[] | null): object => ({ metadata: { finalizers: list } });

export async function ended(judge: Judge, n: number, definition: Definition, sides: Sides, random: Random): Promise<void> {
  const version = pick(
    random,
    definition.spec.versions.filter((one) => one.served),
  );
  const [held] = sides.flatMap(({ last }) => [...last.keys()]);
  const collection = version && collectionOf(definition, version.name);
  const change = (name: string, list: readonly string[] | null): Request => ({
    method: "PATCH",
    path: `${collection}/${name}`,
    headers: patchHeaders.merge,
    body: finalizers(list),
  });
  const lingering = collection !== undefined && held !== undefined && chance(random, 0.15);
  const release = async (kept?: string): Promise<void> => {
    if (collection === undefined) return;
    const names = new Set<string>();
    for (const { server } of sides) for (const name of await heldIn(server, collection)) names.add(name);
    names.delete(kept ?? "");
    for (const name of names) {
      const request = change(name, null);
      judge.agree(n, "release", request, await judge.both(request, sides));
    }
  };
  await release(lingering ? held : undefined);
  if (lingering) {
    const request = change(held, ["example.com/held"]);
    judge.agree(n, "finalizers", request, await judge.both(request, sides));
  }
  const path = `${crds}/${definition.metadata.name}`;
  const remove: Request = {
    method: "DELETE",
    path,
    ...(chance(random, 0.2)
      ? { body: { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy: pick(random, ["Foreground", "Background", "Orphan"]) } }
      : {}),
  };
  const answers = await judge.both(remove, sides);
  if (answers.every(({ code }) => code === 200)) judge.agree(n, "definition.delete", remove, answers);
  if (lingering) {
    await terminating(judge, n, definition, sides, random, { collection, held });
    await release();
  }
  if (!lingering && !chance(random, 0.1)) return;
  const look: Request = { method: "GET", path };
  // Upstream looks every five seconds whether the objects are gone.
  await judge.until(look, sides, ({ code }) => code === 404);
  judge.agree(n, "definition.gone", look, await judge.until(look, sides, ({ code }) => code === 404));
  const group: Request = { method: "GET", path: `/apis/${definition.spec.group}` };
  judge.agree(n, "definition.gone.group", group, await judge.until(group, sides, ({ code }) => code === 404));
}

async function terminating(
  judge: Judge,
  n: number,
  definition: Definition,
  sides: Sides,
  random: Random,
  { collection, held }: { collection: string; held: string },
): Promise<void> {
  const look: Request = { method: "GET", path: `${crds}/${definition.metadata.name}` };
  const state = await judge.until(look, sides, (answer) => answer.code === 404 || text(answer).includes('"InstanceDeletionInProgress"'));
  judge.agree(n, "terminating.state", look, await judge.settled(look, sides, state));
  const body = sides[0].last.get(held);
  const path = `${collection}/${held}`;
  // The definition says so before its objects are deleted.
  await judge.until({ method: "GET", path }, sides, (answer) => text(answer).includes('"deletionTimestamp"'));
  const requests: readonly Request[] = [
    { method: "POST", path: collection, body: { ...body, metadata: { name: `${held}x` } } },
    { method: "GET", path },
    { method: "GET", path: `${collection}?labelSelector=ep%3De${n}`, headers: tables },
    {
      method: "PATCH",
      path: `${path}?fieldManager=m1`,
      headers: patchHeaders.apply,
      body: { apiVersion: body?.apiVersion, kind: body?.kind, metadata: { name: held } },
    },
    { method: "PATCH", path: `${collection}/${held}x?fieldManager=m1`, headers: patchHeaders.apply, body: { ...body, metadata: { name: `${held}x` } } },
    { method: "PATCH", path, headers: patchHeaders.merge, body: { metadata: { labels: { late: "yes" } } } },
    { method: "PATCH", path, headers: patchHeaders.merge, body: finalizers(["example.com/held", "example.com/more"]) },
    { method: "DELETE", path },
    { method: "GET", path: collection.slice(0, collection.indexOf("/", "/apis/x".length)) },
    { method: "GET", path: collection.split("/").slice(0, 4).join("/") },
    { method: "PATCH", path: look.path, headers: patchHeaders.merge, body: { metadata: { labels: { late: "yes" } } } },
    { method: "DELETE", path: look.path },
  ];
  for (let i = 4 + random.int(5); i > 0; i--) {
    const request = pick(random, requests);
    const answers = await judge.both(request, sides);
    const settled = request.method === "GET" || answers.some(({ code }) => code === 409) ? await judge.settled(request, sides, answers) : answers;
    if (!judge.agree(n, `terminating.${request.method.toLowerCase()}`, request, settled)) return;
  }
}
