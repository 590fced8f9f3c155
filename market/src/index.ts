export { terminalText, Width } from './terminal';
export { marketPage } from './page/page';
export { readNames } from './names';
export type { ModelNames } from './names';
export { sections } from './sections';
export type { Cell, Section } from './sections';
