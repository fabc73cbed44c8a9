// Numbers as people read them: a real minus sign, few digits, and a tint that is never the only cue.
import type { Cell, Num } from "./data";

/** A number in few characters; a hole or an unread border cell is a dot. */
export function show(value: Cell): string {
  if (value === null) return "·";
  if (typeof value === "string") return value.replace("-", "−");
  const text = Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
  return text.replace("-", "−");
}

/** A number as a factor: negative ones in brackets. */
export const factor = (value: Cell): string => (typeof value === "number" && value < 0 ? `(${show(value)})` : show(value));

/** The tint of a value: "neg3" to "pos3", by its share of the largest. */
export function tint(value: Cell, largest: number): string {
  if (typeof value !== "number" || value === 0 || largest === 0) return "zero";
  const level = Math.min(3, Math.ceil((3 * Math.abs(value)) / largest));
  return `${value < 0 ? "neg" : "pos"}${level}`;
}

/** The largest absolute value of some planes. */
export function largest(planes: Cell[][][]): number {
  let found = 0;
  for (const value of planes.flat(2)) if (typeof value === "number") found = Math.max(found, Math.abs(value));
  return found;
}

/** Sums written out: "10·1 + 10·0 + 0·(−1) = 10". */
export function written(window: Cell[][], weights: Num[][], sum: Num): string {
  const terms: string[] = [];
  window.forEach((line, a) =>
    line.forEach((value, b) => {
      if (value !== null) terms.push(`${show(value)}·${factor(weights[a]![b]!)}`);
    }),
  );
  return `${terms.join(" + ") || "0"} = ${show(sum)}`;
}
