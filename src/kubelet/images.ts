/** Images: present or pulled, with policy, credentials and back-off (upstream's pkg/kubelet/images/image_manager.go). */
import { parseImageName } from "../api/core/image-name.ts";
import type { Container, Pod, Secret } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import { type CriClient, CriError, type Sent } from "../cri/client.ts";
import type { PodSandboxConfig } from "../cri/types.gen.ts";
import { Backoff, formatDuration } from "./backoff.ts";
import type { PodEvents } from "./pod-events.ts";
import { credentialsFor, type RegistryAuth } from "./pull-secrets.ts";
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

export interface ImagesOptions {
  cri: CriClient;
  clock: Clock;
  events: PodEvents;
  serialize: boolean;
  /** 0: no bound. */
  maxParallel: number;
}

export class Images {
  readonly #options: ImagesOptions;
  readonly #backoff: Backoff;
  readonly #lastFailure = new Map<string, string>();
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(options: ImagesOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock, 10_000, 300_000);
  }
  async inspect(image: string): Promise<LocalImage | undefined> {
    const { image: found } = await this.#options.cri.call("ImageStatus", { image: { image, userSpecifiedImage: image } });
    if (!found?.id) return undefined;
    const user: ImageUser = found.uid ? { uid: found.uid.value } : found.username ? { username: found.username } : { uid: 0 };
    return { id: found.id, user };
  }
  /** Rejects with StartError. Records Pulling, Pulled, Failed and BackOff. */
  async ensure(pod: Pod, container: Container, secrets: readonly Secret[], sandbox: Sent<PodSandboxConfig>, signal: AbortSignal): Promise<LocalImage> {
    const requested = container.image ?? "";
    const events = this.#options.events;
    const name = parseImageName(requested);
    if (!name) {
      const message = `Failed to apply default image tag ${JSON.stringify(requested)}: couldn't parse image name ${JSON.stringify(requested)}: ${whyInvalid(requested)}`;
      events.container(pod, container, "Warning", "InspectFailed", message);
      throw new StartError("InvalidImageName", message);
    }
    const image = !name.digest && name.tag && !requested.endsWith(`:${name.tag}`) ? `${requested}:${name.tag}` : requested;
    if (container.imagePullPolicy !== "Always") {
      const local = await this.#inspectFor(pod, container, image);
      if (local) {
        events.container(
          pod,
          container,
          "Normal",
          "Pulled",
          `Container image ${JSON.stringify(requested)} already present on machine and can be accessed by the pod`,
        );
        return local;
      }
      if (container.imagePullPolicy === "Never") {
        const message = `Container image ${JSON.stringify(requested)} is not present with pull policy of Never`;
        events.container(pod, container, "Warning", "ErrImageNeverPull", message);
        throw new StartError("ErrImageNeverPull", message);
      }
    }
    return this.#pull(pod, container, image, credentialsFor(name.repository, secrets), sandbox, signal);
  }
  async #inspectFor(pod: Pod, container: Container, image: string): Promise<LocalImage | undefined> {
    try {
      return await this.inspect(image);
    } catch (error) {
      const message = `Failed to inspect image "": ${(error as Error).message}`;
      this.#options.events.container(pod, container, "Warning", "InspectFailed", message);
      throw new StartError("ImageInspectError", message);
    }
  }
  async #pull(
    pod: Pod,
    container: Container,
    image: string,
    credentials: RegistryAuth[],
    sandbox: Sent<PodSandboxConfig>,
    signal: AbortSignal,
  ): Promise<LocalImage> {
    const { clock, events } = this.#options;
    const requested = container.image ?? "";
    const quoted = JSON.stringify(requested);
    const key = `${pod.metadata.uid}_${requested}`;
    if (this.#backoff.remainingSinceUpdate(key) > 0) {
      const message = `Back-off pulling image ${quoted}`;
      events.container(pod, container, "Normal", "BackOff", message);
      const before = this.#lastFailure.get(key);
      throw new StartError("ImagePullBackOff", before ? `${message}: ${before}` : message);
    }
    this.#lastFailure.delete(key);
    events.container(pod, container, "Normal", "Pulling", `Pulling image ${quoted}`);
    const asked = clock.monotonic();
    await this.#turn(signal);
    try {
      const began = clock.monotonic();
      const imageRef = await this.#pullWithAny(image, credentials, sandbox, signal);
      const ended = clock.monotonic();
      const { image: found } = await this.#options.cri.call("ImageStatus", { image: { image: imageRef, userSpecifiedImage: image } });
      const size = found?.size ?? 0;
      const took = `${formatDuration(ended - began)} (${formatDuration(ended - asked)} including waiting)`;
      events.container(pod, container, "Normal", "Pulled", `Successfully pulled image ${quoted} in ${took}. Image size: ${size} bytes.`);
      return { id: imageRef, user: found?.uid ? { uid: found.uid.value } : found?.username ? { username: found.username } : { uid: 0 } };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw this.#pullFailed(pod, container, key, error instanceof CriError && error.unknown ? error.details : (error as Error).message);
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
  #pullFailed(pod: Pod, container: Container, key: string, why: string): StartError {
    const requested = container.image ?? "";
    this.#options.events.container(pod, container, "Warning", "Failed", `Failed to pull image ${JSON.stringify(requested)}: ${why}`);
    this.#backoff.next(key, this.#options.clock.now());
    const known = ["RegistryUnavailable", "SignatureValidationFailed"].find((prefix) => why.startsWith(prefix));
    const because = known === "RegistryUnavailable" ? "the registry is unavailable" : "the signature validation failed";
    const message = known ? `image pull failed for ${requested} because ${because}${why.slice(known.length)}` : why;
    const reason = known ?? "ErrImagePull";
    this.#lastFailure.set(key, `${reason}: ${message}`);
    return new StartError(reason, message);
  }
  async #pullWithAny(image: string, credentials: RegistryAuth[], sandbox: Sent<PodSandboxConfig>, signal: AbortSignal): Promise<string> {
    let failure: unknown;
    for (const auth of credentials.length ? credentials : [undefined]) {
      try {
        const request = { image: { image, userSpecifiedImage: image }, sandboxConfig: sandbox, ...(auth ? { auth } : {}) };
        return (await this.#options.cri.call("PullImage", request, { timeout: 24 * 3600_000, signal })).imageRef;
      } catch (error) {
        if (signal.aborted) throw error;
        failure = error;
      }
    }
    throw failure;
  }
  async #turn(signal: AbortSignal): Promise<void> {
    const bound = this.#options.serialize ? 1 : this.#options.maxParallel || Number.POSITIVE_INFINITY;
    while (this.#running >= bound) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    signal.throwIfAborted();
    this.#running++;
  }
  /** Milliseconds until a pull that failed may be tried again. */
  retryAfter(pod: Pod, container: Container): number {
    return this.#backoff.remainingSinceUpdate(`${pod.metadata.uid}_${container.image ?? ""}`);
  }
  forget(uid: string): void {
    this.#backoff.forget(`${uid}_`);
    for (const key of this.#lastFailure.keys()) if (key.startsWith(`${uid}_`)) this.#lastFailure.delete(key);
  }
}

/** As distribution/reference words it. */
function whyInvalid(image: string): string {
  const slash = image.indexOf("/");
  const first = image.slice(0, Math.max(slash, 0));
  const hasHost = slash >= 0 && (/[.:]/.test(first) || first === "localhost");
  const rest = hasHost ? image.slice(slash + 1) : image.includes("/") ? image : `library/${image}`;
  const name = rest.split(":")[0] as string;
  return name.toLowerCase() === name ? "invalid reference format" : `invalid reference format: repository name (${name}) must be lowercase`;
}
