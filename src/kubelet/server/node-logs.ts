/** `/logs/`: the machine's log files, as Go's file server shows a directory (upstream's enableSystemLogHandler). */
import { createReadStream } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join, posix } from "node:path";
import type { Readable } from "node:stream";
import { HttpError } from "./routes.ts";
import { table } from "../../base/table.ts";

export interface LogAnswer {
  status: number;
  headers: Record<string, string>;
  body?: string | Readable;
}

const escapeHTML = (text: string): string =>
  text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`.replace("&#38;", "&amp;").replace("&#60;", "&lt;").replace("&#62;", "&gt;"));
const types = table<string>({ ".html": "text/html; charset=utf-8", ".json": "application/json", ".gz": "application/gzip" });

/** `path`: of the request, decoded. Rejects with HttpError 404 for what is not below `root`, links followed. */
export async function nodeLogs(root: string, path: string): Promise<LogAnswer> {
  const relative = posix.normalize(`/${path.replace(/^\/logs/, "")}`);
  const missing = new HttpError(404, "404 page not found\n");
  try {
    const base = await realpath(root);
    const real = await realpath(join(base, relative));
    if (real !== base && !real.startsWith(`${base}/`)) throw missing;
    const about = await stat(real);
    if (about.isDirectory()) {
      if (!path.endsWith("/")) return { status: 301, headers: { location: `${path.split("/").pop()}/` } };
      const entries = (await readdir(real, { withFileTypes: true })).map((entry) => `${entry.name}${entry.isDirectory() ? "/" : ""}`).sort();
      const lines = entries.map((name) => `<a href="${encodeURI(name).replaceAll("#", "%23").replaceAll("?", "%3F")}">${escapeHTML(name)}</a>\n`);
      const body = `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${lines.join("")}</pre>\n`;
      return { status: 200, headers: { "content-type": "text/html; charset=utf-8" }, body };
    }
    // Anything else could never end.
    if (!about.isFile()) throw missing;
    const headers = { "content-type": types[extname(real)] ?? "text/plain; charset=utf-8", "last-modified": about.mtime.toUTCString() };
    return { status: 200, headers, body: createReadStream(real) };
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? "")) throw missing;
    throw error;
  }
}
