/** Which form an answer takes and a body has (k8s.io/apiserver/pkg/endpoints/handlers/negotiation). */
import { UnwritableText } from "../../api/codec/yaml-write.ts";
import { clausesOf, wantsIndented } from "../../api/accept.ts";
import type { ApiRequest } from "../../api/exchange.ts";
import { notAcceptable, StatusError } from "../../api/status.ts";
import { mediaTypeOf } from "../http/media-type.ts";

export type Media = "json" | "yaml" | "protobuf" | "cbor";
export interface Form {
  media: Media;
  as?: "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList";
  /** Version of meta.k8s.io that `as` is of. @default "v1" */
  asVersion?: "v1" | "v1beta1";
  /** Indented JSON. */
  pretty: boolean;
}

const types: ReadonlyMap<string, Media> = new Map([
  ["application/json", "json"],
  ["application/yaml", "yaml"],
  ["application/vnd.kubernetes.protobuf", "protobuf"],
  ["application/cbor", "cbor"],
]);
export const contentTypes: Record<Media, string> = {
  json: "application/json",
  yaml: "application/yaml",
  protobuf: "application/vnd.kubernetes.protobuf",
  cbor: "application/cbor",
};
/** What a watch in CBOR is; not understood in Accept. */
export const cborSequence = "application/cbor-seq";
const everything = [...types.keys()];
const withoutCBOR = everything.filter((type) => type !== contentTypes.cbor);
const streamed = ["application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch"];
const offered = ({ cbor }: ApiRequest): readonly string[] => (cbor ? everything : withoutCBOR);
const streams = ({ cbor }: ApiRequest): readonly string[] => (cbor ? [...streamed, cborSequence] : streamed);
const forms = new Set(["Table", "PartialObjectMetadata", "PartialObjectMetadataList"]);

const wantsPretty = ({ query, headers }: ApiRequest): boolean => wantsIndented(query.get("pretty"), headers["user-agent"]);

export interface Offer {
  /** Types that the router lets pass besides. */
  also?: readonly string[];
  /** Nothing but this is offered, and nobody but the router looks at the header. */
  only?: Media;
  /** The router has not looked at the header. @default true */
  routed?: boolean;
  /** PartialObjectMetadata, PartialObjectMetadataList and Table are possible. */
  transforms: boolean;
  /** @default true */
  tables?: boolean;
  /** Types that cannot travel as protobuf have none. */
  protobuf: boolean;
  /** What is offered has no type: in protobuf there are only its other forms. @default false */
  untyped?: boolean;
  /** A refusal names the types of watches too. */
  streams: boolean;
  /** Where the server speaks it at all. @default true */
  cbor?: boolean;
}

/** Parameters of a clause of `media`; undefined where the offer does not go so far. */
function formOf(media: Media, params: Record<string, string>, offer: Offer): Omit<Form, "pretty"> | undefined {
  const { as, g, v, stream, sv } = params;
  if (stream !== undefined && (media === "yaml" || stream !== "watch")) return undefined;
  if (sv !== undefined && (!offer.transforms || sv !== "v1")) return undefined;
  if (as === undefined && g === undefined && v === undefined) return media === "protobuf" && offer.untyped ? undefined : { media };
  if (!offer.transforms || !as || !forms.has(as) || g !== "meta.k8s.io" || (v !== "v1" && v !== "v1beta1")) return undefined;
  if (as === "Table" && (media === "protobuf" || media === "cbor" || offer.tables === false)) return undefined;
  return { media, as: as as NonNullable<Form["as"]>, asVersion: v };
}

function chosen(request: ApiRequest, accept: string, offer: Offer): Form | undefined {
  const pretty = wantsPretty(request);
  for (const { type, params } of clausesOf(accept)) {
    const medias = type === "*/*" || type === "application/*" ? [...types.values()] : [types.get(type)];
    for (const media of medias) {
      if (!media || (media === "protobuf" && !offer.protobuf) || (media === "cbor" && !(request.cbor && offer.cbor !== false))) continue;
      const form = formOf(media, params, offer);
      if (form) return { ...form, pretty: pretty || params.pretty === "1" };
    }
  }
  return undefined;
}

/** The router's own look at the header: whole types only, whatever their parameters. */
const routed = (accept: string, medias: readonly string[]): boolean =>
  accept.split(",").some((text) => {
    const type = (text.split(";")[0] as string).trim();
    return type === "*/*" || medias.includes(type);
  });

/** A refusal of a handler's own; the router's has details. */
export const unacceptable = (message: string): StatusError => new StatusError({ code: 406, reason: "NotAcceptable", message });

/** What upstream says of an Accept that it understands and cannot serve. */
const onlyThese = (medias: readonly string[]): StatusError => unacceptable(`only the following media types are accepted: ${medias.join(", ")}`);
export const onlyStreams = (request: ApiRequest): StatusError => onlyThese(streams(request));

/** Throws 406 where nothing that the client takes is offered. */
export function negotiate(request: ApiRequest, offer: Offer): Form {
  const { accept } = request.headers;
  if (!accept || accept === "application/json") return { media: "json", pretty: wantsPretty(request) };
  const possible = offer.cbor === false ? withoutCBOR : offered(request);
  const medias = possible.filter(
    (type) => (offer.protobuf || type !== "application/vnd.kubernetes.protobuf") && (!offer.only || types.get(type) === offer.only),
  );
  const passing = [...(offer.also ?? []), ...medias, ...(offer.streams && request.cbor ? [cborSequence] : [])];
  if (offer.routed !== false && !routed(accept, passing))
    throw notAcceptable(
      `406: Not Acceptable\n\nAvailable representations: ${[...(offer.also ?? []), ...medias, ...(offer.streams ? streams(request) : [])].join(", ")}`,
    );
  if (offer.only) return { media: offer.only, pretty: wantsPretty(request) };
  const form = chosen(request, accept, offer);
  if (!form) throw onlyThese(medias);
  return form;
}

/** The first form of aggregated discovery (apidiscovery.k8s.io/v2) among what the client takes, wherever it stands. */
export function aggregatedForm(accept: string): { media: Media; profile?: string } | undefined {
  for (const { type, params } of clausesOf(accept)) {
    const media = type === "*/*" || type === "application/*" ? "json" : types.get(type);
    if (media && media !== "cbor" && params.as === "APIGroupDiscoveryList" && params.g === "apidiscovery.k8s.io" && params.v === "v2")
      return { media, ...(params.profile ? { profile: params.profile } : {}) };
  }
  return undefined;
}

/** Of a refusal: never a Table; what cannot be answered as the client wishes is answered as JSON. */
export function errorForm(request: ApiRequest, error?: StatusError): Form {
  if (error instanceof UnwritableText) return { media: "yaml", pretty: false };
  const { accept } = request.headers;
  if (!accept) return { media: "json", pretty: wantsPretty(request) };
  return chosen(request, accept, { transforms: false, protobuf: true, streams: false }) ?? { media: "json", pretty: true };
}

/** Media of a body; no content type counts as JSON. */
export function bodyMedia(request: ApiRequest): Media {
  const header = request.headers["content-type"];
  if (!header) return "json";
  const media = types.get(header) ?? types.get(mediaTypeOf(header) ?? "");
  if (!media || (media === "cbor" && !request.cbor))
    throw new StatusError({
      code: 415,
      reason: "UnsupportedMediaType",
      message: `the body of the request was in an unknown format - accepted media types include: ${offered(request).join(", ")}`,
    });
  return media;
}
