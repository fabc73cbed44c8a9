"""Loop nests as text, in the grammar of `convolve.compiler.loopnest`: for people, goldens and messages."""

from collections.abc import Iterator, Sequence

from convolve.compiler.affine import Affine
from convolve.compiler.loopnest import (
    Access,
    Block,
    Blocks,
    Body,
    Buffer,
    Compute,
    Convert,
    Extremum,
    Join,
    Load,
    Lookup,
    Loop,
    Mark,
    Number,
    Prefetch,
    Quotient,
    Ramp,
    Repeat,
    Routine,
    Select,
    Share,
    Statement,
    Store,
    ToLine,
    Transpose,
    Walk,
    When,
)

INDENT = "  "


def show(routine: Routine) -> str:
    """Return a routine as text.

    Examples
    --------
    >>> from convolve.compiler.builder import Pen
    >>> width, pen = Affine.symbol("width"), Pen()
    >>> with pen.loop("x", 0, width) as x:
    ...     pen.store("line", [x], pen.number("zero", 0.0, "float32", 1))
    >>> line = Buffer("line", "float32", (width,), "output")
    >>> print(show(Routine("clear", ("width",), (width,), (line,), pen.body())))
    clear(width)
      where width >= 0
      output line: float32 [width]
    for x from 0 below width:
      zero = 0.0
      line[x] = zero
    """
    facts = [f"{fact} >= 0" for fact in routine.facts]
    title = [
        f"{routine.name}({', '.join(routine.parameters)})",
        *([f"{INDENT}where {', '.join(facts)}"] if facts else []),
        *(INDENT + _buffer(buffer) for buffer in routine.buffers),
    ]
    return "\n".join([*title, *_body(routine.body, "")])


def show_access(access: Access) -> str:
    """Return an access as text.

    >>> print(show_access(Access("line", (Affine.symbol("x") + 1,), lanes=8, step=2)))
    line[x + 1] × 8 step 2
    """
    step = f" step {access.step}" if access.step != 1 else ""
    return f"{access.buffer}[{_list(access.index)}]{_lanes(access.lanes)}{step}"


def _lanes(lanes: int) -> str:
    return f" × {lanes}" if lanes > 1 else ""


def _list(values: Sequence[Affine]) -> str:
    return ", ".join(map(str, values))


def _extreme(name: str, values: Sequence[Affine]) -> str:
    """Return min(...) or max(...), and a single value as it is."""
    return str(values[0]) if len(values) == 1 else f"{name}({_list(values)})"


def _buffer(buffer: Buffer) -> str:
    gaps = "" if buffer.contiguous else ", neighbours apart"
    values = f", values from {buffer.values[0]} below {buffer.values[1]}" if buffer.values else ""
    return f"{buffer.role} {buffer.name}: {buffer.dtype} [{_list(buffer.extents)}]{gaps}{values}"


def _body(body: Body, indent: str) -> Iterator[str]:
    for statement in body:
        yield indent + head(statement)
        for part in ("body", "otherwise"):
            inner = getattr(statement, part, ())
            if part == "otherwise" and inner:
                yield f"{indent}else:"
            yield from _body(inner, indent + INDENT)


def head(statement: Statement) -> str:
    """Return the first line of a statement: all of it, or what stands before its body."""
    match statement:
        case Share(blocks):
            return f"share {', '.join(f'({one.start}, {one.count}) {_of(one)}' for one in blocks)}:"
        case Blocks(block):
            return f"blocks {block.start}, {block.count} {_of(block)}:"
        case Loop(var, starts, stops, step, overlap):
            by = (f" by {step}" if step != 1 else "") + (" overlap" if overlap else "")
            return f"for {var} from {_extreme('max', starts)} below {_extreme('min', stops)}{by}:"
        case Walk(step, limit, pixels, rows, columns):
            places = ", ".join(f"({y}, {x})" for y, x in pixels)
            return f"walk {step}, {places} over ({rows}) × ({columns}), at most {limit}:"
        case When(condition):
            return f"when {condition} >= 0:"
        case Quotient(var, dividend, divisor):
            return f"let {var} = ({dividend}) // {divisor}"
        case Lookup(var, table, index):
            return f"let {var} = {table}[{index}]"
        case Extremum(var, kind, choices):
            return f"let {var} = {kind}({_list(choices)})"
        case ToLine(var, access):
            return f"let {var} = numbers from {show_access(access)} to the next line"
        case Number(register, value, _, lanes):
            return f"{register} = {value}{_lanes(lanes)}"
        case Load(register, access):
            return f"{register} = {show_access(access)}"
        case Repeat(register, access, lanes):
            return f"{register} = repeat {show_access(access)}{_lanes(lanes)}"
        case Compute(register, operation, arguments):
            return f"{register} = {operation}({', '.join(arguments)})"
        case Ramp(register, start, step, lanes):
            return f"{register} = {start}" + (f", {start + step}, ..." if step else "") + _lanes(lanes)
        case Select(register, new, old, winner, loser):
            return f"{register} = {winner} if {new} beats {old} else {loser}"
        case Convert(register, dtype, argument, saturated):
            return f"{register} = {dtype}({argument}){' saturated' if saturated else ''}"
        case Join(register, argument):
            return f"{register} = words({argument})"
        case Transpose(registers, arguments):
            return f"{', '.join(registers)} = transpose({', '.join(arguments)})"
        case Store(access, register, streams):
            return f"{show_access(access)} = {register}{' past the caches' if streams else ''}"
        case Mark(access, register):
            return f"mark {show_access(access)} if {register} is NaN"
        case Prefetch(access):
            return f"prefetch {show_access(access)}"


def _of(block: Block) -> str:
    return f"of {block.extent} by {block.step}"
