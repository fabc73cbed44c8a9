// Walking through the steps: buttons, a slider, speed; and the switches beside them.
import { useEffect } from "preact/hooks";
import * as state from "./state";

const SECOND = 1000;

export function Timeline() {
  const count = state.data.value.steps.length;
  const running = state.playing.value;
  const pace = state.speed.value;
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => {
      if (state.current.value >= count - 1) state.playing.value = false;
      else state.goTo(state.current.value + 1);
    }, SECOND / pace);
    return () => clearInterval(timer);
  }, [running, pace, count]);
  return (
    <nav class="timeline" aria-label="steps">
      <button type="button" onClick={() => state.goTo(state.current.value - 1)} aria-label="previous step">
        ‹
      </button>
      <button type="button" id="play" onClick={togglePlay}>
        {running ? "Pause" : "Play"}
      </button>
      <button type="button" onClick={() => state.goTo(state.current.value + 1)} aria-label="next step">
        ›
      </button>
      <input
        type="range"
        id="scrub"
        aria-label="step"
        min={1}
        max={count}
        value={state.current.value + 1}
        aria-valuetext={`step ${state.current.value + 1} of ${count}`}
        onInput={(event) => state.goTo(Number(event.currentTarget.value) - 1)}
      />
      <span class="speed" aria-live="off">
        {pace}× speed
      </span>
      <Switch label="Coverage" value={state.showCoverage} />
      <Switch label="Predict" value={state.predicting} />
      <Switch label="Help" value={state.showHelp} />
    </nav>
  );
}

function Switch({ label, value }: { label: string; value: { value: boolean } }) {
  return (
    <button type="button" aria-pressed={value.value} onClick={() => (value.value = !value.value)}>
      {label}
    </button>
  );
}

export function togglePlay(): void {
  const last = state.data.value.steps.length - 1;
  if (!state.playing.value && state.current.value === last) state.goTo(0);
  state.playing.value = !state.playing.value;
  state.pinned.value = null;
}

export function Help() {
  if (!state.showHelp.value) return null;
  return (
    <aside class="panel wide" id="help" aria-label="help">
      <h2>Keys</h2>
      <dl>
        <dt>← →</dt>
        <dd>previous and next step; inside a grid the arrows walk from cell to cell</dd>
        <dt>space</dt>
        <dd>play and pause</dd>
        <dt>[ ]</dt>
        <dd>slower and faster</dd>
        <dt>Enter, click</dt>
        <dd>pin what is looked at; Esc lets go</dd>
        <dt>p</dt>
        <dd>predict: the outputs are hidden, type the sum yourself</dd>
        <dt>c</dt>
        <dd>coverage: how often each input cell is read</dd>
        <dt>?</dt>
        <dd>this help</dd>
      </dl>
    </aside>
  );
}
