import { type FfmpegJob, NUT_OUTPUT } from '#proto/media/ffmpeg.ts';
import type { Codec } from '#proto/media/nut/nut.ts';
import type { DecoderLimits } from './decoder-watch.ts';

export interface DecodeOptions {
  readonly codec: Codec;
  /** Frames are picked at about this rate; all frames of a slower camera are picked. */
  readonly framesPerSecond: number;
  /** In pixels of a picture of the codec's size. A picture of another size is cropped in the same proportions. */
  readonly crop?: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
  /** Pixels of the pictures that come out. */
  readonly width: number;
  readonly height: number;
  /** By default DECODER_LIMITS. */
  readonly limits?: DecoderLimits;
  /** Called once when the system does not let the counter read the decoder's /proc files. */
  readonly onUnwatchable?: () => void;
  readonly signal?: AbortSignal;
}

/** The picture size within the coded video is not validated by the counter; ffmpeg enforces this limit. */
const MAX_PIXELS = 4096 * 4096;
/** For one allocation: the largest picture takes a tenth of it. */
const MAX_ALLOCATION_BYTES = 256 * 1024 * 1024;

/** In periods: a frame this far behind the one before it is always picked, for a camera may be late or early by a quarter. */
const FULL_STEP = 0.75;

/** The ffmpeg job of a decoder: coded video in NUT in, raw pictures in NUT out, times kept to the microsecond. */
export function decodeJob({ codec, framesPerSecond, crop, width, height }: DecodeOptions): FfmpegJob {
  const filters = [
    // First of all filters: a frame that is not picked costs no scaling.
    pick(framesPerSecond),
    ...(crop === undefined ? [] : [cropTo(crop, codec)]),
    // fast_bilinear takes two thirds of bicubic's time, and the detector finds the same people.
    `scale=${width}:${height}:flags=fast_bilinear`,
    'format=bgr24',
  ];
  return {
    inputOptions: [
      // One core a camera: each further thread holds back a picture, and other cameras need the cores.
      '-threads',
      '1',
      '-max_pixels',
      String(MAX_PIXELS),
      '-max_alloc',
      String(MAX_ALLOCATION_BYTES),
      // The NUT header describes the video, and each packet is one whole access unit with its time. Without these options
      // ffmpeg would hold back half a megabyte or five seconds at first, and later each access unit until the next one.
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
      // Copying a raw picture counts as encoding, and each further thread would hold back a picture.
      '-c:v',
      'rawvideo',
      '-threads',
      '1',
      '-fps_mode',
      'passthrough',
      '-enc_time_base',
      '1:1000000',
      ...NUT_OUTPUT,
    ],
  };
}

/**
 * Picks the first frame in each cell of a grid of 1/rate s. A camera that sends unevenly at just that rate has two frames
 * in some cells and none in others, so a frame almost a period behind the frame before is picked, too.
 *
 * The choice depends only on the frame and the one before it: a decoder that starts later picks the same frames from its
 * second frame on.
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
