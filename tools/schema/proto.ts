/**
 * Reads the descriptions of upstream's gRPC interfaces (.proto files of published Go modules) and writes what the wire needs
 * as data (facts.json) and what the compiler needs as types (types.gen.ts) beside their users.
 *
 *     node tools/schema/proto.ts [--check]
 *
 * The modules come from `go mod download`. Only the proto3 that these files use is understood: messages and enums, nested
 * too (named as in Go: Outer_Inner), oneof of messages, optional scalars, services whose answers may stream, maps with
 * string keys, the well-known wrappers and Timestamp.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { readFileSync, writeFileSync } from "node:fs";

/** `to` is what the names of the two files begin with. */
const sources = [
  { module: "k8s.io/cri-api@v0.36.3", path: "pkg/apis/runtime/v1/api.proto", to: "src/cri/" },
  { module: "github.com/container-storage-interface/spec@v1.9.0", path: "csi.proto", to: "src/csi/" },
  { module: "k8s.io/kubelet@v0.36.3", path: "pkg/apis/pluginregistration/v1/api.proto", to: "src/kubelet/plugin-manager/" },
  { module: "k8s.io/kubelet@v0.36.3", path: "pkg/apis/deviceplugin/v1beta1/api.proto", to: "src/kubelet/devices/" },
  { module: "k8s.io/kubelet@v0.36.3", path: "pkg/apis/dra/v1/api.proto", to: "src/kubelet/dra/" },
  { module: "k8s.io/kubelet@v0.36.3", path: "pkg/apis/dra/v1beta1/api.proto", to: "src/kubelet/dra/v1beta1-" },
  { module: "k8s.io/kubelet@v0.36.3", path: "pkg/apis/dra-health/v1alpha1/api.proto", to: "src/kubelet/dra/health-" },
  { module: "k8s.io/kubelet@v0.36.3", path: "pkg/apis/podresources/v1/api.proto", to: "src/kubelet/pod-resources/" },
  { module: "k8s.io/kms@v0.36.3", path: "apis/v2/api.proto", to: "src/apiserver/encryption/kms-" },
  { module: "k8s.io/apiserver@v0.36.3", path: "pkg/storage/value/encrypt/envelope/kmsv2/v2/api.proto", to: "src/apiserver/encryption/envelope-" },
  { module: "k8s.io/externaljwt@v0.36.3", path: "apis/v1/api.proto", to: "src/apiserver/authentication/external-signer/" },
];

type Field = [number: number, name: string, type: string, shape: "one" | "optional" | "many" | "map"];
interface Facts {
  source: string;
  package: string;
  services: Record<string, Record<string, [request: string, response: string, stream: boolean]>>;
  enums: Record<string, Record<string, number>>;
  messages: Record<string, Field[]>;
}

const camel = (name: string): string => name.replace(/_+([a-zA-Z0-9])/g, (_, c: string) => c.toUpperCase());

/** Messages of google.protobuf that others refer to. */
const wellKnown: Record<string, Field[]> = {
  BoolValue: [[1, "value", "bool", "one"]],
  Int64Value: [[1, "value", "int64", "one"]],
  Timestamp: [
    [1, "seconds", "int64", "one"],
    [2, "nanos", "int32", "one"],
  ],
};
const scalars = new Set(["int32", "uint32", "int64", "uint64", "double", "string", "bool", "bytes"]);

function parse(text: string, source: string): Facts {
  const facts: Facts = { source, package: "", services: {}, enums: {}, messages: {} };
  const tokens =
    text
      .replace(/\/\*[\s\S]*?\*\//g, "")
      .replace(/\/\/.*$/gm, "")
      .match(/"[^"]*"|[\w.]+|[{}()<>;=,[\]]/g) ?? [];
  let at = 0;
  const next = (): string => tokens[at++] ?? "";
  const expect = (token: string): void => {
    const got = next();
    if (got !== token) throw new Error(`${source}: expected ${token}, got ${got} (token ${at})`);
  };
  const skipTo = (token: string): void => {
    while (at < tokens.length && next() !== token);
  };
  const readEnum = (prefix: string): void => {
    const values: Record<string, number> = {};
    const name = prefix + next();
    expect("{");
    while (tokens[at] !== "}") {
      const key = next();
      if (key !== "option") {
        expect("=");
        values[key] = Number(next());
      }
      skipTo(";");
    }
    expect("}");
    facts.enums[name] = values;
  };
  const readField = (first: string, fields: Field[]): void => {
    let shape: Field[3] = "one";
    let type = first;
    if (type === "repeated" || type === "optional") {
      shape = type === "repeated" ? "many" : "optional";
      type = next();
    } else if (type === "map") {
      expect("<");
      if (next() !== "string") throw new Error(`${source}: only maps with string keys are understood`);
      expect(",");
      type = next();
      expect(">");
      shape = "map";
    }
    const name = next();
    expect("=");
    fields.push([Number(next()), camel(name), type, shape]);
    skipTo(";");
  };
  const readMessage = (prefix: string): void => {
    const name = prefix + next();
    const fields: Field[] = [];
    facts.messages[name] = fields;
    expect("{");
    for (let word = next(); word !== "}"; word = next()) {
      if (word === "enum") readEnum(`${name}_`);
      else if (word === "message") readMessage(`${name}_`);
      else if (word === "option" || word === "reserved") skipTo(";");
      else if (word === "oneof") {
        next();
        expect("{");
        for (let inner = next(); inner !== "}"; inner = next()) {
          if (scalars.has(inner)) throw new Error(`${source}: ${name} has a oneof of scalars`);
          readField(inner, fields);
        }
      } else readField(word, fields);
    }
    fields.sort((a, b) => a[0] - b[0]);
  };
  const readService = (): void => {
    const methods: Facts["services"][string] = {};
    facts.services[next()] = methods;
    expect("{");
    for (let word = next(); word !== "}"; word = next()) {
      if (word === "option") {
        skipTo(";");
        continue;
      }
      const name = next();
      expect("(");
      const request = next();
      if (request === "stream") throw new Error(`${source}: ${name} streams its requests`);
      skipTo("(");
      const stream = tokens[at] === "stream";
      if (stream) at++;
      methods[name] = [request, next(), stream];
      skipTo("}");
    }
  };
  while (at < tokens.length) {
    const word = next();
    if (word === "message") readMessage("");
    else if (word === "enum") readEnum("");
    else if (word === "service") readService();
    else if (word === "extend") skipTo("}");
    else if (word === "package") {
      facts.package = next();
      expect(";");
    } else skipTo(";");
  }
  resolve(facts);
  return facts;
}

/** Replaces the names of fields' types by those that facts have: the innermost enclosing scope that knows the name. */
function resolve(facts: Facts): void {
  for (const [message, fields] of Object.entries(facts.messages))
    for (const field of fields) {
      if (scalars.has(field[2])) continue;
      const known = /^\.?google\.protobuf\.(\w+)$/.exec(field[2])?.[1];
      const fact = known && wellKnown[known];
      if (fact) {
        facts.messages[known] = fact;
        field[2] = known;
        continue;
      }
      const wanted = field[2].replaceAll(".", "_");
      const scopes = [...message.split("_").map((_, i, parts) => `${parts.slice(0, parts.length - i).join("_")}_`), ""];
      const scope = scopes.find((s) => facts.messages[s + wanted] || facts.enums[s + wanted]);
      if (scope === undefined) throw new Error(`${facts.source}: ${message} has a field of unknown type ${field[2]}`);
      field[2] = scope + wanted;
    }
}

const numbers = new Set(["int32", "uint32", "int64", "uint64", "double"]);
function typeName(type: string): string {
  if (numbers.has(type)) return "number";
  return { string: "string", bool: "boolean", bytes: "Uint8Array" }[type] ?? type;
}
function typescript(facts: Facts): string {
  const out = [
    "// Generated by tools/schema/proto.ts; do not edit.",
    "// Messages as they are decoded: scalars, lists and maps are always there, messages only when sent.",
    "",
  ];
  for (const [name, values] of Object.entries(facts.enums)) {
    out.push(
      `export type ${name} = ${Object.keys(values)
        .map((v) => JSON.stringify(v))
        .join(" | ")};`,
      "",
    );
  }
  for (const [name, fields] of Object.entries(facts.messages)) {
    if (!fields.length) out.push(`export type ${name} = Record<string, never>;`);
    else {
      out.push(`export interface ${name} {`);
      for (const [, field, type, shape] of fields) {
        const text = typeName(type);
        const optional = shape === "optional" || (shape === "one" && facts.messages[type]) ? "?" : "";
        out.push(`  ${field}${optional}: ${shape === "many" ? `${text}[]` : shape === "map" ? `Record<string, ${text}>` : text};`);
      }
      out.push("}");
    }
    out.push("");
  }
  for (const [name, methods] of Object.entries(facts.services)) {
    out.push(`export interface ${name}Methods {`);
    for (const [method, [request, response, stream]] of Object.entries(methods))
      out.push(`  ${method}: { request: ${request}; response: ${response}; stream: ${stream} };`);
    out.push("}", "");
  }
  return out.join("\n");
}

function json(facts: Facts): string {
  const section = (name: string, entries: Record<string, unknown>): string =>
    Object.keys(entries).length === 0
      ? `  ${JSON.stringify(name)}: {}`
      : `  ${JSON.stringify(name)}: {\n${Object.entries(entries)
          .map(([key, value]) => `    ${JSON.stringify(key)}: ${JSON.stringify(value)}`)
          .join(",\n")}\n  }`;
  return `{\n  "source": ${JSON.stringify(facts.source)},\n  "package": ${JSON.stringify(facts.package)},\n${[section("services", facts.services), section("enums", facts.enums), section("messages", facts.messages)].join(",\n")}\n}\n`;
}

for (const { module, path, to } of sources) {
  const { Dir: directory } = JSON.parse(execFileSync("go", ["mod", "download", "-json", module], { encoding: "utf8", cwd: "/" })) as { Dir: string };
  const facts = parse(readFileSync(join(directory, path), "utf8"), `${module.replace("@", " ")} ${path}`);
  for (const [file, content] of [
    [`${to}facts.json`, json(facts)],
    [`${to}types.gen.ts`, typescript(facts)],
  ] as const) {
    if (!process.argv.includes("--check")) writeFileSync(file, content);
    else if (readFileSync(file, "utf8") !== content) {
      process.stderr.write(`${file} is not what ${module} gives\n`);
      process.exitCode = 1;
    }
  }
}
