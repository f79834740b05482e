/** What a controller manager serves on its HTTPS port, as the administrator sees it. */
import { get } from "node:https";
import type { PKI } from "../../src/distro/pki.ts";

/** Rejects for anything but 200. */
export function readManager(port: number, pki: PKI, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path, cert: pki.certificate("admin"), key: pki.key("admin"), rejectUnauthorized: false, agent: false };
    get(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${path}: ${response.statusCode} ${text}`));
      });
    }).on("error", reject);
  });
}

const lines = (text: string): string[] => text.split("\n").filter(Boolean);

/** Names of metrics with their labels' names, whose order says nothing. */
export const metricNames = (text: string): Set<string> =>
  new Set(
    lines(text)
      .filter((line) => !line.startsWith("#"))
      .map((line) => line.replace(/"(?:[^"\\]|\\.)*"/g, "").replace(/ .*$/, ""))
      .map((line) => line.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(",").sort().join(",")}}`)),
  );

/** Values of the label `name` of all metrics whose name begins with `prefix`. */
export const namesIn = (text: string, prefix: string): Set<string> =>
  new Set(lines(text).flatMap((line) => (line.startsWith(prefix) ? (/\bname="([^"]*)"/.exec(line)?.slice(1) ?? []) : [])));
