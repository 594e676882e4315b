"""The command line: one file a command, shared options in `options`, progress in `progress`."""
