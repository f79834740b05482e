/** Everything about images that a kubelet has, put together from its configuration. */
import { homedir } from "node:os";
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Client } from "../client/client.ts";
import { serviceaccounts } from "../client/resources.gen.ts";
import { connectContainerd } from "../cri/containerd.ts";
import type { CriClient } from "../cri/client.ts";
import { filesystemUsage } from "../linux/machine.ts";
import type { KubeletConfig } from "./config.ts";
import { imageDirectory } from "./eviction/usage.ts";
import { ImageGc } from "./image-gc.ts";
import { assertProgramsExist, CredentialProviders } from "./image-pull/credential-provider.ts";
import type { PullCredential } from "./image-pull/keyring.ts";
import { nodeKeyring } from "./image-pull/node-keyring.ts";
import { readCredentialProviders } from "./image-pull/provider-config.ts";
import { PullRecords } from "./image-pull/pull-records.ts";
import { Turns } from "./image-pull/turns.ts";
import { verificationPolicy } from "./image-pull/verification-policy.ts";
import { ImageVolumes } from "./image-volumes.ts";
import { Images } from "./images.ts";
import type { PodEvents } from "./pod-events.ts";
import { Tokens } from "./tokens.ts";
import { ImageViews } from "./volumes/image-views.ts";

export interface ImageServicesOptions {
  config: KubeletConfig;
  cri: CriClient;
  client: Client;
  clock: Clock;
  logger: Logger;
}

export interface ImageServices {
  records: PullRecords;
  /** Undefined: the runtime mounts images itself. */
  views: ImageViews | undefined;
  images(events: PodEvents): { images: Images; volumes: ImageVolumes; gc: ImageGc };
}

/** containerd 2.1 is the first that mounts images as volumes; other runtimes are taken at their word. */
export function mountsImages(name: string, version: string): boolean {
  if (name !== "containerd") return true;
  const [, major = 0, minor = 0] = (/^v?(\d+)\.(\d+)/.exec(version) ?? []).map(Number);
  return major > 2 || (major === 2 && minor >= 1);
}

/** Rejects with one sentence for a configuration that cannot be used. */
export async function openImageServices(options: ImageServicesOptions, runtime: { name: string; version: string }): Promise<ImageServices> {
  const { config, cri, client, clock, logger } = options;
  const policy = verificationPolicy(config.imagePullCredentialsVerificationPolicy, config.preloadedImagesVerificationAllowlist);
  const { rootDir, imageCredentialProviderConfigPath, imageCredentialProviderBinDir } = config;
  const providers = imageCredentialProviderConfigPath ? readCredentialProviders(imageCredentialProviderConfigPath) : [];
  if (providers.length) assertProgramsExist(providers, imageCredentialProviderBinDir);
  const records = await PullRecords.open({ rootDir, policy, clock, logger }, async () => (await cri.call("ListImages", {})).images);
  const socket = config.containerRuntimeEndpoint;
  const views =
    socket && !mountsImages(runtime.name, runtime.version) ? new ImageViews({ cri, containerd: connectContainerd(socket, clock), clock }) : undefined;
  const tokens = new Tokens(client, clock);
  const external = new CredentialProviders({
    providers,
    binDir: imageCredentialProviderBinDir,
    clock,
    logger,
    serviceAccount: (namespace, name) => client.resource(serviceaccounts).get(namespace, name),
    token: (pod, audience) => tokens.get(pod, { audience }),
  });
  const nodeCredentials = async (repository: string, pod: Pod): Promise<PullCredential[]> => [
    ...(await nodeKeyring({ rootDir, home: homedir(), logger })).lookup(repository),
    ...(await external.lookup(repository, pod)),
  ];
  const parallel = config.serializeImagePulls ? 1 : config.maxParallelImagePulls || Number.POSITIVE_INFINITY;
  return {
    records,
    views,
    images(events) {
      const turns = new Turns({ clock, parallel, qps: config.registryPullQPS, burst: config.registryBurst });
      const images = new Images({ cri, clock, events, logger, turns, records, nodeCredentials });
      const volumes = new ImageVolumes({ images, views });
      const gc = new ImageGc({
        cri,
        clock,
        policy: {
          minimumAge: config.imageMinimumGCAge,
          maximumAge: config.imageMaximumGCAge,
          highPercent: config.imageGCHighThresholdPercent,
          lowPercent: config.imageGCLowThresholdPercent,
          keep: new Set(config.sandboxImage ? [config.sandboxImage] : []),
        },
        events,
        records,
        mountedImages: () => volumes.mountedImages(),
        usage: async () => filesystemUsage(await imageDirectory(cri, rootDir)),
      });
      return { images, volumes, gc };
    },
  };
}
