/** What a registry answers instead of a result (OCI distribution-spec, "Error Codes"). */

const statuses = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  UNSUPPORTED: 405,
} as const;
export type RegistryErrorCode = keyof typeof statuses;

export class RegistryError extends Error {
  override name = "RegistryError";
  readonly code: RegistryErrorCode;
  readonly status: number;
  readonly headers: Record<string, string>;
  constructor(code: RegistryErrorCode, message: string, answer: { status?: number; headers?: Record<string, string> } = {}) {
    super(message);
    this.code = code;
    this.status = answer.status ?? statuses[code];
    this.headers = answer.headers ?? {};
  }
}
