/**
 * How Kubernetes' protobuf travels: the `k8s\0` envelope that says what kind a message is (runtime.Unknown), and the frames
 * of a watch (k8s.io/apimachinery/pkg/runtime/serializer/protobuf, pkg/util/framer).
 */
import { DecodeError } from "./decode-error.ts";
import { type FieldReader, fields, ProtoReader, ProtoWriter } from "./protobuf-wire.ts";

export interface Envelope {
  apiVersion: string;
  kind: string;
  /** The message; a view of the input. */
  raw: Uint8Array;
  contentEncoding: string;
  contentType: string;
}

const magic = [0x6b, 0x38, 0x73, 0x00];

export const hasEnvelope = (bytes: Uint8Array): boolean => bytes.length >= 4 && magic.every((byte, i) => bytes[i] === byte);

const unknownFields: readonly FieldReader<Envelope & { meta: Uint8Array }>[] = [
  ["TypeMeta", "data", "meta"],
  ["Raw", "data", "raw"],
  ["ContentEncoding", "string", "contentEncoding"],
  ["ContentType", "string", "contentType"],
];
const metaFields: readonly FieldReader<Omit<Envelope, "meta">>[] = [
  ["APIVersion", "string", "apiVersion"],
  ["Kind", "string", "kind"],
];

/** Throws DecodeError. */
export function unwrapEnvelope(bytes: Uint8Array): Envelope {
  if (bytes.length === 0) throw new DecodeError("empty data");
  if (!hasEnvelope(bytes)) throw new DecodeError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
  if (bytes.length === 4) throw new DecodeError("empty body");
  const envelope: Envelope = { apiVersion: "", kind: "", raw: new Uint8Array(), contentEncoding: "", contentType: "" };
  const { meta, ...rest } = fields(new ProtoReader(bytes, "Unknown", 4), unknownFields, { ...envelope, meta: new Uint8Array() as Uint8Array });
  return fields(new ProtoReader(meta, "TypeMeta"), metaFields, rest);
}

/** Completes a writer that holds the message alone. */
export function sealEnvelope(writer: ProtoWriter, apiVersion: string, kind: string): Uint8Array {
  // The two trailing fields are empty, but upstream writes them; they stand after the message, so they were reserved by `openEnvelope`.
  return seal(writer, writer.length - trailer.length, apiVersion, kind);
}

/** Completes a writer that holds how the message begins; `following` bytes of it come after, and then `envelopeEnd`. */
export const sealBeginning = (writer: ProtoWriter, following: number, apiVersion: string, kind: string): Uint8Array =>
  seal(writer, writer.length + following, apiVersion, kind);

function seal(writer: ProtoWriter, size: number, apiVersion: string, kind: string): Uint8Array {
  writer.varint(size);
  writer.tag(2, 2);
  const end = writer.length;
  writer.string(2, kind);
  writer.string(1, apiVersion);
  writer.header(1, end);
  writer.bytes(magic);
  return writer.finish();
}

/** Empty contentEncoding and contentType. */
const trailer = [0x1a, 0x00, 0x22, 0x00];
export const envelopeEnd = (): Uint8Array => Uint8Array.from(trailer);

/** A writer for the message that `sealEnvelope` will wrap. */
export function openEnvelope(capacity?: number): ProtoWriter {
  const writer = new ProtoWriter(capacity);
  writer.bytes(trailer);
  return writer;
}

/** One frame of a watch: four bytes of length and a meta.v1.WatchEvent. `object` has its envelope. */
export function encodeWatchFrame(type: string, object: Uint8Array): Uint8Array {
  const writer = new ProtoWriter(object.length + 64);
  writer.data(1, object);
  writer.header(2, 0);
  writer.string(1, type);
  const size = writer.length;
  writer.bytes([size >>> 24, (size >>> 16) & 255, (size >>> 8) & 255, size & 255]);
  return writer.finish();
}

interface Event {
  type: string;
  object: Uint8Array;
}
const eventFields: readonly FieldReader<Event>[] = [
  ["Type", "string", "type"],
  ["Object", "data", "object"],
];
const rawFields: readonly FieldReader<Event>[] = [["Raw", "data", "object"]];

/** The event of a frame without its length. `object` is a view. Throws DecodeError. */
export function decodeWatchFrame(frame: Uint8Array): { type: string; object: Uint8Array } {
  const event = fields(new ProtoReader(frame, "WatchEvent"), eventFields, { type: "", object: new Uint8Array() as Uint8Array });
  return fields(new ProtoReader(event.object, "RawExtension"), rawFields, { ...event, object: new Uint8Array() as Uint8Array });
}
