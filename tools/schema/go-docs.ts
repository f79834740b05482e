/** Descriptions of types and fields as the published Go modules have them in their comments, read from the module proxy. */
import { createHash } from "node:crypto";
import { strFromU8, unzipSync } from "fflate";
import { descriptionOf, type GoPackage, linesOfEnum, readGoPackage } from "./go-source.ts";

interface Module {
  path: string;
  /** Of the zip file, in hexadecimal: published versions never change. */
  sha256: string;
}
const version = "v0.36.3";
const modules: Module[] = [
  { path: "k8s.io/api", sha256: "95f7a42e06dbd40d12aaf3e970bf14444a439e1d64b96dfad936070793bdff21" },
  { path: "k8s.io/apimachinery", sha256: "23ab7303b43f39c7275a56b44b3f4e38ed9f77db0296a711ab2324ef3cf81297" },
  { path: "k8s.io/apiextensions-apiserver", sha256: "a42c1dfa1f1ee445b78954f06a9e4c7fcddce5749bfecb59c9ea2e7545f0d137" },
  { path: "k8s.io/kube-aggregator", sha256: "f3ee00b1a924643e7c656a274b5f082b44bbfede8cac360d6fd0089fe921ed56" },
];
const proxy = process.env.GOPROXY?.split(/[,|]/).find((entry) => entry.startsWith("http")) ?? "https://proxy.golang.org";

/** Text of a field of a schema, `io.k8s.api.core.v1.Pod`; without a field of the schema itself. */
export type GoDocs = (schema: string, field?: string) => string | undefined;

/** Reads some 7 MB. Throws where a module cannot be read or is not the published one. */
export async function readGoDocs(): Promise<GoDocs> {
  const sources = new Map((await Promise.all(modules.map(sourcesOf))).flatMap((files) => [...files]));
  const read = new Map<string, GoPackage>();
  const packageAt = (path: string): GoPackage => {
    const known = read.get(path) ?? readGoPackage(sources.get(path) ?? [], constantOf);
    read.set(path, known);
    return known;
  };
  const constantOf = (imports: ReadonlyMap<string, string>, name: string): string | undefined => {
    const [alias = "", own = ""] = name.split(".");
    const path = imports.get(alias);
    return path ? packageAt(path).constants.get(own) : undefined;
  };
  /** `metav1.ObjectMeta` as a file of `from` has it. */
  const found = (from: string, name: string): [path: string, name: string] => {
    const [alias, own] = name.replace("*", "").split(".") as [string, string?];
    return own === undefined ? [from, alias] : [packageAt(from).imports.get(alias) ?? "", own];
  };
  const textOf = (path: string, name: string, field: string): string | undefined => {
    const type = packageAt(path).types.get(name);
    const known = type?.fields.get(field);
    if (known) {
      const [at, of] = found(path, known.type);
      const enumeration = packageAt(at).types.get(of);
      return descriptionOf([...known.comment, ...(enumeration ? linesOfEnum(enumeration) : [])]);
    }
    return type?.embedded.map((each) => textOf(...found(path, each), field)).find((text) => text !== undefined);
  };
  return (schema, field) => {
    const parts = schema.replace(/^io\.k8s\./, "k8s.io.").split(".");
    const name = parts.pop() as string;
    // The first two are one: k8s.io.
    const path = `${parts.slice(0, 2).join(".")}/${parts.slice(2).join("/")}`;
    return (field === undefined ? descriptionOf(packageAt(path).types.get(name)?.comment ?? []) : textOf(path, name, field)) || undefined;
  };
}

/** Sources by the path of their package. */
async function sourcesOf({ path, sha256 }: Module): Promise<Map<string, string[]>> {
  const url = `${proxy}/${path}/@v/${version}.zip`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(60_000) });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${answer.statusText}`);
  const zip = new Uint8Array(await answer.arrayBuffer());
  const sum = createHash("sha256").update(zip).digest("hex");
  if (sum !== sha256) throw new Error(`${url} has SHA-256 ${sum}, not ${sha256}`);
  const written = (name: string): boolean => name.endsWith(".go") && !/(_test|\.pb|_generated|\/zz_generated\.[\w.]+)\.go$/.test(name);
  const sources = new Map<string, string[]>();
  for (const [name, bytes] of Object.entries(unzipSync(zip, { filter: (each) => written(each.name) }))) {
    const folder = `${path}/${name.slice(`${path}@${version}/`.length)}`.replace(/\/[^/]*$/, "");
    sources.set(folder, [...(sources.get(folder) ?? []), strFromU8(bytes)]);
  }
  return sources;
}
