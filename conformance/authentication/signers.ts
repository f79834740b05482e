/** kube-apiserver and ours beside each other, whose service account tokens somebody else signs. */
import { ExternalSigner } from "../../src/apiserver/authentication/external-signer/external-signer.ts";
import { signerSeries } from "../../src/apiserver/authentication/external-signer/metrics.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { Metrics } from "../../src/base/metrics.ts";
import { component, optionsFrom } from "../../src/distro/components/apiserver.ts";
import { parseFlags } from "../../src/distro/components/flags.ts";
import { send } from "../differential/exchange.ts";
import type { Ground } from "./servers.ts";
import { ecKey, type SignerKey, type SignerState, signed, startSigner, wellBehaved, wrongHeaders } from "./signer.ts";

export interface Comparing {
  ground: Ground;
  report(name: string, answers: readonly unknown[]): void;
  /** What upstream's says when it gives up, out of its log. */
  said(log: string): string;
}

const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview" };

/** Tokens that somebody else signs, who is right, wrong, and changes keys. */
export async function compareSigners({ ground, report, said }: Comparing): Promise<void> {
  const socket = ground.path("signer.sock");
  const flag = `--service-account-signing-endpoint=${socket}`;
  const keyFiles = ["service-account-signing-key-file", "service-account-key-file"];
  const wrong: [string, Partial<SignerState>, string[]][] = [
    ["no refresh", { refreshSeconds: 0 }, []],
    ["no keys", { keys: [] }, []],
    ["a key without a name", { keys: [ecKey("")] }, []],
    ["a key with a long name", { keys: [ecKey("k".repeat(1025))] }, []],
    ["no time of the data", { dataTime: undefined }, []],
    ["short lives", { lifeSeconds: 599 }, []],
    ["longer lives", {}, ["--service-account-max-token-expiration=3h"]],
  ];
  for (const [name, state, more] of wrong) {
    const full = { ...wellBehaved(), ...state };
    await using _signer = await startSigner(socket, full);
    const peer = said(await ground.refusal([flag, ...more], keyFiles));
    const ours = await ExternalSigner.open({ endpoint: socket, clock: systemClock, logger: silentLogger, series: signerSeries(new Metrics(), systemClock) })
      .then(async (signer) => {
        await using _ = signer;
        signer.longest(10_800);
        return "";
      })
      .catch((error: Error) => error.message);
    report(`signer: ${name}`, [{ text: peer }, { text: ours }]);
  }
  const exclusive = said(await ground.refusal([flag]));
  let refusal = "";
  try {
    optionsFrom(parseFlags(component, [...ground.flags, flag]));
  } catch (error) {
    refusal = (error as Error).message.replace(/\nsee `k8ts apiserver --help`$/, "");
  }
  report("signer with keys of its own", [{ text: exclusive }, { text: refusal }]);
  const state = wellBehaved();
  await using _signer = await startSigner(socket, state);
  await using pair = await ground.start([flag, "--service-account-jwks-uri=https://keys.example.com/jwks"], keyFiles);
  const both = [pair.peer, pair.ours];
  const accounts = "/api/v1/namespaces/default/serviceaccounts";
  await Promise.all(both.map((server) => send(server, { method: "POST", path: accounts, body: { metadata: { name: "robot" } } })));
  const documents = async (when: string): Promise<void> => {
    for (const path of ["/.well-known/openid-configuration", "/openid/v1/jwks"])
      report(`${path} ${when}`, await Promise.all(both.map((server) => send(server, { method: "GET", path }))));
  };
  const made = async (what: string, spec: object = {}): Promise<string[]> => {
    const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec };
    const answers = await Promise.all(both.map((server) => send(server, { method: "POST", path: `${accounts}/robot/token`, body })));
    const hidden = answers.map(
      (answer) =>
        JSON.parse(
          JSON.stringify(answer)
            .replaceAll(/eyJ[\w.-]+/g, "TOKEN")
            .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, "TIME"),
        ) as unknown,
    );
    report(`token, ${what}`, hidden);
    return answers.map(({ body: answered }) => (answered as { status?: { token?: string } }).status?.token ?? "");
  };
  const claims = (token: string): Record<string, number> =>
    JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, number>;
  const lives = (tokens: string[]): unknown[] =>
    tokens.map((token) => ({ life: (claims(token).exp ?? 0) - (claims(token).iat ?? 0), names: Object.keys(claims(token)) }));
  const reviewed = async (name: string, tokens: readonly string[]): Promise<void> => {
    const statuses = await Promise.all(
      both.map(async (server, i) => {
        const { body } = await send(server, {
          method: "POST",
          path: "/apis/authentication.k8s.io/v1/tokenreviews",
          body: { ...review, spec: { token: tokens[i] } },
        });
        return JSON.parse(JSON.stringify((body as { status?: unknown }).status ?? body).replaceAll(/JTI=[\w-]+/g, "JTI")) as unknown;
      }),
    );
    report(`review of ${name}`, statuses);
  };
  await documents("at first");
  for (const spec of [{}, { expirationSeconds: 600 }, { expirationSeconds: 7200 }, { expirationSeconds: 90_000 }]) {
    const tokens = await made(JSON.stringify(spec), spec);
    report(`claims, ${JSON.stringify(spec)}`, lives(tokens));
    await reviewed(`a token, ${JSON.stringify(spec)}`, tokens);
  }
  for (const [name, header] of Object.entries(wrongHeaders(state))) {
    state.header = header;
    await made(`a header with ${name}`);
  }
  state.header = undefined;
  state.signature = "";
  await made("no signature");
  state.signature = undefined;
  const good = await made("once more");
  const again = (by: SignerKey): string[] =>
    good.map((token) => [signed(by, token.split(".")[1] ?? "")].map(({ header, signature }) => `${header}.${token.split(".")[1]}.${signature}`)[0] as string);
  for (const key of state.keys) await reviewed(`a token by ${key.id}`, again(key));
  await reviewed("a token by a key that nobody has", again(ecKey("nobody")));
  await reviewed("a token by another key of a name", again(ecKey("one")));
  const [former] = state.keys as [SignerKey];
  state.keys = [ecKey("two"), ...state.keys.slice(1)];
  state.dataTime = { seconds: 1_700_000_100, nanos: 5 };
  await reviewed("a token by the new key", again(state.keys[0] as SignerKey));
  await reviewed("a token by the former key", again(former));
  await documents("with the new key");
  await reviewed("a token with the new key", await made("with the new key"));
  report(
    "what was counted of the signer",
    await Promise.all(
      both.map(async (server) => {
        const { body } = await send(server, { method: "GET", path: "/metrics" });
        return String(body)
          .split("\n")
          .filter((line) => /^apiserver_externaljwt_(?!.*(success_timestamp|duration_seconds_(sum|bucket)))/.test(line))
          .map((line) => {
            const [, name, labels = "", value] = /^(\w+)(?:\{([^}]*)\})? (.*)$/.exec(line) ?? [];
            return `${name} ${labels.split(",").sort().join()} ${Number(value)}`;
          })
          .sort();
      }),
    ),
  );
}
