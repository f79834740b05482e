/**
 * The release: everything of src/ in a few files under dist/, and the data beside them. `npm pack` runs it.
 * Native and large dependencies stay dependencies of the package.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { build, type Plugin } from "esbuild";

const out = "dist";
const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as { dependencies: Record<string, string> };

/** Data that a module reads beside itself (`new URL("./types.json", import.meta.url)`) goes beside the bundle. */
const dataFiles: Plugin = {
  name: "data files",
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const contents = source.replaceAll(/new URL\("([^"]+\.json)", import\.meta\.url\)/g, (_, file: string) => {
        const from = resolve(dirname(path), file);
        const name = `${basename(dirname(from))}-${basename(from)}`;
        copyFileSync(from, join(out, name));
        return `new URL(${JSON.stringify(`./${name}`)}, import.meta.url)`;
      });
      return { contents, loader: "ts" };
    });
  },
};

rmSync(out, { recursive: true, force: true });
mkdirSync(out);
await build({
  entryPoints: { k8ts: "src/distro/main.ts" },
  outdir: out,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node24",
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: "linked",
  sourcesContent: false,
  external: Object.keys(dependencies),
  plugins: [dataFiles],
  logLevel: "warning",
});
