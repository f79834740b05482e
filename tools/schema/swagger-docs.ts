/** Descriptions of fields as the published Go modules carry them (types_swagger_doc_generated.go), read from the module proxy. */
import { createHash } from "node:crypto";
import { strFromU8, unzipSync } from "fflate";

interface Module {
  path: string;
  /** Folder of a type's package, `core/v1`, in the module. */
  folder: (goPackage: string) => string;
  /** Of the zip file, in hexadecimal: published versions never change. */
  sha256: string;
}
const version = "v0.36.3";
const file = "types_swagger_doc_generated.go";
const modules: Module[] = [
  { path: "k8s.io/api", folder: (name) => name, sha256: "95f7a42e06dbd40d12aaf3e970bf14444a439e1d64b96dfad936070793bdff21" },
  { path: "k8s.io/apimachinery", folder: (name) => `pkg/apis/${name}`, sha256: "23ab7303b43f39c7275a56b44b3f4e38ed9f77db0296a711ab2324ef3cf81297" },
];
const proxy = process.env.GOPROXY?.split(/[,|]/).find((entry) => entry.startsWith("http")) ?? "https://proxy.golang.org";

/** Text of a type's own field; the empty name is the type itself. */
export type SwaggerDocs = (type: string, field: string) => string | undefined;

/** Reads some 6 MB. Throws where a module cannot be read or is not the published one. */
export async function readSwaggerDocs(): Promise<SwaggerDocs> {
  const read = await Promise.all(modules.map(async (module) => ({ module, files: await sources(module) })));
  return (type, field) => {
    const [goPackage = "", name = ""] = type.split(/\.(?=[^.]*$)/);
    for (const { module, files } of read) {
      const source = files.get(module.folder(goPackage));
      if (source) return entry(source, name, field);
    }
    return undefined;
  };
}

async function sources({ path, sha256 }: Module): Promise<Map<string, string>> {
  const url = `${proxy}/${path}/@v/${version}.zip`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(60_000) });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${answer.statusText}`);
  const zip = new Uint8Array(await answer.arrayBuffer());
  const sum = createHash("sha256").update(zip).digest("hex");
  if (sum !== sha256) throw new Error(`${url} has SHA-256 ${sum}, not ${sha256}`);
  const files = unzipSync(zip, { filter: (each) => each.name.endsWith(`/${file}`) });
  const root = `${path}@${version}/`.length;
  return new Map(Object.entries(files).map(([name, bytes]) => [name.slice(root, -file.length - 1), strFromU8(bytes)]));
}

/** `map_Pod = map[string]string{ "spec": "..." }`; Go's quoted strings are JSON's where these texts need escapes. */
function entry(source: string, type: string, field: string): string | undefined {
  const start = source.indexOf(`\nvar map_${type} = map[string]string{\n`);
  if (start < 0) return undefined;
  const block = source.slice(start, source.indexOf("\n}\n", start));
  const quoted = new RegExp(`^\\t"${field}":\\s*(".*"),$`, "m").exec(block)?.[1];
  return quoted && (JSON.parse(quoted) as string);
}
