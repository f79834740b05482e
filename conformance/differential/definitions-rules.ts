/** x-kubernetes-validations over a schema: expressions of its types, right for the most part. */
import type { Random } from "../../src/base/random.ts";
import { escapeName } from "../../src/api/apiextensions/decl-name.ts";
import { chance, pick } from "./mutate.ts";
import type { Making, Schema } from "./definitions-schema.ts";

const byFormat: Readonly<Record<string, readonly string[]>> = {
  "date-time": ["X > timestamp('2020-01-01T00:00:00Z')", "X.getFullYear() > 2000", "X - timestamp('2020-01-01T00:00:00Z') > duration('1h')", "string(X) != ''"],
  date: ["X > timestamp('2020-01-01T00:00:00Z')", "X.getMonth() == 1", "X.getDayOfWeek('Europe/Berlin') < 7"],
  duration: ["X < duration('1h')", "X.getSeconds() > 5", "X + duration('1s') > duration('0s')"],
  byte: ["X == b'abc'", "size(X) < 2", "string(X) == 'a'"],
};
const ofString = [
  "X.startsWith('a')",
  "X.size() < 5",
  "size(X) > 1",
  "X.matches('^[a-z]+$')",
  "X in ['a', 'b', 'abc']",
  "X.contains('x') || X == 'abc'",
  "X.lowerAscii() == X",
  "X.split(',').size() < 3",
  "isURL(X)",
  "X.find('[0-9]+') != ''",
  "duration(X) > duration('1s')",
  "int(X) > 3",
  "X > 'a'",
  "X.replace('a', 'b').startsWith('b')",
  "X.charAt(0) == 'a'",
  "X.substring(1, 2) == 'b'",
  "X.trim() == X && X.upperAscii() != ''",
  "isQuantity(X) && quantity(X).isGreaterThan(quantity('1'))",
  "isIP(X) && ip(X).family() == 4",
  "cidr(X).containsIP('10.0.0.1')",
  "format.dns1123Label().validate(X).hasValue()",
  "!format.named('dns1123Subdomain').value().validate(X).hasValue()",
  "semver(X).isLessThan(semver('2.0.0'))",
  "isSemver(X)",
  "X.findAll('[a-z]').size() > 0",
  "X.indexOf('b') == 1",
  "[X, 'b'].join('-') == 'a-b'",
  "'%s-%d'.format([X, 1]) == 'a-1'",
  "X.reverse() == 'cba'",
  "X + 'x' == 'ax'",
  "X == oldSelf || true",
  "type(X) == string",
  "dyn(X) == 1",
  "X.matches('(')",
  "string(X) == X",
  "bytes(X).size() == size(X)",
  "strings.quote(X) == ''",
  "X.format([]) == X",
  "timestamp(X) > timestamp(0)",
  "url(X).getHost() == 'a'",
  "base64.encode(bytes(X)) != ''",
];
const ofInteger = [
  "X > 3",
  "X < 100",
  "X % 2 == 0",
  "10 / X > 1",
  "X * X < 50",
  "X == 1 || X == 2",
  "X in [1, 2, 3]",
  "string(X) == '1'",
  "double(X) > 0.5",
  "X - 5 < 0",
  "X > 2.5",
  "X >= 0 ? true : false",
  "-X < 0",
  "math.greatest(X, 3) > 3",
  "uint(X) > 1u",
  "X + 9223372036854775807 > 0",
  "1 % X == 0",
];
const ofNumber = [
  "X > 1.5",
  "X < 100.0",
  "X / 0.0 > 1.0",
  "int(X) > 1",
  "X == 1.0",
  "X > 3",
  "string(X) == '1.5'",
  "X * 2.0 < 10.0",
  "X in [1.0, 1.5]",
  "math.isNaN(X)",
  "math.ceil(X) == X",
];
const ofBoolean = ["X", "!X", "X == true", "X || false", "X != false", "string(X) == 'true'", "X ? 1 > 0 : true"];
const ofEither = [
  "type(X) == string ? X == 'a' : X > 2",
  "type(X) == int && X > 2",
  "X == 'a'",
  "X == 1",
  "string(X) != ''",
  "type(X) == int ? X < 10 : X.contains('%')",
  "X > 1",
  "quantity(string(X)).isGreaterThan(quantity('1'))",
];

/** A condition on `name` that holds a value of the schema. */
export function condition(random: Random, schema: Schema, name: string, depth: number): string {
  const any = (list: readonly string[]): string => pick(random, list).replace(/\bX\b/g, name);
  if (schema["x-kubernetes-int-or-string"]) return any(ofEither);
  const values = schema.additionalProperties;
  switch (schema.type) {
    case "string": {
      const own = byFormat[String(schema.format)];
      return any(own && chance(random, 0.8) ? own : ofString);
    }
    case "integer":
      return any(ofInteger);
    case "number":
      return any(ofNumber);
    case "boolean":
      return any(ofBoolean);
    case "array":
      return ofArray(random, schema, name, depth);
    case "object":
      return values && typeof values === "object" ? ofMap(random, values as Schema, name, depth) : ofObject(random, schema, name, depth);
    default:
      return any(["X == 1", "has(X.a)", "type(X) == map", "X.a == 1", "true"]);
  }
}

function ofArray(random: Random, schema: Schema, name: string, depth: number): string {
  const items = (schema.items as Schema | undefined) ?? {};
  const inner = `v${depth}`;
  const below = (): string => (depth > 0 ? condition(random, items, inner, depth - 1) : "true");
  return pick<() => string>(random, [
    () => `${name}.all(${inner}, ${below()})`,
    () => `${name}.all(${inner}, ${below()})`,
    () => `${name}.exists(${inner}, ${below()})`,
    () => `${name}.exists_one(${inner}, ${below()})`,
    () => `${name}.filter(${inner}, ${below()}).size() < 3`,
    () => `${name}.map(${inner}, ${below()}).all(x, x)`,
    () => `size(${name}) ${pick(random, ["<", ">", "=="])} 2`,
    () => `${name}.size() == 0 || ${depth > 0 ? condition(random, items, `${name}[0]`, depth - 1) : "true"}`,
    () => `${name}[1] == ${name}[0]`,
    () => `${name}.isSorted()`,
    () => `${name}.sum() > 3`,
    () => `${name}.min() < ${name}.max()`,
    () => `${name} == []`,
    () => `${name} + ${name} != ${name}`,
    () => `${name}.all(i, ${inner}, i > 0 || ${below()})`,
    () => `${name}.indexOf(${name}[0]) == 0`,
    () => `sets.contains(${name}, ${name})`,
    () => `${name}[?0].hasValue()`,
    () => `${name}.exists(x, ${name}.exists(y, x == y))`,
    () => `${name}.distinct().size() == ${name}.size()`,
    () => `${name}.slice(0, 1).size() == 1`,
    () => `${name}.transformList(i, ${inner}, i).all(x, x < 3)`,
    () => `${name}.sort() == ${name}`,
  ])();
}

function ofMap(random: Random, values: Schema, name: string, depth: number): string {
  const inner = `k${depth}`;
  const below = (of: string): string => (depth > 0 ? condition(random, values, of, depth - 1) : "true");
  return pick<() => string>(random, [
    () => `${name}.all(${inner}, ${below(`${name}[${inner}]`)})`,
    () => `${name}.all(${inner}, ${inner}.size() < 3)`,
    () => `${name}.exists(${inner}, ${inner} == 'a')`,
    () => `'a' in ${name}`,
    () => `size(${name}) < 3`,
    () => `!('a' in ${name}) || ${below(`${name}['a']`)}`,
    () => `${name}.all(${inner}, v, ${below("v")})`,
    () => `${name}.transformMap(k, v, k).size() < 2`,
    () => `${name}.a == ${name}['a']`,
    () => `has(${name}.a)`,
    () => `${name}[?'a'].optMap(v, ${below("v")}).orValue(true)`,
    () => `${name} == {}`,
  ])();
}

function ofObject(random: Random, schema: Schema, name: string, depth: number): string {
  const properties = Object.entries((schema.properties as Record<string, Schema> | undefined) ?? {});
  const found = properties.length ? pick(random, properties) : undefined;
  const embedded = ["X.kind == 'Pod'", "X.metadata.name.startsWith('n')", "has(X.metadata.generateName)", "X.apiVersion == 'v1'", "has(X.metadata.labels)"];
  if (!found || (schema["x-kubernetes-embedded-resource"] && chance(random, 0.4))) return pick(random, embedded).replace(/\bX\b/g, name);
  const [property, inner] = found;
  const escaped = escapeName(property) ?? property;
  const field = `${name}.${escaped}`;
  const below = depth > 0 ? condition(random, inner, field, depth - 1) : "true";
  const second =
    depth > 0 && properties.length > 1
      ? ofObject(random, { ...schema, properties: Object.fromEntries(properties.filter((one) => one !== found)) }, name, depth - 1)
      : "true";
  return pick(random, [
    `!has(${field}) || ${below}`,
    `!has(${field}) || ${below}`,
    `has(${field}) && ${below}`,
    below,
    `has(${field})`,
    `${name}.?${escaped}.hasValue()`,
    `(!has(${field}) || ${below}) && ${second}`,
    `(!has(${field}) || ${below}) || ${second}`,
    `${name}.?${escaped}.orValue(${field}) == ${field}`,
    `[${field}].all(x, x == ${field})`,
    `cel.bind(x, ${name}, has(x.${escaped}))`,
    `${name} == ${name}`,
  ]);
}

const mistakes = [
  "self =",
  "self.nope == 1",
  "self",
  "1 + 1",
  " ",
  "",
  "self.all(x, self.all(y, self.all(z, x == y && y == z)))",
  "undeclared == 1",
  "self.size(1) == 1",
  "'a' + 1 == 'b'",
  "has(self)",
  "self ==\n1",
  "oldSelf.nope",
  "self.matches('[')",
  "self.startsWith(1)",
  "[1, 'a'] == []",
  "x.y.z",
  "self[0",
  'self == "unclosed',
  "// only a comment",
  "self.foo()",
  "authorizer.path('/').check('get').allowed()",
  "now() > timestamp(0)",
  "1 == 1 ? 2 : 'a'",
  "self.all(self, true)",
  "{1: 2}[1] == 2",
  "null == self",
  "b'\\xff' == b''",
  "self in 5",
  "self >= oldSelf",
];
const fieldPaths = [
  ".name",
  ".a",
  ".a.b",
  ".size",
  ".items",
  "['x-y']",
  ".list[0]",
  "a",
  ".",
  " ",
  ".zz",
  "['a']",
  ".mode\n",
  ".x-y",
  ".['name']",
  ".metadata.name",
];

export function ruleOf(making: Making, schema: Schema): Schema {
  const { random, wrong } = making;
  const isWrong = chance(random, wrong);
  let rule = isWrong ? pick(random, mistakes) : condition(random, schema, "self", 3);
  const made: Schema = {};
  if (!isWrong && chance(random, 0.22)) {
    rule = pick(random, [
      "self == oldSelf",
      `${rule} || self == oldSelf`,
      `${condition(random, schema, "oldSelf", 2)} || ${rule}`,
      "oldSelf.hasValue() ? self == oldSelf.value() : true",
    ]);
    if (rule.includes("oldSelf.hasValue")) made.optionalOldSelf = true;
  }
  if (chance(random, wrong / 2)) made.optionalOldSelf = chance(random, 0.5);
  made.rule = rule;
  if (chance(random, 0.2)) made.message = chance(random, wrong) ? pick(random, [" ", "a\nb", ""]) : pick(random, ["must be right", " padded ", "é <&>"]);
  if (chance(random, 0.2)) {
    const right = [
      "'is not right'",
      "'x' + string(self)",
      "''",
      "' '",
      "'a\\nb'",
      `${condition(random, schema, "self", 1)} ? 'yes' : 'no'`,
      "'old ' + string(oldSelf)",
    ];
    made.messageExpression = chance(random, wrong) ? pick(random, ["1", "self +", " ", "nope", "self.all(x, true) ? 'a' : 'b'"]) : pick(random, right);
  }
  if (chance(random, 0.15))
    made.reason = chance(random, wrong) ? "Strange" : pick(random, ["FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate"]);
  if (chance(random, 0.12)) {
    const names = Object.keys((schema.properties as object | undefined) ?? {});
    made.fieldPath = names.length && chance(random, 0.8 - wrong) ? fieldPathOf(pick(random, names)) : pick(random, fieldPaths);
  }
  return made;
}
const fieldPathOf = (name: string): string => (/^[a-zA-Z]\w*$/.test(name) ? `.${name}` : `['${name}']`);
