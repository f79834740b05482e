/** Images: present or pulled, with policy, credentials and back-off (upstream's pkg/kubelet/images/image_manager.go). */
import { parseImageName } from "../api/core/image-name.ts";
import type { Container, Pod, Secret } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { type CriClient, CriError, type Sent } from "../cri/client.ts";
import type { PodSandboxConfig } from "../cri/types.gen.ts";
import { Backoff, formatDuration } from "./backoff.ts";
import type { PodEvents } from "./pod-events.ts";
import type { PullCredential } from "./image-pull/keyring.ts";
import type { PullRecords } from "./image-pull/pull-records.ts";
import { secretKeyring } from "./image-pull/secrets.ts";
import type { Turns } from "./image-pull/turns.ts";
import type { ImageUser } from "./security.ts";

/** A container cannot be started: `reason` is that of its waiting state. */
export class StartError extends Error {
  override name = "StartError";
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface LocalImage {
  id: string;
  user: ImageUser;
}

/** An image that somebody of the pod wants. */
export interface ImageRequest {
  pod: Pod;
  /** Absent for the image of a volume: events are about the pod then. */
  container?: Container;
  reference: string;
  pullPolicy: string;
}

export interface ImagesOptions {
  cri: CriClient;
  clock: Clock;
  events: PodEvents;
  logger: Logger;
  turns: Turns;
  records: Pick<PullRecords, "mustPull" | "begin" | "pulled" | "failed">;
  /** The node's own credentials, and those that its providers give for the pod, in this order after the pod's secrets. */
  nodeCredentials(repository: string, pod: Pod): Promise<PullCredential[]>;
}

const userOf = (image: { uid?: { value: number }; username: string }): ImageUser =>
  image.uid ? { uid: image.uid.value } : image.username ? { username: image.username } : { uid: 0 };

export class Images {
  readonly #options: ImagesOptions;
  readonly #backoff: Backoff;
  readonly #lastFailure = new Map<string, string>();

  constructor(options: ImagesOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock, 10_000, 300_000);
  }
  async #inspect(image: string, named = image): Promise<LocalImage | undefined> {
    const { image: found } = await this.#options.cri.call("ImageStatus", { image: { image, userSpecifiedImage: named } });
    return found?.id ? { id: found.id, user: userOf(found) } : undefined;
  }
  #tell({ pod, container }: ImageRequest, type: "Normal" | "Warning", reason: string, message: string): void {
    if (container) this.#options.events.container(pod, container, type, reason, message);
    else this.#options.events.pod(pod, type, reason, message);
  }
  /** Rejects with StartError. Records Pulling, Pulled, Failed and BackOff. */
  async ensure(request: ImageRequest, secrets: readonly Secret[], sandbox: Sent<PodSandboxConfig>, signal: AbortSignal): Promise<LocalImage> {
    const { reference, pullPolicy, pod } = request;
    const name = parseImageName(reference);
    if (!name) {
      const message = `Failed to apply default image tag ${JSON.stringify(reference)}: couldn't parse image name ${JSON.stringify(reference)}: ${whyInvalid(reference)}`;
      this.#tell(request, "Warning", "InspectFailed", message);
      throw new StartError("InvalidImageName", message);
    }
    const image = !name.digest && name.tag && !reference.endsWith(`:${name.tag}`) ? `${reference}:${name.tag}` : reference;
    let looked: Promise<PullCredential[]> | undefined;
    const credentials = (): Promise<PullCredential[]> => {
      looked ??= this.#options.nodeCredentials(name.repository, pod).then((ofNode) => [...secretKeyring(secrets).lookup(name.repository), ...ofNode]);
      return looked;
    };
    if (pullPolicy !== "Always") {
      const local = await this.#present(request, image);
      if (local && !(await this.#options.records.mustPull(reference, local.id, credentials))) {
        this.#tell(request, "Normal", "Pulled", `Container image ${JSON.stringify(reference)} already present on machine and can be accessed by the pod`);
        return local;
      }
      if (pullPolicy === "Never") {
        // Whether it is there is nothing that a pod without credentials for it may learn.
        const message = `Container image ${JSON.stringify(reference)} is not present with pull policy of Never`;
        this.#tell(request, "Warning", "ErrImageNeverPull", message);
        throw new StartError("ErrImageNeverPull", message);
      }
    }
    return this.#recorded(request, image, await credentials(), sandbox, signal);
  }
  async #present(request: ImageRequest, image: string): Promise<LocalImage | undefined> {
    try {
      return await this.#inspect(image);
    } catch (error) {
      const message = `Failed to inspect image "": ${(error as Error).message}`;
      this.#tell(request, "Warning", "InspectFailed", message);
      throw new StartError("ImageInspectError", message);
    }
  }
  async #recorded(
    request: ImageRequest,
    image: string,
    credentials: PullCredential[],
    sandbox: Sent<PodSandboxConfig>,
    signal: AbortSignal,
  ): Promise<LocalImage> {
    const { records, logger } = this.#options;
    const { reference } = request;
    this.#assertNotBackedOff(request);
    try {
      await records.begin(reference);
    } catch (error) {
      throw new StartError("ErrImagePull", `Failed to record image pull intent for container image ${JSON.stringify(reference)}: ${(error as Error).message}`);
    }
    let pulled: { local: LocalImage; credential: PullCredential | undefined } | undefined;
    try {
      pulled = await this.#pull(request, image, credentials, sandbox, signal);
      return pulled.local;
    } finally {
      const written = pulled ? records.pulled(reference, pulled.local.id, pulled.credential) : records.failed(reference);
      await written.catch((error) => logger.warn("could not write down a pull", { image: reference, error }));
    }
  }
  #assertNotBackedOff(request: ImageRequest): void {
    const key = keyOf(request);
    if (this.#backoff.remainingSinceUpdate(key) <= 0) return;
    const message = `Back-off pulling image ${JSON.stringify(request.reference)}`;
    this.#tell(request, "Normal", "BackOff", message);
    const before = this.#lastFailure.get(key);
    throw new StartError("ImagePullBackOff", before ? `${message}: ${before}` : message);
  }
  async #pull(
    request: ImageRequest,
    image: string,
    credentials: PullCredential[],
    sandbox: Sent<PodSandboxConfig>,
    signal: AbortSignal,
  ): Promise<{ local: LocalImage; credential: PullCredential | undefined }> {
    const { clock, turns } = this.#options;
    const quoted = JSON.stringify(request.reference);
    this.#lastFailure.delete(keyOf(request));
    this.#tell(request, "Normal", "Pulling", `Pulling image ${quoted}`);
    const asked = clock.monotonic();
    try {
      return await turns.take(signal, async () => {
        const began = clock.monotonic();
        const { id, credential } = await this.#pullWithAny(image, credentials, sandbox, signal);
        const ended = clock.monotonic();
        const { image: found } = await this.#options.cri.call("ImageStatus", { image: { image: id, userSpecifiedImage: image } });
        const took = `${formatDuration(ended - began)} (${formatDuration(ended - asked)} including waiting)`;
        this.#tell(request, "Normal", "Pulled", `Successfully pulled image ${quoted} in ${took}. Image size: ${found?.size ?? 0} bytes.`);
        return { local: { id, user: found ? userOf(found) : { uid: 0 } }, credential };
      });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw this.#pullFailed(request, error instanceof CriError && error.unknown ? error.details : (error as Error).message);
    }
  }
  #pullFailed(request: ImageRequest, why: string): StartError {
    const { reference } = request;
    const key = keyOf(request);
    this.#tell(request, "Warning", "Failed", `Failed to pull image ${JSON.stringify(reference)}: ${why}`);
    this.#backoff.next(key, this.#options.clock.now());
    const known = ["RegistryUnavailable", "SignatureValidationFailed"].find((prefix) => why.startsWith(prefix));
    const because = known === "RegistryUnavailable" ? "the registry is unavailable" : "the signature validation failed";
    const message = known ? `image pull failed for ${reference} because ${because}${why.slice(known.length)}` : why;
    const reason = known ?? "ErrImagePull";
    this.#lastFailure.set(key, `${reason}: ${message}`);
    return new StartError(reason, message);
  }
  /** With each credential in turn, and without any when there is none. */
  async #pullWithAny(
    image: string,
    credentials: PullCredential[],
    sandbox: Sent<PodSandboxConfig>,
    signal: AbortSignal,
  ): Promise<{ id: string; credential: PullCredential | undefined }> {
    const failures: Error[] = [];
    for (const credential of credentials.length ? credentials : [undefined]) {
      try {
        const request = { image: { image, userSpecifiedImage: image }, sandboxConfig: sandbox, ...(credential ? { auth: credential.auth } : {}) };
        const { imageRef } = await this.#options.cri.call("PullImage", request, { timeout: 24 * 3600_000, signal });
        return { id: imageRef, credential };
      } catch (error) {
        if (signal.aborted) throw error;
        failures.push(error as Error);
      }
    }
    const [first] = failures;
    const texts = [...new Set(failures.map((error) => error.message))];
    throw texts.length > 1 ? new Error(`[${texts.join(", ")}]`) : first;
  }
  /** Milliseconds until a pull that failed may be tried again. */
  retryAfter(pod: Pod, references: readonly string[]): number {
    return Math.max(0, ...references.map((reference) => this.#backoff.remainingSinceUpdate(keyOf({ pod, reference }))));
  }
  forget(uid: string): void {
    this.#backoff.forget(`${uid}_`);
    for (const key of this.#lastFailure.keys()) if (key.startsWith(`${uid}_`)) this.#lastFailure.delete(key);
  }
}

const keyOf = ({ pod, reference }: Pick<ImageRequest, "pod" | "reference">): string => `${pod.metadata.uid}_${reference}`;

/** As distribution/reference words it. */
function whyInvalid(image: string): string {
  const slash = image.indexOf("/");
  const first = image.slice(0, Math.max(slash, 0));
  const hasHost = slash >= 0 && (/[.:]/.test(first) || first === "localhost");
  const rest = hasHost ? image.slice(slash + 1) : image.includes("/") ? image : `library/${image}`;
  const name = rest.split(":")[0] as string;
  return name.toLowerCase() === name ? "invalid reference format" : `invalid reference format: repository name (${name}) must be lowercase`;
}
