/** The row of the log that each write leaves: everything about the write but its value. */

export interface LogRecord {
  key: string;
  /** Revision of the value that this write replaced or deleted; 0 for a creation. */
  previous: number;
  /** Revision of the creation; 0 for a deletion. */
  created: number;
  /** When the key expires, milliseconds since the epoch; 0 never. */
  expires: number;
}

const headLength = 24;

export function encodeRecord(record: LogRecord): Buffer {
  const bytes = Buffer.allocUnsafeSlow(headLength + Buffer.byteLength(record.key));
  bytes.writeDoubleBE(record.previous, 0);
  bytes.writeDoubleBE(record.created, 8);
  bytes.writeDoubleBE(record.expires, 16);
  bytes.write(record.key, headLength);
  return bytes;
}

/** Throws RangeError for a row that is too short. */
export function decodeRecord(bytes: Buffer): LogRecord {
  return {
    previous: bytes.readDoubleBE(0),
    created: bytes.readDoubleBE(8),
    expires: bytes.readDoubleBE(16),
    key: bytes.toString("utf8", headLength),
  };
}
