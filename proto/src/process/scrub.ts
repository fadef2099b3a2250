/** Takes credentials out of text that leaves the process: log lines, what ffmpeg says, sentences of a status. */

const HIDDEN = '***';

/**
 * Everything from a URL's scheme to the last @ before a space, quote or backslash: a password that was not
 * percent-encoded may itself hold an @, a colon or a slash. An @ in a path therefore takes the host with it; so be it.
 * The limit keeps the search linear.
 */
const USER_AND_PASSWORD = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s"<>\\]{0,2048}@/gi;

/** Cameras that take credentials as parameters: ?user=admin&password=secret. The name of a secret's key, in braces, is none. */
const PARAMETERS = /([?&;/_](?:user|username|usr|login|password|passwd|pass|pwd)=)(?!\{)[^&;\s"'<>\\]+/gi;

/** A shorter secret would be found in words and numbers that have nothing to do with it; in a URL it is hidden all the same. */
const SHORTEST_SECRET = 4;

/** @param secrets to be hidden wherever they stand, plain, percent-encoded or as in JSON. */
export function scrub(text: string, secrets: readonly string[] = []): string {
  const hidden = secrets.filter((secret) => secret.length >= SHORTEST_SECRET).reduce(hide, text);
  return hidden.replace(USER_AND_PASSWORD, `$1${HIDDEN}@`).replace(PARAMETERS, `$1${HIDDEN}`);
}

function hide(text: string, secret: string): string {
  const inJson = JSON.stringify(secret).slice(1, -1);
  const inQuotedJson = JSON.stringify(inJson).slice(1, -1);
  return text.replaceAll(inQuotedJson, HIDDEN).replaceAll(inJson, HIDDEN).replace(plainOrPercentEncoded(secret), HIDDEN);
}

/** The secret with any of its characters percent-encoded, in either case: writers differ in which they leave as they are. */
function plainOrPercentEncoded(secret: string): RegExp {
  const characters = Array.from(secret, (character) => {
    const encoded = [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
    return `(?:${encoded}|\\u{${character.codePointAt(0)?.toString(16)}})`;
  });
  return new RegExp(characters.join(''), 'giu');
}
