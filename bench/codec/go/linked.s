// Empty: with an assembler file in the package the compiler accepts a function without a body.
