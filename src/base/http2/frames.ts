/** Frames of HTTP/2: their numbers (RFC 9113, 6, 7 and 11) and the nine octets that each begins with. */

export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const Flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;

export const Setting = { headerTableSize: 1, enablePush: 2, maxConcurrentStreams: 3, initialWindowSize: 4, maxFrameSize: 5, maxHeaderListSize: 6 } as const;

export const ErrorCode = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
} as const;

/** Of which the whole connection dies. */
export class ConnectionError extends Error {
  override name = "ConnectionError";
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export const frameHead = 9;
/** SETTINGS_MAX_FRAME_SIZE of which both sides begin. */
export const defaultFrameSize = 16_384;
export const defaultWindow = 65_535;
export const largestWindow = 2 ** 31 - 1;

export function writeFrameHead(out: Uint8Array, at: number, length: number, type: number, flags: number, stream: number): void {
  out[at] = length >> 16;
  out[at + 1] = length >> 8;
  out[at + 2] = length;
  out[at + 3] = type;
  out[at + 4] = flags;
  out[at + 5] = stream >>> 24;
  out[at + 6] = stream >> 16;
  out[at + 7] = stream >> 8;
  out[at + 8] = stream;
}

export function frame(type: number, flags: number, stream: number, payload: readonly number[] | Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(frameHead + payload.length);
  writeFrameHead(bytes, 0, payload.length, type, flags, stream);
  bytes.set(payload, frameHead);
  return bytes;
}

export const fourBytes = (value: number): number[] => [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
