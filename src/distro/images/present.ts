/** How images look at a terminal. */
import type { NodeImage } from "./store.ts";

export const outputFormats = ["wide", "json", "yaml", "name"] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** `64.9 MB`: powers of ten, as registries count. */
export function readableSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** Columns as wide as they have to be, three spaces between them, as kubectl has it. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) => `${row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] as number))).join("   ")}\n`).join("");
}

const short = (digest: string): string => digest.replace(/^sha256:/, "").slice(0, 12);

export async function presentImages(images: readonly NodeImage[], format: OutputFormat | undefined): Promise<string> {
  if (format === "json") return `${JSON.stringify(images, null, 2)}\n`;
  // Every process of k8ts has this file for its command line.
  if (format === "yaml") return (await import("js-yaml")).dump(images);
  const named = images
    .flatMap((image) => (image.names.length ? image.names : ["<none>"]).map((name) => ({ name, image })))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (format === "name") return named.map(({ name, image }) => `${name === "<none>" ? image.id : name}\n`).join("");
  const wide = format === "wide";
  const header = ["NAME", "IMAGE ID", "SIZE", "CONTAINERS", ...(wide ? ["PINNED", "DIGEST"] : [])];
  const rows = named.map(({ name, image }) => {
    const repository = name.replace(/:[^/:]*$/, "");
    const digest = (image.digests.find((one) => one.startsWith(`${repository}@`)) ?? image.digests[0])?.split("@")[1] ?? "<none>";
    return [name, short(image.id), readableSize(image.size), String(image.containers), ...(wide ? [String(image.pinned), digest] : [])];
  });
  return table([header, ...rows]);
}
