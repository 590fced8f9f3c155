/** Where progress goes; a pino logger fits. Nothing of prompts or answers is ever logged. */
export interface Logger {
    debug(facts: object, message: string): void;
    info(facts: object, message: string): void;
    warn(facts: object, message: string): void;
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {} };
