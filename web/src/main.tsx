// The page of `explain`: reads the numbers that Python put into it and shows them.
import { render } from "preact";
import { Arithmetic, SizeFormula } from "./arithmetic";
import { parse } from "./data";
import { onKey } from "./keys";
import { FilterPlanes, InputPlanes, OutputPlanes } from "./planes";
import { data } from "./state";
import "./style.css";
import { Help, Timeline } from "./timeline";

function Page() {
  return (
    <>
      <header>
        <h1>{data.value.title}</h1>
        <SizeFormula />
      </header>
      <Timeline />
      <div class="planes">
        <InputPlanes />
        <span class="arrow" aria-hidden="true">
          →
        </span>
        <FilterPlanes />
        <span class="arrow" aria-hidden="true">
          →
        </span>
        <OutputPlanes />
      </div>
      <Arithmetic />
      <Help />
    </>
  );
}

data.value = parse(document.getElementById("explanation")!.textContent!);
document.addEventListener("keydown", onKey);
render(<Page />, document.getElementById("app")!);
