/**
 * Where the video comes from. Its rules look at the whole source, because the API server repeats a field that it
 * refuses, and this one might hold a password.
 */
import * as z from 'zod';
import { fields, mustUnseen, oneOf, patterned, ruled, yesOrNo } from './fields.ts';
import type { Rule } from './fields.ts';

// Written for JavaScript and for RE2 (CEL) alike: no look-around, no \s (it means different characters), no single quote.
const anyCharacter = '[^\\x00-\\x1f\\x7f]';
const camera = '^rtsps?://';
const path = `^([^:/\\x00-\\x1f\\x7f]+(/${anyCharacter}*)?|/[^/\\x00-\\x1f\\x7f]${anyCharacter}*)$`;
const supported = `${camera}|^file:///|${path}`;
const port = '([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';
const host = '(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?)';
const wellFormed = `${camera}${host}(:${port})?([/?][^\\x00-\\x20\\x7f#]*)?$|^file:///[^\\x00-\\x1f\\x7f?#]+$|${path}`;
/** An @ anywhere: in "rtsp://user:pass/word@host" the password holds a slash, and no parser agrees where the host begins. */
const holdsCredentials = `${camera}(?s:.*)(@|[/?&;](?i:user|username|usr|login|password|passwd|pass|pwd)=)`;

/** Whether the source is a camera; else it is a file. */
export function isCamera(url: string): boolean {
  return new RegExp(camera).test(url);
}

type Judged = { readonly url: string; readonly realtime: boolean; readonly transport: string };

const rules: readonly Rule<Judged>[] = [
  urlRule(supported, true, 'must begin with rtsp://, rtsps:// or file:///, or be the path of a file'),
  urlRule(
    holdsCredentials,
    false,
    'must not hold a user or password; put them into a Secret and name it in credentialsSecretRef (write an @ in a path as %40)',
  ),
  urlRule(wellFormed, true, 'must be an address such as rtsp://10.0.0.8:554/stream2, without spaces or #, or the path of a file'),
  {
    cel: `!self.realtime || !self.url.matches('${camera}')`,
    holds: ({ realtime, url }) => !realtime || !isCamera(url),
    message: 'must be left out for a camera; it is for files',
    field: 'realtime',
  },
  {
    cel: `self.transport == 'tcp' || !self.url.startsWith('rtsps:')`,
    holds: ({ transport, url }) => transport === 'tcp' || !url.startsWith('rtsps:'),
    message: 'must be tcp for rtsps://, whose encryption covers nothing else',
    field: 'transport',
  },
];

function urlRule(pattern: string, wanted: boolean, message: string): Rule<Judged> {
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
          'The camera (rtsp:// or rtsps://) or, in local mode, a file (file:/// or a path; a relative path starts at the folder of the YAML file). Never holds a user or password.',
        ),
      transport: oneOf(['tcp', 'udp'])
        .default('tcp')
        .describe(
          'How RTSP carries the video: tcp (the default) loses nothing, udp is for cameras that know nothing else, and not for rtsps.',
        ),
      credentialsSecretRef: fields(
        {
          name: patterned('the name of a Secret', 253, '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$', mustUnseen).describe('The name of the Secret.'),
        },
        mustUnseen,
      )
        .optional()
        .describe('The Secret in this namespace whose keys username and password open the camera.'),
      realtime: yesOrNo()
        .default(false)
        .describe('For files: play at the speed at which they were recorded, not as fast as they can be read.'),
    },
    mustUnseen,
  ),
  ...rules,
).describe('Where the video comes from.');
