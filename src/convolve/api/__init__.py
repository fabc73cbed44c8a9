"""The public functions: arguments -> spec -> run. One file per family; `convolve` itself names them all."""
