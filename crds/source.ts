/** The source of the video. Rules apply to it as a whole: the API server repeats a refused field, and the url may contain a password. */
import * as z from 'zod';
import { fields, mustUnseen, oneOf, patterned, ruled, yesOrNo } from './fields.ts';
import type { Rule } from './fields.ts';

// Valid for JavaScript and for RE2 (CEL): no look-around, no \s (it matches different characters), no single quote.
const anyCharacter = '[^\\x00-\\x1f\\x7f]';
const camera = '^rtsps?://';
const path = `^([^:/\\x00-\\x1f\\x7f]+(/${anyCharacter}*)?|/[^/\\x00-\\x1f\\x7f]${anyCharacter}*)$`;
const supported = `${camera}|^file:///|${path}`;
const port = '([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';
const host = '(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?)';
const wellFormed = `${camera}${host}(:${port})?([/?][^\\x00-\\x20\\x7f#]*)?$|^file:///[^\\x00-\\x1f\\x7f?#]+$|${path}`;
/** An @ anywhere: in "rtsp://user:pass/word@host" the password contains a slash, and parsers disagree on where the host begins. */
const holdsCredentials = `${camera}(?s:.*)(@|[/?&;](?i:user|username|usr|login|password|passwd|pass|pwd)=)`;

/** Whether the source is a camera; otherwise it is a file. */
export function isCamera(url: string): boolean {
  return new RegExp(camera).test(url);
}

type Validated = { readonly url: string; readonly realtime: boolean; readonly transport: string };

const rules: readonly Rule<Validated>[] = [
  urlRule(supported, true, 'must begin with rtsp://, rtsps:// or file:///, or be the path of a file'),
  urlRule(
    holdsCredentials,
    false,
    'must not contain a user name or password; put them into a Secret and name it in credentialsSecretRef (write an @ in a path as %40)',
  ),
  urlRule(wellFormed, true, 'must be an address such as rtsp://10.0.0.8:554/stream2, without spaces or #, or the path of a file'),
  {
    cel: `!self.realtime || !self.url.matches('${camera}')`,
    holds: ({ realtime, url }) => !realtime || !isCamera(url),
    message: 'must be left out for a camera: it is for files',
    field: 'realtime',
  },
  {
    cel: `self.transport == 'tcp' || !self.url.startsWith('rtsps:')`,
    holds: ({ transport, url }) => transport === 'tcp' || !url.startsWith('rtsps:'),
    message: 'must be tcp for rtsps://, which does not encrypt video over udp',
    field: 'transport',
  },
];

function urlRule(pattern: string, wanted: boolean, message: string): Rule<Validated> {
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
          'The camera (rtsp:// or rtsps://), without a login. In local mode also a file (file:/// or a path relative to the YAML file).',
        ),
      transport: oneOf(['tcp', 'udp'])
        .default('tcp')
        .describe('The transport of RTSP: tcp (the default) loses no packets; udp is for cameras without tcp, and not for rtsps.'),
      credentialsSecretRef: fields(
        {
          name: patterned('the name of a Secret', 253, '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$', mustUnseen).describe('The name of the Secret.'),
        },
        mustUnseen,
      )
        .optional()
        .describe('The Secret in this namespace with the user name and password of the camera, under the keys username and password.'),
      realtime: yesOrNo().default(false).describe('For files: play at the recorded speed instead of as fast as possible.'),
    },
    mustUnseen,
  ),
  ...rules,
).describe('The source of the video.');
