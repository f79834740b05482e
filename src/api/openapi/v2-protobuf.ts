/**
 * OpenAPI v2 in protobuf, as client-go asks for it (`application/com.github.proto-openapi.spec.v2.v1.0+protobuf`): the
 * messages of github.com/google/gnostic-models/openapiv2. Extensions are YAML inside.
 */
import { ProtoWriter, wire } from "../codec/protobuf-wire.ts";
import { encodeYAMLString } from "../codec/yaml-write.ts";
import type { Schema } from "./schemas.ts";

type Members = Record<string, Schema>;

/** Fields are written from the last to the first, as the writer wants them. */
export function encodeSwagger(swagger: Schema): Uint8Array {
  const out = new Encoder();
  const document = swagger as { info: Members; paths: Members; definitions: Members; security: Record<string, string[]>[]; securityDefinitions: Members };
  out.message(13, () =>
    out.named(1, document.securityDefinitions, (item) => out.message(2, () => out.texts(item, { description: 4, in: 3, name: 2, type: 1 }))),
  );
  for (const item of [...document.security].reverse()) {
    out.message(12, () => out.named(1, item, (scopes) => out.strings(1, scopes as unknown as string[])));
  }
  out.message(9, () => out.named(1, document.definitions, (schema) => out.schema(schema)));
  out.message(8, () => out.named(2, document.paths, (item) => out.pathItem(item as Members)));
  out.message(2, () => out.texts(document.info, { description: 3, version: 2, title: 1 }));
  out.text(1, swagger.swagger);
  return out.finish();
}

const methods = { patch: 8, head: 7, options: 6, delete: 5, post: 4, put: 3, get: 2 } as const;

class Encoder {
  readonly #writer = new ProtoWriter(1 << 20);

  finish(): Uint8Array {
    return this.#writer.finish();
  }

  message(field: number, body: () => void): void {
    const end = this.#writer.length;
    body();
    this.#writer.header(field, end);
  }

  text(field: number, value: unknown): void {
    if (typeof value === "string" && value !== "") this.#writer.string(field, value);
  }

  /** `numbers` in descending order. */
  texts(from: Schema, numbers: Record<string, number>): void {
    for (const [name, field] of Object.entries(numbers)) this.text(field, from[name]);
  }

  strings(field: number, values: unknown): void {
    if (Array.isArray(values)) for (const value of [...values].reverse()) this.#writer.string(field, String(value));
  }

  flag(field: number, value: unknown): void {
    if (value !== true) return;
    this.#writer.byte(1);
    this.#writer.tag(field, wire.varint);
  }

  /** Pairs of a name (1) and a value (2). */
  named(field: number, map: Record<string, unknown>, body: (value: Schema) => void): void {
    for (const [name, value] of Object.entries(map).reverse()) {
      this.message(field, () => {
        this.message(2, () => body(value as Schema));
        this.text(1, name);
      });
    }
  }

  any(field: number, value: unknown): void {
    this.message(field, () => this.text(2, encodeYAMLString(value)));
  }

  extensions(field: number, from: Schema): void {
    const own = Object.entries(from).filter(([name]) => name.startsWith("x-"));
    for (const [name, value] of own.reverse()) {
      this.message(field, () => {
        this.any(2, value);
        this.text(1, name);
      });
    }
  }

  schema(schema: Schema): void {
    this.extensions(31, schema);
    const properties = schema.properties as Members | undefined;
    if (properties) this.message(25, () => this.named(1, properties, (property) => this.schema(property)));
    const items = schema.items as Schema | undefined;
    if (items) this.message(23, () => this.message(1, () => this.schema(items)));
    if (schema.type) this.message(22, () => this.text(1, schema.type));
    const additional = schema.additionalProperties as Schema | undefined;
    if (additional) this.message(21, () => this.message(1, () => this.schema(additional)));
    if (Array.isArray(schema.enum)) for (const value of [...schema.enum].reverse()) this.any(20, value);
    this.strings(19, schema.required);
    if (schema.default !== undefined) this.any(5, schema.default);
    this.texts(schema, { description: 4, format: 2, $ref: 1 });
  }

  pathItem(item: Members): void {
    this.parameters(9, item.parameters);
    for (const [method, field] of Object.entries(methods)) {
      const operation = item[method];
      if (operation) this.message(field, () => this.operation(operation));
    }
  }

  operation(operation: Schema): void {
    this.extensions(13, operation);
    this.strings(10, operation.schemes);
    const responses = operation.responses as Members;
    this.message(9, () => this.named(1, responses, (response) => this.message(1, () => this.response(response))));
    this.parameters(8, operation.parameters);
    this.strings(7, operation.consumes);
    this.strings(6, operation.produces);
    this.texts(operation, { operationId: 5, description: 3 });
    this.strings(1, operation.tags);
  }

  response(response: Schema): void {
    const schema = response.schema as Schema | undefined;
    if (schema) this.message(2, () => this.message(1, () => this.schema(schema)));
    this.text(1, response.description);
  }

  parameters(field: number, parameters: unknown): void {
    if (Array.isArray(parameters))
      for (const parameter of [...(parameters as Schema[])].reverse()) this.message(field, () => this.message(1, () => this.parameter(parameter)));
  }

  parameter(parameter: Schema): void {
    if (parameter.in === "body") {
      this.message(1, () => {
        this.message(5, () => this.schema(parameter.schema as Schema));
        this.flag(4, parameter.required);
        this.texts(parameter, { in: 3, name: 2, description: 1 });
      });
      return;
    }
    const path = parameter.in === "path";
    this.message(2, () =>
      this.message(path ? 4 : 3, () => {
        this.flag(path ? 19 : 20, parameter.uniqueItems);
        this.texts(parameter, { type: path ? 5 : 6, name: 4, description: 3, in: 2 });
        this.flag(1, parameter.required);
      }),
    );
  }
}
