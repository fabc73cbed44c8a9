"""Other libraries' ways to call convolve, one module for each; each library is an extra."""
