/** Watches of what an episode's objects have gone through, and lists in pages. */
import type { GenStep, Target } from "./episodes.ts";
import { partial, protobuf, tables } from "./headers.ts";
import { chance, pick } from "./mutate.ts";
import { selectableNames } from "./selectable.ts";

const quiet = 250;

/** Every form of resourceVersion, resourceVersionMatch and sendInitialEvents. Revisions that say nothing of this episode are left out: how far back upstream's cache goes is chance. */
export function watchStep(t: Target): GenStep {
  const { random } = t;
  const parts = ["watch=true"];
  if (chance(random, 0.1)) parts[0] = pick(random, ["watch=1", "watch", "watch=false&watch=true", "watch=x", "watch=0"]);
  if (chance(random, 0.85)) parts.push(`labelSelector=ep%3D${t.name}`);
  else parts.push(`fieldSelector=metadata.name%3D${t.name}`);
  if (chance(random, 0.15)) parts.push(`labelSelector=${pick(random, ["a", "!a", "a+in", "ep", "a%3Db"])}`);
  if (chance(random, 0.15)) parts.push(`fieldSelector=${selectableNames(random)}`);
  const revision = pick(random, [undefined, "", "0", "{first}", "{first}", "{first}", "{rv}", "x", "-1"]);
  if (revision !== undefined) parts.push(`resourceVersion=${revision}`);
  const initial = pick(random, [undefined, undefined, "true", "true", "false", "x"]);
  if (initial !== undefined) parts.push(`sendInitialEvents=${initial}`);
  if (initial !== undefined ? chance(random, 0.85) : chance(random, 0.05))
    parts.push(`resourceVersionMatch=${pick(random, ["NotOlderThan", "NotOlderThan", "NotOlderThan", "NotOlderThan", "Exact", "x", ""])}`);
  if (initial === "true" ? chance(random, 0.9) : chance(random, 0.3)) parts.push(`allowWatchBookmarks=${pick(random, ["true", "true", "1", "false"])}`);
  if (chance(random, 0.05)) parts.push(`limit=${pick(random, ["1", "x"])}`);
  if (chance(random, 0.03)) parts.push("continue=abc");
  const timeout = chance(random, 0.95) ? "30" : pick(random, ["x", "-5"]);
  parts.push(`timeoutSeconds=${timeout}`);
  const headers = chance(random, 0.35)
    ? pick(random, [tables, partial, protobuf, { accept: "application/yaml" }, { accept: "application/json;stream=watch" }, { accept: "text/plain" }])
    : undefined;
  const roll = random.next();
  const whole = t.collection.replace("/namespaces/default/", "/");
  const old = t.collection.replace(/^(\/api\/v1|\/apis\/[^/]+\/[^/]+)/, "$1/watch");
  const query = `?${parts.join("&")}`;
  const path =
    roll < 0.75 ? t.collection + query : roll < 0.85 ? whole + query : roll < 0.92 ? old + query : roll < 0.97 ? `${old}/${t.name}${query}` : t.path + query;
  // Upstream's timer has run out before it looks for events: Go picks either, so what still comes is chance.
  const hide = timeout === "-5" ? { hide: ["events"] } : {};
  return { verb: "watch", method: "GET", path, quiet, ...(headers ? { headers } : {}), ...hide };
}

/** A few more of its kind, a page of them, and what follows that page. */
export function pages(t: Target): GenStep[] {
  const { random } = t;
  const ends = ["a", "b", "c"].slice(0, 1 + random.int(3));
  const more = ends.map((end, at): GenStep => {
    const body = structuredClone(t.body());
    const metadata = body.metadata as { name?: string; generateName?: string };
    metadata.name = `${t.name}${end}`;
    // What is to be no older than something may be answered by upstream's watch cache, from before what was made a moment ago.
    const wait = at === ends.length - 1 ? { pause: 100 } : {};
    return { verb: "sibling", method: "POST", path: t.collection, body, ...wait };
  });
  const selector = `labelSelector=ep%3D${t.name}`;
  const limit = `limit=${1 + random.int(2)}`;
  const revision = pick(random, [
    "",
    "",
    "&resourceVersion=0",
    "&resourceVersion={rv}",
    "&resourceVersion={rv}&resourceVersionMatch=Exact",
    "&resourceVersion={rv}&resourceVersionMatch=NotOlderThan",
  ]);
  const headers = chance(random, 0.4) ? { headers: pick(random, [tables, partial, protobuf]) } : {};
  const first: GenStep = { verb: "page", method: "GET", path: `${t.collection}?${selector}&${limit}${revision}`, ...headers };
  const next = (): GenStep => ({
    verb: "page.next",
    method: "GET",
    path: `${t.collection}?${pick(random, [selector, selector, selector, "labelSelector=a"])}&continue={continue}${pick(random, [`&${limit}`, `&${limit}`, "", "&limit=0"])}${pick(random, ["", "", "", "", "&resourceVersion=1", "&resourceVersion=0", "&resourceVersionMatch=Exact", "&resourceVersionMatch=NotOlderThan"])}`,
    ...headers,
  });
  const rest = chance(random, 0.5) ? [next(), next()] : [next()];
  return [
    ...more,
    first,
    ...rest,
    ...(chance(random, 0.4)
      ? [{ verb: "page.delete", method: "DELETE", path: `${t.collection}?${selector}&${limit}${pick(random, ["", "&dryRun=All"])}` } as GenStep]
      : []),
  ];
}
