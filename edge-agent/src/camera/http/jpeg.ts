/** The size of a JPEG picture, from its frame header (ITU-T T.81, annex B): no picture is decoded. */

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
/** SOF0 to SOF15 without DHT (C4), JPG (C8) and DAC (CC). */
const isFrameHeader = (marker: number) => marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
/** TEM and restarts have no length. */
const isAlone = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** Whether the picture has an end, before what some cameras put after it. */
export function isWhole(picture: Buffer): boolean {
  return picture.lastIndexOf(Buffer.of(0xff, EOI)) > 0;
}

/** Undefined for what is no JPEG picture. */
export function sizeOf(picture: Buffer): PictureSize | undefined {
  if (picture[0] !== 0xff || picture[1] !== SOI) return undefined;
  for (let at = 2; at + 9 <= picture.length;) {
    if (picture[at] !== 0xff) return undefined;
    const marker = picture[at + 1]!;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker === SOS || marker === EOI) return undefined;
    if (isFrameHeader(marker)) {
      const [height, width] = [picture.readUInt16BE(at + 5), picture.readUInt16BE(at + 7)];
      return width > 0 && height > 0 ? { width, height } : undefined;
    }
    at += isAlone(marker) ? 2 : 2 + picture.readUInt16BE(at + 2);
  }
  return undefined;
}
