/**
 * A camera for tests: a real RTSP server (MediaMTX) on loopback, to which ffmpeg publishes a clip in real time, in a
 * loop. Server and publisher start and stop on their own, as a camera's power and its lens cap would.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { withoutFfmpeg } from './ffmpeg.ts';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Where MediaMTX is, or nothing: then tests of cameras have to be skipped. */
export function findRtspServer(): string | undefined {
  const command = process.env['FOOTFALL_MEDIAMTX'] ?? 'mediamtx';
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined ? command : undefined;
}

/** For `test(name, {skip: withoutRtspServer()}, ...)`. A CI that must not skip sets FOOTFALL_REQUIRE_RTSP. */
export function withoutRtspServer(): string | false {
  if (findRtspServer() !== undefined) return withoutFfmpeg('-readrate');
  if (process.env['FOOTFALL_REQUIRE_RTSP'] !== undefined) throw new Error('MediaMTX is required here, and missing.');
  return 'needs MediaMTX on the PATH or in FOOTFALL_MEDIAMTX';
}

export class RtspServer {
  readonly port: number;
  /** Of the same over TLS; 0 without a certificate. */
  readonly securePort: number;
  readonly #folder: string;
  readonly #readers: Credentials | undefined;
  /** Asked by the server whether a reader may watch. */
  readonly #authenticator: Server;
  #server: ChildProcess | undefined;
  readonly #publishers: ChildProcess[] = [];

  /** Of the same over HLS, RTMP and RTMPS; 0 where it is not spoken. */
  readonly ports: { readonly hls: number; readonly rtmp: number; readonly rtmps: number };

  private constructor(port: number, securePort: number, folder: string, readers: Credentials | undefined, ports: RtspServer['ports']) {
    this.ports = ports;
    this.port = port;
    this.securePort = securePort;
    this.#folder = folder;
    this.#readers = readers;
    this.#authenticator = createAuthenticator(readers);
  }

  /**
   * @param readers who may watch; any reader when left out. MediaMTX takes no password with a colon. Publishing is open to loopback.
   * @param shown rtsps and rtmps are spoken, too, with this certificate.
   */
  static async start(
    readers?: Credentials,
    shown?: { readonly certificateFile: string; readonly keyFile: string },
    { hlsVariant }: { readonly hlsVariant?: 'mpegts' | 'fmp4' } = {},
  ): Promise<RtspServer> {
    const ports = { hls: hlsVariant === undefined ? 0 : await freePort(), rtmp: await freePort(), rtmps: shown ? await freePort() : 0 };
    const server = new RtspServer(
      await freePort(),
      shown ? await freePort() : 0,
      await mkdtemp(join(tmpdir(), 'footfall-camera-')),
      readers,
      ports,
    );
    await new Promise<void>((resolve) => server.#authenticator.listen(0, '127.0.0.1', resolve));
    const config = {
      rtspAddress: `127.0.0.1:${server.port}`,
      // UDP would need fixed ports of its own.
      rtspTransports: ['tcp'],
      ...(shown && {
        rtspEncryption: 'optional',
        rtspsAddress: `127.0.0.1:${server.securePort}`,
        rtspServerCert: shown.certificateFile,
        rtspServerKey: shown.keyFile,
      }),
      rtmp: true,
      rtmpAddress: `127.0.0.1:${ports.rtmp}`,
      ...(shown && {
        rtmpEncryption: 'optional',
        rtmpsAddress: `127.0.0.1:${ports.rtmps}`,
        rtmpServerCert: shown.certificateFile,
        rtmpServerKey: shown.keyFile,
      }),
      hls: hlsVariant !== undefined,
      ...(hlsVariant && { hlsAddress: `127.0.0.1:${ports.hls}`, hlsVariant, hlsAlwaysRemux: true, hlsSegmentDuration: '500ms' }),
      webrtc: false,
      srt: false,
      logLevel: 'error',
      // Its own list of users takes few special characters in a password, and hashed ones not for SETUP.
      authMethod: 'http',
      authHTTPAddress: `http://127.0.0.1:${(server.#authenticator.address() as AddressInfo).port}/`,
      authHTTPExclude: [{ action: 'publish' }],
      paths: { all_others: {} },
    };
    try {
      await writeFile(join(server.#folder, 'mediamtx.yml'), JSON.stringify(config), { mode: 0o600 });
      await server.up();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  url(path = 'door'): string {
    return `rtsp://127.0.0.1:${this.port}/${path}`;
  }

  /** Starts the server (again), on the same port. */
  async up(): Promise<void> {
    this.#server = spawn(findRtspServer()!, [join(this.#folder, 'mediamtx.yml')], { stdio: 'ignore' });
    await until(() => accepts(this.port));
  }

  /** Stops the server in mid-stream, and with it every publisher. */
  async down(): Promise<void> {
    const children = [this.#server, ...this.#publishers.splice(0)];
    await Promise.all(children.map(async (child) => child && ended(child)));
  }

  /**
   * Publishes a clip in a loop; resolves when it can be watched.
   * @param coding ffmpeg's output options; the clip's own coding by default.
   */
  async publish(clip: string, { path = 'door', coding = ['-c', 'copy'] } = {}): Promise<ChildProcess> {
    const input = ['-nostdin', '-loglevel', 'error', '-readrate', '1', '-stream_loop', '-1', '-i', clip];
    const output = ['-map', '0:v:0', ...coding, '-f', 'rtsp', '-rtsp_transport', 'tcp', this.url(path)];
    const begin = (): ChildProcess => spawn('ffmpeg', [...input, ...output], { stdio: 'ignore' });
    let publisher = begin();
    try {
      await until(() => {
        // On a busy machine the server may turn a publisher away that it takes a moment later.
        if (publisher.exitCode !== null) publisher = begin();
        return this.#shows(path);
      });
    } finally {
      this.#publishers.push(publisher);
    }
    return publisher;
  }

  async stop(): Promise<void> {
    await this.down();
    this.#authenticator.close();
    await rm(this.#folder, { recursive: true });
  }

  /** Whether a clip is published there: DESCRIBE says 404 otherwise. */
  #shows(path: string): Promise<boolean> {
    const { username = '', password = '' } = this.#readers ?? {};
    const authorization = `Authorization: Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    return new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1', () =>
        socket.write(`DESCRIBE ${this.url(path)} RTSP/1.0\r\nCSeq: 1\r\n${authorization}\r\n\r\n`),
      );
      socket.once('data', (answer) => {
        resolve(answer.toString().startsWith('RTSP/1.0 200'));
        socket.destroy();
      });
      socket.once('error', () => resolve(false));
    });
  }
}

/** https://mediamtx.org/docs/usage/authentication: 200 lets in, anything else does not. */
function createAuthenticator(readers: Credentials | undefined): Server {
  return createHttpServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      const { user, password } = JSON.parse(body) as { user: string; password: string };
      response.writeHead(readers === undefined || (user === readers.username && password === readers.password) ? 200 : 401).end();
    });
  });
}

/** Ends a child and waits for it. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await closed;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}
