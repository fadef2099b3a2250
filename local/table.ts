/** Text in columns, the first row being the head. @param between the columns: as kubectl has it. */
export function alignColumns(rows: readonly (readonly string[])[], between = '   '): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join(between)
        .trimEnd(),
    )
    .join('\n');
}
