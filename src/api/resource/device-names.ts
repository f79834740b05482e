/** Names of drivers, pools, devices and attributes (pkg/apis/resource/validation). */
import { type FieldError, invalidNamed, invalidValue, type Path, required, tooLong } from "../field.ts";
import { isDNS1123Label, isDNS1123Subdomain, regexError } from "../names.ts";

const maxDriver = 63;
const maxPool = 253;
const maxId = 32;

const all = (messages: readonly string[], value: string, at: Path): FieldError[] => messages.map((message) => invalidValue(at, value, message));

export const validateLabel = (name: string, at: Path): FieldError[] => all(isDNS1123Label(name), name, at);
export const validateSubdomain = (name: string, at: Path): FieldError[] => all(isDNS1123Subdomain(name), name, at);

export function validateDriver(name: string, at: Path): FieldError[] {
  if (!name) return [required(at)];
  return [...(name.length > maxDriver ? [tooLong(at, maxDriver)] : []), ...all(isDNS1123Subdomain(name.toLowerCase()), name, at)];
}

export function validatePoolName(name: string, at: Path): FieldError[] {
  if (!name) return [required(at)];
  return [...(name.length > maxPool ? [tooLong(at, maxPool)] : []), ...name.split("/").flatMap((part) => validateSubdomain(part, at))];
}

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;
const notIdentifier = regexError(
  "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
  "[A-Za-z_][A-Za-z0-9_]*",
  "my_name",
  "MY_NAME",
  "MyName",
);
function validateIdentifier(id: string, at: Path): FieldError[] {
  return [...(id.length > maxId ? [tooLong(at, maxId)] : []), ...(identifier.test(id) ? [] : [invalidValue(at, id, notIdentifier)])];
}

/** `model` or `gpu.example.com/model`; upstream looks into no more than one slash. */
export function validateQualified(name: string, at: Path): FieldError[] {
  const [domain = "", id, ...more] = name.split("/");
  if (id === undefined) return validateIdentifier(domain, at);
  if (more.length) return [];
  return [
    ...(domain ? validateDriver(domain, at) : [invalidValue(at, "", "the domain must not be empty")]),
    ...(id ? validateIdentifier(id, at) : [invalidValue(at, "", "the name must not be empty")]),
  ];
}
export function validateFullyQualified(name: string, at: Path): FieldError[] {
  const errors = validateQualified(name, at);
  if (!name.includes("/")) errors.push(invalidNamed(at, name, "a fully qualified name must be a domain and a name separated by a slash"));
  return errors;
}
