/** Stands in for seven megabytes of source text: the environment of the tests has the emulator already (emulator.ts). */
export const EmulatorEmscriptenWasm = '';
