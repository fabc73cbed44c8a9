// The three pictures: the input with its border, the filter, and the output.
import { board, type BoardCell } from "./board";
import { Grid, type GridCell } from "./grid";
import { largest, show, tint } from "./numbers";
import * as state from "./state";

const CHANNEL_NAMES = ["R", "G", "B"];

export function channelName(channel: number, count: number): string {
  return count === 3 ? CHANNEL_NAMES[channel]! : `channel ${channel}`;
}

export function InputPlanes() {
  const data = state.data.value;
  const [first, stop] = state.step.value.channels;
  const top = largest(data.input);
  return (
    <section class="panel" aria-labelledby="input-title">
      <h2 id="input-title">Input</h2>
      {data.input.map((_, channel) => {
        const off = channel < first || channel >= stop;
        return (
          <figure key={channel} class={off ? "greyed" : ""} data-role="input-plane">
            {data.input.length > 1 && (
              <figcaption>
                {channelName(channel, data.input.length)}
                {off ? " (another group: not connected)" : ""}
              </figcaption>
            )}
            <Grid
              label={`input ${data.input.length > 1 ? channelName(channel, data.input.length) : ""}`.trim()}
              rows={board(data, channel).map((line) => line.map((cell) => inputCell(cell, channel, top)))}
              active={data.transposed ? [0, 0] : [data.padding[0][0], data.padding[1][0]]}
              onLeave={leave}
            />
          </figure>
        );
      })}
    </section>
  );
}

function inputCell(cell: BoardCell, channel: number, top: number): GridCell {
  const data = state.data.value;
  const { row, column } = cell;
  const classes = [tint(cell.value, top)];
  const isMarked = state.markedInputs.value.has(`${channel}:${row},${column}`);
  if (isMarked) classes.push("marked");
  if (cell.border) classes.push("border");
  const count = cell.border ? 0 : (data.coverage[row]?.[column] ?? 0);
  if (!cell.border && count === 0) classes.push("unread");
  if (state.showCoverage.value && !cell.border) classes.push(`heat${heat(count)}`);
  const where = cell.border ? "border" : "input";
  return {
    text: state.showCoverage.value && !cell.border ? `${count}×` : show(cell.value),
    label: `${where} row ${row} column ${column}: ${show(cell.value)}${isMarked ? ", under the filter" : ""}, read ${count} times`,
    classes: classes.join(" "),
    attributes: { "data-role": where, "data-row": String(row), "data-column": String(column) },
    ...(cell.border ? {} : lookers({ kind: "input", channel, row, column })),
  };
}

function heat(count: number): number {
  const most = Math.max(1, ...state.data.value.coverage.flat());
  return Math.round((4 * count) / most);
}

export function FilterPlanes() {
  const data = state.data.value;
  const step = state.step.value;
  const looked = state.focus.value;
  const top = largest(step.weights);
  return (
    <section class="panel" aria-labelledby="filter-title">
      <h2 id="filter-title">Filter{data.output.length > 1 ? ` ${step.index[0]}` : ""}</h2>
      {step.weights.map((plane, channel) => (
        <figure key={channel}>
          {step.weights.length > 1 && <figcaption>for {channelName(step.channels[0] + channel, data.input.length)}</figcaption>}
          <Grid
            label={`filter${step.weights.length > 1 ? ` for ${channelName(step.channels[0] + channel, data.input.length)}` : ""}`}
            rows={plane.map((line, row) =>
              line.map((value, column) => {
                const chosen = looked.kind === "weight" && looked.channel === channel && looked.row === row && looked.column === column;
                return {
                  text: show(value),
                  label: `weight row ${row} column ${column}: ${show(value)}`,
                  classes: `${tint(value, top)}${chosen ? " marked" : ""}`,
                  attributes: { "data-role": "weight", "data-row": String(row), "data-column": String(column) },
                  ...lookers({ kind: "weight", channel, row, column }),
                };
              }),
            )}
            onLeave={leave}
          />
        </figure>
      ))}
      <p class="note">{flipNote()}</p>
    </section>
  );
}

function flipNote(): string {
  const data = state.data.value;
  if (data.transposed) return "Transposed: the filter as it lies on the stretched input; dots are holes between its cells.";
  return data.flip
    ? "Turned by 180° before it is laid on the image: the mathematician's convolution."
    : "Laid on the image as it is (cross-correlation); flip=True would turn it by 180° first.";
}

export function OutputPlanes() {
  const data = state.data.value;
  const top = largest(data.output);
  const channel = state.step.value.index[0];
  return (
    <section class="panel" aria-labelledby="output-title">
      <h2 id="output-title">Output</h2>
      {data.output.map((plane, k) => (
        <figure key={k} class={k === channel ? "" : "aside"}>
          {data.output.length > 1 && <figcaption>filter {k}</figcaption>}
          <Grid
            label={`output${data.output.length > 1 ? ` of filter ${k}` : ""}`}
            rows={plane.map((line, row) => line.map((_, column) => outputCell(k, row, column, top)))}
            active={k === channel ? [state.step.value.index[1], state.step.value.index[2]] : [0, 0]}
            onLeave={leave}
          />
        </figure>
      ))}
    </section>
  );
}

function outputCell(k: number, row: number, column: number, top: number): GridCell {
  const data = state.data.value;
  const index = (k * data.output[0]!.length + row) * data.output[0]![0]!.length + column;
  const value = data.output[k]![row]![column]!;
  const weights = state.markedOutputs.value.get(index);
  const hidden = state.predicting.value && !state.answered.value.has(index);
  const shown = hidden ? "?" : show(value);
  return {
    text: (
      <>
        {shown}
        {weights?.length ? <small>×{weights.map(show).join(", ")}</small> : null}
      </>
    ),
    label: `output row ${row} column ${column}: ${hidden ? "hidden" : show(value)}`,
    classes: `${hidden ? "zero" : tint(value, top)}${weights ? " marked" : ""}${index === state.current.value ? " current" : ""}`,
    attributes: { "data-role": "output", "data-row": String(row), "data-column": String(column) },
    ...lookers({ kind: "output", step: index }),
  };
}

function lookers(wanted: state.Focus): Pick<GridCell, "onLook" | "onPin"> {
  return {
    onLook: () => {
      state.hovered.value = wanted;
      if (wanted.kind === "output" && !state.pinned.value) state.current.value = wanted.step;
    },
    onPin: () => state.pin(wanted),
  };
}

function leave(): void {
  state.hovered.value = null;
}
