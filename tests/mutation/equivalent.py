"""Seeded changes that are no bugs, by the reason why no result can show them."""

REASONS: dict[str, tuple[str, ...]] = {
    "Only lines of 2**27 cells are refused there.": (
        "axis.reads Add becomes Sub #3",
        "axis.reads 1 becomes 2 #3",
        "axis._outputs Sub becomes Add #1",
        "axis._outputs first becomes last #2",
    ),
    "More candidates than needed are looked at; those that read nothing are left out all the same.": (
        "axis.feeds FloorDiv becomes Mult #1",
        "axis.feeds Sub becomes Add #1",
        "axis.feeds 1 becomes 2 #1",
        "axis.feeds Add becomes Sub #3",
        "axis.feeds Add becomes Sub #4",
        "axis.border_outputs Add becomes Sub #1",
        "axis.border_outputs FloorDiv becomes Mult #1",
        "axis.border_outputs Add becomes Sub #2",
    ),
    "A range that ends before it begins is empty.": ("axis._outputs first becomes last #3",),
    "Only sizes beyond 2**40 cells are refused there, which no array has.": (
        "arguments._forward_axis before becomes after #2",
        "arguments._forward_axis after becomes before #2",
        "arguments._transposed_axis before becomes after #1",
        "arguments._transposed_axis after becomes before #1",
    ),
    "The other named rules do not look at the stride.": (
        "arguments._transposed_axis stride becomes dilation #6",
    ),
    "NumPy takes any negative length of reshape for the unknown one.": (
        "reference.output_blocks 1 becomes 2 #1",
        "pooling._divisor 1 becomes 2 #4",
    ),
    "How large blocks are changes the speed and never the result.": (
        "reference.blocks max becomes min #1",
        "reference.blocks 1 becomes 2 #1",
        "reference.blocks FloorDiv becomes Mult #1",
        "reference.blocks max becomes min #2",
        "reference.blocks 1 becomes 2 #2",
        "reference.blocks max becomes min #3",
        "reference.blocks 1 becomes 2 #3",
        "reference.blocks min becomes max #1",
        "reference.blocks max becomes min #4",
        "reference.blocks 1 becomes 2 #4",
    ),
    "Only windows that span 2**31 cells are refused there.": (
        "reference.read_patch if always false #2",
        "reference.read_patch Gt becomes GtE #1",
    ),
    "What stands in for an empty image is overwritten by the border, whatever its size.": (
        "reference.read_patch 1 becomes 2 #1",
    ),
    "One cell, or none, spread over no outputs adds nothing.": (
        "reference.placed 0 becomes 1 #2",
        "reference.placed 0 becomes 1 #3",
    ),
    "The other branch gives the same sums, more slowly.": (
        "reference.scatter if always false #1",
        "reference.evenly_spaced if always false #2",
        "reference.evenly_spaced 1 becomes 2 #1",
        "reference.evenly_spaced Lt becomes LtE #1",
        "reference.evenly_spaced 1 becomes 2 #2",
        "reference.evenly_spaced NotEq becomes Eq #1",
        "reference.valid_sums if always false #1",
    ),
    "Boundaries other than a number, and transposed convolutions, never look at the fill.": (
        "reference.valid_sums if always true #1",
        "reference.valid_sums And becomes Or #1",
    ),
    "0/0 and no valid weight both give NaN.": ("reference.valid_sums Gt becomes GtE #2",),
    "A border that counts as a gap scales by total/carried, which is 1 where nothing is missing.": (
        "reference.valid_sums 0 becomes 1 #2",
    ),
    "A looser or tighter bound that still holds only changes how much is checked.": (
        "exact.sum_bound 0 becomes 1 #1",
        "exact._fold 1 becomes 2 #1",
    ),
    "The values beyond are replaced by the end of the range anyway; NumPy clips them the same way.": (
        "exact.saturated if always false #2",
        "exact.saturated if always true #1",
        "exact.saturated if always false #3",
        "exact.saturated LtE becomes Lt #1",
        "exact.saturated Sub becomes Add #1",
        "exact.saturated 0 becomes 1 #1",
        "exact.saturated 1 becomes 2 #1",
    ),
    "Python's unbounded integers wrap to the same values, more slowly.": (
        "exact.wrapped if always false #1",
        "exact.wrapped if always false #2",
        "exact.wrapped Eq becomes NotEq #1",
    ),
    "low and -low are the same modulo the range of a two's complement dtype, and 0 is its own negative.": (
        "exact.wrapped Sub becomes Add #1",
    ),
    "Only how a number of 40 digits is written in a message changes.": (
        "exact.check_range if always true #2",
        "exact.check_range Lt becomes LtE #1",
        "exact.check_range 10 becomes 11 #1",
        "exact.check_range 40 becomes 41 #1",
    ),
    "With no room left over both rules count the same windows.": (
        "pooling._axis Gt becomes GtE #1",
        "pooling._axis 0 becomes 1 #1",
    ),
    "Indices are computed and then not asked for.": ("pooling._block_maximum if always true #1",),
    "A divisor of fewer dimensions is spread over all windows.": ("pooling._divisor 2 becomes 3 #1",),
}

EQUIVALENT = {name: reason for reason, names in REASONS.items() for name in names}
