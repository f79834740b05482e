/** Which form an answer takes and a body has (k8s.io/apiserver/pkg/endpoints/handlers/negotiation). */
import type { ApiRequest } from "../../api/exchange.ts";
import { notAcceptable, StatusError } from "../../api/status.ts";

export type Media = "json" | "yaml" | "protobuf";
export interface Form {
  media: Media;
  as?: "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList";
  /** Version of meta.k8s.io that `as` is of. @default "v1" */
  asVersion?: "v1" | "v1beta1";
  /** Indented JSON. */
  pretty: boolean;
}

const types: Record<string, Media> = {
  "application/json": "json",
  "application/yaml": "yaml",
  "application/vnd.kubernetes.protobuf": "protobuf",
};
export const contentTypes: Record<Media, string> = {
  json: "application/json",
  yaml: "application/yaml",
  protobuf: "application/vnd.kubernetes.protobuf",
};
const offered = Object.keys(types);
const forms = new Set(["Table", "PartialObjectMetadata", "PartialObjectMetadataList"]);

interface Clause {
  type: string;
  q: number;
  params: Record<string, string>;
}

const parsed = new Map<string, Clause[]>();
function clausesOf(accept: string): Clause[] {
  const known = parsed.get(accept);
  if (known) return known;
  const clauses = accept
    .split(",")
    .map((text): Clause => {
      const [type = "", ...rest] = text.split(";").map((part) => part.trim());
      const params: Record<string, string> = {};
      for (const part of rest) {
        const equals = part.indexOf("=");
        if (equals > 0)
          params[part.slice(0, equals).trim()] = part
            .slice(equals + 1)
            .trim()
            .replace(/^"|"$/g, "");
      }
      return { type: type.toLowerCase(), q: params.q === undefined ? 1 : Number(params.q), params };
    })
    .filter((clause) => clause.type !== "" && clause.q > 0)
    .map((clause, i) => ({ clause, i }))
    .sort((a, b) => b.clause.q - a.clause.q || a.i - b.i)
    .map(({ clause }) => clause);
  if (parsed.size < 256) parsed.set(accept, clauses);
  return clauses;
}

function wantsPretty(request: ApiRequest): boolean {
  const asked = request.query.get("pretty");
  if (asked !== null) return asked !== "0" && asked.toLowerCase() !== "false";
  const agent = request.headers["user-agent"] ?? "";
  return agent.startsWith("curl/") || agent.startsWith("Wget/") || agent.startsWith("Mozilla/5.0");
}

export interface Offer {
  /** Table and PartialObjectMetadata are possible. */
  transforms: boolean;
  /** @default true */
  tables?: boolean;
  /** Types that cannot travel as protobuf have none. */
  protobuf: boolean;
  /** A refusal names the types of watches too. */
  streams: boolean;
}

/** Throws 406 where nothing that the client takes is offered. */
export function negotiate(request: ApiRequest, offer: Offer): Form {
  const accept = request.headers.accept;
  const pretty = wantsPretty(request);
  if (!accept || accept === "application/json") return { media: "json", pretty };
  for (const { type, params } of clausesOf(accept)) {
    const media = type === "*/*" || type === "application/*" ? "json" : types[type];
    if (!media || (media === "protobuf" && !offer.protobuf)) continue;
    if (params.as === undefined) return { media, pretty: pretty || params.pretty === "1" };
    if (!offer.transforms || !forms.has(params.as)) continue;
    if (params.as === "Table" && (media === "protobuf" || offer.tables === false)) continue;
    if (params.g !== "meta.k8s.io" || (params.v !== "v1" && params.v !== "v1beta1")) continue;
    return { media, as: params.as as NonNullable<Form["as"]>, asVersion: params.v, pretty };
  }
  const media = offered.filter((type) => offer.protobuf || type !== "application/vnd.kubernetes.protobuf");
  const streams = offer.streams ? ["application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch"] : [];
  throw notAcceptable(`406: Not Acceptable\n\nAvailable representations: ${[...media, ...streams].join(", ")}`);
}

/** Media of a body; no content type counts as JSON. */
export function bodyMedia(request: ApiRequest): Media {
  const header = request.headers["content-type"];
  if (!header) return "json";
  const type = (header.split(";")[0] as string).trim().toLowerCase();
  const media = types[type];
  if (!media)
    throw new StatusError({
      code: 415,
      reason: "UnsupportedMediaType",
      message: `the body of the request was in an unknown format - accepted media types include: ${offered.join(", ")}`,
    });
  return media;
}
