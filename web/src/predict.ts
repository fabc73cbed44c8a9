// A learner's wrong sum: which single product went wrong?
import type { Step } from "./data";
import { factor, show } from "./numbers";

const CLOSE = 1e-9;

/** What to say to a predicted value. */
export function verdict(step: Step, typed: number): { right: boolean; text: string } {
  const total = Number(step.total);
  if (Math.abs(typed - total) <= CLOSE * Math.max(1, Math.abs(total))) {
    return { right: true, text: `Right: ${show(step.total)}.` };
  }
  return { right: false, text: `${show(typed)} is not it. ${faultyProduct(step, typed - total)}` };
}

/** The one product that explains the difference, if there is one: a sign, an omission, a doubling, a missing factor. */
function faultyProduct(step: Step, difference: number): string {
  const same = (left: number, right: number): boolean => Math.abs(left - right) <= CLOSE * Math.max(1, Math.abs(right));
  for (let c = 0; c < step.window.length; c++) {
    for (let a = 0; a < step.window[c]!.length; a++) {
      for (let b = 0; b < step.window[c]![a]!.length; b++) {
        const [value, weight, product] = [step.window[c]![a]![b]!, step.weights[c]![a]![b]!, step.products[c]![a]![b]!];
        if (typeof value !== "number" || typeof weight !== "number" || typeof product !== "number") continue;
        const name = `${show(value)}·${factor(weight)} = ${show(product)} (row ${a}, column ${b} of the window)`;
        if (product !== 0 && same(difference, -2 * product)) return `Look at the sign of ${name}.`;
        if (product !== 0 && same(difference, -product)) return `One product is missing: ${name}.`;
        if (product !== 0 && same(difference, product)) return `One product counts twice: ${name}.`;
        if (value !== product && same(difference, value - product)) return `One pixel was not multiplied: ${name}.`;
      }
    }
  }
  return "No single product explains the difference: add them up one row at a time.";
}
