// What the page shows at this moment; every component reads it from here.
import { computed, signal } from "@preact/signals";
import type { Explained, Num, Step } from "./data";
import { fedBy, marked } from "./board";

export type Focus =
  | { kind: "output"; step: number }
  | { kind: "input"; channel: number; row: number; column: number }
  | { kind: "weight"; channel: number; row: number; column: number };

export const SPEEDS = [0.5, 1, 2, 4, 8];

export const data = signal<Explained>(undefined as unknown as Explained);
export const current = signal(0);
export const hovered = signal<Focus | null>(null);
export const pinned = signal<Focus | null>(null);
export const playing = signal(false);
export const speed = signal(1);
export const showCoverage = signal(false);
export const predicting = signal(false);
export const showHelp = signal(false);
export const answered = signal<ReadonlySet<number>>(new Set());

/** What is looked at: what is pinned, else what is pointed at, else the current step. */
export const focus = computed<Focus>(() => pinned.value ?? hovered.value ?? { kind: "output", step: current.value });

/** The step whose numbers are written out. */
export const step = computed<Step>(() => {
  const looked = focus.value;
  return data.value.steps[looked.kind === "output" ? looked.step : current.value]!;
});

/** Input cells ("channel:row,column") that are marked. */
export const markedInputs = computed<ReadonlySet<string>>(() => {
  const [looked, all] = [focus.value, data.value];
  const found = new Set<string>();
  const add = (one: Step, keys: Iterable<string>): void => {
    for (let channel = one.channels[0]; channel < one.channels[1]; channel++) for (const key of keys) found.add(`${channel}:${key}`);
  };
  if (looked.kind === "output") add(step.value, marked(all, step.value));
  if (looked.kind === "input") found.add(`${looked.channel}:${looked.row},${looked.column}`);
  if (looked.kind === "weight") {
    for (const one of ofChannel(step.value.index[0])) {
      const [row, column] = [one.reads[0][looked.row], one.reads[1][looked.column]];
      if (row != null && column != null) found.add(`${one.channels[0] + looked.channel}:${row},${column}`);
    }
  }
  return found;
});

/** Steps whose output is marked, with the weights that an input cell is multiplied by there. */
export const markedOutputs = computed<ReadonlyMap<number, Num[]>>(() => {
  const [looked, all] = [focus.value, data.value];
  if (looked.kind === "input") return fedBy(all, looked.channel, looked.row, looked.column);
  if (looked.kind === "output") return new Map([[looked.step, []]]);
  const channel = step.value.index[0];
  const fed = new Map<number, Num[]>();
  all.steps.forEach((one, index) => {
    const met = one.window[looked.channel]?.[looked.row]?.[looked.column] ?? null;
    if (one.index[0] === channel && met !== null) fed.set(index, []);
  });
  return fed;
});

function ofChannel(channel: number): Step[] {
  return data.value.steps.filter((one) => one.index[0] === channel);
}

export function goTo(index: number): void {
  const count = data.value.steps.length;
  current.value = Math.max(0, Math.min(count - 1, index));
  hovered.value = null;
}

export function faster(by: number): void {
  const at = SPEEDS.indexOf(speed.value) + by;
  speed.value = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at))]!;
}

export function pin(wanted: Focus): void {
  const same = JSON.stringify(pinned.value) === JSON.stringify(wanted);
  pinned.value = same ? null : wanted;
  if (wanted.kind === "output") current.value = wanted.step;
}
