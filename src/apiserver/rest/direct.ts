/** Rows of Tables and metadata alone in JSON, put together of stored bytes: of a large object only what is shown is read. */
import { encodeJSONString } from "../../api/codec/json.ts";
import type { Wanted } from "../../api/codec/json-part.ts";
import type { Stored } from "../../cache/cache.ts";
import type { Call } from "./call.ts";
import type { Direct } from "./list-body.ts";
import { isConcealed, served } from "./respond.ts";
import { cellsOf, includeObject, metaVersion, rowOf, showsStoredMetadata } from "./table.ts";

const closing = 0x7d;
const head = (call: Call): string => `{"kind":"PartialObjectMetadata","apiVersion":"${metaVersion(call.form)}","metadata":`;

const nothing: Wanted = {};
export const storedBytes: Direct<Stored> = { textOf: ({ bytes }) => bytes };

/** Of `partial` of what is stored; undefined where it must be made of objects. */
export function metadataWriter(call: Call): Direct<Stored> | undefined {
  if (!showsStoredMetadata(call.endpoint.hub.kind)) return undefined;
  const before = head(call);
  return {
    ...storedBytes,
    write(out, stored) {
      out.text(before);
      out.write(stored.part(nothing).metadata);
      out.byte(closing);
    },
  };
}

const defaultReads: Wanted = { metadata: { name: true, creationTimestamp: true } };

/** Of `rowOf` of what is stored; undefined where it must be made of objects. */
export function rowWriter(call: Call): Direct<Stored> | undefined {
  const { endpoint, rest, request } = call;
  if (endpoint.conversion || !showsStoredMetadata(endpoint.hub.kind)) return undefined;
  const { cells, reads } = endpoint.hubKind;
  const wanted = cells ? (reads?.cells as Wanted | undefined) : defaultReads;
  const include = includeObject(request.query);
  const object = include === "Metadata" ? head(call) : include === "None" ? "null" : "";
  return {
    write(out, stored) {
      if (isConcealed(endpoint, stored)) {
        out.text(encodeJSONString(rowOf(call, served(endpoint, stored))));
        return;
      }
      const part = stored.part(wanted ?? nothing);
      const shown = cellsOf(endpoint, wanted ? part.object : stored.object(), rest.clock.now());
      out.text(`{"cells":${encodeJSONString(shown)},"object":${object}`);
      if (include === "Object") out.write(stored.bytes);
      else if (include === "Metadata") {
        out.write(part.metadata);
        out.byte(closing);
      }
      out.byte(closing);
    },
  };
}
