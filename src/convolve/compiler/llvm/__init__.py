"""Loop nest -> LLVM IR, as text: the only room that knows how LLVM writes things down."""
