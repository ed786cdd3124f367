"""The benchmark: open-loop load from a process of its own, CPU by process, the native floor, plain Faust beside it."""
