/**
 * JSON Web Tokens of all configured issuers. What the configuration file says is read again when it changes: the new issuers
 * take over once all of them have answered; a file that is wrong changes nothing (pkg/kubeapiserver/{authenticator/config.go,
 * options/authentication.go}).
 */
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { forbiddenField, path } from "../../../api/field.ts";
import { goQuote } from "../../../api/go-quote.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Logger } from "../../../base/logger.ts";
import { ConfigurationError, throwFieldErrors } from "../../configuration-file.ts";
import type { TokenAnswer, TokenAuthenticator } from "../authenticator.ts";
import { followFile } from "../../outside/follow-file.ts";
import { unionTokenAuthenticator } from "../union.ts";
import { type AuthenticationConfiguration, type JwtConfiguration, decodeAuthenticationConfiguration } from "./configuration.ts";
import { JwtAuthenticator, type JwtSeries } from "./jwt-authenticator.ts";
import { signingAlgorithms } from "./jws.ts";
import { type JwtRules, validateAuthenticationConfiguration, validateJwt } from "./validation.ts";

export interface AuthenticationSeries extends JwtSeries {
  /** An issuer is configured no more. */
  forget(issuer: string): void;
  /** The file was read again; its text where that went well. */
  reloaded(text: string | undefined): void;
  /** What is in force. */
  configured(text: string): void;
}

/** What `--authentication-config` or the `--oidc` flags say, checked. */
export interface JwtAuthenticationSource {
  configuration: AuthenticationConfiguration;
  /** Signatures of these are looked at. @default all that there are */
  algorithms?: readonly string[];
  /** Absent: flags said it, and nothing is read again. */
  file?: { path: string; text: string };
}

export interface JwtAuthenticationOptions extends JwtAuthenticationSource {
  /** The API server's own. */
  audiences: readonly string[];
  /** Issuers of service account tokens: nobody else may be them. */
  serviceAccountIssuers: readonly string[];
  clock: Clock;
  logger: Logger;
  series: AuthenticationSeries;
}

/** Milliseconds: between looks at the file, for new issuers to answer, between looks at them, and for requests under way with the former ones. */
const interval = 60_000;
const updatePatience = 60_000;
const healthInterval = 10_000;
const grace = 60_000;
const metricsGrace = 30_000;

/** Reads and checks a file. Throws ConfigurationError. */
export function readAuthenticationConfiguration(file: string): JwtAuthenticationSource & { file: { path: string; text: string } } {
  let text: string;
  let configuration: AuthenticationConfiguration;
  try {
    text = readFileSync(file, "utf8");
    configuration = decodeAuthenticationConfiguration(text);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "ENOENT" ? `open ${file}: no such file or directory` : (error as Error).message;
    throw new ConfigurationError(`failed to load authentication configuration from file "${file}": ${why}`);
  }
  checkAuthenticationConfiguration(configuration);
  return { configuration, file: { path: file, text } };
}

/** Throws ConfigurationError. */
export function checkAuthenticationConfiguration(configuration: AuthenticationConfiguration): void {
  try {
    throwFieldErrors(validateAuthenticationConfiguration(configuration, []));
  } catch (error) {
    throw new ConfigurationError(`invalid authentication configuration: ${(error as Error).message}`);
  }
}

/**
 * The authenticators with their expressions. `serviceAccountIssuers`: nobody else may be them. Throws ConfigurationError for what
 * only shows when all is put together.
 */
export function checkedAuthenticators(
  jwt: readonly JwtConfiguration[],
  algorithms: readonly string[],
  serviceAccountIssuers: readonly string[],
): { configuration: JwtConfiguration; rules: JwtRules }[] {
  return jwt.map((configuration) => {
    const { rules, errors } = validateJwt(configuration, serviceAccountIssuers, path());
    throwFieldErrors(errors);
    const unknown = algorithms.find((algorithm) => !signingAlgorithms.includes(algorithm));
    if (unknown !== undefined) throw new ConfigurationError(`oidc: unsupported signing alg: ${goQuote(unknown)}`);
    const egress = configuration.issuer?.egressSelectorType;
    if (egress) throw new ConfigurationError(`oidc: egress lookup required with egress selector type ${goQuote(egress)}`);
    return { configuration, rules };
  });
}

/** The issuers of one reading. */
class Generation implements Disposable {
  readonly issuers: readonly string[];
  readonly tokens: TokenAuthenticator;
  readonly #authenticators: JwtAuthenticator[];

  /** Throws ConfigurationError. */
  constructor({ jwt = [] }: AuthenticationConfiguration, options: JwtAuthenticationOptions) {
    const { algorithms = signingAlgorithms, audiences, serviceAccountIssuers, clock, logger, series } = options;
    this.issuers = jwt.map(({ issuer }) => issuer?.url ?? "");
    const checked = checkedAuthenticators(jwt, algorithms, serviceAccountIssuers);
    this.#authenticators = checked.map((one) => new JwtAuthenticator({ ...one, algorithms, clock, logger, series }));
    const kinds = this.#authenticators.map(
      (authenticator): TokenAuthenticator => ({
        authenticateToken(token, wanted) {
          const good = wanted.filter((audience) => audiences.includes(audience));
          const user = good.length ? authenticator.authenticate(token) : undefined;
          return user?.then((found) => ({ user: found, audiences: good }));
        },
      }),
    );
    this.tokens = unionTokenAuthenticator(kinds, true);
  }
  /** Undefined: all issuers have answered. */
  unhealthy(): string | undefined {
    const why = this.#authenticators.map((one) => one.unhealthy).filter((text) => text !== undefined);
    return why.length ? (why.length === 1 ? why[0] : `[${why.join(", ")}]`) : undefined;
  }
  async asked(): Promise<void> {
    await Promise.all(this.#authenticators.map((one) => one.asked));
  }
  [Symbol.dispose](): void {
    for (const one of this.#authenticators) one[Symbol.dispose]();
  }
}

export class JwtAuthentication implements TokenAuthenticator, AsyncDisposable {
  readonly #options: JwtAuthenticationOptions;
  readonly #stop = new AbortController();
  readonly #retired = new Set<Generation>();
  #current: Generation;
  /** The last text that was taken, or was found to be of no use. */
  #seen: string;
  #following: Promise<void> = Promise.resolve();

  /** Issuers are asked in the background. Throws ConfigurationError. */
  constructor(options: JwtAuthenticationOptions) {
    this.#options = options;
    this.#current = new Generation(options.configuration, options);
    this.#seen = options.file?.text ?? "";
    if (!options.file) return;
    options.series.configured(options.file.text);
    this.#following = followFile({
      file: options.file.path,
      interval,
      clock: options.clock,
      signal: this.#stop.signal,
      changed: () => this.refresh(),
    });
  }

  authenticateToken(token: string, audiences: readonly string[]): TokenAnswer | Promise<TokenAnswer> {
    return this.#current.tokens.authenticateToken(token, audiences);
  }
  /** Settles when each issuer was asked for the first time. */
  asked(): Promise<void> {
    return this.#current.asked();
  }

  /** Reads the file again if it changed. */
  async refresh(): Promise<void> {
    const { file, series, logger } = this.#options;
    if (!file) return;
    let text: string;
    try {
      text = readFileSync(file.path, "utf8");
    } catch (error) {
      logger.error("failed to read authentication config file", { error });
      series.reloaded(undefined);
      return;
    }
    if (text === this.#seen) return;
    let next: Generation | undefined;
    try {
      const configuration = this.#decode(text);
      if (!configuration) return;
      next = new Generation(configuration, this.#options);
      await this.#becomesWell(next);
    } catch (error) {
      next?.[Symbol.dispose]();
      if (this.#stop.signal.aborted) return;
      logger.error("failed to update authentication config", { error });
      series.reloaded(undefined);
      return;
    }
    this.#retire(this.#current, next);
    this.#current = next;
    this.#seen = text;
    logger.info("reloaded authentication config");
    series.reloaded(text);
  }
  /** Undefined: it will never do, and is not looked at again. */
  #decode(text: string): AuthenticationConfiguration | undefined {
    const { configuration: first, serviceAccountIssuers, logger, series } = this.#options;
    try {
      const configuration = decodeAuthenticationConfiguration(text);
      const errors = validateAuthenticationConfiguration(configuration, serviceAccountIssuers);
      if (!isDeepStrictEqual(configuration.anonymous, first.anonymous)) errors.push(forbiddenField("anonymous", "changed from initial configuration file"));
      throwFieldErrors(errors);
      return configuration;
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      logger.error("failed to load authentication config", { error });
      series.reloaded(undefined);
      this.#seen = text;
      return undefined;
    }
  }
  async #becomesWell(next: Generation): Promise<void> {
    const { clock } = this.#options;
    const until = clock.monotonic() + updatePatience;
    await next.asked();
    for (let why = next.unhealthy(); why !== undefined; why = next.unhealthy()) {
      if (clock.monotonic() >= until) throw new Error(`[${why}, context deadline exceeded]`);
      await clock.sleep(healthInterval, this.#stop.signal);
    }
  }
  /** Requests under way may still ask the former issuers. */
  #retire(old: Generation, next: Generation): void {
    const { clock, series } = this.#options;
    const gone = old.issuers.filter((issuer) => !next.issuers.includes(issuer));
    this.#retired.add(old);
    clock.after(grace, () => {
      old[Symbol.dispose]();
      this.#retired.delete(old);
    });
    clock.after(grace + metricsGrace, () => {
      for (const issuer of gone) if (!this.#current.issuers.includes(issuer)) series.forget(issuer);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#following;
    for (const old of this.#retired) old[Symbol.dispose]();
    this.#current[Symbol.dispose]();
  }
}
