import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert as always, double, integer, oneof, property, tuple } from 'fast-check';
import { assign } from './assignment.ts';

test('two rows that want the same column share out so that the sum is greatest', () => {
  const gains = [
    [10, 9],
    [9, 1],
  ];
  assert.deepEqual(
    assign(2, 2, (row, column) => gains[row]![column]!),
    [
      { row: 0, column: 1 },
      { row: 1, column: 0 },
    ],
  );
});

test('a pair without gain is never made, even when both would stay alone', () => {
  const gains = [
    [0, -3],
    [5, 0],
  ];
  assert.deepEqual(
    assign(2, 2, (row, column) => gains[row]![column]!),
    [{ row: 1, column: 0 }],
  );
});

test('nothing against something is no pair', () => {
  assert.deepEqual(
    assign(0, 3, () => 1),
    [],
  );
  assert.deepEqual(
    assign(3, 0, () => 1),
    [],
  );
});

test('among equals the lower indices are paired, always', () => {
  assert.deepEqual(
    assign(3, 3, () => 1),
    [0, 1, 2].map((index) => ({ row: index, column: index })),
  );
});

const matrices = tuple(integer({ min: 1, max: 6 }), integer({ min: 1, max: 6 })).chain(([rows, columns]) =>
  array(array(oneof(integer({ min: -3, max: 5 }), double({ min: -1, max: 1, noNaN: true })), { minLength: columns, maxLength: columns }), {
    minLength: rows,
    maxLength: rows,
  }),
);

test('no other pairing of any matrix gains more', () => {
  always(
    property(matrices, (gains) => {
      const columns = gains[0]!.length;
      const pairs = assign(gains.length, columns, (row, column) => gains[row]![column]!);
      assert.equal(new Set(pairs.map((pair) => pair.row)).size, pairs.length);
      assert.equal(new Set(pairs.map((pair) => pair.column)).size, pairs.length);
      const sum = pairs.reduce((total, { row, column }) => total + gains[row]![column]!, 0);
      assert.ok(Math.abs(sum - greatestByTrying(gains, 0, new Set())) < 1e-9);
    }),
    { numRuns: 500 },
  );
});

test('a matrix and its transpose gain the same', () => {
  always(
    property(matrices, (gains) => {
      const columns = gains[0]!.length;
      const upright = assign(gains.length, columns, (row, column) => gains[row]![column]!);
      const turned = assign(columns, gains.length, (row, column) => gains[column]![row]!);
      const gainOf = (sum: number, row: number, column: number) => sum + gains[row]![column]!;
      assert.ok(
        Math.abs(
          upright.reduce((sum, pair) => gainOf(sum, pair.row, pair.column), 0) -
            turned.reduce((sum, pair) => gainOf(sum, pair.column, pair.row), 0),
        ) < 1e-9,
      );
    }),
  );
});

function greatestByTrying(gains: readonly (readonly number[])[], row: number, taken: ReadonlySet<number>): number {
  const rest = gains[row];
  if (rest === undefined) return 0;
  let best = greatestByTrying(gains, row + 1, taken);
  for (const [column, gain] of rest.entries()) {
    if (taken.has(column)) continue;
    best = Math.max(best, gain + greatestByTrying(gains, row + 1, new Set([...taken, column])));
  }
  return best;
}
