/** URLs as Go's net/url reads them in a request (k8s.io/apiserver/pkg/cel/library/urls.go). */
import { type Library, member, type Overload, overload } from "../declarations.ts";
import { listOf, mapOf, struct, types } from "../types.ts";
import { ArrayList, CelError, HashMap, ObjectValue, type Value } from "../values.ts";
import { type GoURL, parseRequestURI, URLError } from "./go-url.ts";

const { bool, string } = types;
export const urlType = struct("kubernetes.URL");

export class URLValue extends ObjectValue {
  readonly type = urlType;
  override readonly onlyWithItsLike = true;
  readonly url: GoURL;
  constructor(url: GoURL) {
    super();
    this.url = url;
  }
  equals(other: Value): boolean {
    return other instanceof URLValue && this.url.toString() === other.url.toString();
  }
}

function parse(text: string): Value {
  try {
    return new URLValue(parseRequestURI(text));
  } catch (error) {
    if (error instanceof URLError) return new CelError(`URL parse error during conversion from string: ${error.message}`);
    throw error;
  }
}
function query({ url }: URLValue): Value {
  const map = new HashMap();
  for (const [key, values] of url.queryValues()) map.insert(key, new ArrayList(values));
  return map;
}
const part = (id: string, of: (url: GoURL) => string): Overload[] => [member(id, [urlType], string, ({ url }: URLValue) => of(url))];

export const url: Library = {
  types: [urlType],
  functions: {
    url: [overload("string_to_url", [string], urlType, parse)],
    isURL: [overload("is_url_string", [string], bool, (text: string) => parse(text) instanceof URLValue)],
    getScheme: part("url_get_scheme", ({ scheme }) => scheme),
    getHost: part("url_get_host", ({ host }) => host),
    getHostname: part("url_get_hostname", (of) => of.hostname()),
    getPort: part("url_get_port", (of) => of.port()),
    getEscapedPath: part("url_get_escaped_path", ({ escapedPath }) => escapedPath),
    getQuery: [member("url_get_query", [urlType], mapOf(string, listOf(string)), query)],
  },
};
