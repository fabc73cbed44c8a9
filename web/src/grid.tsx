// A table of numbers that can be walked with the arrow keys: one cell is in the tab order, the others follow.
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";

export interface GridCell {
  text: ComponentChildren;
  label: string;
  classes: string;
  attributes?: Record<string, string>;
  onLook?: () => void;
  onPin?: () => void;
}

interface Properties {
  label: string;
  rows: GridCell[][];
  /** The cell that Tab leads to. */
  active?: [number, number];
  onLeave?: () => void;
}

const STEPS: Record<string, [number, number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

export function Grid({ label, rows, active = [0, 0], onLeave }: Properties) {
  const table = useRef<HTMLDivElement>(null);
  const columns = rows[0]?.length ?? 0;

  const move = (event: KeyboardEvent, row: number, column: number): void => {
    const by = STEPS[event.key];
    if (event.key === "Enter") rows[row]?.[column]?.onPin?.();
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const [r, c] = [row + by[0], column + by[1]];
    table.current?.querySelector<HTMLElement>(`[data-at="${r},${c}"]`)?.focus();
  };

  return (
    <div class="scroll">
      <div
        ref={table}
        class="grid"
        role="grid"
        aria-label={label}
        style={{ "--columns": String(columns) }}
        onMouseLeave={onLeave}
      >
        {rows.map((line, row) => (
          <div class="row" role="row" key={row}>
            {line.map((cell, column) => (
              <div
                key={column}
                role="gridcell"
                class={`cell ${cell.classes}`}
                data-at={`${row},${column}`}
                tabIndex={row === active[0] && column === active[1] ? 0 : -1}
                aria-label={cell.label}
                {...cell.attributes}
                onMouseEnter={cell.onLook}
                onFocus={cell.onLook}
                onClick={cell.onPin}
                onKeyDown={(event) => move(event, row, column)}
              >
                {cell.text}
              </div>
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}
