import type { FfmpegJob } from '#proto/media/ffmpeg.ts';
import type { Codec } from '#proto/media/nut/nut.ts';
import type { DecoderLimits } from './decoder-watch.ts';

export interface DecodeOptions {
  readonly codec: Codec;
  /** Frames are picked to come at about this rate; a camera that gives fewer loses none. */
  readonly framesPerSecond: number;
  /** Pixels of a picture of the codec's size; a picture of another size is cut in the same proportions. */
  readonly crop?: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
  /** Pixels of the pictures that come out. */
  readonly width: number;
  readonly height: number;
  /** By default DECODER_LIMITS. */
  readonly limits?: DecoderLimits;
  /** Called once when the system does not let the decoder be watched. */
  readonly onHidden?: () => void;
  readonly signal?: AbortSignal;
}

/** What a stream says of its pictures' size in its own bytes is nothing that anybody has looked at. */
const MAX_PIXELS = 4096 * 4096;
/** Of one piece of memory: the largest picture takes a tenth of it. */
const MAX_ALLOCATION_BYTES = 256 * 1024 * 1024;

/**
 * A frame this far behind the one before it is picked wherever it lies, in periods: a camera of the wanted rate may be
 * late or early by a quarter.
 */
const FULL_STEP = 0.75;

/** What ffmpeg is told to do: NUT on its input, NUT of raw pictures on its output, times kept to the microsecond. */
export function decoding({ codec, framesPerSecond, crop, width, height }: DecodeOptions): FfmpegJob {
  const filters = [
    // Before all else: what is not picked costs no scaling.
    pick(framesPerSecond),
    ...(crop === undefined ? [] : [cropTo(crop, codec)]),
    // The picture is made for a detector: fast_bilinear takes two thirds of bicubic's time and finds the same people.
    `scale=${width}:${height}:flags=fast_bilinear`,
    'format=bgr24',
  ];
  return {
    inputOptions: [
      // One core a camera: more threads hold back a picture each, and other cameras want the cores.
      '-threads',
      '1',
      '-max_pixels',
      String(MAX_PIXELS),
      '-max_alloc',
      String(MAX_ALLOCATION_BYTES),
      // The header says all there is to know, and each packet is one whole access unit with its time. Otherwise the first
      // half megabyte or five seconds would be held back to look for it, and every unit until the next begins.
      '-probesize',
      '32',
      '-analyzeduration',
      '0',
      '-fflags',
      '+noparse+nofillin',
      '-protocol_whitelist',
      'pipe',
      '-copyts',
      '-f',
      'nut',
    ],
    input: 'pipe:0',
    outputOptions: [
      '-map',
      '0:v:0',
      '-filter:v',
      filters.join(','),
      '-filter_threads',
      '1',
      // Even the copying of a raw picture counts as encoding, with threads that hold back a picture each.
      '-c:v',
      'rawvideo',
      '-threads',
      '1',
      '-fps_mode',
      'passthrough',
      '-enc_time_base',
      '1:1000000',
      // An index is for files: it would grow as long as the camera runs.
      '-f',
      'nut',
      '-write_index',
      '0',
      '-flush_packets',
      '1',
    ],
  };
}

/**
 * Presentation times lie on a grid of 1/rate s; the first frame in each cell is picked. A camera that sends just that
 * rate, unevenly, has two frames in some cells and none in others: so a frame almost a period behind the last is picked, too.
 *
 * It looks back at the frame before alone, picked or not: a decoder that starts later picks the same from its second frame on.
 */
function pick(framesPerSecond: number): string {
  const cell = (time: string): string => `floor(${time}*${framesPerSecond}/1000000+0.5)`;
  const fullStepMicros = (FULL_STEP * 1_000_000) / framesPerSecond;
  return `select=${escaped(`isnan(prev_pts)+gt(${cell('pts')},${cell('prev_pts')})+gte(pts-prev_pts,${fullStepMicros})`)}`;
}

function cropTo(crop: NonNullable<DecodeOptions['crop']>, codec: Codec): string {
  const across = (pixels: number): string => `round(iw*${pixels}/${codec.width})`;
  const down = (pixels: number): string => `round(ih*${pixels}/${codec.height})`;
  return `crop=${escaped(`${across(crop.width)}:${down(crop.height)}:${across(crop.left)}:${down(crop.top)}:exact=1`)}`;
}

/** A comma ends a filter unless it is escaped. */
function escaped(argument: string): string {
  return argument.replaceAll(',', String.raw`\,`);
}
