/** Medians and how far the rounds lie apart. */

/** The middle value; the mean of both when there are two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}

/** (largest - smallest) / median, as a fraction. */
export const spread = (values: readonly number[]): number => (Math.max(...values) - Math.min(...values)) / median(values);

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

/** Beyond this a ratio says nothing. */
const established = 0.3;

/** Ratio of two alternating series round by round: its median and spread, and whether it may be quoted. */
export function compare(ours: readonly number[], peer: readonly number[]): { ratio: number; spread: number; established: boolean } {
  const ratios = ours.map((value, round) => value / (peer[round] as number));
  const apart = spread(ratios);
  return { ratio: median(ratios), spread: apart, established: ratios.length >= 5 && apart <= established };
}

/** Three significant digits. */
export const short = (value: number): string => (value >= 1000 ? Math.round(value).toLocaleString("en-US") : Number(value.toPrecision(3)).toString());
export const percent = (fraction: number): string => `${Math.round(fraction * 100)} %`;

/** Columns as a Markdown table. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)));
  const line = (cells: readonly string[]): string => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(header), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
