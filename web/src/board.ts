// Where things lie: the input with its border, the cells under a window, and who reads whom.
import type { Cell, Explained, Num, Step } from "./data";

export interface Place {
  /** Row and column of the input, counted from its first cell; negative in the border. */
  row: number;
  column: number;
}

export interface BoardCell extends Place {
  border: boolean;
  value: Cell;
}

const key = (row: number, column: number): string => `${row},${column}`;

/** The place under each tap of a step's window, row by row; null where nothing lies. */
export function places(data: Explained, step: Step): (Place | null)[][] {
  const [rows, columns] = step.reads;
  if (data.transposed) {
    return rows.map((row) =>
      columns.map((column) => (row === null || column === null ? null : { row, column })),
    );
  }
  return rows.map((_, a) =>
    columns.map((_, b) => ({
      row: step.index[1] * data.stride[0] + a * data.dilation[0] - data.padding[0][0],
      column: step.index[2] * data.stride[1] + b * data.dilation[1] - data.padding[1][0],
    })),
  );
}

/** The input plane of one channel with its border; border cells show what a window finds there. */
export function board(data: Explained, channel: number): BoardCell[][] {
  const plane = data.input[channel]!;
  const [height, width] = [plane.length, plane[0]?.length ?? 0];
  const [vertical, horizontal] = data.transposed ? [[0, 0], [0, 0]] : data.padding;
  const found = data.transposed ? new Map<string, Cell>() : borderValues(data, channel);
  const cells: BoardCell[][] = [];
  for (let row = -vertical[0]!; row < height + vertical[1]!; row++) {
    const line: BoardCell[] = [];
    for (let column = -horizontal[0]!; column < width + horizontal[1]!; column++) {
      const inside = row >= 0 && row < height && column >= 0 && column < width;
      const value: Cell = inside ? plane[row]![column]! : (found.get(key(row, column)) ?? null);
      line.push({ row, column, border: !inside, value });
    }
    cells.push(line);
  }
  return cells;
}

/** What the windows of all steps find, by place: the border's values come from here alone. */
function borderValues(data: Explained, channel: number): Map<string, Cell> {
  const found = new Map<string, Cell>();
  for (const step of data.steps) {
    const own = channel - step.channels[0];
    if (own < 0 || channel >= step.channels[1]) continue;
    places(data, step).forEach((line, a) =>
      line.forEach((place, b) => {
        if (place) found.set(key(place.row, place.column), step.window[own]![a]![b]!);
      }),
    );
  }
  return found;
}

/** The places under a step's window, as keys "row,column". */
export function marked(data: Explained, step: Step): Set<string> {
  const found = new Set<string>();
  for (const place of places(data, step).flat()) if (place) found.add(key(place.row, place.column));
  return found;
}

/** The taps of a step that read one input cell: several where borders repeat it. */
export function tapsOn(step: Step, row: number, column: number): [number, number][] {
  const found: [number, number][] = [];
  step.reads[0].forEach((r, a) =>
    step.reads[1].forEach((c, b) => {
      if (r === row && c === column) found.push([a, b]);
    }),
  );
  return found;
}

/** The steps that read an input cell, each with the weights it is multiplied by: the backward view. */
export function fedBy(data: Explained, channel: number, row: number, column: number): Map<number, Num[]> {
  const fed = new Map<number, Num[]>();
  data.steps.forEach((step, index) => {
    if (channel < step.channels[0] || channel >= step.channels[1]) return;
    const taps = tapsOn(step, row, column);
    const weights = taps.map(([a, b]) => step.weights[channel - step.channels[0]]![a]![b]!);
    if (weights.length) fed.set(index, weights);
  });
  return fed;
}

/** How many rows and columns of the input no window reads. */
export function neverRead(data: Explained): { rows: number; columns: number } {
  const rows = data.coverage.filter((line) => line.every((count) => count === 0)).length;
  const width = data.coverage[0]?.length ?? 0;
  let columns = 0;
  for (let column = 0; column < width; column++) {
    if (data.coverage.every((line) => line[column] === 0)) columns++;
  }
  return { rows, columns };
}

/** "1 column is never read (floor)", or nothing. */
export function neverReadText(data: Explained): string {
  const { rows, columns } = neverRead(data);
  const parts: string[] = [];
  if (rows) parts.push(`${rows} row${rows > 1 ? "s" : ""}`);
  if (columns) parts.push(`${columns} column${columns > 1 ? "s" : ""}`);
  if (!parts.length) return "";
  return `${parts.join(" and ")} ${rows + columns > 1 ? "are" : "is"} never read (floor)`;
}
