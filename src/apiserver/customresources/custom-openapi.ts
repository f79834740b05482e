/** OpenAPI documents with what definitions add: each is made when it is asked for, and again when its definitions have changed. */
import { createHash } from "node:crypto";
import { stringify } from "../../api/codec/json.ts";
import { customDocument, customSwagger } from "../../api/openapi/custom.ts";
import { openapiV2 } from "../../api/openapi/v2.ts";
import { type Document, openapiV3Index, type Served as BuiltIn } from "../../api/openapi/v3.ts";
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from "../../api/types/apiextensions-v1.gen.ts";
import { mergedSwagger } from "../aggregation/merged-openapi.ts";
import type { CustomResources } from "./custom-resources.ts";

type Served = [CustomResourceDefinition, CustomResourceDefinitionVersion];
type Index = Record<string, { serverRelativeURL: string }>;

interface Group {
  served: Served[];
  hash: string;
  bytes?: Uint8Array;
}

export class CustomOpenAPI {
  readonly #custom: CustomResources;
  readonly #builtIn: BuiltIn;
  /** By the document's path, `apis/GROUP/VERSION`. */
  #groups: ReadonlyMap<string, Group> | undefined;
  #swagger: Document | undefined;
  /** Of specs, which stay the same objects as long as they are the same. */
  readonly #digests = new WeakMap<CustomResourceDefinition["spec"], string>();

  constructor(custom: CustomResources, builtIn: BuiltIn) {
    this.#custom = custom;
    this.#builtIn = builtIn;
    custom.onChange(() => {
      this.#groups = undefined;
      this.#swagger = undefined;
    });
  }

  /** Where all documents are, those of built-in kinds among them. */
  index(): Index {
    const all = this.#all();
    const { paths } = openapiV3Index(this.#builtIn);
    if (!all.size) return paths;
    const own = [...all].map(([path, { hash }]) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }] as const);
    // A built-in group's own document stays.
    return { ...Object.fromEntries(own), ...paths };
  }
  /** undefined: definitions add nothing there. */
  document(path: string): Uint8Array | undefined {
    const group = this.#all().get(path);
    if (!group) return undefined;
    group.bytes ??= Buffer.from(stringify(customDocument(group.served)));
    return group.bytes;
  }
  /** The same object as long as it is the same document. */
  swagger(): Document {
    const all = this.#all();
    if (!all.size) return openapiV2(this.#builtIn);
    this.#swagger ??= mergedSwagger(
      openapiV2(this.#builtIn),
      [...all.values()].map(({ served }) => customSwagger(served)),
    );
    return this.#swagger;
  }

  #all(): ReadonlyMap<string, Group> {
    if (this.#groups) return this.#groups;
    const served = new Map<string, Served[]>();
    for (const definition of this.#custom.established())
      for (const version of definition.spec.versions) {
        if (!version.served) continue;
        const path = `apis/${definition.spec.group}/${version.name}`;
        served.set(path, [...(served.get(path) ?? []), [definition, version]]);
      }
    const made = new Map<string, Group>();
    for (const path of [...served.keys()].sort()) {
      const list = served.get(path) as Served[];
      const hash = createHash("sha512");
      for (const [definition, { name }] of list) hash.update(`${name} ${this.#digest(definition)}`);
      made.set(path, { served: list, hash: hash.digest("hex").toUpperCase() });
    }
    this.#groups = made;
    return made;
  }
  #digest({ spec }: CustomResourceDefinition): string {
    const known = this.#digests.get(spec) ?? createHash("sha512").update(stringify(spec)).digest("hex");
    this.#digests.set(spec, known);
    return known;
  }
}
