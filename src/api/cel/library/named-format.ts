/** Formats by name: `format.dns1123Label().validate(text)` (k8s.io/apiserver/pkg/cel/library/format.go). */
import { isDNS1035Label, isDNS1123Label, isDNS1123Subdomain, isQualifiedName, isValidLabelValue } from "../../names.ts";
import { type Library, member, overload } from "../declarations.ts";
import { listOf, optionalOf, struct, types } from "../types.ts";
import { ArrayList, none, ObjectValue, OptionalValue, type Value } from "../values.ts";
import { parseRequestURI, URLError } from "./go-url.ts";
import { table } from "../../../base/table.ts";

const { string } = types;
export const formatType = struct("kubernetes.NamedFormat");

export class FormatValue extends ObjectValue {
  readonly type = formatType;
  readonly name: string;
  readonly complaints: (text: string) => string[];
  /** For costs. */
  readonly maxRegexSize: number;
  constructor(name: string, complaints: (text: string) => string[], maxRegexSize: number) {
    super();
    this.name = name;
    this.complaints = complaints;
    this.maxRegexSize = maxRegexSize;
  }
  equals(other: Value): boolean {
    return other instanceof FormatValue && other.name === this.name;
  }
}

/** The trailing dash of a prefix goes: what is generated follows. */
const prefix =
  (check: (text: string) => string[]) =>
  (text: string): string[] =>
    check(text.length > 1 && text.endsWith("-") ? `${text.slice(0, -2)}a` : text);
const matching =
  (holds: (text: string) => boolean, complaint: string) =>
  (text: string): string[] =>
    holds(text) ? [] : [complaint];

function uri(text: string): string[] {
  try {
    parseRequestURI(text);
    return [];
  } catch (error) {
    if (error instanceof URLError) return [error.message];
    throw error;
  }
}
const uuidPattern = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$";
const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const dateTimePattern = "^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$";
const timeOfDay = /^(\d{2}):(\d{2}):(\d{2})(?:.\d+)?(?:z|[+-]\d{2}:\d{2})$/s;
const base64 = /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=|[A-Za-z\d+/]{4})$/;
const isDate = (text: string): boolean => /^\d{4}-\d\d-\d\d$/.test(text) && new Date(Date.parse(`${text}T00:00:00Z`) || 0).toISOString().startsWith(text);
function isDateTime(text: string): boolean {
  const [date = "", time = ""] = text.toLowerCase().split("t");
  const match = timeOfDay.exec(time);
  return isDate(date) && match !== null && Number(match[1]) < 24 && Number(match[2]) < 60 && Number(match[3]) < 60;
}

const formats = table<FormatValue>({
  dns1123Label: new FormatValue("DNS1123Label", isDNS1123Label, 30),
  dns1123Subdomain: new FormatValue("DNS1123Subdomain", isDNS1123Subdomain, 60),
  dns1035Label: new FormatValue("DNS1035Label", isDNS1035Label, 30),
  qualifiedName: new FormatValue("QualifiedName", isQualifiedName, 60),
  dns1123LabelPrefix: new FormatValue("DNS1123LabelPrefix", prefix(isDNS1123Label), 30),
  dns1123SubdomainPrefix: new FormatValue("DNS1123SubdomainPrefix", prefix(isDNS1123Subdomain), 60),
  dns1035LabelPrefix: new FormatValue("DNS1035LabelPrefix", prefix(isDNS1035Label), 30),
  labelValue: new FormatValue("LabelValue", isValidLabelValue, 40),
  uri: new FormatValue("URI", uri, 1103),
  uuid: new FormatValue(
    "uuid",
    matching((text) => uuid.test(text), "does not match the UUID format"),
    uuidPattern.length,
  ),
  byte: new FormatValue(
    "byte",
    matching((text) => base64.test(text), "invalid base64"),
    84,
  ),
  date: new FormatValue("date", matching(isDate, "invalid date"), dateTimePattern.length),
  datetime: new FormatValue("datetime", matching(isDateTime, "invalid datetime"), dateTimePattern.length),
});

function validate({ complaints }: FormatValue, text: string): Value {
  const found = complaints(text);
  return found.length ? new OptionalValue(new ArrayList(found)) : none;
}

export const namedFormat: Library = {
  types: [formatType],
  functions: {
    ...Object.fromEntries(Object.entries(formats).map(([name, format]) => [`format.${name}`, [overload(`format.${name}`, [], formatType, () => format)]])),
    "format.named": [
      overload("format-named", [string], optionalOf(formatType), (name: string) => {
        const format = formats[name];
        return format ? new OptionalValue(format) : none;
      }),
    ],
    validate: [member("format-validate", [formatType, string], optionalOf(listOf(string)), validate)],
  },
};
