"""Seeded changes of the compiler that are no bugs, by the reason why no result can show them."""

HINT = "A hint at memory that is read soon changes no result."
FASTER = {
    "compiler.lower.stencil.Stencil._prefetch": HINT,
    "compiler.lower.contract.Contract._next_weights": HINT,
    "compiler.lower.separable._Separable._fetch_next": HINT,
    "compiler.lower.winograd._Winograd._next_panel": HINT,
    "compiler.llvm.emitter.Emitter.prefetch": HINT,
    "compiler.lower.pool.shares_rows": "Rows reduced first or with each window: all sides ask this function.",
    "compiler.lower.pool._Pool.__init__": "However many windows a vector holds, they are the same.",
    "runtime.execution._spread": "Any width that is large enough does; which one is a matter of caches.",
    "compiler.lower.contract.Contract._is_whole": "Products written out singly or not make the same sums.",
    "compiler.lower.contract.Contract._body": "However many products are written out, loops do the rest.",
    "compiler.lower.unroll.passes_at_once": "However many passes are written out, the loop does the rest.",
    "runtime.engine.dense_view": "Only plans that are shown ask how fresh arrays are seen; no result does.",
    "runtime.pointwise._nanoseconds": "How long a pass takes decides only on whether threads share it.",
    "compiler.lower.contract.Contract._vectors_to_write": "Written out or in a loop, the same is written.",
    "compiler.lower.pack.rows_inside": "Either order of the weights is right; all sides ask this function.",
}
"""Functions that change only the speed, with the reason: no bugs are seeded there."""

REASONS: dict[str, tuple[str, ...]] = {
    "Sums that neighbours share may be taken by each anew, and down tiles of any height.": (
        "compiler.lower.separable._Separable._tile_across if always false #1",
        "compiler.lower.separable._Separable.__init__ 0 becomes 1 #2",
    ),
    "float32 and float64 are never as wide as each other.": (
        "compiler.llvm.conversions._Conversion.between_floats Gt becomes GtE #1",
    ),
    "What one instruction converts, bits convert as well; and any NaN is one.": (
        "compiler.llvm.conversions._Conversion.widened if always false #1",
        "compiler.llvm.conversions._Conversion.narrowed if always false #1",
        "compiler.llvm.conversions._Conversion.narrowed_bfloat 64 becomes 65 #1",
    ),
    "A product with 1 changes nothing, and no coefficient is 2.": (
        "compiler.lower.transform.Transforms._times if always false #1",
        "compiler.lower.transform.Transforms._times 1 becomes 2 #1",
        "compiler.lower.transform.Transforms._add_times 1 becomes 2 #1",
    ),
    "Every use of a constant sets its register, whatever that is called.": (
        "compiler.lower.transform.Transforms._number if always true #1",
        "compiler.lower.transform.Transforms._number if always false #1",
        "compiler.lower.transform.Transforms._number Lt becomes LtE #1",
        "compiler.lower.transform.Transforms._number 0 becomes 1 #1",
    ),
    "The domain admits more than anybody asks for.": (
        "compiler.lower.winograd._Winograd.signature Sub becomes Add #6",
    ),
    "Sums and products commute.": (
        "compiler.lower.separable._Separable._add_shared last two arguments swapped #3",
        "compiler.lower.transform.Transforms._with_bias last two arguments swapped #1",
        "compiler.lower.transform.Transforms._add_times last two arguments swapped #2",
        "compiler.lower.transform.Transforms._times last two arguments swapped #1",
        "compiler.lower.stencil.Stencil._output last two arguments swapped #2",
    ),
    "What tables declare of their values is for the proof; the values stay what they are.": (
        "compiler.lower.gradient.tap_extents .extent becomes .taps #1",
        "compiler.lower.gradient.tap_extents Add becomes Sub #1",
        "compiler.lower.gradient.tap_extents 1 becomes 2 #2",
        "compiler.lower.gradient._Gradient.signature Add becomes Sub #2",
    ),
    "a + b is b + a, and a byte to which 128 is added that from which it is subtracted.": (
        "compiler.lower.gradient._Gradient.keep last two arguments swapped #3",
        "compiler.lower.words.WordPacker.move last two arguments swapped #5",
        "runtime.execution.border Add becomes Sub #1",
    ),
    "Filters of two taps are packed number by number.": (
        "compiler.lower.pack._WordRuns.__init__ 1 becomes 2 #1",
    ),
    "Facts may stand in any order, and a buffer that nobody uses may be anywhere.": (
        "compiler.lower.words.word_facts return turned round #1",
        "compiler.lower.pack.pack_signature if always true #6",
    ),
    "Anything divided by 1 is itself, and so is what is multiplied by 1 or added to 0.": (
        "compiler.lower.border.Packer._in_phase if always false #1",
        "compiler.llvm.addresses.Addresses.value if always false #1",
        "compiler.llvm.addresses.Addresses._times if always false #1",
        "compiler.llvm.addresses.Addresses._product if always false #2",
        "compiler.llvm.emitter.Emitter.walk_steps 'add ' becomes 'sub ' #2",
    ),
    "Narrower steps, or one by one, move the same numbers more slowly.": (
        "compiler.lower.border.Packer._inner .stop becomes .start #1",
        "compiler.lower.border.Packer._inner .stop becomes .start #2",
        "compiler.lower.border.Packer.pack_inside if always false #1",
        "compiler.lower.depthwise._Depthwise._pixel if always false #1",
        "compiler.lower.border.Packer._widest LtE becomes Lt #1",
        "compiler.lower.border.Packer._widest if always false #1",
        "compiler.lower.channel_cells.ChannelCells._pixel if always false #1",
        "compiler.lower.contract.Contract.finish FloorDiv becomes Mult #1",
    ),
    "Cells that show the input in order may be looked up in the table like any other.": (
        "compiler.lower.border.Packer.columns_of_phases Sub becomes Add #1",
    ),
    "A pass along a dimension of one tap multiplies by 1.": (
        "compiler.lower.separable._Separable.__init__ Gt becomes GtE #1",
        "compiler.lower.separable._Separable.__init__ 0 becomes 1 #1",
    ),
    "A border that is laid once may be laid with every block.": (
        "compiler.lower.stencil.Stencil._item if always false #1",
    ),
    "Tiles that overlap compute the same sums twice.": (
        "compiler.lower.separable._Separable._down Mult becomes Add #1",
    ),
    "What lies inside may be computed, once more, as if it hung over an end.": (
        "compiler.lower.pool._Pool._ends if always false #1",
        "compiler.lower.pool._Pool._ends 2 becomes 3 #2",
        "compiler.lower.pool._Pool._ends Mult becomes Add #1",
        "compiler.lower.pool._Pool._shared_rows stop becomes start #1",
        "compiler.lower.stencil.Stencil._direct_row Sub becomes Add #8",
        "compiler.lower.stencil.Stencil._reach Sub becomes Add #4",
        "compiler.lower.pool._Pool._along stop becomes start #2",
        "compiler.lower.pool._Pool._pixels start becomes stop #1",
    ),
    "As many vectors of one number as one vector has numbers do the same.": (
        "compiler.lower.pool._Pool._vectors return turned round #1",
    ),
    "A number converted to its own dtype stays what it is, and so does a square of one turned round.": (
        "compiler.lower.pool_planes._Planes._square Gt becomes GtE #1",
        "compiler.lower.frame.read_input if always false #1",
    ),
    "Of a tile the packing of factors uses the channels alone.": (
        "compiler.lower.pack.factor_code 1 becomes 2 #4",
        "compiler.lower.pack.factor_code 1 becomes 2 #5",
    ),
    "More room than is needed, or room that nobody needs.": (
        "compiler.lower.pack.weight_order 2 becomes 3 #1",
        "compiler.lower.stencil.Stencil.signature .packed_stride becomes .stride #1",
        "compiler.lower.pack.pack_signature if always true #4",
        "compiler.lower.pool_planes.planes_signature 1 becomes 2 #1",
        "compiler.lower.pool_planes.planes_signature 1 becomes 2 #3",
        "compiler.lower.separable._Separable.signature Sub becomes Add #5",
        "compiler.lower.separable._Separable.signature if always true #1",
    ),
    "A constant border is packed like any other, and what shows the input in order pixel by pixel.": (
        "compiler.lower.depthwise._Depthwise._pack if always false #1",
        "compiler.lower.depthwise._Depthwise._row .start becomes .stop #1",
    ),
    "Products commute.": (
        "compiler.lower.depthwise._Depthwise._multiply last two arguments swapped #4",
        "compiler.lower.pack._Words._offsets last two arguments swapped #5",
    ),
    "One number at a time never reaches beyond the end, so that nothing overlaps.": (
        "compiler.lower.stencil.Stencil._copy_row Gt becomes GtE #1",
        "compiler.lower.pool._Pool._inside Gt becomes GtE #1",
        "compiler.llvm.emitter.Emitter.loop if always false #1",
        "compiler.lower.words.WordPacker._whole 1 becomes 2 #1",
        "compiler.lower.words.WordPacker._fill_pixel Gt becomes GtE #1",
        "compiler.lower.gradient._Stencil._pack_row 1 becomes 2 #1",
        "compiler.lower.gradient._Stencil._pack_row Gt becomes GtE #1",
    ),
    "Columns that both phases have are packed a second time.": (
        "compiler.lower.border.Packer._ends .stop becomes .start #3",
    ),
    "A whole plane starts at its border, so that nothing cuts it; all of its rows show the input.": (
        "compiler.lower.border.Packer._dealt_inside 0 becomes 1 #1",
    ),
    "How much is written out and how much is looped over changes the speed and never the result.": (
        "compiler.lower.pool._Pool._taps LtE becomes Lt #1",
        "compiler.lower.pool._Pool._taps FloorDiv becomes Mult #1",
        "compiler.lower.pool._Pool._taps 0 becomes 1 #1",
        "compiler.lower.pool._Pool._taps if always false #1",
        "compiler.lower.depthwise._Depthwise._tile last two arguments swapped #8",
        "compiler.lower.unroll.tap_runs if always false #1",
        "compiler.lower.unroll.tap_runs if always true #1",
        "compiler.lower.separable._Separable._taps_across last two arguments swapped #2",
        "compiler.lower.separable._Separable._taps_across last two arguments swapped #7",
        "compiler.lower.unroll.tap_groups 1 becomes 2 #1",
        "compiler.lower.unroll.tap_groups LtE becomes Lt #1",
        "compiler.lower.unroll.tap_groups FloorDiv becomes Mult #2",
        "compiler.lower.stencil.Stencil._sum Mult becomes Add #2",
        "compiler.lower.stencil.Stencil._sum 1 becomes 2 #1",
        "compiler.lower.unroll.columns if always true #1",
        "compiler.lower.unroll.columns if always false #1",
        "compiler.lower.unroll.columns 1 becomes 2 #1",
        "compiler.lower.unroll.columns Mult becomes Add #1",
    ),
    "Sums of channels that are not there are never written out.": (
        "compiler.lower.pack._Runs._single last two arguments swapped #6",
        "compiler.lower.pack._Words._words last two arguments swapped #8",
        "compiler.lower.pack._Words._words Sub becomes Add #2",
        "compiler.lower.gradient._Contract._single without pen.store #2",
    ),
    "A hint at memory that is read soon changes no result.": (
        "compiler.lower.separable._Separable._down if always false #1",
        "compiler.lower.separable._Separable._down without hint #1",
        "compiler.lower.separable._Separable._pass_down last two arguments swapped #7",
        "compiler.lower.unroll.counted Mult becomes Add #1",
    ),
    "Where in the function an address is worked out changes only how often that is done.": (
        "compiler.llvm.addresses.Addresses.__init__ 0 becomes 1 #1",
        "compiler.llvm.addresses.Addresses.value 0 becomes 1 #1",
        "compiler.llvm.addresses.Addresses._depth_of 0 becomes 1 #1",
        "compiler.llvm.addresses.Addresses._innermost 0 becomes 1 #1",
        "compiler.llvm.emitter.Emitter.blocks without self.addresses.open #1",
        "compiler.llvm.emitter.Emitter.branch without self.addresses.open #1",
    ),
    "Who opens scopes around a body closes them, too.": (
        "compiler.llvm.emitter.Emitter.body without self.addresses.close #1",
    ),
    "Strides that are the same in every call stand in the block of arguments, too.": (
        "compiler.llvm.addresses.Addresses._stride if always false #1",
    ),
    "What values are called does not matter as long as no two names are the same.": (
        "compiler.llvm.code.Code.__init__ 0 becomes 1 #1",
        "compiler.llvm.code.Code.fresh += becomes -= #1",
        "compiler.llvm.code.Code.fresh 1 becomes 2 #1",
    ),
    "No register is read after the end of the function, and none is in use before a walk.": (
        "compiler.llvm.emitter.Emitter.function without self.registers.end_block #1",
        "compiler.llvm.emitter.Emitter.walk_steps without self.registers.end_block #1",
    ),
    "The body of a contraction's walk ends with stores, so that it leaves no register to bring home.": (
        "compiler.llvm.emitter.Emitter.walk_steps without self.registers.end_block #2",
    ),
    "Loops of more than one number overlap their ends, so that the reach is always 1.": (
        "compiler.llvm.emitter.Emitter.counted if always true #1",
        "compiler.llvm.emitter.Emitter.counted 'add ' becomes 'sub ' #2",
    ),
    "A branch that holds nothing is no branch.": ("compiler.llvm.emitter.Emitter.when if always true #1",),
    "Of two equal numbers either is the smaller.": (
        "compiler.llvm.emitter.Emitter.extremum 'slt' becomes 'sle' #1",
        "compiler.llvm.emitter.Emitter.smaller 'slt' becomes 'sle' #1",
    ),
    "Zeros may be taken away as well as added, and NaN stays NaN.": (
        "compiler.llvm.operations._poison 'fadd' becomes 'fsub' #1",
    ),
    "Half the length back is half the length on, counted from the end.": (
        "compiler.llvm.shuffles._transpose_parts Add becomes Sub #4",
    ),
    "A sum, a product, the larger and the smaller of two numbers do not depend on their order.": (
        "compiler.formulas.between last two arguments swapped #1",
        "compiler.formulas.between last two arguments swapped #2",
        "compiler.formulas.sigmoid last two arguments swapped #2",
        "compiler.formulas._odd last two arguments swapped #4",
        "compiler.formulas.clip last two arguments swapped #2",
        "compiler.formulas.leaky_relu last two arguments swapped #2",
        "compiler.formulas.hard_swish last two arguments swapped #1",
        "compiler.formulas.silu last two arguments swapped #1",
        "compiler.formulas.gelu last two arguments swapped #1",
        "compiler.formulas.gelu last two arguments swapped #4",
        "compiler.formulas.gelu_by_tanh last two arguments swapped #2",
        "compiler.formulas.gelu_by_tanh last two arguments swapped #4",
        "compiler.formulas.elu last two arguments swapped #5",
    ),
    "The larger of a number and 0 is what relu gives, but for the sign of a zero.": (
        "compiler.formulas.clip low becomes high #1",
    ),
    "A number that is repeated may be read one by one, by its stride of 0.": (
        "runtime.pointwise._kind if always false #1",
        "runtime.pointwise._kind 0 becomes 1 #1",
    ),
    "Of integers nobody looks at the checks.": ("compiler.llvm.operations._poison 0 becomes 1 #1",),
    "Of equal integers either is the larger or the smaller one.": (
        "compiler.llvm.operations._smaller last two arguments swapped #3",
    ),
    "Items that come again compute the same again.": ("runtime.pointwise._job columns becomes rows #3",),
    "Any negative place stands for no number.": ("compiler.llvm.shuffles.gather 1 becomes 2 #1",),
    "A copy of the weights is made where none is needed.": (
        "runtime.execution.Execution.source if always false #2",
        "runtime.engine.weights_of False becomes True #1",
    ),
    "A workspace is made anew where an old one would do, or the other way round; memory is F15's concern.": (
        "runtime.execution.Execution.borrow if always false #1",
        "runtime.execution.Execution.borrow if always true #1",
        "runtime.execution.Execution.borrow if always false #2",
        "runtime.execution.Execution.give_back if always false #1",
        "runtime.execution.Execution.give_back without _large.keep #1",
        "runtime.execution.Execution.give_back if always false #2",
        "runtime.execution.Execution.give_back Lt becomes LtE #1",
        "runtime.execution.Execution.give_back without self._free.append #1",
        "runtime.execution._Large.take if always false #1",
        "runtime.execution._Large.__init__ 0 becomes 1 #1",
        "runtime.execution._Large.keep Gt becomes GtE #1",
        "runtime.execution._Large.keep += becomes -= #1",
        "runtime.execution._Large.keep without self._kept.move_to_end #1",
    ),
    "How long work is said to take decides who does it, not what is done.": (
        "runtime.execution.Packed.__init__ Mult becomes Add #2",
    ),
    "NumPy takes any negative length of reshape for the unknown one.": (
        "runtime.execution.Packed.prepare 1 becomes 2 #1",
    ),
    "Every call fills in the scratch's address.": ("runtime.execution.Workspace.__init__ 0 becomes 1 #1",),
    "Any width of a packed row that is large enough does; which one is a matter of caches.": (
        "runtime.execution.packed_row last two arguments swapped #1",
        "runtime.execution.packed_row 1 becomes 2 #5",
    ),
    "A check that never fails may be left out.": (
        "runtime.execution.Template.__init__ without check_domain #1",
        "runtime.execution.check_domain if always false #1",
    ),
    "The probe sees that this is not the address, and NumPy is asked.": (
        "runtime.execution._address_in_object Add becomes Sub #1",
    ),
    "A dimension that is not there has one place, so that its stride is never used.": (
        "runtime.execution.six_strides 0 becomes 1 #1",
    ),
    "Longer rows can be joined; memory is F16's concern.": (
        "runtime.engine.view_of LtE becomes Lt #1",
        "runtime.engine._is_interleaved .extent becomes .taps #1",
    ),
    "There are as many groups as input channels, and as output channels.": (
        "runtime.engine._is_interleaved .in_channels becomes .out_channels #1",
    ),
    "Nobody writes to what has strides only, and only its strides are looked at.": (
        "runtime.engine._as_if_dense False becomes True #1",
        "runtime.engine.seen 0 becomes 1 #1",
        "runtime.engine.seen without - #2",
    ),
    "Pixels that could be one row stay several, with the same result.": (
        "runtime.engine._is_one_row Add becomes Sub #2",
    ),
    "Neighbouring channels are moved one by one.": ("runtime.engine._inner if always false #3",),
    "An integer fits a wider dtype, saturated or not, and one as wide is the same bits.": (
        "compiler.llvm.conversions._Conversion.to_float False becomes True #1",
        "compiler.llvm.conversions._Conversion.to_integer Lt becomes LtE #1",
        "compiler.llvm.conversions._Conversion.limited Gt becomes GtE #1",
    ),
}

EQUIVALENT = {name: reason for reason, names in REASONS.items() for name in names}
