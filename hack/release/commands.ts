/** The commands of a release, as data: a dry run shows them, a release runs them. All run in the project's root. */
import { CHARTS, PLATFORMS, type PublishedImage } from './published.ts';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
}

export interface ImageBuild {
  readonly version: string;
  /** The commit that it is built from. */
  readonly revision: string;
  /** The version of Node.js that the tests ran on. */
  readonly node: string;
}

/** Builds for all platforms, and pushes with SBOM and provenance. BuildKit writes the digest into `metadataFile`. */
export function publishImage(image: PublishedImage, build: ImageBuild, metadataFile: string): Command {
  const attestations = ['--provenance=mode=max', '--sbom=true'];
  const result = [`--tag=${image.repository}:${build.version}`, `--metadata-file=${metadataFile}`, '--push'];
  return buildx(image, build, [`--platform=${PLATFORMS.join(',')}`, ...attestations, ...result]);
}

/** Builds for one platform and keeps no more than the cache. */
export function rehearseImage(image: PublishedImage, build: ImageBuild, platform: string): Command {
  return buildx(image, build, [`--platform=${platform}`, '--output=type=cacheonly']);
}

function buildx({ target }: PublishedImage, { version, revision, node }: ImageBuild, options: readonly string[]): Command {
  const input = ['--file=hack/images/Dockerfile', `--target=${target}`];
  const settings = [`--build-arg=VERSION=${version}`, `--build-arg=NODE_IMAGE=node:${node}-bookworm-slim`];
  const label = `--label=org.opencontainers.image.revision=${revision}`;
  return { program: 'docker', args: ['buildx', 'build', ...input, ...settings, label, ...options, '.'] };
}

/** The platforms of `docker buildx inspect`, those that it would choose marked by a star. */
export function platformsOf(inspected: string): readonly string[] {
  return [...inspected.matchAll(/^Platforms:(.*)$/gm)].flatMap(([, list]) =>
    list!.split(',').map((platform) => platform.trim().replace(/\*$/, '')),
  );
}

export function packageChart(helm: string, directory: string): Command {
  return { program: helm, args: ['package', 'charts/footfall', `--destination=${directory}`] };
}

export function pushChart(helm: string, chart: string): Command {
  return { program: helm, args: ['push', chart, CHARTS] };
}

/** From the lock file: node_modules may be a link or hold more, and npm takes either for a fault. */
export const listPackages: Command = {
  program: 'npm',
  args: ['sbom', '--package-lock-only', '--omit=dev', '--sbom-format=cyclonedx', '--sbom-type=application'],
};

/** As one would type it into a shell. */
export function typed({ program, args }: Command): string {
  return [program, ...args].map((word) => (/^[\w./:=,@+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`)).join(' ');
}
