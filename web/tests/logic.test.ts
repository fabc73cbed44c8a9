// The page's logic on small explanations, whose numbers are worked out by literal loops here.
import { describe, expect, test } from "vitest";
import { board, fedBy, marked, neverReadText, tapsOn } from "../src/board";
import { parse, type Explained, type Step } from "../src/data";
import { factor, largest, show, tint, written } from "../src/numbers";
import { verdict } from "../src/predict";

const EDGE = [1, 2, 3, 4, 5].map(() => [10, 10, 10, 0, 0]);
const FILTER = [1, 2, 3].map(() => [1, 0, -1]);

interface Options {
  padding?: number;
  stride?: number;
  dilation?: number;
}

/** An explanation as Python would write it, for a square filter on one channel with zeros around it. */
function explained(image: number[][], filter: number[][], { padding = 0, stride = 1, dilation = 1 }: Options = {}): Explained {
  const [height, width, taps] = [image.length, image[0]!.length, filter.length];
  const count = (size: number): number => Math.floor((size + 2 * padding - dilation * (taps - 1) - 1) / stride) + 1;
  const coverage = image.map((line) => line.map(() => 0));
  const steps: unknown[] = [];
  const output: number[][] = [];
  for (let i = 0; i < count(height); i++) {
    output.push([]);
    for (let j = 0; j < count(width); j++) {
      const at = (o: number, t: number, size: number): number | null => {
        const place = o * stride + t * dilation - padding;
        return place >= 0 && place < size ? place : null;
      };
      const rows = filter.map((_, t) => at(i, t, height));
      const columns = filter[0]!.map((_, t) => at(j, t, width));
      const window = rows.map((r) => columns.map((c) => (r === null || c === null ? 0 : image[r]![c]!)));
      rows.forEach((r) => columns.forEach((c) => r !== null && c !== null && coverage[r]![c]!++));
      const products = window.map((line, a) => line.map((value, b) => value * filter[a]![b]!));
      const total = products.flat().reduce((sum, one) => sum + one, 0);
      output[i]!.push(total);
      steps.push({ index: [0, i, j], channels: [0, 1], reads: [rows, columns], window: [window], weights: [filter], products: [products], sums: [total], bias: null, total });
    }
  }
  return parse(
    JSON.stringify({
      version: 1, title: "test", operation: "conv",
      options: { stride: [stride, stride], padding: [[padding, padding], [padding, padding]], padding_mode: "zeros", fill: 0, dilation: [dilation, dilation], groups: 1, flip: false, output_padding: [0, 0] },
      input: { shape: [1, height, width], values: [image] }, weight: { shape: [1, 1, taps, taps], values: [[filter]] }, bias: null,
      output: { shape: [1, output.length, output[0]!.length], values: [output] }, size_formula: ["size = …"], coverage, steps, total_steps: steps.length, sampled: false,
    }),
  );
}

describe("the board", () => {
  test("a window covers nine cells", () => {
    const data = explained(EDGE, FILTER);
    expect(marked(data, data.steps[1]!)).toEqual(new Set(["0,1", "0,2", "0,3", "1,1", "1,2", "1,3", "2,1", "2,2", "2,3"]));
  });

  test("padding 1 around 5×5 has 24 border cells", () => {
    const cells = board(explained(EDGE, FILTER, { padding: 1 }), 0).flat();
    expect(cells.filter((cell) => cell.border)).toHaveLength(24);
    expect(cells.filter((cell) => cell.border).every((cell) => cell.value === 0)).toBe(true);
    expect(cells[0]).toMatchObject({ row: -1, column: -1 });
  });

  test("dilation leaves gaps", () => {
    const data = explained(EDGE, FILTER, { dilation: 2 });
    expect([...marked(data, data.steps[0]!)]).toEqual(["0,0", "0,2", "0,4", "2,0", "2,2", "2,4", "4,0", "4,2", "4,4"]);
  });

  test("the middle of 5×5 feeds nine outputs, its corner one", () => {
    const data = explained(EDGE, FILTER);
    expect(fedBy(data, 0, 2, 2).size).toBe(9);
    expect([...fedBy(data, 0, 0, 0)]).toEqual([[0, [1]]]);
    expect(tapsOn(data.steps[4]!, 2, 2)).toEqual([[1, 1]]);
  });

  test("what the floor leaves over is said", () => {
    const two = [[1, 1], [1, 1]];
    expect(neverReadText(explained(EDGE, two, { stride: 2 }))).toBe("1 row and 1 column are never read (floor)");
    expect(neverReadText(explained(EDGE, FILTER))).toBe("");
  });
});

test("an image of one dimension is one row", () => {
  const data = parse(
    JSON.stringify({
      version: 1, title: "line", operation: "conv",
      options: { stride: [2], padding: [[0, 0]], padding_mode: "zeros", fill: 0, dilation: [1], groups: 1, flip: false, output_padding: [0] },
      input: { shape: [1, 3], values: [[1, 2, 4]] }, output: { shape: [1, 1], values: [[3]] }, size_formula: ["size"], coverage: [1, 1, 0],
      steps: [{ index: [0, 0], channels: [0, 1], reads: [[0, 1]], window: [[1, 2]], weights: [[1, 1]], products: [[1, 2]], sums: [3], bias: null, total: 3 }],
    }),
  );
  expect(data.input).toEqual([[[1, 2, 4]]]);
  expect(data.steps[0]!.reads).toEqual([[0], [0, 1]]);
  expect([...marked(data, data.steps[0]!)]).toEqual(["0,0", "0,1"]);
  expect(neverReadText(data)).toBe("1 column is never read (floor)");
});

test("another version is refused", () => {
  expect(() => parse('{"version": 2}')).toThrow("version 1");
});

describe("numbers", () => {
  test.each([[3, "3"], [-3, "−3"], [0.5, "0.5"], [1 / 3, "0.3333"], [null, "·"], ["NaN", "NaN"], ["-Infinity", "−Infinity"]])("%s is shown as %s", (value, text) => {
    expect(show(value)).toBe(text);
  });

  test("signs are told by more than colour", () => {
    expect(factor(-2)).toBe("(−2)");
    expect([tint(-9, 9), tint(1, 9), tint(0, 9), tint("NaN", 9)]).toEqual(["neg3", "pos1", "zero", "zero"]);
    expect(largest([[[1, -7], [null, 2]]])).toBe(7);
  });

  test("a sum is written out", () => {
    expect(written([[10, 0]], [[1, -1]], 10)).toBe("10·1 + 0·(−1) = 10");
  });
});

describe("a wrong prediction", () => {
  const step = explained([[2, 3], [5, 7]], [[1, 0], [0, -1]]).steps[0] as Step;
  test.each([
    [-5, "Right: −5."],
    [9, "sign of 7·(−1) = −7 (row 1, column 1"],
    [2, "One product is missing: 7·(−1)"],
    [-12, "counts twice: 7·(−1)"],
    [-2, "was not multiplied: 3·0 = 0 (row 0, column 1"],
    [100, "No single product explains"],
  ])("%s", (typed, words) => {
    expect(verdict(step, typed).text).toContain(words);
  });
});
