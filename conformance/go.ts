/** Go modules for the judges: downloaded by name, built beside their own go.mod. */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

/** Throws with what `go` wrote when it fails. */
export function go(cwd: string, args: string[], env: Record<string, string> = {}): string {
  const result = spawnSync("go", args, { cwd, encoding: "utf8", maxBuffer: 1 << 28, env: { ...process.env, GOFLAGS: "-mod=mod -buildvcs=false", ...env } });
  if (result.error) throw new Error(`go: ${result.error.message}: the judges are Go programs; install Go 1.26`);
  if (result.status !== 0) throw new Error(`go ${args.slice(0, 2).join(" ")} failed:\n${result.stderr}`);
  return result.stdout;
}

/** Where the module cache holds `PATH@VERSION`; downloads it. */
export function moduleSources(module: string): string {
  mkdirSync("/var/tmp", { recursive: true });
  const { Dir, Error: refused } = JSON.parse(go("/var/tmp", ["mod", "download", "-json", module])) as { Dir: string; Error?: string };
  if (refused) throw new Error(`${module}: ${refused}`);
  return Dir;
}

/** A module's tree at `target`, writable, so that its own go.mod rules its build; what is there already is kept. */
export function ownCopy(module: string, target: string): string {
  if (existsSync(target)) return target;
  const fresh = `${target}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(dirname(target), { recursive: true });
  cpSync(moduleSources(module), fresh, { recursive: true });
  for (const entry of readdirSync(fresh, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    // Modules carry no modes, but their tests run scripts.
    chmodSync(path, entry.isDirectory() || entry.name.endsWith(".sh") ? 0o755 : 0o644);
  }
  chmodSync(fresh, 0o755);
  renameSync(fresh, target);
  return target;
}
