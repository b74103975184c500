// Type-aware rules lint only files of a program; this one has a program of its own, which loads fast.
export {};
