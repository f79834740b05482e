/** A KMS v2 plugin that wraps keys under one of its own. */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { kms } from "../../src/apiserver/encryption/kms-service.ts";
import { implement, serveGrpc } from "../../src/base/grpc/server.ts";

export function startPlugin(socket: string, wrapping: Buffer): Promise<AsyncDisposable> {
  return serveGrpc(
    socket,
    implement(kms, {
      Status: async () => ({ version: "v2", healthz: "ok", keyId: "key-1" }),
      Encrypt: async ({ plaintext }) => {
        const nonce = randomBytes(12);
        const cipher = createCipheriv("aes-256-gcm", wrapping, nonce);
        const ciphertext = Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
        return { ciphertext, keyId: "key-1", annotations: { "note.example.com": Buffer.from("kept") } };
      },
      Decrypt: async ({ ciphertext }) => {
        const bytes = Buffer.from(ciphertext);
        const decipher = createDecipheriv("aes-256-gcm", wrapping, bytes.subarray(0, 12));
        decipher.setAuthTag(bytes.subarray(-16));
        return { plaintext: Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]) };
      },
    }),
  );
}
