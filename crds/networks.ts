/** Networks and hosts in the configuration of operator and agents. */
import * as z from 'zod';

/** The last label begins with a letter: an address without a prefix length is no name. */
const hostName = /^(\*\.)?([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)*[a-z]([-a-z0-9]*[a-z0-9])?\.?$/i;

const Network = z.union([z.cidrv4(), z.cidrv6()], { error: 'must be a network such as 10.1.0.0/16' });
const NetworkOrHost = z.union([z.cidrv4(), z.cidrv6(), z.string().regex(hostName)], {
  error: 'must be a network such as 10.1.0.0/16 or the name of a host',
});

/** Where agents may connect to cameras. */
export const CameraNetworks = z.strictObject({
  /** Networks and host names, such as `*.cameras.example`; empty: everywhere except in the cluster. */
  allowed: z.array(NetworkOrHost).default([]),
  /** Networks of the cluster's pods and Services. */
  cluster: z.array(Network).default([]),
});
export type CameraNetworks = Readonly<z.output<typeof CameraNetworks>>;
