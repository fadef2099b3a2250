import type { Detection } from './detection.ts';
import type { ModelOutput } from './manifest.ts';
import { suppress } from './nms.ts';
import type { Size } from './plan.ts';

/**
 * The three output layouts of person detectors. All give boxes in pixels of the model's input.
 *
 *   boxes   [batch, n, 5] = left, top, right, bottom, score; labels [batch, n] beside it where there are classes
 *   yolox   [batch, n, 5 + classes] = cell offsets x, y, log width, log height, objectness, class scores; a row per cell and stride
 *   yolov8  [batch, 4 + classes, n] = centre x, centre y, width, height, class scores; one column per anchor
 */

/** An output tensor of the runtime. */
export interface Tensor {
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array | Int32Array;
}

export type Outputs = Readonly<Record<string, Tensor>>;

/** Why a model's outputs for an input of this size do not match its manifest, by the manifest's field; undefined if they match. */
export function misfit(output: ModelOutput, outputs: Outputs, input: Size): string | undefined {
  const name = output.layout === 'boxes' ? output.boxes : output.tensor;
  const field = output.layout === 'boxes' ? 'output.boxes' : 'output.tensor';
  const tensor = outputs[name];
  const known = Object.keys(outputs).join(', ');
  if (tensor === undefined) return `${field}: the model has no output ${JSON.stringify(name)}, only ${known}`;
  const shape = `[${tensor.dims.join(', ')}]`;
  const shapeMisfit = (wanted: string): string =>
    `output.layout: is ${output.layout}, which needs ${wanted}, but output ${JSON.stringify(name)} has shape ${shape}`;
  if (!(tensor.data instanceof Float32Array)) return shapeMisfit('float32 values');
  const [, second = 0, third = 0] = tensor.dims;
  const most = Math.max(...output.personClasses);
  if (tensor.dims.length !== 3) return shapeMisfit('three dimensions');
  if (output.layout === 'boxes') {
    if (third !== 5) return shapeMisfit('[batch, n, 5]');
    if (output.labels !== undefined && outputs[output.labels] === undefined)
      return `output.labels: the model has no output ${JSON.stringify(output.labels)}, only ${known}`;
    return undefined;
  }
  if (output.layout === 'yolox') {
    const cells = cellCount(output.strides, input);
    if (second !== cells)
      return shapeMisfit(`[batch, ${cells}, 5 + classes] for ${input.width}x${input.height} at strides ${output.strides.join(', ')}`);
    return third > 5 + most ? undefined : `output.personClasses: names class ${most} but the model has ${Math.max(third - 5, 0)} classes`;
  }
  if (third <= second) return shapeMisfit('[batch, 4 + classes, n] with more boxes than classes');
  return second > 4 + most ? undefined : `output.personClasses: names class ${most} but the model has ${Math.max(second - 4, 0)} classes`;
}

/** The people in picture `index` of a batch, best first; scores under `scoreFloor` are left out. */
export function decode(output: ModelOutput, outputs: Outputs, at: { index: number; input: Size; scoreFloor: number }): Detection[] {
  const found = decodeAll(output, outputs, at);
  // Best first, and among equals in the model's own order: the sort is stable, so equal inputs give equal lists.
  const ordered = found.toSorted((a, b) => b.score - a.score);
  return output.nmsIou === undefined ? ordered : suppress(ordered, output.nmsIou);
}

function decodeAll(output: ModelOutput, outputs: Outputs, at: { index: number; input: Size; scoreFloor: number }): Detection[] {
  const tensor = (name: string): Part => part(outputs[name], at.index);
  if (output.layout === 'boxes') {
    const labels = output.labels === undefined ? undefined : tensor(output.labels);
    return decodeBoxes(tensor(output.boxes), { personClasses: output.personClasses, labels }, at.scoreFloor);
  }
  if (output.layout === 'yolox') return decodeYolox(tensor(output.tensor), output, at);
  return decodeYolov8(tensor(output.tensor), output.personClasses, at.scoreFloor);
}

interface Part {
  readonly rows: number;
  readonly columns: number;
  readonly data: Tensor['data'];
}

/** One picture's share of a batched tensor. */
function part(tensor: Tensor | undefined, index: number): Part {
  if (tensor === undefined) throw new Error('an output that the manifest names is missing');
  const [, rows = 0, columns = 1] = tensor.dims;
  const length = rows * columns;
  return { rows, columns, data: tensor.data.subarray(index * length, (index + 1) * length) };
}

function decodeBoxes(
  { rows, data }: Part,
  filter: { personClasses: readonly number[]; labels: Part | undefined },
  scoreFloor: number,
): Detection[] {
  const found: Detection[] = [];
  for (let row = 0; row < rows; row++) {
    const score = Number(data[row * 5 + 4]);
    if (!(score >= scoreFloor)) continue;
    if (filter.labels !== undefined && !filter.personClasses.includes(Number(filter.labels.data[row]))) continue;
    const [left, top, right, bottom] = [0, 1, 2, 3].map((offset) => Number(data[row * 5 + offset])) as [number, number, number, number];
    found.push({ left, top, right, bottom, score });
  }
  return found;
}

function decodeYolox(
  cells: Part,
  output: { strides: readonly number[]; personClasses: readonly number[] },
  at: { input: Size; scoreFloor: number },
): Detection[] {
  const { columns, data } = cells;
  const found: Detection[] = [];
  let row = 0;
  for (const stride of output.strides) {
    const [across, down] = [Math.floor(at.input.width / stride), Math.floor(at.input.height / stride)];
    for (let cell = 0; cell < across * down; cell++, row++) {
      const value = (column: number): number => Number(data[row * columns + column]);
      const objectness = value(4);
      // A class score is at most 1, so most cells are done here.
      if (!(objectness >= at.scoreFloor)) continue;
      const score = objectness * Math.max(...output.personClasses.map((id) => value(5 + id)));
      if (!(score >= at.scoreFloor)) continue;
      const centre = { x: (value(0) + (cell % across)) * stride, y: (value(1) + Math.floor(cell / across)) * stride };
      found.push(around(centre, { width: Math.exp(value(2)) * stride, height: Math.exp(value(3)) * stride }, score));
    }
  }
  return found;
}

function decodeYolov8({ columns, data }: Part, personClasses: readonly number[], scoreFloor: number): Detection[] {
  const found: Detection[] = [];
  for (let column = 0; column < columns; column++) {
    const value = (row: number): number => Number(data[row * columns + column]);
    const score = Math.max(...personClasses.map((id) => value(4 + id)));
    if (!(score >= scoreFloor)) continue;
    found.push(around({ x: value(0), y: value(1) }, { width: value(2), height: value(3) }, score));
  }
  return found;
}

function around(centre: { x: number; y: number }, { width, height }: Size, score: number): Detection {
  return { left: centre.x - width / 2, top: centre.y - height / 2, right: centre.x + width / 2, bottom: centre.y + height / 2, score };
}

function cellCount(strides: readonly number[], input: Size): number {
  return strides.reduce((sum, stride) => sum + Math.floor(input.width / stride) * Math.floor(input.height / stride), 0);
}
