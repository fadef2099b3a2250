/**
 * Pairs rows with columns at the greatest total gain.
 *
 * Shortest augmenting paths with potentials, after R. Jonker and A. Volgenant, "A shortest augmenting path algorithm
 * for dense and sparse linear assignment problems", Computing 38 (1987), in the rectangular form of D. F. Crouse,
 * "On implementing 2D rectangular assignment algorithms", IEEE Trans. Aerospace and Electronic Systems 52 (2016).
 * O(rows² × columns) with rows <= columns. Among equal answers the one found first by rising index is taken, so that
 * the same input gives the same answer on every machine.
 */

/** One pair of an assignment, by index. */
export interface Pair {
  readonly row: number;
  readonly column: number;
}

/**
 * The one-to-one pairing with the greatest sum of `gain(row, column)`, ordered by row. A pair gains only if it is worth
 * more than 0; a gain of 0 or less means "may not be paired", and is never returned.
 */
export function assign(rows: number, columns: number, gain: (row: number, column: number) => number): Pair[] {
  if (rows === 0 || columns === 0) return [];
  if (rows > columns) {
    return assign(columns, rows, (row, column) => gain(column, row))
      .map(({ row, column }) => ({ row: column, column: row }))
      .toSorted((one, other) => one.row - other.row);
  }
  const costs = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      // Leaving a row alone is the same as pairing it at cost 0, so every row can be given a column and no row need be.
      costs[row * columns + column] = Math.min(0, -gain(row, column));
    }
  }
  const columnOfRow = cheapest(costs, rows, columns);
  const pairs: Pair[] = [];
  for (const [row, column] of columnOfRow.entries()) {
    if (costs[row * columns + column]! < 0) pairs.push({ row, column });
  }
  return pairs;
}

/** The column of every row at the least total cost; `costs` by row, rows <= columns. */
function cheapest(costs: Float64Array, rows: number, columns: number): Int32Array {
  const search = new Search(costs, columns, rows);
  for (let row = 0; row < rows; row++) search.admit(row);
  return search.columnOfRow;
}

/**
 * A growing assignment. Invariant after each `admit`: the admitted rows are assigned at the least cost, every reduced
 * cost (cost - row potential - column potential) is >= 0, and it is 0 where a row has its column.
 */
class Search {
  readonly columnOfRow: Int32Array;
  readonly #rowOfColumn: Int32Array;
  readonly #rowPotential: Float64Array;
  readonly #columnPotential: Float64Array;
  readonly #costs: Float64Array;
  readonly #columns: number;

  constructor(costs: Float64Array, columns: number, rows: number) {
    this.#costs = costs;
    this.#columns = columns;
    this.columnOfRow = new Int32Array(rows).fill(-1);
    this.#rowOfColumn = new Int32Array(columns).fill(-1);
    this.#rowPotential = new Float64Array(rows);
    this.#columnPotential = new Float64Array(columns);
  }

  /** Gives one more row its column, moving earlier rows along the shortest augmenting path (Dijkstra). */
  admit(start: number): void {
    const distance = new Float64Array(this.#columns).fill(Infinity);
    const cameFromRow = new Int32Array(this.#columns).fill(-1);
    const settled = new Uint8Array(this.#columns);
    const visitedRows = [start];
    let row = start;
    let reached = 0;
    let column = -1;
    do {
      column = this.#settleNearest({ row, reached, distance, cameFromRow, settled });
      reached = distance[column]!;
      settled[column] = 1;
      row = this.#rowOfColumn[column]!;
      if (row >= 0) visitedRows.push(row);
    } while (row >= 0);
    this.#adjustPotentials(visitedRows, distance, settled, reached);
    this.#flip(start, column, cameFromRow);
  }

  /** Relaxes the edges of `row`, then names the nearest column that is not settled yet. */
  #settleNearest(path: { row: number; reached: number; distance: Float64Array; cameFromRow: Int32Array; settled: Uint8Array }): number {
    const { row, reached, distance, cameFromRow, settled } = path;
    const base = row * this.#columns;
    const offset = reached - this.#rowPotential[row]!;
    let nearest = -1;
    for (let column = 0; column < this.#columns; column++) {
      if (settled[column] === 1) continue;
      const through = offset + this.#costs[base + column]! - this.#columnPotential[column]!;
      if (through < distance[column]!) {
        distance[column] = through;
        cameFromRow[column] = row;
      }
      if (nearest < 0 || distance[column]! < distance[nearest]!) nearest = column;
    }
    return nearest;
  }

  #adjustPotentials(visitedRows: readonly number[], distance: Float64Array, settled: Uint8Array, reached: number): void {
    for (const row of visitedRows) {
      const own = this.columnOfRow[row]!;
      this.#rowPotential[row]! += own < 0 ? reached : reached - distance[own]!;
    }
    for (let column = 0; column < this.#columns; column++) {
      if (settled[column] === 1) this.#columnPotential[column]! -= reached - distance[column]!;
    }
  }

  #flip(start: number, end: number, cameFromRow: Int32Array): void {
    let column = end;
    let row: number;
    do {
      row = cameFromRow[column]!;
      const next = this.columnOfRow[row]!;
      this.#rowOfColumn[column] = row;
      this.columnOfRow[row] = column;
      column = next;
    } while (row !== start);
  }
}
