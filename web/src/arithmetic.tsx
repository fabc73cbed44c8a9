// The numbers of one step written out, the size formula, and the learner's own guess.
import { useState } from "preact/hooks";
import { neverReadText } from "./board";
import { factor, largest, show, tint, written } from "./numbers";
import { channelName } from "./planes";
import { verdict } from "./predict";
import * as state from "./state";

export function Arithmetic() {
  const data = state.data.value;
  const step = state.step.value;
  const hidden = state.predicting.value && !state.answered.value.has(data.steps.indexOf(step));
  const [, row, column] = step.index;
  const top = largest(step.products);
  return (
    <section class="panel wide" aria-labelledby="step-title">
      <h2 id="step-title">
        Step {data.steps.indexOf(step) + 1} of {data.steps.length} · output[{data.output.length > 1 ? `${step.index[0]},` : ""}
        {row},{column}]
      </h2>
      {step.window.map((plane, c) => (
        <div class="equation" key={c}>
          {step.window.length > 1 && <span class="name">{channelName(step.channels[0] + c, data.input.length)}</span>}
          <Table rows={plane.map((line) => line.map(show))} classes={(a, b) => (plane[a]![b] === null ? "hole" : "")} />
          <span class="sign">×</span>
          <Table rows={step.weights[c]!.map((line) => line.map(show))} classes={() => ""} />
          <span class="sign">=</span>
          {hidden ? (
            <Table rows={plane.map((line) => line.map(() => "?"))} classes={() => ""} />
          ) : (
            <Table
              rows={step.products[c]!.map((line) => line.map(show))}
              classes={(a, b) => tint(step.products[c]![a]![b]!, top)}
            />
          )}
          {!hidden && <span class="sum">Σ = {show(step.sums[c]!)}</span>}
        </div>
      ))}
      {hidden ? <Guess key={data.steps.indexOf(step)} /> : <Total />}
      <p class="visually-hidden" aria-live="polite" id="spoken">
        {hidden ? `output row ${row} column ${column}: what is the sum?` : spoken()}
      </p>
    </section>
  );
}

function Table({ rows, classes }: { rows: string[][]; classes: (row: number, column: number) => string }) {
  return (
    <table class="small" role="presentation">
      <tbody>
        {rows.map((line, row) => (
          <tr key={row}>
            {line.map((text, column) => (
              <td key={column} class={classes(row, column)}>
                {text}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Total() {
  const data = state.data.value;
  const step = state.step.value;
  const parts = step.sums.map((sum, c) => (step.sums.length > 1 ? `${channelName(step.channels[0] + c, data.input.length)} ${show(sum)}` : show(sum)));
  const bias = step.bias === null ? "" : ` + bias ${factor(step.bias)}`;
  const long = step.window.flat(2).length > 30;
  return (
    <p id="total" class="total">
      {step.sums.length === 1 && step.bias === null && !long
        ? written(step.window[0]!, step.weights[0]!, step.sums[0]!)
        : `${parts.join(" + ")}${bias} = ${show(step.total)}`}
    </p>
  );
}

function spoken(): string {
  const step = state.step.value;
  const sums = step.window.map((plane, c) => written(plane, step.weights[c]!, step.sums[c]!));
  const total = step.sums.length > 1 || step.bias !== null ? `; total ${show(step.total)}` : "";
  return `output row ${step.index[1]} column ${step.index[2]}: ${sums.join("; ")}${total}`;
}

/** The learner's guess: the output is hidden until it is right. */
function Guess() {
  const [said, say] = useState("");
  const check = (event: Event): void => {
    event.preventDefault();
    const text = new FormData(event.currentTarget as HTMLFormElement).get("guess");
    const typed = Number(String(text).replace("−", "-").replace(",", "."));
    if (String(text).trim() === "" || Number.isNaN(typed)) return say("Type a number.");
    const answer = verdict(state.step.value, typed);
    say(answer.text);
    if (answer.right) {
      state.answered.value = new Set([...state.answered.value, state.data.value.steps.indexOf(state.step.value)]);
    }
  };
  return (
    <form class="guess" onSubmit={check}>
      <label>
        What is the sum? <input name="guess" inputMode="decimal" autocomplete="off" size={8} />
      </label>
      <button type="submit">Check</button>
      <p id="verdict" role="status">
        {said}
      </p>
    </form>
  );
}

export function SizeFormula() {
  const data = state.data.value;
  const unread = neverReadText(data);
  return (
    <div class="formula">
      {data.formulas.map((line) => (
        <p key={line}>{line}</p>
      ))}
      {unread && <p id="never-read">{unread}</p>}
    </div>
  );
}
