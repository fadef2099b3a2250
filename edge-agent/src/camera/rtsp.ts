import type { Camera } from './camera.ts';
export function rtspCamera(_: { url: string; transport: 'tcp' | 'udp'; credentialsDirectory?: string }): Camera {
  throw new Error('being written');
}
