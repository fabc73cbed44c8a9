// Keys that work wherever the page has the focus, except where something is typed.
import * as state from "./state";
import { togglePlay } from "./timeline";

const ACTIONS: Record<string, () => void> = {
  ArrowLeft: () => state.goTo(state.current.value - 1),
  ArrowRight: () => state.goTo(state.current.value + 1),
  " ": togglePlay,
  "[": () => state.faster(-1),
  "]": () => state.faster(1),
  p: () => (state.predicting.value = !state.predicting.value),
  c: () => (state.showCoverage.value = !state.showCoverage.value),
  "?": () => (state.showHelp.value = !state.showHelp.value),
  Escape: () => {
    state.pinned.value = null;
    state.hovered.value = null;
    state.showHelp.value = false;
  },
};

export function onKey(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  const typing = target.tagName === "INPUT";
  const pressing = target.tagName === "BUTTON" && event.key === " ";
  if (event.ctrlKey || event.metaKey || event.altKey || (typing && event.key !== "Escape") || pressing) return;
  const action = ACTIONS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}
