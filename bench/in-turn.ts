/** Ours and a peer measured in turn, round by round, and the table of both. */
import { compare, median, percent, short, spread, table } from "./statistics.ts";

export type Side = "ours" | "peer";

export interface InTurnOptions<K extends string> {
  rounds: number;
  /** Only this side is measured. */
  only: string | undefined;
  /** What a round gives, with the words that stand before it. */
  measures: readonly (readonly [key: K, title: string])[];
  /** A figure in the line of a round. @default short */
  figure?(value: number): string;
  measure(side: Side): Promise<Record<K, number>>;
}

/** A line for each round goes to standard error as it ends. Resolves with the table, under the names of the two. */
export async function inTurn<K extends string>(names: { peer: string; ours: string }, options: InTurnOptions<K>): Promise<string> {
  const { measures, measure, figure = short } = options;
  const rounds: Record<Side, Record<K, number>[]> = { ours: [], peer: [] };
  const sides = (["peer", "ours"] as const).filter((side) => !options.only || options.only === side);
  for (let round = 1; round <= options.rounds; round++)
    for (const side of sides) {
      const result = await measure(side);
      rounds[side].push(result);
      process.stderr.write(`round ${round}, ${side}: ${measures.map(([key, title]) => `${title} ${figure(result[key])}`).join("; ")}\n`);
    }
  const column = (side: Side, key: K): number[] => rounds[side].map((round) => round[key]);
  const shown = (numbers: number[]): string => (numbers.length ? `${short(median(numbers))} (${percent(spread(numbers))})` : "");
  return table(
    ["median (spread)", names.peer, names.ours, "ratio"],
    measures.map(([key, title]) => {
      const { ratio, established } = compare(column("ours", key), column("peer", key));
      return [
        title,
        shown(column("peer", key)),
        shown(column("ours", key)),
        sides.length < 2 ? "" : `${short(ratio)}${established ? "" : " (not established)"}`,
      ];
    }),
  );
}
