/** CEL's types, as expressions are checked with them and as `type(x)` gives them (cel-spec, "Values"). */

export type TypeKind =
  | "dyn"
  | "any"
  | "error"
  | "null"
  | "bool"
  | "int"
  | "uint"
  | "double"
  | "string"
  | "bytes"
  | "duration"
  | "timestamp"
  | "list"
  | "map"
  | "struct"
  | "opaque"
  | "type"
  | "param";

const runtimeNames: Partial<Record<TypeKind, string>> = {
  null: "null_type",
  any: "google.protobuf.Any",
  duration: "google.protobuf.Duration",
  timestamp: "google.protobuf.Timestamp",
};

export class Type {
  readonly kind: TypeKind;
  /** What `type(x)` is called. */
  readonly name: string;
  readonly parameters: readonly Type[];
  /** A wrapper: the primitive or null. */
  readonly nullable: boolean;

  constructor(kind: TypeKind, name?: string, parameters: readonly Type[] = [], nullable = false) {
    this.kind = kind;
    this.name = name ?? runtimeNames[kind] ?? kind;
    this.parameters = parameters;
    this.nullable = nullable;
  }

  parameter(i: number): Type {
    return this.parameters[i] ?? types.dyn;
  }

  /** Names and parameters agree. */
  same(other: Type): boolean {
    return (
      this === other ||
      (this.kind === other.kind &&
        this.name === other.name &&
        this.parameters.length === other.parameters.length &&
        this.parameters.every((one, i) => one.same(other.parameter(i))))
    );
  }

  /** As messages of the checker write it. */
  toString(): string {
    const inner = this.parameters.map(String).join(", ");
    switch (this.kind) {
      case "error":
        return "!error!";
      case "list":
      case "map":
        return `${this.kind}(${inner})`;
      case "type":
        return inner ? `type(${inner})` : "type";
      case "opaque":
        return inner ? `${this.name}(${inner})` : this.name;
      case "struct":
      case "param":
        return this.name;
    }
    return this.nullable ? `wrapper(${this.kind})` : this.kind;
  }
}

const simple = (kind: TypeKind): Type => new Type(kind);
const wrapper = (kind: TypeKind): Type => new Type(kind, undefined, [], true);

export const types = {
  dyn: simple("dyn"),
  any: simple("any"),
  error: simple("error"),
  null: simple("null"),
  bool: simple("bool"),
  int: simple("int"),
  uint: simple("uint"),
  double: simple("double"),
  string: simple("string"),
  bytes: simple("bytes"),
  duration: simple("duration"),
  timestamp: simple("timestamp"),
  type: simple("type"),
  nullableBool: wrapper("bool"),
  nullableInt: wrapper("int"),
  nullableUint: wrapper("uint"),
  nullableDouble: wrapper("double"),
  nullableString: wrapper("string"),
  nullableBytes: wrapper("bytes"),
} as const;

export const listOf = (element: Type): Type => new Type("list", undefined, [element]);
export const mapOf = (key: Type, value: Type): Type => new Type("map", undefined, [key, value]);
export const optionalOf = (value: Type): Type => new Type("opaque", "optional_type", [value]);
export const typeOf = (of: Type): Type => new Type("type", undefined, [of]);
export const struct = (name: string): Type => new Type("struct", name);
export const opaque = (name: string, ...parameters: Type[]): Type => new Type("opaque", name, parameters);
export const param = (name: string): Type => new Type("param", name);

/** Runtime values of a list or a map know no parameters. */
export const anyList = listOf(types.dyn);
export const anyMap = mapOf(types.dyn, types.dyn);
export const anyOptional = optionalOf(types.dyn);

export const isDyn = ({ kind }: Type): boolean => kind === "dyn" || kind === "any";
export const isDynOrError = (type: Type): boolean => isDyn(type) || type.kind === "error";
export const isOptional = ({ kind, name }: Type): boolean => kind === "opaque" && name === "optional_type";
