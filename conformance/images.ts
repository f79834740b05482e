/** The images that the specs run, made from Debian packages and the judges' own programs; one OCI archive, images.tar. */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { archiveOf, type Image, type ImageConfig, type LayerFile, layerOf } from "../src/distro/images/oci.ts";
import { pauseImage } from "../src/distro/images/pause.ts";

export interface BuildImagesOptions {
  dir: string;
  bin: string;
  /** test/images of the Kubernetes module. */
  testImages: string;
  note(text: string): void;
}

const packages = "bind9-dnsutils,curl,netcat-openbsd,iproute2,iperf,bash,util-linux,busybox-static,ca-certificates";
const registry = "registry.k8s.io/e2e-test-images/";
const file = (name: string, path: string, mode: number): LayerFile => ({ name, mode, content: readFileSync(path) });
/** A judge's program: the images bring no libraries that a dynamically linked one would look for. */
const program = (name: string, path: string, mode = 0o755): LayerFile => {
  const packed = file(name, path, mode);
  if (isDynamic(packed.content as Uint8Array))
    throw new Error(
      `${path} is linked dynamically and would not start in an image; remove it and build it again: node conformance/build.ts --only ${basename(path)}`,
    );
  return packed;
};
const text = (name: string, content: string, mode = 0o644): LayerFile => ({ name, mode, content: Buffer.from(content) });
const directory = (name: string, mode = 0o755): LayerFile => ({ name, mode, type: "directory" });
const link = (name: string, to: string): LayerFile => ({ name, mode: 0o777, type: "symlink", linkname: to });
const ports = (...numbers: number[]): ImageConfig["ExposedPorts"] => Object.fromEntries(numbers.map((n) => [`${n}/tcp`, {}]));

/** Needs root: a Debian root file system is unpacked. Busybox and nginx are the machine's packages. */
export async function buildImages({ dir, bin, testImages, note }: BuildImagesOptions): Promise<void> {
  for (const [program, name] of [
    ["/usr/bin/mmdebstrap", "mmdebstrap"],
    ["/usr/sbin/nginx", "nginx-light"],
  ] as const) {
    if (!existsSync(program))
      execFileSync("apt-get", ["install", "-y", "-q", "--no-install-recommends", name], { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
  }
  const baseTar = join(dir, "base.tar");
  if (!existsSync(baseTar)) execFileSync("mmdebstrap", ["--mode=root", "--variant=essential", `--include=${packages}`, "bookworm", baseTar]);
  const base = readFileSync(baseTar);
  const fromBase = (path: string): string => execFileSync("tar", ["-xOf", baseTar, `./${path}`], { encoding: "utf8" });
  const agnhost = await agnhostLayer(bin, testImages, fromBase);
  const busybox = await busyboxLayer(buildBusybox(dir, note));
  const exposed = ports(80, 8080, 8081, 9376, 5000);
  const html = (kind: string): string => join(testImages, kind, "html");
  const images: Image[] = [
    { name: `${registry}agnhost:2.63.0`, layers: [base, agnhost], config: { Entrypoint: ["/agnhost"], Cmd: ["pause"], ExposedPorts: exposed } },
    {
      name: `${registry}agnhost:2.55`,
      layers: [base, agnhost, await layerOf([text("agnhost-tag", "2.55")])],
      config: { Entrypoint: ["/agnhost"], Cmd: ["pause"], ExposedPorts: exposed },
    },
    {
      name: `${registry}nautilus:1.8`,
      layers: [
        base,
        agnhost,
        await layerOf([file("nautilus.jpg", join(html("nautilus"), "nautilus.jpg"), 0o644), file("data.json", join(html("nautilus"), "data.json"), 0o644)]),
      ],
      config: { Entrypoint: ["/agnhost"], Cmd: ["test-webserver"], ExposedPorts: exposed },
    },
    {
      name: `${registry}kitten:1.8`,
      layers: [
        base,
        agnhost,
        await layerOf([
          file("kitten.jpg", join(html("kitten"), "kitten.jpg"), 0o644),
          file("data.json", join(html("kitten"), "data.json"), 0o644),
          // A spec reads it as an image volume and looks for this name.
          text("etc/os-release", 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.21.0\nPRETTY_NAME="Alpine Linux v3.21 (stand-in)"\n'),
        ]),
      ],
      config: { Entrypoint: ["/agnhost"], Cmd: ["test-webserver"], ExposedPorts: exposed },
    },
    { name: `${registry}busybox:1.37.0-1`, layers: [busybox], config: { Cmd: ["sh"] } },
    await pauseImage(),
    { name: `${registry}nonewprivs:1.4`, layers: [busybox, await layerOf([program("usr/local/bin/nnp", join(bin, "nnp"), 0o6755)])], config: { Cmd: ["nnp"] } },
    {
      name: `${registry}sample-apiserver:1.29.2`,
      layers: [busybox, await layerOf([program("sample-apiserver", join(bin, "sample-apiserver"))])],
      config: { Entrypoint: ["/sample-apiserver"] },
    },
    {
      name: "registry.k8s.io/etcd:3.6.8-0",
      layers: [busybox, await layerOf([program("usr/local/bin/etcd", join(bin, "etcd")), program("usr/local/bin/etcdctl", join(bin, "etcdctl"))])],
      config: {},
    },
    { name: `${registry}glibc-dns-testing:2.0.0`, layers: [base], config: { Cmd: ["bash"] } },
    { name: `${registry}nginx:1.15-4`, layers: [base, await nginxLayer()], config: { Cmd: ["nginx", "-g", "daemon off;"], ExposedPorts: ports(80) } },
  ];
  // Others may be importing the archive that is there.
  writeFileSync(join(dir, "images.tar.new"), await archiveOf(images));
  renameSync(join(dir, "images.tar.new"), join(dir, "images.tar"));
  for (const image of images) note(image.name);
}

/** Whether a little-endian 64-bit ELF program names an interpreter (PT_INTERP, elf(5)). */
function isDynamic(elf: Uint8Array): boolean {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  const headers = Number(view.getBigUint64(32, true));
  const size = view.getUint16(54, true);
  return Array.from({ length: view.getUint16(56, true) }, (_, i) => view.getUint32(headers + i * size, true)).includes(3);
}

function agnhostLayer(bin: string, testImages: string, fromBase: (path: string) => string): Promise<Uint8Array> {
  return layerOf([
    program("agnhost", join(bin, "agnhost")),
    link("agnhost-2", "agnhost"),
    directory("uploads"),
    file("localhost.crt", join(testImages, "agnhost/porter/localhost.crt"), 0o644),
    file("localhost.key", join(testImages, "agnhost/porter/localhost.key"), 0o644),
    text("etc/passwd", `${fromBase("etc/passwd")}user-defined-in-image:x:1000:1000:Linux User,,,:/home/user-defined-in-image:/bin/sh\n`),
    text("etc/group", `${fromBase("etc/group")}user-defined-in-image:x:1000:\ngroup-defined-in-image:x:50000:user-defined-in-image\n`),
    directory("home/user-defined-in-image"),
    link("usr/local/bin/iperf", "/usr/bin/iperf"),
    link("usr/bin/wget", "/bin/busybox"),
  ]);
}

/**
 * Debian's own patch makes ash drop environment names with dashes, which four specs read; so the distribution's source is
 * built as its authors released it.
 */
function buildBusybox(dir: string, note: (text: string) => void): string {
  const target = join(dir, "busybox");
  if (existsSync(target)) return target;
  note("building busybox from the distribution's source");
  const work = join(dir, "busybox-source");
  for (const folder of ["lists/partial", "cache/archives/partial"]) mkdirSync(join(work, folder), { recursive: true });
  const mirror = execFileSync("apt-get", ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"], { encoding: "utf8" }).split("\n")[0];
  writeFileSync(join(work, "sources.list"), `deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} bookworm main\n`);
  const apt = [
    "-o",
    `Dir::Etc::sourcelist=${work}/sources.list`,
    "-o",
    "Dir::Etc::sourceparts=-",
    "-o",
    `Dir::State::lists=${work}/lists`,
    "-o",
    `Dir::Cache=${work}/cache`,
  ];
  const run = (program: string, ...args: string[]): void => void execFileSync(program, args, { cwd: work, stdio: ["ignore", "ignore", "pipe"] });
  run("apt-get", ...apt, "update");
  run("apt-get", ...apt, "source", "--download-only", "busybox");
  run("sh", "-c", "tar xjf busybox_*.orig.tar.bz2 && mv busybox-[0-9]* source && make -C source defconfig");
  const config = join(work, "source", ".config");
  // The traffic control applet does not compile against current kernel headers.
  writeFileSync(config, readFileSync(config, "utf8").replace("# CONFIG_STATIC is not set", "CONFIG_STATIC=y").replace("CONFIG_TC=y", "# CONFIG_TC is not set"));
  run("make", "-C", "source", "-j2", "busybox");
  copyFileSync(join(work, "source", "busybox"), target);
  return target;
}

function busyboxLayer(busybox: string): Promise<Uint8Array> {
  const applets = execFileSync(busybox, ["--list"], { encoding: "utf8" }).trim().split("\n");
  const users = [
    "root:x:0:0:root:/root:/bin/sh",
    "daemon:x:1:1:daemon:/usr/sbin:/bin/false",
    "www-data:x:33:33:www-data:/var/www:/bin/false",
    "nobody:x:65534:65534:nobody:/home:/bin/false",
  ];
  const groups = ["root:x:0:", "daemon:x:1:", "adm:x:4:", "tty:x:5:", "www-data:x:33:", "users:x:100:", "nobody:x:65534:"];
  return layerOf([
    ...["bin", "usr", "usr/bin", "usr/local", "usr/local/bin", "sbin", "etc", "var", "var/tmp", "var/www", "home", "dev", "proc", "sys", "run"].map((d) =>
      directory(d),
    ),
    directory("tmp", 0o1777),
    directory("root", 0o700),
    file("bin/busybox", busybox, 0o755),
    link("usr/bin/env", "../../bin/env"),
    ...applets.filter((a) => a !== "busybox").map((a) => link(`bin/${a}`, "busybox")),
    text("etc/passwd", `${users.join("\n")}\n`),
    text("etc/group", `${groups.join("\n")}\n`),
    text("etc/shadow", "root:*:::::::\n", 0o600),
  ]);
}

/** The machine's nginx with the libraries that the base does not bring. */
function nginxLayer(): Promise<Uint8Array> {
  const libraries = execFileSync("ldd", ["/usr/sbin/nginx"], { encoding: "utf8" })
    .split("\n")
    .flatMap((line) => /=> (\/\S+)/.exec(line)?.[1] ?? []);
  const conf = `user www-data;
worker_processes 1;
error_log /dev/stderr;
pid /run/nginx.pid;
events { worker_connections 256; }
http { include /etc/nginx/mime.types; access_log /dev/stdout; server { listen 80 default_server; root /var/www/html; } }
`;
  return layerOf([
    file("usr/sbin/nginx", "/usr/sbin/nginx", 0o755),
    ...libraries.map((path) => file(`usr/lib/x86_64-linux-gnu/${basename(path)}`, realpathSync(path), 0o644)),
    ...["var/log/nginx", "var/lib/nginx", "var/www", "var/www/html", "etc/nginx"].map((d) => directory(d)),
    file("etc/nginx/mime.types", "/etc/nginx/mime.types", 0o644),
    text("var/www/html/index.html", "<h1>Welcome to nginx!</h1>\n"),
    text("etc/nginx/nginx.conf", conf),
  ]);
}
