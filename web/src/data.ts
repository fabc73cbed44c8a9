// What Python embeds in the page (JSON, version 1), and the one-dimensional case written as two.

/** A number as JSON holds it: NaN, infinities, huge integers and complex numbers are text. */
export type Num = number | string;
export type Cell = Num | null;
export type Plane<T> = T[][];

export interface Step {
  index: [number, number, number];
  channels: [number, number];
  /** Input row of every window row, and input column of every window column; null outside. */
  reads: [(number | null)[], (number | null)[]];
  window: Plane<Cell>[];
  weights: Plane<Num>[];
  products: Plane<Cell>[];
  sums: Num[];
  bias: Num | null;
  total: Num;
}

export interface Explained {
  title: string;
  transposed: boolean;
  stride: [number, number];
  padding: [[number, number], [number, number]];
  mode: string;
  fill: Num;
  dilation: [number, number];
  groups: number;
  flip: boolean;
  input: Plane<Num>[];
  output: Plane<Num>[];
  formulas: string[];
  coverage: Plane<number>;
  steps: Step[];
}

/** Reads the JSON; an image of one dimension becomes one row. */
export function parse(text: string): Explained {
  const raw = JSON.parse(text);
  if (raw.version !== 1) throw new Error(`this page reads version 1 of an explanation, got ${raw.version}`);
  const flat = raw.input.shape.length === 2;
  const wrap = <T>(line: T): T[] => [line];
  const planes = (values: any): any => (flat ? values.map(wrap) : values);
  const two = <T>(values: T[], first: T): [T, T] => (flat ? [first, values[0]!] : [values[0]!, values[1]!]);
  return {
    title: raw.title,
    transposed: raw.operation === "conv_transpose",
    stride: two<number>(raw.options.stride, 1),
    padding: two<[number, number]>(raw.options.padding, [0, 0]),
    mode: raw.options.padding_mode,
    fill: raw.options.fill,
    dilation: two<number>(raw.options.dilation, 1),
    groups: raw.options.groups,
    flip: raw.options.flip,
    input: planes(raw.input.values),
    output: planes(raw.output.values),
    formulas: [...new Set<string>(raw.size_formula)],
    coverage: flat ? wrap(raw.coverage) : raw.coverage,
    steps: raw.steps.map((step: any) => ({
      ...step,
      index: flat ? [step.index[0], 0, step.index[1]] : step.index,
      reads: flat ? [[0], step.reads[0]] : step.reads,
      window: planes(step.window),
      weights: planes(step.weights),
      products: planes(step.products),
    })),
  };
}
