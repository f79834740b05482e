/**
 * Rules for names, keys and values, with upstream's messages (k8s.io/apimachinery/pkg/util/validation and
 * pkg/api/validate/content). An empty result means valid. Where upstream takes a field path, so does this.
 */
import { type FieldError, invalidValue, type Path, required } from "./field.ts";

export { isValidCIDR, isValidIP } from "./ip.ts";

/** Whether the text has more than `max` bytes in UTF-8. */
export const longerThan = (text: string, max: number): boolean => text.length > max || (text.length * 3 > max && Buffer.byteLength(text) > max);

/** As Go cuts a text: what stays of a character that it cuts through is no letter of any name. */
export const cutBytes = (text: string, from: number, to?: number): string => Buffer.from(text).subarray(from, to).toString();

export const maxLenError = (length: number): string => `must be no more than ${length} characters`;
/** What the newer half of upstream's rules says: label keys and values, and what is made of them. */
const maxBytesError = (length: number): string => `must be no more than ${length} bytes`;
export const emptyError = (): string => "must be non-empty";
export const inclusiveRangeError = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`;
export function regexError(message: string, format: string, ...examples: string[]): string {
  const shown = examples.map((e) => `'${e}', `).join(" or ");
  return examples.length ? `${message} (e.g. ${shown}regex used for validation is '${format}')` : `${message} (regex used for validation is '${format}')`;
}

const whole = (format: string): RegExp => new RegExp(`^(?:${format})$`);
const pattern = (format: string, message: string, ...examples: string[]): { regexp: RegExp; error: string } => ({
  regexp: whole(format),
  error: regexError(message, format, ...examples),
});
type Pattern = ReturnType<typeof pattern>;

function bounded(value: string, max: number, rule: Pattern, lengthError = maxLenError): string[] {
  const tooLong = longerThan(value, max);
  const matches = rule.regexp.test(value);
  if (!tooLong && matches) return [];
  return [...(tooLong ? [lengthError(max)] : []), ...(matches ? [] : [rule.error])];
}

const labelFormat = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const underscoreLabelFormat = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const subdomainFormat = `${labelFormat}(\\.${labelFormat})*`;
const dns1123Label = pattern(
  labelFormat,
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  "my-name",
  "123-abc",
);
const dns1123Subdomain = pattern(
  subdomainFormat,
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  "example.com",
);
const dns1123SubdomainWithUnderscore = pattern(
  `${underscoreLabelFormat}(\\.${underscoreLabelFormat})*`,
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
  "example.com",
);
const dns1035Label = pattern(
  "[a-z]([-a-z0-9]*[a-z0-9])?",
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  "my-name",
  "abc-123",
);
const wildcardSubdomain = pattern(
  `\\*\\.${subdomainFormat}`,
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
  "*.example.com",
);

export function isDNS1123Label(value: string): string[] {
  const errors = bounded(value, 63, dns1123Label);
  if (errors.at(-1) !== dns1123Label.error || !dns1123Subdomain.regexp.test(value)) return errors;
  return [...errors.slice(0, -1), "must not contain dots"];
}
export const isDNS1123Subdomain = (value: string): string[] => bounded(value, 253, dns1123Subdomain);
/** The same, as the newer half of upstream's rules says it. */
export const isLongName = (value: string): string[] => bounded(value, 253, dns1123Subdomain, maxBytesError);
export const isDNS1123SubdomainWithUnderscore = (value: string): string[] => bounded(value, 253, dns1123SubdomainWithUnderscore);
export const isDNS1035Label = (value: string): string[] => bounded(value, 63, dns1035Label);
export const isWildcardDNS1123Subdomain = (value: string): string[] => bounded(value, 253, wildcardSubdomain);

const labelKeyFormat = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const labelKey = pattern(
  labelKeyFormat,
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  "MyName",
  "my.name",
  "123-abc",
);
const labelValue = pattern(
  `(${labelKeyFormat})?`,
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  "MyValue",
  "my_value",
  "12345",
);

/** Keys of labels, annotations (after lower-casing), finalizers, conditions: `name` or `dns.subdomain/name`. */
export function isQualifiedName(value: string): string[] {
  const slash = value.indexOf("/");
  if (slash >= 0 && value.indexOf("/", slash + 1) >= 0)
    return [`a valid label key ${labelKey.error} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  const errors: string[] = [];
  if (slash === 0) errors.push(`prefix part ${emptyError()}`);
  else if (slash > 0) for (const message of bounded(value.slice(0, slash), 253, dns1123Subdomain, maxBytesError)) errors.push(`prefix part ${message}`);
  const name = slash < 0 ? value : value.slice(slash + 1);
  if (!name) errors.push(`name part ${emptyError()}`);
  else if (longerThan(name, 63)) errors.push(`name part ${maxBytesError(63)}`);
  if (!labelKey.regexp.test(name)) errors.push(`name part ${labelKey.error}`);
  return errors;
}
export const isValidLabelValue = (value: string): string[] => bounded(value, 63, labelValue, maxBytesError);

const httpPathFormat = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const httpPath = whole(httpPathFormat);

/** `acme.io/foo`. */
export function isDomainPrefixedPath(path: Path, value: string): FieldError[] {
  if (!value) return [required(path)];
  const slash = value.indexOf("/");
  if (slash <= 0 || slash === value.length - 1) return [invalidValue(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const host = value.slice(0, slash);
  const rest = value.slice(slash + 1);
  const errors = isDNS1123Subdomain(host).map((message) => invalidValue(path, host, message));
  if (!httpPath.test(rest)) errors.push(invalidValue(path, rest, regexError("Invalid path", httpPathFormat)));
  return errors;
}

export function isDomainPrefixedKey(path: Path, key: string): FieldError[] {
  if (!key) return [required(path)];
  const errors = isQualifiedName(key).map((message) => invalidValue(path, key, message));
  if (!errors.length && key.split("/").length !== 2) return [invalidValue(path, key, 'must be a domain-prefixed key (such as "acme.io/foo")')];
  return errors;
}

function dotDirectory(value: string): string[] {
  if (value === ".") return ["must not be '.'"];
  if (value === "..") return ["must not be '..'"];
  return value.startsWith("..") ? ["must not start with '..'"] : [];
}

const configMapKey = pattern(
  "[-._a-zA-Z0-9]+",
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  "key.name",
  "KEY_NAME",
  "key-name",
);
export const isConfigMapKey = (value: string): string[] => [...bounded(value, 253, configMapKey), ...dotDirectory(value)];

const envVarName = pattern(
  "[-._a-zA-Z][-._a-zA-Z0-9]*",
  "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
  "my.env-name",
  "MY_ENV.NAME",
  "MyEnvName1",
);
export const isEnvVarName = (value: string): string[] => [...(envVarName.regexp.test(value) ? [] : [envVarName.error]), ...dotDirectory(value)];

export function isRelaxedEnvVarName(value: string): string[] {
  if (!value) return [`environment variable name ${emptyError()}`];
  return /^[ -<>-~]*$/.test(value) ? [] : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

const matching =
  (rule: Pattern) =>
  (value: string): string[] =>
    rule.regexp.test(value) ? [] : [rule.error];
export const isHTTPHeaderName = matching(pattern("[-A-Za-z0-9]+", "a valid HTTP header must consist of alphanumeric characters or '-'", "X-Header-Name"));
export const isValidPercent = matching(pattern("[0-9]+%", "a valid percent string must be a numeric string followed by an ending '%'", "1%", "93%"));

export const isInRange = (value: number | bigint, min: number, max: number): string[] => (value >= min && value <= max ? [] : [inclusiveRangeError(min, max)]);
export const isValidPortNum = (port: number | bigint): string[] => isInRange(port, 1, 65535);
export const isValidUserID = (uid: number | bigint): string[] => isInRange(uid, 0, 2 ** 31 - 1);
export const isValidGroupID = (gid: number | bigint): string[] => isInRange(gid, 0, 2 ** 31 - 1);

export function isValidPortName(port: string): string[] {
  const errors: string[] = [];
  if (longerThan(port, 15)) errors.push(maxLenError(15));
  if (!/^[-a-z0-9]+$/.test(port)) errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!/[a-z]/.test(port)) errors.push("must contain at least one letter (a-z)");
  if (port.includes("--")) errors.push("must not contain consecutive hyphens");
  if (port.startsWith("-") || port.endsWith("-")) errors.push("must not begin or end with a hyphen");
  return errors;
}

/** Names that only need to survive as one segment of a URL (RBAC objects, custom resource groups). */
export function isPathSegmentName(name: string): string[] {
  if (name === "." || name === "..") return [`may not be '${name}'`];
  return isPathSegmentPrefix(name);
}
export function isPathSegmentPrefix(name: string): string[] {
  const errors: string[] = [];
  if (name.includes("/")) errors.push("may not contain '/'");
  if (name.includes("%")) errors.push("may not contain '%'");
  return errors;
}

export function isDecimalInteger(value: string): string[] {
  if (!value) return [emptyError()];
  return /^(?:0|-?[1-9][0-9]*)$/.test(value) ? [] : ["must be a valid decimal integer in canonical form"];
}
