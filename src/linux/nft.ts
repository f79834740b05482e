/** nftables, through its own program; a script is one transaction. */
import { CommandError, run } from "./command.ts";

/** Applies the commands together or not at all. Rejects with CommandError, whose text names the line. */
export async function applyRuleset(script: string): Promise<void> {
  await run("nft", ["-f", "-"], { input: script });
}

interface Listing {
  nftables: { chain?: Named; set?: Named; map?: Named; table?: Named }[];
}
interface Named {
  family: string;
  table?: string;
  name: string;
}

/** Names of what a table (`ip filter`) has; undefined when there is none. Costs no more for tables with many elements. */
export async function tableObjects(table: string): Promise<{ chains: string[]; sets: string[]; maps: string[] } | undefined> {
  const [family, name] = table.split(" ") as [string, string];
  const list = async (what: string): Promise<Listing["nftables"]> => (JSON.parse(await run("nft", ["-j", "-t", "list", what, family])) as Listing).nftables;
  try {
    const tables = await list("tables");
    if (!tables.some((entry) => entry.table?.name === name && entry.table.family === family)) return undefined;
    const [chains, sets, maps] = await Promise.all([list("chains"), list("sets"), list("maps")]);
    const ours = (one: Named | undefined): string[] => (one && one.family === family && one.table === name ? [one.name] : []);
    return { chains: chains.flatMap((e) => ours(e.chain)), sets: sets.flatMap((e) => ours(e.set)), maps: maps.flatMap((e) => ours(e.map)) };
  } catch (error) {
    if (error instanceof CommandError && /No such file/.test(error.stderr)) return undefined;
    throw error;
  }
}
