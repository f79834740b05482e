/** Lists in protobuf, in parts: some items in turn, and then what stands before and behind them. */
import type { JSONObject } from "../json.ts";
import { type Field, type TypeDef, typeByName } from "../schema/schema.ts";
import { slotOf } from "./protobuf.ts";
import { envelopeEnd, sealBeginning } from "./protobuf-envelope.ts";
import { protobufItemsFromJSON } from "./protobuf-from-json.ts";
import { ProtoWriter } from "./protobuf-wire.ts";

/** All parts together are what encodeProtobuf gives for the list. */
export interface ListEncoder {
  /** Normalised objects, in order. */
  items(objects: readonly JSONObject[]): Uint8Array;
  /** The same for objects that are stored as these texts; undefined where one is not as encodeJSON writes it. */
  itemsFromJSON(texts: readonly Uint8Array[]): Uint8Array | undefined;
  /** `size`: bytes of all items. */
  around(metadata: JSONObject, size: number): [before: Uint8Array, behind: Uint8Array];
}

/** `type` is that of the list. */
export function listEncoder(type: TypeDef, apiVersion: string, kind: string): ListEncoder {
  const field = (name: string): Field => type.byName.get(name) as Field;
  const [metadataSlot, itemsSlot] = [slotOf(field("metadata")), slotOf(field("items"))];
  const itemType = typeByName(field("items").type.replace(/^\[\]\*?/, ""));
  return {
    items(objects) {
      const writer = new ProtoWriter();
      itemsSlot.write(writer, { items: objects as JSONObject[] });
      return writer.finish();
    },
    itemsFromJSON: (texts) => protobufItemsFromJSON(itemType, itemsSlot.number, texts),
    around(metadata, size) {
      const writer = new ProtoWriter();
      metadataSlot.write(writer, { metadata });
      return [sealBeginning(writer, size, apiVersion, kind), envelopeEnd()];
    },
  };
}
