/**
 * What the portmap plugin adds to the machine's `nat` table, which it shares with whatever else uses iptables: a chain
 * CNI-DN-* for each pod with host ports, entered from CNI-HOSTPORT-DNAT by a rule whose comment names the network, and two
 * chains for masquerading (https://www.cni.dev/plugins/current/meta/portmap/). Only pods that end in order take theirs away,
 * and no pod the common chains.
 */
import { CommandError, run } from "../linux/command.ts";
import { applyRuleset } from "../linux/nft.ts";

const common = ["CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-SETMARK", "CNI-HOSTPORT-MASQ"];

/** Names of the chains that the table has. */
export async function natChains(): Promise<string[]> {
  const chains = [...(await savedTable()).matchAll(/^:(CNI-\S+)/gm)].map(([, name]) => name as string);
  return [...new Set([...chains, ...(await nftTable()).flatMap((entry) => entry.chain?.name ?? [])])];
}

/** Takes away what pods of the network left, and of the rest what was not there `before` (chains) and nobody uses. */
export async function removeHostPorts(network: string, before: string[]): Promise<void> {
  const script = withoutHostPorts(await savedTable(), network, before);
  if (script) await run("iptables-restore", ["--noflush"], { input: script });
  const rest = withoutEmptyChains(await nftTable(), before);
  if (rest) await applyRuleset(rest);
}

/** Input of iptables-restore --noflush, from what iptables-save says; "" when there is nothing to do. */
export function withoutHostPorts(saved: string, network: string, before: string[]): string {
  const rules = saved.split("\n").filter((line) => line.startsWith("-A "));
  const chains = new Set([...saved.matchAll(/^:(\S+)/gm)].map(([, name]) => name as string));
  const from = (rule: string): string => rule.split(" ")[1] as string;
  const target = (rule: string): string => / -j (\S+)/.exec(rule)?.[1] ?? "";
  const doors = rules.filter((rule) => from(rule) === "CNI-HOSTPORT-DNAT");
  const ours = doors.filter((rule) => rule.includes(`"dnat name: \\"${network}\\" id: `));
  const gone = new Set(ours.map(target));
  if (ours.length === doors.length) for (const chain of common) if (chains.has(chain) && !before.includes(chain)) gone.add(chain);
  if (gone.size === 0) return "";
  const entries = rules.filter((rule) => gone.has(target(rule)) && !gone.has(from(rule)));
  return [
    "*nat",
    // Naming a chain empties it.
    ...[...gone].map((chain) => `:${chain} - [0:0]`),
    ...entries.map((rule) => rule.replace(/^-A/, "-D")),
    ...[...gone].map((chain) => `-X ${chain}`),
    "COMMIT\n",
  ].join("\n");
}

interface Entry {
  chain?: { name: string; hook?: string; policy?: string };
  rule?: { chain: string };
}

/** Input of nft -f: the base chains that iptables made for the plugin; the table, when it would be empty. */
export function withoutEmptyChains(table: Entry[], before: string[]): string {
  const chains = table.flatMap((entry) => entry.chain ?? []);
  const used = new Set(table.flatMap((entry) => entry.rule?.chain ?? []));
  const gone = chains.filter((chain) => chain.hook && chain.policy === "accept" && !used.has(chain.name) && !before.includes(chain.name));
  if (gone.length === 0) return "";
  if (gone.length === chains.length && before.length === 0) return "delete table ip nat\n";
  return gone.map((chain) => `delete chain ip nat ${chain.name}\n`).join("");
}

const savedTable = (): Promise<string> => run("iptables-save", ["-t", "nat"]);

async function nftTable(): Promise<Entry[]> {
  try {
    return (JSON.parse(await run("nft", ["-j", "list", "table", "ip", "nat"])) as { nftables: Entry[] }).nftables;
  } catch (error) {
    if (error instanceof CommandError && /No such file/.test(error.stderr)) return [];
    throw error;
  }
}
