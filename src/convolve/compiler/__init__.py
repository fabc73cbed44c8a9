"""The convolution compiler: pure functions from a spec to LLVM IR; nothing here is executed (README.md)."""
