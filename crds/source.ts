/**
 * Where the video comes from. Its rules look at the whole source, because the API server repeats a field that it refuses, and
 * this one might hold a password.
 */
import * as z from 'zod';
import { fields, mustUnseen, oneOf, patterned, ruled, yesOrNo } from './fields.ts';
import type { Rule } from './fields.ts';
import { beginningsOf, isLive, liveWithoutScheme, type NamedScheme, schemeOf, schemesWhere, transports } from './source-kinds.ts';

const schemes = schemesWhere(() => true);
const live = schemesWhere((scheme) => scheme.live);
const verified = schemesWhere((scheme) => scheme.verified === true);
const withoutUdp = schemesWhere((scheme) => scheme.encrypted === true || !scheme.transports.includes('udp'));
const recorded = [...new Set(schemesWhere((scheme) => !scheme.live).map(({ addresses }) => addresses!))].join('|');

// Valid for JavaScript and for RE2 (CEL): no look-around, no \s (it matches different characters), no single quote.
const anyCharacter = '[^\\x00-\\x1f\\x7f]';
const address = addressOf(schemes);
const path = `^([^:/\\x00-\\x1f\\x7f]+(/${anyCharacter}*)?|/[^/\\x00-\\x1f\\x7f]${anyCharacter}*)$`;
const supported = `${address}|^file:///|${path}`;
const port = '([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';
const host = '(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?)';
/** In braces: what the value of the Secret's key takes the place of. No other key: the author need not have a right to Secrets. */
const afterHost = '[/?]([^\\x00-\\x20\\x7f#{}]|\\{(username|password)\\})*';
const wellFormed = `${address}${host}(:${port})?(${afterHost})?$|^file:///[^\\x00-\\x1f\\x7f?#]+$|${path}`;
/** An @ anywhere: in "rtsp://user:pass/word@host" the password holds a slash, and no parser agrees where the host begins. */
const holdsCredentials = `${address}(?s:.*)(@|[/?&;_](?i:user|username|usr|login|password|passwd|pass|pwd)=([^{]|$))`;
const namesKeys = `${address}[^{]*\\{`;

type SourceFields = {
  readonly url: string;
  readonly realtime: boolean;
  readonly transport: string;
  readonly credentialsSecretRef?: unknown;
  readonly insecureSkipTLSVerify: boolean;
};

const rules: readonly Rule<SourceFields>[] = [
  urlRule(supported, true, `must begin with ${beginningsOf(schemes, 'file:///')}, or be the path of a file`),
  urlRule(
    holdsCredentials,
    false,
    'must not contain a user name or password; put them into a Secret and name it in credentialsSecretRef (write an @ in a path as %40)',
  ),
  urlRule(
    wellFormed,
    true,
    'must be an address such as rtsp://10.0.0.8:554/stream2, without spaces, # or braces (but {username} and {password}), or the path of a file',
  ),
  {
    cel: `has(self.credentialsSecretRef) || !self.url.matches(r'${namesKeys}')`,
    holds: ({ url, credentialsSecretRef }) => credentialsSecretRef !== undefined || !new RegExp(namesKeys).test(url),
    message: 'must name the Secret that has what stands in braces in url',
    field: 'credentialsSecretRef',
  },
  {
    cel: `!self.realtime || !self.url.matches('${addressOf(live)}|${liveWithoutScheme}') || self.url.matches('${recorded}')`,
    holds: ({ realtime, url }) => !realtime || !isLive(url),
    message: 'must be left out for a camera; it is for files',
    field: 'realtime',
  },
  {
    cel: `!self.insecureSkipTLSVerify || self.url.matches('${addressOf(verified)}')`,
    holds: ({ insecureSkipTLSVerify, url }) => !insecureSkipTLSVerify || schemeOf(url)?.verified === true,
    message: `must be left out but for ${beginningsOf(verified)}, whose certificates are verified`,
    field: 'insecureSkipTLSVerify',
  },
  ...[...new Map(withoutUdp.map((scheme) => [scheme.name, scheme])).values()].map(tcpRule),
];

function addressOf(some: readonly NamedScheme[]): string {
  return `^(${[...new Set(some.map(({ name }) => name))].join('|')})://`;
}

function tcpRule({ name, encrypted }: NamedScheme): Rule<SourceFields> {
  return {
    cel: `self.transport == 'tcp' || !self.url.startsWith('${name}:')`,
    holds: ({ transport, url }) => transport === 'tcp' || !url.startsWith(`${name}:`),
    message: `must be tcp for ${name}://, ${encrypted ? 'whose encryption covers nothing else' : 'which has nothing else'}`,
    field: 'transport',
  };
}

function urlRule(pattern: string, wanted: boolean, message: string): Rule<SourceFields> {
  const expression = new RegExp(pattern);
  return {
    cel: `${wanted ? '' : '!'}self.url.matches(r'${pattern}')`,
    holds: ({ url }) => expression.test(url) === wanted,
    message,
    field: 'url',
  };
}

const urlSentence = { error: mustUnseen('an address or a path of 1 to 2048 characters') };

export const Source = ruled(
  fields(
    {
      url: z
        .string(urlSentence)
        .min(1, urlSentence)
        .max(2048, urlSentence)
        .describe(
          `The camera (${beginningsOf(live)}) or, in local mode, a recording: a file (file:/// or a path; a relative path starts at the folder of the YAML file), an http:// or https:// address that ends in .mp4, .mkv, .ts or the like, - for video on standard input, or a camera at the machine, such as /dev/video0. Never holds a user or password: for a camera that takes them in its path or query only, write {username} and {password} there, such as rtsp://10.0.0.8/user={username}_password={password}.sdp.`,
        ),
      transport: oneOf(transports)
        .default('tcp')
        .describe('How RTSP carries the video: tcp loses nothing; udp is for cameras that support nothing else, and not for rtsps.'),
      credentialsSecretRef: fields(
        {
          name: patterned('the name of a Secret', 253, '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$', mustUnseen).describe('The name of the Secret.'),
        },
        mustUnseen,
      )
        .optional()
        .describe(
          "The Secret in this namespace with the camera's login, in its keys username and password; for http:// and https:// instead bearerToken, and for https:// and rtmps:// in ca.crt the authority of its certificate.",
        ),
      insecureSkipTLSVerify: yesOrNo()
        .default(false)
        .describe(
          "For https:// and rtmps://: true accepts any certificate. Safer is the authority of the camera's in ca.crt of the Secret.",
        ),
      realtime: yesOrNo()
        .default(false)
        .describe('For files: true plays the file at the speed at which it was recorded, false reads it as fast as possible.'),
    },
    mustUnseen,
  ),
  ...rules,
).describe('The source of the video.');
