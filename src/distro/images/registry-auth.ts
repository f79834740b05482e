/** Who we are to a registry: Basic, or a bearer token from the server that the registry names (RFC 6750, Docker's token specification). */
import type { Clock } from "../../base/clock.ts";
import type { Credentials } from "./docker-config.ts";
import { exchange, failureOf, type Trust, textOf } from "./registry-http.ts";

export interface Challenge {
  scheme: string;
  parameters: Record<string, string>;
}

/** Of a WWW-Authenticate header; the first challenge that can be answered. */
export function parseChallenge(header: string): Challenge | undefined {
  const match = /\b(bearer|basic)\b\s*(.*)$/i.exec(header);
  if (!match) return undefined;
  const parameters: Record<string, string> = {};
  for (const [, key, quoted, plain] of (match[2] ?? "").matchAll(/([a-zA-Z_-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g))
    parameters[(key as string).toLowerCase()] = quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "";
  return { scheme: (match[1] as string).toLowerCase(), parameters };
}

const basic = ({ username, password }: Credentials): string => `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;

/** Holds what was proved, by scope, while it is valid. */
export class RegistryAuth {
  readonly #credentials: Credentials | undefined;
  readonly #trust: Trust;
  readonly #clock: Clock;
  readonly #held = new Map<string, { header: string; until: number }>();
  constructor(credentials: Credentials | undefined, trust: Trust, clock: Clock) {
    this.#credentials = credentials;
    this.#trust = trust;
    this.#clock = clock;
  }
  header(scope: string): string | undefined {
    const held = this.#held.get(scope) ?? this.#held.get("");
    return held && held.until > this.#clock.monotonic() ? held.header : undefined;
  }
  /** Answers a challenge for `scope`. False when there is nothing to answer it with. Rejects when the token's server refuses. */
  async prove(header: string, scope: string, signal: AbortSignal | undefined): Promise<boolean> {
    const challenge = parseChallenge(header);
    if (challenge?.scheme === "basic") {
      if (!this.#credentials) return false;
      this.#held.set("", { header: basic(this.#credentials), until: Number.POSITIVE_INFINITY });
      return true;
    }
    const { realm, service = "" } = challenge?.parameters ?? {};
    if (!realm) return false;
    const { token, seconds } = await this.#token(new URL(realm), service, scope, signal);
    // Renewed before it ends: what begins with it has to arrive, too.
    this.#held.set(scope, { header: `Bearer ${token}`, until: this.#clock.monotonic() + Math.max(10, seconds - 10) * 1000 });
    return true;
  }
  async #token(realm: URL, service: string, scope: string, signal: AbortSignal | undefined): Promise<{ token: string; seconds: number }> {
    const credentials = this.#credentials;
    const form = credentials?.identityToken
      ? new URLSearchParams({ grant_type: "refresh_token", service, client_id: "k8ts", scope, refresh_token: credentials.identityToken }).toString()
      : undefined;
    if (!form) {
      if (service) realm.searchParams.set("service", service);
      for (const one of scope.split(" ")) realm.searchParams.append("scope", one);
    }
    const answer = await exchange({
      method: form ? "POST" : "GET",
      url: realm,
      headers: {
        ...(form ? { "Content-Type": "application/x-www-form-urlencoded", "Content-Length": Buffer.byteLength(form) } : {}),
        ...(credentials && !form ? { Authorization: basic(credentials) } : {}),
      },
      ...(form
        ? {
            body: async function* () {
              yield Buffer.from(form);
            },
          }
        : {}),
      trust: this.#trust,
      signal,
    });
    if (answer.status !== 200) throw new Error(`${realm.host} gives no token: ${await failureOf(answer)}`);
    const said = JSON.parse(await textOf(answer)) as { token?: string; access_token?: string; expires_in?: number };
    const token = said.token ?? said.access_token;
    if (!token) throw new Error(`${realm.host} gives no token`);
    return { token, seconds: said.expires_in ?? 60 };
  }
}
